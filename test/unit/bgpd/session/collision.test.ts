/** Two connections of one peer, told as sentences. */
import { describe, expect, test } from '@jest/globals';
import { COLLISION_HOLD_SECONDS, mainOf, newPair, placeIncoming, stepPair, type Pair, type PairEffects, type Slot } from '../../../../bgpd/session/collision.ts';
import type { Event } from '../../../../bgpd/session/session.ts';
import type { SessionSettings } from '../../../../bgpd/session/settings.ts';
import type { OpenMessage } from '../../../../bgpd/wire/message.ts';
import { capabilities, restartCapability, sessionSettings } from '../../../support/session-builders.ts';

const LOW = 0x0a000001;
const HIGH = 0xfffffff0;      // as a signed number it would be the smaller one

const settingsWith = (routerId: number, localAsn = 65001): SessionSettings => sessionSettings({ localAsn, peerAsn: 65002, routerId });
/** What our OPENs say. */
const OURS = capabilities({ families: ['ipv4'], gracefulRestart: restartCapability() });
const openFrom = (routerId: number, withRestart = false): OpenMessage => ({
  type: 'open', version: 4, asn: 65002, holdTimeSeconds: 90, routerId,
  capabilities: capabilities({ families: ['ipv4'], ...(withRestart && { gracefulRestart: restartCapability({ restartTimeSeconds: 60 }) }) }),
});

/** What a shell would see: the pair, and the last effects by slot. */
class Machine {
  pair: Pair;
  said: string[] = [];
  constructor(settings: SessionSettings) { this.pair = newPair(settings); }

  step(slot: Slot, event: Event): this {
    const [pair, effects] = stepPair(this.pair, slot, event);
    return this.#took(pair, effects);
  }

  /** Undefined: refused. */
  incoming(): Slot | undefined {
    const [pair, slot, effects] = placeIncoming(this.pair);
    this.#took(pair, effects);
    if (slot !== undefined) {
      const before = this.said;
      this.step(slot, { type: 'accepted' });
      this.said = [...before, ...this.said];
    }
    return slot;
  }

  states(): (string | undefined)[] { return this.pair.sessions.map((s) => s?.state); }

  #took(pair: Pair, effects: PairEffects): this {
    this.pair = pair;
    this.said = effects.flatMap(([slot, group]) => group.map((e) =>
      `${slot} ${e.type === 'sendNotification' ? `NOTIFICATION ${e.notification.code}/${e.notification.subcode}`
        : e.type === 'arm' ? `${e.timer} ${e.seconds}` : e.type === 'down' ? `down ${e.reason.kind}` : e.type}`));
    return this;
  }
}

const start = (settings: SessionSettings): Machine => new Machine(settings).step(0, { type: 'manualStart' });

/** Both sides dialed: slot 0 is ours, slot 1 theirs, both in OpenSent. */
function crossed(settings: SessionSettings): Machine {
  const machine = start(settings);
  expect(machine.incoming()).toBe(1);
  return machine.step(0, { type: 'dialed' });
}

describe('an incoming connection', () => {
  test('is refused by a peer that was never started, or was stopped by hand', () => {
    const machine = new Machine(settingsWith(LOW));
    expect(machine.incoming()).toBeUndefined();
    machine.step(0, { type: 'manualStart' }).step(0, { type: 'manualStop', notification: { type: 'notification', code: 6, subcode: 2, data: new Uint8Array(0) }, text: '' });
    expect(machine.incoming()).toBeUndefined();
  });

  test('is refused while an error is being sat out', () => {
    const machine = start(settingsWith(LOW)).step(0, { type: 'dialed' }).step(0, { type: 'update' });
    expect(machine.states()).toEqual(['Idle', undefined]);
    expect(machine.incoming()).toBeUndefined();
  });

  test('wakes a peer that only waits to restart after an orderly loss', () => {
    const machine = start(settingsWith(LOW)).step(0, { type: 'dialed' }).step(0, { type: 'open', open: openFrom(HIGH), ours: OURS })
      .step(0, { type: 'keepalive' }).step(0, { type: 'expired', timer: 'keepalive' }).step(0, { type: 'tcpFailed', text: '' });
    expect(machine.states()).toEqual(['Idle', undefined]);
    expect(machine.incoming()).toBe(1);
    expect(machine.states()).toEqual(['Connect', 'OpenSent']);
    expect(machine.said).toContain('0 disarm');
  });

  test('is taken by the machine itself when it only listens, as for a Calico node that dials one way', () => {
    const machine = start({ ...settingsWith(LOW), passive: true });
    expect(machine.incoming()).toBe(0);
    machine.step(0, { type: 'open', open: openFrom(HIGH), ours: OURS }).step(0, { type: 'keepalive' });
    expect(machine.states()).toEqual(['Established', undefined]);
  });

  test('gets a machine of its own beside a dial that is under way', () => {
    const machine = start(settingsWith(LOW));
    expect(machine.incoming()).toBe(1);
    expect(machine.states()).toEqual(['Connect', 'OpenSent']);
    expect(machine.said).toEqual(['1 disarm', '1 sendOpen', '1 hold 240']);
  });

  test('replaces an older one that never said anything', () => {
    const machine = start(settingsWith(LOW));
    machine.incoming();
    expect(machine.incoming()).toBe(1);
    expect(machine.said.slice(0, 2)).toEqual(['1 NOTIFICATION 6/7', '1 close']);
    expect(machine.said.slice(-1)).toEqual(['1 hold 240']);
    expect(machine.states()).toEqual(['Connect', 'OpenSent']);
  });

  test('that closes again leaves the dial alone', () => {
    const machine = start(settingsWith(LOW));
    machine.incoming();
    machine.step(1, { type: 'tcpFailed', text: '' });
    expect(machine.states()).toEqual(['Connect', undefined]);
    machine.step(0, { type: 'dialed' });
    expect(machine.states()).toEqual(['OpenSent', undefined]);
  });

  test('that says rubbish hurts only itself, also when a session is up', () => {
    const machine = start(settingsWith(LOW)).step(0, { type: 'dialed' }).step(0, { type: 'open', open: openFrom(HIGH, true), ours: OURS }).step(0, { type: 'keepalive' });
    machine.incoming();
    machine.step(1, { type: 'wireError', notification: { type: 'notification', code: 1, subcode: 1, data: new Uint8Array(0) }, text: 'marker' });
    expect(machine.states()).toEqual(['Established', undefined]);
    expect(machine.said.slice(0, 2)).toEqual(['1 NOTIFICATION 1/1', '1 close']);
    expect(machine.said.lastIndexOf('1 disarm')).toBeGreaterThan(machine.said.indexOf('1 idleHold 0.25'));      // it does not start again
  });

  test('whose OPEN is refused hurts only itself', () => {
    const machine = crossed(settingsWith(LOW)).step(1, { type: 'open', open: { ...openFrom(HIGH), asn: 65099 }, ours: OURS });
    expect(machine.states()).toEqual(['OpenSent', undefined]);
    expect(machine.said[0]).toBe('1 NOTIFICATION 2/2');
  });
});

