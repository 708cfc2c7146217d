import { expect, test } from '@jest/globals';
import type { PeerConfig, SpeakerConfig } from '../../../../config/messages/speaker-config.ts';
import { SpeakerTranslation, speakerConfigFor, TRANSLATED_KINDS } from '../../../../config/translate/speaker.ts';
import { usablePools } from '../../../../config/translate/pools.ts';
import type { ClusterKind, ClusterSnapshot } from '../../../../config/translate/snapshot.ts';
import { showProblem } from '../../../../lib/errors.ts';
import { cluster, node, type Written } from '../../../support/cluster-builders.ts';

const A = node('a', { v4: '10.0.0.1/24', v6: 'fd00::1/64' });
const B = node('b', { v4: '10.0.0.2/24', v6: 'fd00::2/64' });
const C = node('c', { v4: '10.0.0.3/24' });

const configOf = (snapshot: ClusterSnapshot, name = 'a'): SpeakerConfig => speakerConfigFor(snapshot, name).value!;
const peersOf = (snapshot: ClusterSnapshot, name = 'a'): readonly PeerConfig[] => configOf(snapshot, name).peers.peers;
const namesOf = (snapshot: ClusterSnapshot, name = 'a'): string[] => peersOf(snapshot, name).map((p) => p.name);
const saidOf = (snapshot: ClusterSnapshot, name = 'a'): string[] => speakerConfigFor(snapshot, name).problems.map(showProblem);

const settings = (spec: object, name = 'default'): Written => ({ kind: 'BGPConfiguration', name, spec });
const peer = (name: string, spec: object): Written => ({ kind: 'BGPPeer', name, spec });
const pool = (name: string, spec: object, createdAt = '2026-01-01T00:00:00Z'): Written => ({ kind: 'IPPool', name, spec, metadata: { creationTimestamp: createdAt } });
const affinity = (owner: string, cidr: string, state = 'confirmed', more: object = {}): Written =>
  ({ kind: 'BlockAffinity', name: `${owner}-${cidr.replace(/[./:]/g, '-')}`, spec: { cidr, node: owner, state, type: 'host', deleted: false, ...more } });

test('the whole of a small cluster', () => {
  const snapshot = cluster([A, B], [pool('p4', { cidr: '10.244.0.0/16' }), affinity('a', '10.244.1.0/26'), affinity('b', '10.244.2.0/26')]);
  expect(speakerConfigFor(snapshot, 'a')).toEqual({
    problems: [],
    value: {
      global: {
        asn: 64512, routerId: '10.0.0.1', listen: { port: 179, addresses: [] },
        gracefulRestart: { restartTimeSeconds: 120, staleRoutesCapSeconds: 120, selectionDeferralSeconds: 60 },
        kernel: {
          table: 254, metric: 1024, metricFromLocalPref: true, install: true, filter: 'kernel', redistribute: 'redistribute', maximumPaths: 16,
          ignoredInterfaces: ['kube-ipvs*'],
        },
        guards: { martians: true, ownBlocks: true, except: ['10.244.0.0/16'] },
      },
      peers: { peers: [
        {
          name: 'Mesh_10_0_0_2', origin: 'mesh', address: '10.0.0.2', port: 179, asn: 64512, sourceAddress: '10.0.0.1', passive: false, families: ['ipv4'],
          holdTimeSeconds: 90, connectRetrySeconds: 5, gracefulRestart: true, nextHop: 'auto', allowLocalAs: 0, importFilters: [], exportFilters: ['export'],
          addPath: { send: true, receive: true },
        },
        {
          name: 'Mesh_fd00__2', origin: 'mesh', address: 'fd00::2', port: 179, asn: 64512, sourceAddress: 'fd00::1', passive: false, families: ['ipv6'],
          holdTimeSeconds: 90, connectRetrySeconds: 5, gracefulRestart: true, nextHop: 'auto', allowLocalAs: 0, importFilters: [], exportFilters: ['export'],
          addPath: { send: true, receive: true },
        },
      ] },
      filters: { filters: [
        { name: 'export', otherwise: 'reject', rules: [
          { sessions: ['ibgp'], interfaces: ['*.cali', '*.calico', 'tunl0'], action: 'reject' },
          { interfaces: ['bpf*.cali'], action: 'reject' },
          { prefixes: [{ prefix: '10.244.1.0/26' }], action: 'accept' },
          { prefixes: [{ prefix: '10.244.1.0/26', maxLength: 32 }], minLocalPref: 2147482624, action: 'accept' },
          { prefixes: [{ prefix: '10.244.1.0/26', maxLength: 32 }], action: 'reject' },
          { prefixes: [{ prefix: '10.244.0.0/16', maxLength: 32 }], action: 'accept' },
        ] },
        { name: 'kernel', otherwise: 'accept', rules: [] },
        { name: 'redistribute', otherwise: 'reject', rules: [
          { prefixes: [{ prefix: '10.244.1.0/26', maxLength: 32 }], action: 'accept' },
          { prefixes: [{ prefix: '10.244.0.0/16', maxLength: 32 }], action: 'accept' },
        ] },
      ] },
      originate: { routes: [{ prefix: '10.244.1.0/26', blackhole: true, localPref: 2147482623 }] },
    },
  });
});

