import { expect, test } from '@jest/globals';
import { parseResource } from '../../../../config/kinds/kinds.ts';
import { CONFIGURATION_ANNOTATIONS, NODE_ACTIONS, PEER_ANNOTATIONS, readAnnotations } from '../../../../config/kinds/tortie-annotations.ts';
import { readNode } from '../../../../config/kinds/node.ts';
import { speakerConfigFor } from '../../../../config/translate/speaker.ts';
import { showProblem, type Problem } from '../../../../lib/errors.ts';
import { cluster, node, type Written } from '../../../support/cluster-builders.ts';

const A = node('a', { v4: '10.0.0.1/24', v6: 'fd00::1/64' });
const B = node('b', { v4: '10.0.0.2/24', asn: 65002 });
const ours = (annotations: Readonly<Record<string, string>>): object => ({ annotations: Object.fromEntries(Object.entries(annotations).map(([k, v]) => [`tortie.io/${k}`, v])) });
const peer = (annotations: Readonly<Record<string, string>>, spec: object = { peerIP: '192.0.2.1', asNumber: 1 }): Written => ({ kind: 'BGPPeer', name: 'x', spec, metadata: ours(annotations) });
const OFF: Written = { kind: 'BGPConfiguration', name: 'default', spec: { nodeToNodeMeshEnabled: false } };
const at = (name: string, kind = 'BGPPeer/x'): string => `${kind}.metadata.annotations["tortie.io/${name}"]`;

const BAD: readonly (readonly [string, string, string])[] = [
  ['maximum-prefixes', '0', '1..4294967295'], ['maximum-prefixes', 'many', '1..4294967295'], ['maximum-prefixes-action', 'stop', 'close or warn'],
  ['maximum-prefixes-restart', '0', '1..86400 seconds, or text like 1m30s'], ['as-override', 'yes', 'true or false'], ['default-originate', 'ipx', 'true, false, ipv4 or ipv6'],
  ['role', 'boss', 'provider or route-server or route-server-client or customer or peer'], ['add-path', 'all', 'both or send or receive or off'],
  ['bfd-hops', 'on', 'auto or direct-only or multihop or off'], ['bfd-multiplier', '0', '1..255'], ['bfd-transmit-interval', '9', '10..60000 milliseconds'],
  ['bfd-receive-interval', '2m', '10..60000 milliseconds'], ['failure-detection-mode', 'BFD', 'None or BFDIfDirectlyConnected'],
  ['hold-time', '2', '0, or 3..65535 seconds'], ['long-lived-stale-time', '16777216', '0..16777215 seconds'], ['interface', 'a/b', 'the name of one interface'],
  ['peer-prefix', '10.0.0.0/33', 'text like 192.0.2.0/24'], ['maximum-peers', '65536', '1..65535'], ['remote-as', '65000', 'external or internal'],
];
test.each(BAD)('%s: %s is told with what is expected, and the peer comes up', (name, text, expected) => {
  const { value, problems } = speakerConfigFor(cluster([A], [OFF, peer({ [name]: text })]), 'a');
  expect(problems.map(showProblem)).toEqual([expect.stringContaining(`${at(name)}: ${JSON.stringify(text)} is not its value: expected ${expected}`)]);
  expect(value!.peers.peers.map((p) => p.name)).toEqual(['Global_192_0_2_1']);
});

const SAID: readonly (readonly [string, Written, string])[] = [
  ['a name that there is not', peer({ 'maximum-prefix': '1' }), `${at('maximum-prefix')}: there is no such annotation here: expected one of maximum-prefixes, `],
  ['what belongs to the whole speaker', peer({ guards: 'off' }), `${at('guards')}: there is no such annotation here`],
  ['one that says more of another', peer({ 'maximum-prefixes-action': 'warn' }), `${at('maximum-prefixes-action')}: it says nothing alone: expected tortie.io/maximum-prefixes beside it`],
  ['a role inside one AS', peer({ role: 'peer' }, { peerIP: '192.0.2.1', asNumber: 64512 }), `${at('role')}: this session cannot have it: expected a session between two AS`],
  ['IPv6 next hops over IPv4', peer({ 'extended-next-hop': 'true' }), `${at('extended-next-hop')}: this session cannot have it: expected a session over IPv6`],
  ['a number and a kind of AS', peer({ 'remote-as': 'external' }), `${at('remote-as')}: the BGPPeer has an asNumber, which counts`],
  ['an interface beside an address', peer({ interface: 'eth1' }), `${at('interface')}: the BGPPeer names its peers already`],
  ['an interface without an AS', peer({ interface: 'eth1' }, {}), 'BGPPeer/x.spec.asNumber: missing: expected an AS number, or tortie.io/remote-as'],
  ['a number of peers without a prefix', peer({ 'maximum-peers': '1' }), `${at('maximum-peers')}: it says nothing alone`],
];
test.each(SAID)('said: %s', (_name, written, said) => {
  expect(speakerConfigFor(cluster([A], [OFF, written]), 'a').problems.map(showProblem)).toEqual([expect.stringContaining(said)]);
});

