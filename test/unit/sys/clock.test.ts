import { expect, test } from '@jest/globals';
import { sleep } from '../../../sys/clock.ts';
import { FakeClock } from '../../support/fake-clock.ts';

/** What a sleep has come to, without waiting for it. */
async function isOver(sleeping: Promise<void>): Promise<boolean> {
  return await Promise.race([sleeping.then(() => true), new Promise<boolean>((resolve) => { setImmediate(resolve, false); })]);
}

test('a sleep takes its time, no more and no less', async () => {
  const clock = new FakeClock();
  const sleeping = sleep(clock, 1_000, new AbortController().signal);
  clock.advance(999);
  expect(await isOver(sleeping)).toBe(false);
  clock.advance(1);
  expect(await isOver(sleeping)).toBe(true);
});

test('a signal ends a sleep, or keeps it from beginning, and no timer is left', async () => {
  const clock = new FakeClock();
  const stop = new AbortController();
  const sleeping = sleep(clock, 1_000, stop.signal);
  expect(clock.timers).toBe(1);
  stop.abort();
  expect([await isOver(sleeping), clock.timers]).toEqual([true, 0]);
  expect([await isOver(sleep(clock, 1_000, stop.signal)), clock.timers]).toEqual([true, 0]);
});
