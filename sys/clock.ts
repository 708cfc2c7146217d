/** The machine's clock, and waiting on any clock. */
import type { Clock } from '../lib/clock.ts';

/** Node takes a longer delay for none at all. */
const LONGEST_MS = 0x7fffffff;

export const systemClock: Clock = {
  now: () => performance.now(),
  wallTime: () => Date.now(),
  after: (ms, callback) => {
    let timer: NodeJS.Timeout;
    const wait = (left: number): void => {
      timer = left > LONGEST_MS ? setTimeout(() => { wait(left - LONGEST_MS); }, LONGEST_MS) : setTimeout(callback, left);
    };
    wait(ms);
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
