/** Every state × event pair of RFC 4271 §8 as a table: event → next state and effects. A missing row fails. */
import { describe, expect, test } from '@jest/globals';
import { step } from '../../../../bgpd/session/fsm.ts';
import { localOpen } from '../../../../bgpd/session/local-open.ts';
import { negotiate } from '../../../../bgpd/session/negotiate.ts';
import type { Negotiated } from '../../../../bgpd/session/negotiated.ts';
import { newSession, TIMERS, type Effect, type Event, type Session } from '../../../../bgpd/session/session.ts';
import type { NotificationMessage, OpenMessage } from '../../../../bgpd/wire/message.ts';
import type { SessionSettings } from '../../../../bgpd/session/settings.ts';
import type { SessionState } from '../../../../config/messages/bgpd-control.ts';
import { capabilities, restartCapability, sessionSettings } from '../../../support/session-builders.ts';

const settings: SessionSettings = sessionSettings({ localAsn: 65001, peerAsn: 65002, routerId: 0x0a000001 });
const ours = localOpen(settings, { restarted: false, forwardingPreserved: [] }).capabilities;
const open: OpenMessage = {
  type: 'open', version: 4, asn: 65002, holdTimeSeconds: 30, routerId: 0x0a000002,
  capabilities: capabilities({ families: ['ipv4'] }),
};
const notification = (code: number, subcode: number): NotificationMessage =>
  ({ type: 'notification', code, subcode, data: new Uint8Array(0) });

/** Every type of event, with the variants that differ. A new type does not compile until it is here. */
const EVENTS: { readonly [T in Event['type']]: Readonly<Record<string, Event & { readonly type: T }>> } = {
  manualStart: { '1 ManualStart': { type: 'manualStart' } },
  manualStop: { '2 ManualStop': { type: 'manualStop', notification: notification(6, 2), text: 'stopped' } },
  automaticStop: {
    '8 AutomaticStop': { type: 'automaticStop', notification: notification(6, 1), text: 'too many' },
    '8 AutomaticStop, for a while': { type: 'automaticStop', notification: notification(6, 1), text: 'too many', restartSeconds: 7 },
  },
  expired: {
    '9 ConnectRetryTimer_Expires': { type: 'expired', timer: 'connectRetry' },
    '10 HoldTimer_Expires': { type: 'expired', timer: 'hold' },
    '11 KeepaliveTimer_Expires': { type: 'expired', timer: 'keepalive' },
    '13 IdleHoldTimer_Expires': { type: 'expired', timer: 'idleHold' },
  },
  dialed: { '16 Tcp_CR_Acked': { type: 'dialed' } },
  accepted: { '17 TcpConnectionConfirmed': { type: 'accepted' } },
  tcpFailed: { '18 TcpConnectionFails': { type: 'tcpFailed', text: 'Connection refused' } },
  open: { '19 BGPOpen': { type: 'open', open, ours }, '22 BGPOpenMsgErr, refused': { type: 'open', open: { ...open, asn: 65099 }, ours } },
  wireError: {
    '21 BGPHeaderErr': { type: 'wireError', notification: notification(1, 3), text: 'type 9' },
    '22 BGPOpenMsgErr': { type: 'wireError', notification: notification(2, 6), text: 'hold time 1' },
    '28 UpdateMsgErr': { type: 'wireError', notification: notification(3, 1), text: 'overrun' },
  },
  collisionDump: { '23 OpenCollisionDump': { type: 'collisionDump' } },
  notification: {
    '24 NotifMsgVerErr': { type: 'notification', notification: notification(2, 1) },
    '25 NotifMsg': { type: 'notification', notification: notification(6, 4) },
    '25 NotifMsg, collision': { type: 'notification', notification: notification(6, 7) },
  },
  keepalive: { '26 KeepAliveMsg': { type: 'keepalive' } },
  update: { '27 UpdateMsg': { type: 'update' } },
  routeRefresh: {
    'ROUTE-REFRESH': { type: 'routeRefresh', family: 'ipv4', subtype: 'request' },
    'ROUTE-REFRESH, other family': { type: 'routeRefresh', family: 'ipv6', subtype: 'request' },
    'ROUTE-REFRESH, mark': { type: 'routeRefresh', family: 'ipv4', subtype: 'begin' },
    'ROUTE-REFRESH, unknown subtype': { type: 'routeRefresh', family: 'ipv4', subtype: undefined },
  },
};
const ALL_EVENTS: Readonly<Record<string, Event>> = Object.assign({}, ...Object.values(EVENTS)) as Record<string, Event>;

