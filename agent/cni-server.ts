/** The unix socket that the CNI executables talk to: one request a connection, root only, bounded in size, time and number. */
import type { Socket } from 'node:net';
import { CNI_CODE, CniError, renderError } from '../cni/protocol/errors.ts';
import { FRAME_LIMIT, decodeRequest, encodeResult, type ShimRequest } from '../cni/protocol/frames.ts';
import { messageOf } from '../lib/errors.ts';
import type { Log } from '../lib/log.ts';
import { FrameReader, frame } from '../sys/rpc.ts';
import { listenUnix } from '../sys/unix-listener.ts';

export interface CniServerPorts {
  readonly log: Log;
  /** Never rejects. */
  readonly answer: (request: ShimRequest) => Promise<{ readonly status: number; readonly output: string }>;
}

/** Further ones are closed at once, which to the executable is an agent that is away. */
const CONNECTIONS = 1_024;
/** A client that has connected says what it wants within this time. */
const SILENCE_MS = 30_000;

/** Listens at `path`, for root alone. */
export const startCniServer = (path: string, ports: CniServerPorts): Promise<AsyncDisposable> =>
  listenUnix(path, (socket) => { serve(socket, ports); }, CONNECTIONS);

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
