/** Every field of Calico's BGP kinds and every annotation changes something that can be named: one row each. */
import { expect, test } from '@jest/globals';
import { BGP_CONFIGURATION } from '../../../../config/kinds/bgp-configuration.ts';
import { BGP_FILTER } from '../../../../config/kinds/bgp-filter.ts';
import { BGP_PEER } from '../../../../config/kinds/bgp-peer.ts';
import { NODE_ANNOTATIONS, readNode } from '../../../../config/kinds/node.ts';
import { CONFIGURATION_ANNOTATIONS, NODE_ACTIONS, PEER_ANNOTATIONS } from '../../../../config/kinds/tortie-annotations.ts';
import { peeringLinks } from '../../../../config/translate/local-workloads.ts';
import { speakerConfigFor } from '../../../../config/translate/speaker.ts';
import type { ClusterSnapshot } from '../../../../config/translate/snapshot.ts';
import { showIp } from '../../../../lib/ip/text.ts';
import { cluster, node, type Written } from '../../../support/cluster-builders.ts';

/** Names of the leaves of a schema: `communities[].name`. */
function leaves(openapi: unknown, at = ''): string[] {
  const { type, properties, items } = openapi as { type?: string; properties?: Record<string, unknown>; items?: unknown };
  if (type === 'object') return Object.entries(properties ?? {}).flatMap(([name, inner]) => leaves(inner, at === '' ? name : `${at}.${name}`));
  return type === 'array' ? leaves(items, `${at}[]`) : [at];
}

/** What a path of a SpeakerConfig holds: `peers.peers.0.asn`. */
function observed(value: unknown, path: string): unknown {
  return path.split('.').reduce<unknown>((here, part) => (here as Record<string, unknown> | undefined)?.[part], value);
}

/** `look` names what changes: a path of the SpeakerConfig, or what else shows it. `before` defaults to nothing set. */
interface Change {
  readonly before?: object;
  readonly after: object;
  readonly look: string | ((cluster: ClusterSnapshot) => unknown);
  readonly was?: unknown;
  readonly is: unknown;
}
type Rows = Readonly<Record<string, Change>>;

const seen = (snapshot: ClusterSnapshot, look: Change['look']): unknown =>
  (typeof look === 'string' ? observed(speakerConfigFor(snapshot, 'a').value, look) : look(snapshot));

const names = (snapshot: ClusterSnapshot): string[] => speakerConfigFor(snapshot, 'a').value!.peers.peers.map((p) => p.name);

function check({ before = {}, after, look, was, is }: Change, snapshotOf: (spec: object) => ClusterSnapshot): void {
  expect(seen(snapshotOf(before), look)).toEqual(was);
  const snapshot = snapshotOf(after);
  expect(snapshot.problems).toEqual([]);
  expect(seen(snapshot, look)).toEqual(is);
}

const A = node('a', { v4: '10.0.0.1/24', v6: 'fd00::1/64', labels: { rack: '1' } });
const B = node('b', { v4: '10.0.0.2/24', labels: { rack: '2' } });
const SECRETS = { s: { k: 'one', l: 'two' }, t: { k: 'three' } };
const POOL: Written = { kind: 'IPPool', name: 'p', spec: { cidr: '10.244.0.0/16' } };
const BLOCK: Written = { kind: 'BlockAffinity', name: 'x', spec: { cidr: '10.244.1.0/26', node: 'a', state: 'confirmed', deleted: false } };
const ref = (name: string, key: string) => ({ secretKeyRef: { name, key } });

