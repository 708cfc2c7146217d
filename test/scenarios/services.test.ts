/** Addresses of Services, as a ToR router sees them come and go: ranges from every node, single addresses where the endpoints are. */
import { expect } from '@jest/globals';
import type { Lab } from '../../lab/lab.ts';
import { kubectlPath } from '../support/capabilities.ts';
import { run } from '../../sys/exec.ts';
import { eventually } from '../support/eventually.ts';
import { CONVERGED_MS, established, scenariosOf } from '../support/lab.ts';

const scenario = scenariosOf({ nodes: 2 });
const CHANGED_MS = 10_000;

async function apply(lab: Lab, ...manifests: readonly object[]): Promise<void> {
  for (const manifest of manifests) {
    const { status, stderr } = await run(kubectlPath(), ['--kubeconfig', lab.kubeconfig, 'apply', '-f', '-'], { stdin: JSON.stringify(manifest) });
    if (status !== 0) throw new Error(stderr);
  }
}

async function kubectl(lab: Lab, ...args: readonly string[]): Promise<void> {
  const { status, stderr } = await lab.kubectl(...args);
  if (status !== 0) throw new Error(stderr);
}

const settings = (more: object = {}): object => ({
  apiVersion: 'projectcalico.org/v3', kind: 'BGPConfiguration', metadata: { name: 'default' },
  spec: {
    asNumber: 64512, nodeToNodeMeshEnabled: true,
    serviceClusterIPs: [{ cidr: '10.96.0.0/16' }, { cidr: 'fd96::/112' }], serviceExternalIPs: [{ cidr: '203.0.113.0/24' }],
    serviceLoadBalancerIPs: [{ cidr: '198.51.100.0/24' }], ...more,
  },
});

const service = (name: string, policy: 'Local' | 'Cluster', more: object = {}): object => ({
  apiVersion: 'v1', kind: 'Service', metadata: { name, namespace: 'default' },
  spec: {
    type: 'LoadBalancer', externalTrafficPolicy: policy, ipFamilyPolicy: 'PreferDualStack', ipFamilies: ['IPv4', 'IPv6'],
    clusterIP: '10.96.0.10', clusterIPs: ['10.96.0.10', 'fd96::10'], externalIPs: ['203.0.113.10'], ports: [{ port: 80, protocol: 'TCP' }], ...more,
  },
});

/** Node → is its endpoint ready. */
const slice = (name: string, endpoints: Readonly<Record<string, boolean>>, addressType = 'IPv4'): object => ({
  apiVersion: 'discovery.k8s.io/v1', kind: 'EndpointSlice', addressType,
  metadata: { name: `${name}-${addressType.toLowerCase()}`, namespace: 'default', labels: { 'kubernetes.io/service-name': name } },
  endpoints: Object.entries(endpoints).map(([nodeName, ready], i) =>
    ({ addresses: [addressType === 'IPv4' ? `10.244.9.${i + 1}` : `fd00:244::9:${i + 1}`], nodeName, conditions: { ready } })),
  ports: [{ port: 80, protocol: 'TCP' }],
});

/** Service prefixes that the router has from a node. */
async function announced(lab: Lab, node: string): Promise<string[]> {
  const texts = await Promise.all(['v4', 'v6'].map((f) => lab.birdc(`show route protocol ${node}_${f}`)));
  return texts.join('\n').split('\n').map((l) => l.split(/\s+/)[0]!).filter((p) => /^(10\.96\.|fd96:|203\.0\.113\.|198\.51\.100\.)/.test(p)).sort();
}

const expectAnnounced = (lab: Lab, node: string, prefixes: readonly string[], ms = CHANGED_MS): Promise<void> =>
  eventually(ms, async () => { expect(await announced(lab, node)).toEqual([...prefixes].sort()); });

const RANGES = ['10.96.0.0/16', '198.51.100.0/24', '203.0.113.0/24', 'fd96::/112'];

scenario('ranges come from every node, and no node puts them into its own kernel', async (lab) => {
  await established(lab);
  expect(await announced(lab, 'n1')).toEqual([]);
  await apply(lab, settings());
  for (const node of lab.nodeNames) await expectAnnounced(lab, node, RANGES, CONVERGED_MS);
  for (const node of lab.nodes) expect((await node.routes()).filter((p) => RANGES.includes(p))).toEqual([]);
  await eventually(CHANGED_MS, async () => { expect((await lab.tor.kernelRoutes('ipv4')).filter((r) => r.dst === '10.96.0.0/16')[0]?.nexthops).toHaveLength(2); });
});

