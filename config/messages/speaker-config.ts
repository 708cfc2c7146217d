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

/** LOCAL_PREF of a route of metric 0 where `metricFromLocalPref` is true, as Calico counts; one of metric N has this less N. */
export const LOCAL_PREF_OF_METRIC_0 = 2_147_483_647;
/** Longest `PeerConfig.password`, octets of UTF-8 (RFC 2385 as Linux has it). */
export const MAXIMUM_PASSWORD_OCTETS = 80;

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
    /** Metric of IPv6 routes; absent: `metric`. */
    readonly metric6?: number;
    /**
     * True: a route whose LOCAL_PREF is 2147483647 - N with N in 1..1073741823 stands with metric N, as Calico's do;
     * absent or false: every route has `metric`.
     */
    readonly metricFromLocalPref?: boolean;
    /**
     * Name of the filter that says which routes of other owners (connected, static, the agent's) become candidates to be
     * announced; absent: none. They are never installed: they are in the kernel already.
     */
    readonly redistribute?: string;
    /** Glob patterns (`*`, `?`) of interfaces whose connected routes are neither redistributed nor used to reach next hops. */
    readonly ignoredInterfaces?: readonly string[];
  };
  /** Least level of lines in bgpd's log; absent: as it was started. */
  readonly logLevel?: 'debug' | 'info' | 'warn' | 'error';
  /** CLUSTER_ID as a dotted quad, not 0.0.0.0 (RFC 4456 §7); absent: the router ID. */
  readonly clusterId?: string;
  /** True: the node is being drained; every route goes out with GRACEFUL_SHUTDOWN (RFC 8326 §4.1). */
  readonly gracefulShutdown?: boolean;
  /** What no peer may announce to us. Absent: both guards are on, without exception. */
  readonly guards?: {
    /** Prefixes that are no unicast routes. */
    readonly martians: boolean;
    /** Prefixes inside what this node originates with a blackhole, host routes excepted. */
    readonly ownBlocks: boolean;
    /** Prefixes (pools) inside which nothing is a martian. */
    readonly except: readonly string[];
  };
  /** Where routes and session events are reported to (RFC 7854); absent: nowhere. */
  readonly bmp?: { readonly stations: readonly BmpStation[] };
}

/** A BMP monitoring station that we dial. */
export interface BmpStation {
  readonly name: string;
  readonly address: string;
  /** TCP port, 1..65535. */
  readonly port: number;
  /** Which routes are mirrored: Adj-RIB-In before and after import filters (RFC 7854 §5), Loc-RIB (RFC 9069). */
  readonly monitor: readonly ('pre-policy' | 'post-policy' | 'loc-rib')[];
  /** Seconds between statistics reports, 0: none. */
  readonly statisticsSeconds: number;
}

export interface PeersSection {
  readonly peers: readonly PeerConfig[];
  /** Neighbours that are not named one by one: whoever dials us from a prefix. */
  readonly dynamic?: readonly DynamicPeers[];
  /** Neighbours at the other end of a link, whose link-local address is found by router advertisements (RFC 4861). */
  readonly unnumbered?: readonly UnnumberedPeer[];
}

/** A session's settings without who the neighbour is. */
export type PeerTemplate = Omit<PeerConfig, 'name' | 'address'>;

/** Every accepted neighbour gets a session named `NAME_<address>` that waits for it (passive), and is forgotten when it ends. */
export interface DynamicPeers {
  readonly name: string;
  readonly prefix: string;
  /** Most sessions at once, 1..65535. */
  readonly maximumPeers: number;
  readonly template: PeerTemplate;
}

/** One neighbour on one interface. */
export interface UnnumberedPeer {
  readonly name: string;
  readonly interface: string;
  readonly template: PeerTemplate;
}