test('the same cluster in another order gives the same text', () => {
  const resources = [pool('p', { cidr: '10.244.0.0/16' }), pool('q', { cidr: '10.245.0.0/16' }), affinity('a', '10.244.9.0/26'), affinity('a', '10.244.1.0/26'),
    peer('x', { peerIP: '192.0.2.1', asNumber: 1 }), peer('y', { peerIP: '192.0.2.2', asNumber: 1 })];
  const one = speakerConfigFor(cluster([A, B, C], resources), 'a');
  const other = speakerConfigFor(cluster([C, B, A], [...resources].reverse()), 'a');
  expect(JSON.stringify(other)).toBe(JSON.stringify(one));
});

const MESH: readonly (readonly [string, ClusterSnapshot, string, readonly string[]])[] = [
  ['one session in each family that both nodes have', cluster([A, B, C]), 'a', ['Mesh_10_0_0_2', 'Mesh_10_0_0_3', 'Mesh_fd00__2']],
  ['a node with one family', cluster([A, B, C]), 'c', ['Mesh_10_0_0_1', 'Mesh_10_0_0_2']],
  ['switched off', cluster([A, B], [settings({ nodeToNodeMeshEnabled: false })]), 'a', []],
  ['a route reflector is not in it', cluster([A, B, node('r', { v4: '10.0.0.9/24', clusterId: '244.0.0.1' })]), 'a', ['Mesh_10_0_0_2', 'Mesh_fd00__2']],
  ['and has none', cluster([A, node('r', { v4: '10.0.0.9/24', clusterId: '244.0.0.1' })]), 'r', []],
  ['a node without an address', cluster([A, node('n')]), 'a', []],
];
test.each(MESH)('mesh: %s', (_name, snapshot, name, names) => { expect(namesOf(snapshot, name)).toEqual(names); });

test('mesh: AS numbers and ports are those of the other node', () => {
  const snapshot = cluster([A, node('b', { v4: '10.0.0.2/24', asn: 64600 }), C], [
    settings({ asNumber: 64700, listenPort: 1790, nodeMeshMaxRestartTime: '5m' }), settings({ listenPort: 1791 }, 'node.c'), settings({ listenPort: 1792 }, 'node.a'),
  ]);
  expect(peersOf(snapshot).map((p) => [p.name, p.asn, p.port, p.restartTimeSeconds])).toEqual([['Mesh_10_0_0_2', 64600, 1790, 300], ['Mesh_10_0_0_3', 64700, 1791, 300]]);
  expect(configOf(snapshot).global).toMatchObject({ asn: 64700, listen: { port: 1792 } });
  expect(configOf(snapshot, 'b').global.asn).toBe(64600);
});

test('mesh: a node with the address of another is left out and named', () => {
  const snapshot = cluster([A, B, node('z', { v4: '10.0.0.2/24' }), node('y', { v4: '10.0.0.1/24' })]);
  expect(namesOf(snapshot)).toEqual(['Mesh_10_0_0_2', 'Mesh_fd00__2']);
  expect(saidOf(snapshot)).toEqual([
    'Node/y.metadata.annotations["projectcalico.org/IPv4Address"]: 10.0.0.1 is the address of Node/a already: expected an address of its own; the mesh leaves this node out',
    'Node/z.metadata.annotations["projectcalico.org/IPv4Address"]: 10.0.0.2 is the address of Node/b already: expected an address of its own; the mesh leaves this node out',
  ]);
});

const REF = { secretKeyRef: { name: 's', key: 'k' } };