scenario('with the policy Local single addresses follow the ready endpoints, each family its own', async (lab) => {
  await apply(lab, settings(), service('web', 'Local'), slice('web', { n1: true }), slice('web', { n1: false }, 'IPv6'));
  await kubectl(lab, 'patch', 'service', 'web', '--subresource=status', '--type=merge', '-p', '{"status":{"loadBalancer":{"ingress":[{"ip":"198.51.100.10"}]}}}');
  const v4 = ['10.96.0.10/32', '203.0.113.10/32', '198.51.100.10/32'];
  await expectAnnounced(lab, 'n1', [...RANGES, ...v4]);
  await expectAnnounced(lab, 'n2', RANGES);

  await apply(lab, slice('web', { n1: true }, 'IPv6'));
  await expectAnnounced(lab, 'n1', [...RANGES, ...v4, 'fd96::10/128']);

  await apply(lab, slice('web', { n1: false, n2: true }));
  await expectAnnounced(lab, 'n1', [...RANGES, 'fd96::10/128']);
  await expectAnnounced(lab, 'n2', [...RANGES, ...v4]);
  expect((await lab.node('n1').routes()).filter((p) => v4.includes(p))).toEqual([]);
  await eventually(CHANGED_MS, async () => {
    const [route] = (await lab.tor.kernelRoutes('ipv4')).filter((r) => r.dst === '203.0.113.10');
    expect(route?.gateway).toBe((await lab.node('n2').view()).addresses.find((a) => !a.includes(':')));
  });

  await kubectl(lab, 'delete', 'endpointslice', 'web-ipv4', 'web-ipv6');
  for (const node of lab.nodeNames) await expectAnnounced(lab, node, RANGES);
  await apply(lab, slice('web', { n1: true }));
  await expectAnnounced(lab, 'n1', [...RANGES, ...v4]);
  await kubectl(lab, 'delete', 'service', 'web');
  await expectAnnounced(lab, 'n1', RANGES);
  await kubectl(lab, 'delete', 'endpointslice', 'web-ipv4');
});

scenario('an excluded node announces none of it; the others go on', async (lab) => {
  await apply(lab, settings(), service('web', 'Local', { clusterIPs: ['10.96.0.10'], ipFamilies: ['IPv4'], ipFamilyPolicy: 'SingleStack' }), slice('web', { n1: true, n2: true }));
  const all = [...RANGES, '10.96.0.10/32', '203.0.113.10/32'];
  await expectAnnounced(lab, 'n1', all);
  await kubectl(lab, 'label', 'node', 'n1', 'node.kubernetes.io/exclude-from-external-load-balancers=true');
  await expectAnnounced(lab, 'n1', []);
  await expectAnnounced(lab, 'n2', all);
  expect((await lab.node('n1').routes()).filter((p) => all.includes(p))).toEqual([]);
  await kubectl(lab, 'label', 'node', 'n1', 'node.kubernetes.io/exclude-from-external-load-balancers-');
  await expectAnnounced(lab, 'n1', all);
});

scenario('without aggregation load balancer addresses are announced one by one, by every node', async (lab) => {
  await apply(lab, settings({ serviceLoadBalancerAggregation: 'Disabled' }),
    service('shared', 'Cluster', { clusterIP: '10.96.0.11', clusterIPs: ['10.96.0.11'], ipFamilies: ['IPv4'], ipFamilyPolicy: 'SingleStack', externalIPs: [] }), slice('shared', { n2: true }));
  await kubectl(lab, 'patch', 'service', 'shared', '--subresource=status', '--type=merge', '-p', '{"status":{"loadBalancer":{"ingress":[{"ip":"198.51.100.11"}]}}}');
  const has = (prefix: string, is: boolean) => async (): Promise<void> => {
    for (const node of lab.nodeNames) expect((await announced(lab, node)).includes(prefix)).toBe(is);
  };
  await eventually(CHANGED_MS, has('198.51.100.11/32', true));
  await eventually(CHANGED_MS, has('198.51.100.0/24', false));
  await apply(lab, slice('shared', { n2: false }));
  await eventually(CHANGED_MS, has('198.51.100.11/32', false));
});

scenario('an agent that starts again withdraws nothing, and all of it goes with the setting', async (lab) => {
  await apply(lab, settings(), service('web', 'Local', { clusterIPs: ['10.96.0.10'], ipFamilies: ['IPv4'], ipFamilyPolicy: 'SingleStack' }), slice('web', { n1: true }));
  await eventually(CHANGED_MS, async () => { expect(await announced(lab, 'n1')).toContain('10.96.0.10/32'); });
  const since = async (): Promise<string> => /(?:^|\n)10\.96\.0\.10\/32\s.*?\[n1_v4 (\S+)/.exec(await lab.birdc('show route 10.96.0.10/32 protocol n1_v4'))?.[1] ?? 'absent';
  const before = await since();
  expect(before).not.toBe('absent');
  await lab.node('n1').signal('agent', 'SIGKILL');
  await apply(lab, service('late', 'Local', { clusterIP: '10.96.0.12', clusterIPs: ['10.96.0.12'], ipFamilies: ['IPv4'], ipFamilyPolicy: 'SingleStack', externalIPs: [] }), slice('late', { n1: true }));
  await eventually(CONVERGED_MS, async () => { expect(await announced(lab, 'n1')).toContain('10.96.0.12/32'); });
  expect(await since()).toBe(before);

  await kubectl(lab, 'delete', 'service', 'web', 'late');
  await expectAnnounced(lab, 'n1', RANGES, CONVERGED_MS);
  await apply(lab, { ...settings(), spec: { asNumber: 64512, nodeToNodeMeshEnabled: true } });
  for (const node of lab.nodeNames) await expectAnnounced(lab, node, []);
});