const negotiated = negotiate(settings, open, ours) as Negotiated;
const SESSIONS: { readonly [S in SessionState]: Session } = {
  Idle: { ...newSession(settings), isRestarting: true },
  Connect: { ...newSession(settings), state: 'Connect' },
  Active: { ...newSession(settings), state: 'Active' },
  OpenSent: { ...newSession(settings), state: 'OpenSent' },
  OpenConfirm: { ...newSession(settings), state: 'OpenConfirm', negotiated },
  Established: step(step({ ...newSession(settings), state: 'OpenSent' }, { type: 'open', open, ours })[0], { type: 'keepalive' })[0],
};

function say(effect: Effect): string {
  switch (effect.type) {
    case 'arm': return `${effect.timer} ${effect.seconds}${effect.exact === true ? ' exactly' : ''}`;
    case 'disarm': return `no ${effect.timer}`;
    case 'sendNotification': return `NOTIFICATION ${effect.notification.code}/${effect.notification.subcode}`;
    case 'sendOpen': return ['OPEN', ...effect.withheld].join(' without ');
    case 'sendKeepalive': return 'KEEPALIVE';
    case 'down': case 'failed': return `${effect.type} ${effect.reason.kind}`;
    case 'refresh': return `refresh ${effect.family} ${effect.subtype}`;
    case 'dial': case 'abandon': case 'close': case 'up': case 'deliver': return effect.type;
  }
}
const after = (session: Session, event: Event): string => {
  const [next, effects] = step(session, event);
  return [next.state, ...effects.map(say)].join(', ');
};

const IGNORED = (state: SessionState): string => state;
const RELEASE = 'no connectRetry, no hold, no keepalive';
/** To Idle after an attempt, with the first IdleHold. */
const FAILED = (first: string, kind: string): string => `Idle, ${first}${RELEASE}, idleHold 0.25, failed ${kind}`;
const RESET = (notificationSent: string): string => FAILED(`NOTIFICATION ${notificationSent}, close, `, 'error');
const DOWN = (first: string, kind: string): string => `Idle, ${first}close, ${RELEASE}, idleHold 0.25, down ${kind}`;
const LISTEN = (first = ''): string => `Active, ${first}connectRetry 0.25, failed closed`;

