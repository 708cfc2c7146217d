/** What is done with each prefix that a peer announces: guards, then OTC, then its import filters, then GRACEFUL_SHUTDOWN. */
import type { Prefix } from '../../lib/ip/prefix.ts';
import { COMMUNITY } from '../wire/constants.ts';
import type { PathAttributes } from '../wire/message.ts';
import { remembering, type Changer } from './filter-changes.ts';
import type { FilterChain, RouteFilter } from './filter.ts';
import type { Guards } from './guards.ts';
import { otcToAdd } from './otc.ts';
import type { Source } from './route.ts';

/** Told of each prefix that a guard refuses. */
export type Guarded = (prefix: Prefix, reason: string) => void;

/** `isLeaving`: the session is about to be shut down, and other ways are to be found before it is (RFC 8326 §4.2). */
export function importPolicy(source: Source, guards: Guards, filters: FilterChain | undefined, guarded: Guarded, isLeaving = false): RouteFilter {
  const marked = otcMarker(source);
  const left = isLeaving && source.kind === 'ebgp' ? remembering(asLeft) : undefined;
  return (prefix, route) => {
    const reason = guards.refusal(prefix, source.interfaceIndex, route.nextHop?.address);
    if (reason !== undefined) { guarded(prefix, reason); return false; }
    const attributes = marked === undefined ? route.attributes : marked(route.attributes);
    const verdict = filters === undefined ? attributes === route.attributes || attributes : filters(prefix, route, attributes);
    if (left === undefined || verdict === false) return verdict;
    const marking = left(verdict === true ? route.attributes : verdict);
    return marking === route.attributes || marking;
  };
}

/** Whoever receives it, and we ourselves, give it LOCAL_PREF 0. */
const asLeft: Changer = (attributes) => (attributes.communities.includes(COMMUNITY.gracefulShutdown) ? attributes
  : { ...attributes, communities: [...attributes.communities, COMMUNITY.gracefulShutdown] });

/** Notes who must not be told (RFC 9234 §5); undefined: nobody of whom roles would say so. The peer's AS number may change with its sessions. */
function otcMarker(source: Source): Changer | undefined {
  if (source.role === undefined) return undefined;
  const byAsn = new Map<number, Changer>();
  return (attributes) => {
    const otc = otcToAdd(attributes, source.role, source.asn);
    if (otc === undefined) return attributes;
    let mark = byAsn.get(otc);
    if (mark === undefined) byAsn.set(otc, mark = remembering((plain: PathAttributes) => ({ ...plain, otc })));
    return mark(attributes);
  };
}
