/** A warning that a neighbour can cause at will: the first is written at once, then one a minute that says how many there were. */
import type { Clock } from '../lib/clock.ts';
import type { Log } from '../lib/log.ts';

const PERIOD_MS = 60_000;

export class SparseWarning {
  readonly #clock: Pick<Clock, 'now'>;
  readonly #log: Log;
  readonly #event: string;
  #lastMs = -Infinity;
  #untold = 0;

  constructor({ clock, log }: { readonly clock: Pick<Clock, 'now'>; readonly log: Log }, event: string) {
    this.#clock = clock;
    this.#log = log;
    this.#event = event;
  }

  /** `details` are those of the one that is written; `untold`: how many before it were not. */
  warn(details: Readonly<Record<string, unknown>>): void {
    const now = this.#clock.now();
    if (now - this.#lastMs < PERIOD_MS) { this.#untold++; return; }
    this.#log.warn(this.#event, { ...details, ...(this.#untold > 0 && { untold: this.#untold }) });
    this.#lastMs = now;
    this.#untold = 0;
  }
}
