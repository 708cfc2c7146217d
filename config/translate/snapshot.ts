/** The cluster as of one moment, as far as one node needs it: what translation is a function of. */
import type { Problem } from '../../lib/errors.ts';
import type { BGPConfiguration } from '../kinds/bgp-configuration.ts';
import type { BGPPeer } from '../kinds/bgp-peer.ts';
import type { ClusterInformation } from '../kinds/cluster-information.ts';
import type { FelixConfiguration } from '../kinds/felix-configuration.ts';
import type { IPPool } from '../kinds/ip-pool.ts';
import type { BlockAffinity, IPAMConfiguration, IPReservation } from '../kinds/ipam.ts';
import type { CalicoNode } from '../kinds/node.ts';

/** Kind → what is kept of each object. */
export interface ClusterKinds {
  Node: CalicoNode;
  IPPool: IPPool;
  BGPConfiguration: BGPConfiguration;
  BGPPeer: BGPPeer;
  /** Those of this node only. */
  BlockAffinity: BlockAffinity;
  FelixConfiguration: FelixConfiguration;
  IPAMConfiguration: IPAMConfiguration;
  IPReservation: IPReservation;
  ClusterInformation: ClusterInformation;
}

export type ClusterKind = keyof ClusterKinds;

/** Objects by name. Whole things that were bad (a pool, a peer) are not in it; of settings the good fields are. */
export type ClusterObjects = { readonly [K in ClusterKind]: ReadonlyMap<string, ClusterKinds[K]> };

export interface ClusterSnapshot extends ClusterObjects {
  /** What was wrong with the objects as they were read. */
  readonly problems: readonly Problem[];
}
