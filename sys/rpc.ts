/**
 * Requests and answers over unix sockets: a frame is a 32-bit big-endian length and that many bytes of UTF-8 JSON.
 *
 * Request `{"id":1,"method":"status","params":{}}`; answer `{"id":1,"result":{}}` or
 * `{"id":1,"error":{"code":"…","message":"…"}}`. Requests of one connection are answered in their order.
 */
import { createConnection, type Socket } from 'node:net';
import { OperationError, messageOf } from '../lib/errors.ts';
import { parseJson, stringifyJson } from '../lib/json.ts';
import { listenUnix } from './unix-listener.ts';

/** Larger frames end the connection: nothing we say to each other is that long. */
export const MAXIMUM_FRAME_BYTES = 256 * 1024 * 1024;

/** Method name → its parameters and result. */
export type Methods = object;
type Entry = { readonly params: unknown; readonly result: unknown };
type Params<M, K extends keyof M> = M[K] extends Entry ? M[K]['params'] : never;
type Result<M, K extends keyof M> = M[K] extends Entry ? M[K]['result'] : never;

export type Handlers<M extends Methods> = { readonly [K in keyof M]: (params: Params<M, K>) => Promise<Result<M, K>> | Result<M, K> };

/** Takes a byte stream apart into frames. Throws OperationError RPC_FRAME on one that is too long. */
export class FrameReader {
  #chunks: Buffer[] = [];
  #length = 0;
  readonly #maximum: number;
  constructor(maximum = MAXIMUM_FRAME_BYTES) { this.#maximum = maximum; }

  push(chunk: Buffer): Buffer[] {
    this.#chunks.push(chunk);
    this.#length += chunk.length;
    if (this.#length < 4) return [];
    const frames: Buffer[] = [];
    for (;;) {
      if (this.#length < 4) break;
      if (this.#chunks[0]!.length < 4) this.#join();
      const size = this.#chunks[0]!.readUInt32BE(0);
      if (size > this.#maximum) throw new OperationError('RPC_FRAME', { size, maximum: this.#maximum });
      if (this.#length < 4 + size) break;
      const all = this.#join();
      frames.push(all.subarray(4, 4 + size));
      const rest = all.subarray(4 + size);
      this.#chunks = rest.length > 0 ? [rest] : [];
      this.#length = rest.length;
    }
    return frames;
  }

  /** All that is here as one chunk; nothing is copied a second time. */
  #join(): Buffer {
    if (this.#chunks.length > 1) this.#chunks = [Buffer.concat(this.#chunks, this.#length)];
    return this.#chunks[0]!;
  }
}

export function frame(payload: string | Buffer): Buffer {
  const body = typeof payload === 'string' ? Buffer.from(payload) : payload;
  const head = Buffer.allocUnsafe(4);
  head.writeUInt32BE(body.length, 0);
  return Buffer.concat([head, body]);
}

/** Serves `handlers` on a unix socket (mode 0600). A handler that throws answers that request with an error. */
export async function serve<M extends Methods>(path: string, handlers: Handlers<M>): Promise<AsyncDisposable> {
  return await listenUnix(path, (socket) => { serveConnection(socket, handlers); });
}

interface Request { readonly id: number; readonly method: string; readonly params?: unknown }

function serveConnection<M extends Methods>(socket: Socket, handlers: Handlers<M>): void {
  const reader = new FrameReader();
  let last: Promise<void> = Promise.resolve();
  socket.on('data', (chunk) => {
    let frames: Buffer[];
    try {
      frames = reader.push(chunk);
    } catch {
      socket.destroy();
      return;
    }
    for (const bytes of frames) last = last.then(() => answer(socket, handlers, bytes));
  });
}

async function answer<M extends Methods>(socket: Socket, handlers: Handlers<M>, bytes: Buffer): Promise<void> {
  let id = 0;
  let reply: string;
  try {
    const request = parseJson(bytes.toString('utf8')) as Request | null;
    if (typeof request !== 'object' || request === null) throw new OperationError('RPC_REQUEST', { expected: 'an object with id, method and params' });
    if (typeof request.id === 'number') ({ id } = request);
    const { method, params = {} } = request;
    if (typeof method !== 'string' || !Object.hasOwn(handlers, method)) throw new OperationError('RPC_METHOD', { method });
    if (typeof params !== 'object' || params === null) throw new OperationError('RPC_PARAMS', { params, expected: 'an object' });
    const handler = handlers[method as keyof M] as (params: unknown) => unknown;
    reply = stringifyJson({ id, result: (await handler(params)) ?? {} });
  } catch (error) {
    const code = error instanceof OperationError ? error.code : 'RPC_HANDLER';
    reply = stringifyJson({ id, error: { code, message: messageOf(error) } });
  }
  if (!socket.destroyed) socket.write(frame(reply));
}

/** A client of one connection. */
export interface RpcClient<M extends Methods> extends Disposable {
  call<K extends keyof M & string>(method: K, params: Params<M, K>): Promise<Result<M, K>>;
  /** Resolves when the connection ends, whoever ended it. */
  readonly closed: Promise<void>;
}

interface Waiting { readonly resolve: (value: never) => void; readonly reject: (error: Error) => void }

/** Connects. Rejects with OperationError RPC_CONNECT when nobody listens; calls reject with RPC_CLOSED when the other side goes. */
export async function connect<M extends Methods>(path: string): Promise<RpcClient<M>> {
  const socket = createConnection(path);
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve);
    socket.once('error', (error) => { reject(new OperationError('RPC_CONNECT', { path }, error)); });
  });
  const reader = new FrameReader();
  const waiting = new Map<number, Waiting>();
  let nextId = 1;
  socket.on('error', () => { socket.destroy(); });
  socket.on('data', (chunk) => {
    try {
      for (const bytes of reader.push(chunk)) settle(waiting, bytes);
    } catch {
      socket.destroy();
    }
  });
  const closed = new Promise<void>((resolve) => {
    socket.once('close', () => {
      for (const w of waiting.values()) w.reject(new OperationError('RPC_CLOSED', { path }));
      waiting.clear();
      resolve();
    });
  });
  return {
    closed,
    call: (method, params) => new Promise((resolve, reject) => {
      if (socket.destroyed) { reject(new OperationError('RPC_CLOSED', { path })); return; }
      const id = nextId++;
      waiting.set(id, { resolve: resolve, reject });
      socket.write(frame(stringifyJson({ id, method, params })));
    }),
    [Symbol.dispose]: () => { socket.destroy(); },
  };
}

function settle(waiting: Map<number, Waiting>, bytes: Buffer): void {
  const reply = parseJson(bytes.toString('utf8')) as { id: number; result?: unknown; error?: { code: string; message: string } };
  const w = waiting.get(reply.id);
  if (!w) return;
  waiting.delete(reply.id);
  if (reply.error) w.reject(new AnsweredError(reply.error.code, reply.error.message));
  else w.resolve(reply.result as never);
}

/** What the other side's handler threw: its message is whole already, with code and details. */
class AnsweredError extends OperationError {
  constructor(code: string, said: string) {
    super(code, { said });
    this.message = said;
  }
}
