/** Runs the sessions of one peer: owns its connections, framers and timers, and performs what the machines decide. */
import type { GlobalSection, PeerConfig } from '../config/messages/speaker-config.ts';
import type { PeerStatus } from '../config/messages/bgpd-control.ts';
import type { Clock } from '../lib/clock.ts';
import type { Family } from '../lib/ip/prefix.ts';
import type { Log } from '../lib/log.ts';
import type { Connection, TransportPort } from './ports.ts';
import type { RestartState } from './session/negotiate.ts';
import type { DownReason, Endpoints, Negotiated } from './session/negotiated.ts';
import type { NotificationMessage, UpdateMessage } from './wire/message.ts';

/** All calls come from within the turn of the event that caused them; they may call the peer's methods. */
export interface PeerCallbacks {
  /** The session is Established. Bytes may be sent from now on. */
  up(negotiated: Negotiated, endpoints: Endpoints): void;
  update(message: UpdateMessage): void;
  /** RFC 2918: send this family again. Only families that were negotiated. */
  routeRefresh(family: Family): void;
  /** The Established session ended; called once for each `up`, except after `close()`. */
  down(reason: DownReason): void;
  /** After `send` returned false: there is room again. */
  drained(): void;
  /** Something in `status()` changed: state, error. Cheap hint. */
  changed(): void;
}

export interface PeerPorts {
  readonly clock: Clock;
  readonly transport: Pick<TransportPort, 'dial'>;
  readonly log: Log;
  /** Uniform in 0..1, for jitter (RFC 4271 §10). */
  readonly random: () => number;
}

export interface PeerOptions {
  readonly config: PeerConfig;
  readonly global: GlobalSection;
  /** R and F bits of the graceful restart capability, asked for at every OPEN. */
  readonly restartState: () => RestartState;
}

/** Why we end a session ourselves: Cease subcodes 2, 3, 4 and 6 of RFC 4486. */
export type StopReason = 'shutdown' | 'deconfigured' | 'reset' | 'configuration-changed';

/** The fields of `PeerStatus` that the session knows; the RIB adds the others. */
export type PeerSessionStatus = Omit<PeerStatus, 'received' | 'stale' | 'advertised' | 'endOfRib'>;

export declare class Peer {
  constructor(ports: PeerPorts, options: PeerOptions, callbacks: PeerCallbacks);
  readonly config: PeerConfig;
  /** Present while Established. */
  readonly negotiated: Negotiated | undefined;
  /** Begins to dial (or to wait, when passive). Harmless when started. */
  start(): void;
  /** Ends all sessions with a Cease; `start` begins anew. Calls `down` if one was Established. */
  stop(reason: StopReason): void;
  /** Restart semantics: closes TCP without NOTIFICATION and calls nothing back. The peer is of no use afterwards. */
  close(): void;
  /** Takes an incoming connection from this peer's address; refused ones are destroyed. */
  accept(connection: Connection): void;
  /**
   * Queues whole UPDATE or ROUTE-REFRESH messages; the bytes must not change afterwards. False: wait for `drained`.
   * When no session is Established they are dropped and the answer is true.
   */
  send(bytes: Uint8Array, updates?: number): boolean;
  /** Sends a NOTIFICATION because of what an UPDATE said, and ends the session. */
  fail(notification: NotificationMessage, text: string): void;
  status(): PeerSessionStatus;
}
