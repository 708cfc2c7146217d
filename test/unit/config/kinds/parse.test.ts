import { expect, test } from '@jest/globals';
import { parsePeerAddress } from '../../../../config/kinds/bgp-peer.ts';
import { parseResource, type KindName } from '../../../../config/kinds/kinds.ts';
import { readNode } from '../../../../config/kinds/node.ts';
import { asNumber, secondsOf } from '../../../../config/schema/scalars.ts';
import type { Problem } from '../../../../lib/errors.ts';
import { showProblem } from '../../../../lib/errors.ts';
import { ip, prefix } from '../../../../lib/ip/text.ts';

const problemsOf = (kind: KindName, spec: object, name = 'x'): string[] => parseResource(kind, { metadata: { name }, spec }).problems.map(showProblem);

/** Kind, spec, everything that is said about it. */
const BAD: readonly (readonly [KindName, object, readonly string[]])[] = [
  ['BGPPeer', { peerIP: '192.0.2.1', asNumber: 0 }, ['BGPPeer/x.spec.asNumber: 0 is not an AS number: expected 1..4294967295']],
  ['BGPPeer', { peerIP: '192.0.2.1', asNumber: '1.70000' }, ['BGPPeer/x.spec.asNumber: "1.70000" is not an AS number: expected 1..4294967295']],
  ['BGPPeer', { peerIP: '192.0.2.1', asNumber: 4294967296 }, ['BGPPeer/x.spec.asNumber: 4294967296 is not an AS number: expected 1..4294967295']],
  ['BGPPeer', { peerIP: '192.0.2', asNumber: 1 },
    ['BGPPeer/x.spec.peerIP: "192.0.2" is not a peer address: expected text like 192.0.2.1, 192.0.2.1:179 or [fd00::1]:179']],
  ['BGPPeer', { peerSelector: 'has(', nextHopMode: 'None' }, [
    'BGPPeer/x.spec.peerSelector: "has(" is not a selector: the end at 4: expected a label',
    'BGPPeer/x.spec.nextHopMode: "None" is not a next hop mode: expected one of Auto, Self, Keep',
  ]],
  ['BGPPeer', { peerIP: 'fe80::1', asNumber: 1 },
    ['BGPPeer/x.spec.peerIP: "fe80::1" is a link-local address, which says nothing without an interface: expected the unicast address of a router']],
  ['BGPPeer', { peerIP: '[ff02::1]:1790', asNumber: 1 },
    ['BGPPeer/x.spec.peerIP: "[ff02::1]:1790" is a multicast address: expected the unicast address of a router']],
  ['BGPPeer', { peerIP: '192.0.2.1', asNumber: 1, node: 'a', nodeSelector: 'all()' },
    ['BGPPeer/x.spec.nodeSelector: node and nodeSelector are both set: expected one of them, or neither for a global peer']],
  ['BGPPeer', { peerSelector: 'all()', asNumber: 1 },
    ['BGPPeer/x.spec.asNumber: peerSelector takes AS numbers from the nodes: expected no asNumber beside it']],
  ['BGPPeer', { localWorkloadSelector: 'all()' },
    ['BGPPeer/x.spec.asNumber: missing: expected the AS number of the workloads beside localWorkloadSelector']],
  ['BGPPeer', { reachableBy: '192.0.2.9' }, ['BGPPeer/x.spec.reachableBy: a gateway without a peer behind it: expected peerIP beside reachableBy']],
  ['BGPPeer', { peerIP: '192.0.2.1', asNumber: 1, keepOriginalNextHop: true, nextHopMode: 'Self' },
    ['BGPPeer/x.spec.keepOriginalNextHop: keepOriginalNextHop and nextHopMode are both set: expected nextHopMode alone']],
  ['BGPPeer', { peerIP: '192.0.2.1', asNumber: 1, password: { secretKeyRef: { name: 's' } } },
    ['BGPPeer/x.spec.password.secretKeyRef.key: missing: expected a string']],
  ['BGPPeer', { peerIP: '192.0.2.1', asNumber: 1, maxRestartTime: 'soon', filters: ['a', 7] }, [
    'BGPPeer/x.spec.maxRestartTime: "soon" is not a duration: expected text like 30s, 1m30s or 2h',
    'BGPPeer/x.spec.filters[1]: 7 is not text: expected a string',
  ]],
  ['BGPConfiguration', { asNumber: -1 }, ['BGPConfiguration/x.spec.asNumber: -1 is not an AS number: expected 1..4294967295']],
  ['BGPConfiguration', { nodeToNodeMeshEnabled: 'no' }, ['BGPConfiguration/x.spec.nodeToNodeMeshEnabled: "no" is not a boolean: expected true or false']],
  ['BGPConfiguration', { nodeToNodeMeshEnabled: false, nodeMeshMaxRestartTime: '2m' },
    ['BGPConfiguration/x.spec.nodeMeshMaxRestartTime: there is no mesh: expected no nodeMeshMaxRestartTime beside nodeToNodeMeshEnabled false']],
  ['BGPConfiguration', { listenPort: 70000 }, ['BGPConfiguration/x.spec.listenPort: 70000 is not a port: expected 1..65535']],
  ['BGPConfiguration', { communities: [{ name: 'a', value: '1:2' }] },
    ['BGPConfiguration/x.spec.communities: no prefix carries them: expected prefixAdvertisements beside communities']],
  ['BGPConfiguration', { serviceClusterIPs: [{ cidr: '10.0.0.0' }] },
    ['BGPConfiguration/x.spec.serviceClusterIPs[0].cidr: "10.0.0.0" is not an IP prefix: expected text like 10.0.0.0/16']],
  ['IPPool', {}, ['IPPool/x.spec.cidr: missing: expected text like 10.0.0.0/16']],
  ['IPPool', { cidr: '10.244.0.1/16' }, ['IPPool/x.spec.cidr: bits are set right of the mask: expected a network such as 10.244.0.0/16']],
  ['IPPool', { cidr: '169.254.0.0/24' }, ['IPPool/x.spec.cidr: overlaps link-local addresses: expected nothing of 169.254.0.0/16 or fe80::/10']],
  ['IPPool', { cidr: 'fe80::/9' }, ['IPPool/x.spec.cidr: overlaps link-local']],
  ['IPPool', { cidr: '10.244.0.0/16', blockSize: 19 }, ['IPPool/x.spec.blockSize: expected 20..32 for an IPv4 pool, 116..128 for an IPv6 pool']],
  ['IPPool', { cidr: 'fd00::/64', blockSize: 26 }, ['IPPool/x.spec.blockSize: expected 20..32', 'IPPool/x.spec.blockSize: the pool is smaller']],
  ['IPPool', { cidr: '10.244.0.0/28' }, ['IPPool/x.spec.blockSize: the pool is smaller than one of its blocks']],
  ['IPPool', { cidr: '10.244.0.0/16', ipipMode: 'Always', vxlanMode: 'CrossSubnet' },
    ['IPPool/x.spec.vxlanMode: ipipMode and vxlanMode are both on: expected one of them to be Never']],
  ['IPPool', { cidr: 'fd00::/64', ipipMode: 'Always' }, ['IPPool/x.spec.ipipMode: IPIP carries IPv4 only: expected Never for an IPv6 pool']],
  ['IPPool', { cidr: '10.244.0.0/16', allowedUses: ['LoadBalancer', 'Tunnel'] }, ['IPPool/x.spec.allowedUses: LoadBalancer stands alone']],
  ['IPPool', { cidr: '10.244.0.0/16', allowedUses: ['LoadBalancer'], nodeSelector: 'has(a)', disableBGPExport: true, vxlanMode: 'Always' }, [
    'IPPool/x.spec.allowedUses: a pool for LoadBalancer has no encapsulation',
    'IPPool/x.spec.disableBGPExport: a pool for LoadBalancer is exported',
    'IPPool/x.spec.nodeSelector: a pool for LoadBalancer belongs to no node: expected all()',
  ]],
  ['IPPool', { cidr: '10.244.0.0/16', allowedUses: ['Tunnel'], namespaceSelector: 'all()' }, ['IPPool/x.spec.namespaceSelector: a pool for Tunnel serves nodes']],
  ['IPPool', { cidr: '10.244.0.0/16', nodeSelector: 'global()' }, ['IPPool/x.spec.nodeSelector: global() selects no node']],
  ['IPPool', { cidr: '10.244.0.0/16', allowedUses: ['Workload', 'Workload'] }, ['IPPool/x.spec.allowedUses: holds a value twice: expected each once']],
  ['IPReservation', { reservedCIDRs: ['10.0.0.1', '10.0.0.0/8', 'ten'] }, ['IPReservation/x.spec.reservedCIDRs[2]: "ten" is not an IP prefix']],
  ['BlockAffinity', { cidr: '10.0.0.0/26', node: 'a', state: 'taken', deleted: false },
    ['BlockAffinity/x.spec.state: "taken" is not a state of an affinity: expected one of confirmed, pending, pendingDeletion']],
  ['IPAMBlock', { cidr: '10.0.0.0/26', allocations: [0.5], unallocated: [], attributes: {}, strictAffinity: false }, [
    'IPAMBlock/x.spec.allocations[0]: 0.5 is not a place in a block: expected 0..65535',
    'IPAMBlock/x.spec.attributes: {} is not a list: expected a list of an object',
  ]],
  ['FelixConfiguration', { routeTableRange: { min: 0, max: 9 } }, ['FelixConfiguration/x.spec.routeTableRange: not a range of routing tables: expected 1 <= min <= max <= 250']],
  ['FelixConfiguration', { deviceRouteSourceAddress: 'fd00::1', logSeverityScreen: 'loud' }, [
    'FelixConfiguration/x.spec.deviceRouteSourceAddress: "fd00::1" is not an IP address: expected an IPv4 address',
    'FelixConfiguration/x.spec.logSeverityScreen: "loud" is not a severity: expected one of Trace, Debug, Info, Warning, Error, Fatal',
  ]],
  ['BGPFilter', { exportV4: [{ action: 'Accept', cidr: '10.0.0.0/8' }] }, ['BGPFilter/x.spec.exportV4[0].matchOperator: cidr and matchOperator go together']],
  ['BGPFilter', { importV6: [{ action: 'Reject', operations: [{ setPriority: { value: 1 } }] }] }, ['BGPFilter/x.spec.importV6[0].operations: a rejected route is not changed']],
  ['CalicoNodeStatus', { updatePeriodSeconds: 86401 }, ['CalicoNodeStatus/x.spec.updatePeriodSeconds: 86401 is not a number of seconds: expected 0..86400']],
];