const TABLE: { readonly [S in SessionState]: Readonly<Record<string, string>> } = {
  Idle: {
    '1 ManualStart': 'Connect, no idleHold, dial, connectRetry 4',
    '2 ManualStop': 'Idle, no idleHold',
    '8 AutomaticStop': IGNORED('Idle'),
    '8 AutomaticStop, for a while': IGNORED('Idle'),
    '9 ConnectRetryTimer_Expires': IGNORED('Idle'),
    '10 HoldTimer_Expires': IGNORED('Idle'),
    '11 KeepaliveTimer_Expires': IGNORED('Idle'),
    '13 IdleHoldTimer_Expires': 'Connect, dial, connectRetry 4',
    '16 Tcp_CR_Acked': IGNORED('Idle'),
    '17 TcpConnectionConfirmed': IGNORED('Idle'),
    '18 TcpConnectionFails': IGNORED('Idle'),
    '19 BGPOpen': IGNORED('Idle'),
    '21 BGPHeaderErr': IGNORED('Idle'),
    '22 BGPOpenMsgErr': IGNORED('Idle'),
    '22 BGPOpenMsgErr, refused': IGNORED('Idle'),
    '23 OpenCollisionDump': IGNORED('Idle'),
    '24 NotifMsgVerErr': IGNORED('Idle'),
    '25 NotifMsg': IGNORED('Idle'),
    '25 NotifMsg, collision': IGNORED('Idle'),
    '26 KeepAliveMsg': IGNORED('Idle'),
    '27 UpdateMsg': IGNORED('Idle'),
    '28 UpdateMsgErr': IGNORED('Idle'),
    'ROUTE-REFRESH': IGNORED('Idle'),
    'ROUTE-REFRESH, other family': IGNORED('Idle'),
    'ROUTE-REFRESH, mark': IGNORED('Idle'),
    'ROUTE-REFRESH, unknown subtype': IGNORED('Idle'),
  },
  Connect: {
    '1 ManualStart': IGNORED('Connect'),
    '2 ManualStop': `Idle, abandon, ${RELEASE}, failed administrative`,
    '8 AutomaticStop': FAILED('abandon, ', 'closed'),
    '8 AutomaticStop, for a while': FAILED('abandon, ', 'closed'),
    '9 ConnectRetryTimer_Expires': 'Connect, abandon, failed closed, dial, connectRetry 4',
    '10 HoldTimer_Expires': FAILED('abandon, ', 'closed'),
    '11 KeepaliveTimer_Expires': FAILED('abandon, ', 'closed'),
    '13 IdleHoldTimer_Expires': FAILED('abandon, ', 'closed'),
    '16 Tcp_CR_Acked': 'OpenSent, no connectRetry, OPEN, hold 240',
    '17 TcpConnectionConfirmed': 'OpenSent, abandon, no connectRetry, OPEN, hold 240',
    '18 TcpConnectionFails': LISTEN(),
    '19 BGPOpen': FAILED('abandon, ', 'closed'),
    '21 BGPHeaderErr': FAILED('abandon, ', 'closed'),
    '22 BGPOpenMsgErr': FAILED('abandon, ', 'closed'),
    '22 BGPOpenMsgErr, refused': FAILED('abandon, ', 'closed'),
    '23 OpenCollisionDump': FAILED('abandon, ', 'closed'),
    '24 NotifMsgVerErr': FAILED('abandon, ', 'closed'),
    '25 NotifMsg': FAILED('abandon, ', 'closed'),
    '25 NotifMsg, collision': FAILED('abandon, ', 'closed'),
    '26 KeepAliveMsg': FAILED('abandon, ', 'closed'),
    '27 UpdateMsg': FAILED('abandon, ', 'closed'),
    '28 UpdateMsgErr': FAILED('abandon, ', 'closed'),
    'ROUTE-REFRESH': FAILED('abandon, ', 'closed'),
    'ROUTE-REFRESH, other family': FAILED('abandon, ', 'closed'),
    'ROUTE-REFRESH, mark': FAILED('abandon, ', 'closed'),
    'ROUTE-REFRESH, unknown subtype': FAILED('abandon, ', 'closed'),
  },
  Active: {
    '1 ManualStart': IGNORED('Active'),
    '2 ManualStop': `Idle, ${RELEASE}, failed administrative`,
    '8 AutomaticStop': FAILED('', 'closed'),
    '8 AutomaticStop, for a while': FAILED('', 'closed'),
    '9 ConnectRetryTimer_Expires': 'Connect, dial, connectRetry 4',
    '10 HoldTimer_Expires': FAILED('', 'closed'),
    '11 KeepaliveTimer_Expires': FAILED('', 'closed'),
    '13 IdleHoldTimer_Expires': FAILED('', 'closed'),
    '16 Tcp_CR_Acked': 'OpenSent, no connectRetry, OPEN, hold 240',
    '17 TcpConnectionConfirmed': 'OpenSent, no connectRetry, OPEN, hold 240',
    '18 TcpConnectionFails': FAILED('', 'closed'),
    '19 BGPOpen': FAILED('', 'closed'),
    '21 BGPHeaderErr': FAILED('', 'closed'),
    '22 BGPOpenMsgErr': FAILED('', 'closed'),
    '22 BGPOpenMsgErr, refused': FAILED('', 'closed'),
    '23 OpenCollisionDump': FAILED('', 'closed'),
    '24 NotifMsgVerErr': FAILED('', 'closed'),
    '25 NotifMsg': FAILED('', 'closed'),
    '25 NotifMsg, collision': FAILED('', 'closed'),
    '26 KeepAliveMsg': FAILED('', 'closed'),
    '27 UpdateMsg': FAILED('', 'closed'),
    '28 UpdateMsgErr': FAILED('', 'closed'),
    'ROUTE-REFRESH': FAILED('', 'closed'),
    'ROUTE-REFRESH, other family': FAILED('', 'closed'),
    'ROUTE-REFRESH, mark': FAILED('', 'closed'),
    'ROUTE-REFRESH, unknown subtype': FAILED('', 'closed'),
  },
  OpenSent: {
    '1 ManualStart': IGNORED('OpenSent'),
    '2 ManualStop': `Idle, NOTIFICATION 6/2, close, ${RELEASE}, failed administrative`,
    '8 AutomaticStop': RESET('6/1'),
    '8 AutomaticStop, for a while': RESET('6/1').replace('0.25', '7 exactly'),
    '9 ConnectRetryTimer_Expires': RESET('5/1'),
    '10 HoldTimer_Expires': RESET('4/0'),
    '11 KeepaliveTimer_Expires': RESET('5/1'),
    '13 IdleHoldTimer_Expires': RESET('5/1'),
    '16 Tcp_CR_Acked': IGNORED('OpenSent'),
    '17 TcpConnectionConfirmed': IGNORED('OpenSent'),
    '18 TcpConnectionFails': LISTEN('close, no hold, '),
    '19 BGPOpen': 'OpenConfirm, KEEPALIVE, hold 30, keepalive 10',
    '21 BGPHeaderErr': RESET('1/3'),
    '22 BGPOpenMsgErr': RESET('2/6'),
    '22 BGPOpenMsgErr, refused': RESET('2/2'),
    '23 OpenCollisionDump': RESET('6/7'),
    '24 NotifMsgVerErr': FAILED('close, ', 'notified'),
    '25 NotifMsg': FAILED('close, ', 'notified'),
    '25 NotifMsg, collision': 'Active, close, no hold, no keepalive, connectRetry 0.25',
    '26 KeepAliveMsg': RESET('5/1'),
    '27 UpdateMsg': RESET('5/1'),
    '28 UpdateMsgErr': RESET('5/1'),
    'ROUTE-REFRESH': RESET('5/1'),
    'ROUTE-REFRESH, other family': RESET('5/1'),
    'ROUTE-REFRESH, mark': RESET('5/1'),
    'ROUTE-REFRESH, unknown subtype': RESET('5/1'),
  },
  OpenConfirm: {
    '1 ManualStart': IGNORED('OpenConfirm'),
    '2 ManualStop': `Idle, NOTIFICATION 6/2, close, ${RELEASE}, failed administrative`,
    '8 AutomaticStop': RESET('6/1'),
    '8 AutomaticStop, for a while': RESET('6/1').replace('0.25', '7 exactly'),
    '9 ConnectRetryTimer_Expires': RESET('5/2'),
    '10 HoldTimer_Expires': RESET('4/0'),
    '11 KeepaliveTimer_Expires': 'OpenConfirm, KEEPALIVE, keepalive 10',
    '13 IdleHoldTimer_Expires': RESET('5/2'),
    '16 Tcp_CR_Acked': IGNORED('OpenConfirm'),
    '17 TcpConnectionConfirmed': IGNORED('OpenConfirm'),
    '18 TcpConnectionFails': FAILED('close, ', 'closed'),
    '19 BGPOpen': RESET('5/2'),
    '21 BGPHeaderErr': RESET('1/3'),
    '22 BGPOpenMsgErr': RESET('2/6'),
    '22 BGPOpenMsgErr, refused': RESET('5/2'),
    '23 OpenCollisionDump': RESET('6/7'),
    '24 NotifMsgVerErr': FAILED('close, ', 'notified'),
    '25 NotifMsg': FAILED('close, ', 'notified'),
    '25 NotifMsg, collision': 'Active, close, no hold, no keepalive, connectRetry 0.25',
    '26 KeepAliveMsg': 'Established, hold 30, up',
    '27 UpdateMsg': RESET('5/2'),
    '28 UpdateMsgErr': RESET('5/2'),
    'ROUTE-REFRESH': RESET('5/2'),
    'ROUTE-REFRESH, other family': RESET('5/2'),
    'ROUTE-REFRESH, mark': RESET('5/2'),
    'ROUTE-REFRESH, unknown subtype': RESET('5/2'),
  },
  Established: {
    '1 ManualStart': IGNORED('Established'),
    '2 ManualStop': `Idle, NOTIFICATION 6/2, close, ${RELEASE}, down administrative`,
    '8 AutomaticStop': DOWN('NOTIFICATION 6/1, ', 'error'),
    '8 AutomaticStop, for a while': DOWN('NOTIFICATION 6/1, ', 'error').replace('0.25', '7 exactly'),
    '9 ConnectRetryTimer_Expires': DOWN('NOTIFICATION 5/3, ', 'error'),
    '10 HoldTimer_Expires': DOWN('NOTIFICATION 4/0, ', 'hold-timer'),
    '11 KeepaliveTimer_Expires': 'Established, KEEPALIVE, keepalive 10',
    '13 IdleHoldTimer_Expires': DOWN('NOTIFICATION 5/3, ', 'error'),
    '16 Tcp_CR_Acked': IGNORED('Established'),
    '17 TcpConnectionConfirmed': IGNORED('Established'),
    '18 TcpConnectionFails': DOWN('', 'closed'),
    '19 BGPOpen': DOWN('NOTIFICATION 5/3, ', 'error'),
    '21 BGPHeaderErr': DOWN('NOTIFICATION 1/3, ', 'error'),
    '22 BGPOpenMsgErr': DOWN('NOTIFICATION 5/3, ', 'error'),
    '22 BGPOpenMsgErr, refused': DOWN('NOTIFICATION 5/3, ', 'error'),
    '23 OpenCollisionDump': DOWN('NOTIFICATION 6/7, ', 'error'),
    '24 NotifMsgVerErr': DOWN('', 'notified'),
    '25 NotifMsg': DOWN('', 'notified'),
    '25 NotifMsg, collision': DOWN('', 'notified'),
    '26 KeepAliveMsg': 'Established, hold 30',
    '27 UpdateMsg': 'Established, hold 30, deliver',
    '28 UpdateMsgErr': DOWN('NOTIFICATION 3/1, ', 'error'),
    'ROUTE-REFRESH': 'Established, refresh ipv4 request',
    'ROUTE-REFRESH, other family': IGNORED('Established'),
    'ROUTE-REFRESH, mark': 'Established, refresh ipv4 request',
    'ROUTE-REFRESH, unknown subtype': 'Established, refresh ipv4 request',
  },
};

