/** What a route looks like when it is passed on to a peer, or why it is not passed on (RFC 4271 §5, §9.1.3). */
import type { BgpRole } from '../../config/messages/speaker-config.ts';
import { familyOf, type Family } from '../../lib/ip/prefix.ts';
import { prependAs, withLocalPref } from '../wire/attribute-changes.ts';
import { isTransitive } from '../wire/communities.ts';
import { COMMUNITY } from '../wire/constants.ts';
import type { NextHop, PathAttributes, WireContext } from '../wire/message.ts';
import { withoutPrivateAsns, withReplacedAsn } from './as-path-edits.ts';
import { isLinkLocal } from './next-hop.ts';
import { isForCustomersOnly, withOtc } from './otc.ts';
import { isReflected, reflected, type Reflection } from './reflection.ts';
import { STATIC, type Route } from './route.ts';

/** What peers share that are sent the same thing. All of it belongs in `groupKeyOf`. */
export interface ExportTarget {
  readonly family: Family;
  /** AS number that we use towards them. */
  readonly localAsn: number;
  readonly nextHop: 'auto' | 'self' | 'keep';
  /** Our end of the session, if a route of the family can name it as next hop; undefined: "self" cannot be said. */
  readonly self: NextHop | undefined;
  /** The link on which they are directly connected; 0: they are not, or on none that we know. */
  readonly interfaceIndex: number;
  readonly wire: WireContext;
  /** Whether they are clients of our reflector, and our cluster; undefined: nothing is reflected to them. */
  readonly reflection?: Reflection | undefined;
  /** Our role towards them (RFC 9234). */
  readonly role?: BgpRole | undefined;
  /** They understand long-lived stale routes of the family (RFC 9494). */
  readonly longLived?: boolean;
  /** What they have from us is about to go (RFC 8326). */
  readonly gracefulShutdown?: boolean;
  /** External peers: their AS number gives way to ours in paths; undefined: it stays. */
  readonly overriddenAsn?: number | undefined;
  /** External peers: private AS numbers leave paths, all but this one of theirs; undefined: they stay. */
  readonly privateAsnsExcept?: number | undefined;
  /** They get a default route through us, whatever is known of one and whatever filters say. */
  readonly originatesDefault?: boolean;
}

export interface Outbound {
  readonly attributes: PathAttributes;
  readonly nextHop: NextHop;
}

/**
 * Why a route is kept from the target's peers, whatever filters would make of it; undefined: they may have it. Asked before
 * export filters, which may add NO_EXPORT for the neighbour.
 */
export function withheld(route: Route, { wire: { external }, reflection, role, longLived }: ExportTarget): string | undefined {
  const { source, attributes } = route;
  if (source === STATIC) return 'for this node only';
  if (source.kind === 'ibgp' && !external && !isReflected(source, reflection)) return 'learned from an internal peer';
  if (attributes.otc !== undefined && isForCustomersOnly(role)) return 'only for customers (OTC)';
  if (attributes.communities.length === 0) return undefined;
  const { communities } = attributes;
  if (communities.includes(COMMUNITY.noAdvertise)) return 'community NO_ADVERTISE';
  if (route.isLongLivedStale && longLived !== true) return 'long-lived stale, which the peer would not understand';
  if (!external) return undefined;
  if (communities.includes(COMMUNITY.noExport)) return 'community NO_EXPORT';
  if (communities.includes(COMMUNITY.noExportSubconfed)) return 'community NO_EXPORT_SUBCONFED';
  if (role === 'peer' && communities.includes(COMMUNITY.noPeer)) return 'community NOPEER';
  if (isLearned(route) && communities.includes(COMMUNITY.blackhole)) return 'community BLACKHOLE';
  return undefined;
}

/** The route, as filters left it, as the target's peers are to get it, or the reason why it cannot be said to them. */
export function exportRoute(route: Route, target: ExportTarget): Outbound | string {
  const nextHop = nextHopFor(route, target);
  if (nextHop === undefined) return `no ${target.family} address to name as next hop`;
  const attributes = target.wire.external ? externalAttributes(route, target) : internalAttributes(route, target);
  return { attributes: target.gracefulShutdown === true ? shuttingDown(attributes, target) : attributes, nextHop };
}

