/** Numbers at an offset, in network order, for the loops that have checked the bounds already. */
import type { Family } from '../../lib/ip/prefix.ts';
import { AFI, SAFI_UNICAST } from './constants.ts';

export const u16At = (b: Uint8Array, at: number): number => (b[at]! << 8) | b[at + 1]!;

export const u32At = (b: Uint8Array, at: number): number =>
  ((b[at]! << 24) | (b[at + 1]! << 16) | (b[at + 2]! << 8) | b[at + 3]!) >>> 0;

/** The family of an AFI/SAFI pair; undefined for the many that we do not speak. */
export function familyFromWire(afi: number, safi: number): Family | undefined {
  if (safi !== SAFI_UNICAST) return undefined;
  return afi === AFI.ipv4 ? 'ipv4' : afi === AFI.ipv6 ? 'ipv6' : undefined;
}