describe.each(Object.keys(SESSIONS) as SessionState[])('in %s', (state) => {
  test.each(Object.keys(ALL_EVENTS))('%s', (event) => {
    expect(TABLE[state]).toHaveProperty([event]);
    expect(after(SESSIONS[state], ALL_EVENTS[event]!)).toBe(TABLE[state][event]);
  });

  test('has no row for an event that does not exist', () => {
    expect(Object.keys(TABLE[state]).sort()).toEqual(Object.keys(ALL_EVENTS).sort());
  });

  test('a NOTIFICATION is never answered with one', () => {
    for (let code = 0; code < 9; code++) {
      for (let subcode = 0; subcode < 12; subcode++) {
        expect(after(SESSIONS[state], { type: 'notification', notification: notification(code, subcode) })).not.toContain('NOTIFICATION');
      }
    }
  });
});

test('every timer has its event', () => {
  expect(Object.values(EVENTS.expired).map((e) => e.timer).sort()).toEqual([...TIMERS].sort());
});

const run = (session: Session, ...events: Event[]): Session => events.reduce((s, e) => step(s, e)[0], session);
const passive: SessionSettings = { ...settings, passive: true };

test('4 ManualStart_with_PassiveTcpEstablishment: waits in Active without dialing, also after a failure', () => {
  expect(after(newSession(passive), { type: 'manualStart' })).toBe('Active, no idleHold');
  const waiting = run(newSession(passive), { type: 'manualStart' }, { type: 'accepted' });
  expect(waiting).toMatchObject({ state: 'OpenSent', initiator: 'remote' });
  expect(after(waiting, { type: 'tcpFailed', text: '' })).toBe('Active, close, no hold, failed closed');
});