test('mesh: with a password it has sessions only while the password is known', () => {
  const resources = [settings({ nodeMeshPassword: REF })];
  expect(peersOf(cluster([A, B], resources, { s: { k: 'swordfish' } })).map((p) => p.password)).toEqual(['swordfish', 'swordfish']);
  const without = cluster([A, B], resources);
  expect(namesOf(without)).toEqual([]);
  expect(saidOf(without)).toEqual([
    'BGPConfiguration/default.spec.nodeMeshPassword.secretKeyRef: there is no Secret "s" in the agent\'s namespace: expected one with the key "k"; without its password a session does not come up',
  ]);
});

test('mesh: above 100 nodes the remedy is named', () => {
  const nodes = Array.from({ length: 101 }, (_, i) => node(i === 0 ? 'a' : `n${i}`, { v4: `10.1.${i >> 8}.${i & 255}/16` }));
  expect(saidOf(cluster(nodes.slice(0, 100)))).toEqual([]);
  expect(saidOf(cluster(nodes))).toEqual([expect.stringContaining('BGPConfiguration/default.spec.nodeToNodeMeshEnabled: a mesh of 101 nodes')]);
  expect(saidOf(cluster(nodes))[0]).toContain('route reflectors');
});

const OFF = settings({ nodeToNodeMeshEnabled: false });
const labelled = (name: string, v4: string, labels: Record<string, string>, more: object = {}) => node(name, { v4, labels, ...more });

const SELECTION: readonly (readonly [string, readonly Written[], Record<string, readonly string[]>])[] = [
  ['a global peer is for every node', [peer('tor', { peerIP: '192.0.2.1', asNumber: 64999 })], { a: ['Global_192_0_2_1'], b: ['Global_192_0_2_1'] }],
  ['a node by name', [peer('tor', { node: 'a', peerIP: '192.0.2.1', asNumber: 64999 })], { a: ['Node_192_0_2_1'], b: [] }],
  ['nodes by label', [peer('tor', { nodeSelector: "rack == '1'", peerIP: '192.0.2.1', asNumber: 64999 })], { a: ['Node_192_0_2_1'], b: [] }],
  ['a port in the address', [peer('tor', { peerIP: '192.0.2.1:1790', asNumber: 64999 })], { a: ['Global_192_0_2_1_port_1790'] }],
  ['a v6 address', [peer('tor', { peerIP: '[2001:db8::1]:1790', asNumber: 64999 })], { a: [], x: ['Global_2001_db8__1_port_1790'] }],
  ['peers by label, and their way back', [peer('rr', { nodeSelector: 'all()', peerSelector: "rack == '2'" })], { a: ['Node_10_0_0_2'], b: ['Node_10_0_0_1', 'Node_10_0_0_8'] }],
  ['without a way back', [peer('rr', { nodeSelector: "rack == '1'", peerSelector: "rack == '2'", reversePeering: 'Manual' })], { a: ['Node_10_0_0_2'], b: [] }],
  ['a peer that is a node has its way back too', [peer('one', { node: 'a', peerIP: '10.0.0.2', asNumber: 64512 })], { a: ['Node_10_0_0_2'], b: ['Node_10_0_0_1'] }],
  ['but not with another AS', [peer('one', { node: 'a', peerIP: '10.0.0.2', asNumber: 64999 })], { a: ['Node_10_0_0_2'], b: [] }],
  ['a peer that is a node says its own AS', [peer('one', { node: 'a', peerIP: '10.0.0.2' })], { a: ['Node_10_0_0_2'], b: ['Node_10_0_0_1'] }],
  ['itself is no peer', [peer('all', { peerIP: '10.0.0.1', asNumber: 64512 })], { a: ['Node_10_0_0_2', 'Node_10_0_0_8'], b: ['Global_10_0_0_1'] }],
  ['global comes before node', [peer('a-node', { node: 'a', peerIP: '192.0.2.1', asNumber: 1 }), peer('b-global', { peerIP: '192.0.2.1', asNumber: 2 })],
    { a: ['Global_192_0_2_1'], b: ['Global_192_0_2_1'] }],
];
test.each(SELECTION)('BGPPeer: %s', (_name, resources, expected) => {
  const nodes = [labelled('a', '10.0.0.1/24', { rack: '1' }), labelled('b', '10.0.0.2/24', { rack: '2' }),
    labelled('x', '10.0.0.8/24', { rack: '3' }, { v6: '2001:db8::8/64' })];
  const snapshot = cluster(nodes, [OFF, ...resources]);
  for (const [name, names] of Object.entries(expected)) expect([name, namesOf(snapshot, name)]).toEqual([name, names]);
});

