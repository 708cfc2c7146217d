/** MP_REACH_NLRI and MP_UNREACH_NLRI (RFC 4760 §3, §4; IPv6 next hops: RFC 2545 §3, for IPv4: RFC 8950 §3). */
import type { Family, Ip, Ipv4, Prefix } from '../../lib/ip/prefix.ts';
import { ipToBytes } from '../../lib/ip/text.ts';
import { AFI, SAFI_UNICAST } from './constants.ts';
import type { NextHop, WireContext } from './message.ts';
import { readIpv6, readNlri } from './nlri.ts';
import { familyFromWire, u16At, u32At } from './octets.ts';
import { readPaths, type Paths } from './path-nlri.ts';

/** `ids`: one for each prefix, when this family's prefixes come with path identifiers (RFC 7911 §3). */
export interface MpUnreach { readonly family: Family; readonly prefixes: readonly Prefix[]; readonly ids?: readonly number[] }
export interface MpReach extends MpUnreach { readonly nextHop: NextHop }
/** Why the prefixes cannot be located, so that the session must go (RFC 7606 §5.3). */
export interface Untrusted { readonly untrusted: string }

/** The value of an MP_REACH_NLRI attribute in `bytes[start..end)`. `ignored`: a family that we do not speak. */
export function readMpReach(bytes: Uint8Array, start: number, end: number, context: WireContext): MpReach | 'ignored' | Untrusted {
  if (end - start < 5) return { untrusted: `length ${end - start}: expected at least 5` };
  const family = familyAt(bytes, start);
  const nextHopLength = bytes[start + 3]!;
  const nlriAt = start + 4 + nextHopLength + 1;             // one reserved octet
  if (nlriAt > end) return { untrusted: `a next hop of ${nextHopLength} bytes overruns the attribute` };
  if (family === undefined) return 'ignored';
  const nextHop = readNextHop(family, bytes, start + 4, nextHopLength, context);
  if (nextHop === undefined) return { untrusted: `a next hop of ${nextHopLength} bytes for ${family}` };
  const paths = pathsAt(family, bytes, nlriAt, end, context);
  return paths === undefined ? { untrusted: 'malformed prefix' } : { family, nextHop, ...paths };
}

/** The value of an MP_UNREACH_NLRI attribute in `bytes[start..end)`. `ignored`: a family that we do not speak. */
export function readMpUnreach(bytes: Uint8Array, start: number, end: number, context: WireContext): MpUnreach | 'ignored' | Untrusted {
  if (end - start < 3) return { untrusted: `length ${end - start}: expected at least 3` };
  const family = familyAt(bytes, start);
  if (family === undefined) return 'ignored';
  const paths = pathsAt(family, bytes, start + 3, end, context);
  return paths === undefined ? { untrusted: 'malformed prefix' } : { family, ...paths };
}

/** What a field with the prefixes of a family holds; undefined: malformed. */
export function pathsAt(
  family: Family, bytes: Uint8Array, start: number, end: number, context: WireContext,
): Paths | { readonly prefixes: readonly Prefix[] } | undefined {
  if (context.addPathIn[family]) return readPaths(family, bytes, start, end);
  const prefixes = readNlri(family, bytes, start, end);
  return prefixes && { prefixes };
}

const familyAt = (bytes: Uint8Array, at: number): Family | undefined =>
  familyFromWire(u16At(bytes, at), bytes[at + 2]!);

/** Undefined on a length that the family does not have (RFC 7606 §7.11): 4, or 16 and 32; all three when RFC 8950 was agreed. */
function readNextHop(family: Family, bytes: Uint8Array, at: number, length: number, context: WireContext): NextHop | undefined {
  if (family === 'ipv4' && length === 4) return { address: u32At(bytes, at) as Ipv4 };
  if (family === 'ipv4' && !context.extendedNextHop) return undefined;
  if (length !== 16 && length !== 32) return undefined;
  const address = readIpv6(bytes, at);
  if (length === 16 || !isLinkLocalAt(bytes, at + 16)) return { address };
  const linkLocal = readIpv6(bytes, at + 16);
  return address === 0n ? { address: linkLocal, linkLocal } : { address, linkLocal };
}

const isLinkLocalAt = (bytes: Uint8Array, at: number): boolean => bytes[at] === 0xfe && (bytes[at + 1]! & 0xc0) === 0x80;

/** False for what can be nobody's address: 0/8, loopback, multicast and class E; `::`, `::1` and multicast. */
export function isUsableNextHop(address: Ip): boolean {
  if (typeof address === 'number') {
    const first = address >>> 24;
    return first !== 0 && first !== 127 && first < 224;
  }
  return address > 1n && address >> 120n !== 0xffn;
}

/** AFI, SAFI, next hop and the reserved octet: all of MP_REACH_NLRI's value but the prefixes. */
export function mpReachHead(family: Family, nextHop: NextHop): Uint8Array {
  const addresses = nextHop.linkLocal === undefined ? [nextHop.address] : [nextHop.address, nextHop.linkLocal];
  const parts = addresses.map(ipToBytes);
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  return Uint8Array.of(0, AFI[family], SAFI_UNICAST, length, ...parts.flatMap((part) => [...part]), 0);
}

/** AFI and SAFI: all of MP_UNREACH_NLRI's value but the prefixes. */
export const mpUnreachHead = (family: Family): Uint8Array => Uint8Array.of(0, AFI[family], SAFI_UNICAST);
