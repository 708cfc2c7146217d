/** A listening unix socket that only root can connect to, from its first moment on. */
import { chmodSync, existsSync, mkdirSync, unlinkSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { dirname } from 'node:path';

/** Connections that wait in the kernel to be accepted. */
const BACKLOG = 511;

/**
 * Takes the place of what an earlier process left at `path`. The socket is made with mode 0600: there is no moment at
 * which it is open to others, and the kernel checks it at connect(2). Disposing of it ends its connections too.
 *
 * @param maxConnections how many at most; further ones are closed at once.
 */
export async function listenUnix(path: string, onConnection: (socket: Socket) => void, maxConnections = Infinity): Promise<AsyncDisposable> {
  mkdirSync(dirname(path), { recursive: true, mode: 0o755 });
  if (existsSync(path)) unlinkSync(path);
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