const settingsOf = (spec: object): ClusterSnapshot => cluster([A, B], [
  { kind: 'BGPConfiguration', name: 'default', spec }, POOL, BLOCK, { kind: 'BGPPeer', name: 'w', spec: { localWorkloadSelector: 'all()', asNumber: 65001 } },
], SECRETS);
const withPod = (spec: object): ClusterSnapshot => {
  const snapshot = settingsOf(spec);
  const pod = { namespace: 'n', pod: 'p', containerId: 'c', labels: {}, addresses: [...[0x0af40105], ...[0xfd00_0010_0000_0000_0000_0000_0000_0005n]] };
  return { ...snapshot, Workload: new Map([['n/p', pod as never]]) };
};
const links = (snapshot: ClusterSnapshot): string[] => peeringLinks(withPod(snapshot.BGPConfiguration.get('default')?.spec ?? {}), 'a').flatMap((l) => l.addresses.map(showIp));
const communities = 'filters.filters.0.rules.2.set.addCommunities.0';
const advertised = (cidr: string, community: string) => ({ prefixAdvertisements: [{ cidr, communities: [community] }], communities: [{ name: 'gold', value: '1:2' }] });
const originated = (snapshot: ClusterSnapshot): string[] => speakerConfigFor(snapshot, 'a').value!.originate.routes.map((r) => r.prefix);
const MESH = 'peers.peers.0';

const CONFIGURATION: Rows = {
  logSeverityScreen: { after: { logSeverityScreen: 'Debug' }, look: 'global.logLevel', was: 'info', is: 'debug' },
  nodeToNodeMeshEnabled: { after: { nodeToNodeMeshEnabled: false }, look: names, was: ['Mesh_10_0_0_2'], is: [] },
  asNumber: { after: { asNumber: 65000 }, look: 'global.asn', was: 64512, is: 65000 },
  'serviceLoadBalancerIPs[].cidr': { after: { serviceLoadBalancerIPs: [{ cidr: '203.0.113.0/24' }] }, look: originated, was: ['10.244.1.0/26'], is: ['10.244.1.0/26', '203.0.113.0/24'] },
  'serviceExternalIPs[].cidr': { after: { serviceExternalIPs: [{ cidr: '203.0.113.0/24' }] }, look: originated, was: ['10.244.1.0/26'], is: ['10.244.1.0/26', '203.0.113.0/24'] },
  'serviceClusterIPs[].cidr': { after: { serviceClusterIPs: [{ cidr: '10.96.0.0/12' }] }, look: originated, was: ['10.244.1.0/26'], is: ['10.244.1.0/26', '10.96.0.0/12'] },
  serviceLoadBalancerAggregation: {
    before: { serviceLoadBalancerIPs: [{ cidr: '203.0.113.0/24' }] }, after: { serviceLoadBalancerIPs: [{ cidr: '203.0.113.0/24' }], serviceLoadBalancerAggregation: 'Disabled' },
    look: originated, was: ['10.244.1.0/26', '203.0.113.0/24'], is: ['10.244.1.0/26'],
  },
  'communities[].name': { after: advertised('10.244.0.0/16', 'gold'), look: communities, is: '1:2' },
  'communities[].value': { before: advertised('10.244.0.0/16', 'gold'), after: { ...advertised('10.244.0.0/16', 'gold'), communities: [{ name: 'gold', value: '1:2:3' }] }, look: communities, was: '1:2', is: '1:2:3' },
  'prefixAdvertisements[].cidr': { before: advertised('10.244.0.0/16', '1:1'), after: advertised('10.244.0.0/17', '1:1'), look: 'filters.filters.0.rules.2.prefixes.0.prefix', was: '10.244.0.0/16', is: '10.244.0.0/17' },
  'prefixAdvertisements[].communities[]': { before: advertised('10.244.0.0/16', '1:1'), after: advertised('10.244.0.0/16', '7:7'), look: communities, was: '1:1', is: '7:7' },
  listenPort: { after: { listenPort: 1790 }, look: 'global.listen.port', was: 179, is: 1790 },
  'nodeMeshPassword.secretKeyRef.name': { before: { nodeMeshPassword: ref('s', 'k') }, after: { nodeMeshPassword: ref('t', 'k') }, look: `${MESH}.password`, was: 'one', is: 'three' },
  'nodeMeshPassword.secretKeyRef.key': { before: { nodeMeshPassword: ref('s', 'k') }, after: { nodeMeshPassword: ref('s', 'l') }, look: `${MESH}.password`, was: 'one', is: 'two' },
  nodeMeshMaxRestartTime: { after: { nodeMeshMaxRestartTime: '33s' }, look: `${MESH}.restartTimeSeconds`, is: 33 },
  bindMode: { after: { bindMode: 'NodeIP' }, look: 'global.listen.addresses', was: [], is: ['10.0.0.1', 'fd00::1'] },
  'ignoredInterfaces[]': { after: { ignoredInterfaces: ['eth7*'] }, look: 'global.kernel.ignoredInterfaces.0', was: 'kube-ipvs*', is: 'eth7*' },
  localWorkloadPeeringIPV4: { after: { localWorkloadPeeringIPV4: '169.254.1.1' }, look: links, was: [], is: ['169.254.1.1'] },
  localWorkloadPeeringIPV6: { after: { localWorkloadPeeringIPV6: 'fd00:1::1' }, look: links, was: [], is: ['fd00:1::1'] },
  programClusterRoutes: { after: { programClusterRoutes: 'Disabled' }, look: 'filters.filters.1.rules.0.action', is: 'reject' },
  ipv4NormalRoutePriority: { after: { ipv4NormalRoutePriority: 2000 }, look: 'originate.routes.0.localPref', was: 2147482623, is: 2147481647 },
  ipv6NormalRoutePriority: { after: { ipv6NormalRoutePriority: 2000 }, look: 'global.kernel.metric6', is: 2000 },
};

