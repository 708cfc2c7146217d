/** A connected socket as a `Connection` (bgpd/ports.ts), on `node:net`; what the kernel demands of it can change while it lives. */
import { Socket, type SocketConstructorOpts } from 'node:net';
import { bitsOf, familyOf, prefixOf, type Ip } from '../lib/ip/prefix.ts';
import { setKey, setMinimumTtl, setUserTimeout } from '../sys/tcp.ts';
import { minimumTtlOf } from './links/demands.ts';
import type { Connection, ConnectionCallbacks, LinkDemand } from './ports.ts';

/** Bytes queued beyond the kernel's own buffer before `write` says false. */
const WRITE_MARK_BYTES = 256 * 1024;

export const SYSTEM_WORDS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'Connection refused',
  ECONNRESET: 'Connection reset by peer',
  ETIMEDOUT: 'Connection timed out',
  EHOSTUNREACH: 'No route to host',
  ENETUNREACH: 'Network is unreachable',
  EADDRNOTAVAIL: 'Cannot assign requested address',
  EADDRINUSE: 'Address already in use',
  EACCES: 'Permission denied',
  EPIPE: 'Broken pipe',
  ENETDOWN: 'Network is down',
  ENODEV: 'No such device',
  EINVAL: 'Invalid argument',
};

/** What a socket was opened with. */
export interface Ends {
  readonly local: Ip;
  readonly remote: Ip;
  readonly remotePort: number;
  readonly link: Connection['link'];
}

const NOBODY: ConnectionCallbacks = { data: () => undefined, drained: () => undefined, closed: () => undefined };

export class TcpConnection implements Connection {
  readonly local: Ip;
  readonly remote: Ip;
  readonly remotePort: number;
  readonly link: Connection['link'];
  readonly #fd: number;
  readonly #socket: Socket;
  #callbacks: ConnectionCallbacks | undefined;
  #demand: LinkDemand | undefined;
  /** What came before `listen`. */
  readonly #early: Uint8Array[] = [];
  #end: string | undefined;

  /**
   * Takes the descriptor. `demand`: what it is under already. `buffer` may be shared: a chunk is valid only during its
   * callback. `gone` is called once, when the descriptor is closed, whoever wanted it.
   */
  constructor(fd: number, ends: Ends, demand: LinkDemand | undefined, buffer: Uint8Array, gone: () => void) {
    this.local = ends.local;
    this.remote = ends.remote;
    this.remotePort = ends.remotePort;
    this.link = ends.link;
    this.#fd = fd;
    this.#demand = demand;
    const options: SocketConstructorOpts = {
      fd, readable: true, writable: true,
      // The types of net do not say so, but they are taken: nothing is read before `listen`.
      ...{ highWaterMark: WRITE_MARK_BYTES, manualStart: true },
      onread: { buffer, callback: (length) => { this.#received(buffer.subarray(0, length)); return true; } },
    };
    this.#socket = new Socket(options);
    this.#socket.on('drain', () => { this.#callbacks?.drained(); });
    this.#socket.on('error', (error) => { this.#closed(inWords(error)); });
    this.#socket.on('end', () => { this.#closed(''); });
    this.#socket.on('close', () => { gone(); this.#closed(''); });
  }

  listen(callbacks: ConnectionCallbacks): void {
    this.#callbacks = callbacks;
    for (const chunk of this.#early.splice(0)) this.#callbacks?.data(chunk);
    if (this.#end !== undefined) this.#tellClosed(this.#end);
    else this.#socket.resume();
  }

  write(bytes: Uint8Array): boolean { return this.#socket.writable ? this.#socket.write(bytes) : true; }

  end(): void {
    if (this.#socket.destroyed) return;
    this.#callbacks = NOBODY;
    this.#socket.end();
    this.#socket.resume();      // unread input would turn our FIN into a RST, and the peer would lose our NOTIFICATION
  }

  destroy(): void {
    this.#callbacks = undefined;
    this.#socket.destroy();
  }

  /** From the next segment on. A key that the other side does not change too within the hold time costs the session. */
  follow(demand: LinkDemand): void {
    if (this.#socket.destroyed) return;             // the number of its descriptor may be another's
    const before = this.#demand;
    this.#demand = demand;
    const family = familyOf(this.remote);
    if (before?.key !== demand.key) setKey(this.#fd, prefixOf(this.remote, bitsOf(family)), demand.key);
    if (minimumTtlOf(before) !== minimumTtlOf(demand)) setMinimumTtl(this.#fd, family, minimumTtlOf(demand));
    if (before?.patienceMs !== demand.patienceMs) setUserTimeout(this.#fd, demand.patienceMs);
  }

  /** A plain Uint8Array, whose `slice` copies: that of a Buffer does not. */
  #received(chunk: Uint8Array): void {
    if (this.#callbacks) this.#callbacks.data(chunk);
    else if (!this.#socket.destroyed && this.#end === undefined) this.#early.push(new Uint8Array(chunk));
  }

  #closed(error: string): void {
    if (this.#end !== undefined) return;
    this.#end = error;
    if (this.#callbacks) this.#tellClosed(error);
  }

  #tellClosed(error: string): void {
    const callbacks = this.#callbacks;
    this.#callbacks = undefined;
    this.#socket.destroy();
    callbacks?.closed(error);
  }
}

export const inWords = (error: Error): string => {
  const code = (error as NodeJS.ErrnoException).code;
  return (code === undefined ? undefined : SYSTEM_WORDS[code]) ?? error.message;
};
