/** What all watches together may keep for clients that have not taken it: who has stood still longest goes first. */
import type { Clock } from '../lib/clock.ts';

/** A watch as the budget sees it. */
export interface Debtor {
  /** Bytes written that the client has not taken yet. */
  readonly waiting: number;
  /** Closes the connection and frees what waits. */
  drop(): void;
}

/** One watch's part; disposing it ends the watch's debts. */
export interface Account extends Disposable {
  /** To be told before a write of so many bytes. Drops watches, perhaps this one, where all together would be too much. */
  writing(bytes: number): void;
}

interface Entry {
  readonly debtor: Debtor;
  written: number;
  /** Bytes the client had taken when that was last looked at. */
  taken: number;
  /** Since when it has taken nothing, in milliseconds of the clock. */
  still: number;
}

const MAX_BYTES = 256 * 1024 * 1024;

export class WatchBudget {
  readonly #clock: Clock;
  readonly #max: number;
  readonly #entries = new Set<Entry>();
  /** Not less than what waits: the sum when it was last taken, and all that was written since. */
  #atMost = 0;

  constructor(clock: Clock, maxBytes = MAX_BYTES) {
    this.#clock = clock;
    this.#max = maxBytes;
  }

  open(debtor: Debtor): Account {
    const entry: Entry = { debtor, written: 0, taken: 0, still: this.#clock.now() };
    this.#entries.add(entry);
    return {
      writing: (bytes) => { this.#writing(entry, bytes); },
      [Symbol.dispose]: () => { this.#entries.delete(entry); },
    };
  }

  #writing(entry: Entry, bytes: number): void {
    if (entry.debtor.waiting === 0) entry.still = this.#clock.now();
    entry.written += bytes;
    this.#atMost += bytes;
    if (this.#atMost > this.#max) this.#shrink(entry, bytes);
  }

  /** Drops watches until the rest and the write that is to come fit. */
  #shrink(writer: Entry, bytes: number): void {
    const debts = [...this.#entries].map((entry) => ({ entry, waiting: entry.debtor.waiting + (entry === writer ? bytes : 0) })).filter((d) => d.waiting > 0);
    let sum = 0;
    for (const { entry, waiting } of debts) {
      sum += waiting;
      const taken = entry.written - waiting;
      if (taken > entry.taken) Object.assign(entry, { taken, still: this.#clock.now() });
    }
    debts.sort((a, b) => a.entry.still - b.entry.still);
    for (const { entry, waiting } of debts) {
      if (sum <= this.#max) break;
      this.#entries.delete(entry);
      entry.debtor.drop();
      sum -= waiting;
    }
    this.#atMost = sum;
  }
}
