/** Policy as the speaker applies it: what changes at once, without a session that ends, and who shares what. */
import { expect, test } from '@jest/globals';
import { routesOf } from '../../../bgpd/route-views.ts';
import type { FilterConfig, PeerConfig } from '../../../config/messages/speaker-config.ts';
import { path } from '../../support/rib-builders.ts';
import { capabilities } from '../../support/session-builders.ts';
import { SpeakerBench, type FakePeer } from '../../support/speaker-bench.ts';
import { globalSection, peerConfig, speakerConfig, type GlobalSome } from '../../support/speaker-config.ts';

const [A, B, C] = ['192.0.2.1', '192.0.2.2', '192.0.2.3'];

interface Setting { readonly bench: SpeakerBench; readonly peers: readonly FakePeer[]; readonly apply: (global: GlobalSome, ...some: readonly Partial<PeerConfig>[]) => Promise<void> }

/** Peers A, B, C with these settings; all up, nothing announced. */
async function setting(some: readonly Partial<PeerConfig>[], more: { readonly filters?: readonly FilterConfig[]; readonly originate?: readonly string[]; readonly global?: GlobalSome } = {}): Promise<Setting> {
  const bench = new SpeakerBench();
  const configs = (all: readonly Partial<PeerConfig>[]): PeerConfig[] => all.map((one, i) => peerConfig([A, B, C][i]!, one));
  await bench.apply(speakerConfig({ ...more, peers: configs(some) }));
  const peers = some.map((_, i) => bench.peer([A, B, C][i]!));
  for (const peer of peers) peer.up();
  await bench.settle();
  for (const peer of peers) peer.lines();
  return {
    bench, peers,
    apply: (global, ...now) => bench.apply({ global: globalSection(global), peers: { peers: configs(now) } }),
  };
}

async function reasonFor(bench: SpeakerBench, prefix: string): Promise<string | undefined> {
  const { routes } = await routesOf(bench.speaker, { prefix }, () => Promise.resolve());
  return routes[0]?.paths.at(-1)?.reason;
}

const sessionsAsBefore = (bench: SpeakerBench, peers: readonly FakePeer[]): void => {
  expect([bench.made.length, ...peers.map((p) => p.stopped)]).toEqual([peers.length, ...peers.map(() => undefined)]);
};

test('what guards refuse is kept with its reason, and let in or out as guards and own blocks change', async () => {
  const { bench, peers: [a], apply } = await setting([{}], { originate: ['10.1.0.0/26'] });
  a!.announce(['10.1.0.0/27', '10.1.0.9/32', '240.1.0.0/16', '10.7.0.0/24']);
  await bench.settle();
  expect(bench.kernel.table).toEqual(['10.1.0.0/26 blackhole', '10.1.0.9/32 via 192.0.2.1', '10.7.0.0/24 via 192.0.2.1']);
  expect([await reasonFor(bench, '10.1.0.0/27'), await reasonFor(bench, '240.1.0.0/16')]).toEqual(['inside a block of this node', 'martian: reserved']);
  await apply({ guards: { martians: true, ownBlocks: true, except: ['240.0.0.0/8'] } }, {});
  expect(bench.kernel.table).toContain('240.1.0.0/16 via 192.0.2.1');
  await bench.apply({ originate: { routes: [{ prefix: '10.7.0.0/24', blackhole: true }, { prefix: '10.1.0.0/26', blackhole: false }] } });
  expect(bench.kernel.table).toEqual(['10.1.0.0/27 via 192.0.2.1', '10.1.0.9/32 via 192.0.2.1', '10.7.0.0/24 blackhole', '240.1.0.0/16 via 192.0.2.1']);
  expect(await reasonFor(bench, '10.7.0.0/24')).toBe('inside a block of this node');
  await bench.apply({ originate: { routes: [] } });
  expect(bench.kernel.table).toContain('10.7.0.0/24 via 192.0.2.1');
  await apply({}, {});
  expect(bench.kernel.table).not.toContain('240.1.0.0/16 via 192.0.2.1');
  await apply({ guards: { martians: false, ownBlocks: false, except: [] } }, {});
  expect(bench.kernel.table).toContain('240.1.0.0/16 via 192.0.2.1');
  sessionsAsBefore(bench, [a!]);
});