test('6, 7 automatic starts come through IdleHold, and only after an automatic stop', () => {
  const failed = run(SESSIONS.OpenSent, EVENTS.expired['10 HoldTimer_Expires']!);
  expect(after(failed, { type: 'expired', timer: 'idleHold' })).toBe('Connect, dial, connectRetry 4');
  const stopped = run(SESSIONS.Established, EVENTS.manualStop['2 ManualStop']!);
  expect(after(stopped, { type: 'expired', timer: 'idleHold' })).toBe('Idle');
});

test('attempts to connect are quick at first and grow to the configured interval', () => {
  let session = run(newSession({ ...settings, connectRetrySeconds: 3 }), { type: 'manualStart' });
  const waits: string[] = [];
  for (let i = 0; i < 6; i++) {
    const [next, effects] = step(session, { type: 'tcpFailed', text: 'Connection refused' });
    waits.push(say(effects[0]!));
    session = run(next, { type: 'expired', timer: 'connectRetry' });
  }
  expect(waits).toEqual(['0.25', '0.5', '1', '2', '3', '3'].map((seconds) => `connectRetry ${seconds}`));
});

test('a dial that nobody answers is given at least four seconds, later more', () => {
  let session = run(newSession(settings), { type: 'manualStart' });
  const waits: string[] = [];
  for (let i = 0; i < 10; i++) {
    const [next, effects] = step(session, { type: 'expired', timer: 'connectRetry' });
    waits.push(say(effects.at(-1)!));
    session = next;
  }
  expect(waits.map((w) => Number(w.split(' ')[1]))).toEqual([4, 4, 4, 4, 8, 16, 32, 64, 120, 120]);
});