test('BGPPeer: fields become those of the session', () => {
  const snapshot = cluster([A], [peer('tor', {
    peerIP: '192.0.2.1', asNumber: 64999, localASNumber: 64600, sourceAddress: 'None', nextHopMode: 'Self', maxRestartTime: '2m', keepaliveTime: '45s',
    numAllowedLocalASNumbers: 2,
  }), peer('tor-2', { peerIP: '192.0.2.2', asNumber: 64999, keepOriginalNextHop: true, maxRestartTime: '2h' }),
  peer('tor-3', { peerIP: '192.0.2.3', asNumber: 64512, keepOriginalNextHop: true })]);
  const [first, second, third] = peersOf(snapshot);
  expect(first).toEqual({
    name: 'Global_192_0_2_1', origin: 'global', address: '192.0.2.1', port: 179, asn: 64999, localAsn: 64600, passive: false, families: ['ipv4'], holdTimeSeconds: 135,
    keepaliveSeconds: 45, connectRetrySeconds: 5, restartTimeSeconds: 120, gracefulRestart: true, nextHop: 'self', allowLocalAs: 2, importFilters: [], exportFilters: ['export'],
    addPath: { send: true, receive: true },
  });
  expect(second).toMatchObject({ nextHop: 'keep', restartTimeSeconds: 4095, sourceAddress: '10.0.0.1' });
  expect(third?.nextHop).toBe('auto');
});

test('BGPPeer: an explicit peer takes the place of the mesh session with that address', () => {
  expect(namesOf(cluster([A, B], [peer('one', { node: 'a', peerIP: '10.0.0.2', asNumber: 64512 })]))).toEqual(['Mesh_fd00__2', 'Node_10_0_0_2']);
});

const SECRETS: readonly (readonly [string, Readonly<Record<string, Readonly<Record<string, string>>>>, string])[] = [
  ['no Secret', {}, 'there is no Secret "s" in the agent\'s namespace'],
  ['no such key', { s: { other: 'x' } }, 'Secret "s" has no key "k"'],
  ['an empty value', { s: { k: '' } }, 'the value of "k" in Secret "s" is empty'],
  ['a long value', { s: { k: 'ä'.repeat(41) } }, 'the value of "k" in Secret "s" has 82 octets'],
];
test.each(SECRETS)('BGPPeer with a password must not come up without it: %s; others do, and the mesh does not take its place', (_name, secrets, said) => {
  const snapshot = cluster([A, B], [
    peer('bad', { peerIP: '192.0.2.1', asNumber: 1, password: REF }), peer('good', { peerIP: '192.0.2.2', asNumber: 1 }),
    peer('node', { node: 'a', peerIP: '10.0.0.2', asNumber: 64512, password: REF }),
  ], secrets);
  expect(namesOf(snapshot)).toEqual(['Global_192_0_2_2', 'Mesh_fd00__2']);
  expect(saidOf(snapshot)).toEqual(['bad', 'node'].map((name) => expect.stringContaining(`BGPPeer/${name}.spec.password.secretKeyRef: ${said}`)));
  expect(saidOf(snapshot).join()).not.toContain('ä');
});

test('BGPPeer: the other end of a peering between nodes has the same password, TTL security, filters and timers', () => {
  const both = peer('rr', { nodeSelector: "rack == '1'", peerSelector: "rack == '2'", password: REF, ttlSecurity: 2, filters: ['f'], keepaliveTime: '10s', maxRestartTime: '33s' });
  const nodes = [labelled('a', '10.0.0.1/24', { rack: '1' }), labelled('b', '10.0.0.2/24', { rack: '2' })];
  const snapshot = cluster(nodes, [OFF, both, { kind: 'BGPFilter', name: 'f', spec: { importV4: [{ action: 'Accept' }] } }], { s: { k: 'p' } });
  const expected = { password: 'p', ttlSecurityHops: 2, importFilters: ['f.import'], keepaliveSeconds: 10, restartTimeSeconds: 33 };
  expect(peersOf(snapshot, 'a')).toMatchObject([{ address: '10.0.0.2', ...expected }]);
  expect(peersOf(snapshot, 'b')).toMatchObject([{ address: '10.0.0.1', ...expected }]);
});