test('empty text is no annotation', () => {
  expect(speakerConfigFor(cluster([A], [OFF, peer({ role: '', 'hold-time': '' })]), 'a').problems).toEqual([]);
});

test('defaults reach every session where they fit, in silence; what a BGPPeer says comes first', () => {
  const defaults: Written = { kind: 'BGPConfiguration', name: 'default', spec: {}, metadata: ours({ 'hold-time': '30', role: 'peer', 'as-override': 'true', 'extended-next-hop': 'true' }) };
  const { value, problems } = speakerConfigFor(cluster([A, B, node('c', { v4: '10.0.0.3/24' })], [defaults, peer({ 'hold-time': '9' }), { kind: 'BGPPeer', name: 'in', spec: { peerIP: '192.0.2.2', asNumber: 64512 } }]), 'a');
  expect(problems).toEqual([]);
  expect(value!.peers.peers.map((p) => [p.name, p.holdTimeSeconds, p.role?.local, p.asOverride, p.families])).toEqual([
    ['Global_192_0_2_1', 9, 'peer', true, ['ipv4']], ['Global_192_0_2_2', 30, undefined, undefined, ['ipv4']],
    ['Mesh_10_0_0_2', 30, undefined, undefined, ['ipv4']], ['Mesh_10_0_0_3', 30, undefined, undefined, ['ipv4']],
  ]);
});

test('the other end of a peering has the other role, and what both ends agree on, and no default route', () => {
  const both = peer({ role: 'provider', 'hold-time': '12', 'default-originate': 'true', 'as-override': 'true' }, { node: 'a', peerSelector: "has(kubernetes.io/hostname) || all()" });
  const snapshot = cluster([A, B], [OFF, both]);
  expect(speakerConfigFor(snapshot, 'a').value!.peers.peers).toMatchObject([{ role: { local: 'provider' }, holdTimeSeconds: 12, defaultOriginate: ['ipv4', 'ipv6'], asOverride: true }]);
  const [back] = speakerConfigFor(snapshot, 'b').value!.peers.peers;
  expect(back).toMatchObject({ role: { local: 'customer' }, holdTimeSeconds: 12 });
  expect([back?.defaultOriginate, back?.asOverride]).toEqual([undefined, undefined]);
});

test('a neighbour on a link carries both families, unless told not to', () => {
  const on = (annotations: Readonly<Record<string, string>>) => speakerConfigFor(cluster([A], [OFF, peer({ interface: 'eth1', 'remote-as': 'external', ...annotations }, { nodeSelector: 'all()' })]), 'a').value!.peers.unnumbered![0]!;
  expect(on({})).toMatchObject({ name: 'Node_eth1', interface: 'eth1', template: { asn: 'external', families: ['ipv4', 'ipv6'], extendedNextHop: true, exportFilters: ['export'] } });
  expect(on({ 'extended-next-hop': 'false' }).template).toMatchObject({ families: ['ipv6'], extendedNextHop: false });
});

test('whoever dials from a prefix is waited for, with the node\'s address and as many as allowed', () => {
  const [group] = speakerConfigFor(cluster([A], [OFF, peer({ 'peer-prefix': '192.0.2.128/25', 'maximum-peers': '3' }, { asNumber: 65009 })]), 'a').value!.peers.dynamic!;
  expect(group).toMatchObject({ name: 'Global_192_0_2_128_25', prefix: '192.0.2.128/25', maximumPeers: 3, template: { asn: 65009, passive: true, sourceAddress: '10.0.0.1', families: ['ipv4'] } });
});

