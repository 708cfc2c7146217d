/** Topologies of labs: what the flat one and racks consist of, and which ones are refused. */
import { expect, test } from '@jest/globals';
import { checkTopology, flat, racks, withoutIpv4, type Topology } from '../../../lab/topology.ts';

test('the flat lab: one segment with all nodes, a router, and a host behind it', () => {
  const { segments, nodes, routers: [tor], hosts: [host], peers } = checkTopology(flat(2));
  expect([segments, nodes.map((n) => n.legs)]).toEqual([['lan', 'outside'], [
    [{ segment: 'lan', address4: '10.99.0.11', address6: 'fd99::11' }], [{ segment: 'lan', address4: '10.99.0.12', address6: 'fd99::12' }],
  ]]);
  expect([tor!.legs.map((l) => l.segment), host!.legs[0]!.segment, host!.routes]).toEqual([['lan', 'outside'], 'outside', ['default via 10.98.0.1', 'default via fd98::1']]);
  expect(Object.keys(peers)).toEqual(['tor-v4', 'tor-v6']);
});

test('racks: segments of their own, two routers each with sessions to nodes of any other AS and to the routers of other racks', () => {
  const { segments, control, nodes, routers } = checkTopology(racks([{ nodes: 1, asn: 65001 }, { nodes: 2, asn: 65002 }]));
  expect(segments).toEqual(['spine', 'rack1', 'rack2']);
  expect(control.legs.map((l) => l.segment)).toEqual(['rack1', 'rack2']);
  expect(nodes.map((n) => [n.name, n.labels?.['rack'], n.legs[0]!.address4])).toEqual([['n1', '1', '10.99.1.11'], ['n2', '2', '10.99.2.11'], ['n3', '2', '10.99.2.12']]);
  expect(nodes[0]!.routes).toEqual(['10.99.0.0/16 nexthop via 10.99.1.1 nexthop via 10.99.1.2', 'fd99::/16 nexthop via fd99:1::1 nexthop via fd99:1::2']);
  expect(routers.map((r) => r.name)).toEqual(['tor1a', 'tor1b', 'tor2a', 'tor2b']);
  expect([...routers[0]!.bird.matchAll(/neighbor (\S+ (?:as )?\w+)/g)].map((m) => m[1])).toEqual([
    '10.99.1.11 external', 'fd99:1::11 external', '10.97.0.21 as 65002', 'fd97::21 as 65002', '10.97.0.22 as 65002', 'fd97::22 as 65002',
  ]);
});

test('as many racks as the spine has addresses for', () => {
  const rack = { nodes: 1, asn: 65001 };
  expect(racks(Array.from({ length: 24 }, () => rack)).routers.at(-1)!.legs[1]).toEqual({ segment: 'spine', address4: '10.97.0.242', address6: 'fd97::242' });
  for (const count of [0, 25]) expect(() => racks(Array.from({ length: count }, () => rack))).toThrow('1 to 24');
});

test('without IPv4, nodes and hosts have IPv6 addresses, routes and peers alone', () => {
  const { control, nodes, hosts, peers } = withoutIpv4(flat(1));
  expect([control, ...nodes, ...hosts].flatMap((m) => m.legs).map((l) => Object.keys(l))).toEqual(Array(3).fill(['segment', 'address6']));
  expect([hosts[0]!.routes, Object.keys(peers)]).toEqual([['default via fd98::1'], ['tor-v6']]);
});

test.each<[string, Partial<Topology>]>([
  ['expected 1 to 8 of a-z and 0-9', { segments: ['lan', 'out-side'] }],
  ['expected each once', { segments: ['lan', 'outside', 'n1'] }],
  ['expected one of lan', { segments: ['lan'] }],
  ['node n1 is on no segment of the API server', { control: { name: 'control', legs: [{ segment: 'outside' }] } }],
])('a topology is refused: %s', (message, some) => {
  expect(() => checkTopology({ ...flat(1), ...some })).toThrow(message);
});
