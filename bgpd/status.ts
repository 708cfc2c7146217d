/** What people and the agent may ask about the speaker: its state, its peers, and why a route is (not) the best. */
import {
  CONTROL_VERSION, type PathView, type PeerStatus, type RoutesRequest, type RoutesResult, type RouteView, type SpeakerStatus,
} from '../config/messages/bgpd-control.ts';
import type { Problem } from '../lib/errors.ts';
import { comparePrefixes, FAMILIES, familyOf, type Family, type Prefix } from '../lib/ip/prefix.ts';
import { parsePrefix, showIp, showPrefix } from '../lib/ip/text.ts';
import type { Neighbour } from './neighbour.ts';
import type { FamilyRib } from './rib/family-rib.ts';
import type { ExplainedPath } from './rib/loc-rib.ts';
import type { Speaker } from './speaker.ts';
import type { PathAttributes } from './wire/message.ts';

export const SOFTWARE = 'tortie bgpd';
const DEFAULT_LIMIT = 1000;
const ORIGINS = ['igp', 'egp', 'incomplete'] as const;

/** `problems`: what was wrong with the configuration; what goes wrong at run time is added. */
export function statusOf(speaker: Speaker, problems: readonly Problem[]): SpeakerStatus {
  const { global } = speaker.config;
  const { ribs } = speaker.routing;
  return {
    version: CONTROL_VERSION,
    software: SOFTWARE,
    routerId: global?.routerId ?? null,
    asn: global?.asn ?? null,
    startedAtMs: speaker.startedAtMs,
    restarting: speaker.isRestarting,
    peers: [...speaker.neighbours].map((neighbour) => peerStatusOf(neighbour, ribs)),
    routes: { ipv4: routeCountsOf(ribs.ipv4), ipv6: routeCountsOf(ribs.ipv6) },
    originated: FAMILIES.flatMap((family) => [...ribs[family].originated.keys()].map(showPrefix)),
    problems: [...problems, ...speaker.problems],
  };
}

const routeCountsOf = (rib: FamilyRib): SpeakerStatus['routes'][Family] =>
  ({ prefixes: rib.loc.table.size, paths: rib.loc.adjIn.paths, installed: rib.fib.installed });

export function peerStatusOf(neighbour: Neighbour, ribs: Readonly<Record<Family, FamilyRib>>): PeerStatus {
  const { source, session, config } = neighbour;
  const counts = FAMILIES.map((family) => ribs[family].loc.adjIn.countsOf(source));
  let advertised = 0;
  for (const { group } of session?.places.values() ?? []) advertised += group.out.advertisedTo(source);
  return {
    ...neighbour.peer.status(),
    origin: config.origin,
    received: counts.reduce((sum, c) => sum + c.accepted, 0),
    stale: counts.reduce((sum, c) => sum + c.stale, 0),
    advertised,
    endOfRib: [...session?.endOfRib ?? []],
  };
}

/** Routes accepted from a peer, of both families. Undefined: no such peer. */
export function acceptedFrom(speaker: Speaker, peer: string): number | undefined {
  const neighbour = speaker.neighbours.find(peer);
  if (neighbour === undefined) return undefined;
  return FAMILIES.reduce((sum, family) => sum + speaker.routing.ribs[family].loc.adjIn.countsOf(neighbour.source).accepted, 0);
}

/** In order of prefixes, at most `limit` (1,000 unless said). A prefix or peer that is not known gives none. */
export function routesOf(speaker: Speaker, request: RoutesRequest): RoutesResult {
  const only = request.prefix === undefined ? undefined : parsePrefix(request.prefix);
  if (request.prefix !== undefined && only === undefined) return { routes: [], truncated: false };
  const limit = request.limit ?? DEFAULT_LIMIT;
  const peer = request.peer === undefined ? undefined : request.peer === 'local' ? 'local' : speaker.neighbours.find(request.peer)?.config.name;
  if (request.peer !== undefined && peer === undefined) return { routes: [], truncated: false };
  const routes: RouteView[] = [];
  for (const family of FAMILIES) {
    if (request.family !== undefined && request.family !== family) continue;
    const rib = speaker.routing.ribs[family];
    for (const [prefix, id] of prefixesOf(rib, only)) {
      const paths = rib.loc.explain(id, rib.maximumPaths).filter(({ route }) => peer === undefined || route.source.name === peer);
      if (paths.length === 0) continue;
      if (routes.length === limit) return { routes, truncated: true };
      routes.push({ prefix: showPrefix(prefix), paths: paths.map((path) => pathView(path, rib.fib.isInstalled(id))) });
    }
  }
  return { routes, truncated: false };
}

function prefixesOf(rib: FamilyRib, only: Prefix | undefined): [Prefix, number][] {
  const { table, adjIn } = rib.loc;
  if (only !== undefined) {
    const id = familyOf(only) === rib.family ? table.find(only) : -1;
    return id < 0 ? [] : [[only, id]];
  }
  const all: [Prefix, number][] = [];
  for (let id = 0; id < table.limit; id++) if (adjIn.first(id) !== 0) all.push([table.prefixOf(id), id]);
  return all.sort(([a], [b]) => comparePrefixes(a, b));
}

function pathView({ route, stale, best, chosen, reason }: ExplainedPath, isInstalled: boolean): PathView {
  const { attributes, nextHop, source } = route;
  return {
    peer: source.name,
    nextHop: nextHop === undefined ? 'self' : showIp(nextHop.address),
    asPath: showAsPath(attributes),
    origin: ORIGINS[attributes.origin],
    localPref: attributes.localPref ?? null,
    med: attributes.med ?? null,
    communities: attributes.communities.map((c) => `${c >>> 16}:${c & 0xffff}`),
    best, installed: chosen && isInstalled, stale, reason,
  };
}

/** `65001 65002 {65003,65004}`: sets in braces, confederation segments in parentheses. */
function showAsPath({ asPath }: PathAttributes): string {
  return asPath.map(({ type, asns }) => {
    switch (type) {
      case 'sequence': return asns.join(' ');
      case 'set': return `{${asns.join(',')}}`;
      case 'confed-sequence': return `(${asns.join(' ')})`;
      case 'confed-set': return `({${asns.join(',')}})`;
    }
  }).join(' ');
}
