/** A listening unix socket that only root can connect to, from its first moment on. */
import { chmodSync, existsSync, mkdirSync, unlinkSync } from 'node:fs';
import { createConnection, createServer, type Socket } from 'node:net';
import { dirname } from 'node:path';
import { OperationError } from '../lib/errors.ts';

/** Connections that wait in the kernel to be accepted. */
const BACKLOG = 511;

/**
 * Rejects with OperationError SOCKET_IN_USE when a process answers at `path`: two daemons of one kind on a node would
 * undo each other's work. A process that stands still answers too, for the kernel takes the connection.
 */
export async function refuseSecond(path: string): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const socket = createConnection(path);
  socket.once('connect', () => { resolve(true); });
  // A full queue of connections is somebody's as well.
  socket.once('error', (error: NodeJS.ErrnoException) => { resolve(error.code === 'EAGAIN'); });
  const isInUse = await promise;
  socket.destroy();
  if (isInUse) throw new OperationError('SOCKET_IN_USE', { path }, new Error('another process listens there: expected to be the only one'));
}

/**
 * Takes the place of what an earlier process left at `path`; rejects with SOCKET_IN_USE when that process lives. The
 * socket is made with mode 0600: there is no moment at which it is open to others, and the kernel checks it at
 * connect(2). Disposing of it ends its connections too.
 *
 * @param maxConnections how many at most; further ones are closed at once.
 */
export async function listenUnix(path: string, onConnection: (socket: Socket) => void, maxConnections = Infinity): Promise<AsyncDisposable> {
  mkdirSync(dirname(path), { recursive: true, mode: 0o755 });
  if (existsSync(path)) {
    await refuseSecond(path);
    unlinkSync(path);
  }
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('close', () => { sockets.delete(socket); });
    socket.on('error', () => { socket.destroy(); });
    onConnection(socket);
  });
  if (maxConnections !== Infinity) server.maxConnections = maxConnections;
  const listening = new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    const umask = process.umask(0o177);
    server.listen({ path, backlog: BACKLOG }, resolve); // binds before it returns
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
