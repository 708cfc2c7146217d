/** What people may ask about routes: candidates with the reason of their place, what a peer sent, what it is sent. */
import type { PathView, RoutesRequest, RoutesResult, RouteView } from '../config/messages/bgpd-control.ts';
import { addressOf, bitsOf, comparePrefixes, contains, FAMILIES, familyOf, prefixOf, type Family, type Ip, type Prefix } from '../lib/ip/prefix.ts';
import { parseIp, parsePrefix, showIp, showPrefix } from '../lib/ip/text.ts';
import type { Neighbour } from './neighbour.ts';
import { showAsPath, showCommunity, showExtendedCommunity, showLargeCommunity, showRouterId } from './path-text.ts';
import type { FamilyRib } from './rib/family-rib.ts';
import { ineligible } from './rib/decision.ts';
import { LOCAL, type Route, type Source } from './rib/route.ts';
import { REFUSED, STALE } from './rib/adj-rib-in.ts';
import type { Speaker } from './speaker.ts';
import type { NextHop, PathAttributes } from './wire/message.ts';

const DEFAULT_LIMIT = 1_000;
/** No answer is longer: each prefix costs about a kilobyte. */
const MAXIMUM_LIMIT = 100_000;
/** Prefixes looked at in one turn: a few milliseconds. */
const SLICE = 8_192;
const ORIGINS = ['igp', 'egp', 'incomplete'] as const;

/** One way to look at the table of a family. `has` is cheap: it is asked for every prefix there is. */
interface View {
  readonly has: (rib: FamilyRib, id: number) => boolean;
  readonly paths: (rib: FamilyRib, id: number) => readonly PathView[];
}

/**
 * In order of prefixes, at most `limit` (1,000 unless said, 100,000 at most). A prefix or peer that is not known gives
 * none. The table is walked in slices with `pause` between them, so that sessions go on: what changes meanwhile may be
 * shown as it was or as it is.
 */
export async function routesOf(speaker: Speaker, request: RoutesRequest, pause: () => Promise<void>): Promise<RoutesResult> {
  const view = viewFor(speaker, request);
  const wanted = wantedBy(request);
  if (view === undefined || wanted === undefined) return { routes: [], truncated: false };
  const limit = Math.min(request.limit ?? DEFAULT_LIMIT, MAXIMUM_LIMIT);
  const routes: RouteView[] = [];
  for (const family of FAMILIES) {
    if (request.family !== undefined && request.family !== family) continue;
    if (wanted !== 'all' && wanted.family !== family) continue;
    const rib = speaker.routing.ribs[family];
    for (const prefix of await chosenPrefixes(rib, wanted, view, limit - routes.length + 1, pause)) {
      const id = rib.loc.table.find(prefix);
      const paths = id >= 0 && view.has(rib, id) ? view.paths(rib, id) : [];
      if (paths.length === 0) continue;
      if (routes.length === limit) return { routes, truncated: true };
      routes.push({ prefix: showPrefix(prefix), paths: request.best === true ? paths.filter((p) => p.best) : paths });
      if (routes.length % SLICE === 0) await pause();
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

/** The first `maximum` prefixes in order that the view has something about. */
async function chosenPrefixes(rib: FamilyRib, wanted: Wanted, view: View, maximum: number, pause: () => Promise<void>): Promise<Prefix[]> {
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
    if (wanted !== 'all' && !contains(wanted.prefix, prefix)) continue;
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
function viewFor(speaker: Speaker, { peer, view = 'candidates' }: RoutesRequest): View | undefined {
  if (view === 'candidates' && peer === undefined) return candidates(() => true);
  if (view === 'candidates' && peer === LOCAL.name) return candidates((source) => source === LOCAL);
  const neighbour = peer === undefined ? undefined : speaker.neighbours.find(peer);
  if (neighbour === undefined) return undefined;
  switch (view) {
    case 'candidates': return candidates((source) => source === neighbour.source);
    case 'received': return received(neighbour);
    case 'accepted': return accepted(neighbour);
    case 'advertised': return advertised(neighbour);
  }
}

/** Every route of whom `isShown` says yes, with the verdict of the decision process among all. */
function candidates(isShown: (source: Source) => boolean): View {
  return {
    has: ({ loc }, id) => pathsOf(loc, id).some((path) => isShown(loc.routes.get(loc.adjIn.routeOf(path))!.source)),
    paths: (rib, id) => rib.loc.explain(id, rib.maximumPaths).filter(({ route }) => isShown(route.source)).map(
      ({ route, best, chosen, stale, reason }) => pathView(route, route, { best, installed: chosen && rib.fib.isInstalled(id), stale, reason }),
    ),
  };
}

/** What a peer has sent, before import filters. */
const received = (neighbour: Neighbour): View => fromPeer(neighbour, () => true, (route) => route.original ?? route);

/** What import filters have let pass, as they left it. */
const accepted = (neighbour: Neighbour): View => fromPeer(neighbour, (flags) => (flags & REFUSED) === 0, (route) => route);

function fromPeer({ source }: Neighbour, isShown: (flags: number) => boolean, shown: (route: Route) => Route): View {
  const mine = ({ loc: { adjIn } }: FamilyRib, id: number): number[] =>
    pathsOf({ adjIn }, id).filter((path) => adjIn.sourceOf(path) === source.index && isShown(adjIn.flagsOf(path)));
  return {
    has: (rib, id) => mine(rib, id).length > 0,
    paths: (rib, id) => {
      const { adjIn, routes } = rib.loc;
      const verdicts = new Map(rib.loc.explain(id, rib.maximumPaths).map((e) => [e.route, e]));
      return mine(rib, id).map((path) => {
        const route = routes.get(adjIn.routeOf(path))!;
        const flags = adjIn.flagsOf(path);
        const verdict = verdicts.get(route);
        return pathView(shown(route), route, {
          best: verdict?.best === true, installed: verdict?.chosen === true && rib.fib.isInstalled(id),
          stale: (flags & STALE) !== 0, reason: verdict?.reason ?? ineligible(route) ?? '',
        });
      });
    },
  };
}

/** What a peer is sent, as it is sent. */
function advertised(neighbour: Neighbour): View {
  const routeFor = (rib: FamilyRib, id: number): Route | undefined =>
    neighbour.session?.places.get(rib.family)?.group.out.routeFor(neighbour.source, id);
  return {
    has: (rib, id) => routeFor(rib, id) !== undefined,
    paths: (rib, id) => {
      const route = routeFor(rib, id);
      const out = neighbour.session?.places.get(rib.family)?.group.out;
      if (route === undefined || out === undefined) return [];
      const best = rib.loc.best(id) === route;
      return [pathView({ source: route.source, ...out.outbound(route) }, route, { best, installed: false, stale: false, reason: 'advertised' })];
    },
  };
}

function pathsOf({ adjIn }: Pick<FamilyRib['loc'], 'adjIn'>, id: number): number[] {
  const paths: number[] = [];
  for (let path = adjIn.first(id); path !== 0; path = adjIn.next(path)) paths.push(path);
  return paths;
}

/** `shown` has the attributes; `route` is the one in the table that they belong to. */
function pathView(shown: { readonly source: Source; readonly attributes: PathAttributes; readonly nextHop: NextHop | undefined }, route: Route,
  verdict: Pick<PathView, 'best' | 'installed' | 'stale' | 'reason'>): PathView {
  const { attributes, nextHop } = shown;
  return {
    peer: route.source.name,
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
    pathId: null,
    ...verdict,
  };
}