/** Fields that say nothing to a speaker, and why. */
const SILENT: Readonly<Record<string, string>> = {
  'nodeMeshPassword.secretKeyRef.optional': 'a session never comes up without its password',
  'password.secretKeyRef.optional': 'a session never comes up without its password',
};

const PEER = { peerIP: '192.0.2.1', asNumber: 65001 };
const peerOf = (spec: object): ClusterSnapshot => cluster([A, B], [
  { kind: 'BGPConfiguration', name: 'default', spec: { nodeToNodeMeshEnabled: false } }, { kind: 'BGPPeer', name: 'x', spec },
  { kind: 'BGPFilter', name: 'f', spec: { importV4: [{ action: 'Accept' }], exportV4: [{ action: 'Reject' }] } },
], SECRETS);
const withWorkload = (snapshot: ClusterSnapshot): ClusterSnapshot =>
  ({ ...snapshot, Workload: new Map([['n/p', { namespace: 'n', pod: 'p', containerId: 'c', labels: {}, addresses: [0x0af40105] } as never]]) });
const peer = (more: object, look: string, is: unknown, was?: unknown, before: object = PEER): Change => ({ before, after: { ...before, ...more }, look: `${MESH}.${look}`, was, is });

const PEERS: Rows = {
  node: { before: PEER, after: { ...PEER, node: 'b' }, look: names, was: ['Global_192_0_2_1'], is: [] },
  nodeSelector: { before: PEER, after: { ...PEER, nodeSelector: "rack == '1'" }, look: names, was: ['Global_192_0_2_1'], is: ['Node_192_0_2_1'] },
  peerIP: peer({ peerIP: '192.0.2.7:1790' }, 'address', '192.0.2.7', '192.0.2.1'),
  asNumber: peer({ asNumber: 65009 }, 'asn', 65009, 65001),
  localASNumber: peer({ localASNumber: 65002 }, 'localAsn', 65002),
  peerSelector: { before: PEER, after: { peerSelector: "rack == '2'" }, look: names, was: ['Global_192_0_2_1'], is: ['Global_10_0_0_2'] },
  keepOriginalNextHop: peer({ keepOriginalNextHop: true }, 'nextHop', 'keep', 'auto'),
  nextHopMode: peer({ nextHopMode: 'Self' }, 'nextHop', 'self', 'auto'),
  'password.secretKeyRef.name': peer({ password: ref('t', 'k') }, 'password', 'three', 'one', { ...PEER, password: ref('s', 'k') }),
  'password.secretKeyRef.key': peer({ password: ref('s', 'l') }, 'password', 'two', 'one', { ...PEER, password: ref('s', 'k') }),
  sourceAddress: peer({ sourceAddress: 'None' }, 'sourceAddress', undefined, '10.0.0.1'),
  maxRestartTime: peer({ maxRestartTime: '77s' }, 'restartTimeSeconds', 77),
  keepaliveTime: peer({ keepaliveTime: '40s' }, 'keepaliveSeconds', 40),
  numAllowedLocalASNumbers: peer({ numAllowedLocalASNumbers: 3 }, 'allowLocalAs', 3, 0),
  ttlSecurity: peer({ ttlSecurity: 2 }, 'ttlSecurityHops', 2),
  reachableBy: { before: PEER, after: { ...PEER, reachableBy: '10.0.0.254' }, look: 'originate.statics', is: [{ prefix: '192.0.2.1/32', via: '10.0.0.254' }] },
  'filters[]': peer({ filters: ['f'] }, 'exportFilters', ['f.export', 'export'], ['export']),
  localWorkloadSelector: { before: { localWorkloadSelector: "a == 'b'", asNumber: 1 }, after: { localWorkloadSelector: 'all()', asNumber: 1 }, look: (c) => names(withWorkload(c)), was: [], is: ['Local_Workload_10_244_1_5'] },
  reversePeering: {
    before: { node: 'b', peerSelector: "rack == '1'" }, after: { node: 'b', peerSelector: "rack == '1'", reversePeering: 'Manual' }, look: names, was: ['Node_10_0_0_2'], is: [],
  },
};

