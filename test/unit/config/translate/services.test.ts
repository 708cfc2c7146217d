import { expect, test } from '@jest/globals';
import { Origination } from '../../../../config/translate/origination.ts';
import { localNode } from '../../../../config/translate/local-node.ts';
import { EXCLUDED_NODE_LABEL } from '../../../../config/translate/services.ts';
import type { ClusterKind, ClusterSnapshot } from '../../../../config/translate/snapshot.ts';
import { cluster, node, type NodeOptions } from '../../../support/cluster-builders.ts';
import { withServices, type WrittenService, type WrittenSlice } from '../../../support/service-builders.ts';

const RANGES = {
  serviceClusterIPs: [{ cidr: '10.96.0.0/12' }, { cidr: 'fd96::/108' }],
  serviceExternalIPs: [{ cidr: '203.0.113.0/24' }, { cidr: '198.51.100.7/32' }, { cidr: '2001:db8:e::7/128' }],
  serviceLoadBalancerIPs: [{ cidr: '192.0.2.0/24' }, { cidr: '198.51.100.9/32' }],
};
const WHOLE = ['10.96.0.0/12', '192.0.2.0/24', '203.0.113.0/24', 'fd96::/108'];
const EACH = { ...RANGES, serviceLoadBalancerAggregation: 'Disabled' };
const WHOLE_EACH = WHOLE.filter((p) => p !== '192.0.2.0/24');

const clusterOf = (settings: object, services: readonly WrittenService[], slices: readonly WrittenSlice[] = [], options: NodeOptions = {}): ClusterSnapshot =>
  withServices(cluster([node('a', { v4: '10.0.0.1/24', ...options }), node('b', { v4: '10.0.0.2/24' })], [{ kind: 'BGPConfiguration', name: 'default', spec: settings }]), 'a', services, slices);

const ALL: ReadonlySet<ClusterKind> = new Set(['BGPConfiguration', 'Service', 'EndpointSlice']);
function announced(snapshot: ClusterSnapshot): string[] {
  const { routes } = new Origination().update(localNode(snapshot, 'a')!, ALL, [], []);
  expect(routes.filter((r) => r.blackhole)).toEqual([]);
  return routes.map((r) => r.prefix);
}

const local = (name: string, spec: object = {}, ingress: readonly string[] = []): WrittenService =>
  ({ name, ingress, spec: { type: 'LoadBalancer', externalTrafficPolicy: 'Local', clusterIP: '10.96.0.1', clusterIPs: ['10.96.0.1'], ...spec } });
const shared = (name: string, spec: object = {}, ingress: readonly string[] = []): WrittenService => local(name, { externalTrafficPolicy: 'Cluster', ...spec }, ingress);
const HERE = { nodeName: 'a' };
const THERE = { nodeName: 'b' };
const slice = (service: string, ...endpoints: WrittenSlice['endpoints']): WrittenSlice => ({ service, endpoints });
const slice6 = (service: string, ...endpoints: WrittenSlice['endpoints']): WrittenSlice => ({ service, addressType: 'IPv6', endpoints });

