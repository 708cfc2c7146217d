/** Prefixes that no unicast route can have, whoever announces them (RFC 4271 §6.3, RFC 6890). */
import { addressOf, lengthOf, type Prefix } from '../../lib/ip/prefix.ts';

/**
 * What the prefix lies in; undefined: it is an ordinary one. Default routes and halves of everything are ordinary, and so are
 * networks for private use, documentation and benchmarks, which people do route inside.
 *
 * | networks | because |
 * | --- | --- |
 * | 0.0.0.0/8, 127.0.0.0/8 | "this network" and loopback, RFC 1122 §3.2.1.3 |
 * | 169.254.0.0/16, fe80::/10 | link-local: no router passes it on, RFC 3927 §7, RFC 4291 §2.5.6 |
 * | 224.0.0.0/4, ff00::/8 | multicast |
 * | 240.0.0.0/4 | reserved, with the broadcast address, RFC 1112 §4 |
 * | ::/16 | unspecified, loopback, IPv4-compatible and IPv4-mapped, RFC 4291 §2.5. NAT64's 64:ff9b::/96 is beside it |
 */
export function martianKindOf(prefix: Prefix): string | undefined {
  return typeof prefix === 'number' ? kindOf4(addressOf(prefix), lengthOf(prefix)) : kindOf6(Number(prefix >> 120n), lengthOf(prefix));
}

function kindOf4(address: number, length: number): string | undefined {
  const first = address >>> 24;
  if (first > 0 && first < 127) return undefined;                 // most
  if (first === 127) return 'loopback';
  if (first === 0) return length >= 8 ? 'this network' : undefined;
  if (first >= 240) return 'reserved';
  if (first >= 224) return 'multicast';
  return address >>> 16 === 0xa9fe && length >= 16 ? 'link-local' : undefined;
}

/** `start`: the first 16 bits. */
function kindOf6(start: number, length: number): string | undefined {
  if (start === 0) return length >= 16 ? 'unspecified, loopback or IPv4' : undefined;
  if (start < 0xfe80) return undefined;
  if (start >= 0xff00) return 'multicast';
  return start < 0xfec0 && length >= 10 ? 'link-local' : undefined;
}
