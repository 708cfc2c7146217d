/** The unix socket that the CNI executables talk to: one request a connection, root only, bounded in size, time and number. */
import { chmodSync, existsSync, mkdirSync, unlinkSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { dirname } from 'node:path';
import { CNI_CODE, CniError, renderError } from '../cni/protocol/errors.ts';
import { FRAME_LIMIT, decodeRequest, encodeResult, type ShimRequest } from '../cni/protocol/frames.ts';
import { messageOf } from '../lib/errors.ts';
import type { Log } from '../lib/log.ts';
import { FrameReader, frame } from '../sys/rpc.ts';

export interface CniServerPorts {
  readonly log: Log;
  /** Never rejects. */
  readonly answer: (request: ShimRequest) => Promise<{ readonly status: number; readonly output: string }>;
}

/** More at once wait in the kernel's queue of connections. */
const CONNECTIONS = 1_024;
/** A client that has connected says what it wants within this time. */
const SILENCE_MS = 30_000;

/**
 * Listens at `path`. Only root can connect: the socket is made with mode 0600, there is no moment at which it is open
 * to others, and the kernel checks it at connect(2).
 */
export async function startCniServer(path: string, ports: CniServerPorts): Promise<AsyncDisposable> {
  mkdirSync(dirname(path), { recursive: true, mode: 0o755 });
  if (existsSync(path)) unlinkSync(path);
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('close', () => { sockets.delete(socket); });
    socket.on('error', () => { socket.destroy(); });
    serve(socket, ports);
  });
  server.maxConnections = CONNECTIONS;
  const listening = new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    const umask = process.umask(0o177);
    server.listen({ path, backlog: 511 }, resolve); // binds before it returns
    process.umask(umask);
  });
  await listening;
  chmodSync(path, 0o600);
  return {
    [Symbol.asyncDispose]: () => new Promise<void>((resolve) => {
      for (const socket of sockets) socket.destroy();
      server.close(() => { resolve(); });
    }),
  };
}

function serve(socket: Socket, ports: CniServerPorts): void {
  const reader = new FrameReader(FRAME_LIMIT);
  let asked = false;
  socket.setTimeout(SILENCE_MS, () => { if (!asked) socket.destroy(); });
  socket.on('data', (chunk) => {
    let request: Buffer | undefined;
    try {
      [request] = reader.push(chunk);
    } catch (error) {
      ports.log.warn('cni.frame', { reason: messageOf(error) });
      socket.destroy();
      return;
    }
    if (request === undefined || asked) return;
    asked = true;
    void reply(socket, ports, request);
  });
}

async function reply(socket: Socket, ports: CniServerPorts, payload: Buffer): Promise<void> {
  const { status, output } = await answerTo(ports, payload);
  if (!socket.destroyed) socket.end(frame(Buffer.from(encodeResult(status, output))));
}

async function answerTo(ports: CniServerPorts, payload: Buffer): Promise<{ readonly status: number; readonly output: string }> {
  let request: ShimRequest;
  try {
    request = decodeRequest(payload);
  } catch (error) {
    return { status: 1, output: renderError(new CniError(CNI_CODE.undecodable, `the request cannot be read: ${messageOf(error)}`), '1.0.0') };
  }
  return await ports.answer(request);
}
