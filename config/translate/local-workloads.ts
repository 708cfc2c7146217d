/** Pods of this node that speak BGP with it (`localWorkloadSelector`), and the address at which they find it. */
import type { Problem } from '../../lib/errors.ts';
import { FAMILIES, familyOf, type Ip } from '../../lib/ip/prefix.ts';
import { parseIp, showIp } from '../../lib/ip/text.ts';
import { matches } from '../../lib/selector/ast.ts';
import { parseSelector } from '../../lib/selector/parse.ts';
import type { WorkloadFacts } from '../kinds/workload.ts';
import { localNode, type LocalNode } from './local-node.ts';
import { isFor, isSet } from './peer-scope.ts';
import type { ClusterSnapshot } from './snapshot.ts';

/** Addresses of selected pods, of the families that this node has. In the order of the pods' names. */
export function selectedWorkloads(local: LocalNode, selector: string): Ip[] {
  return selectedPods(local, selector).flatMap((w) => w.addresses).filter((a) => local.node[familyOf(a)] !== undefined);
}

function selectedPods(local: LocalNode, selector: string): WorkloadFacts[] {
  const parsed = parseSelector(selector);
  if (!parsed.ok) return [];
  return [...local.cluster.Workload].filter(([, w]) => matches(parsed.selector, w.labels)).sort(([a], [b]) => (a < b ? -1 : 1)).map(([, w]) => w);
}

/** A pod whose end of the link on the node carries the addresses of the node's speaker. */
export interface PeeringLink { readonly namespace: string; readonly pod: string; readonly containerId: string; readonly addresses: readonly Ip[] }

/** Links that carry `localWorkloadPeeringIPV4` and `…IPV6`: those of the pods that some BGPPeer of this node selects. */
export function peeringLinks(cluster: ClusterSnapshot, node: string): PeeringLink[] {
  const local = localNode(cluster, node);
  if (local === undefined) return [];
  const own = peeringAddresses(local);
  if (own.length === 0) return [];
  const selectors = [...cluster.BGPPeer.values()].filter((r) => isFor(r, local.node)).map((r) => r.spec.localWorkloadSelector).filter(isSet);
  const pods = new Set(selectors.flatMap((s) => selectedPods(local, s)));
  return [...pods].map(({ namespace, pod, containerId, addresses }) => ({
    namespace, pod, containerId, addresses: own.filter((o) => addresses.some((a) => familyOf(a) === familyOf(o))),
  }));
}

function peeringAddresses({ settings }: LocalNode): Ip[] {
  return [settings.localWorkloadPeeringIPV4, settings.localWorkloadPeeringIPV6]
    .map((text) => (isSet(text) ? parseIp(text) : undefined)).filter((a) => a !== undefined);
}

/** Only where the speaker is heard can a workload peer with it. */
export function checkWorkloadPeering({ settings, node, cluster }: LocalNode, problems: Problem[]): void {
  const asks = cluster.BGPPeer.values().some((p) => isSet(p.spec.localWorkloadSelector) && isFor(p, node));
  if (!asks) return;
  if (settings.bindMode === 'NodeIP') {
    problems.push({ path: 'BGPConfiguration/default.spec.bindMode', message: 'NodeIP listens on the address of the node alone: expected None, for local workloads reach their node by localWorkloadPeeringIPV4 and IPV6' });
  }
  for (const family of FAMILIES) {
    const [field, text] = family === 'ipv4' ? ['localWorkloadPeeringIPV4', settings.localWorkloadPeeringIPV4] as const : ['localWorkloadPeeringIPV6', settings.localWorkloadPeeringIPV6] as const;
    const address = isSet(text) ? parseIp(text) : undefined;
    if (address !== undefined && address === node[family]?.address) {
      problems.push({ path: `BGPConfiguration/default.spec.${field}`, message: `${showIp(address)} is the address of this node: expected one that nothing else has, the same for all nodes` });
    }
  }
}
