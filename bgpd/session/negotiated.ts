/** What two OPEN messages agree on: the facts of an Established session. */
import type { Family, Ip } from '../../lib/ip/prefix.ts';
import type { BgpRole } from '../../config/messages/speaker-config.ts';
import type { Capabilities, GracefulRestartCapability, LongLivedFamily, WireContext } from '../wire/message.ts';

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
  readonly enhancedRouteRefresh: boolean;
  /** N bit on both sides: a NOTIFICATION other than Hard Reset is a restart too (RFC 8538 §3). */
  readonly notificationRestart: boolean;
  /** The peer's long-lived families, present only when both sides sent the capability (RFC 9494). */
  readonly longLived: readonly LongLivedFamily[] | undefined;
  /** Present when a role is configured; the peer may have said none (RFC 9234 §4.2). */
  readonly role: { readonly local: BgpRole; readonly remote: BgpRole | undefined } | undefined;
  /** What each side said, for people. */
  readonly capabilities: { readonly local: Capabilities; readonly remote: Capabilities };
  /** The peer's capability, present only when both sides sent one. */
  readonly gracefulRestart: GracefulRestartCapability | undefined;
  readonly wire: WireContext;
}

/** Addresses of the TCP connection, for next-hop-self. */
export interface Endpoints {
  readonly local: Ip;
  readonly remote: Ip;
  /** Of the link, when the addresses are link-local ones; absent: they are not. */
  readonly interfaceIndex?: number;
}

/** Why a session went down: graceful restart and the log both hang on it. */
export interface DownReason {
  /** `closed`: TCP ended without NOTIFICATION. `error`: we sent a NOTIFICATION. `notified`: the peer sent one. */
  readonly kind: 'closed' | 'hold-timer' | 'error' | 'notified' | 'administrative';
  /** The NOTIFICATION that was sent or received; a Hard Reset is Cease, subcode 9 (RFC 8538 §3.1). */
  readonly notification?: { readonly code: number; readonly subcode: number; readonly data: Uint8Array };
  readonly text: string;
}