test('DampPeerOscillations: each error in a row waits twice as long, up to a minute', () => {
  let session = SESSIONS.OpenSent;
  const waits: number[] = [];
  for (let i = 0; i < 11; i++) {
    const [next, effects] = step(session, { type: 'keepalive' });
    waits.push(effects.flatMap((e) => (e.type === 'arm' && e.timer === 'idleHold' ? [e.seconds] : []))[0]!);
    session = { ...next, state: 'OpenSent' };
  }
  expect(waits).toEqual([0.25, 0.5, 1, 2, 4, 8, 16, 32, 60, 60, 60]);
});

test('a session that lasted a keepalive interval clears the record, and its peer may come back at once', () => {
  const steady = run({ ...SESSIONS.Established, oscillations: 5 }, { type: 'expired', timer: 'keepalive' });
  expect(after(steady, { type: 'tcpFailed', text: 'gone' })).toBe(`Idle, close, ${RELEASE}, idleHold 0, down closed`);
  expect(after(steady, EVENTS.notification['25 NotifMsg']!)).toBe(`Idle, close, ${RELEASE}, idleHold 0, down notified`);
  expect(after(steady, EVENTS.expired['10 HoldTimer_Expires']!)).toContain('idleHold 0.25');
});

test('a session that was lost before that counts as an error', () => {
  expect(after({ ...SESSIONS.Established, oscillations: 2 }, { type: 'tcpFailed', text: 'gone' })).toContain('idleHold 1,');
});

