/**
 * The state machine of one BGP connection (RFC 4271 §8.2.2). Pure: `step(session, event) → [session, effects]`.
 *
 * ```
 *            manualStart / idleHold expired                 dialed, accepted: OPEN, hold 4 min
 *   ┌──────┐ ──────────────► ┌─────────┐ ───────────────────────────────► ┌──────────┐
 *   │ Idle │      dial       │ Connect │                                  │ OpenSent │
 *   └──────┘                 └─────────┘ ◄── connectRetry: dial again     └──────────┘
 *     │  ▲                     │     ▲                                      ▲  │    │
 *     │  │                     │     │ connectRetry: dial                   │  │    │ OPEN accepted: KEEPALIVE,
 *     │  │           tcpFailed │     │                         accepted     │  │    │ hold as negotiated
 *     │  │                     ▼     │                         OPEN         │  │    ▼
 *     │  │  passive          ┌────────┐ ────────────────────────────────────┘  │  ┌─────────────┐
 *     └──┼─────────────────► │ Active │ ◄──────────────────────────────────────┘  │ OpenConfirm │
 *        │                   └────────┘   tcpFailed, Cease 7 received             └─────────────┘
 *        │                                                                          │ KEEPALIVE: up
 *        │   stop, error, hold timer, NOTIFICATION, connection lost                 ▼
 *        │   close; IdleHold unless stopped by hand                             ┌─────────────┐
 *        └───────────────────────────────────────── from every state ────────── │ Established │
 *                                                                               └─────────────┘
 * ```
 * Ignored: in Idle everything but start and IdleHold; `manualStart` outside Idle; a second `accepted` or `dialed` once
 * there is a connection (collision.ts gives it a machine of its own); ROUTE-REFRESH of a family that was not negotiated or,
 * where RFC 7313 was, of an unknown subtype (where it was not, each is a request: RFC 2918 §3 lets the octet be ignored).
 * Whatever else is not in the drawing is unexpected: before OpenSent it leads to Idle in silence, from there on it is
 * answered with FSM error 5/1, 5/2, 5/3 (RFC 6608). A NOTIFICATION is never answered with another.
 *
 * A peer that answers our OPEN with Unsupported Capability or Unsupported Optional Parameter is dialed again, after IdleHold
 * as usual, without the optional capabilities that it names (RFC 5492 §3, §5; local-open.ts). When that does not help, or a
 * session has been up and ends, all are offered again: the peer may be another program now. A connection closed without a word is no such
 * answer, because peers that do not know us yet do the same.
 *
 * Where both sides said N (RFC 8538), a Cease that is to end the routes as well (maximum prefixes, shutdown,
 * de-configuration, administrative reset: §5.1) leaves Established as Hard Reset with the Cease inside it.
 *
 * Where we differ from the letter of §8.2.2, as BIRD, FRR and OpenBGPD do:
 * - Connect, 18 (dial failed): Active, not Idle, so that we go on listening; ConnectRetry grows from a quarter of a second.
 * - OpenSent, 24 and 25 (NOTIFICATION): Idle in silence; the letter answers with FSM error, which §6.4 forbids.
 * - OpenSent and OpenConfirm, 25 with Cease 7 (collision): Active, because the other connection lives and may yet be accepted.
 * - Established, 21 (bad header): error 1 as §6.1 demands, not FSM error.
 */
import { assertNever } from '../../lib/errors.ts';
import { CEASE, ERROR, FSM_ERROR } from '../wire/constants.ts';
import type { Capabilities, NotificationMessage, OpenMessage } from '../wire/message.ts';
import { describeNotification, hardReset } from '../wire/notification.ts';
import { isRefusal, negotiate } from './negotiate.ts';
import { withheldAfter } from './local-open.ts';
import type { DownReason, Negotiated } from './negotiated.ts';
import type { Effect, Event, Session, Step } from './session.ts';

/** RFC 4271 §8.2.2: "a large value" until the peers have agreed. */
export const OPEN_HOLD_SECONDS = 240;
const FIRST_RETRY_SECONDS = 0.25;
/** Long enough for three SYNs. */
const SHORTEST_DIAL_SECONDS = 4;
const FIRST_IDLE_HOLD_SECONDS = 0.25;
const LONGEST_IDLE_HOLD_SECONDS = 60;
/** For a peer that restarts again and again: it must be let in long before its restart time ends, or its routes are lost. */
const LONGEST_RESTART_HOLD_SECONDS = 4;

