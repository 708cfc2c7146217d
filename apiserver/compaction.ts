/** Forgets history: what is older than five minutes, and what is more than a bounded number of revisions. */
import type { Clock } from '../lib/clock.ts';
import type { Commits } from './commits.ts';
import type { Store } from './store.ts';

const KEEP_MS = 5 * 60_000;
const CHECK_MS = 30_000;
const DEFAULT_HISTORY = 20_000;

export class Compaction implements Disposable {
  readonly #store: Store;
  readonly #commits: Commits;
  readonly #clock: Clock;
  readonly #history: number;
  readonly #timer: NodeJS.Timeout;
  /** The revision at some moments past, oldest first. */
  #marks: { at: number; revision: number }[] = [];

  constructor(store: Store, commits: Commits, clock: Clock, history = DEFAULT_HISTORY) {
    this.#store = store;
    this.#commits = commits;
    this.#clock = clock;
    this.#history = history;
    this.#timer = setInterval(() => { this.#check(); }, CHECK_MS).unref();
  }

  #check(): void {
    const now = this.#clock.now();
    this.#marks.push({ at: now, revision: this.#store.revision });
    const old = this.#marks.findLastIndex((mark) => now - mark.at >= KEEP_MS);
    const byAge = old < 0 ? 0 : this.#marks[old]!.revision;
    if (old >= 0) this.#marks = this.#marks.slice(old);
    this.#to(Math.max(byAge, this.#store.revision - this.#history));
  }

  /** Forgets all that can be forgotten. */
  now(): void { this.#to(this.#store.revision - 1); }

  #to(floor: number): void {
    if (floor <= this.#store.compacted || floor >= this.#store.revision) return;
    this.#commits.begin();
    this.#store.compact(floor);
  }

  [Symbol.dispose](): void { clearInterval(this.#timer); }
}
