/** Keeps the kernel's routes as the FIBs want them: one write at a time, in slices, refused ones again later. */
import { backoffMs } from '../lib/backoff.ts';
import type { Clock, TimerHandle } from '../lib/clock.ts';
import { messageOf } from '../lib/errors.ts';
import { FAMILIES, familyOf, type Family } from '../lib/ip/prefix.ts';
import { showPrefix } from '../lib/ip/text.ts';
import type { Log } from '../lib/log.ts';
import type { FibPort, KernelRoute, RouteRefusal } from './ports.ts';
import type { FamilyRib } from './rib/family-rib.ts';
import type { FibBatch } from './rib/fib.ts';

export interface FibSyncPorts {
  readonly clock: Clock;
  readonly log: Log;
  readonly random: () => number;
}

/** Routes of one write. What changes meanwhile is gathered and written once. */
const SLICE = 4096;
const RETRY = { firstMs: 500, maxMs: 60_000 };
/** Reading all of our routes again, in case the kernel lost some without a word. */
const RESYNC_MS = 60_000;

export class FibSync implements Disposable {
  readonly #ports: FibSyncPorts;
  readonly #ribs: Readonly<Record<Family, FamilyRib>>;
  #port: FibPort | undefined;
  #listening: Disposable | undefined;
  #running: Promise<void> | undefined;
  #mustList = false;
  #isClosed = false;
  #attempt = 0;
  #retryTimer: TimerHandle | undefined;
  #resyncTimer: TimerHandle | undefined;

  constructor(ports: FibSyncPorts, ribs: Readonly<Record<Family, FamilyRib>>) {
    this.#ports = ports;
    this.#ribs = ribs;
  }

  /** Begins with what is there: routes of an earlier life are adopted and stay until the caller ends the adoption. */
  async adopt(port: FibPort): Promise<void> {
    this.#use(port);
    this.#setActual(await port.list(), true);
  }

  /** The same table with another metric: what stands there is replaced route by route. */
  async rebase(port: FibPort): Promise<void> {
    await this.idle();
    this.#use(port);
    this.#setActual(await port.list(), false);
    this.kick();
  }

  /** Moves to another table: writes everything there, then removes what stands in the old place. */
  async move(port: FibPort): Promise<void> {
    await this.idle();
    const old = this.#port;
    this.#use(port);
    this.#setActual(await port.list(), false);
    this.kick();
    await this.idle();
    if (old !== undefined) await old.remove(await old.list());
  }

  /** There may be something to write. */
  kick(): void {
    if (this.#isClosed || this.#running !== undefined || this.#port === undefined) return;
    if (!this.#mustList && this.#ribs.ipv4.fib.pending === 0 && this.#ribs.ipv6.fib.pending === 0) return;
    this.#running = this.#work(this.#port).then(() => {
      this.#running = undefined;
      this.kick();
    }, (error: unknown) => {
      this.#running = undefined;
      this.#mustList = true;
      this.#ports.log.error('fib.failed', { message: messageOf(error) });
      this.#retryLater();
    });
  }

  /** Resolves when nothing is being written. */
  async idle(): Promise<void> {
    while (this.#running !== undefined) await this.#running;
  }

  /** Writes no more; the kernel's routes stay. */
  [Symbol.dispose](): void {
    this.#isClosed = true;
    this.#listening?.[Symbol.dispose]();
    this.#retryTimer?.[Symbol.dispose]();
    this.#resyncTimer?.[Symbol.dispose]();
  }

  #use(port: FibPort): void {
    this.#listening?.[Symbol.dispose]();
    this.#port = port;
    this.#listening = port.onDisturbed?.(() => { this.#listAgain(); });
    this.#armResync();
  }

  async #work(port: FibPort): Promise<void> {
    while (!this.#isClosed && port === this.#port) {
      if (this.#mustList) {
        this.#mustList = false;
        this.#setActual(await port.list(), false);
      }
      const wrote = [await this.#writeSlice(port, this.#ribs.ipv4), await this.#writeSlice(port, this.#ribs.ipv6)];
      if (!wrote.includes(true) && !this.#mustList) break;
    }
    if (this.#refusedCount() > 0) this.#retryLater(); else this.#attempt = 0;
  }

  async #writeSlice(port: FibPort, rib: FamilyRib): Promise<boolean> {
    const batch = rib.fib.nextBatch(SLICE);
    if (batch !== undefined) {
      const refusals = await refusalsOf(port, batch);
      if (!this.#isClosed) {
        rib.fib.written(batch, refusals);
        this.#logRefusals(refusals);
      }
    }
    rib.releaseIdle(rib.fib.takeEmptied());
    return batch !== undefined;
  }

  #setActual(routes: readonly KernelRoute[], adopt: boolean): void {
    for (const family of FAMILIES) {
      this.#ribs[family].fib.setActual(routes.filter((r) => familyOf(r.prefix) === family), adopt);
    }
  }

  /** What was refused may have room now. */
  #listAgain(): void {
    this.#mustList = true;
    for (const family of FAMILIES) this.#ribs[family].fib.retry();
    this.kick();
  }

  #armResync(): void {
    this.#resyncTimer?.[Symbol.dispose]();
    this.#resyncTimer = this.#ports.clock.after(RESYNC_MS, () => {
      this.#armResync();
      this.#listAgain();
    });
  }

  #retryLater(): void {
    if (this.#isClosed || this.#retryTimer !== undefined) return;
    const ms = backoffMs(this.#attempt++, this.#ports.random(), RETRY);
    this.#retryTimer = this.#ports.clock.after(ms, () => {
      this.#retryTimer = undefined;
      for (const family of FAMILIES) this.#ribs[family].fib.retry();
      this.kick();
    });
  }

  #refusedCount(): number { return this.#ribs.ipv4.fib.refusedCount + this.#ribs.ipv6.fib.refusedCount; }

  /** One line for a slice: a thousand refusals have one cause. */
  #logRefusals(refusals: readonly RouteRefusal[]): void {
    const [first] = refusals;
    if (first === undefined) return;
    this.#ports.log.warn('fib.refused', {
      count: refusals.length, prefix: showPrefix(first.prefix), code: first.code, message: first.message,
    });
  }
}

/** Adds before it removes. A port that fails as a whole has refused each route. */
async function refusalsOf(port: FibPort, batch: FibBatch): Promise<readonly RouteRefusal[]> {
  try {
    const refused = batch.put.length > 0 ? await port.put(batch.put) : [];
    return batch.remove.length > 0 ? [...refused, ...await port.remove(batch.remove)] : refused;
  } catch (error) {
    const message = messageOf(error);
    return [...batch.put, ...batch.remove].map(({ prefix }) => ({ prefix, code: 'FIB_PORT', message }));
  }
}
