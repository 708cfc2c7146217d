/** The Kubernetes API as raw HTTPS: what was sent and what came back, nothing interpreted. */
import { Agent, request, type RequestOptions } from 'node:https';
import type { IncomingMessage } from 'node:http';
import { parseJson, stringifyJson } from '../../lib/json.ts';

export interface Access { readonly port: number; readonly token: string; readonly authority: string }

// eslint-disable-next-line @typescript-eslint/no-explicit-any -- answers are looked into, not modelled
export type Body = any;

export interface Reply {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly text: string;
  /** The text as JSON, 64-bit integers unharmed; undefined when it is none. */
  readonly body: Body;
}

export interface Sending {
  readonly body?: unknown;
  readonly type?: string;
  readonly accept?: string;
  /** Instead of the right one; empty: none. */
  readonly token?: string;
}

export const MERGE = 'application/merge-patch+json';
export const STRATEGIC = 'application/strategic-merge-patch+json';
export const JSON_PATCH = 'application/json-patch+json';
export const TABLE = 'application/json;as=Table;v=v1;g=meta.k8s.io';

export class Api {
  readonly access: Access;
  readonly #agent: Agent;
  constructor(access: Access) {
    this.access = access;
    this.#agent = new Agent({ keepAlive: true, ca: access.authority, maxCachedSessions: 0 });
  }

  get(path: string, sending?: Sending): Promise<Reply> { return this.send('GET', path, sending); }
  post(path: string, body: unknown, sending?: Sending): Promise<Reply> { return this.send('POST', path, { body, ...sending }); }
  put(path: string, body: unknown, sending?: Sending): Promise<Reply> { return this.send('PUT', path, { body, ...sending }); }
  patch(path: string, type: string, body: unknown, sending?: Sending): Promise<Reply> { return this.send('PATCH', path, { body, type, ...sending }); }
  delete(path: string, body?: unknown): Promise<Reply> { return this.send('DELETE', path, { body }); }

  send(method: string, path: string, sending: Sending = {}): Promise<Reply> {
    return new Promise((resolve, reject) => {
      const { options, text } = this.#prepare(method, path, sending);
      const outgoing = request(options, (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => { chunks.push(chunk); });
        response.on('error', reject);
        response.on('end', () => {
          const received = Buffer.concat(chunks).toString();
          resolve({ status: response.statusCode!, headers: response.headers, text: received, body: jsonOf(received) });
        });
      });
      outgoing.on('error', reject);
      outgoing.end(text);
    });
  }

  /** Opens a watch; dispose of it to close the connection. */
  async watch(path: string, sending: Sending = {}): Promise<Watch> {
    const { options } = this.#prepare('GET', path, sending);
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      const outgoing = request({ ...options, agent: false }, resolve);
      outgoing.on('error', reject);
      outgoing.end();
    });
    return new Watch(response);
  }

  close(): void { this.#agent.destroy(); }

  #prepare(method: string, path: string, sending: Sending): { options: RequestOptions; text: string | undefined } {
    const { body, type = 'application/json', accept = 'application/json', token = this.access.token } = sending;
    const text = body === undefined ? undefined : typeof body === 'string' ? body : stringifyJson(body);
    const headers = {
      accept, 'user-agent': 'contract',
      ...(token === '' ? {} : { authorization: `Bearer ${token}` }),
      ...(text === undefined ? {} : { 'content-type': type, 'content-length': Buffer.byteLength(text) }),
    };
    return { options: { host: '127.0.0.1', port: this.access.port, method, path, headers, agent: this.#agent, ca: this.access.authority }, text };
  }
}

function jsonOf(text: string): unknown {
  try {
    return parseJson(text);
  } catch {
    return undefined;
  }
}

export interface WatchEvent { readonly type: string; readonly object: Body }

/** The events of a watch, in order. */
export class Watch implements Disposable {
  readonly status: number;
  readonly #response: IncomingMessage;
  readonly #events: WatchEvent[] = [];
  #rest = '';
  #ended = false;
  #wake: () => void = () => { /* nobody waits */ };

  constructor(response: IncomingMessage) {
    this.#response = response;
    this.status = response.statusCode!;
    response.setEncoding('utf8');
    response.on('data', (text: string) => {
      const lines = (this.#rest + text).split('\n');
      this.#rest = lines.pop()!;
      this.#events.push(...lines.filter((line) => line !== '').map((line) => parseJson(line) as WatchEvent));
      this.#wake();
    });
    const end = (): void => { this.#ended = true; this.#wake(); };
    response.on('end', end);
    response.on('error', end);
    response.on('close', end);
  }

  /** The next event; undefined once the stream has ended. Rejects when neither comes within 10 seconds. */
  async next(): Promise<WatchEvent | undefined> {
    for (;;) {
      const event = this.#events.shift();
      if (event !== undefined || this.#ended) return event;
      await new Promise<void>((resolve, reject) => {
        const limit = setTimeout(() => { reject(new Error('no event within 10 s')); }, 10_000);
        this.#wake = () => { clearTimeout(limit); resolve(); };
      });
    }
  }

  /** The next events, as `[type, name]`. */
  async take(count: number): Promise<[string, string][]> {
    const taken: [string, string][] = [];
    while (taken.length < count) {
      const event = await this.next();
      if (event === undefined) break;
      taken.push([event.type, (event.object as { metadata?: { name?: string } }).metadata?.name ?? '']);
    }
    return taken;
  }

  [Symbol.dispose](): void { this.#response.destroy(); }
}
