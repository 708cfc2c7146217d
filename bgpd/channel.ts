/** One TCP connection of a peer, from the dial to the last byte: bytes in, frames out. */
import type { Clock } from '../lib/clock.ts';
import { reasonOf } from '../lib/errors.ts';
import type { Connection, DialOptions, TransportPort } from './ports.ts';
import { WireError } from './wire/errors.ts';
import { Framer, type Frame } from './wire/framer.ts';

/** Milliseconds that a closed connection may take to send its last bytes. */
const LINGER_MS = 5_000;

export interface ChannelCallbacks {
  /** The dial was answered; the connection is attached. */
  dialed(): void;
  /** The dial failed, or the connection ended by itself. */
  failed(text: string): void;
  /** One whole message; the body is valid during the call. */
  frame(frame: Frame): void;
  /** The stream is no BGP (RFC 4271 §6.1). */
  broken(error: WireError): void;
  drained(): void;
}

/** Holds at most one dial attempt and one connection. What it has given up never calls back. */
export class Channel {
  readonly #clock: Clock;
  readonly #transport: Pick<TransportPort, 'dial'>;
  readonly #callbacks: ChannelCallbacks;
  #dialing: AbortController | undefined;
  #connection: Connection | undefined;
  #framer: Framer | undefined;

  constructor(clock: Clock, transport: Pick<TransportPort, 'dial'>, callbacks: ChannelCallbacks) {
    this.#clock = clock;
    this.#transport = transport;
    this.#callbacks = callbacks;
  }

  get connection(): Connection | undefined { return this.#connection; }
  /** The longest message that may come from now on; undefined: that of RFC 4271. */
  set maximumBytes(bytes: number | undefined) { if (this.#framer && bytes !== undefined) this.#framer.maximumBytes = bytes; }

  dial(options: DialOptions): void {
    this.abandon();
    const attempt = new AbortController();
    this.#dialing = attempt;
    this.#transport.dial(options, attempt.signal).then(
      (connection) => {
        if (this.#dialing !== attempt) { connection.destroy(); return; }
        this.#dialing = undefined;
        this.attach(connection, () => { this.#callbacks.dialed(); });
      },
      (error: unknown) => {
        if (this.#dialing !== attempt) return;
        this.#dialing = undefined;
        this.#callbacks.failed(reasonOf(error));
      },
    );
  }

  abandon(): void {
    const attempt = this.#dialing;
    this.#dialing = undefined;
    attempt?.abort();
  }

  /** Takes a connection; `attached` runs before anything that has already arrived is read. */
  attach(connection: Connection, attached: () => void): void {
    this.#connection?.destroy();
    this.#connection = connection;
    this.#framer = new Framer();
    attached();
    if (this.#connection !== connection) return;
    connection.listen({
      data: (chunk) => { if (this.#connection === connection) this.#read(connection, chunk); },
      drained: () => { if (this.#connection === connection) this.#callbacks.drained(); },
      closed: (error) => {
        if (this.#connection !== connection) return;
        this.#connection = undefined;
        this.#callbacks.failed(error === '' ? 'Connection closed by the peer' : error);
      },
    });
  }

  /** Queues bytes, which must not change afterwards. False: wait for `drained`. */
  write(bytes: Uint8Array): boolean { return this.#connection?.write(bytes) ?? true; }

  /** Sends what is queued, then ends the connection. */
  close(): void {
    const connection = this.#connection;
    if (!connection) return;
    this.#connection = undefined;
    connection.end();
    this.#clock.after(LINGER_MS, () => { connection.destroy(); });
  }

  /** Ends dial and connection at once. */
  destroy(): void {
    this.abandon();
    this.#connection?.destroy();
    this.#connection = undefined;
  }

  #read(connection: Connection, chunk: Uint8Array): void {
    const frames = this.#framer?.frames(chunk);
    while (frames) {
      const frame = nextOf(frames);
      if (frame instanceof WireError) { this.#callbacks.broken(frame); return; }
      if (frame === undefined) return;
      this.#callbacks.frame(frame);
      if (this.#connection !== connection) return;      // this message ended the session: the rest of the chunk is void
    }
  }
}

/** The message boundary for headers: what breaks the stream becomes a value. */
function nextOf(frames: Generator<Frame, void, void>): Frame | WireError | undefined {
  try {
    const next = frames.next();
    return next.done === true ? undefined : next.value;
  } catch (error) {
    if (error instanceof WireError) return error;
    throw error;
  }
}
