/** Runs one piece of work again and again: when poked, after a failure, and now and then. Never twice at a time. */
import { backoffMs, type BackoffOptions } from '../lib/backoff.ts';
import type { Clock, TimerHandle } from '../lib/clock.ts';
import { OperationError, messageOf } from '../lib/errors.ts';
import type { Log } from '../lib/log.ts';

export interface ReconcileOptions {
  /** Names the events of the log: `NAME.retry`, `NAME.recovered`. */
  readonly name: string;
  readonly clock: Clock;
  readonly log: Log;
  /** Makes the outside match what is desired. Must be safe to repeat. A rejection is logged here, once, and retried. */
  readonly run: () => Promise<void>;
  readonly retry?: BackoffOptions;
  /** Run also after this long without a run; absent: never. */
  readonly resyncMs?: number;
  /** Uniform in 0..1, for jitter. */
  readonly random?: () => number;
}

const RETRY: BackoffOptions = { firstMs: 100, maxMs: 30_000 };

/**
 * ```
 *          poke            done, poked meanwhile
 *   idle ───────► running ──────────────────────► running
 *    ▲               │ done        failed ──► waiting ──(timer or poke)──► running
 *    └───────────────┘
 * ```
 * Pokes during a run are kept as one. A poke while waiting to retry does not wait for the timer.
 */
export class ReconcileLoop implements AsyncDisposable {
  readonly #options: ReconcileOptions;
  #running: Promise<void> | undefined;
  #again = false;
  #stopped = false;
  #failures = 0;
  #timer: TimerHandle | undefined;

  constructor(options: ReconcileOptions) { this.#options = options; }

  /** Failed attempts since the last success; 0 when all is well. */
  get failures(): number { return this.#failures; }

  /** Asks for a run as soon as possible. */
  poke(): void {
    if (this.#stopped) return;
    this.#again = true;
    this.#running ??= this.#work();
  }

  /** Resolves when nothing runs and nothing was asked for. A retry that waits for its time does not count. */
  async idle(): Promise<void> {
    while (this.#running) await this.#running;
  }

  /** No further run starts; waits for the one that is on. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopped = true;
    this.#again = false;
    this.#disarm();
    await this.idle();
  }

  async #work(): Promise<void> {
    await Promise.resolve(); // pokes of one turn are one run
    while (this.#again) {
      this.#again = false;
      this.#disarm();
      await this.#runOnce();
    }
    this.#running = undefined;
  }

  async #runOnce(): Promise<void> {
    const { log, name, run, retry = RETRY, random = Math.random, resyncMs } = this.#options;
    try {
      await run();
      if (this.#failures > 0) log.info(`${name}.recovered`, { failures: this.#failures });
      this.#failures = 0;
      if (resyncMs !== undefined) this.#arm(resyncMs);
    } catch (error) {
      const waitMs = backoffMs(this.#failures, random(), retry);
      this.#failures += 1;
      log.warn(`${name}.retry`, {
        attempt: this.#failures, inMs: waitMs, message: messageOf(error),
        ...(error instanceof OperationError ? { code: error.code, ...error.details } : {}),
      });
      this.#arm(waitMs);
    }
  }

  #arm(ms: number): void {
    this.#disarm();
    if (!this.#stopped) this.#timer = this.#options.clock.after(ms, () => { this.poke(); });
  }

  #disarm(): void {
    this.#timer?.[Symbol.dispose]();
    this.#timer = undefined;
  }
}
