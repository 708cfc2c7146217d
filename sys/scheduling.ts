/** How soon the kernel lets our threads run: real-time scheduling where it is allowed. */
import { readdirSync } from 'node:fs';
import { setPriority } from 'node:os';
import { errnoName, setScheduler } from './native.ts';

const SCHED_FIFO = 1;
const HIGHEST_PRIORITY = -20;

/**
 * Every thread of this process, those of the garbage collector too (for the others wait for it), runs before all that
 * is not real time; threads that they start inherit it. Where the kernel refuses: the best nice value that it allows.
 *
 * @param priority 1..99.
 * @returns how it runs now, in words.
 */
export function runInRealTime(priority: number): string {
  for (const thread of readdirSync('/proc/self/task').map(Number)) {
    const result = setScheduler(thread, SCHED_FIFO, priority);
    if (result >= 0 || errnoName(-result) === 'ESRCH') continue;
    try {
      setPriority(HIGHEST_PRIORITY);
      return `nice ${HIGHEST_PRIORITY} (SCHED_FIFO: ${errnoName(-result)})`;
    } catch {
      return `normal (SCHED_FIFO: ${errnoName(-result)})`;
    }
  }
  return `SCHED_FIFO ${priority}`;
}
