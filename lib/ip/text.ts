/** Text of addresses and prefixes: parsed strictly, printed canonically (RFC 5952 for IPv6). */
import ipaddr from 'ipaddr.js';
import { addressOf, bitsOf, familyOf, lengthOf, prefixOf, type Ip, type Ipv4, type Ipv6, type Prefix } from './prefix.ts';

const DOTTED = /^(0|[1-9]\d{0,2})\.(0|[1-9]\d{0,2})\.(0|[1-9]\d{0,2})\.(0|[1-9]\d{0,2})$/;

/** A dotted quad or an IPv6 address; undefined when the text is neither (octal, shorthand and zones are neither). */
export function parseIp(text: string): Ip | undefined {
  const quad = DOTTED.exec(text);
  if (quad) {
    const [a, b, c, d] = [Number(quad[1]), Number(quad[2]), Number(quad[3]), Number(quad[4])];
    return a > 255 || b > 255 || c > 255 || d > 255 ? undefined : (((a * 256 + b) * 256 + c) * 256 + d) as Ipv4;
  }
  if (!text.includes(':') || text.includes('%') || !ipaddr.IPv6.isValid(text)) return undefined;
  return ipv6FromBytes(ipaddr.IPv6.parse(text).toByteArray());
}

export function ipv6FromBytes(bytes: ArrayLike<number>): Ipv6 {
  let value = 0n;
  for (let i = 0; i < 16; i += 4) {
    const word = ((bytes[i]! << 24) | (bytes[i + 1]! << 16) | (bytes[i + 2]! << 8) | bytes[i + 3]!) >>> 0;
    value = (value << 32n) | BigInt(word);
  }
  return value as Ipv6;
}

/** Network order: 4 or 16 bytes. */
export function ipToBytes(address: Ip): Uint8Array {
  if (typeof address === 'number') {
    return Uint8Array.of(address >>> 24, (address >>> 16) & 255, (address >>> 8) & 255, address & 255);
  }
  const bytes = new Uint8Array(16);
  let rest: bigint = address;
  for (let i = 15; i >= 0; i--) { bytes[i] = Number(rest & 0xffn); rest >>= 8n; }
  return bytes;
}

/** `a.b.c.d/n` or `x::y/n`. Host bits are cleared unless `strict`, which refuses them; undefined when it is no prefix. */
export function parsePrefix(text: string, options: { readonly strict?: boolean } = {}): Prefix | undefined {
  const slash = text.indexOf('/');
  if (slash < 0) return undefined;
  const address = parseIp(text.slice(0, slash));
  const lengthText = text.slice(slash + 1);
  if (address === undefined || !/^(0|[1-9]\d{0,2})$/.test(lengthText)) return undefined;
  const length = Number(lengthText);
  if (length > bitsOf(familyOf(address))) return undefined;
  const prefix = prefixOf(address, length);
  return options.strict === true && addressOf(prefix) !== address ? undefined : prefix;
}

export function showIp(address: Ip): string {
  if (typeof address === 'number') {
    return `${address >>> 24}.${(address >>> 16) & 255}.${(address >>> 8) & 255}.${address & 255}`;
  }
  return new ipaddr.IPv6([...ipToBytes(address)]).toRFC5952String();
}

export const showPrefix = (prefix: Prefix): string => `${showIp(addressOf(prefix))}/${lengthOf(prefix)}`;

/** For text that is known to be good (constants, tests, values already validated). Throws RangeError otherwise. */
export function ip(text: string): Ip {
  const value = parseIp(text);
  if (value === undefined) throw new RangeError(`not an IP address: ${JSON.stringify(text)}`);
  return value;
}

/** For text that is known to be good. Throws RangeError otherwise. */
export function prefix(text: string): Prefix {
  const value = parsePrefix(text);
  if (value === undefined) throw new RangeError(`not an IP prefix: ${JSON.stringify(text)}`);
  return value;
}
