/** Addresses that no other machine can be spoken to at, or not without naming an interface (RFC 6890). */
import type { Ip } from './prefix.ts';

/**
 * What an address is instead of another machine's: `a multicast address`; undefined for ordinary ones. IPv4's
 * 169.254.0.0/16 counts as ordinary: routers of clouds have such addresses, and they need no interface.
 */
export function specialKindOf(address: Ip): string | undefined {
  if (typeof address === 'number') {
    const first = address >>> 24;
    if (first === 0) return 'an unspecified address';
    if (first === 127) return 'a loopback address';
    if (first >= 224 && first < 240) return 'a multicast address';
    return address === 0xffffffff ? 'the broadcast address' : undefined;
  }
  if (address === 0n) return 'an unspecified address';
  if (address === 1n) return 'a loopback address';
  if (address >> 120n === 0xffn) return 'a multicast address';
  return address >> 118n === 0x3fan ? 'a link-local address, which says nothing without an interface' : undefined;
}