/**
 * RFC 4271 §5.1.3: what we originate is reached through us; to internal peers as learned; to external ones ourselves, unless
 * the next hop is on the link that we share with them: a detour through us would fail with us. A link-local address means
 * something on its own link alone (RFC 2545 §3), an address of the other family something to few (RFC 8950), and that of a
 * peer behind us nothing to those who reach it by our own route.
 */
function nextHopFor({ nextHop, hop, source }: Route, target: ExportTarget): NextHop | undefined {
  if (nextHop === undefined || target.nextHop === 'self') return target.self;
  if (source.isBehindUs && target.nextHop === 'auto') return target.self;
  const gateway = target.interfaceIndex !== 0 && hop?.via?.interfaceIndex === target.interfaceIndex ? hop.via.gateway : undefined;
  const isOnTheirLink = gateway !== undefined && (gateway === nextHop.address || gateway === nextHop.linkLocal);
  if (target.nextHop === 'auto' && target.wire.external && !isOnTheirLink) return target.self;
  if (!canName(nextHop, target)) return target.nextHop === 'keep' ? undefined : target.self;
  if (isOnTheirLink) return nextHop;
  return isLinkLocal(nextHop.address) ? target.self : { address: nextHop.address };
}

export const canName = ({ address }: NextHop, { family, wire }: Pick<ExportTarget, 'family' | 'wire'>): boolean =>
  familyOf(address) === family || (family === 'ipv4' && wire.extendedNextHop);

/** LOCAL_PREF is for internal peers (RFC 4271 §5.1.5), and every route to them carries it. */
function internalAttributes(route: Route, { reflection }: ExportTarget): PathAttributes {
  const attributes = withLocalPref(route.attributes, route.localPref);
  return route.source.kind === 'ibgp' && reflection !== undefined ? reflected(attributes, route.source, reflection) : attributes;
}

/**
 * To another AS: our number is prepended; LOCAL_PREF, the reflection attributes and communities for the AS alone stay
 * inside, and so does a MED that came from a neighbouring AS (RFC 4271 §5.1.4).
 */
function externalAttributes(route: Route, { localAsn, overriddenAsn, privateAsnsExcept, role }: ExportTarget): PathAttributes {
  let { attributes } = route;
  if (privateAsnsExcept !== undefined) attributes = withoutPrivateAsns(attributes, privateAsnsExcept);
  if (overriddenAsn !== undefined) attributes = withReplacedAsn(attributes, overriddenAsn, localAsn);
  return withOtc({
    ...prependAs(attributes, localAsn),
    med: isMedOurs(route) ? attributes.med : undefined,
    localPref: undefined,
    originatorId: undefined,
    clusterList: [],
    extendedCommunities: attributes.extendedCommunities.every(isTransitive) ? attributes.extendedCommunities : attributes.extendedCommunities.filter(isTransitive),
  }, role, localAsn);
}

const isLearned = ({ source }: Route): boolean => source.kind === 'ebgp' || source.kind === 'ibgp';

/** It stands on a route of our own, or a filter of ours set it. */
function isMedOurs(route: Route): boolean {
  if (!isLearned(route)) return true;
  const { original } = route;
  return original !== undefined && (original.attributes.med !== route.attributes.med || isMedOurs(original));
}

/** RFC 8326 §4: other ASes recognize the community, and our own the LOCAL_PREF. */
function shuttingDown(attributes: PathAttributes, { wire: { external } }: ExportTarget): PathAttributes {
  const { communities } = attributes;
  const marked = communities.includes(COMMUNITY.gracefulShutdown) ? attributes
    : { ...attributes, communities: [...communities, COMMUNITY.gracefulShutdown] };
  return external ? marked : withLocalPref(marked, 0);
}