test.each(BAD)('%s %j', (kind, spec, expected) => {
  const said = problemsOf(kind, spec);
  expect(said).toHaveLength(expected.length);
  for (const words of expected) expect(said).toContainEqual(expect.stringContaining(words));
});

test('one object of a kind has one name', () => {
  expect(problemsOf('ClusterInformation', {}, 'other')).toEqual([
    'ClusterInformation/other.metadata.name: "other" is not its name: expected "default", the only object of this kind',
  ]);
  expect(problemsOf('IPAMConfiguration', { strictAffinity: false, autoAllocateBlocks: false }, 'default'))
    .toEqual(['IPAMConfiguration/default.spec.autoAllocateBlocks: no node could get an address: expected true beside strictAffinity false']);
  expect(problemsOf('IPAMConfiguration', { strictAffinity: false, autoAllocateBlocks: true, maxBlocksPerHost: 3 }, 'default'))
    .toEqual(['IPAMConfiguration/default.spec.maxBlocksPerHost: a limit needs strict affinity: expected 0, or strictAffinity true']);
  expect(problemsOf('FelixConfiguration', { nodeSelector: 'all()' }, 'node.a')[0]).toContain('FelixConfiguration/node.a.spec.nodeSelector: the name says already');
  expect(problemsOf('FelixConfiguration', { nodeSelector: 'all()' }, 'rack-1')).toEqual([]);
});

