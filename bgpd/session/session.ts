/** The vocabulary of the state machine: what a session is, what can happen to it, and what it can ask for. */
import type { SessionState } from '../../config/messages/bgpd-control.ts';
import type { Family } from '../../lib/ip/prefix.ts';
import type { Capabilities, NotificationMessage, OpenMessage, RouteRefreshMessage } from '../wire/message.ts';
import type { DownReason, Negotiated } from './negotiated.ts';
import type { SessionSettings } from './settings.ts';

/** One connection's machine: the session attributes of RFC 4271 §8 that are not timers. */
export interface Session {
  readonly state: SessionState;
  readonly settings: SessionSettings;
  /** Who opened the TCP connection: §6.8 decides by it. Of no meaning in Idle, Connect and Active. */
  readonly initiator: 'local' | 'remote';
  /** ConnectRetryCounter: attempts since the session was last Established. */
  readonly attempts: number;
  /** Errors in a row without a steady session between them: DampPeerOscillations waits longer with each. */
  readonly oscillations: number;
  /** Established for at least one keepalive interval. */
  readonly isSteady: boolean;
  /** Idle, but for the IdleHold timer only: an automatic start follows. */
  readonly isRestarting: boolean;
  /** Codes of optional capabilities that the peer has refused: our OPENs leave them out until a session was up and ended. */
  readonly withheld: readonly number[];
  /** Present in OpenConfirm and Established. */
  readonly negotiated: Negotiated | undefined;
  /** What each UPDATE in Established brings, made once: a full table is a hundred thousand of them. */
  readonly onUpdate: readonly Effect[];
}

export const newSession = (settings: SessionSettings): Session => ({
  state: 'Idle', settings, initiator: 'local', attempts: 0, oscillations: 0,
  isSteady: false, isRestarting: false, withheld: [], negotiated: undefined, onUpdate: [],
});

export const TIMERS = ['connectRetry', 'hold', 'keepalive', 'idleHold'] as const;
export type Timer = (typeof TIMERS)[number];

/**
 * What happens, with the event numbers of RFC 4271 §8.1.
 *
 * Not claimed: DelayOpen (12, 20), TrackTcpState (14, 15), sending NOTIFICATION without OPEN.
 * An automatic start (3, 5, 6, 7) is the expiry of the IdleHold timer (13), which every automatic restart goes through.
 */
export type Event =
  /** 1, or 4 when the settings say passive: ManualStart, ManualStart_with_PassiveTcpEstablishment. */
  | { readonly type: 'manualStart' }
  /** 2: ManualStop; the Cease says why. The session stays Idle. */
  | { readonly type: 'manualStop'; readonly notification: NotificationMessage; readonly text: string }
  /** 8: AutomaticStop; as above, but the session starts again: after `restartSeconds`, or else after IdleHold. */
  | { readonly type: 'automaticStop'; readonly notification: NotificationMessage; readonly text: string; readonly restartSeconds?: number }
  /** 9, 10, 11, 13. */
  | { readonly type: 'expired'; readonly timer: Timer }
  /** 16: Tcp_CR_Acked, our dial was answered. */
  | { readonly type: 'dialed' }
  /** 17: TcpConnectionConfirmed, the peer's dial was accepted. */
  | { readonly type: 'accepted' }
  /** 18: TcpConnectionFails; also an orderly FIN. */
  | { readonly type: 'tcpFailed'; readonly text: string }
  /** 19: BGPOpen; 22 (BGPOpenMsgErr) when negotiation refuses it. `ours`: what our OPEN on this connection said. */
  | { readonly type: 'open'; readonly open: OpenMessage; readonly ours: Capabilities }
  /** 21, 22, 28: BGPHeaderErr, BGPOpenMsgErr, UpdateMsgErr. */
  | { readonly type: 'wireError'; readonly notification: NotificationMessage; readonly text: string }
  /** 23: OpenCollisionDump. */
  | { readonly type: 'collisionDump' }
  /** 24 (NotifMsgVerErr: OPEN error, unsupported version) and 25 (NotifMsg). */
  | { readonly type: 'notification'; readonly notification: NotificationMessage }
  /** 26: KeepAliveMsg. */
  | { readonly type: 'keepalive' }
  /** 27: UpdateMsg; the shell holds the message. */
  | { readonly type: 'update' }
  /** ROUTE-REFRESH (RFC 2918, RFC 7313); undefined: a family or a subtype that we do not know. */
  | { readonly type: 'routeRefresh'; readonly family: Family | undefined; readonly subtype: RouteRefreshMessage['subtype'] };

interface EffectArgs {
  /** Begin a TCP connection. */
  dial: object;
  /** Give up the TCP connection that is being made, if any. */
  abandon: object;
  /** End the TCP connection, after what is queued. */
  close: object;
  /** Send our OPEN, without the capabilities of these codes. */
  sendOpen: { readonly withheld: readonly number[] };
  sendKeepalive: object;
  sendNotification: { readonly notification: NotificationMessage };
  /** `exact`: without jitter, because somebody asked for this time. */
  arm: { readonly timer: Timer; readonly seconds: number; readonly exact?: boolean };
  disarm: { readonly timer: Timer };
  up: { readonly negotiated: Negotiated };
  /** The UPDATE at hand goes to the speaker. */
  deliver: object;
  /** The peer wants this family again (`request`), or marks where such a resend of its own begins and ends. */
  refresh: { readonly family: Family; readonly subtype: 'request' | 'begin' | 'end' };
  /** An Established session ended. */
  down: { readonly reason: DownReason };
  /** An attempt ended before Established. */
  failed: { readonly reason: DownReason };
}

export type EffectOf<K extends keyof EffectArgs> = { readonly type: K } & EffectArgs[K];
export type Effect = { [K in keyof EffectArgs]: EffectOf<K> }[keyof EffectArgs];
/** What `peer.ts` supplies. A new effect does not compile until it is handled there. */
export type Run = { readonly [K in keyof EffectArgs]: (args: EffectArgs[K]) => void };

export type Step = readonly [Session, readonly Effect[]];
