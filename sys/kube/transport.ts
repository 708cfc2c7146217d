/** HTTPS to one API server: whole answers and endless streams of lines, with time limits and no leaked sockets. */
import { Agent as HttpAgent, request as httpRequest, type ClientRequest, type IncomingMessage } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest, type RequestOptions } from 'node:https';
import { urlToHttpOptions } from 'node:url';
import type { Clock } from '../../lib/clock.ts';
import { OperationError } from '../../lib/errors.ts';
import type { KubeAccess } from './kubeconfig.ts';

export interface Answer {
  readonly status: number;
  readonly body: string;
  readonly contentType: string;
  /** Seconds the server asks us to wait, or 0. */
  readonly retryAfterSeconds: number;
}

export interface Outgoing {
  readonly method: string;
  readonly path: string;
  readonly body?: string;
  readonly contentType?: string;
  readonly timeoutMs: number;
}

export interface StreamOptions {
  readonly path: string;
  /** The connection is given up when nothing arrives for this long. */
  readonly idleMs: number;
  /** The answer has begun, with status 200. */
  readonly opened: () => void;
  readonly line: (text: string) => void;
  readonly signal: AbortSignal;
}

export interface Transport extends Disposable {
  /** Rejects with OperationError KUBE_UNREACHABLE or KUBE_TIMEOUT; any HTTP status is an answer. */
  send(outgoing: Outgoing): Promise<Answer>;
  /**
   * GETs lines until the server ends the answer, which resolves with undefined. Resolves with the answer when its status
   * is not 200. Rejects as `send`, with KUBE_STOPPED once `signal` is aborted, and with what `line` throws.
   */
  stream(options: StreamOptions): Promise<Answer | undefined>;
}

/** A longer line is no watch event: objects are limited to a few MiB. */
const MAXIMUM_LINE_BYTES = 64 * 1024 * 1024;
const CONCURRENT_REQUESTS = 16;
/** Idle connections are closed before a server would close them under a request. */
const IDLE_SOCKET_MS = 30_000;
const TCP_KEEPALIVE_MS = 15_000;
/** From the start of a stream to the answer's header. */
const STREAM_START_MS = 30_000;

export function openTransport(access: KubeAccess, clock: Clock): Transport {
  const secure = access.server.startsWith('https:');
  const shared = { keepAlive: true, keepAliveMsecs: TCP_KEEPALIVE_MS, timeout: IDLE_SOCKET_MS, ...(secure ? tlsOptions(access) : {}) };
  const makeAgent = (more: object): HttpsAgent | HttpAgent => (secure ? new HttpsAgent({ ...shared, ...more }) : new HttpAgent({ ...shared, ...more }));
  const requests = makeAgent({ maxSockets: CONCURRENT_REQUESTS });
  const streams = makeAgent({ maxFreeSockets: 2, timeout: undefined });
  const server = new URL(access.server);
  const { hostname, port } = urlToHttpOptions(server);
  const prefix = server.pathname.replace(/\/$/, '');
  const open = (outgoing: Omit<Outgoing, 'timeoutMs'>, agent: HttpsAgent | HttpAgent, signal?: AbortSignal): ClientRequest => {
    const options: RequestOptions = {
      hostname, port, path: prefix + outgoing.path, method: outgoing.method, headers: headersOf(access, outgoing), agent,
      ...(signal === undefined ? {} : { signal }),
    };
    return secure ? httpsRequest(options) : httpRequest(options);
  };
  return {
    send: (outgoing) => sendOnce(outgoing, () => open(outgoing, requests), clock),
    stream: (options) => streamLines(options, (signal) => open({ method: 'GET', path: options.path }, streams, signal), clock),
    [Symbol.dispose]: () => { requests.destroy(); streams.destroy(); },
  };
}

const tlsOptions = (access: KubeAccess): object => ({
  ca: access.ca, cert: access.certificate, key: access.key, servername: access.serverName, rejectUnauthorized: !access.insecure,
});

function headersOf(access: KubeAccess, outgoing: Omit<Outgoing, 'timeoutMs'>): Record<string, string> {
  const headers: Record<string, string> = { accept: 'application/json', 'user-agent': 'tortie' };
  if (access.token !== undefined) headers['authorization'] = `Bearer ${access.token()}`;
  if (outgoing.body !== undefined) {
    headers['content-type'] = outgoing.contentType ?? 'application/json';
    headers['content-length'] = String(Buffer.byteLength(outgoing.body));
  }
  return headers;
}