/** A number, or any AS but ours, or ours. */
export type RemoteAs = number | 'external' | 'internal';

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
  readonly asn: RemoteAs;
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
  /** Interface on which a link-local `address` is meant. */
  readonly interface?: string;
  /** TCP-MD5 key (RFC 2385), 1..80 octets of UTF-8; absent: none. */
  readonly password?: string;
  /** GTSM (RFC 5082): most hops to the neighbour, 1..254; packets that came farther are dropped. Absent: off. */
  readonly ttlSecurityHops?: number;
  /** We reflect routes to and from this neighbour (RFC 4456). Internal peers only. */
  readonly reflectorClient?: boolean;
  /** ADD-PATH (RFC 7911), for all families; absent: neither. */
  readonly addPath?: { readonly send: boolean; readonly receive: boolean };
  /** IPv4 routes with IPv6 next hops (RFC 8950). Needs a session over IPv6. */
  readonly extendedNextHop?: boolean;
  /** False: messages stay within 4,096 octets (RFC 8654). Absent: offered. */
  readonly extendedMessages?: boolean;
  /** Our role towards the neighbour (RFC 9234). Strict: the neighbour must say its own. External peers only. */
  readonly role?: { readonly local: BgpRole; readonly strict: boolean };
  /** The N bit (RFC 8538): graceful restart also after a hold timer or a NOTIFICATION, Hard Reset excepted. */
  readonly notificationRestart?: boolean;
  /** Long-lived stale time in seconds, 1..16777215 (RFC 9494); absent: not offered. */
  readonly longLivedStaleSeconds?: number;
  /**
   * The neighbour is on this machine (a pod) and reached through us alone: others get its routes with us as next hop, except
   * those whose `nextHop` is `keep`. They would look for an address that only our own block leads to.
   */
  readonly behindUs?: boolean;
  /** The session is about to end: what the neighbour is sent and what an external one sends gets GRACEFUL_SHUTDOWN (RFC 8326 §4.2). */
  readonly gracefulShutdown?: boolean;
  /** A limit for each family on routes received, refused ones too. */
  readonly maximumPrefixes?: MaximumPrefixes;
  /** Our own AS number takes the place of the neighbour's in AS_PATHs that it is sent. */
  readonly asOverride?: boolean;
  /** Private AS numbers (RFC 6996) leave AS_PATHs that the neighbour is sent. */
  readonly removePrivateAs?: boolean;
  /** A default route through us is announced, whether we have one or not. */
  readonly defaultOriginate?: readonly Family[];
  /** BFD watches over the session (RFC 5882); absent: it does not. */
  readonly bfd?: PeerBfd;
  /** The session is held down by an operator; the message is sent (RFC 9003), at most 255 octets of UTF-8. */
  readonly shutdown?: { readonly message: string };
}

export interface PeerBfd {
  /** `auto`: one hop when the neighbour is directly connected. `direct-only`: none when it is not. */
  readonly hops: 'auto' | 'direct-only' | 'multihop';
  /** Milliseconds between packets each way, 10..60000. */
  readonly transmitMs: number;
  readonly receiveMs: number;
  /** Packets that may be missed, 1..255. */
  readonly multiplier: number;
}

/** RFC 9234 §4.1. */
export type BgpRole = 'provider' | 'route-server' | 'route-server-client' | 'customer' | 'peer';

/** RFC 9234 §4.2: who faces whom. */
export const COUNTERPART: Readonly<Record<BgpRole, BgpRole>> = {
  provider: 'customer', customer: 'provider', 'route-server': 'route-server-client', 'route-server-client': 'route-server', peer: 'peer',
};

export interface MaximumPrefixes {
  /** 1..4294967295. */
  readonly limit: number;
  /** A problem is reported from this share of the limit on, percent 1..100; absent: 75. */
  readonly warningPercent?: number;
  /** `close`: Cease, subcode 1 (RFC 4486); `warn`: nothing but the problem. */
  readonly action: 'close' | 'warn';
  /** Seconds until a closed session starts again; absent: only by hand. */
  readonly restartSeconds?: number;
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
  /** The route lies in none of these. */
  readonly notPrefixes?: readonly PrefixMatch[];
  /** Where the route came from; `kernel` is what is redistributed. */
  readonly sources?: readonly RouteOrigin[];
  /** Glob patterns (`*`, `?`) of the interface that the route leaves by; a route without one matches none. */
  readonly interfaces?: readonly string[];
  /** Kind of the session that the filter runs for; nothing matches where it runs for none (the kernel's). */
  readonly sessions?: readonly ('ebgp' | 'ibgp')[];
  /** It carries one of these: `65000:1` (RFC 1997) or `65000:1:2` (RFC 8092). */
  readonly communities?: readonly string[];
  /** The AS_PATH begins with these numbers. */
  readonly asPathPrefix?: readonly number[];
  /** LOCAL_PREF, unsigned 32-bit. */
  readonly localPref?: number;
  /** LOCAL_PREF is this or more, unsigned 32-bit. */
  readonly minLocalPref?: number;
  /** What is changed on the route before the verdict; later rules and filters see the changed route. */
  readonly set?: RouteChanges;
  /** `next`: go on with the next rule. */
  readonly action: 'accept' | 'reject' | 'next';
}

export type RouteOrigin = 'originated' | 'kernel' | 'ebgp' | 'ibgp';

export interface RouteChanges {
  readonly addCommunities?: readonly string[];
  readonly removeCommunities?: readonly string[];
  /** Put before the AS_PATH, in this order. */
  readonly prependAsns?: readonly number[];
  readonly localPref?: number;
  readonly med?: number;
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
  /** Routes that stand in the kernel only, so that a peer can be reached; never announced. */
  readonly statics?: readonly { readonly prefix: string; readonly via: string }[];
}

export interface OriginatedRoute {
  readonly prefix: string;
  /** True: a blackhole stands in the kernel, so that free addresses of the block do not loop through the ToR. */
  readonly blackhole: boolean;
  /** LOCAL_PREF towards internal peers; absent: 100. */
  readonly localPref?: number;
}