test('a node with a cluster ID reflects for its internal peers, unless they reflect for the same cluster', () => {
  const nodes = [
    node('a', { v4: '10.0.0.1/24', clusterId: '244.0.0.1' }), node('same', { v4: '10.0.0.2/24', clusterId: '244.0.0.1' }),
    node('other', { v4: '10.0.0.3/24', clusterId: '244.0.0.2' }), node('client', { v4: '10.0.0.4/24' }), node('outside', { v4: '10.0.0.5/24', asn: 65001 }),
  ];
  const snapshot = cluster(nodes, [peer('all', { nodeSelector: 'all()', peerSelector: 'all()' }), peer('tor', { peerIP: '192.0.2.1', asNumber: 64512 }), settings({ serviceExternalIPs: [{ cidr: '203.0.113.0/24' }] })]);
  expect(configOf(snapshot).global.clusterId).toBe('244.0.0.1');
  expect(peersOf(snapshot).map((p) => [p.address, p.reflectorClient ?? false])).toEqual([
    ['192.0.2.1', true], ['10.0.0.2', false], ['10.0.0.3', true], ['10.0.0.4', true], ['10.0.0.5', false],
  ]);
  expect(peersOf(snapshot, 'client').some((p) => p.reflectorClient === true)).toBe(false);
  const accepts = (name: string): string[] => configOf(snapshot, name).filters.filters[0]!.rules
    .filter((r) => r.action === 'accept' && r.sources === undefined).flatMap((r) => r.prefixes ?? []).map((p) => p.prefix);
  expect(accepts('a')).toEqual(['203.0.113.0/24']);
  expect(accepts('client')).toEqual([]);
});

const SAID: readonly (readonly [string, readonly Written[], readonly string[], string])[] = [
  ['an unknown node', [peer('p', { node: 'zz', peerIP: '192.0.2.1', asNumber: 1 })], [], 'BGPPeer/p.spec.node: "zz" is not a node of this cluster: expected the name of one'],
  ['no AS number', [peer('p', { peerIP: '192.0.2.1' })], [], 'BGPPeer/p.spec.asNumber: missing: expected the AS number of 192.0.2.1'],
  ['nothing to peer with', [peer('p', {})], [], 'BGPPeer/p.spec: no peer is named: expected peerIP, peerSelector or localWorkloadSelector'],
  ['a family that the node lacks', [peer('p', { peerIP: 'fd00::9', asNumber: 1 })], [],
    'BGPPeer/p.spec.peerIP: fd00::9 is IPv6, but Node/c has no IPv6 address: expected one, or sourceAddress None'],
  ['the same address twice', [peer('p', { peerIP: '192.0.2.1', asNumber: 1 }), peer('q', { peerIP: '192.0.2.1:1790', asNumber: 1 })], ['Global_192_0_2_1'],
    'BGPPeer/q.spec.peerIP: 192.0.2.1 is a peer of this node already by BGPPeer/p: expected each address once; this one is left out'],
  ['the same address twice, the later first by name',
    [['p', '2026-02-01T00:00:00Z'], ['q', '2026-01-01T00:00:00Z']].map(([name, creationTimestamp]) =>
      ({ ...peer(name!, { peerIP: '192.0.2.1', asNumber: 1 }), metadata: { creationTimestamp } })), ['Global_192_0_2_1'],
    'BGPPeer/p.spec.peerIP: 192.0.2.1 is a peer of this node already by BGPPeer/q: expected each address once; this one is left out'],
  ['a BGPFilter that is not there', [peer('p', { peerIP: '192.0.2.1', asNumber: 1, filters: ['gone'] })], ['Global_192_0_2_1'],
    'BGPPeer/p.spec.filters[0]: there is no BGPFilter "gone": expected the name of one; the session goes without it'],
  ['a community that is none', [settings({ prefixAdvertisements: [{ cidr: '10.0.0.0/8', communities: ['gold', '1:2'] }] })], [],
    'BGPConfiguration/default.spec.prefixAdvertisements[0].communities[0]: "gold" is not a community'],
  ['nobody puts routes into the kernel', [settings({ programClusterRoutes: 'Disabled' }), pool('p', { cidr: '10.244.0.0/16' })], [],
    'BGPConfiguration/default.spec.programClusterRoutes: Disabled, and FelixConfiguration does not ask for them either: nobody puts routes of IPPool/p into the kernel'],
  ['WireGuard', [{ kind: 'FelixConfiguration', name: 'node.c', spec: { wireguardEnabled: true } }], [], 'FelixConfiguration/node.c.spec.wireguardEnabled: WireGuard is not built yet'],
];
test.each(SAID)('said: %s', (_name, resources, names, said) => {
  const snapshot = cluster([C], resources);
  expect(saidOf(snapshot, 'c')).toEqual([expect.stringContaining(said)]);
  expect(namesOf(snapshot, 'c')).toEqual(names);
});

