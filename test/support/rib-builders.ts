/** Attributes, sources and routes for tests of the RIB, each with sensible defaults. */
import type { Ip } from '../../lib/ip/prefix.ts';
import { ip } from '../../lib/ip/text.ts';
import type { Resolution } from '../../bgpd/ports.ts';
import type { AsPathSegment, PathAttributes } from '../../bgpd/wire/message.ts';
import { NextHops } from '../../bgpd/rib/next-hop.ts';
import type { RouteTable, Route, Source } from '../../bgpd/rib/route.ts';

export const path = (...asns: number[]): AsPathSegment[] => (asns.length === 0 ? [] : [{ type: 'sequence', asns }]);

export function attributes(some: Partial<PathAttributes> = {}): PathAttributes {
  const asPath = some.asPath ?? [];
  return {
    origin: 0, asPath, asPathLength: asPath.reduce((n, s) => n + (s.type === 'set' ? 1 : s.asns.length), 0),
    med: undefined, localPref: undefined, atomicAggregate: false, aggregator: undefined,
    communities: [], extendedCommunities: [], largeCommunities: [], otc: undefined, originatorId: undefined, clusterList: [], unknown: [],
    ...some,
  };
}

let nextIndex = 1;

export function source(some: Partial<Omit<Source, 'address'>> & { readonly address?: string } = {}): Source {
  const index = some.index ?? nextIndex++;
  return {
    name: `peer-${index}`, kind: 'ebgp', isReflectorClient: false, isBehindUs: false, role: undefined, asn: 65000 + index, routerId: index, interfaceIndex: 0, ...some, index,
    address: ip(some.address ?? `192.0.2.${index % 250}`),
  };
}

export const originated = (): Source => source({ index: 0, name: 'local', kind: 'originated', address: '0.0.0.0' });

/** Everything is directly connected on interface 7, at IGP cost 0, unless `resolutions` says otherwise. */
export function nextHops(resolutions: Readonly<Record<string, Partial<Resolution>>> = {}): NextHops {
  const byAddress = new Map<Ip, Partial<Resolution>>(Object.entries(resolutions).map(([k, v]) => [ip(k), v]));
  return new NextHops((address) =>
    ({ reachable: true, gateway: undefined, interfaceIndex: 7, metric: 0, ...byAddress.get(address) }));
}

export function route(table: RouteTable, from: Source, some: Partial<PathAttributes> = {}, via = '198.51.100.1', hops = nextHops()): Route {
  const nextHop = { address: ip(via) };
  return table.intern(from, attributes(some), nextHop, hops.hop(nextHop, 0));
}
