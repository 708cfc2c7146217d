/** The sockets on which peers reach us: as many as the configuration names, opened again when that fails. */
import type { GlobalSection } from '../config/messages/speaker-config.ts';
import { backoffMs } from '../lib/backoff.ts';
import type { Clock, TimerHandle } from '../lib/clock.ts';
import { messageOf, type Problem } from '../lib/errors.ts';
import { ip } from '../lib/ip/text.ts';
import type { Log } from '../lib/log.ts';
import type { Connection, TransportPort } from './ports.ts';

export interface ListenerPorts {
  readonly clock: Clock;
  readonly log: Log;
  readonly random: () => number;
  readonly transport: Pick<TransportPort, 'listen'>;
}

const RETRY = { firstMs: 250, maxMs: 10_000 };

export class Listeners {
  readonly #ports: ListenerPorts;
  readonly #accept: (connection: Connection) => void;
  /** By what they listen on: `[address]:port`, or `*:port`. */
  readonly #open = new Map<string, AsyncDisposable>();
  readonly #failed = new Map<string, string>();
  #wanted: GlobalSection['listen'] = { port: 0, addresses: [] };
  #attempt = 0;
  #retryTimer: TimerHandle | undefined;
  #working: Promise<void> = Promise.resolve();

  constructor(ports: ListenerPorts, accept: (connection: Connection) => void) {
    this.#ports = ports;
    this.#accept = accept;
  }

  get problems(): Problem[] {
    return [...this.#failed].map(([place, message]) => ({ path: 'global.listen', message: `cannot listen on ${place}: ${message}` }));
  }

  /** Listens there and nowhere else. Resolves when that was tried; what failed is tried again. */
  listenOn(wanted: GlobalSection['listen']): Promise<void> {
    this.#wanted = wanted;
    return this.#work();
  }

  /** Stops listening; accepted connections live on. */
  close(): Promise<void> {
    this.#retryTimer?.[Symbol.dispose]();
    return this.listenOn({ port: 0, addresses: [] });
  }

  #work(): Promise<void> {
    return this.#working = this.#working.then(() => this.#reconcile());
  }

  async #reconcile(): Promise<void> {
    const places = placesOf(this.#wanted);
    for (const [place, listener] of this.#open) {
      if (places.has(place)) continue;
      this.#open.delete(place);
      await listener[Symbol.asyncDispose]();
    }
    this.#failed.clear();
    for (const [place, address] of places) if (!this.#open.has(place)) await this.#listen(place, address);
    if (this.#failed.size > 0) this.#retryLater(); else this.#attempt = 0;
  }

  async #listen(place: string, address: string | undefined): Promise<void> {
    try {
      const local = address === undefined ? undefined : ip(address);
      this.#open.set(place, await this.#ports.transport.listen(local, this.#wanted.port, this.#accept));
      this.#ports.log.info('listen', { place });
    } catch (error) {
      this.#failed.set(place, messageOf(error));
      this.#ports.log.warn('listen.failed', { place, message: messageOf(error) });
    }
  }

  #retryLater(): void {
    this.#retryTimer?.[Symbol.dispose]();
    this.#retryTimer = this.#ports.clock.after(backoffMs(this.#attempt++, this.#ports.random(), RETRY), () => { void this.#work(); });
  }
}

/** Port 0 switches listening off; no address means all of both families. */
function placesOf({ port, addresses }: GlobalSection['listen']): Map<string, string | undefined> {
  if (port === 0) return new Map();
  if (addresses.length === 0) return new Map([[`*:${port}`, undefined]]);
  return new Map(addresses.map((address) => [`[${address}]:${port}`, address]));
}
