/** A bare BGP peer: answers OPEN and KEEPALIVE, blasts prepared bytes, counts what it receives. Fast, not polite. */
import { createServer, createConnection, type Server, type Socket } from 'node:net';
import { KEEPALIVE, openMessage } from './updates.ts';

export interface FeederOptions {
  readonly local: string;
  readonly remote: string;
  readonly asn: number;
  readonly holdTimeSeconds: number;
  readonly restartTimeSeconds?: number;
  /** Distance of two received blocks; needed to count different ones. */
  readonly step?: number;
}

export class Feeder {
  readonly options: FeederOptions;
  state: 'idle' | 'dialling' | 'opensent' | 'openconfirm' | 'up' | 'down' = 'idle';
  /** Milliseconds on performance.now()'s clock. */
  upAt = 0;
  lastRouteAt = 0;
  endOfRibAt = 0;
  /** NLRI received, counting repetitions, and different ones. */
  nlri = 0;
  different = 0;
  updates = 0;
  endOfRibs = 0;
  why = '';
  downs = 0;
  redial = true;
  onUp: (() => void) | undefined;
  #socket: Socket | undefined;
  #rest: Buffer = Buffer.alloc(0);
  #keepalive: NodeJS.Timeout | undefined;
  readonly #seen: Uint8Array;

  constructor(options: FeederOptions) {
    this.options = options;
    this.#seen = new Uint8Array(options.step === undefined ? 0 : 1 << 20);
  }

  dial(): void {
    this.state = 'dialling';
    const socket = createConnection({ host: this.options.remote, port: 179, localAddress: this.options.local });
    socket.once('connect', () => { this.attach(socket); });
    socket.once('error', () => {
      socket.destroy();
      if (this.state === 'dialling') setTimeout(() => { if (this.state === 'dialling') this.dial(); }, 10);
    });
  }

  /** Takes over a connected socket, dialled or accepted. */
  attach(socket: Socket): void {
    this.#socket = socket;
    this.#rest = Buffer.alloc(0);
    this.state = 'opensent';
    socket.setNoDelay(true);
    socket.on('error', (error) => { this.why = error.message; });
    socket.on('data', (chunk) => { this.#feed(chunk); });
    socket.on('close', () => { this.#down(socket, this.why === '' ? 'closed by the target' : this.why); });
    socket.write(openMessage(this.options.asn, this.options.local, this.options.holdTimeSeconds, this.options.restartTimeSeconds));
  }

  get connected(): boolean { return this.#socket !== undefined; }

  send(bytes: Buffer): void { this.#socket?.write(bytes); }

  /** Ends the TCP connection; `notification` is written before. */
  drop(notification?: Buffer): void {
    this.redial = false;
    if (notification) this.#socket?.write(notification);
    this.#socket?.end();
  }

  close(): void {
    this.redial = false;
    this.state = 'down';
    clearInterval(this.#keepalive);
    this.#socket?.destroy();
  }

  #down(socket: Socket, why: string): void {
    if (this.#socket !== socket) return;
    this.#socket = undefined;
    clearInterval(this.#keepalive);
    this.why = why;
    this.downs++;
    this.state = 'down';
    if (this.redial) setTimeout(() => { if (this.redial && this.state === 'down') this.dial(); }, 10);
  }

  #feed(chunk: Buffer): void {
    const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    let at = 0;
    while (bytes.length - at >= 19) {
      const length = bytes.readUInt16BE(at + 16);
      if (bytes.length - at < length) break;
      this.#message(bytes, at, length);
      at += length;
    }
    this.#rest = at === bytes.length ? Buffer.alloc(0) : Buffer.from(bytes.subarray(at));
  }

  #message(bytes: Buffer, at: number, length: number): void {
    switch (bytes[at + 18]) {
      case 1: this.#opened(Math.min(bytes.readUInt16BE(at + 22), this.options.holdTimeSeconds)); return;
      case 2: this.#update(bytes, at, length); return;
      case 3: this.why = `NOTIFICATION ${bytes[at + 19]}/${bytes[at + 20]}`; return;
      case 4:
        if (this.state !== 'openconfirm') return;
        this.state = 'up';
        this.upAt = performance.now();
        this.onUp?.();
        return;
      default: return;
    }
  }

  #opened(holdTimeSeconds: number): void {
    this.state = 'openconfirm';
    this.send(KEEPALIVE);
    clearInterval(this.#keepalive);
    if (holdTimeSeconds > 0) this.#keepalive = setInterval(() => { this.send(KEEPALIVE); }, holdTimeSeconds * 333);
  }

  #update(bytes: Buffer, at: number, length: number): void {
    if (length === 23) { this.endOfRibs++; this.endOfRibAt = performance.now(); return; }
    const withdrawn = bytes.readUInt16BE(at + 19);
    const attributes = bytes.readUInt16BE(at + 21 + withdrawn);
    const start = at + 23 + withdrawn + attributes;
    const count = (at + length - start) / 5;
    if (count > 0) { this.updates++; this.nlri += count; }
    if (count > 0 || withdrawn > 0) this.lastRouteAt = performance.now();
    const step = this.options.step;
    if (step === undefined) return;
    for (let i = start; i < at + length; i += 5) {
      const index = (bytes.readUInt32BE(i + 1) - 0x0a000000) / step;
      if (this.#seen[index] === 0) { this.#seen[index] = 1; this.different++; }
    }
  }
}

/** One wildcard listener plays all peers: the local address of a connection tells which. */
export async function acceptFor(feeders: readonly Feeder[]): Promise<Server> {
  const byAddress = new Map(feeders.map((f) => [f.options.local, f]));
  const server = createServer((socket) => {
    const feeder = byAddress.get(socket.localAddress ?? '');
    if (feeder === undefined || feeder.connected) socket.destroy(); else feeder.attach(socket);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host: '0.0.0.0', port: 179, backlog: 4096 }, resolve);
  });
  return server;
}
