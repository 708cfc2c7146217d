/** The machine's clock, and waiting on any clock. */
import type { Clock } from '../lib/clock.ts';

export const systemClock: Clock = {
  now: () => performance.now(),
  wallTime: () => Date.now(),
  after: (ms, callback) => {
    const timer = setTimeout(callback, ms);
    return { [Symbol.dispose]: () => { clearTimeout(timer); } };
  },
};

/** Resolves after `ms`, or at once when `signal` is or becomes aborted. Leaves no timer and no listener behind. */
export async function sleep(clock: Clock, ms: number, signal?: AbortSignal): Promise<void> {
  if (signal?.aborted === true) return;
  const { promise, resolve } = Promise.withResolvers<void>();
  const done = (): void => { resolve(); };
  signal?.addEventListener('abort', done, { once: true });
  using _timer = clock.after(ms, done);
  await promise;
  signal?.removeEventListener('abort', done);
}
