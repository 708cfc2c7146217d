/** Prefixes on the wire (RFC 4271 §4.3): the hot loops. No object, buffer or string for a prefix. */
import type { Family, Ipv6, Prefix, Prefix4, Prefix6 } from '../../lib/ip/prefix.ts';

/** Network mask of each IPv4 length, as a signed 32-bit integer. */
const MASK4 = Int32Array.from({ length: 33 }, (_, length) => (length === 0 ? 0 : -1 << (32 - length)));
/** Mask of the last octet of a prefix, by `length % 8`. */
const MASK_OF_LAST_OCTET = Uint8Array.of(0xff, 0x80, 0xc0, 0xe0, 0xf0, 0xf8, 0xfc, 0xfe);

/**
 * The prefixes of `bytes[start..end)`; bits behind a prefix's length are ignored, as RFC 4271 §4.3 says.
 * Undefined when a length is over 32 or a prefix overruns the field (RFC 7606 §5.3).
 */
export function readNlri4(bytes: Uint8Array, start: number, end: number): Prefix4[] | undefined {
  const prefixes: number[] = [];
  let at = start;
  while (at < end) {
    const length = bytes[at]!;
    const next = at + 1 + ((length + 7) >>> 3);
    if (length > 32 || next > end) return undefined;
    let address = 0;
    if (length > 0) address = bytes[at + 1]! << 24;
    if (length > 8) address |= bytes[at + 2]! << 16;
    if (length > 16) address |= bytes[at + 3]! << 8;
    if (length > 24) address |= bytes[at + 4]!;
    prefixes.push(((address & MASK4[length]!) >>> 0) * 64 + length);
    at = next;
  }
  return prefixes as Prefix4[];
}

/** Room to line up the octets of one address; nothing in it outlives a call. */
const OCTETS = new Uint8Array(16);
const WORDS = new DataView(OCTETS.buffer);
const LENGTH6 = Array.from({ length: 129 }, (_, length) => BigInt(length));

/** As `readNlri4`, with lengths up to 128. */
export function readNlri6(bytes: Uint8Array, start: number, end: number): Prefix6[] | undefined {
  const prefixes: bigint[] = [];
  let at = start;
  while (at < end) {
    const length = bytes[at]!;
    const count = (length + 7) >>> 3;
    if (length > 128 || at + 1 + count > end) return undefined;
    for (let i = 0; i < 16; i++) OCTETS[i] = i < count ? bytes[at + 1 + i]! : 0;
    if (count > 0) OCTETS[count - 1]! &= MASK_OF_LAST_OCTET[length & 7]!;
    const high = WORDS.getBigUint64(0) << 72n;
    prefixes.push(count > 8 ? high | (WORDS.getBigUint64(8) << 8n) | LENGTH6[length]! : high | LENGTH6[length]!);
    at += 1 + count;
  }
  return prefixes as Prefix6[];
}

/** The IPv6 address in the 16 octets at `at`. */
export function readIpv6(bytes: Uint8Array, at: number): Ipv6 {
  for (let i = 0; i < 16; i++) OCTETS[i] = bytes[at + i]!;
  return ((WORDS.getBigUint64(0) << 64n) | WORDS.getBigUint64(8)) as Ipv6;
}

export const readNlri = (family: Family, bytes: Uint8Array, start: number, end: number): Prefix[] | undefined =>
  (family === 'ipv4' ? readNlri4(bytes, start, end) : readNlri6(bytes, start, end));

/** Bytes that a prefix takes on the wire: 1 to 5, or 1 to 17. */
export const nlriSize = (prefix: Prefix): number =>
  1 + (((typeof prefix === 'number' ? prefix % 64 : Number(prefix & 0xffn)) + 7) >>> 3);

/** Bytes that prefixes take, all together. */
export function nlriSizeOf(prefixes: readonly Prefix[]): number {
  let size = 0;
  for (const prefix of prefixes) size += nlriSize(prefix);
  return size;
}

/** Writes `prefixes[from..to)` at `at`, where the caller made room; returns the offset behind them. */
export function writeNlri(bytes: Uint8Array, at: number, prefixes: readonly Prefix[], from = 0, to = prefixes.length): number {
  for (let i = from; i < to; i++) {
    const prefix = prefixes[i]!;
    at = typeof prefix === 'number' ? writeNlri4(bytes, at, prefix) : writeNlri6(bytes, at, prefix);
  }
  return at;
}

function writeNlri4(bytes: Uint8Array, at: number, prefix: number): number {
  const length = prefix % 64;
  const address = (prefix - length) / 64;
  bytes[at++] = length;
  if (length > 0) bytes[at++] = address >>> 24;
  if (length > 8) bytes[at++] = address >>> 16;
  if (length > 16) bytes[at++] = address >>> 8;
  if (length > 24) bytes[at++] = address;
  return at;
}

function writeNlri6(bytes: Uint8Array, at: number, prefix: bigint): number {
  const length = Number(prefix & 0xffn);
  const end = at + 1 + ((length + 7) >>> 3);
  bytes[at++] = length;
  for (let shift = 96n; at < end; shift -= 32n) {
    const word = Number((prefix >> (shift + 8n)) & 0xffffffffn);
    for (let bits = 24; bits >= 0 && at < end; bits -= 8) bytes[at++] = word >>> bits;
  }
  return at;
}
