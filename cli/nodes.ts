/** Calico's Node resource: a view of a Kubernetes Node and its annotations, written back as annotations. */
import { NODE_ANNOTATIONS, readNode } from '../config/kinds/node.ts';
import type { Problem } from '../lib/errors.ts';
import type { KubeClient, KubeObject, Resource as ResourceRef } from '../sys/kube/client.ts';
import type { ResourceType } from './resource-types.ts';
import { CliError } from './errors.ts';

export const NODES: ResourceRef = { group: '', version: 'v1', plural: 'nodes', namespaced: false };

export interface NodeResource {
  readonly apiVersion: 'projectcalico.org/v3';
  readonly kind: 'Node';
  readonly metadata: KubeObject['metadata'];
  readonly spec: NodeSpec;
  readonly status: object;
}

interface NodeSpec {
  readonly addresses?: readonly { readonly address: string; readonly type: string }[];
  readonly bgp?: { readonly asNumber?: number; readonly ipv4Address?: string; readonly ipv6Address?: string; readonly routeReflectorClusterID?: string };
  readonly orchRefs: readonly { readonly nodeName: string; readonly orchestrator: 'k8s' }[];
}

export const NODE_TYPE: ResourceType = {
  kind: 'Node', names: ['node', 'nodes', 'no', 'nos'],
  plain: { head: ['NAME'], row: (n: NodeResource) => [n.metadata.name] },
  wide: { head: ['NAME', 'ASN', 'IPV4', 'IPV6'], row: (n: NodeResource, { globalAsn }) => {
    const { bgp } = n.spec;
    return [n.metadata.name, bgp === undefined ? '' : bgp.asNumber === undefined ? `(${globalAsn})` : String(bgp.asNumber), bgp?.ipv4Address ?? '', bgp?.ipv6Address ?? ''];
  } },
};

/** Reads the annotations; what is wrong with them comes beside. */
export function nodeFrom(object: KubeObject): { readonly value: NodeResource; readonly problems: readonly Problem[] } {
  const { value: node, problems } = readNode(object);
  const annotations = object.metadata.annotations ?? {};
  const [ipv4Address, ipv6Address] = [annotations[NODE_ANNOTATIONS.ipv4Address], annotations[NODE_ANNOTATIONS.ipv6Address]];
  const bgp = present({
    asNumber: node.asNumber,
    ipv4Address: node.ipv4 && ipv4Address, ipv6Address: node.ipv6 && ipv6Address,
    routeReflectorClusterID: node.routeReflectorClusterId,
  });
  const status = object['status'] as { addresses?: { address: string; type: string }[] } | undefined;
  const addresses = [
    ...[bgp.ipv4Address, bgp.ipv6Address].filter((a) => a !== undefined).map((address) => ({ address, type: 'CalicoNodeIP' })),
    ...(status?.addresses ?? []).filter((a) => a.type === 'InternalIP' || a.type === 'ExternalIP'),
  ];
  const spec: NodeSpec = {
    ...(addresses.length > 0 ? { addresses } : {}),
    ...(Object.keys(bgp).length > 0 ? { bgp } : {}),
    orchRefs: [{ nodeName: object.metadata.name, orchestrator: 'k8s' }],
  };
  return { value: { apiVersion: 'projectcalico.org/v3', kind: 'Node', metadata: object.metadata, spec, status: {} }, problems };
}

type Present<T> = { readonly [K in keyof T]?: Exclude<T[K], undefined> };
const present = <T extends object>(value: T): Present<T> =>
  Object.fromEntries(Object.entries(value).filter(([, v]) => v !== undefined)) as Present<T>;

/** Writes `spec.bgp` into the annotations; the result is validated by the same reader that the agents use. */
export async function writeNode(kube: KubeClient, document: unknown): Promise<void> {
  const { metadata, spec } = document as { metadata: { name: string }; spec?: { bgp?: Record<string, string | number> } };
  const bgp = spec?.bgp ?? {};
  const text = (field: string): string | null => (bgp[field] === undefined ? null : String(bgp[field]));
  const annotations = {
    [NODE_ANNOTATIONS.asNumber]: text('asNumber'), [NODE_ANNOTATIONS.ipv4Address]: text('ipv4Address'),
    [NODE_ANNOTATIONS.ipv6Address]: text('ipv6Address'), [NODE_ANNOTATIONS.routeReflectorClusterId]: text('routeReflectorClusterID'),
  };
  const given = Object.fromEntries(Object.entries(annotations).filter((e): e is [string, string] => e[1] !== null));
  const { problems } = readNode({ metadata: { name: metadata.name, annotations: given } });
  if (problems.length > 0) throw new CliError(problems.map((p) => `${p.path}: ${p.message}`).join('; '));
  const result = await kube.patch(NODES, metadata.name, { metadata: { annotations } }, { type: 'merge' });
  if (result === 'gone') throw new CliError(`resource does not exist: Node(${metadata.name}); Kubernetes makes nodes, tortiectl only configures them`);
  if (result === 'conflict') throw new CliError(`Node(${metadata.name}) changed meanwhile; try again`);
}