test('a bad optional field is left out, the good ones stay; a bad required one spoils the object', () => {
  const settings = parseResource('BGPConfiguration', { metadata: { name: 'default' }, spec: { asNumber: 64600, listenPort: 'x' } });
  expect(settings.value?.spec).toMatchObject({ asNumber: 64600 });
  expect(settings.value?.spec.listenPort).toBeUndefined();
  expect(settings.problems).toHaveLength(1);
  expect(parseResource('IPPool', { metadata: { name: 'p' }, spec: { cidr: 7 } }).value).toBeUndefined();
});

test('defaults: those of the schema and those that depend on other fields', () => {
  expect(parseResource('IPPool', { metadata: { name: 'p' }, spec: { cidr: '10.0.0.0/16', blockSize: 0 } }).value?.spec).toEqual({
    cidr: '10.0.0.0/16', blockSize: 26, ipipMode: 'Never', vxlanMode: 'Never', nodeSelector: 'all()', allowedUses: ['Workload', 'Tunnel'],
    assignmentMode: 'Automatic',
  });
  expect(parseResource('IPPool', { metadata: { name: 'p' }, spec: { cidr: 'fd00::/64' } }).value?.spec.blockSize).toBe(122);
  expect(parseResource('IPPool', { metadata: { name: 'p' }, spec: { cidr: 'fd00::/64', namespaceSelector: "a == 'b'" } }).value?.spec.allowedUses).toEqual(['Workload']);
  expect(parseResource('IPAMConfiguration', { metadata: { name: 'default' }, spec: {} }).value?.spec)
    .toEqual({ strictAffinity: false, autoAllocateBlocks: true, maxBlocksPerHost: 0 });
  // Settings that are not there are not invented: what we write back must not fix today's default for ever.
  expect(parseResource('BGPConfiguration', { metadata: { name: 'default' } }).value?.spec)
    .toEqual({ logSeverityScreen: 'Info', serviceLoadBalancerAggregation: 'Enabled' });
});

