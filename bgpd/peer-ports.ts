/** What a peer needs, what it is told, and what it tells: the edges of `peer.ts`. */
import type { GlobalSection, PeerConfig } from '../config/messages/speaker-config.ts';
import type { Clock } from '../lib/clock.ts';
import type { Family } from '../lib/ip/prefix.ts';
import type { Log } from '../lib/log.ts';
import type { PeerRecord } from './peer-record.ts';
import type { TransportPort } from './ports.ts';
import type { RestartState } from './session/local-open.ts';
import type { DownReason, Endpoints, Negotiated } from './session/negotiated.ts';
import type { AttributeInterner } from './wire/interner.ts';
import type { UpdateMessage } from './wire/message.ts';

/** All calls come from within the turn of the event that caused them; they may call the peer's methods. */
export interface PeerCallbacks {
  /** The session is Established. Bytes may be sent from now on. */
  up(negotiated: Negotiated, endpoints: Endpoints): void;
  update(message: UpdateMessage): void;
  /**
   * `request`: send this family again (RFC 2918). `begin`, `end`: between them the peer sends all its routes of the family
   * again (RFC 7313), only where that was negotiated. Only families that were negotiated.
   */
  routeRefresh(family: Family, subtype: 'request' | 'begin' | 'end'): void;
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
  /** One for the whole speaker. */
  readonly interner: AttributeInterner;
}

export interface PeerOptions {
  readonly config: PeerConfig;
  readonly global: GlobalSection;
  /** R and F bits of the graceful restart capability, asked for at every OPEN. */
  readonly restartState: () => RestartState;
  /** Goes on from what an earlier `Peer` of the same neighbour went through; absent: a new one. */
  readonly record?: PeerRecord;
}

export interface StopOptions {
  /** For the other side's operator, with `shutdown` and `reset` (RFC 9003): at most 255 octets of UTF-8, cut when longer. */
  readonly message?: string;
  /** Seconds until the session starts again by itself; absent: only `start` begins anew. */
  readonly restartSeconds?: number;
}
