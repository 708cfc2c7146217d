/** What a route looks like when it is passed on to a peer, or why it is not passed on (RFC 4271 §5, §9.1.3, RFC 1997, RFC 4456). */
import { familyOf, type Family } from '../../lib/ip/prefix.ts';
import { prependToAsPath } from '../wire/as-path.ts';
import { withLocalPref } from '../wire/attribute-changes.ts';
import { COMMUNITY } from '../wire/constants.ts';
import type { NextHop, PathAttributes, WireContext } from '../wire/message.ts';
import { isLinkLocal } from './next-hop.ts';
import type { Route } from './route.ts';

/** What peers share that are sent the same thing. */
export interface ExportTarget {
  readonly family: Family;
  /** AS number that we use towards them. */
  readonly localAsn: number;
  readonly nextHop: 'auto' | 'self' | 'keep';
  /** Our end of the session, if it is of the family; undefined: "self" cannot be said. */
  readonly self: NextHop | undefined;
  /** The link on which they are directly connected; 0: they are not, or on none that we know. */
  readonly interfaceIndex: number;
  readonly wire: WireContext;
  /** They get a default route through us, whatever is known of one and whatever filters say. */
  readonly originatesDefault?: boolean;
}

export interface Outbound {
  readonly attributes: PathAttributes;
  readonly nextHop: NextHop;
}

/** The route as the target's peers are to get it, or the reason why they are not. */
export function exportRoute(route: Route, target: ExportTarget): Outbound | string {
  const { external } = target.wire;
  if (route.source.kind === 'ibgp' && !external) return 'learned from an internal peer';
  const { communities } = route.attributes;
  if (communities.includes(COMMUNITY.noAdvertise)) return 'community NO_ADVERTISE';
  if (external && communities.includes(COMMUNITY.noExport)) return 'community NO_EXPORT';
  if (external && communities.includes(COMMUNITY.noExportSubconfed)) return 'community NO_EXPORT_SUBCONFED';
  const nextHop = nextHopFor(route, target);
  if (nextHop === undefined) return `no ${target.family} address to name as next hop`;
  return { attributes: external ? externalAttributes(route, target.localAsn) : internalAttributes(route), nextHop };
}

/**
 * RFC 4271 §5.1.3: what we originate is reached through us; to internal peers as learned; to external ones ourselves, unless
 * the next hop is on the link that we share with them: a detour through us would fail with us. A link-local address means
 * something on its own link alone (RFC 2545 §3).
 */
function nextHopFor({ nextHop, hop }: Route, target: ExportTarget): NextHop | undefined {
  if (nextHop === undefined || target.nextHop === 'self') return target.self;
  const gateway = target.interfaceIndex !== 0 && hop?.via?.interfaceIndex === target.interfaceIndex ? hop.via.gateway : undefined;
  const isOnTheirLink = gateway !== undefined && (gateway === nextHop.address || gateway === nextHop.linkLocal);
  if (target.nextHop === 'auto' && target.wire.external && !isOnTheirLink) return target.self;
  if (familyOf(nextHop.address) !== target.family) return undefined;
  if (isOnTheirLink) return nextHop;
  return isLinkLocal(nextHop.address) ? target.self : { address: nextHop.address };
}

/** LOCAL_PREF is for internal peers (RFC 4271 §5.1.5), and every route to them carries it. */
const internalAttributes = (route: Route): PathAttributes => withLocalPref(route.attributes, route.localPref);

/**
 * To another AS: our number is prepended, LOCAL_PREF and the reflection attributes stay inside, and so does a MED that
 * came from a neighbouring AS (RFC 4271 §5.1.4).
 */
function externalAttributes({ source, attributes }: Route, localAsn: number): PathAttributes {
  return {
    ...attributes,
    asPath: prependToAsPath(attributes.asPath, localAsn),
    asPathLength: attributes.asPathLength + 1,
    med: source.kind === 'originated' ? attributes.med : undefined,
    localPref: undefined,
    originatorId: undefined,
    clusterList: [],
  };
}
