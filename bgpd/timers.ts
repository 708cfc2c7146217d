/** Named timers over one clock: cheap to push forward, and slow to judge when the process itself was late. */
import type { Clock, TimerHandle } from '../lib/clock.ts';

interface Armed {
  /** When it is due, on the clock's monotonic scale. */
  dueMs: number;
  /** When the clock will call: at `dueMs` or before. */
  wakeMs: number;
  handle: TimerHandle;
  /** It was due once, and waits for input that may be lying in the socket. */
  isReprieved: boolean;
}

/**
 * Arming again costs no timer: a timer that is pushed forward (the hold timer, by each UPDATE) notices when it wakes that it
 * is not due, and goes back to sleep.
 *
 * A timer with a reprieve calls back only when nobody armed it again within `reprieveMs` after it fell due. After a stall of
 * the process, timers run before sockets are read: a hold timer must not end a session whose KEEPALIVE is already here.
 */
export class Timers<Name extends string> {
  readonly #clock: Clock;
  readonly #expired: (name: Name) => void;
  readonly #reprieveMs: (name: Name) => number;
  readonly #armed = new Map<Name, Armed>();

  constructor(clock: Clock, expired: (name: Name) => void, reprieveMs: (name: Name) => number = () => 0) {
    this.#clock = clock;
    this.#expired = expired;
    this.#reprieveMs = reprieveMs;
  }

  isArmed(name: Name): boolean { return this.#armed.has(name); }

  /** Milliseconds until each armed timer is due; what is overdue has 0. */
  left(): Record<string, number> {
    const now = this.#clock.now();
    return Object.fromEntries([...this.#armed].map(([name, { dueMs }]) => [name, Math.max(0, Math.round(dueMs - now))]));
  }

  /** Calls back once, `ms` from now; replaces what was armed under this name. */
  arm(name: Name, ms: number): void {
    const dueMs = this.#clock.now() + ms;
    const armed = this.#armed.get(name);
    if (armed && armed.wakeMs <= dueMs) {
      armed.dueMs = dueMs;
      armed.isReprieved = false;
      return;
    }
    armed?.handle[Symbol.dispose]();
    this.#armed.set(name, { dueMs, wakeMs: dueMs, isReprieved: false, handle: this.#sleep(name, ms) });
  }

  disarm(name: Name): void {
    this.#armed.get(name)?.handle[Symbol.dispose]();
    this.#armed.delete(name);
  }

  disarmAll(): void {
    for (const name of [...this.#armed.keys()]) this.disarm(name);
  }

  #sleep(name: Name, ms: number): TimerHandle { return this.#clock.after(ms, () => { this.#wake(name); }); }

  #wake(name: Name): void {
    const armed = this.#armed.get(name);
    if (!armed) return;
    const now = this.#clock.now();
    const reprieveMs = this.#reprieveMs(name);
    if (now < armed.dueMs) this.#sleepAgain(name, armed, armed.dueMs, now);
    else if (reprieveMs > 0 && !armed.isReprieved) {
      armed.isReprieved = true;
      armed.dueMs = now + reprieveMs;
      this.#sleepAgain(name, armed, armed.dueMs, now);
    } else {
      this.#armed.delete(name);
      this.#expired(name);
    }
  }

  #sleepAgain(name: Name, armed: Armed, wakeMs: number, now: number): void {
    armed.wakeMs = wakeMs;
    armed.handle = this.#sleep(name, wakeMs - now);
  }
}
