/** Kinds of Kubernetes that are watched only while something in the cluster's settings needs them, and what is kept of each. */
import { readService, readSlice } from '../config/kinds/service.ts';
import { readWorkload } from '../config/kinds/workload.ts';
import { hasServiceRanges } from '../config/translate/services.ts';
import type { ClusterKind, ClusterKinds, ClusterSnapshot } from '../config/translate/snapshot.ts';
import type { KubeObject, ListOptions, Resource } from '../sys/kube/client.ts';

interface OptionalKind<K extends ClusterKind> {
  readonly resource: Resource;
  readonly options: (node: string) => ListOptions;
  /** Undefined: nothing of the object matters. */
  readonly read: (object: KubeObject, node: string) => ClusterKinds[K] | undefined;
  readonly isWanted: (cluster: ClusterSnapshot) => boolean;
  /** What comes of it when they cannot be read. */
  readonly consequence: string;
}

const announcesServices = (cluster: ClusterSnapshot): boolean => hasServiceRanges(cluster.BGPConfiguration.get('default')?.spec ?? {});
const peersWithWorkloads = (cluster: ClusterSnapshot): boolean => cluster.BGPPeer.values().some((p) => (p.spec.localWorkloadSelector ?? '') !== '');

/** Slices of headless Services matter to nobody. */
const OF_SERVICES: ListOptions = { labelSelector: '!service.kubernetes.io/headless' };

export const OPTIONAL: { readonly [K in 'Service' | 'EndpointSlice' | 'Workload']: OptionalKind<K> } = {
  Service: {
    resource: { group: '', version: 'v1', plural: 'services', namespaced: true }, options: () => OF_SERVICES, read: readService,
    isWanted: announcesServices, consequence: 'of service addresses only whole ranges are announced',
  },
  EndpointSlice: {
    resource: { group: 'discovery.k8s.io', version: 'v1', plural: 'endpointslices', namespaced: true }, options: () => OF_SERVICES,
    read: readSlice, isWanted: announcesServices, consequence: 'Services with externalTrafficPolicy Local are not announced',
  },
  Workload: {
    resource: { group: '', version: 'v1', plural: 'pods', namespaced: true }, options: (node) => ({ fieldSelector: `spec.nodeName=${node}` }),
    read: readWorkload, isWanted: peersWithWorkloads, consequence: 'no local workload becomes a peer',
  },
};
export type OptionalKindName = keyof typeof OPTIONAL;
export const OPTIONAL_KINDS = Object.keys(OPTIONAL) as readonly OptionalKindName[];
/** Kinds whose objects say whether an optional kind is wanted. */
export const ASKING_KINDS: ReadonlySet<ClusterKind> = new Set(['BGPConfiguration', 'BGPPeer']);
