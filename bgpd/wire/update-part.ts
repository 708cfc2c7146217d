/** What an UPDATE says about one family. */
import type { Family, Prefix } from '../../lib/ip/prefix.ts';
import type { NextHop, UpdateMessage } from './message.ts';

/** Prefixes, and the path identifier of each when ADD-PATH is spoken (RFC 7911 §3). */
export interface Nlri { readonly prefixes: readonly Prefix[]; readonly ids: readonly number[] | undefined }

export interface UpdatePart { readonly withdrawn: Nlri; readonly announced: Nlri; readonly nextHop: NextHop | undefined }

export function partOf(message: UpdateMessage, family: Family): UpdatePart {
  return family === 'ipv4'
    ? {
      withdrawn: { prefixes: message.withdrawn4, ids: message.withdrawnIds4 },
      announced: { prefixes: message.announced4, ids: message.announcedIds4 }, nextHop: message.nextHop4,
    }
    : {
      withdrawn: { prefixes: message.withdrawn6, ids: message.withdrawnIds6 },
      announced: { prefixes: message.announced6, ids: message.announcedIds6 }, nextHop: message.nextHop6,
    };
}
