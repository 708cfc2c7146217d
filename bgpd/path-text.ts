/** Path attributes as people write them: AS paths, communities of the three sorts, identifiers. */
import type { Ipv4 } from '../lib/ip/prefix.ts';
import { showIp } from '../lib/ip/text.ts';
import type { LargeCommunity, PathAttributes } from './wire/message.ts';

/** `65001 65002 {65003,65004}`: sets in braces, confederation segments in parentheses. */
export function showAsPath({ asPath }: Pick<PathAttributes, 'asPath'>): string {
  return asPath.map(({ type, asns }) => {
    switch (type) {
      case 'sequence': return asns.join(' ');
      case 'set': return `{${asns.join(',')}}`;
      case 'confed-sequence': return `(${asns.join(' ')})`;
      case 'confed-set': return `({${asns.join(',')}})`;
    }
  }).join(' ');
}

/** `65000:1` (RFC 1997). */
export const showCommunity = (community: number): string => `${community >>> 16}:${community & 0xffff}`;

/** `65000:1:2` (RFC 8092). */
export const showLargeCommunity = (community: LargeCommunity): string => community.join(':');

const SUBTYPES: Readonly<Record<number, string>> = { 0x02: 'rt', 0x03: 'ro' };

/** `rt:65000:1`, `ro:192.0.2.1:7` (RFC 4360 §3, RFC 5668); every other type as 16 hex digits. */
export function showExtendedCommunity(community: bigint): string {
  const type = Number(community >> 56n) & 0x3f;
  const word = SUBTYPES[Number(community >> 48n) & 0xff];
  const value = community & 0xffff_ffff_ffffn;
  if (word !== undefined) {
    switch (type) {
      case 0: return `${word}:${value >> 32n}:${value & 0xffff_ffffn}`;
      case 1: return `${word}:${showRouterId(Number(value >> 16n))}:${value & 0xffffn}`;
      case 2: return `${word}:${value >> 16n}:${value & 0xffffn}`;
    }
  }
  return `0x${community.toString(16).padStart(16, '0')}`;
}

/** A BGP identifier or cluster ID as a dotted quad. */
export const showRouterId = (id: number): string => showIp((id >>> 0) as Ipv4);
