/** The BFD session: every state × event of RFC 5880 §6.8.6, and the timer rules of §6.8.2..6.8.7. */
import { describe, expect, test } from '@jest/globals';
import { detectionUs, jittered, newSession, packetOf, resumedSession, step, transmitIntervalUs, type Event, type Session } from '../../../../bfdd/session/session.ts';
import { DIAGNOSTIC, STATES } from '../../../../bfdd/wire/constants.ts';
import type { ControlPacket } from '../../../../bfdd/wire/control-packet.ts';
import type { BfdState } from '../../../../config/messages/bfd-control.ts';

const TIMING = { transmitUs: 300_000, receiveUs: 300_000, multiplier: 3 };

const packet = (state: BfdState, more: Partial<ControlPacket> = {}): ControlPacket => ({
  diagnostic: 0, state, poll: false, final: false, controlPlaneIndependent: false, demand: false, multiplier: 3, myDiscriminator: 77,
  yourDiscriminator: 5, desiredTxUs: 300_000, requiredRxUs: 300_000, requiredEchoRxUs: 0, ...more,
});
const received = (state: BfdState, more: Partial<ControlPacket> = {}): Event => ({ type: 'received', packet: packet(state, more) });
const after = (session: Session, ...events: readonly Event[]): Session => events.reduce((s, e) => step(s, e)[0], session);

const fresh = newSession(5, TIMING);
/** Each state, with a peer that has been heard. */
const IN: Readonly<Record<BfdState, Session>> = {
  Down: after(fresh, received('Up')),
  Init: after(fresh, received('Down')),
  Up: after(fresh, received('Down'), received('Up')),
  AdminDown: after(fresh, received('Down'), { type: 'stop' }),
};

test('the states under test are those they are called', () => {
  for (const state of STATES) expect(IN[state].state).toBe(state);
});

type EventName = `received ${BfdState}` | 'detectionExpired' | 'retimed' | 'stop' | 'start';
const EVENTS: Readonly<Record<EventName, Event>> = {
  'received AdminDown': received('AdminDown'), 'received Down': received('Down'), 'received Init': received('Init'), 'received Up': received('Up'),
  detectionExpired: { type: 'detectionExpired' }, retimed: { type: 'retimed', timing: { ...TIMING, multiplier: 5 } },
  stop: { type: 'stop' }, start: { type: 'start' },
};

const { none, neighborSignaledDown: signaled, detectionTimeExpired: expired, administrativelyDown: admin } = DIAGNOSTIC;
type Outcome = 'same' | readonly [BfdState, diagnostic: number, failed: boolean];

/** Every state × event; leaving one out does not compile. `same`: no change of state, and no packet for it. */
const TABLE: Readonly<Record<BfdState, Readonly<Record<EventName, Outcome>>>> = {
  Down: {
    'received AdminDown': 'same', 'received Down': ['Init', none, false], 'received Init': ['Up', none, false], 'received Up': 'same',
    detectionExpired: 'same', retimed: 'same', stop: ['AdminDown', admin, false], start: 'same',
  },
  Init: {
    'received AdminDown': ['Down', signaled, false], 'received Down': 'same', 'received Init': ['Up', none, false], 'received Up': ['Up', none, false],
    detectionExpired: ['Down', expired, false], retimed: 'same', stop: ['AdminDown', admin, false], start: 'same',
  },
  Up: {
    'received AdminDown': ['Down', signaled, false], 'received Down': ['Down', signaled, true], 'received Init': 'same', 'received Up': 'same',
    detectionExpired: ['Down', expired, true], retimed: 'same', stop: ['AdminDown', admin, false], start: 'same',
  },
  AdminDown: {
    'received AdminDown': 'same', 'received Down': 'same', 'received Init': 'same', 'received Up': 'same',
    detectionExpired: 'same', retimed: 'same', stop: 'same', start: ['Down', none, false],
  },
};

describe.each(STATES)('in %s', (state) => {
  test.each(Object.entries(TABLE[state]) as [EventName, Outcome][])('%s', (name, outcome) => {
    const [next, effects] = step(IN[state], EVENTS[name]);
    if (outcome === 'same') {
      expect(next.state).toBe(state);
      expect(effects).toEqual([]);
      return;
    }
    const [to, diagnostic, failed] = outcome;
    expect([next.state, next.diagnostic]).toEqual([to, diagnostic]);
    expect(effects).toEqual([{ type: 'send', final: false }, { type: 'changed', from: state, failed }]);
  });
});

describe('what a packet says of its sender', () => {
  test('is remembered in every state', () => {
    for (const state of STATES) {
      const { remote } = after(IN[state], received('Down', { diagnostic: 4, demand: true, multiplier: 9, desiredTxUs: 7, requiredRxUs: 8, controlPlaneIndependent: true, myDiscriminator: 3 }));
      expect(remote).toEqual({ state: 'Down', diagnostic: 4, demand: true, multiplier: 9, desiredTxUs: 7, requiredRxUs: 8, controlPlaneIndependent: true, discriminator: 3 });
    }
  });
  test('is forgotten with a detection time of silence, all but the C bit', () => {
    for (const state of ['Down', 'Init', 'Up'] as const) {
      const { remote } = after(IN[state], received('Up', { controlPlaneIndependent: true }), { type: 'detectionExpired' });
      expect(remote).toMatchObject({ discriminator: 0, state: 'Down', requiredRxUs: 1, controlPlaneIndependent: true });
    }
  });
});

