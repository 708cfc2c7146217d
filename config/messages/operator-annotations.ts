/** What an operator says about BGP by annotations of the Node: written by `tortiectl bgp`, read by the node's agent. */
import type { ClearMode } from './bgpd-control.ts';

/** JSON object: peer name or address → the message that the peer is sent (RFC 9003). It stays down while it is named. */
export const BGP_SHUTDOWN_ANNOTATION = 'tortie.io/bgp-shutdown';
/** JSON of a `ClearRequest`: done once, when `at` changes. */
export const BGP_CLEAR_ANNOTATION = 'tortie.io/bgp-clear';

/** JSON of a `DrainRequest`: the node's BGP is taken out of service for as long as this stands. */
export const DRAIN_ANNOTATION = 'tortie.io/drain';

export interface ClearRequest {
  /** Name or address; `*`: all. */
  readonly peer: string;
  readonly mode: ClearMode;
  /** When it was asked for, ISO 8601: what makes a request another one. */
  readonly at: string;
}

/** What is not said has a default, so that `true` and `{}` are requests too. */
export interface DrainRequest {
  /** When it was asked for, ISO 8601; for people. */
  readonly at: string;
  /** Seconds between GRACEFUL_SHUTDOWN and the end of the sessions, 0..3600. */
  readonly waitSeconds: number;
  /** What the neighbours' operators are told (RFC 9003), at most 255 octets; absent: the agent's own words. */
  readonly message?: string;
  /** The request is over when the node's boot ID is another one: a shutdown of the machine asked for it. */
  readonly bootId?: string;
}

/** Seconds that neighbours get to find other ways. */
export const DRAIN_WAIT_SECONDS = 30;
/** Octets of a shutdown message (RFC 9003 §2). */
export const MAXIMUM_SHUTDOWN_MESSAGE = 255;

/**
 * `announcing`: routes go out with GRACEFUL_SHUTDOWN. `closing`: bgpd is being told to end all sessions. `drained`: it has
 * ended them, and they stay down.
 */
export type DrainPhase = 'none' | 'announcing' | 'closing' | 'drained';

/** What the agent's `/v1/drain` answers. */
export interface DrainStatus {
  readonly phase: DrainPhase;
  /** Wall-clock milliseconds. */
  readonly sinceMs: number;
  /** Milliseconds until the sessions end, while `announcing`. */
  readonly leftMs?: number;
  /** What the neighbours are told. */
  readonly message?: string;
}