test('a reflector: clients get everything, others what clients have, and a client may become none', async () => {
  const { bench, peers, apply } = await setting([{ reflectorClient: true }, {}, {}], { global: { clusterId: '9.9.9.9' } });
  const [client, b, c] = peers as [FakePeer, FakePeer, FakePeer];
  client.announce(['10.1.0.0/24']);
  b.announce(['10.2.0.0/24']);
  await bench.settle();
  expect([client.lines(), b.lines(), c.lines()]).toEqual([['+10.2.0.0/24 via 192.0.2.2'], ['+10.1.0.0/24 via 192.0.2.1'], ['+10.1.0.0/24 via 192.0.2.1']]);
  await apply({ clusterId: '9.9.9.9' }, {}, {}, {});
  expect([client.lines(), b.lines(), c.lines()]).toEqual([expect.arrayContaining(['-10.2.0.0/24']), ['-10.1.0.0/24'], ['-10.1.0.0/24']]);
  await apply({ clusterId: '9.9.9.9' }, {}, {}, { reflectorClient: true });
  expect([client.lines(), b.lines(), c.lines().sort()]).toEqual([[], [], ['+10.1.0.0/24 via 192.0.2.1', '+10.2.0.0/24 via 192.0.2.2']]);
  sessionsAsBefore(bench, peers);
});

test('what a neighbour behind us announces is passed on with us as next hop', async () => {
  const { bench, peers } = await setting([{ asn: 65001, behindUs: true }, {}]);
  const [pod, b] = peers as [FakePeer, FakePeer];
  pod.announce(['10.1.0.0/24']);
  await bench.settle();
  expect(b.lines()).toEqual(['+10.1.0.0/24 via 192.0.2.254']);
});

test('a route through our own cluster is refused until the cluster ID is another', async () => {
  const { bench, peers: [a], apply } = await setting([{ reflectorClient: true }], { global: { clusterId: '0.0.0.9' } });
  a!.announce(['10.1.0.0/24'], { clusterList: [9] });
  await bench.settle();
  expect([bench.kernel.table, await reasonFor(bench, '10.1.0.0/24')]).toEqual([[], 'own cluster ID in CLUSTER_LIST']);
  await apply({ clusterId: '0.0.0.8' }, { reflectorClient: true });
  expect(bench.kernel.table).toEqual(['10.1.0.0/24 via 192.0.2.1']);
});

test('a default route is originated for one peer, whatever its filters say, and withdrawn when that is switched off', async () => {
  const rejectAll: FilterConfig = { name: 'none', rules: [], otherwise: 'reject' };
  const { bench, peers, apply } = await setting([{ asn: 65001 }, { asn: 65001 }], { filters: [rejectAll] });
  const [a, b] = peers as [FakePeer, FakePeer];
  await apply({}, { asn: 65001, defaultOriginate: ['ipv4'], exportFilters: ['none'] }, { asn: 65001 });
  expect([a.lines(), b.lines()]).toEqual([['+0.0.0.0/0 via 192.0.2.254'], []]);
  b.announce(['0.0.0.0/0', '10.1.0.0/24']);
  await bench.settle();
  expect(a.lines()).toEqual([]);
  await apply({}, { asn: 65001, defaultOriginate: ['ipv6'], exportFilters: ['none'] }, { asn: 65001 });
  expect([a.lines(), b.lines()]).toEqual([['-0.0.0.0/0'], []]);
  sessionsAsBefore(bench, peers);
});

test('graceful shutdown of one session, then of the node: everything is said again, with the community', async () => {
  const { bench, peers, apply } = await setting([{ asn: 65001 }, { asn: 65002 }], { originate: ['10.1.0.0/26'] });
  const [a, b] = peers as [FakePeer, FakePeer];
  await apply({}, { asn: 65001, gracefulShutdown: true }, { asn: 65002 });
  expect([a.lines().length, b.lines().length]).toEqual([1, 0]);
  await apply({ gracefulShutdown: true }, { asn: 65001, gracefulShutdown: true }, { asn: 65002 });
  expect([a.lines().length, b.lines().length]).toEqual([0, 1]);
  const { routes } = await routesOf(bench.speaker, { peer: b.config.name, view: 'advertised' }, () => Promise.resolve());
  expect(routes[0]!.paths[0]!.communities).toEqual(['65535:0']);
  sessionsAsBefore(bench, peers);
});