test('a Node names a peer that it has not, and says nonsense', () => {
  const held = node('a', { v4: '10.0.0.1/24', actions: { 'bgp-shutdown': '{"Mesh_10_0_0_2":"disk","nobody":"x"}' } });
  const { value, problems } = speakerConfigFor(cluster([held, B]), 'a');
  expect(value!.peers.peers.map((p) => p.shutdown)).toEqual([{ message: 'disk' }]);
  expect(problems.map(showProblem)).toEqual([`${at('bgp-shutdown', 'Node/a')}: "nobody" is no peer of this node: expected the name or address of one`]);
  expect(readNode({ metadata: { name: 'a', annotations: { 'tortie.io/bgp-clear': '{"peer":"x"}', 'tortie.io/bgp-shutdown': `{"x":"${'ä'.repeat(128)}"}`, 'tortie.io/other': '1' } } }).problems).toHaveLength(3);
});

test('a cluster ID of 0.0.0.0, and BMP stations of one name, are told and left out', () => {
  expect(readNode({ metadata: { name: 'a', annotations: { 'projectcalico.org/RouteReflectorClusterID': '0.0.0.0' } } })).toMatchObject({ problems: [{}] });
  const twice: Written = { ...OFF, metadata: ours({ 'bmp-stations': '[{"address":"192.0.2.1"},{"address":"192.0.2.1"}]' }) };
  const { value, problems } = speakerConfigFor(cluster([A], [twice]), 'a');
  expect([value!.global.bmp, problems.length]).toEqual([undefined, 1]);
});

test('a BGPFilter that cannot be understood refuses everything, one that is gone nothing', () => {
  const bad = { metadata: { name: 'bad' }, spec: { importV4: [{ action: 'Perhaps' }] } };
  const problems = parseResource('BGPFilter', bad).problems;
  const snapshot = { ...cluster([A], [OFF, peer({}, { peerIP: '192.0.2.1', asNumber: 1, filters: ['bad', 'gone'] })]), problems };
  const { value, problems: said } = speakerConfigFor(snapshot, 'a');
  expect(value!.peers.peers[0]).toMatchObject({ importFilters: ['bad.import'], exportFilters: ['bad.export', 'export'] });
  expect(value!.filters.filters.slice(3)).toEqual(['bad.export', 'bad.import'].map((name) => ({ name, rules: [], otherwise: 'reject' })));
  expect(said.map((p) => p.path)).toEqual(['BGPPeer/x.spec.filters[0]', 'BGPPeer/x.spec.filters[1]']);
});

const TABLES = { BGPPeer: PEER_ANNOTATIONS, BGPConfiguration: CONFIGURATION_ANNOTATIONS, Node: NODE_ACTIONS };
const NONSENSE = ['-1', '1e9', '99999999999999999999', '0x10', 'NaN', 'null', '[]', '[null]', '{"peer":{}}', '{"x":1}', '"x"', '../..', '\u0000', `${'['.repeat(100_000)}${']'.repeat(100_000)}`, 'x'.repeat(100_000)];
/** What is right after all. */
const SENSE: readonly string[] = ['bmp-stations []', 'drain {"peer":{}}', 'drain {"x":1}', 'interface -1', 'interface 1e9', 'interface 0x10', 'interface NaN', 'interface null', 'interface []', 'interface [null]', 'interface "x"', 'interface \u0000', 'interface {"x":1}'];
test.each(Object.entries(TABLES))('nonsense in any annotation of %s is told in a few words, with the name, the value and what was expected', (kind, table) => {
  for (const name of Object.keys(table)) {
    for (const text of NONSENSE) {
      if (SENSE.includes(`${name} ${text}`)) continue;
      const problems: Problem[] = [];
      const read = readAnnotations(table as typeof PEER_ANNOTATIONS, { 'tortie.io/hold-time': '30', [`tortie.io/${name}`]: text }, `${kind}/x`, problems);
      const about = problems.filter((p) => p.path === at(name, `${kind}/x`));
      expect({ name, text: text.slice(0, 20), about }).toEqual({ name, text: text.slice(0, 20), about: [{ path: at(name, `${kind}/x`), message: expect.stringMatching(/^.{1,210} is not its value: expected /s) as unknown }] });
      if ('hold-time' in table && name !== 'hold-time') expect(read).toEqual({ 'hold-time': 30 });
    }
  }
});