test('a peer with graceful restart that restarts again and again is let in again within seconds', () => {
  const [established, often] = [SESSIONS.Established, { oscillations: 12 }];
  const gracefulRestart = { families: ['ipv4'], timeSeconds: 120 } as unknown as NonNullable<typeof established.negotiated>['gracefulRestart'];
  const restarting = { ...established, ...often, negotiated: { ...established.negotiated!, gracefulRestart } };
  const without = { ...established, ...often, negotiated: { ...established.negotiated!, gracefulRestart: undefined } };
  const closed: Event = { type: 'tcpFailed', text: 'gone' };
  expect(after(restarting, closed)).toContain('idleHold 4,');
  expect(after(without, closed)).toContain('idleHold 60,');
  expect(after(restarting, EVENTS.notification['25 NotifMsg']!)).toContain('idleHold 60,');
});

test('a hold time of 0 means no hold timer and no keepalives', () => {
  const session = { ...SESSIONS.OpenSent, settings: { ...settings, holdTimeSeconds: 0 } };
  expect(after(session, { type: 'open', open, ours })).toBe('OpenConfirm, KEEPALIVE, no hold');
  const confirmed = run(session, { type: 'open', open, ours });
  expect(after(confirmed, { type: 'keepalive' })).toBe('Established, up');
  expect(after(run(confirmed, { type: 'keepalive' }), { type: 'update' })).toBe('Established, deliver');
  expect(after(run(confirmed, { type: 'keepalive' }), { type: 'tcpFailed', text: 'gone' })).toContain('idleHold 0,');      // steady at once
});

test('reasons say in words what happened', () => {
  const reasonOf = (session: Session, event: Event): string =>
    step(session, event)[1].flatMap((e) => (e.type === 'down' || e.type === 'failed' ? [e.reason.text] : []))[0]!;
  expect(reasonOf(SESSIONS.OpenSent, { type: 'open', open: { ...open, asn: 65099 }, ours }))
    .toBe('OPEN message error: bad peer AS (peer says AS 65099: expected 65002)');
  expect(reasonOf(SESSIONS.Established, EVENTS.expired['10 HoldTimer_Expires']!)).toBe('Hold timer expired');
  expect(reasonOf(SESSIONS.Established, EVENTS.notification['25 NotifMsg']!)).toBe('Cease: administrative reset');
  expect(reasonOf(SESSIONS.Connect, EVENTS.tcpFailed['18 TcpConnectionFails']!)).toBe('Connection refused');
  expect(reasonOf(SESSIONS.OpenConfirm, { type: 'update' })).toBe('Finite state machine error: unexpected message in OpenConfirm');
});

describe('enhanced route refresh (RFC 7313)', () => {
  const able = { ...open, capabilities: { ...open.capabilities, enhancedRouteRefresh: true } };
  const session = run(SESSIONS.OpenSent, { type: 'open', open: able, ours }, { type: 'keepalive' });
  test('where it was negotiated, marks are marks, and unknown subtypes nothing', () => {
    expect(after(session, EVENTS.routeRefresh['ROUTE-REFRESH, mark']!)).toBe('Established, refresh ipv4 begin');
    expect(after(session, EVENTS.routeRefresh['ROUTE-REFRESH, unknown subtype']!)).toBe('Established');
  });
});