test('a session that is about to end is not used any more either, as long as there is another way', async () => {
  const { bench, peers, apply } = await setting([{ asn: 65001 }, { asn: 65001 }, {}]);
  const [a, b, inside] = peers as [FakePeer, FakePeer, FakePeer];
  for (const peer of [a, b]) peer.announce(['10.1.0.0/24'], { asPath: path(65001) });
  a.announce(['10.2.0.0/24'], { asPath: path(65001) });
  await bench.settle();
  await apply({}, { asn: 65001, gracefulShutdown: true }, { asn: 65001 }, {});
  expect(bench.kernel.table).toEqual(['10.1.0.0/24 via 192.0.2.2', '10.2.0.0/24 via 192.0.2.1']);
  const { routes } = await routesOf(bench.speaker, { peer: inside.config.name, view: 'advertised', prefix: '10.2.0.0/24' }, () => Promise.resolve());
  expect(routes[0]!.paths.map((p) => [p.localPref, p.communities])).toEqual([[0, ['65535:0']]]);
  // The decision is shown with the LOCAL_PREF that made it, and what the peer sent as the peer sent it.
  const seen = async (view: 'candidates' | 'received'): Promise<unknown> => (await routesOf(bench.speaker, { peer: a.config.name, view, prefix: '10.1.0.0/24' }, () => Promise.resolve())).routes[0]!.paths.map((p) => p.localPref);
  expect([await seen('candidates'), await seen('received')]).toEqual([[0], [null]]);
  await apply({}, { asn: 65001 }, { asn: 65001 }, {});
  expect(bench.kernel.table[0]).toContain('192.0.2.1');
  sessionsAsBefore(bench, peers);
});

test('peers that differ in what is done to their paths are not sent the same', async () => {
  const { bench, peers } = await setting([{ asn: 65001, asOverride: true }, { asn: 65002, asOverride: true }, { asn: 65003, removePrivateAs: true }]);
  peers[2]!.announce(['10.1.0.0/24'], { asPath: path(65003, 65001, 65002) });
  await bench.settle();
  const pathTo = async (peer: FakePeer): Promise<string> => (await routesOf(bench.speaker, { peer: peer.config.name, view: 'advertised' }, () => Promise.resolve())).routes[0]!.paths[0]!.asPath;
  expect([await pathTo(peers[0]!), await pathTo(peers[1]!)]).toEqual(['64512 65003 64512 65002', '64512 65003 65001 64512']);
});

const mark = (rule: FilterConfig['rules'][number]): FilterConfig => ({ name: 'f', rules: [rule], otherwise: 'reject' });

test('an import filter changes routes, also those that are here when it changes; what was received stays known', async () => {
  const { bench, peers: [a, b] } = await setting([{ importFilters: ['f'] }, { asn: 65001 }], { filters: [mark({ set: { localPref: 300, addCommunities: ['65000:1'] }, action: 'accept' })] });
  a!.announce(['10.1.0.0/24'], { localPref: 50 });
  await bench.settle();
  const see = async (view: 'received' | 'accepted'): Promise<unknown> => {
    const { routes } = await routesOf(bench.speaker, { peer: a!.config.name, view }, () => Promise.resolve());
    return routes.map((r) => r.paths.map((p) => [p.localPref, p.communities]));
  };
  expect([await see('received'), await see('accepted')]).toEqual([[[[50, []]]], [[[300, ['65000:1']]]]]);
  expect(b!.lines()).toHaveLength(1);
  await bench.apply({ filters: { filters: [mark({ set: { addCommunities: ['65000:2'] }, action: 'accept' })] } });
  expect([await see('received'), await see('accepted')]).toEqual([[[[50, []]]], [[[50, ['65000:2']]]]]);
  expect(b!.lines()).toHaveLength(1);
  await bench.apply({ filters: { filters: [mark({ action: 'reject' })] } });
  expect([await see('accepted'), b!.lines()]).toEqual([[], ['-10.1.0.0/24']]);
});

