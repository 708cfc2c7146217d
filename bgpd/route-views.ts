/** What people may ask about routes: candidates with the reason of their place, what a peer sent, what it is sent. */
import type { PathView, RoutesRequest, RoutesResult, RouteView } from '../config/messages/bgpd-control.ts';
import { bitsOf, comparePrefixes, contains, FAMILIES, familyOf, prefixOf, type Family, type Ip, type Prefix } from '../lib/ip/prefix.ts';
import { parseIp, parsePrefix, showIp, showPrefix } from '../lib/ip/text.ts';
import type { Neighbour } from './neighbour.ts';
import { showAsPath, showRouterId } from './path-text.ts';
import type { FamilyRib } from './rib/family-rib.ts';
import { DEFAULT_LOCAL_PREF, KERNEL, LOCAL, type Route, type Source } from './rib/route.ts';
import * as views from './rib/views.ts';
import { FILTERED } from './rib/loc-rib.ts';
import type { Speaker } from './speaker.ts';
import { showCommunity, showExtendedCommunity, showLargeCommunity } from './wire/community-text.ts';

const DEFAULT_LIMIT = 1_000;
/** No answer is longer: it is made and sent in one piece, in some 30 ms. */
export const MAXIMUM_LIMIT = 10_000;
/** Prefixes looked at in one turn: a few milliseconds. */
const SLICE = 8_192;
/** Prefixes explained in one turn. */
const EXPLAINED = 512;
const ORIGINS = ['igp', 'egp', 'incomplete'] as const;

/** One way to look at the table of a family. `has` is cheap: it is asked for every prefix there is. */
interface View {
  readonly has: (rib: FamilyRib, id: number) => boolean;
  readonly paths: (rib: FamilyRib, id: number) => readonly PathView[];
}

/**
 * In order of prefixes, at most `limit` (1,000 unless said, 10,000 at most), those behind `after`. A prefix or peer that is
 * not known gives none. The table is walked in slices with `pause` between them, so that sessions go on: what changes meanwhile may be
 * shown as it was or as it is.
 */
export async function routesOf(speaker: Speaker, request: RoutesRequest, pause: () => Promise<void>): Promise<RoutesResult> {
  const view = viewFor(speaker, request);
  const wanted = wantedBy(request);
  if (view === undefined || wanted === undefined) return { routes: [], truncated: false };
  const limit = Math.min(request.limit ?? DEFAULT_LIMIT, MAXIMUM_LIMIT);
  const after = request.after === undefined ? undefined : parsePrefix(request.after);
  const isBefore = (family: Family): boolean => after !== undefined && FAMILIES.indexOf(family) < FAMILIES.indexOf(familyOf(after));
  const routes: RouteView[] = [];
  for (const family of FAMILIES) {
    if (request.family !== undefined && request.family !== family) continue;
    if (isBefore(family) || (wanted !== 'all' && wanted.family !== family)) continue;
    const isNext = after === undefined || familyOf(after) !== family ? () => true : (prefix: Prefix) => comparePrefixes(prefix, after) > 0;
    const rib = speaker.routing.ribs[family];
    for (const prefix of await chosenPrefixes(rib, { wanted, view, isNext, maximum: limit - routes.length + 1 }, pause)) {
      const id = rib.loc.table.find(prefix);
      const paths = id >= 0 && view.has(rib, id) ? view.paths(rib, id) : [];
      if (paths.length === 0) continue;
      if (routes.length === limit) return { routes, truncated: true };
      routes.push({ prefix: showPrefix(prefix), paths: request.best === true ? paths.filter((p) => p.best) : paths });
      if (routes.length % EXPLAINED === 0) await pause();
    }
  }
  return { routes, truncated: false };
}

/** What is asked for: everything, one prefix (with what lies inside it), or the longest one that holds an address. */
type Wanted = 'all' | { readonly family: Family; readonly prefix: Prefix; readonly longer: boolean } | { readonly family: Family; readonly address: Ip };

/** Undefined: the text names no prefix. */
function wantedBy({ prefix: text, longer }: RoutesRequest): Wanted | undefined {
  if (text === undefined) return 'all';
  const address = parseIp(text);
  if (address !== undefined) return { family: familyOf(address), address };
  const prefix = parsePrefix(text);
  return prefix === undefined ? undefined : { family: familyOf(prefix), prefix, longer: longer === true };
}

interface Choice { readonly wanted: Wanted; readonly view: View; readonly isNext: (prefix: Prefix) => boolean; readonly maximum: number }

/** The first `maximum` prefixes in order that the view has something about. */
async function chosenPrefixes(rib: FamilyRib, { wanted, view, isNext, maximum }: Choice, pause: () => Promise<void>): Promise<Prefix[]> {
  if (wanted !== 'all' && 'address' in wanted) return longestMatch(rib, wanted.address, view);
  const { table } = rib.loc;
  if (wanted !== 'all' && !wanted.longer) {
    const id = table.find(wanted.prefix);
    return id >= 0 && view.has(rib, id) ? [wanted.prefix] : [];
  }
  let found: Prefix[] = [];
  for (let id = 0; id < table.limit; id++) {
    if (id % SLICE === SLICE - 1) await pause();
    if (!view.has(rib, id)) continue;
    const prefix = table.prefixOf(id);
    if ((wanted !== 'all' && !contains(wanted.prefix, prefix)) || !isNext(prefix)) continue;
    found.push(prefix);
    if (found.length >= 2 * maximum + SLICE) found = found.sort(comparePrefixes).slice(0, maximum);
  }
  return found.sort(comparePrefixes).slice(0, maximum);
}