test('identity: router ID of a node without IPv4 is made of its name; without any address it only says so', () => {
  const only6 = cluster([node('six', { v6: 'fd00::6/64' }), B]);
  const { routerId } = configOf(only6, 'six').global;
  expect(routerId).toMatch(/^\d+\.\d+\.\d+\.\d+$/);
  expect(configOf(only6, 'six').global.routerId).toBe(routerId);
  expect(namesOf(only6, 'six')).toEqual(['Mesh_fd00__2']);
  const none = cluster([node('none'), B]);
  expect(configOf(none, 'none')).toMatchObject({ peers: { peers: [] }, global: { listen: { port: 0 } } });
  expect(saidOf(none, 'none')).toEqual([expect.stringContaining('Node/none.metadata.annotations["projectcalico.org/IPv4Address"]: missing: expected the address of this node')]);
});

test('identity: nothing is said to bgpd about a node that is not there, or when the AS number of the cluster is unreadable', () => {
  expect(speakerConfigFor(cluster([B]), 'a')).toEqual({ value: undefined, problems: [{ path: 'Node/a', message: 'this node is not in the cluster: expected a Node of this name' }] });
  expect(speakerConfigFor(cluster([A, B], [settings({ asNumber: 0 })]), 'a').value).toBeUndefined();
  expect(speakerConfigFor(cluster([A, B], [settings({ listenPort: 0 })]), 'a').value?.peers.peers).toHaveLength(2);
});

test('listening only where told, with the metric that is set', () => {
  const snapshot = cluster([A], [settings({ bindMode: 'NodeIP', ipv4NormalRoutePriority: 500, ipv6NormalRoutePriority: 500 })]);
  expect(configOf(snapshot).global).toMatchObject({ listen: { addresses: ['10.0.0.1', 'fd00::1'] }, kernel: { metric: 500 } });
  expect(saidOf(snapshot)).toEqual([]);
});

/** LOCAL_PREF of priority 1024. */
const NORMAL = 2147482623;

test('only confirmed blocks of this node are announced; one address needs no blackhole', () => {
  const snapshot = cluster([A], [affinity('a', '10.244.1.0/26', 'pending'), affinity('a', '10.244.2.0/26', ''), affinity('a', '10.244.3.0/26', 'pendingDeletion'),
    affinity('a', '10.244.4.0/26', 'confirmed', { deleted: true }), affinity('a', '10.244.5.7/32'), affinity('b', '10.244.6.0/26'),
    affinity('a', '10.244.7.0/26', 'confirmed', { type: 'virtual' }), affinity('a', 'fd00:10::/122')]);
  expect(configOf(snapshot).originate.routes).toEqual([
    { prefix: '10.244.2.0/26', blackhole: true, localPref: NORMAL }, { prefix: '10.244.5.7/32', blackhole: false, localPref: NORMAL }, { prefix: 'fd00:10::/122', blackhole: true, localPref: NORMAL },
  ]);
});