describe('a Poll', () => {
  test('is answered at once with F and without P, in each state but AdminDown', () => {
    for (const state of STATES) {
      const [next, effects] = step(IN[state], received('Up', { poll: true }));
      expect(effects.filter((e) => e.type === 'send' && e.final)).toHaveLength(state === 'AdminDown' ? 0 : 1);
      expect(packetOf(next, true)).toMatchObject({ final: true, poll: false });
    }
  });
  test('of ours begins with a change of timers and ends with F', () => {
    expect(IN.Up.isPolling).toBe(true); // from the slow second to 300 ms
    expect(packetOf(IN.Up, false).poll).toBe(true);
    expect(after(IN.Up, received('Up')).isPolling).toBe(true);
    const settled = after(IN.Up, received('Up', { final: true }));
    expect(settled.isPolling).toBe(false);
    expect(after(settled, { type: 'retimed', timing: { ...TIMING, multiplier: 9 } }).isPolling).toBe(false);
    expect(after(settled, { type: 'retimed', timing: { ...TIMING, receiveUs: 50_000 } }).isPolling).toBe(true);
  });
  test('of ours does not begin with a peer that is not known', () => {
    expect(after(fresh, { type: 'retimed', timing: { ...TIMING, receiveUs: 50_000 } }).isPolling).toBe(false);
    expect(after(IN.Up, { type: 'detectionExpired' }).isPolling).toBe(false);
  });
});

describe('intervals', () => {
  const up = after(IN.Up, received('Up', { final: true }));
  test('are a second at least while not Up', () => {
    for (const state of ['Down', 'Init', 'AdminDown'] as const) {
      expect(packetOf(IN[state], false).desiredTxUs).toBe(1_000_000);
      expect(transmitIntervalUs(IN[state])).toBe(1_000_000);
    }
    expect(transmitIntervalUs(after(up, received('Down')))).toBe(1_000_000);
    expect(newSession(1, { ...TIMING, transmitUs: 5_000_000 }).desiredTxUs).toBe(5_000_000);
  });
  test('are the slower of what we want and what the peer takes', () => {
    expect(transmitIntervalUs(up)).toBe(300_000);
    expect(transmitIntervalUs(after(up, received('Up', { requiredRxUs: 700_000 })))).toBe(700_000);
  });
  test('a peer that takes none is sent none', () => { expect(transmitIntervalUs(after(up, received('Up', { requiredRxUs: 0 })))).toBe(0); });
  test('Up: faster counts at once, slower after F', () => {
    const faster = after(up, { type: 'retimed', timing: { ...TIMING, transmitUs: 50_000 } });
    expect([transmitIntervalUs(after(faster, received('Up', { requiredRxUs: 1 }))), faster.desiredTxUs]).toEqual([50_000, 50_000]);
    const slower = after(up, { type: 'retimed', timing: { ...TIMING, transmitUs: 900_000 } });
    expect([transmitIntervalUs(slower), packetOf(slower, false).desiredTxUs]).toEqual([300_000, 900_000]);
    expect(transmitIntervalUs(after(slower, received('Up', { final: true })))).toBe(900_000);
  });
  test('detection: longer counts at once, shorter after F', () => {
    expect(detectionUs(up)).toBe(900_000);
    const longer = after(up, { type: 'retimed', timing: { ...TIMING, receiveUs: 500_000 } });
    expect(detectionUs(longer)).toBe(1_500_000);
    const shorter = after(up, received('Up', { desiredTxUs: 50_000 }), { type: 'retimed', timing: { ...TIMING, receiveUs: 50_000 } });
    expect(detectionUs(shorter)).toBe(900_000);
    expect(detectionUs(after(shorter, received('Up', { final: true, desiredTxUs: 50_000 })))).toBe(150_000);
  });
  test('detection: the multiplier of the peer, and the slower of what it sends and what we take', () => {
    expect(detectionUs(after(up, received('Up', { multiplier: 5, desiredTxUs: 1_000_000 })))).toBe(5_000_000);
    expect(detectionUs(fresh)).toBe(0);
  });
});

describe('demand mode of the peer', () => {
  const up = after(IN.Up, received('Up', { final: true }));
  test('ends periodic packets while both are Up, but for Poll Sequences', () => {
    const demanded = after(up, received('Up', { demand: true }));
    expect(transmitIntervalUs(demanded)).toBe(0);
    expect(transmitIntervalUs(after(up, received('Init', { demand: true })))).toBe(300_000);
    const polling = after(demanded, { type: 'retimed', timing: { ...TIMING, transmitUs: 100_000 } });
    expect(transmitIntervalUs(polling)).toBe(300_000);
    expect(transmitIntervalUs(after(polling, received('Up', { demand: true, final: true })))).toBe(0);
  });
  test('is never asked for; C is set; no echo is offered', () => {
    for (const state of STATES) expect(packetOf(IN[state], false)).toMatchObject({ demand: false, controlPlaneIndependent: true, requiredEchoRxUs: 0 });
  });
});

test('a resumed session is Up, with the discriminators of before, and goes down like any other', () => {
  const resumed = resumedSession(5, TIMING, IN.Up.remote);
  expect(packetOf(resumed, false)).toMatchObject({ state: 'Up', myDiscriminator: 5, yourDiscriminator: 77, desiredTxUs: 300_000, poll: false });
  expect(detectionUs(resumed)).toBe(900_000);
  expect(step(resumed, received('Down'))[1]).toContainEqual({ type: 'changed', from: 'Up', failed: true });
});

test('jitter takes off 0 to 25 %, with multiplier 1 at least 10 %', () => {
  expect([jittered(100, 3, 0), jittered(100, 3, 1), jittered(100, 1, 0), jittered(100, 1, 1)]).toEqual([75, 100, 75, 90]);
});