export function step(session: Session, event: Event): Step {
  switch (session.state) {
    case 'Idle': return idle(session, event);
    case 'Connect': return connect(session, event);
    case 'Active': return active(session, event);
    case 'OpenSent': return openSent(session, event);
    case 'OpenConfirm': return openConfirm(session, event);
    case 'Established': return established(session, event);
    default: return assertNever(session.state);
  }
}

/** No resources, incoming connections are refused. */
function idle(s: Session, e: Event): Step {
  switch (e.type) {
    case 'manualStart': return begin({ ...s, attempts: 0, oscillations: 0 }, [{ type: 'disarm', timer: 'idleHold' }]);
    case 'manualStop': return [{ ...s, isRestarting: false }, [{ type: 'disarm', timer: 'idleHold' }]];
    case 'expired': return e.timer === 'idleHold' && s.isRestarting ? begin(s, []) : [s, []];
    case 'automaticStop': case 'dialed': case 'accepted': case 'tcpFailed': case 'open': case 'wireError':
    case 'collisionDump': case 'notification': case 'keepalive': case 'update': case 'routeRefresh': return [s, []];
    default: return assertNever(e);
  }
}

/** Our SYN is out. */
function connect(s: Session, e: Event): Step {
  switch (e.type) {
    case 'manualStart': return [s, []];
    case 'manualStop': return ceased(s, [{ type: 'abandon' }], { kind: 'administrative', text: e.text });
    case 'dialed': return sendOpen(s, 'local', []);
    case 'accepted': return sendOpen(s, 'remote', [{ type: 'abandon' }]);
    case 'tcpFailed': return listenAgain(s, e.text, []);
    case 'expired': return e.timer === 'connectRetry' ? redial(s) : quit(s, unexpectedText(s, e), [{ type: 'abandon' }]);
    case 'automaticStop': case 'open': case 'wireError': case 'collisionDump':
    case 'notification': case 'keepalive': case 'update': case 'routeRefresh':
      return quit(s, unexpectedText(s, e), [{ type: 'abandon' }]);
    default: return assertNever(e);
  }
}

/** Waiting for the peer to dial, or for the next attempt of our own. */
function active(s: Session, e: Event): Step {
  switch (e.type) {
    case 'manualStart': return [s, []];
    case 'manualStop': return ceased(s, [], { kind: 'administrative', text: e.text });
    case 'accepted': return sendOpen(s, 'remote', []);
    case 'dialed': return sendOpen(s, 'local', []);
    case 'expired': return e.timer === 'connectRetry' ? dial(s, []) : quit(s, unexpectedText(s, e), []);
    case 'tcpFailed': case 'automaticStop': case 'open': case 'wireError': case 'collisionDump':
    case 'notification': case 'keepalive': case 'update': case 'routeRefresh': return quit(s, unexpectedText(s, e), []);
    default: return assertNever(e);
  }
}

/** Our OPEN is out, theirs is awaited. */
function openSent(s: Session, e: Event): Step {
  switch (e.type) {
    case 'manualStart': case 'dialed': case 'accepted': return [s, []];
    case 'manualStop': return stopped(s, e.notification, e.text);
    case 'automaticStop': return reset(s, e.notification, e.text, 'error', e.restartSeconds);
    case 'wireError': return e.notification.code === ERROR.update ? unexpected(s) : reset(s, e.notification, e.text);
    case 'expired': return e.timer === 'hold' ? reset(s, HOLD_TIMER_EXPIRED, 'no OPEN came') : unexpected(s);
    case 'tcpFailed': return listenAgain(s, e.text, [{ type: 'close' }, { type: 'disarm', timer: 'hold' }]);
    case 'open': return receivedOpen(s, e.open, e.ours);
    case 'collisionDump': return reset(s, COLLISION, '');
    case 'notification': return notified(s, e.notification);
    case 'keepalive': case 'update': case 'routeRefresh': return unexpected(s);
    default: return assertNever(e);
  }
}

