/** The cluster as of one moment, as far as one node needs it: what translation is a function of. */
import type { Problem } from '../../lib/errors.ts';
import type { BGPConfiguration } from '../kinds/bgp-configuration.ts';
import type { BGPFilter } from '../kinds/bgp-filter.ts';
import type { BGPPeer } from '../kinds/bgp-peer.ts';
import type { ClusterInformation } from '../kinds/cluster-information.ts';
import type { FelixConfiguration } from '../kinds/felix-configuration.ts';
import type { IPPool } from '../kinds/ip-pool.ts';
import type { BlockAffinity, IPAMConfiguration, IPReservation } from '../kinds/ipam.ts';
import type { CalicoNode } from '../kinds/node.ts';
import type { SecretTexts } from '../kinds/secret.ts';
import type { ServiceFacts, SliceFacts } from '../kinds/service.ts';
import type { WorkloadFacts } from '../kinds/workload.ts';

/** Kind → what is kept of each object. */
export interface ClusterKinds {
  Node: CalicoNode;
  IPPool: IPPool;
  BGPConfiguration: BGPConfiguration;
  BGPPeer: BGPPeer;
  BGPFilter: BGPFilter;
  /** Those of this node only. */
  BlockAffinity: BlockAffinity;
  FelixConfiguration: FelixConfiguration;
  IPAMConfiguration: IPAMConfiguration;
  IPReservation: IPReservation;
  ClusterInformation: ClusterInformation;
  /** Those that BGP resources name, in the agent's own namespace. */
  Secret: SecretTexts;
  /** By `namespace/name`, as the next two; known only while service addresses are announced. */
  Service: ServiceFacts;
  EndpointSlice: SliceFacts;
  /** Pods of this node; known only while a BGPPeer asks for local workloads. */
  Workload: WorkloadFacts;
}

export type ClusterKind = keyof ClusterKinds;

/** Objects by name. Whole things that were bad (a pool, a peer) are not in it; of settings the good fields are. */
export type ClusterObjects = { readonly [K in ClusterKind]: ReadonlyMap<string, ClusterKinds[K]> };

export interface ClusterSnapshot extends ClusterObjects {
  /** What was wrong with the objects as they were read. */
  readonly problems: readonly Problem[];
}