/** Rules of one family and direction; `R` stands for the rule in the compiled filter. */
const R = 'filters.filters.3.rules.0';
const filterRows = (family: 4 | 6): Rows => {
  const [cidr, more, bits] = family === 4 ? ['44.0.0.0/16', '44.0.0.0/17', 32] : ['4400::/16', '4400::/17', 128];
  const all = family === 4 ? '0.0.0.0/0' : '::/0';
  const accept = { action: 'Accept' };
  const inside = { ...accept, cidr, matchOperator: 'In' };
  const row = (change: object, look: string, is: unknown, was?: unknown, before: object = accept): Change => ({ before, after: { ...before, ...change }, look: `${R}.${look}`, was, is });
  return {
    cidr: row({ cidr: more }, 'prefixes.0.prefix', more, cidr, inside),
    matchOperator: row({ matchOperator: 'NotIn' }, 'notPrefixes', [{ prefix: cidr, maxLength: bits }], undefined, inside),
    'prefixLength.min': row({ prefixLength: { min: 20 } }, 'prefixes.0.minLength', 20, undefined, inside),
    'prefixLength.max': row({ prefixLength: { max: 20 } }, 'prefixes.0.maxLength', 20, bits, inside),
    source: row({ source: 'RemotePeers' }, 'sources', ['ebgp', 'ibgp']),
    interface: row({ interface: 'eth*' }, 'interfaces', ['eth*']),
    peerType: row({ peerType: 'iBGP' }, 'sessions', ['ibgp']),
    'communities.values[]': row({ communities: { values: ['65000:1'] } }, 'communities', ['65000:1']),
    'asPathPrefix[]': row({ asPathPrefix: [65001, 65002] }, 'asPathPrefix', [65001, 65002]),
    priority: row({ priority: 512 }, 'localPref', 2147483135),
    action: row({ action: 'Reject' }, 'action', 'reject', 'accept'),
    'operations[].addCommunity.value': row({ operations: [{ addCommunity: { value: '65000:1:2' } }] }, 'set', { addCommunities: ['65000:1:2'] }),
    'operations[].prependASPath.prefix[]': row({ operations: [{ prependASPath: { prefix: [65001, 65002] } }, { prependASPath: { prefix: [65003] } }] }, 'set', { prependAsns: [65003, 65001, 65002] }),
    'operations[].setPriority.value': row({ operations: [{ setPriority: { value: 512 } }] }, 'set', { localPref: 2147483135 }),
    '': row({}, 'prefixes', [{ prefix: all, maxLength: bits }], [{ prefix: all, maxLength: bits }]),
  };
};
const LISTS = ['importV4', 'exportV4', 'importV6', 'exportV6'] as const;
const FILTERS: Rows = Object.fromEntries(LISTS.flatMap((list) => Object.entries(filterRows(list.endsWith('4') ? 4 : 6))
  .map(([field, { before, after, ...rest }]) => [`${list}[]${field === '' ? '' : `.${field}`}`, { ...rest, before: { [list]: [before] }, after: { [list]: [after] } }])));