test('AS numbers are understood in all their spellings', () => {
  const read = (input: unknown): number | undefined => { const p: Problem[] = []; return asNumber.read(input, 'x', p); };
  expect([read(64512), read('64512'), read('1.10'), read('65535.65535'), read(''), read('1.2.3'), read(1.5), read(null), read(true), read([1])])
    .toEqual([64512, 64512, 65546, 4294967295, undefined, undefined, undefined, undefined, undefined, undefined]);
});

test.each([['30s', 30], ['1m30s', 90], ['1.5s', 1.5], ['2h', 7200], ['100ms', 0.1], ['0', 0], ['', undefined], ['5', undefined], ['s', undefined], ['1s2', undefined], ['-1s', -1]])(
  'duration %s is %d s', (text, seconds) => {
    const found = secondsOf(text);
    if (seconds === undefined) expect(found).toBeUndefined(); else expect(found).toBeCloseTo(seconds, 9);
  });

test.each([
  ['192.0.2.1', { address: ip('192.0.2.1') }],
  ['192.0.2.1:1790', { address: ip('192.0.2.1'), port: 1790 }],
  ['fd00::1', { address: ip('fd00::1') }],
  ['[fd00::1]:1790', { address: ip('fd00::1'), port: 1790 }],
  ['[fd00::1]', undefined], ['fd00::1:99999', undefined], ['[192.0.2.1]:179', undefined], ['192.0.2.1:0', undefined], ['192.0.2.1:70000', undefined],
  ['tor-1', undefined], ['', undefined], ['192.0.2.1:', undefined],
])('peer address %s', (text, expected) => { expect(parsePeerAddress(text)).toEqual(expected); });

test("a node's annotations are read, bad ones reported and ignored", () => {
  const P = 'projectcalico.org/';
  const { value, problems } = readNode({
    metadata: {
      name: 'n1', labels: { rack: '1', 'kubernetes.io/os': 'linux' },
      annotations: {
        [`${P}IPv4Address`]: '10.0.0.4/24', [`${P}IPv6Address`]: 'fd00::4/64', [`${P}ASNumber`]: '1.1', [`${P}RouteReflectorClusterID`]: '244.0.0.1',
        [`${P}labels`]: '{"rack":"2","own":"yes","bad":1}',
      },
    },
    spec: { podCIDRs: ['10.244.1.0/24', 7] },
  });
  expect(problems).toEqual([]);
  expect(value).toEqual({
    name: 'n1', labels: { rack: '1', own: 'yes', 'kubernetes.io/os': 'linux' }, podCidrs: ['10.244.1.0/24'],
    ipv4: { address: ip('10.0.0.4'), subnet: prefix('10.0.0.0/24') }, ipv6: { address: ip('fd00::4'), subnet: prefix('fd00::/64') },
    asNumber: 65537, routeReflectorClusterId: '244.0.0.1', actions: {},
  });
  const bad = readNode({ metadata: { name: 'n2', annotations: { [`${P}IPv4Address`]: 'fd00::1/64', [`${P}IPv6Address`]: '', [`${P}ASNumber`]: '0', [`${P}labels`]: '[' } } });
  expect(bad.value).toEqual({ name: 'n2', labels: {}, podCidrs: [], actions: {} });
  expect(bad.problems.map(showProblem)).toEqual([
    'Node/n2.metadata.annotations["projectcalico.org/labels"]: "[" is not a set of labels: expected a JSON object of strings',
    'Node/n2.metadata.annotations["projectcalico.org/IPv4Address"]: "fd00::1/64" is not a node address: expected text like 192.0.2.1/24',
    'Node/n2.metadata.annotations["projectcalico.org/ASNumber"]: "0" is not an AS number: expected 1..4294967295',
  ]);
});

test('a bare node address is its own subnet', () => {
  const { value } = readNode({ metadata: { name: 'n', annotations: { 'projectcalico.org/IPv4Address': '10.0.0.4' } } });
  expect(value.ipv4).toEqual({ address: ip('10.0.0.4'), subnet: prefix('10.0.0.4/32') });
});

test('whatever arrives, reading never throws', () => {
  const junk: unknown[] = [undefined, null, 7, 'x', [], [null], {}, { metadata: null }, { metadata: { name: 7 } }, { metadata: { name: 'A!' } },
    { metadata: { name: 'a', labels: 7, annotations: [1] }, spec: null }, { metadata: { name: 'a' }, spec: [] },
    JSON.parse('{"metadata":{"name":"a"},"spec":{"__proto__":{"x":1},"cidr":{"toString":1},"asNumber":{},"filters":{"length":3}}}') as unknown];
  for (const kind of ['IPPool', 'BGPPeer', 'BGPConfiguration', 'IPAMBlock', 'BlockAffinity', 'FelixConfiguration'] as const) {
    for (const input of junk) expect(() => parseResource(kind, input)).not.toThrow();
  }
  expect(({} as { x?: unknown }).x).toBeUndefined();
});
