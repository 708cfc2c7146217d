/** Prefixes that no unicast route can have, whoever announces them: they are to be ignored (RFC 4271 §6.3, RFC 6890). */
import { addressOf, lengthOf, type Prefix } from '../../lib/ip/prefix.ts';

/**
 * True inside 0.0.0.0/8, 127.0.0.0/8 and 224.0.0.0/4, for 255.255.255.255/32, `::/128` and `::1/128`, and inside
 * fe80::/10 and ff00::/8. Default routes, and halves of everything, are none.
 */
export function isMartian(prefix: Prefix): boolean {
  const address = addressOf(prefix);
  const length = lengthOf(prefix);
  if (typeof address === 'bigint') {
    return address >> 120n === 0xffn || (address >> 118n === 0x3fan && length >= 10) || (address <= 1n && length === 128);
  }
  const first = address >>> 24;
  return first === 127 || (first === 0 && length >= 8) || (first >= 224 && first < 240) || address === 0xffffffff;
}
