/**
 * What is said over bgpd's control socket (`/run/tortie/bgpd.sock`): requests and answers of `sys/rpc.ts`.
 * Each side understands the version before its own; unknown fields are ignored.
 */
import type { Family } from '../../lib/ip/prefix.ts';
import type { Problem } from '../../lib/errors.ts';
import type { SpeakerConfig } from './speaker-config.ts';

export const CONTROL_VERSION = 1;

/** Method name → its parameters and its result. */
export interface BgpdMethods {
  /** Replaces whole sections. Problems do not stop the good part from applying. */
  apply: { readonly params: ApplyRequest; readonly result: ApplyResult };
  status: { readonly params: object; readonly result: SpeakerStatus };
  routes: { readonly params: RoutesRequest; readonly result: RoutesResult };
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
}

export interface RoutesRequest {
  readonly family?: Family;
  /** Exactly this prefix. */
  readonly prefix?: string;
  readonly peer?: string;
  readonly limit?: number;
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
  readonly best: boolean;
  /** Part of the installed ECMP route. */
  readonly installed: boolean;
  readonly stale: boolean;
  /** Why it is (not) best: the step of the decision process that decided, or `next hop unreachable`. */
  readonly reason: string;
}