/** Both OPENs are accepted; the KEEPALIVE that says so is awaited. */
function openConfirm(s: Session, e: Event): Step {
  switch (e.type) {
    case 'manualStart': case 'dialed': case 'accepted': return [s, []];
    case 'manualStop': return stopped(s, e.notification, e.text);
    case 'automaticStop': return reset(s, e.notification, e.text, 'error', e.restartSeconds);
    case 'wireError': return e.notification.code === ERROR.update ? unexpected(s) : reset(s, e.notification, e.text);
    case 'expired': return e.timer === 'hold' ? reset(s, HOLD_TIMER_EXPIRED, 'no KEEPALIVE came')
      : e.timer === 'keepalive' ? [s, [{ type: 'sendKeepalive' }, ...armKeepalive(s)]]
      : unexpected(s);
    case 'tcpFailed': return quit(s, e.text, [{ type: 'close' }]);
    case 'keepalive': return enterEstablished(s);
    case 'collisionDump': return reset(s, COLLISION, '');
    case 'notification': return notified(s, e.notification);
    case 'open': case 'update': case 'routeRefresh': return unexpected(s);
    default: return assertNever(e);
  }
}

/** Routes flow. */
function established(s: Session, e: Event): Step {
  switch (e.type) {
    case 'update': return [s, s.onUpdate];
    case 'keepalive': return [s, armHold(s)];
    case 'expired': return e.timer === 'keepalive' ? stayed(s)
      : e.timer === 'hold' ? reset(s, HOLD_TIMER_EXPIRED, '', 'hold-timer')
      : unexpected(s);
    case 'routeRefresh': return [s, refreshed(s.negotiated, e)];
    case 'manualStart': case 'dialed': case 'accepted': return [s, []];
    case 'manualStop': return stopped(s, e.notification, e.text);
    case 'automaticStop': return reset(s, e.notification, e.text, 'error', e.restartSeconds);
    case 'wireError': return e.notification.code === ERROR.open ? unexpected(s) : reset(s, e.notification, e.text);
    case 'collisionDump': return reset(s, COLLISION, '');
    case 'tcpFailed': return lost(s, { kind: 'closed', text: e.text }, [{ type: 'close' }]);
    case 'notification': return notified(s, e.notification);
    case 'open': return unexpected(s);
    default: return assertNever(e);
  }
}

// ---- what the transitions are made of

const HOLD_TIMER_EXPIRED: NotificationMessage =
  { type: 'notification', code: ERROR.holdTimerExpired, subcode: 0, data: new Uint8Array(0) };
const COLLISION: NotificationMessage =
  { type: 'notification', code: ERROR.cease, subcode: CEASE.connectionCollision, data: new Uint8Array(0) };

const notify = (notification: NotificationMessage): Effect => ({ type: 'sendNotification', notification });

/** Out of Idle: dial at once, or wait for the peer to. */
function begin(s: Session, before: readonly Effect[]): Step {
  const started: Session = { ...s, isRestarting: false, isSteady: false };
  return s.settings.passive ? [{ ...started, state: 'Active' }, before] : dial(started, before);
}

function dial(s: Session, before: readonly Effect[]): Step {
  const seconds = Math.min(s.settings.connectRetrySeconds, Math.max(SHORTEST_DIAL_SECONDS, retrySeconds(s.attempts)));
  return [{ ...s, state: 'Connect' }, [...before, { type: 'dial' }, { type: 'arm', timer: 'connectRetry', seconds }]];
}

/** Nothing answered: the kernel would try for minutes before it said so. */
const redial = (s: Session): Step => dial({ ...s, attempts: s.attempts + 1 }, [
  { type: 'abandon' }, { type: 'failed', reason: { kind: 'closed', text: 'Connection timed out' } },
]);

/** Seconds before attempt `attempts + 1`: quick at first, because daemons of one mesh start together. */
const retrySeconds = (attempts: number): number => FIRST_RETRY_SECONDS * 2 ** Math.min(attempts, 20);

function sendOpen(s: Session, initiator: Session['initiator'], before: readonly Effect[]): Step {
  return [{ ...s, state: 'OpenSent', initiator }, [
    ...before, { type: 'disarm', timer: 'connectRetry' }, { type: 'sendOpen', withheld: s.withheld },
    { type: 'arm', timer: 'hold', seconds: OPEN_HOLD_SECONDS },
  ]];
}

