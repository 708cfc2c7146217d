/**
 * What is said over bgpd's control socket (`/run/tortie/bgpd.sock`): requests and answers of `sys/rpc.ts`.
 * Each side understands the version before its own; unknown fields are ignored.
 */
import type { Family } from '../../lib/ip/prefix.ts';
import type { Problem } from '../../lib/errors.ts';
import type { BfdSessionStatus, BfdState } from './bfd-control.ts';
import type { SpeakerConfig } from './speaker-config.ts';

export const CONTROL_VERSION = 1;

/** Method name → its parameters and its result. */
export interface BgpdMethods {
  /** Replaces whole sections. Problems do not stop the good part from applying. */
  apply: { readonly params: ApplyRequest; readonly result: ApplyResult };
  status: { readonly params: object; readonly result: SpeakerStatus };
  routes: { readonly params: RoutesRequest; readonly result: RoutesResult };
  /** All about one peer, by name or address. Error NO_PEER when there is none. */
  peer: { readonly params: { readonly peer: string }; readonly result: PeerDetail };
  /**
   * `hard`: Cease, subcode 4, and a new start. `soft-in`: import filters run again, and the routes are asked for again
   * where the peer understands it (RFC 2918). `soft-out`: everything is sent again. `peer`: name, address, or `*`.
   */
  clear: { readonly params: { readonly peer: string; readonly mode: ClearMode }; readonly result: { readonly peers: readonly string[] } };
  /** Routes accepted from a peer (Adj-RIB-In after import filters), by peer name or address. Cheap. */
  count: { readonly params: { readonly peer: string }; readonly result: { readonly accepted: number } };
  /** Counters in Prometheus' text format. */
  metrics: { readonly params: object; readonly result: { readonly text: string } };
  /** `restart`: close TCP without NOTIFICATION, keep kernel routes. `final`: Cease to all peers, remove our routes. */
  stop: { readonly params: { readonly mode: 'restart' | 'final'; readonly message?: string }; readonly result: object };
}

export type Sections = { readonly [S in keyof SpeakerConfig]?: { readonly revision: number; readonly value: SpeakerConfig[S] } };

export interface ApplyRequest {
  readonly version: number;
  /** Changes when the sender restarts: revisions of another sender say nothing. */
  readonly sender: string;
  readonly sections: Sections;
}

export interface ApplyResult {
  readonly problems: readonly Problem[];
  readonly revisions: { readonly [S in keyof SpeakerConfig]?: number };
}

export type ClearMode = 'hard' | 'soft-in' | 'soft-out';

export type SessionState = 'Idle' | 'Connect' | 'Active' | 'OpenSent' | 'OpenConfirm' | 'Established';

export interface SpeakerStatus {
  readonly version: number;
  readonly software: string;
  readonly routerId: string | null;
  readonly asn: number | null;
  readonly startedAtMs: number;
  /** Restarting speaker of RFC 4724: best paths are not chosen yet. */
  readonly restarting: boolean;
  readonly peers: readonly PeerStatus[];
  readonly routes: { readonly [F in Family]: { readonly prefixes: number; readonly paths: number; readonly installed: number } };
  readonly originated: readonly string[];
  readonly problems: readonly Problem[];
}

export interface PeerStatus {
  readonly name: string;
  readonly origin: 'mesh' | 'node' | 'global' | 'static';
  readonly address: string;
  /** 0: not known yet (any external or internal AS is accepted). */
  readonly asn: number;
  readonly state: SessionState;
  /** Wall-clock milliseconds of the last change to or from Established (or of start). */
  readonly sinceMs: number;
  /** What a person wants to know when it is not Established: `Connection refused`, `Hold timer expired`, … */
  readonly info: string;
  readonly families: readonly Family[];
  readonly holdTimeSeconds: number;
  readonly keepaliveSeconds: number;
  /** Routes accepted, and how many of them are stale (kept for a restarting peer). */
  readonly received: number;
  readonly stale: number;
  readonly advertised: number;
  /** End-of-RIB seen from the peer since the session came up, for each family. */
  readonly endOfRib: readonly Family[];
  readonly gracefulRestart: boolean;
  readonly counters: {
    readonly messagesIn: number; readonly messagesOut: number;
    readonly updatesIn: number; readonly updatesOut: number;
    readonly established: number;
  };
  /** The last NOTIFICATION or failure, in words, and which side spoke. */
  readonly lastError: string | null;
  /** Present while an operator holds the session down: the message. */
  readonly shutdown?: string;
  /** Present where BFD is to watch over the session. */
  readonly bfd?: PeerBfdStatus;
  /** The last `clear` that was performed since bgpd started. */
  readonly cleared?: { readonly atMs: number; readonly mode: ClearMode };
}

