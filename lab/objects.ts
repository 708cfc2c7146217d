/** The Kubernetes objects that the lab writes in the place of kubelet, installer and user. */
import { AGENT_POD_LABEL, AGENT_STATUS_PORT, SYSTEM_NAMESPACE } from '../lib/ownership.ts';
import type { KubeObject, Resource } from '../sys/kube/client.ts';
import { NODE_ASN, POD_POOL4, POD_POOL6, POD_PORT } from './plan.ts';
import type { NodePlan, Topology } from './topology.ts';

export const NODES: Resource = { group: '', version: 'v1', plural: 'nodes', namespaced: false };
export const PODS: Resource = { group: '', version: 'v1', plural: 'pods', namespaced: true };
export const NAMESPACES: Resource = { group: '', version: 'v1', plural: 'namespaces', namespaced: false };
export const EVENTS: Resource = { group: '', version: 'v1', plural: 'events', namespaced: true };
export const CRDS: Resource = { group: 'apiextensions.k8s.io', version: 'v1', plural: 'customresourcedefinitions', namespaced: false };

const CALICO = { group: 'projectcalico.org', version: 'v3' } as const;
const API_VERSION = `${CALICO.group}/${CALICO.version}`;
export const calico = (plural: string): Resource => ({ ...CALICO, plural, namespaced: false });

export interface PodObject extends KubeObject {
  readonly spec: {
    readonly nodeName?: string;
    readonly hostNetwork?: boolean;
    readonly containers: readonly { readonly name: string; readonly image: string; readonly ports?: readonly PodPortObject[] }[];
  };
  readonly status?: { readonly phase?: string; readonly podIP?: string; readonly podIPs?: readonly { readonly ip: string }[]; readonly message?: string | null };
}

export interface PodPortObject { readonly containerPort: number; readonly hostPort?: number; readonly protocol?: string }

/** What Calico's node start-up would find out and write is in the annotations. */
export const nodeObject = (node: NodePlan): KubeObject => ({
  apiVersion: 'v1', kind: 'Node',
  metadata: {
    name: node.name,
    labels: { 'kubernetes.io/hostname': node.name, 'kubernetes.io/os': 'linux', ...node.labels },
    annotations: {
      ...(ipv4Of(node) === undefined ? {} : { 'projectcalico.org/IPv4Address': `${ipv4Of(node)}/24` }),
      ...(ipv6Of(node) === undefined ? {} : { 'projectcalico.org/IPv6Address': `${ipv6Of(node)}/64` }),
      ...node.annotations,
    },
  },
  spec: {},
  status: nodeStatus(node, true),
});

const ipv4Of = ({ legs }: NodePlan): string | undefined => legs[0]?.address4;
const ipv6Of = ({ legs }: NodePlan): string | undefined => legs[0]?.address6;
const addressesOf = (node: NodePlan): string[] => [ipv4Of(node), ipv6Of(node)].filter((a) => a !== undefined);

export const nodeStatus = (node: NodePlan, ready: boolean): object => ({
  addresses: [
    ...addressesOf(node).map((address) => ({ type: 'InternalIP', address })), { type: 'Hostname', address: node.name },
  ],
  conditions: [{ type: 'Ready', status: ready ? 'True' : 'Unknown', reason: ready ? 'LabReady' : 'LabNodeDown', lastTransitionTime: new Date().toISOString() }],
});

/** Stands for the node's agent, so that the API server's pod proxy reaches its status server. */
export const agentPod = (node: NodePlan): PodObject => ({
  apiVersion: 'v1', kind: 'Pod',
  metadata: { name: `tortie-agent-${node.name}`, namespace: SYSTEM_NAMESPACE, labels: AGENT_POD_LABEL },
  spec: {
    nodeName: node.name, hostNetwork: true,
    containers: [{ name: 'agent', image: 'tortie', ports: [{ containerPort: AGENT_STATUS_PORT }] }],
  },
  status: runningStatus('agent', addressesOf(node)),
});

export const workloadPod = (name: string, namespace: string, node: string | undefined): PodObject => ({
  apiVersion: 'v1', kind: 'Pod',
  metadata: { name, namespace, labels: { app: name } },
  spec: {
    ...(node === undefined ? {} : { nodeName: node }),
    containers: [{ name: 'responder', image: 'lab-responder', ports: [{ containerPort: POD_PORT }] }],
  },
});

/** Running and ready, with these addresses, one container. */
export function runningStatus(container: string, addresses: readonly string[]): NonNullable<PodObject['status']> {
  const now = new Date().toISOString();
  const conditions = ['PodScheduled', 'Initialized', 'ContainersReady', 'Ready'].map((type) => ({ type, status: 'True', lastTransitionTime: now }));
  const containerStatuses = [{ name: container, image: container, imageID: '', ready: true, started: true, restartCount: 0, state: { running: { startedAt: now } } }];
  // Null: what failed before it ran is over.
  const status = { phase: 'Running', message: null, podIP: addresses[0]!, podIPs: addresses.map((ip) => ({ ip })), startTime: now, conditions, containerStatuses };
  return status;
}

/** Default pools of the families that nodes have (never encapsulated, no NAT), BGP defaults, and the BGPPeers of the topology. */
export function clusterObjects({ nodes, peers }: Pick<Topology, 'nodes' | 'peers'>): readonly { readonly resource: Resource; readonly object: KubeObject }[] {
  const pools = [
    ...(nodes.some((n) => ipv4Of(n) !== undefined) ? [pool('default-ipv4-ippool', POD_POOL4, 26)] : []),
    ...(nodes.some((n) => ipv6Of(n) !== undefined) ? [pool('default-ipv6-ippool', POD_POOL6, 122)] : []),
  ];
  return [
    { resource: calico('clusterinformations'), object: calicoObject('ClusterInformation', 'default', {
      clusterType: 'k8s,bgp,kdd', datastoreReady: true, clusterGUID: 'e1d3c5a7b9f04a6c8e2d4b6f8a0c2e4d',
    }) },
    { resource: calico('bgpconfigurations'), object: calicoObject('BGPConfiguration', 'default', { asNumber: NODE_ASN, nodeToNodeMeshEnabled: true }) },
    ...pools.map((object) => ({ resource: calico('ippools'), object })),
    ...Object.entries(peers).map(([name, spec]) => ({ resource: calico('bgppeers'), object: calicoObject('BGPPeer', name, spec) })),
  ];
}

const pool = (name: string, cidr: string, blockSize: number): KubeObject => calicoObject('IPPool', name, {
  cidr, blockSize, ipipMode: 'Never', vxlanMode: 'Never', natOutgoing: false, disabled: false, nodeSelector: 'all()',
  allowedUses: ['Workload', 'Tunnel'],
});

const calicoObject = (kind: string, name: string, spec: object): KubeObject => ({ apiVersion: API_VERSION, kind, metadata: { name }, spec });