/** Only the direction and family in question, so that its filter is the only one. */
const filterOf = (spec: object): ClusterSnapshot => {
  const v6 = Object.keys(spec)[0]!.endsWith('6');
  return cluster([A], [{ kind: 'BGPFilter', name: 'f', spec }, { kind: 'BGPPeer', name: 'x', spec: { peerIP: v6 ? '2001:db8::1' : '192.0.2.1', asNumber: 1, filters: ['f'] } }]);
};

const KINDS = [
  ['BGPConfiguration', BGP_CONFIGURATION.spec.openapi.v3, CONFIGURATION, settingsOf],
  ['BGPPeer', BGP_PEER.spec.openapi.v3, PEERS, peerOf],
  ['BGPFilter', BGP_FILTER.spec.openapi.v3, FILTERS, filterOf],
] as const;

test.each(KINDS)('%s: every field of its schema has a row, and no other', (_kind, openapi, rows, _snapshotOf) => {
  const fields = Object.keys(rows).filter((f) => !f.endsWith('[]') || leaves(openapi).includes(f));
  expect(fields.sort()).toEqual(leaves(openapi).filter((f) => SILENT[f] === undefined).sort());
});

const ROWS = KINDS.flatMap(([kind, , rows, snapshotOf]) => Object.entries(rows).map(([field, change]) => [`${kind} ${field}`, change, snapshotOf] as const));
test.each(ROWS)('%s', (_name, change, snapshotOf) => { check(change, snapshotOf); });

/** Annotations: BGPPeer, BGPConfiguration, Node. Values are text. */
const annotated = (kind: 'BGPPeer' | 'BGPConfiguration', spec: object) => (annotations: object): ClusterSnapshot => {
  const written = Object.fromEntries(Object.entries(annotations).map(([name, text]) => [`tortie.io/${name}`, text as string]));
  const other: Written = kind === 'BGPPeer' ? { kind: 'BGPConfiguration', name: 'default', spec: { nodeToNodeMeshEnabled: false } } : { kind: 'BGPPeer', name: 'x', spec: PEER };
  return cluster([A], [{ kind, name: kind === 'BGPPeer' ? 'x' : 'default', spec, metadata: { annotations: written } }, other]);
};
const say = (after: object, look: string, is: unknown, was?: unknown, before: object = {}): Change => ({ before, after: { ...before, ...after }, look, was, is });
const limit = { 'maximum-prefixes': '100' };