describe('when both sides dialed', () => {
  test('an OPEN on the incoming connection ends a dial that is not answered yet', () => {
    const machine = start(settingsWith(HIGH));
    machine.incoming();
    machine.step(1, { type: 'open', open: openFrom(LOW), ours: OURS });
    expect(machine.states()).toEqual([undefined, 'OpenConfirm']);
    expect(machine.pair.main).toBe(1);
    expect(machine.said).toContain('0 abandon');
    expect(machine.said.join()).not.toContain('NOTIFICATION');
  });

  test('the connection dialed by the greater BGP identifier survives, wherever the OPEN comes first', () => {
    const ours = crossed(settingsWith(HIGH)).step(0, { type: 'open', open: openFrom(LOW), ours: OURS });
    expect(ours.states()).toEqual(['OpenConfirm', undefined]);
    expect(ours.said.slice(0, 2)).toEqual(['1 NOTIFICATION 6/7', '1 close']);

    const oursToo = crossed(settingsWith(HIGH)).step(1, { type: 'open', open: openFrom(LOW), ours: OURS });
    expect(oursToo.states()).toEqual(['OpenSent', undefined]);

    const theirs = crossed(settingsWith(LOW)).step(1, { type: 'open', open: openFrom(HIGH), ours: OURS });
    expect(theirs.states()).toEqual([undefined, 'OpenConfirm']);
    expect(theirs.said.slice(0, 2)).toEqual(['0 NOTIFICATION 6/7', '0 close']);

    const theirsToo = crossed(settingsWith(LOW)).step(0, { type: 'open', open: openFrom(HIGH), ours: OURS });
    expect(theirsToo.states()).toEqual([undefined, 'OpenSent']);
    expect(theirsToo.pair.main).toBe(1);
  });

  test('a survivor that has not shown its OPEN gets ten seconds, and a retry after it', () => {
    const machine = crossed(settingsWith(LOW)).step(0, { type: 'open', open: openFrom(HIGH), ours: OURS });
    expect(machine.said.at(-1)).toBe(`1 hold ${COLLISION_HOLD_SECONDS}`);
    machine.step(1, { type: 'expired', timer: 'hold' });
    expect(mainOf(machine.pair)).toMatchObject({ state: 'Idle', isRestarting: true });
  });

  test('of equal identifiers the greater AS number decides', () => {
    expect(crossed(settingsWith(LOW, 65001)).step(1, { type: 'open', open: openFrom(LOW), ours: OURS }).states()).toEqual([undefined, 'OpenConfirm']);
    expect(crossed(settingsWith(LOW, 65003)).step(1, { type: 'open', open: openFrom(LOW), ours: OURS }).states()).toEqual(['OpenSent', undefined]);
  });

  test('the same rule holds when one is in OpenConfirm already', () => {
    const confirmed = (routerId: number): Machine => start(settingsWith(routerId)).step(0, { type: 'dialed' }).step(0, { type: 'open', open: openFrom(0x0b000000), ours: OURS });
    const winning = confirmed(HIGH);
    winning.incoming();
    winning.step(1, { type: 'open', open: openFrom(0x0b000000), ours: OURS });
    expect(winning.states()).toEqual(['OpenConfirm', undefined]);
    const losing = confirmed(LOW);
    losing.incoming();
    losing.step(1, { type: 'open', open: openFrom(0x0b000000), ours: OURS });
    expect(losing.states()).toEqual([undefined, 'OpenConfirm']);
  });

  test('two ends that see the OPENs in any order never close both connections', () => {
    for (const order of [[0, 1], [1, 0]] as const) {
      for (const peerOrder of [[0, 1], [1, 0]] as const) {
        const here = crossed(settingsWith(LOW));
        const there = crossed(settingsWith(HIGH));      // its slot 0 is our slot 1
        for (const slot of order) here.step(slot, { type: 'open', open: openFrom(HIGH), ours: OURS });
        for (const slot of peerOrder) there.step(slot, { type: 'open', open: openFrom(LOW), ours: OURS });
        expect(here.states()).toEqual([undefined, 'OpenConfirm']);
        expect(there.states()).toEqual(['OpenConfirm', undefined]);
      }
    }
  });

  test('of two that the peer dialed, the one with the OPEN survives', () => {
    const machine = start({ ...settingsWith(HIGH), passive: true });
    machine.incoming();
    expect(machine.incoming()).toBe(1);
    machine.step(1, { type: 'open', open: openFrom(LOW), ours: OURS });
    expect(machine.states()).toEqual([undefined, 'OpenConfirm']);
  });

  test('a lost collision is reported as no failure', () => {
    expect(crossed(settingsWith(LOW)).step(1, { type: 'open', open: openFrom(HIGH), ours: OURS }).said.join()).not.toContain('failed');
  });

  test('the survivor inherits the record of errors', () => {
    const machine = start(settingsWith(LOW)).step(0, { type: 'dialed' }).step(0, { type: 'update' }).step(0, { type: 'expired', timer: 'idleHold' });
    machine.incoming();
    machine.step(1, { type: 'open', open: openFrom(HIGH), ours: OURS });
    expect(mainOf(machine.pair)).toMatchObject({ state: 'OpenConfirm', oscillations: 1 });
  });

  test('the dial gives up on Cease 7 and listens for the other connection', () => {
    const machine = start(settingsWith(LOW)).step(0, { type: 'dialed' })
      .step(0, { type: 'notification', notification: { type: 'notification', code: 6, subcode: 7, data: new Uint8Array(0) } });
    expect(machine.states()).toEqual(['Active', undefined]);
    expect(machine.incoming()).toBe(0);
  });
});