test('filters: Calico\'s steps of export in their order', () => {
  const snapshot = cluster([A], [
    pool('p', { cidr: '10.244.0.0/16', disabled: true }), pool('secret', { cidr: '10.245.0.0/16', disableBGPExport: true }), pool('v', { cidr: '10.246.0.0/16', vxlanMode: 'Always' }),
    pool('six', { cidr: 'fd00:10::/48' }), affinity('a', '10.245.1.0/26'), affinity('a', 'fd00:10::/122'),
    settings({
      serviceClusterIPs: [{ cidr: '10.96.0.0/12' }], serviceExternalIPs: [{ cidr: '203.0.113.7/32' }], ipv6NormalRoutePriority: 2048,
      communities: [{ name: 'gold', value: '64512:7' }], prefixAdvertisements: [{ cidr: '10.244.0.0/16', communities: ['gold', '64512:1:2'] }],
    }),
  ]);
  const [exported, kernel, redistributed] = configOf(snapshot).filters.filters;
  const [p, secret, v, six] = ['10.244.0.0/16', '10.245.0.0/16', '10.246.0.0/16'].map((x) => ({ prefix: x, maxLength: 32 })).concat({ prefix: 'fd00:10::/48', maxLength: 128 });
  const services = [{ prefix: '10.96.0.0/12', maxLength: 32 }, { prefix: '203.0.113.7/32', maxLength: 32 }];
  expect(exported?.rules).toEqual([
    { action: 'reject', prefixes: [secret] },
    { action: 'reject', sessions: ['ibgp'], interfaces: ['*.cali', '*.calico', 'tunl0'] },
    { action: 'reject', interfaces: ['bpf*.cali'] },
    { action: 'next', prefixes: [p], set: { addCommunities: ['64512:7', '64512:1:2'] } },
    { action: 'accept', prefixes: [{ prefix: '10.245.1.0/26' }, { prefix: 'fd00:10::/122' }] },
    { action: 'accept', prefixes: [{ prefix: '10.245.1.0/26', maxLength: 32 }], minLocalPref: 2147482624 },
    { action: 'accept', prefixes: [{ prefix: 'fd00:10::/122', maxLength: 128 }], minLocalPref: 2147481600 },
    { action: 'reject', prefixes: [{ prefix: '10.245.1.0/26', maxLength: 32 }, { prefix: 'fd00:10::/122', maxLength: 128 }] },
    { action: 'accept', prefixes: services, sources: ['originated'] },
    { action: 'accept', prefixes: [p, six, v] },
  ]);
  expect(kernel).toEqual({ name: 'kernel', otherwise: 'accept', rules: [{ action: 'reject', prefixes: services }, { action: 'reject', prefixes: [v] }] });
  expect(redistributed?.rules).toEqual([
    { action: 'accept', prefixes: [{ prefix: '10.245.1.0/26', maxLength: 32 }, { prefix: 'fd00:10::/122', maxLength: 128 }] },
    { action: 'accept', prefixes: [p, six, v] },
  ]);
});

const PROGRAMMED: readonly (readonly [string, string | undefined, string | undefined, boolean])[] = [
  ['as Calico divides it by default', undefined, undefined, true], ['BGP', 'Enabled', 'Disabled', true], ['Felix, whose part bgpd does', 'Disabled', 'Enabled', true],
  ['only IPIP by both', 'EnabledIPIPOnly', 'EnabledIPIPOnly', false], ['neither', 'Disabled', 'Disabled', false], ['BGP says nothing of it, Felix its default', 'EnabledIPIPOnly', undefined, false],
];
test.each(PROGRAMMED)('filters: routes into the kernel are asked for by %s', (_name, bgp, felix, isPut) => {
  const snapshot = cluster([A], [pool('p', { cidr: '10.244.0.0/16' }), ...(bgp === undefined ? [] : [settings({ programClusterRoutes: bgp })]),
    ...(felix === undefined ? [] : [{ kind: 'FelixConfiguration' as const, name: 'default', spec: { programClusterRoutes: felix } }])]);
  expect(configOf(snapshot).filters.filters[1]!.rules).toEqual(isPut ? [] : [{ action: 'reject', prefixes: [{ prefix: '10.244.0.0/16', maxLength: 32 }] }]);
  expect(saidOf(snapshot)).toHaveLength(isPut ? 0 : 1);
});

test('filters: communities of node.NAME take the place of those of all nodes, and may use their names', () => {
  const snapshot = cluster([A, B], [
    settings({ communities: [{ name: 'gold', value: '1:2' }], prefixAdvertisements: [{ cidr: '10.0.0.0/8', communities: ['gold'] }] }),
    settings({ prefixAdvertisements: [{ cidr: '10.9.0.0/16', communities: ['gold', '3:4'] }] }, 'node.b'),
  ]);
  const added = (name: string) => configOf(snapshot, name).filters.filters[0]!.rules.filter((r) => r.action === 'next').map((r) => [r.prefixes![0]!.prefix, r.set!.addCommunities]);
  expect([added('a'), added('b')]).toEqual([[['10.0.0.0/8', ['1:2']]], [['10.9.0.0/16', ['1:2', '3:4']]]]);
});