const SESSION_ROWS: Rows = {
  'maximum-prefixes': say(limit, `${MESH}.maximumPrefixes`, { limit: 100, action: 'close' }),
  'maximum-prefixes-warning-percent': say({ 'maximum-prefixes-warning-percent': '90' }, `${MESH}.maximumPrefixes.warningPercent`, 90, undefined, limit),
  'maximum-prefixes-action': say({ 'maximum-prefixes-action': 'warn' }, `${MESH}.maximumPrefixes.action`, 'warn', 'close', limit),
  'maximum-prefixes-restart': say({ 'maximum-prefixes-restart': '5m' }, `${MESH}.maximumPrefixes.restartSeconds`, 300, undefined, limit),
  'as-override': say({ 'as-override': 'true' }, `${MESH}.asOverride`, true),
  'remove-private-as': say({ 'remove-private-as': 'true' }, `${MESH}.removePrivateAs`, true),
  'default-originate': say({ 'default-originate': 'ipv4' }, `${MESH}.defaultOriginate`, ['ipv4']),
  role: say({ role: 'customer' }, `${MESH}.role`, { local: 'customer', strict: false }),
  'role-strict': say({ 'role-strict': 'true' }, `${MESH}.role.strict`, true, false, { role: 'peer' }),
  'add-path': say({ 'add-path': 'receive' }, `${MESH}.addPath`, { send: false, receive: true }, { send: true, receive: true }),
  'extended-messages': say({ 'extended-messages': 'false' }, `${MESH}.extendedMessages`, false),
  'graceful-restart-notification': say({ 'graceful-restart-notification': 'true' }, `${MESH}.notificationRestart`, true),
  'long-lived-stale-time': say({ 'long-lived-stale-time': '1h' }, `${MESH}.longLivedStaleSeconds`, 3600),
  'graceful-shutdown': say({ 'graceful-shutdown': 'true' }, `${MESH}.gracefulShutdown`, true),
  'hold-time': say({ 'hold-time': '9' }, `${MESH}.holdTimeSeconds`, 9, 90),
  'failure-detection-mode': say({ 'failure-detection-mode': 'BFDIfDirectlyConnected' }, `${MESH}.bfd`, { hops: 'direct-only', transmitMs: 300, receiveMs: 300, multiplier: 3 }),
  'bfd-hops': say({ 'bfd-hops': 'auto' }, `${MESH}.bfd.hops`, 'auto', 'direct-only', { 'failure-detection-mode': 'BFDIfDirectlyConnected' }),
  'bfd-transmit-interval': say({ 'bfd-transmit-interval': '50ms' }, `${MESH}.bfd.transmitMs`, 50, 300, { 'bfd-hops': 'multihop' }),
  'bfd-receive-interval': say({ 'bfd-receive-interval': '1s' }, `${MESH}.bfd.receiveMs`, 1000, 300, { 'bfd-hops': 'multihop' }),
  'bfd-multiplier': say({ 'bfd-multiplier': '5' }, `${MESH}.bfd.multiplier`, 5, 3, { 'bfd-hops': 'multihop' }),
};
const OVER_IPV6: Rows = { 'extended-next-hop': say({ 'extended-next-hop': 'true' }, `${MESH}.families`, ['ipv4', 'ipv6'], ['ipv6']) };
const NAMELESS: Rows = {
  'remote-as': say({ 'remote-as': 'external' }, `${MESH}.asn`, 'external'),
  interface: say({ interface: 'eth1', 'remote-as': 'internal' }, 'peers.unnumbered.0.interface', 'eth1'),
  'peer-prefix': say({ 'peer-prefix': '10.9.0.0/24', 'remote-as': 'external' }, 'peers.dynamic.0.prefix', '10.9.0.0/24'),
  'maximum-peers': say({ 'maximum-peers': '7' }, 'peers.dynamic.0.maximumPeers', 7, 100, { 'peer-prefix': '10.9.0.0/24', 'remote-as': 'external' }),
};
const GLOBAL: Rows = {
  guards: say({ guards: 'own-blocks' }, 'global.guards', { martians: false, ownBlocks: true, except: [] }, { martians: true, ownBlocks: true, except: [] }),
  'allow-martians': say({ 'allow-martians': '192.0.2.0/24, 2001:db8::/32' }, 'global.guards.except', ['192.0.2.0/24', '2001:db8::/32'], []),
  'bmp-stations': say({ 'bmp-stations': '[{"address":"192.0.2.9"}]' }, 'global.bmp.stations', [{ name: '192.0.2.9', address: '192.0.2.9', port: 11019, monitor: ['pre-policy'], statisticsSeconds: 60 }]),
};
const nodeOf = (actions: object): ClusterSnapshot => cluster([node('a', { v4: '10.0.0.1/24', actions: actions as Record<string, string> }), B]);
const ACTIONS: Rows = {
  'bgp-shutdown': say({ 'bgp-shutdown': '{"10.0.0.2":"cable"}' }, `${MESH}.shutdown`, { message: 'cable' }),
  'bgp-clear': { after: { 'bgp-clear': '{"peer":"10.0.0.2","mode":"hard","at":"1"}' }, look: (c) => c.Node.get('a')?.actions['bgp-clear'], is: { peer: '10.0.0.2', mode: 'hard', at: '1' } },
  drain: { after: { drain: '{"at":"1","message":"new kernel"}' }, look: (c) => c.Node.get('a')?.actions.drain, is: { at: '1', waitSeconds: 30, message: 'new kernel' } },
  'graceful-shutdown': say({ 'graceful-shutdown': 'true' }, 'global.gracefulShutdown', true),
};

