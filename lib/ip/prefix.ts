/** Packed IP addresses and prefixes: numbers inside, text at the edges. */
declare const brand: unique symbol;

/** IPv4 address as an unsigned 32-bit integer in host order. */
export type Ipv4 = number & { readonly [brand]: 'Ipv4' };
/** IPv6 address as an unsigned 128-bit integer. */
export type Ipv6 = bigint & { readonly [brand]: 'Ipv6' };
export type Ip = Ipv4 | Ipv6;

/** IPv4 prefix packed as `address * 64 + length`: 38 bits, exact in a double, a Map key by value. */
export type Prefix4 = number & { readonly [brand]: 'Prefix4' };
/** IPv6 prefix packed as `address << 8n | length`. */
export type Prefix6 = bigint & { readonly [brand]: 'Prefix6' };
export type Prefix = Prefix4 | Prefix6;

export type Family = 'ipv4' | 'ipv6';
export const FAMILIES = ['ipv4', 'ipv6'] as const satisfies readonly Family[];

const ALL_ONES_128 = (1n << 128n) - 1n;

function assertLength(length: number, max: number): void {
  if (!Number.isInteger(length) || length < 0 || length > max) {
    throw new RangeError(`prefix length ${length} is not in 0..${max}`);
  }
}

/** Host bits are cleared, so one network has one packed value. Throws RangeError on a bad length. */
export function prefix4(address: number, length: number): Prefix4 {
  assertLength(length, 32);
  const network = length === 0 ? 0 : (address & (-1 << (32 - length))) >>> 0;
  return (network * 64 + length) as Prefix4;
}

/** Host bits are cleared, so one network has one packed value. Throws RangeError on a bad length. */
export function prefix6(address: bigint, length: number): Prefix6 {
  assertLength(length, 128);
  const mask = (ALL_ONES_128 << BigInt(128 - length)) & ALL_ONES_128;
  return (((address & mask) << 8n) | BigInt(length)) as Prefix6;
}

export const prefixOf = (address: Ip, length: number): Prefix =>
  typeof address === 'number' ? prefix4(address, length) : prefix6(address, length);

export const familyOf = (value: Ip | Prefix): Family => (typeof value === 'number' ? 'ipv4' : 'ipv6');

/** Address bits of a family: 32 or 128. */
export const bitsOf = (family: Family): 32 | 128 => (family === 'ipv4' ? 32 : 128);

export const lengthOf = (prefix: Prefix): number =>
  typeof prefix === 'number' ? prefix % 64 : Number(prefix & 0xffn);

export function addressOf(prefix: Prefix4): Ipv4;
export function addressOf(prefix: Prefix6): Ipv6;
export function addressOf(prefix: Prefix): Ip;
export function addressOf(prefix: Prefix): Ip {
  return typeof prefix === 'number' ? (Math.floor(prefix / 64) as Ipv4) : ((prefix >> 8n) as Ipv6);
}

/** The /32 or /128 of an address. */
export const hostPrefix = (address: Ip): Prefix => prefixOf(address, bitsOf(familyOf(address)));

export function contains(outer: Prefix, inner: Prefix | Ip, innerIsAddress = false): boolean {
  if (typeof outer !== typeof inner) return false;
  const innerLength = innerIsAddress ? bitsOf(familyOf(inner)) : lengthOf(inner as Prefix);
  const length = lengthOf(outer);
  if (innerLength < length) return false;
  const address = innerIsAddress ? (inner as Ip) : addressOf(inner as Prefix);
  return prefixOf(address, length) === outer;
}

export const containsAddress = (outer: Prefix, address: Ip): boolean => contains(outer, address, true);

export const overlaps = (a: Prefix, b: Prefix): boolean => contains(a, b) || contains(b, a);

/** Addresses in a prefix: exact, as a bigint, since a /0 of IPv6 holds 2^128. */
export const sizeOf = (prefix: Prefix): bigint => 1n << BigInt(bitsOf(familyOf(prefix)) - lengthOf(prefix));

/** The address `offset` places after the first of the prefix. Throws RangeError outside it. */
export function addressAt(prefix: Prefix, offset: number | bigint): Ip {
  const at = BigInt(offset);
  if (at < 0n || at >= sizeOf(prefix)) throw new RangeError(`offset ${offset} is not in ${sizeOf(prefix)} addresses`);
  const first = addressOf(prefix);
  return typeof first === 'number' ? ((first + Number(at)) as Ipv4) : ((first + at) as Ipv6);
}

/** Numeric order of addresses, shorter prefixes first; IPv4 before IPv6. */
export function comparePrefixes(a: Prefix, b: Prefix): number {
  if (typeof a !== typeof b) return typeof a === 'number' ? -1 : 1;
  return a < b ? -1 : a > b ? 1 : 0;
}