test('pools: what is not built is said, and the pool still counts', () => {
  const { pools, problems } = usablePools(cluster([], [pool('p', { cidr: '10.244.0.0/16', ipipMode: 'CrossSubnet', natOutgoing: true })]).IPPool.values());
  expect(pools.map((p) => p.metadata.name)).toEqual(['p']);
  expect(problems.map(showProblem)).toEqual([
    "IPPool/p.spec.ipipMode: CrossSubnet is not built yet: expected Never; other nodes' addresses of this pool are not reachable",
    'IPPool/p.spec.natOutgoing: true is not built yet: expected false; packets leave the cluster with the address of their pod',
  ]);
});

test('pools: of two that overlap the older one stays, and the problem names both', () => {
  const young = pool('a-young', { cidr: '10.244.0.0/24' }, '2026-02-01T00:00:00Z');
  const old = pool('b-old', { cidr: '10.244.0.0/16' });
  const other = pool('c', { cidr: 'fd00::/48' });
  const { pools, problems } = usablePools(cluster([], [young, old, other]).IPPool.values());
  expect(pools.map((p) => p.metadata.name)).toEqual(['b-old', 'c']);
  expect(problems.map(showProblem)).toEqual([
    'IPPool/a-young.spec.cidr: 10.244.0.0/24 overlaps 10.244.0.0/16 of IPPool/b-old, which is older: expected a range of its own; this pool is not used',
  ]);
  const same = usablePools(cluster([], [pool('y', { cidr: '10.0.0.0/16' }), pool('x', { cidr: '10.0.0.0/16' })]).IPPool.values());
  expect(same.pools.map((p) => p.metadata.name)).toEqual(['x']);
});

test('translating step by step gives what translating from nothing gives, between any two clusters', () => {
  const clusters = [
    cluster([]), cluster([A]), cluster([A, B, C]), cluster([node('a', { v4: '10.0.0.7/24', asn: 7 }), B]),
    cluster([A, B], [pool('p', { cidr: '10.244.0.0/16' }), affinity('a', '10.244.1.0/26')]),
    cluster([A, B], [pool('p', { cidr: '10.244.0.0/16', disableBGPExport: true }), affinity('a', '10.244.2.0/26'), OFF, peer('t', { peerIP: '192.0.2.1', asNumber: 1 })]),
    cluster([A, B], [settings({ asNumber: 0 }), affinity('a', '10.244.3.0/26')]),
    cluster([A, B], [settings({ nodeMeshPassword: REF }), pool('p', { cidr: '10.244.0.0/16' })], { s: { k: 'one' } }),
    cluster([A, B], [settings({ nodeMeshPassword: REF }), pool('p', { cidr: '10.244.0.0/16' })], { s: { k: 'two' } }),
    cluster([A, B], [settings({ nodeMeshPassword: REF })]),
    cluster([A], [peer('t', { peerIP: '192.0.2.1', asNumber: 1, filters: ['f'] }), { kind: 'BGPFilter', name: 'f', spec: { exportV4: [{ action: 'Accept' }] } }]),
    cluster([A], [peer('t', { peerIP: '192.0.2.1', asNumber: 1, filters: ['f'] }), { kind: 'BGPFilter', name: 'f', spec: { importV4: [{ action: 'Reject' }] } }]),
    cluster([A], [peer('t', { peerIP: '192.0.2.1', asNumber: 1, filters: ['f'] })]),
    cluster([A, B], [settings({ serviceClusterIPs: [{ cidr: '10.96.0.0/12' }] }), { kind: 'FelixConfiguration', name: 'default', spec: { bpfEnabled: true } }]),
  ];
  /** The kinds of which anything differs: what a source of changes would name. */
  const changed = (from: ClusterSnapshot, to: ClusterSnapshot): Set<ClusterKind> =>
    new Set([...TRANSLATED_KINDS].filter((k) => text(from, k) !== text(to, k)));
  const text = (snapshot: ClusterSnapshot, kind: ClusterKind): string =>
    JSON.stringify([...snapshot[kind]], (_k, v: unknown) => (typeof v === 'bigint' ? String(v) : v));
  for (const from of clusters) {
    for (const to of clusters) {
      const translation = new SpeakerTranslation('a');
      translation.update(from, TRANSLATED_KINDS);
      expect(translation.update(to, changed(from, to))).toEqual(speakerConfigFor(to, 'a'));
    }
  }
});
