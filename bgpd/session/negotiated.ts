/** What two OPEN messages agree on: the facts of an Established session. */
import type { Family, Ip } from '../../lib/ip/prefix.ts';
import type { GracefulRestartCapability, WireContext } from '../wire/message.ts';

export interface Negotiated {
  readonly peerAsn: number;
  readonly localAsn: number;
  readonly external: boolean;
  /** The peer's BGP identifier, unsigned 32-bit. */
  readonly peerRouterId: number;
  /** The smaller of both offers; 0: no keepalives and no hold timer. */
  readonly holdTimeSeconds: number;
  readonly keepaliveSeconds: number;
  /** Families that both sides offered, never empty. */
  readonly families: readonly Family[];
  readonly routeRefresh: boolean;
  /** The peer's capability, present only when both sides sent one. */
  readonly gracefulRestart: GracefulRestartCapability | undefined;
  readonly wire: WireContext;
}

/** Addresses of the TCP connection, for next-hop-self. */
export interface Endpoints {
  readonly local: Ip;
  readonly remote: Ip;
}

/** Why a session went down: graceful restart and the log both hang on it. */
export interface DownReason {
  /** `closed`: TCP ended without NOTIFICATION. `error`: we sent a NOTIFICATION. `notified`: the peer sent one. */
  readonly kind: 'closed' | 'hold-timer' | 'error' | 'notified' | 'administrative';
  readonly text: string;
}
