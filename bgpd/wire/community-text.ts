/** Communities of the three sorts as people write them, both ways. */
import { parseIp, showIp } from '../../lib/ip/text.ts';
import type { Ipv4 } from '../../lib/ip/prefix.ts';
import { COMMUNITY } from './constants.ts';
import type { LargeCommunity } from './message.ts';

const NUMBER = /^(0|[1-9][0-9]{0,9})$/;

/** As the registry of IANA names them. */
const WELL_KNOWN: ReadonlyMap<string, number> = new Map([
  ['graceful-shutdown', COMMUNITY.gracefulShutdown], ['llgr-stale', COMMUNITY.llgrStale], ['no-llgr', COMMUNITY.noLlgr],
  ['blackhole', COMMUNITY.blackhole], ['no-export', COMMUNITY.noExport], ['no-advertise', COMMUNITY.noAdvertise],
  ['no-export-subconfed', COMMUNITY.noExportSubconfed], ['no-peer', COMMUNITY.noPeer],
]);

/** RFC 1997: `65000:1`, two numbers 0..65535, or a well-known name such as `no-export`. Undefined: not of this form. */
export function parseCommunity(text: string): number | undefined {
  const parts = numbersOf(text, 2, 0xffff);
  return parts ? ((parts[0]! << 16) | parts[1]!) >>> 0 : WELL_KNOWN.get(text);
}

/** Two numbers, also of a well-known one: filters and other tools know it so. */
export const showCommunity = (community: number): string => `${community >>> 16}:${community & 0xffff}`;

/** RFC 8092: `65000:1:2`, three numbers 0..4294967295. Undefined: not of this form. */
export function parseLargeCommunity(text: string): LargeCommunity | undefined {
  const parts = numbersOf(text, 3, 0xffffffff);
  return parts && [parts[0]!, parts[1]!, parts[2]!];
}

export const showLargeCommunity = (community: LargeCommunity): string => community.join(':');

/** RFC 4360 §3: types by the width of what comes first. */
const TYPE = { twoOctetAs: 0, ipv4: 1, fourOctetAs: 2 } as const;
/** Route target and route origin (RFC 4360 §4, §5). */
const SUBTYPE_OF: ReadonlyMap<string, number> = new Map([['rt', 2], ['ro', 3]]);
const WORD_OF = new Map([...SUBTYPE_OF].map(([word, subtype]) => [subtype, word]));
const HEX = /^0x[0-9a-f]{16}$/;

/**
 * RFC 4360, RFC 5668: `rt:65000:1`, `rt:4200000001:1` and `rt:192.0.2.1:1`, the same with `ro`, and every other kind as `0x` with
 * 16 hex digits. `rt:65000L:1` is an AS number of four octets that would fit into two. Undefined: not of this form.
 */
export function parseExtendedCommunity(text: string): bigint | undefined {
  if (HEX.test(text)) return BigInt(text);
  const [word = '', first = '', last = '', ...rest] = text.split(':');
  const subtype = SUBTYPE_OF.get(word);
  if (subtype === undefined || rest.length > 0) return undefined;
  const address = parseIp(first);
  if (typeof address === 'number') return packed(TYPE.ipv4, subtype, address, last);
  const isLong = first.endsWith('L');
  const asn = numberOf(isLong ? first.slice(0, -1) : first, 0xffffffff);
  if (asn === undefined) return undefined;
  return packed(isLong || asn > 0xffff ? TYPE.fourOctetAs : TYPE.twoOctetAs, subtype, asn, last);
}

function packed(type: number, subtype: number, first: number, last: string): bigint | undefined {
  const bits = type === TYPE.twoOctetAs ? 32 : 16;
  const value = numberOf(last, 2 ** bits - 1);
  return value === undefined ? undefined
    : (BigInt(type) << 56n) | (BigInt(subtype) << 48n) | (BigInt(first) << BigInt(bits)) | BigInt(value);
}

/** What `parseExtendedCommunity` reads. */
export function showExtendedCommunity(community: bigint): string {
  const word = WORD_OF.get(Number((community >> 48n) & 0xffn));
  const value = community & 0xffff_ffff_ffffn;
  const [first, last] = [Number(value >> 16n), Number(value & 0xffffn)];
  switch (word === undefined ? undefined : Number(community >> 56n)) {
    case TYPE.twoOctetAs: return `${word}:${value >> 32n}:${value & 0xffff_ffffn}`;
    case TYPE.ipv4: return `${word}:${showIp(first as Ipv4)}:${last}`;
    case TYPE.fourOctetAs: return `${word}:${first}${first > 0xffff ? '' : 'L'}:${last}`;
    default: return `0x${community.toString(16).padStart(16, '0')}`;
  }
}

const numberOf = (text: string, maximum: number): number | undefined =>
  (NUMBER.test(text) && Number(text) <= maximum ? Number(text) : undefined);

function numbersOf(text: string, count: number, maximum: number): number[] | undefined {
  const numbers = text.split(':').map((part) => numberOf(part, maximum)).filter((n) => n !== undefined);
  return numbers.length === count && text.split(':').length === count ? numbers : undefined;
}