/** One attempt; once more when the server had closed the idle connection that we happened to take. */
async function sendOnce(outgoing: Outgoing, open: () => ClientRequest, clock: Clock): Promise<Answer> {
  const { method, path } = outgoing;
  for (let again = false; ; again = true) {
    let request: ClientRequest | undefined;
    let isLate = false;
    using _timer = clock.after(outgoing.timeoutMs, () => { isLate = true; request?.destroy(new Error('it took too long')); });
    try {
      request = open();
      return await answerOf(request, outgoing.body);
    } catch (error) {
      if (isLate) throw new OperationError('KUBE_TIMEOUT', { method, path, ms: outgoing.timeoutMs }, error);
      if (!again && request?.reusedSocket === true && (error as NodeJS.ErrnoException).code === 'ECONNRESET') continue;
      throw new OperationError('KUBE_UNREACHABLE', { method, path }, error);
    }
  }
}

/** Listens to events: iterating over a response costs more than everything else here. */
function answerOf(request: ClientRequest, body: string | undefined): Promise<Answer> {
  return new Promise((resolve, reject) => {
    request.on('error', reject);
    request.once('response', (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => { chunks.push(chunk); });
      response.once('end', () => { resolve(answerWith(response, textOf(chunks))); });
      response.once('error', reject);
    });
    request.end(body);
  });
}

const textOf = (chunks: readonly Buffer[]): string => (chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks)).toString('utf8');

const responseOf = (request: ClientRequest): Promise<IncomingMessage> => new Promise((resolve, reject) => {
  request.once('response', resolve);
  // Stays on: an error after the header is told by the response, and must not end the process here.
  request.on('error', reject);
});

const answerWith = (response: IncomingMessage, body: string): Answer => ({
  status: response.statusCode ?? 0, body, contentType: response.headers['content-type'] ?? '',
  retryAfterSeconds: Math.max(0, Number(response.headers['retry-after'] ?? 0) || 0),
});

async function streamLines(options: StreamOptions, open: (signal: AbortSignal) => ClientRequest, clock: Clock): Promise<Answer | undefined> {
  const { path, idleMs } = options;
  const stop = new AbortController();
  const abort = (): void => { stop.abort(); };
  options.signal.addEventListener('abort', abort);
  let waitedMs = STREAM_START_MS;
  let timer = clock.after(waitedMs, abort);
  let thrown: { readonly error: unknown } | undefined;
  const line = (text: string): void => {
    if (options.signal.aborted) return;
    try {
      options.line(text);
    } catch (error) {
      thrown = { error };
      throw error;
    }
  };
  try {
    options.signal.throwIfAborted();
    const request = open(stop.signal);
    request.end();
    const response = await responseOf(request);
    waitedMs = idleMs;
    const alive = (): void => { timer[Symbol.dispose](); timer = clock.after(idleMs, abort); };
    alive();
    if (response.statusCode !== 200) return answerWith(response, await wholeOf(response));
    options.opened();
    await eachLine(response, line, alive);
    return undefined;
  } catch (error) {
    if (thrown !== undefined) throw thrown.error;
    if (options.signal.aborted) throw new OperationError('KUBE_STOPPED', { path });
    if (stop.signal.aborted) throw new OperationError('KUBE_TIMEOUT', { path, silentMs: waitedMs }, error);
    throw error instanceof OperationError ? error : new OperationError('KUBE_UNREACHABLE', { path }, error);
  } finally {
    timer[Symbol.dispose]();
    options.signal.removeEventListener('abort', abort);
    stop.abort();
  }
}

async function wholeOf(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}

/** Hands on whole lines, however the bytes are cut. Bytes after the last newline are dropped: half an event is none. */
async function eachLine(response: IncomingMessage, line: (text: string) => void, alive: () => void): Promise<void> {
  let parts: Buffer[] = [];
  let length = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    alive();
    let at = 0;
    for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, at)) {
      parts.push(chunk.subarray(at, end));
      const text = (parts.length === 1 ? parts[0]! : Buffer.concat(parts)).toString('utf8');
      parts = [];
      length = 0;
      at = end + 1;
      if (text !== '') line(text);
    }
    if (at < chunk.length) { parts.push(chunk.subarray(at)); length += chunk.length - at; }
    if (length > MAXIMUM_LINE_BYTES) throw new OperationError('KUBE_LINE', { bytes: length, maximum: MAXIMUM_LINE_BYTES });
  }
}