describe('Hard Reset (RFC 8538)', () => {
  const n = restartCapability({ notification: true });
  const agreed = run(SESSIONS.OpenSent, { type: 'open', open: { ...open, capabilities: { ...open.capabilities, gracefulRestart: n } }, ours: { ...ours, gracefulRestart: n } });
  const session = run(agreed, { type: 'keepalive' });
  const sent = (s: Session, event: Event): readonly number[] | undefined => step(s, event)[1].flatMap((e) =>
    (e.type === 'sendNotification' ? [[e.notification.code, e.notification.subcode, ...e.notification.data]] : []))[0];

  test.each([[1, true], [2, true], [3, true], [4, true], [6, false], [8, false], [10, false]])('Cease %i ends routes: %p', (subcode, isHard) => {
    const data = Uint8Array.of(1, 65);
    for (const type of ['manualStop', 'automaticStop'] as const) {
      const event: Event = { type, notification: { ...notification(6, subcode), data }, text: '' };
      expect(sent(session, event)).toEqual(isHard ? [6, 9, 6, subcode, 1, 65] : [6, subcode, 1, 65]);
    }
  });

  test('what we find wrong is a restart, and says so as itself', () => {
    expect(sent(session, EVENTS.wireError['28 UpdateMsgErr']!)).toEqual([3, 1]);
    expect(sent(session, EVENTS.expired['10 HoldTimer_Expires']!)).toEqual([4, 0]);
  });

  test('before Established, and without N on both sides, a Cease is a Cease', () => {
    expect(sent(agreed, EVENTS.manualStop['2 ManualStop']!)).toEqual([6, 2]);
    expect(sent(SESSIONS.Established, EVENTS.manualStop['2 ManualStop']!)).toEqual([6, 2]);
  });

  test('the reason carries what was sent or received', () => {
    const reasonOf = (event: Event): unknown => step(session, event)[1].flatMap((e) => (e.type === 'down' ? [e.reason.notification?.subcode] : []))[0];
    expect(reasonOf(EVENTS.manualStop['2 ManualStop']!)).toBe(9);
    expect(reasonOf(EVENTS.notification['25 NotifMsg']!)).toBe(4);
  });
});

describe('a peer that refuses capabilities (RFC 5492)', () => {
  const refusal = (subcode: number, ...data: number[]): Event => ({ type: 'notification', notification: { ...notification(2, subcode), data: Uint8Array.from(data) } });
  const again = (session: Session): string => after(run(session, { type: 'expired', timer: 'idleHold' }), { type: 'dialed' });

  test('is dialed again without the optional ones that it names', () => {
    expect(again(run(SESSIONS.OpenSent, refusal(7, 69, 0, 9, 1, 3, 65, 4, 0, 0, 0, 1)))).toBe('OpenSent, no connectRetry, OPEN without 9 without 69, hold 240');
  });

  test('is dialed again without any when it knows no such parameter', () => {
    expect(run(SESSIONS.OpenSent, refusal(4)).withheld).toEqual([1, 2, 5, 6, 9, 64, 65, 69, 70, 71]);
  });

  test('is offered all again when a session was up and ended, not before', () => {
    const refused = run(SESSIONS.OpenSent, refusal(7, 69, 0), { type: 'expired', timer: 'idleHold' });
    expect(after(run(refused, { type: 'dialed' }, { type: 'tcpFailed', text: '' }, { type: 'expired', timer: 'connectRetry' }), { type: 'dialed' })).toContain('OPEN without 69');
    const up = run(refused, { type: 'dialed' }, { type: 'open', open, ours }, { type: 'keepalive' });
    expect(again(run(up, { type: 'tcpFailed', text: '' }))).toContain('OPEN, hold');
  });

  test('is offered the same again after any other error', () => {
    expect(again(run(SESSIONS.OpenSent, refusal(6)))).toContain('OPEN, hold');
    expect(after(run(SESSIONS.OpenSent, { type: 'tcpFailed', text: '' }, { type: 'expired', timer: 'connectRetry' }), { type: 'dialed' })).toContain('OPEN, hold');
  });
});
