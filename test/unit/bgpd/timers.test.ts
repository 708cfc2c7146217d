/** Named timers, on a clock that stands still. */
import { expect, test } from '@jest/globals';
import { Timers } from '../../../bgpd/timers.ts';
import { FakeClock } from '../../support/fake-clock.ts';

type Name = 'hold' | 'keepalive';

function newTimers(reprieveMs = 0): { clock: FakeClock; timers: Timers<Name>; expired: [Name, number][] } {
  const clock = new FakeClock();
  const expired: [Name, number][] = [];
  const timers = new Timers<Name>(clock, (name) => { expired.push([name, clock.now()]); }, (name) => (name === 'hold' ? reprieveMs : 0));
  return { clock, timers, expired };
}

test('a timer calls back once', () => {
  const { clock, timers, expired } = newTimers();
  timers.arm('keepalive', 100);
  expect(timers.isArmed('keepalive')).toBe(true);
  clock.advance(1_000);
  expect(expired).toEqual([['keepalive', 100]]);
  expect(timers.isArmed('keepalive')).toBe(false);
});

test('names do not disturb each other', () => {
  const { clock, timers, expired } = newTimers();
  timers.arm('hold', 200);
  timers.arm('keepalive', 100);
  timers.disarm('hold');
  clock.advance(1_000);
  expect(expired).toEqual([['keepalive', 100]]);
});

test('pushing a timer forward a million times costs no clock timer', () => {
  const { clock, timers, expired } = newTimers();
  for (let i = 0; i < 1_000_000; i++) timers.arm('hold', 90_000);
  expect(clock.timers).toBe(1);
  clock.advance(60_000);
  timers.arm('hold', 90_000);
  clock.advance(89_999);
  expect(expired).toEqual([]);
  clock.advance(1);
  expect(expired).toEqual([['hold', 150_000]]);
});

test('arming anew for an earlier time counts', () => {
  const { clock, timers, expired } = newTimers();
  timers.arm('hold', 240_000);
  timers.arm('hold', 90_000);
  clock.advance(300_000);
  expect(expired).toEqual([['hold', 90_000]]);
  expect(clock.timers).toBe(0);
});

test('a timer may be armed again from its own callback', () => {
  const clock = new FakeClock();
  let calls = 0;
  const timers = new Timers<Name>(clock, (name) => { calls++; timers.arm(name, 10); });
  timers.arm('keepalive', 10);
  clock.advance(100);
  expect(calls).toBe(10);
});

test('disarmAll leaves nothing behind', () => {
  const { clock, timers, expired } = newTimers(50);
  timers.arm('hold', 10);
  timers.arm('keepalive', 20);
  timers.disarmAll();
  clock.advance(1_000);
  expect(expired).toEqual([]);
  expect(clock.timers).toBe(0);
});

test('with a reprieve, input that was waiting in the socket saves the session', () => {
  const { clock, timers, expired } = newTimers(50);
  timers.arm('hold', 3_000);
  clock.advance(3_000);                 // due, but perhaps only because we were stalled
  timers.arm('hold', 3_000);            // now the socket is read
  clock.advance(2_999);
  expect(expired).toEqual([]);
});

test('the reprieve is given each time', () => {
  const { clock, timers, expired } = newTimers(50);
  timers.arm('hold', 3_000);
  clock.advance(3_000);
  timers.arm('hold', 3_000);
  clock.advance(3_000);
  timers.arm('hold', 3_000);
  clock.advance(2_000);
  expect(expired).toEqual([]);
});

test('with a reprieve, silence still ends it', () => {
  const { clock, timers, expired } = newTimers(50);
  timers.arm('hold', 3_000);
  clock.advance(10_000);
  expect(expired).toEqual([['hold', 3_050]]);
});