test('an import filter by interface is asked again when links change', async () => {
  const { bench, peers: [a] } = await setting([{ importFilters: ['f'] }], { filters: [mark({ interfaces: ['eth7'], action: 'accept' })] });
  bench.kernel.names.set(7, 'eth7');
  bench.kernel.names.set(8, 'eth8');
  a!.announce(['10.1.0.0/24']);
  await bench.settle();
  expect(bench.kernel.table).toEqual(['10.1.0.0/24 via 192.0.2.1']);
  bench.kernel.setResolution(A, { interfaceIndex: 8 });
  await bench.settle();
  expect(bench.kernel.table).toEqual([]);
  bench.kernel.setResolution(A, { interfaceIndex: 7 });
  await bench.settle();
  expect(bench.kernel.table).toEqual(['10.1.0.0/24 via 192.0.2.1']);
});

test('roles: a leak is refused with its reason; what a provider sends goes to customers alone', async () => {
  const role = (local: 'provider' | 'customer' | 'peer') => ({ local, strict: false });
  const negotiated = (local: 'provider' | 'customer' | 'peer') => ({ negotiated: { role: { local, remote: undefined } } });
  const { bench, peers } = await setting([{ asn: 'external', role: role('customer') }, { asn: 65002, role: role('provider') }, { asn: 65003, role: role('peer') }]);
  const [provider, customer, peer] = peers as [FakePeer, FakePeer, FakePeer];
  for (const [one, local] of [[provider, 'customer'], [customer, 'provider'], [peer, 'peer']] as const) { one.down(); one.up(negotiated(local)); }
  customer.announce(['10.9.0.0/24'], { otc: 65001 });
  provider.announce(['10.1.0.0/24']);
  customer.announce(['10.2.0.0/24']);
  await bench.settle();
  expect(await reasonFor(bench, '10.9.0.0/24')).toBe('route leak: OTC 65001 from a customer');
  expect([provider, customer, peer].map((one) => one.lines().filter((line) => line.startsWith('+')).map((line) => line.split(' ')[0]))).toEqual([['+10.2.0.0/24'], ['+10.1.0.0/24'], ['+10.2.0.0/24']]);
  const otcTo = async (one: FakePeer): Promise<unknown> => (await routesOf(bench.speaker, { peer: one.config.name, view: 'advertised' }, () => Promise.resolve())).routes[0]!.paths[0]!.otc;
  expect([await otcTo(provider), await otcTo(customer), await otcTo(peer)]).toEqual([null, 64999, 64512]);
});

test('what is long-lived stale here goes only to peers that know what that is', async () => {
  const { bench, peers } = await setting([{}, { asn: 65002 }, { asn: 65003 }]);
  const [from, knows, other] = peers as [FakePeer, FakePeer, FakePeer];
  knows.down();
  knows.up({ negotiated: { capabilities: { local: capabilities(), remote: capabilities({ longLived: [] }) } } });
  from.announce(['10.1.0.0/24'], { communities: [0xffff0006] });
  await bench.settle();
  expect([knows.lines().filter((line) => line.startsWith('+')), other.lines()]).toEqual([['+10.1.0.0/24 via 192.0.2.1'], []]);
});

test('peers that read messages otherwise, or another sort of peer, are never sent the same bytes', async () => {
  const bench = new SpeakerBench();
  await bench.apply(speakerConfig({ peers: [peerConfig(A, { asn: 65001 }), peerConfig(B, { asn: 65001 }), peerConfig(C, { asn: 65001 })] }));
  const [a, b, c] = [A, B, C].map((address) => bench.peer(address));
  a!.up();
  b!.up({ negotiated: { peerAsn: 65001, wire: { fourOctetAs: false } } });
  c!.up({ negotiated: { peerAsn: 65001, wire: { addPathOut: { ipv4: true, ipv6: false } } } });
  expect(bench.speaker.routing.ribs.ipv4.groups.size).toBe(3);
});
