/**
 * What `bgpd` is told: the whole of its job in four sections, in the words of BGP, with no Kubernetes in them.
 *
 * The agent sends whole sections, each with a revision, and only those that changed; on reconnect, all of them.
 * Addresses and prefixes are text (this is an edge); `bgpd` packs them. Every list is a set unless it says "ordered".
 */
import type { Family } from '../../lib/ip/prefix.ts';

export interface SpeakerConfig {
  readonly global: GlobalSection;
  readonly peers: PeersSection;
  readonly filters: FiltersSection;
  readonly originate: OriginateSection;
}

export type SectionName = keyof SpeakerConfig;
export const SECTION_NAMES = ['global', 'filters', 'originate', 'peers'] as const satisfies readonly SectionName[];

export interface GlobalSection {
  /** Local AS number, 1..4294967295 (RFC 6793), unless a peer overrides it. */
  readonly asn: number;
  /** BGP identifier as a dotted quad, not 0.0.0.0 (RFC 6286). */
  readonly routerId: string;
  readonly listen: {
    /** TCP port, 1..65535; 0 switches listening off. */
    readonly port: number;
    /** Local addresses to listen on; empty means all of both families. */
    readonly addresses: readonly string[];
  };
  readonly gracefulRestart: {
    /** Restart time we advertise: seconds a helper may keep our routes without a session, 0..4095 (RFC 4724 §3). */
    readonly restartTimeSeconds: number;
    /** As helper: a peer's stale routes are removed after this many seconds whatever it advertised. */
    readonly staleRoutesCapSeconds: number;
    /** As restarting speaker: seconds to wait for the peers' End-of-RIB before best paths are chosen (RFC 4724 §4.1). */
    readonly selectionDeferralSeconds: number;
  };
  readonly kernel: {
    /** Routing table, 1..4294967295; 254 is `main`. */
    readonly table: number;
    /** Route metric (priority), 1..4294967295. */
    readonly metric: number;
    /** False: learned routes are not installed (a pure route server). Blackholes of own blocks neither. */
    readonly install: boolean;
    /** Name of the filter that says which best routes are installed; absent: all. */
    readonly filter?: string;
    /** Most next hops of one ECMP route, 1..64. 1 switches ECMP off. */
    readonly maximumPaths: number;
  };
}

export interface PeersSection {
  readonly peers: readonly PeerConfig[];
}

/** One BGP session to one neighbour. */
export interface PeerConfig {
  /** Stable key, unique: `Mesh_10_0_0_2`, `Global_192_0_2_1`, `Node_…` as Calico names its BIRD protocols. */
  readonly name: string;
  /** Where it comes from; shown by `tortiectl node status` (node-to-node mesh, node specific, global). */
  readonly origin: 'mesh' | 'node' | 'global' | 'static';
  /** The neighbour's address. */
  readonly address: string;
  /** TCP port to dial, 1..65535. */
  readonly port: number;
  /** The neighbour's AS number, 1..4294967295. Equal to the local one: iBGP. */
  readonly asn: number;
  /** Local AS number of this session when it is not `global.asn`. */
  readonly localAsn?: number;
  /** Our end's address; absent: the kernel chooses. */
  readonly sourceAddress?: string;
  /** True: wait for the neighbour to dial. */
  readonly passive: boolean;
  /** Address families to negotiate (RFC 4760), at least one. */
  readonly families: readonly Family[];
  /** Offered hold time in seconds: 0 or 3..65535 (RFC 4271 §4.2). */
  readonly holdTimeSeconds: number;
  /** Keepalive interval in seconds; absent: a third of the negotiated hold time. */
  readonly keepaliveSeconds?: number;
  /** Seconds between attempts to connect (RFC 4271 §8.1.1 ConnectRetryTime), 1..65535. */
  readonly connectRetrySeconds: number;
  /** Restart time advertised to this peer instead of the global one. */
  readonly restartTimeSeconds?: number;
  /** False: no graceful restart capability is sent. */
  readonly gracefulRestart: boolean;
  /** What becomes of the next hop of routes we pass on: `auto` as RFC 4271 §5.1.3. */
  readonly nextHop: 'auto' | 'self' | 'keep';
  /** Times the local AS may stand in a received AS_PATH (RFC 4271 §9.1.2: 0). */
  readonly allowLocalAs: number;
  /** Ordered names of filters run over received routes; the first verdict counts, none: accept. */
  readonly importFilters: readonly string[];
  /** Ordered names of filters run over routes to be sent; the first verdict counts, none: accept. */
  readonly exportFilters: readonly string[];
}

export interface FiltersSection {
  readonly filters: readonly FilterConfig[];
}

export interface FilterConfig {
  readonly name: string;
  /** Ordered: the first rule that matches decides. */
  readonly rules: readonly FilterRule[];
  /** What happens when no rule matches; `next` goes on to the next filter of the chain. */
  readonly otherwise: 'accept' | 'reject' | 'next';
}

/** All that is named must match; a rule that names nothing matches everything. */
export interface FilterRule {
  /** The route lies in one of these. Length bounds default to the exact length of the prefix. */
  readonly prefixes?: readonly PrefixMatch[];
  /** Where the route came from. */
  readonly sources?: readonly ('originated' | 'ebgp' | 'ibgp')[];
  readonly action: 'accept' | 'reject';
}

export interface PrefixMatch {
  readonly prefix: string;
  /** Shortest length that matches, prefix length..32 or 128. */
  readonly minLength?: number;
  /** Longest length that matches. */
  readonly maxLength?: number;
}

export interface OriginateSection {
  /** What this node announces as its own. */
  readonly routes: readonly OriginatedRoute[];
}

export interface OriginatedRoute {
  readonly prefix: string;
  /** True: a blackhole stands in the kernel, so that free addresses of the block do not loop through the ToR. */
  readonly blackhole: boolean;
}