function longestMatch(rib: FamilyRib, address: Ip, view: View): Prefix[] {
  for (let length: number = bitsOf(rib.family); length >= 0; length--) {
    const prefix = prefixOf(address, length);
    const id = rib.loc.table.find(prefix);
    if (id >= 0 && view.has(rib, id)) return [prefix];
  }
  return [];
}

/** Undefined: there is no such peer. */
function viewFor(speaker: Speaker, { peer, prefix, longer, view = 'candidates' }: RoutesRequest): View | undefined {
  if (view === 'candidates' && peer === undefined) return candidates(speaker, () => true);
  if (view === 'candidates' && peer === LOCAL.name) return candidates(speaker, (source) => source === LOCAL);
  const neighbour = peer === undefined ? undefined : speaker.neighbours.find(peer);
  if (neighbour === undefined) return undefined;
  switch (view) {
    case 'candidates': return candidates(speaker, (source) => source === neighbour.source);
    case 'received': return received(speaker, neighbour);
    case 'accepted': return accepted(neighbour);
    case 'advertised': return advertised(neighbour, prefix !== undefined && longer !== true);
  }
}

/** Every route of whom `isShown` says yes, with the verdict of the decision process among all. */
function candidates({ whyRefused }: Speaker, isShown: (source: Source) => boolean): View {
  return {
    has: ({ loc: { adjIn, routes } }, id) => {
      for (let path = adjIn.first(id); path !== 0; path = adjIn.next(path)) if (isShown(routes.get(adjIn.routeOf(path))!.source)) return true;
      return false;
    },
    paths: (rib, id) => views.candidates(rib, id, whyRefused).filter(({ route }) => isShown(route.source)).map((path) => countedPath(rib, id, path)),
  };
}

/** What a peer has sent, before import filters. */
const received = ({ whyRefused }: Speaker, { source }: Neighbour): View => ({
  has: (rib, id) => views.hasPathOf(rib, source, id),
  paths: (rib, id) => views.received(rib, source, id, whyRefused).map((path) => seenPath(rib, id, path)),
});

/** What import filters have let pass, as they left it. */
const accepted = ({ source }: Neighbour): View => ({
  has: (rib, id) => views.hasPathOf(rib, source, id) && views.accepted(rib, source, id).length > 0,
  paths: (rib, id) => views.accepted(rib, source, id).map((path) => countedPath(rib, id, path)),
});

/** What a peer is sent, as it is sent; with `unsentToo` what it is not sent, and why. */
function advertised(neighbour: Neighbour, unsentToo: boolean): View {
  const placeIn = (rib: FamilyRib) => neighbour.session?.places.get(rib.family);
  return {
    has: (rib, id) => {
      const place = placeIn(rib);
      if (place === undefined) return false;
      return views.isAdvertised(place.group, place.member, id) || (unsentToo && rib.loc.best(id) !== undefined);
    },
    paths: (rib, id) => {
      const place = placeIn(rib);
      if (place === undefined) return [];
      return views.advertised(rib, place.group, place.member, id).flatMap(({ route, pathId, outbound, reason }) => {
        const verdict = { pathId: pathId ?? null, best: rib.loc.best(id) === route, installed: false, stale: false, reason };
        if (outbound !== undefined) return [pathView({ ...outbound, source: route.source }, verdict)];
        return unsentToo ? [{ ...pathView(route, verdict), unsent: true as const }] : [];
      });
    },
  };
}

const seenPath = (rib: FamilyRib, id: number, { route, pathId, best, chosen, stale, reason }: views.SeenPath): PathView => pathView(route, {
  pathId: pathId ?? null, best, installed: chosen && rib.fib.isInstalled(id), stale,
  reason: route.source === KERNEL && reason === FILTERED ? 'not redistributed' : reason,
});

/** With LOCAL_PREF as it counts where the route says another: an external peer's is ignored, and GRACEFUL_SHUTDOWN makes it 0. */
function countedPath(rib: FamilyRib, id: number, path: views.SeenPath): PathView {
  const { localPref, attributes } = path.route;
  const seen = seenPath(rib, id, path);
  return localPref === (attributes.localPref ?? DEFAULT_LOCAL_PREF) ? seen : { ...seen, localPref };
}

function pathView({ source, attributes, nextHop }: Pick<Route, 'source' | 'attributes' | 'nextHop'>,
  verdict: Pick<PathView, 'pathId' | 'best' | 'installed' | 'stale' | 'reason'>): PathView {
  return {
    peer: source.name,
    nextHop: nextHop === undefined ? 'self' : showIp(nextHop.address),
    asPath: showAsPath(attributes),
    origin: ORIGINS[attributes.origin],
    localPref: attributes.localPref ?? null,
    med: attributes.med ?? null,
    communities: attributes.communities.map(showCommunity),
    extendedCommunities: attributes.extendedCommunities.map(showExtendedCommunity),
    largeCommunities: attributes.largeCommunities.map(showLargeCommunity),
    originatorId: attributes.originatorId === undefined ? null : showRouterId(attributes.originatorId),
    clusterList: attributes.clusterList.map(showRouterId),
    otc: attributes.otc ?? null,
    ...verdict,
  };
}