/** Active after a failure that is nobody's fault: listen, and dial again later unless passive. Without a text it is no failure at all. */
function listenAgain(s: Session, text: string | undefined, before: readonly Effect[]): Step {
  const seconds = Math.min(s.settings.connectRetrySeconds, retrySeconds(s.attempts));
  const next: Session = { ...s, state: 'Active', attempts: s.attempts + 1, negotiated: undefined };
  return [next, [
    ...before,
    ...(s.settings.passive ? [] : [{ type: 'arm', timer: 'connectRetry', seconds } as const]),
    ...(text === undefined ? [] : [{ type: 'failed', reason: { kind: 'closed', text } } as const]),
  ]];
}

function receivedOpen(s: Session, open: OpenMessage, ours: Capabilities): Step {
  const negotiated = negotiate(s.settings, open, ours);
  if (isRefusal(negotiated)) return reset(s, negotiated.notification, negotiated.text);
  const confirmed: Session = { ...s, state: 'OpenConfirm', negotiated };
  const next: Session = { ...confirmed, onUpdate: [...armHold(confirmed), { type: 'deliver' }] };
  return [next, [
    { type: 'sendKeepalive' },
    ...(negotiated.holdTimeSeconds > 0 ? armHold(next) : [{ type: 'disarm', timer: 'hold' } as const]),
    ...armKeepalive(next),
  ]];
}

function enterEstablished(s: Session): Step {
  const negotiated = s.negotiated as Negotiated;
  const isSteady = negotiated.holdTimeSeconds === 0;    // no keepalive interval to wait for
  const next: Session = { ...s, state: 'Established', attempts: 0, isSteady, oscillations: isSteady ? 0 : s.oscillations };
  return [next, [...armHold(next), { type: 'up', negotiated }]];
}

/** A keepalive interval has passed in Established: earlier errors are forgotten. */
const stayed = (s: Session): Step =>
  [s.isSteady ? s : { ...s, isSteady: true, oscillations: 0 }, [{ type: 'sendKeepalive' }, ...armKeepalive(s)]];

function armHold(s: Session): readonly Effect[] {
  const seconds = s.negotiated?.holdTimeSeconds ?? 0;
  return seconds > 0 ? [{ type: 'arm', timer: 'hold', seconds }] : [];
}

function armKeepalive(s: Session): readonly Effect[] {
  const seconds = s.negotiated?.keepaliveSeconds ?? 0;
  return seconds > 0 ? [{ type: 'arm', timer: 'keepalive', seconds }] : [];
}

function refreshed(negotiated: Negotiated | undefined, { family, subtype }: Event & { readonly type: 'routeRefresh' }): readonly Effect[] {
  if (negotiated === undefined || family === undefined || !negotiated.families.includes(family)) return [];
  if (!negotiated.enhancedRouteRefresh) return [{ type: 'refresh', family, subtype: 'request' }];
  return subtype === undefined ? [] : [{ type: 'refresh', family, subtype }];
}

// ---- ways to Idle

/** We found an error: say so and close. `detail` is for people; empty: the NOTIFICATION says it all. */
function reset(s: Session, notification: NotificationMessage, detail: string, kind: DownReason['kind'] = 'error', restartSeconds?: number): Step {
  const said = describeNotification(notification);
  const text = detail === '' || detail === said ? said : `${said} (${detail})`;
  const sent = asSent(s, notification);
  return lost(s, { kind, text, notification: sent }, [notify(sent), { type: 'close' }], restartSeconds);
}

/** The subcodes of Cease that end routes too (RFC 8538 §5.1). */
const ENDS_ROUTES: ReadonlySet<number> =
  new Set([CEASE.maximumPrefixes, CEASE.administrativeShutdown, CEASE.peerDeconfigured, CEASE.administrativeReset]);

/** As Hard Reset, where a plain Cease would be a restart to the peer. */
function asSent(s: Session, notification: NotificationMessage): NotificationMessage {
  const wouldRestart = s.state === 'Established' && s.negotiated?.notificationRestart === true;
  return wouldRestart && notification.code === ERROR.cease && ENDS_ROUTES.has(notification.subcode) ? hardReset(notification) : notification;
}

