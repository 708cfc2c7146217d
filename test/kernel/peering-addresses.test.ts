/** The addresses at which selected pods find their node's speaker: on their links only, and gone when nobody asks for them. */
import { afterAll, beforeAll, expect } from '@jest/globals';
import { hostInterfaceOf } from '../../agent/endpoints/names.ts';
import { AgentNode, calico, PODS, type TestPod } from '../support/agent-node.ts';
import { namespaces, program, root } from '../support/capabilities.ts';
import { eventually } from '../support/eventually.ts';
import { skipUnless } from '../support/skip.ts';

const scenario = skipUnless(root, namespaces, program('ip'), program('gcc'));
const OWN = ['169.254.20.1', 'fd00:20::1'];
const SETTLED_MS = 10_000;

let node: AgentNode;
let [chosen, other]: TestPod[] = [];
beforeAll(async () => {
  if (scenario !== skipUnless()) return;
  node = await AgentNode.create('peering');
  await node.startAgent();
  [chosen, other] = [await node.pod('chosen'), await node.pod('other')];
  await label(chosen, { speaks: 'bgp' });
  await Promise.all([node.add(chosen), node.add(other)]);
}, 60_000);
afterAll(async () => { await (node as AgentNode | undefined)?.[Symbol.asyncDispose](); }, 60_000);

const label = (pod: TestPod, labels: Readonly<Record<string, string | null>>): Promise<unknown> =>
  node.kube.patch(PODS, pod.name, { metadata: { labels } }, { namespace: 'default', type: 'merge' });
const write = (plural: string, kind: string, name: string, spec: object): Promise<unknown> =>
  node.kube.create(calico(plural), { apiVersion: 'projectcalico.org/v3', kind, metadata: { name }, spec });

interface Address { readonly local: string; readonly prefixlen: number; readonly scope: string; readonly deprecated?: boolean }
/** What stands on the node's end of the link of a pod, link-local addresses aside. */
function addressesOf(pod: TestPod): Address[] {
  const [link] = node.node.json('address', 'show', 'dev', hostInterfaceOf({ namespace: 'default', name: pod.name }, pod.containerId)) as { addr_info: Address[] }[];
  return link!.addr_info.filter((a) => a.scope !== 'link' && !a.local.startsWith('fe80:'));
}
const shortOf = (pod: TestPod): string[] => addressesOf(pod).map((a) => a.local).sort();
const expectOn = (pod: TestPod, addresses: readonly string[]): Promise<void> =>
  eventually(SETTLED_MS, () => { expect(shortOf(pod)).toEqual(addresses); });

scenario('placed on the link of the selected pod, hosts of their own that are no source of what the node sends elsewhere', async () => {
  await write('bgpconfigurations', 'BGPConfiguration', 'default', { localWorkloadPeeringIPV4: OWN[0], localWorkloadPeeringIPV6: OWN[1] });
  await write('bgppeers', 'BGPPeer', 'workloads', { localWorkloadSelector: "speaks == 'bgp'", asNumber: 64999 });
  await expectOn(chosen!, OWN);
  expect(shortOf(other!)).toEqual([]);
  expect(addressesOf(chosen!).map((a) => [a.prefixlen, a.scope, a.deprecated ?? false]).sort()).toEqual([[128, 'global', true], [32, 'host', false]]);
});

scenario('a label that changes moves them', async () => {
  await label(chosen!, { speaks: null });
  await label(other!, { speaks: 'bgp' });
  await expectOn(chosen!, []);
  await expectOn(other!, OWN);
  await label(chosen!, { speaks: 'bgp' });
  await expectOn(chosen!, OWN);
});

scenario('another address replaces the old one', async () => {
  await node.kube.patch(calico('bgpconfigurations'), 'default', { spec: { localWorkloadPeeringIPV4: '169.254.20.2', localWorkloadPeeringIPV6: null } }, { type: 'merge' });
  await expectOn(chosen!, ['169.254.20.2']);
});

scenario('what was asked for no more while the agent was away goes at its start; what still is asked for stays throughout', async () => {
  node.agent.signal('SIGKILL');
  await label(other!, { speaks: null });
  const monitor = node.node.spawn('stdbuf', ['-oL', 'ip', '-o', 'monitor', 'address']);
  await node.startAgent();
  await expectOn(other!, []);
  expect(shortOf(chosen!)).toEqual(['169.254.20.2']);
  await eventually(SETTLED_MS, () => { expect(monitor.lines.filter((l) => l.startsWith('Deleted'))).toHaveLength(1); });
  expect(monitor.lines.filter((l) => !l.startsWith('Deleted'))).toEqual([]);
  node.agent.signal('SIGKILL');
  await node.kube.delete(calico('bgppeers'), 'workloads');
  await node.startAgent();
  await expectOn(chosen!, []);
});
