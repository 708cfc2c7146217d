/** The machine's clock. */
import type { Clock } from '../lib/clock.ts';

export const systemClock: Clock = {
  now: () => performance.now(),
  wallTime: () => Date.now(),
  after: (ms, callback) => {
    const timer = setTimeout(callback, ms);
    return { [Symbol.dispose]: () => { clearTimeout(timer); } };
  },
};