describe('a new connection beside an Established session', () => {
  const up = (withRestart: boolean): Machine => start(settingsWith(LOW)).step(0, { type: 'dialed' })
    .step(0, { type: 'open', open: openFrom(HIGH, withRestart), ours: OURS }).step(0, { type: 'keepalive' });

  test('loses without graceful restart, whoever has the greater identifier', () => {
    const machine = up(false).step(0, { type: 'expired', timer: 'keepalive' });
    machine.incoming();
    machine.step(1, { type: 'open', open: openFrom(HIGH), ours: OURS });
    expect(machine.states()).toEqual(['Established', undefined]);
    expect(machine.said.slice(0, 2)).toEqual(['1 NOTIFICATION 6/7', '1 close']);
  });

  test('means with graceful restart that the peer restarted: the old session is lost without NOTIFICATION (RFC 4724 §4.2)', () => {
    const machine = up(true).step(0, { type: 'expired', timer: 'keepalive' });
    machine.incoming();
    expect(machine.states()).toEqual(['Established', 'OpenSent']);
    machine.step(1, { type: 'open', open: openFrom(HIGH, true), ours: OURS });
    expect(machine.states()).toEqual([undefined, 'OpenConfirm']);
    expect(machine.said).toContain('0 down closed');
    expect(machine.said.join()).not.toContain('NOTIFICATION');
    expect(machine.said.indexOf('0 down closed')).toBeLessThan(machine.said.indexOf('1 sendKeepalive'));
  });

  test('is a late collision when the session has only just come up', () => {
    const machine = up(true);
    machine.incoming();
    machine.step(1, { type: 'open', open: openFrom(HIGH, true), ours: OURS });
    expect(machine.states()).toEqual(['Established', undefined]);
  });
});

test('what the peer has refused is left out on a connection that it dials, too, and the survivor remembers it', () => {
  const machine = start(settingsWith(LOW)).step(0, { type: 'dialed' });
  const data = Uint8Array.of(69, 0);
  machine.step(0, { type: 'notification', notification: { type: 'notification', code: 2, subcode: 7, data } });
  machine.step(0, { type: 'expired', timer: 'idleHold' });
  expect(machine.incoming()).toBe(1);
  expect(machine.pair.sessions[1]).toMatchObject({ state: 'OpenSent', withheld: [69] });
  machine.step(1, { type: 'open', open: openFrom(HIGH), ours: OURS });
  expect(mainOf(machine.pair)).toMatchObject({ state: 'OpenConfirm', withheld: [69] });
});
