/** One BMP station: dials it for ever, sends what it takes, and gives up a connection that stands still. */
import { backoffMs } from '../lib/backoff.ts';
import type { Clock, TimerHandle } from '../lib/clock.ts';
import { reasonOf, type Problem } from '../lib/errors.ts';
import { ip } from '../lib/ip/text.ts';
import type { Log } from '../lib/log.ts';
import type { BmpStation as StationConfig } from '../config/messages/speaker-config.ts';
import { termination } from './bmp/messages.ts';
import type { Connection, TransportPort } from './ports.ts';

export interface StationPorts {
  readonly clock: Clock;
  readonly log: Log;
  readonly random: () => number;
  readonly soon: (work: () => void) => void;
  readonly transport: Pick<TransportPort, 'dial'>;
}

/** What there is to say. */
export interface StationFeed {
  /** A connection is there: everything from the start. */
  begin(): void;
  /** The next messages, some kilobytes; undefined: nothing for now. */
  next(): readonly Uint8Array[] | undefined;
  /** There is no connection any more: what was to be said is void. */
  end(): void;
  /** Every `statisticsSeconds`. */
  statistics(): readonly Uint8Array[];
}

const BACKOFF = { firstMs: 1_000, maxMs: 60_000 };
const DIAL_MS = 10_000;
/** A station that takes nothing for so long is dead to us. */
const STALLED_MS = 60_000;

export class BmpStation {
  readonly config: StationConfig;
  readonly #ports: StationPorts;
  readonly #feed: StationFeed;
  #dialing: AbortController | undefined;
  #connection: Connection | undefined;
  #isBlocked = false;
  #isScheduled = false;
  #isClosed = false;
  #failures = 0;
  #retry: TimerHandle | undefined;
  #stalled: TimerHandle | undefined;
  #statistics: TimerHandle | undefined;
  #lastError = 'not connected yet';

  constructor(ports: StationPorts, config: StationConfig, feed: StationFeed) {
    this.#ports = { ...ports, log: ports.log.child({ station: config.name }) };
    this.config = config;
    this.#feed = feed;
    this.#dial();
  }

  get isConnected(): boolean { return this.#connection !== undefined; }

  /** Why it is not connected. */
  get problems(): Problem[] {
    if (this.isConnected) return [];
    return [{ path: `global.bmp.stations/${this.config.name}`, message: `${this.config.address} port ${this.config.port}: ${this.#lastError}` }];
  }

  /** There is something to say. */
  wake(): void {
    if (this.#isScheduled || this.#isBlocked || this.#connection === undefined) return;
    this.#isScheduled = true;
    this.#ports.soon(() => {
      this.#isScheduled = false;
      this.#send();
    });
  }

  /** The station has missed too much: it gets a new connection, and everything once more. */
  restart(reason: string): void {
    if (this.#connection === undefined) return;
    this.#connection.destroy();
    this.#lost(reason);
  }

  close(): void {
    this.#isClosed = true;
    this.#connection?.write(termination());
    this.#connection?.end();
    this.#connection = undefined;
    this.#dialing?.abort();
    for (const timer of [this.#retry, this.#stalled, this.#statistics]) timer?.[Symbol.dispose]();
    this.#feed.end();
  }

  #dial(): void {
    const attempt = this.#dialing = new AbortController();
    const options = { address: ip(this.config.address), port: this.config.port, sourceAddress: undefined, timeoutMs: DIAL_MS };
    this.#ports.transport.dial(options, attempt.signal).then(
      (connection) => { if (this.#isClosed) connection.destroy(); else this.#connected(connection); },
      (error: unknown) => { if (!this.#isClosed) this.#lost(reasonOf(error)); },
    );
  }

  #connected(connection: Connection): void {
    this.#connection = connection;
    this.#isBlocked = false;
    this.#ports.log.info('bmp.connected', { address: this.config.address, port: this.config.port });
    connection.listen({
      data: () => undefined, // a station has nothing to say (RFC 7854 §3.2)
      drained: () => { this.#drained(); },
      closed: (error) => { if (this.#connection === connection) this.#lost(error === '' ? 'closed by the station' : error); },
    });
    this.#feed.begin();
    this.#armStatistics();
    this.wake();
  }

  #send(): void {
    if (this.#connection === undefined || this.#isBlocked) return;
    const messages = this.#feed.next();
    if (messages === undefined) return;
    this.#write(messages);
    this.wake();
  }

  #write(messages: readonly Uint8Array[]): void {
    if (messages.length === 0 || this.#connection === undefined) return;
    if (this.#connection.write(Buffer.concat(messages)) || this.#isBlocked) return;
    this.#isBlocked = true;
    this.#stalled = this.#ports.clock.after(STALLED_MS, () => { this.restart(`nothing was taken for ${STALLED_MS / 1000} s`); });
  }

  #drained(): void {
    this.#isBlocked = false;
    this.#failures = 0; // it reads: what went wrong before is over
    this.#stalled?.[Symbol.dispose]();
    this.wake();
  }

  #armStatistics(): void {
    const { statisticsSeconds } = this.config;
    this.#statistics?.[Symbol.dispose]();
    if (statisticsSeconds === 0) return;
    this.#statistics = this.#ports.clock.after(statisticsSeconds * 1000, () => {
      if (!this.#isBlocked) this.#write(this.#feed.statistics());
      this.#armStatistics();
    });
  }

  #lost(reason: string): void {
    if (reason !== this.#lastError || this.#connection !== undefined) this.#ports.log.warn('bmp.disconnected', { reason });
    this.#lastError = reason;
    this.#connection = undefined;
    for (const timer of [this.#stalled, this.#statistics]) timer?.[Symbol.dispose]();
    this.#feed.end();
    this.#retry = this.#ports.clock.after(backoffMs(this.#failures++, this.#ports.random(), BACKOFF), () => { this.#dial(); });
  }
}
