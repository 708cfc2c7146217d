import { expect, jest, test } from '@jest/globals';
import { sleep, systemClock } from '../../../sys/clock.ts';
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

test("a delay that is longer than Node's longest takes its time, and can be called off", () => {
  jest.useFakeTimers();
  try {
    const called: string[] = [];
    const days = 86_400_000;
    systemClock.after(60 * days, () => { called.push('later'); });
    const never = systemClock.after(60 * days, () => { called.push('never'); });
    jest.advanceTimersByTime(59 * days);
    expect(called).toEqual([]);
    never[Symbol.dispose]();
    jest.advanceTimersByTime(1 * days);
    expect([called, jest.getTimerCount()]).toEqual([['later'], 0]);
  } finally {
    jest.useRealTimers();
  }
});
