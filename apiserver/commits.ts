/** Joins the writes that arrive together into one transaction: one fsync, and nobody is answered before it. */
import type { Store } from './store.ts';

/** Called after the commit, or with the error that prevented it. */
export type Settled = (error?: unknown) => void;

/** Turns of the event loop that a transaction stays open at most while more writes keep arriving: some milliseconds. */
const MAX_TURNS = 8;

export class Commits {
  readonly #store: Store;
  readonly #onFailure: () => void;
  #waiting: Settled[] = [];
  #open = false;
  /** Something was written since the event loop last looked for requests. */
  #grows = false;

  /** `onFailure` runs after a failed commit was rolled back, before anybody hears of it. */
  constructor(store: Store, onFailure: () => void) {
    this.#store = store;
    this.#onFailure = onFailure;
  }

  /** Call before a write. */
  begin(): void {
    this.#grows = true;
    if (this.#open) return;
    this.#store.begin();
    this.#open = true;
    this.#flushWhenQuiet(MAX_TURNS);
  }

  /** What was sent along with a write is in the socket by now: it shares the fsync, which takes longer than to look for it. */
  #flushWhenQuiet(turns: number): void {
    setImmediate(() => {
      if (!this.#grows || turns === 0) { this.flush(); return; }
      this.#grows = false;
      this.#flushWhenQuiet(turns - 1);
    });
  }

  /** Calls back once everything written so far is durable: at once when nothing waits to be committed. */
  settled(callback: Settled): void {
    if (this.#open) this.#waiting.push(callback);
    else callback();
  }

  /** Commits now. */
  flush(): void {
    if (!this.#open) return;
    try {
      this.#store.commit();
    } catch (error) {
      this.abort(error);
      return;
    }
    this.#settle(undefined);
  }

  /** A write failed half-way: all writes of this turn are undone, and everyone who waits is told. */
  abort(error: unknown): void {
    if (!this.#open) return;
    this.#store.rollback();
    this.#onFailure();
    this.#settle(error);
  }

  #settle(error: unknown): void {
    this.#open = false;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const callback of waiting) callback(error);
  }
}
