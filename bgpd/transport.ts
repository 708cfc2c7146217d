/** BGP over TCP: dials, listens, and wraps sockets as `Connection`s (bgpd/ports.ts) on `node:net`. */
import { createServer, connect, type Server, type Socket, type SocketConstructorOpts, type TcpNetConnectOpts } from 'node:net';
import { OperationError } from '../lib/errors.ts';
import type { Ip } from '../lib/ip/prefix.ts';
import { parseIp, showIp } from '../lib/ip/text.ts';
import type { Connection, ConnectionCallbacks, DialOptions, TransportPort } from './ports.ts';

/** The kernel caps it at net.core.somaxconn (4,096 by default): a mesh dials all at once. */
const BACKLOG = 4096;
/** Bytes read at a time. All dialed connections share one buffer: a chunk is valid only during its callback. */
const READ_BUFFER_BYTES = 256 * 1024;
/** Bytes queued beyond the kernel's own buffer before `write` says false. */
const WRITE_MARK_BYTES = 256 * 1024;

const MAPPED_IPV4 = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i;

const WORDS: Readonly<Record<string, string>> = {
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
  EINVAL: 'Invalid argument',
};

export function tcpTransport(): TransportPort {
  const buffer = new Uint8Array(READ_BUFFER_BYTES);
  return {
    dial: (options, signal) => dial(options, signal, buffer),
    listen,
  };
}

function dial(options: DialOptions, signal: AbortSignal, buffer: Uint8Array): Promise<Connection> {
  return new Promise((resolve, reject) => {
    const details = { address: showIp(options.address), port: options.port };
    const fail = (reason: string, cause?: unknown): void => {
      socket.destroy();
      clearTimeout(timer);
      signal.removeEventListener('abort', aborted);
      reject(new OperationError('BGP_DIAL', { ...details, reason }, cause));
    };
    const aborted = (): void => { fail('aborted'); };
    let connection: TcpConnection | undefined;
    const socket = connect(socketOptions(options, (length) => { connection?.received(buffer.subarray(0, length)); }, buffer));
    const timer = setTimeout(() => { fail(WORDS['ETIMEDOUT']!); }, options.timeoutMs);
    signal.addEventListener('abort', aborted, { once: true });
    socket.once('error', (error) => { fail(inWords(error), error); });
    socket.once('connect', () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', aborted);
      socket.removeAllListeners('error');
      connection = TcpConnection.of(socket);
      if (connection) resolve(connection); else fail('lost at once');
    });
    if (signal.aborted) aborted();
  });
}

function socketOptions(options: DialOptions, received: (length: number) => void, buffer: Uint8Array): TcpNetConnectOpts & SocketConstructorOpts {
  return {
    host: showIp(options.address),
    port: options.port,
    ...(options.sourceAddress !== undefined && { localAddress: showIp(options.sourceAddress) }),
    noDelay: true,
    ...{ highWaterMark: WRITE_MARK_BYTES },     // Duplex takes it; the types of net do not say so
    onread: { buffer, callback: (length) => { received(length); return true; } },
  };
}

async function listen(address: Ip | undefined, port: number, accept: (connection: Connection) => void): Promise<AsyncDisposable> {
  const server = createServer({ noDelay: true, highWaterMark: WRITE_MARK_BYTES, pauseOnConnect: true }, (socket) => {
    const connection = TcpConnection.of(socket);
    if (connection) accept(connection);
  });
  if (address !== undefined) await bind(server, showIp(address), port);
  else {
    await bind(server, '::', port).catch(async (error: unknown) => {
      if (!(error instanceof OperationError) || error.details['reason'] === WORDS['EADDRINUSE']) throw error;
      await bind(server, '0.0.0.0', port);      // no IPv6 on this machine
    });
  }
  server.on('error', () => { /* accept() failed for one connection (out of descriptors): the peer tries again */ });
  return { [Symbol.asyncDispose]: () => { server.close(); return Promise.resolve(); } };    // accepted connections live on
}

function bind(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const failed = (error: Error): void => { reject(new OperationError('BGP_LISTEN', { address: host, port, reason: inWords(error) }, error)); };
    server.once('error', failed);
    server.listen({ host, port, backlog: BACKLOG }, () => {
      server.off('error', failed);
      resolve();
    });
  });
}

const NOBODY: ConnectionCallbacks = { data: () => undefined, drained: () => undefined, closed: () => undefined };

class TcpConnection implements Connection {
  readonly local: Ip;
  readonly remote: Ip;
  readonly remotePort: number;
  readonly #socket: Socket;
  #callbacks: ConnectionCallbacks | undefined;
  /** What came before `listen`. */
  readonly #early: Uint8Array[] = [];
  #end: string | undefined;

  private constructor(socket: Socket, local: Ip, remote: Ip) {
    this.#socket = socket;
    this.local = local;
    this.remote = remote;
    this.remotePort = socket.remotePort ?? 0;
    socket.on('data', (chunk) => { this.received(new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.length)); });
    socket.on('drain', () => { this.#callbacks?.drained(); });
    socket.on('error', (error) => { this.#closed(inWords(error)); });
    socket.on('end', () => { this.#closed(''); });
    socket.on('close', () => { this.#closed(''); });
  }

  /** Undefined when the other side has gone before we looked; the socket is destroyed then. */
  static of(socket: Socket): TcpConnection | undefined {
    const local = addressOf(socket.localAddress);
    const remote = addressOf(socket.remoteAddress);
    if (local !== undefined && remote !== undefined) return new TcpConnection(socket, local, remote);
    socket.on('error', () => { /* it is gone already */ });
    socket.destroy();
    return undefined;
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

  /** A plain Uint8Array, whose `slice` copies: that of a Buffer does not. */
  received(chunk: Uint8Array): void {
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

/** Without the zone of a link-local address; an IPv4-mapped one is IPv4. */
function addressOf(text: string | undefined): Ip | undefined {
  if (text === undefined) return undefined;
  const mapped = MAPPED_IPV4.exec(text);
  return parseIp(mapped ? mapped[1]! : text.replace(/%.*$/, ''));
}

const inWords = (error: Error): string => {
  const code = (error as NodeJS.ErrnoException).code;
  return (code === undefined ? undefined : WORDS[code]) ?? error.message;
};
