/** A clock that stands still until a test moves it. */
import type { Clock, TimerHandle } from '../../lib/clock.ts';

interface Pending { readonly at: number; readonly order: number; readonly callback: () => void }

export class FakeClock implements Clock {
  #now = 0;
  #order = 0;
  readonly #pending = new Set<Pending>();

  now(): number { return this.#now; }
  wallTime(): number { return 1_700_000_000_000 + this.#now; }

  after(ms: number, callback: () => void): TimerHandle {
    const entry: Pending = { at: this.#now + ms, order: this.#order++, callback };
    this.#pending.add(entry);
    return { [Symbol.dispose]: () => { this.#pending.delete(entry); } };
  }

  get timers(): number { return this.#pending.size; }

  /** Moves time forward and runs what falls due, in order, also what is armed meanwhile. */
  advance(ms: number): void {
    const end = this.#now + ms;
    for (;;) {
      const next = [...this.#pending].filter((p) => p.at <= end).sort((a, b) => a.at - b.at || a.order - b.order)[0];
      if (!next) break;
      this.#pending.delete(next);
      this.#now = Math.max(this.#now, next.at);
      next.callback();
    }
    this.#now = end;
  }
}
