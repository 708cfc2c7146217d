/** Path attributes as people write them: AS paths and identifiers. */
import type { Ipv4 } from '../lib/ip/prefix.ts';
import { showIp } from '../lib/ip/text.ts';
import type { PathAttributes } from './wire/message.ts';

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

/** A BGP identifier or cluster ID as a dotted quad. */
export const showRouterId = (id: number): string => showIp((id >>> 0) as Ipv4);