/** What BFD says of a peer, as of its last change of state. */
export interface PeerBfdStatus {
  /** `none`: there is no session; `info` says why. */
  readonly state: BfdState | 'none';
  /** What a person wants to know when it is not Up; empty: nothing. */
  readonly info: string;
  /** Sessions of BGP that it ended since bgpd started. */
  readonly ended: number;
  readonly session?: Pick<BfdSessionStatus, 'multihop' | 'remoteState' | 'diagnostic' | 'remoteDiagnostic' | 'remoteControlPlaneIndependent'
    | 'sinceMs' | 'intervalMs' | 'detectionMs' | 'losses' | 'failures'>;
}

/** All about one peer: what `tortiectl bgp peer` prints. */
export interface PeerDetail extends PeerStatus {
  readonly port: number;
  readonly localAsn: number;
  readonly localAddress: string | null;
  readonly interface: string | null;
  /** External, internal, or internal client of our reflector. */
  readonly kind: 'ebgp' | 'ibgp' | 'ibgp-client';
  readonly remoteRouterId: string | null;
  /** In words, such as `graceful restart: 120 s, ipv4 (forwarding preserved)`; null while there is no session. */
  readonly capabilities: { readonly local: readonly string[]; readonly remote: readonly string[] } | null;
  readonly passive: boolean;
  readonly md5: boolean;
  readonly ttlSecurityHops: number | null;
  /** Milliseconds until each running timer of the session ends. */
  readonly timers: Readonly<Record<string, number>>;
  readonly perFamily: { readonly [F in Family]?: {
    readonly received: number; readonly accepted: number; readonly stale: number; readonly advertised: number; readonly endOfRib: boolean;
  } };
  readonly messages: { readonly [D in 'in' | 'out']: {
    readonly open: number; readonly update: number; readonly keepalive: number; readonly notification: number; readonly routeRefresh: number; readonly bytes: number;
  } };
  /** The last NOTIFICATION that passed or the failure, newest last, at most 8. */
  readonly errors: readonly { readonly atMs: number; readonly text: string; /** The NOTIFICATION's bytes as hex; empty: none. */ readonly bytes: string }[];
  readonly maximumPrefixes: { readonly limit: number; readonly warningPercent: number } | null;
  readonly importFilters: readonly string[];
  readonly exportFilters: readonly string[];
}

export interface RoutesRequest {
  readonly family?: Family;
  /** Exactly this prefix; an address means the longest prefix that holds it. */
  readonly prefix?: string;
  /** True: also what lies inside `prefix`. */
  readonly longer?: boolean;
  readonly peer?: string;
  /**
   * `candidates` (default): all routes with the verdict of the decision process. `received`: of `peer`, before import
   * filters. `accepted`: of `peer`, after them. `advertised`: what `peer` is sent, as it is sent; where one prefix or address
   * is asked about, also what it is not sent, and why.
   */
  readonly view?: 'candidates' | 'received' | 'accepted' | 'advertised';
  /** Only the best route of each prefix. */
  readonly best?: boolean;
  /** Most prefixes, 1..10000; absent: 1,000. */
  readonly limit?: number;
  /** Only prefixes behind this one, in the order of the answers: how a long answer goes on. */
  readonly after?: string;
}

export interface RoutesResult {
  readonly routes: readonly RouteView[];
  readonly truncated: boolean;
}

export interface RouteView {
  readonly prefix: string;
  readonly paths: readonly PathView[];
}

export interface PathView {
  /** Peer name, or `local` for what we originate. */
  readonly peer: string;
  readonly nextHop: string;
  readonly asPath: string;
  readonly origin: 'igp' | 'egp' | 'incomplete';
  readonly localPref: number | null;
  readonly med: number | null;
  readonly communities: readonly string[];
  readonly extendedCommunities: readonly string[];
  readonly largeCommunities: readonly string[];
  readonly originatorId: string | null;
  readonly clusterList: readonly string[];
  readonly otc: number | null;
  /** ADD-PATH: the identifier it came or goes out with; null: none. */
  readonly pathId: number | null;
  readonly best: boolean;
  /** Part of the installed ECMP route. */
  readonly installed: boolean;
  readonly stale: boolean;
  /** Why it is (not) best: the step of the decision process that decided, or `next hop unreachable`. */
  readonly reason: string;
  /** `advertised`: the peer is not sent it, for this reason; the attributes are those that we have. */
  readonly unsent?: true;
}
