/**
 * What is said over bfdd's control socket (`/run/tortie/bfdd.sock`): bgpd names the sessions it wants and is told of their
 * state. Sessions go on when the asker's connection ends: they are to outlive it.
 */

import type { Problem } from '../../lib/errors.ts';

export const BFD_CONTROL_VERSION = 1;

/** Method name → its parameters and its result. */
export interface BfddMethods {
  /** Replaces the whole set of sessions of `client`. An empty list ends them with AdminDown. */
  apply: { readonly params: { readonly version: number; readonly client: string; readonly sessions: readonly BfdSession[] }; readonly result: object };
  status: { readonly params: object; readonly result: BfdStatus };
  /** Answers once the revision is another than `after`, or after 30 seconds: ask again. Use a connection of its own. */
  watch: { readonly params: { readonly after: number }; readonly result: BfdStatus };
}

/** One session (RFC 5880 §6.1), known by peer, local address and interface. */
export interface BfdSession {
  readonly peer: string;
  /** Our end; absent: the kernel chooses. */
  readonly local?: string;
  /** Interface of a single-hop session. */
  readonly interface?: string;
  /** False: one hop, UDP 3784 and TTL 255 (RFC 5881). True: UDP 4784 (RFC 5883). */
  readonly multihop: boolean;
  /** Multihop: packets with a smaller TTL are dropped, 1..255. */
  readonly minimumTtl?: number;
  /** Desired Min TX Interval while up, milliseconds 10..60000. */
  readonly transmitMs: number;
  /** Required Min RX Interval, milliseconds 10..60000. */
  readonly receiveMs: number;
  /** Detect Mult, 1..255. */
  readonly multiplier: number;
}

/** Two sessions are one when all of this is the same. */
export const bfdSessionKey = ({ peer, local, interface: link, multihop }: BfdSession): string =>
  `${peer}|${local ?? ''}|${link ?? ''}|${multihop ? 'multihop' : 'single hop'}`;

export type BfdState = 'AdminDown' | 'Down' | 'Init' | 'Up';

export interface BfdSessionStatus extends BfdSession {
  readonly state: BfdState;
  readonly remoteState: BfdState;
  /** RFC 5880 §4.1, in words. */
  readonly diagnostic: string;
  readonly remoteDiagnostic: string;
  /** C bit of the peer: its forwarding does not depend on its control plane. */
  readonly remoteControlPlaneIndependent: boolean;
  readonly sinceMs: number;
  /** Negotiated: milliseconds between our packets, and until a silent peer counts as down. */
  readonly intervalMs: number;
  readonly detectionMs: number;
  readonly packetsIn: number;
  readonly packetsOut: number;
  /** Times it went from Up to something else. */
  readonly losses: number;
  /** Those of them that neither side wanted: not the AdminDown of either (RFC 5882 §3.2). */
  readonly failures: number;
  /** Ours: another one when the session is a new one, and counts from 0. */
  readonly discriminator: number;
  /** Why packets cannot be sent; absent: they can. */
  readonly trouble?: string;
}

export interface BfdStatus {
  /** Grows with every change of a state. */
  readonly revision: number;
  readonly sessions: readonly BfdSessionStatus[];
  /** Packets that were not taken since start, by reason. */
  readonly discarded: Readonly<Record<string, number>>;
  /** What bfdd cannot do here, such as a port that another daemon has. */
  readonly problems: readonly Problem[];
}
