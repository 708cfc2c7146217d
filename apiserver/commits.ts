/** Joins the writes of one turn of the event loop into one transaction: one fsync, and nobody is answered before it. */
import type { Store } from './store.ts';

/** Called after the commit, or with the error that prevented it. */
export type Settled = (error?: unknown) => void;

export class Commits {
  readonly #store: Store;
  readonly #onFailure: () => void;
  #waiting: Settled[] = [];
  #open = false;

  /** `onFailure` runs after a failed commit was rolled back, before anybody hears of it. */
  constructor(store: Store, onFailure: () => void) {
    this.#store = store;
    this.#onFailure = onFailure;
  }

  /** Call before a write. */
  begin(): void {
    if (this.#open) return;
    this.#store.begin();
    this.#open = true;
    setImmediate(() => { this.flush(); });
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
