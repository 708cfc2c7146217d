/** TCP connections in memory: what one end writes, the other one reads when the test says `settle`. */
import type { Connection, ConnectionCallbacks, DialOptions, TransportPort } from '../../bgpd/ports.ts';
import { OperationError } from '../../lib/errors.ts';
import type { Ip } from '../../lib/ip/prefix.ts';

/** One end. `sent` collects what the other end of the test has not read. */
export class FakeConnection implements Connection {
  readonly local: Ip;
  readonly remote: Ip;
  readonly remotePort = 40_000;
  readonly sent: Uint8Array[] = [];
  /** What `write` answers. */
  hasRoom = true;
  /** `end` or `destroy`, once we gave it up. */
  endedBy: 'end' | 'destroy' | undefined;
  #callbacks: ConnectionCallbacks | undefined;

  constructor(local: Ip, remote: Ip) {
    this.local = local;
    this.remote = remote;
  }

  write(bytes: Uint8Array): boolean {
    if (this.endedBy === undefined) this.sent.push(bytes);
    return this.hasRoom;
  }

  end(): void { this.endedBy ??= 'end'; }
  destroy(): void { this.endedBy ??= 'destroy'; }
  listen(callbacks: ConnectionCallbacks): void { this.#callbacks = callbacks; }

  // ---- what the test does from the other end

  receive(bytes: Uint8Array): void { this.#callbacks?.data(bytes); }
  drain(): void { this.#callbacks?.drained(); }
  lose(error = ''): void { this.#callbacks?.closed(error); }
  /** Everything sent since the last call, in one piece. */
  take(): Uint8Array { return Buffer.concat(this.sent.splice(0)); }
}

interface Attempt {
  readonly options: DialOptions;
  readonly signal: AbortSignal;
  readonly resolve: (connection: Connection) => void;
  readonly reject: (error: Error) => void;
}

/** Dials stay open until the test answers or refuses them. */
export class FakeTransport implements Pick<TransportPort, 'dial'> {
  readonly attempts: Attempt[] = [];

  dial(options: DialOptions, signal: AbortSignal): Promise<Connection> {
    return new Promise((resolve, reject) => { this.attempts.push({ options, signal, resolve, reject }); });
  }

  /** Dials that nobody has given up or answered. */
  get pending(): number { return this.attempts.filter((attempt) => !attempt.signal.aborted).length; }

  /** Answers the oldest dial. */
  async answer(local: Ip): Promise<FakeConnection> {
    const attempt = this.#next();
    const connection = new FakeConnection(local, attempt.options.address);
    attempt.resolve(connection);
    await turn();
    return connection;
  }

  async refuse(reason = 'Connection refused'): Promise<void> {
    this.#next().reject(new OperationError('BGP_DIAL', { reason }));
    await turn();
  }

  #next(): Attempt {
    const attempt = this.attempts.shift();
    if (!attempt) throw new Error('nobody is dialing');
    return attempt;
  }
}

/** Lets promises that are settled call back. */
const turn = async (): Promise<void> => { for (let i = 0; i < 4; i++) await Promise.resolve(); };