/** What is announced besides the whole ranges. */
const CASES: readonly (readonly [string, object, readonly WrittenService[], readonly WrittenSlice[], readonly string[]])[] = [
  ['whole ranges without any Service; single addresses wait for one', RANGES, [], [], []],
  ['Cluster policy: nothing besides', RANGES, [shared('s', { externalIPs: ['203.0.113.5'] }, ['192.0.2.5'])], [slice('s', HERE)], []],
  ['Local policy, an endpoint here: every address inside a range', RANGES,
    [local('s', { externalIPs: ['203.0.113.5', '203.0.114.5'] }, ['192.0.2.5', '192.0.3.5'])], [slice('s', HERE)], ['10.96.0.1/32', '192.0.2.5/32', '203.0.113.5/32']],
  ['Local policy, endpoints on another node', RANGES, [local('s')], [slice('s', THERE)], []],
  ['Local policy, no slice at all', RANGES, [local('s')], [], []],
  ['an endpoint that is not ready', RANGES, [local('s')], [slice('s', { ...HERE, conditions: { ready: false } })], []],
  ['readiness that is not told is readiness', RANGES, [local('s')], [slice('s', { ...HERE, conditions: {} })], ['10.96.0.1/32']],
  ['an endpoint that is ending and still serves is not ready', RANGES, [local('s')],
    [slice('s', { ...HERE, conditions: { ready: false, serving: true, terminating: true } })], []],
  ['one of several endpoints, in the second slice', RANGES, [local('s')],
    [slice('s', THERE, { ...HERE, conditions: { ready: false } }), slice('s', HERE)], ['10.96.0.1/32']],
  ['an endpoint without a node', RANGES, [local('s')], [slice('s', {})], []],
  ["another Service's endpoint", RANGES, [local('s')], [slice('other', HERE)], []],
  ['the internal policy says nothing', RANGES, [shared('s', { internalTrafficPolicy: 'Local' })], [slice('s', HERE)], []],
  ['dual stack: each family by its own endpoints', RANGES, [local('s', { clusterIPs: ['10.96.0.1', 'fd96::1'] })], [slice('s', THERE), slice6('s', HERE)], ['fd96::1/128']],
  ['dual stack with both', RANGES, [local('s', { clusterIPs: ['10.96.0.1', 'fd96::1'] })], [slice('s', HERE), slice6('s', HERE)], ['10.96.0.1/32', 'fd96::1/128']],
  ['an old object with clusterIP alone', RANGES, [local('s', { clusterIPs: undefined })], [slice('s', HERE)], ['10.96.0.1/32']],
  ['NodePort', RANGES, [local('s', { type: 'NodePort' })], [slice('s', HERE)], ['10.96.0.1/32']],
  ['ClusterIP with an external address', RANGES, [local('s', { type: 'ClusterIP', externalIPs: ['203.0.113.5'] })], [slice('s', HERE)], ['10.96.0.1/32', '203.0.113.5/32']],
  ['ExternalName', RANGES, [local('s', { type: 'ExternalName', externalIPs: ['203.0.113.5'] })], [slice('s', HERE)], []],
  ['headless', RANGES, [local('s', { clusterIP: 'None', clusterIPs: ['None'], externalIPs: ['203.0.113.5'] })], [slice('s', HERE)], []],
  ['single addresses of Cluster policy: from every node, endpoints or not', RANGES,
    [shared('s', { externalIPs: ['198.51.100.7', '2001:db8:e::7'] }, ['198.51.100.9'])], [], ['198.51.100.7/32', '198.51.100.9/32', '2001:db8:e::7/128']],
  ['single addresses of Local policy: only with an endpoint here', RANGES, [local('s', { externalIPs: ['198.51.100.7'] }, ['198.51.100.9'])], [slice('s', THERE)], []],
  ['two Services that share an address announce it once', RANGES,
    [local('s', { externalIPs: ['203.0.113.5'] }), local('t', { clusterIPs: ['10.96.0.2'], externalIPs: ['203.0.113.5'] })], [slice('s', HERE), slice('t', HERE)],
    ['10.96.0.1/32', '10.96.0.2/32', '203.0.113.5/32']],
  ['and keep it while one of them has an endpoint', RANGES,
    [local('s', { externalIPs: ['203.0.113.5'] }), local('t', { clusterIPs: ['10.96.0.2'], externalIPs: ['203.0.113.5'] })], [slice('s', THERE), slice('t', HERE)],
    ['10.96.0.2/32', '203.0.113.5/32']],
  ['no aggregation, Cluster policy: from every node once an endpoint is ready anywhere', EACH, [shared('s', {}, ['192.0.2.5'])], [slice('s', THERE)], ['192.0.2.5/32']],
  ['no aggregation, nothing ready', EACH, [shared('s', {}, ['192.0.2.5'])], [slice('s', { ...THERE, conditions: { ready: false } })], []],
  ['no aggregation, Local policy: only with an endpoint here', EACH, [local('s', {}, ['192.0.2.5'])], [slice('s', THERE)], []],
  ['no aggregation says nothing of the other ranges', EACH, [shared('s', { externalIPs: ['203.0.113.5'] })], [slice('s', HERE)], []],
  ['what is no address is left out', RANGES, [local('s', { externalIPs: ['x', '203.0.113.5'] }, ['', 'host.example'])], [slice('s', HERE)], ['10.96.0.1/32', '203.0.113.5/32']],
];

test.each(CASES)('%s', (_name, settings, services, slices, besides) => {
  const whole = settings === EACH ? WHOLE_EACH : WHOLE;
  expect(announced(clusterOf(settings, services, slices)).sort()).toEqual([...whole, ...besides].sort());
});

test.each([
  ['true', []], ['True', WHOLE], ['', WHOLE], ['false', WHOLE],
])('a node whose exclusion label is %j announces %j', (value, expected) => {
  expect(announced(clusterOf(RANGES, [], [], { labels: { [EXCLUDED_NODE_LABEL]: value } }))).toEqual(expected);
});

test('without ranges nothing is announced', () => {
  expect(announced(clusterOf({}, [local('s')], [slice('s', HERE)]))).toEqual([]);
  expect(announced(clusterOf({ serviceClusterIPs: [{}] }, [local('s')], [slice('s', HERE)]))).toEqual([]);
});

test('the section stays the same object until something in it changes', () => {
  const origination = new Origination();
  const none: ReadonlySet<ClusterKind> = new Set();
  const [blocks, statics] = [[{ prefix: '10.244.0.0/26', blackhole: true }], []];
  const before = clusterOf(RANGES, [local('s')], [slice('s', HERE)]);
  const after = clusterOf(RANGES, [local('s')], [slice('s', THERE)]);
  const first = origination.update(localNode(before, 'a')!, ALL, blocks, statics);
  expect(first.routes.map((r) => r.prefix)).toContain('10.96.0.1/32');
  expect(origination.update(localNode(before, 'a')!, none, blocks, statics)).toBe(first);
  expect(origination.update(localNode(after, 'a')!, new Set(['EndpointSlice']), blocks, statics).routes.map((r) => r.prefix)).not.toContain('10.96.0.1/32');
  expect(origination.update(localNode(after, 'a')!, none, [], []).routes.map((r) => r.prefix)).toEqual(WHOLE);
});