const ANNOTATED: readonly (readonly [string, Rows, (annotations: object) => ClusterSnapshot])[] = [
  ['BGPPeer', SESSION_ROWS, annotated('BGPPeer', PEER)], ['BGPPeer', OVER_IPV6, annotated('BGPPeer', { peerIP: '2001:db8::1', asNumber: 1 })],
  ['BGPPeer', { 'remote-as': NAMELESS['remote-as']! }, annotated('BGPPeer', { peerIP: '192.0.2.1' })], ['BGPPeer', NAMELESS, annotated('BGPPeer', {})],
  ['BGPConfiguration', SESSION_ROWS, annotated('BGPConfiguration', {})], ['BGPConfiguration', GLOBAL, annotated('BGPConfiguration', {})], ['Node', ACTIONS, nodeOf],
];
const ANNOTATION_ROWS = ANNOTATED.flatMap(([kind, rows, snapshotOf]) => Object.entries(rows)
  .filter(([name]) => name !== 'remote-as' || rows !== NAMELESS).map(([name, change]) => [`${kind} tortie.io/${name}`, change, snapshotOf] as const));
test.each(ANNOTATION_ROWS)('annotation: %s', (_name, change, snapshotOf) => { check(change, snapshotOf); });

test('annotations: every one has a row', () => {
  const rows = (...tables: readonly Rows[]): string[] => tables.flatMap((t) => Object.keys(t)).sort();
  expect(rows(SESSION_ROWS, OVER_IPV6, NAMELESS)).toEqual(Object.keys(PEER_ANNOTATIONS).sort());
  expect(rows(SESSION_ROWS, OVER_IPV6, GLOBAL)).toEqual(Object.keys(CONFIGURATION_ANNOTATIONS).sort());
  expect(rows(ACTIONS)).toEqual(Object.keys(NODE_ACTIONS).sort());
});

/** Annotations of a Node that say something to the speaker; the others are of tunnels and detection, and are listed with who reads them. */
const NODE_ROWS: Readonly<Record<string, Change>> = {
  ipv4Address: { before: { IPv4Address: '10.0.0.1/24' }, after: { IPv4Address: '10.0.0.9/24' }, look: 'global.routerId', was: '10.0.0.1', is: '10.0.0.9' },
  ipv6Address: { before: { IPv4Address: '10.0.0.1/24' }, after: { IPv4Address: '10.0.0.1/24', IPv6Address: 'fd00::1/64' }, look: (c) => names(c), was: ['Mesh_10_0_0_2'], is: ['Mesh_10_0_0_2', 'Mesh_fd00__2'] },
  asNumber: { before: { IPv4Address: '10.0.0.1/24' }, after: { IPv4Address: '10.0.0.1/24', ASNumber: '65009' }, look: 'global.asn', was: 64512, is: 65009 },
  routeReflectorClusterId: { before: { IPv4Address: '10.0.0.1/24' }, after: { IPv4Address: '10.0.0.1/24', RouteReflectorClusterID: '244.0.0.1' }, look: 'global.clusterId', is: '244.0.0.1' },
  labels: { before: { IPv4Address: '10.0.0.1/24' }, after: { IPv4Address: '10.0.0.1/24', labels: '{"rack":"9"}' }, look: (c) => c.Node.get('a')?.labels, was: {}, is: { rack: '9' } },
};
const NOT_BGP = ['ipv4IpipTunnelAddress', 'ipv4VxlanTunnelAddress', 'ipv6VxlanTunnelAddress', 'vxlanTunnelMac', 'vxlanTunnelMacV6',
  'ipv4WireguardAddress', 'ipv6WireguardAddress', 'wireguardPublicKey', 'wireguardPublicKeyV6', 'interfaces', 'annotations'];

test('Node: every annotation of Calico has a row, or is none of BGP', () => {
  expect([...Object.keys(NODE_ROWS), ...NOT_BGP].sort()).toEqual(Object.keys(NODE_ANNOTATIONS).sort());
});
test.each(Object.entries(NODE_ROWS))('Node %s', (_field, change) => {
  check(change, (written) => {
    const annotations = Object.fromEntries(Object.entries(written).map(([k, v]) => [`projectcalico.org/${k}`, v as string]));
    return cluster([readNode({ metadata: { name: 'a', annotations } }).value, node('b', { v4: '10.0.0.2/24', v6: 'fd00::2/64' })]);
  });
});