/** An event that the state does not allow (RFC 6608). */
function unexpected(s: Session): Step {
  const subcode = s.state === 'OpenSent' ? FSM_ERROR.inOpenSent
    : s.state === 'OpenConfirm' ? FSM_ERROR.inOpenConfirm : FSM_ERROR.inEstablished;
  const notification: NotificationMessage = { type: 'notification', code: ERROR.fsm, subcode, data: new Uint8Array(0) };
  return reset(s, notification, '');
}

const unexpectedText = (s: Session, e: Event): string =>
  e.type === 'tcpFailed' || e.type === 'wireError' || e.type === 'automaticStop' ? e.text : `unexpected ${e.type} in ${s.state}`;

/** The peer found an error, or steps aside for another connection. */
function notified(s: Session, notification: NotificationMessage): Step {
  const isCollision = notification.code === ERROR.cease && notification.subcode === CEASE.connectionCollision;
  if (isCollision && s.state !== 'Established') {
    return listenAgain(s, undefined, [{ type: 'close' }, { type: 'disarm', timer: 'hold' }, { type: 'disarm', timer: 'keepalive' }]);
  }
  const wiser: Session = s.state === 'Established' ? s : { ...s, withheld: withheldAfter(s.withheld, notification) };
  return lost(wiser, { kind: 'notified', text: describeNotification(notification), notification }, [{ type: 'close' }]);
}

const quit = (s: Session, text: string, before: readonly Effect[]): Step => lost(s, { kind: 'closed', text }, before);

/**
 * Idle, with an automatic restart: after `restartSeconds` when it is given; else at once after a steady session that the
 * peer ended, and later with each error in a row.
 */
function lost(s: Session, reason: DownReason, before: readonly Effect[], restartSeconds?: number): Step {
  const isBlameless = s.isSteady && (reason.kind === 'closed' || reason.kind === 'notified');
  const oscillations = isBlameless ? 0 : s.oscillations + 1;
  const restarts = reason.kind === 'closed' && s.state === 'Established' && (s.negotiated?.gracefulRestart?.families.length ?? 0) > 0;
  const seconds = isBlameless ? 0
    : Math.min(restarts ? LONGEST_RESTART_HOLD_SECONDS : LONGEST_IDLE_HOLD_SECONDS, FIRST_IDLE_HOLD_SECONDS * 2 ** Math.min(oscillations - 1, 20));
  const next: Session = {
    ...offeringAll(s), state: 'Idle', attempts: s.attempts + 1, oscillations, isSteady: false, isRestarting: true, negotiated: undefined,
  };
  const idleHold: Effect = restartSeconds === undefined
    ? { type: 'arm', timer: 'idleHold', seconds } : { type: 'arm', timer: 'idleHold', seconds: restartSeconds, exact: true };
  return [next, [...release(before), idleHold, ended(s, reason)]];
}

/** The peer is told, and the session stays Idle until it is started by hand. */
function stopped(s: Session, notification: NotificationMessage, text: string): Step {
  const sent = asSent(s, notification);
  return ceased(s, [notify(sent), { type: 'close' }], { kind: 'administrative', text, notification: sent });
}

function ceased(s: Session, before: readonly Effect[], reason: DownReason): Step {
  const next: Session = {
    ...offeringAll(s), state: 'Idle', attempts: 0, oscillations: 0, isSteady: false, isRestarting: false, negotiated: undefined,
  };
  return [next, [...release(before), ended(s, reason)]];
}

/** A session was up: what the peer refused before that is forgotten. */
const offeringAll = (s: Session): Session => (s.state === 'Established' && s.withheld.length > 0 ? { ...s, withheld: [] } : s);

const release = (before: readonly Effect[]): readonly Effect[] => [
  ...before, { type: 'disarm', timer: 'connectRetry' }, { type: 'disarm', timer: 'hold' }, { type: 'disarm', timer: 'keepalive' },
];

const ended = (s: Session, reason: DownReason): Effect => ({ type: s.state === 'Established' ? 'down' : 'failed', reason });
