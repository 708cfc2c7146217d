/** Small clusters for tests of the translation: objects are written as a user would write them. */
import { parseResource, type KindName } from '../../config/kinds/kinds.ts';
import { readNode, type CalicoNode } from '../../config/kinds/node.ts';
import type { ClusterKind, ClusterKinds, ClusterSnapshot } from '../../config/translate/snapshot.ts';
import type { Problem } from '../../lib/errors.ts';

export interface NodeOptions {
  readonly v4?: string;
  readonly v6?: string;
  readonly asn?: number;
  readonly clusterId?: string;
  readonly labels?: Readonly<Record<string, string>>;
  /** Of ours, without their prefix. */
  readonly actions?: Readonly<Record<string, string>>;
}

export function node(name: string, options: NodeOptions = {}): CalicoNode {
  const annotations = {
    IPv4Address: options.v4, IPv6Address: options.v6, ASNumber: options.asn?.toString(), RouteReflectorClusterID: options.clusterId,
  };
  const written = Object.entries(annotations).filter((e): e is [string, string] => e[1] !== undefined)
    .map(([key, value]) => [`projectcalico.org/${key}`, value]);
  for (const [key, value] of Object.entries(options.actions ?? {})) written.push([`tortie.io/${key}`, value]);
  const { value, problems } = readNode({ metadata: { name, labels: options.labels ?? {}, annotations: Object.fromEntries(written) as Record<string, string> } });
  if (problems.length > 0) throw new Error(JSON.stringify(problems));
  return value;
}

/** What a user applied: kind, name, spec and, where it matters, more metadata. */
export interface Written { readonly kind: KindName; readonly name: string; readonly spec: object; readonly metadata?: object }

/** A snapshot as `agent/cluster.ts` would hold it: resources with problems are not in it, settings are. */
export function cluster(nodes: readonly CalicoNode[], resources: readonly Written[] = [], secrets: Readonly<Record<string, Readonly<Record<string, string>>>> = {}): ClusterSnapshot {
  const objects: { [K in ClusterKind]: Map<string, ClusterKinds[K]> } = {
    Node: new Map(nodes.map((n) => [n.name, n])), IPPool: new Map(), BGPConfiguration: new Map(), BGPPeer: new Map(),
    BlockAffinity: new Map(), BGPFilter: new Map(), Secret: new Map(Object.entries(secrets).map(([name, values]) => [name, { values, refused: '' }])), FelixConfiguration: new Map(), IPAMConfiguration: new Map(), IPReservation: new Map(),
    ClusterInformation: new Map(), Service: new Map(), EndpointSlice: new Map(), Workload: new Map(),
  };
  const problems: Problem[] = [];
  for (const { kind, name, spec, metadata } of resources) {
    const parsed = parseResource(kind, { metadata: { name, ...metadata }, spec });
    problems.push(...parsed.problems);
    if (parsed.value !== undefined && (parsed.problems.length === 0 || kind === 'BGPConfiguration')) {
      (objects[kind as ClusterKind] as Map<string, unknown>).set(name, parsed.value);
    }
  }
  return { ...objects, problems };
}
