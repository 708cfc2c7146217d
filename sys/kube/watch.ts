/** List, then watch for ever: survives resets, silence, 410 and servers that come and go; after a relist only differences are told. */
import { backoffMs } from '../../lib/backoff.ts';
import type { Clock } from '../../lib/clock.ts';
import { OperationError } from '../../lib/errors.ts';
import { parseJson } from '../../lib/json.ts';
import { sleep } from '../clock.ts';
import type { KubeObject, ListOptions, Resource, WatchHandler } from './client.ts';
import { listPages, pathOf, queryOf, selectorsOf, type Read } from './collection.ts';
import { statusBody, statusOf } from './status.ts';
import type { Answer, Transport } from './transport.ts';

export interface WatchPorts {
  readonly clock: Clock;
  readonly random: () => number;
  readonly transport: Transport;
  readonly read: Read;
}

/** The server sends a bookmark a minute; twice that without a byte means that the connection is dead. */
const IDLE_MS = 120_000;
/** The server ends a watch after this long, so that load spreads over servers again. Seconds, plus up to as much again. */
const WATCH_SECONDS = 300;
const BACKOFF = { firstMs: 200, maxMs: 30_000 };
/** A watch that lived this long was no failure, whatever ended it. */
const HEALTHY_MS = 10_000;
const INITIAL_EVENTS_END = 'k8s.io/initial-events-end';

export function startWatch<T extends KubeObject>(ports: WatchPorts, resource: Resource, options: ListOptions, handler: WatchHandler<T>): Disposable {
  const stop = new AbortController();
  void new Watch(ports, resource, options, handler, stop.signal).run();
  return { [Symbol.dispose]: () => { stop.abort(); } };
}

/** The state that is known can no longer be followed from its version: list again. */
const EXPIRED = 'KUBE_EXPIRED';
/** The server said in the stream that it cannot go on. */
const ERROR_EVENT = 'KUBE_WATCH';
/** Answers to a request for the initial state as a stream that mean: list instead. */
const CANNOT_STREAM: ReadonlySet<number> = new Set([400, 422, 500, 501]);

type Known = ReadonlyMap<string, string>;

class Watch<T extends KubeObject> {
  readonly #ports: WatchPorts;
  readonly #resource: Resource;
  readonly #options: ListOptions;
  readonly #handler: WatchHandler<T>;
  readonly #signal: AbortSignal;
  /** `namespace/name` → resourceVersion of what the handler knows. */
  readonly #known = new Map<string, string>();
  /** Version to go on from; undefined: list first. */
  #version: string | undefined;
  #streamsInitialEvents = true;
  #synced = false;
  #away = false;
  #failures = 0;

  constructor(ports: WatchPorts, resource: Resource, options: ListOptions, handler: WatchHandler<T>, signal: AbortSignal) {
    this.#ports = ports;
    this.#resource = resource;
    this.#options = options;
    this.#handler = handler;
    this.#signal = signal;
  }

  async run(): Promise<void> {
    while (!this.#signal.aborted) {
      const started = this.#ports.clock.now();
      let reason = 'the server ended the watch at once';
      let retryAfterMs = 0;
      try {
        if (this.#version === undefined) await this.#initial();
        else await this.#follow(this.#version);
      } catch (error) {
        if (this.#signal.aborted) return;
        // Anything else is a bug of the handler, and ends the process.
        if (!(error instanceof OperationError)) throw error;
        if (error.code === EXPIRED) this.#version = undefined;
        else this.#setAway(true, error.message);
        reason = error.message;
        retryAfterMs = Number(error.details['retryAfterMs'] ?? 0);
      }
      if (this.#ports.clock.now() - started >= HEALTHY_MS) this.#failures = 0;
      else await this.#pause(reason, retryAfterMs);
    }
  }

  /** The whole state, streamed where the server can, else listed. */
  async #initial(): Promise<void> {
    if (this.#streamsInitialEvents && await this.#streamed()) return;
    const seen = new Map<string, string>();
    let version = '';
    await listPages<T>(this.#ports.read, this.#resource, this.#options, () => { seen.clear(); }, (items, at) => {
      version = at;
      for (const item of items) { if (!this.#signal.aborted) this.#upsert(item, seen); }
    });
    if (this.#signal.aborted) return;
    this.#complete(seen, version);
    await this.#follow(version);
  }

  /** False: the server cannot stream its state, or its storage cannot (etcd 3.4 says so in an ERROR event). */
  async #streamed(): Promise<boolean> {
    try {
      if (await this.#stream(undefined)) return true;
    } catch (error) {
      if (!(error instanceof OperationError) || error.code !== ERROR_EVENT || this.#version !== undefined) throw error;
    }
    this.#streamsInitialEvents = false;
    return false;
  }

  async #follow(version: string): Promise<void> { await this.#stream(version); }

  /**
   * One watch connection. Without a version it begins with the whole state (KEP-3157). False: the server does not know
   * how to, so list instead.
   */
  async #stream(version: string | undefined): Promise<boolean> {
    let seen: Map<string, string> | undefined = version === undefined ? new Map() : undefined;
    const seconds = WATCH_SECONDS + Math.floor(this.#ports.random() * WATCH_SECONDS);
    const path = pathOf(this.#resource, this.#options.namespace) + queryOf({
      ...selectorsOf(this.#options), watch: 'true', allowWatchBookmarks: 'true', timeoutSeconds: String(seconds),
      ...(version === undefined ? { sendInitialEvents: 'true', resourceVersionMatch: 'NotOlderThan' } : { resourceVersion: version }),
    });
    const line = (text: string): void => {
      const { type, object } = eventOf<T>(text);
      if (version !== undefined) this.#failures = 0;
      if (type === 'ERROR') throw errorEvent(object);
      if (type === 'BOOKMARK') {
        if (seen !== undefined && object.metadata.annotations?.[INITIAL_EVENTS_END] === 'true') {
          this.#complete(seen, object.metadata.resourceVersion ?? '');
          seen = undefined;
        }
      } else if (type === 'DELETED') {
        this.#remove(object, seen);
      } else {
        this.#upsert(object, seen);
      }
      if (seen === undefined) this.#version = object.metadata.resourceVersion ?? this.#version;
    };
    const opened = (): void => { this.#setAway(false, ''); };
    const refused = await this.#ports.transport.stream({ path, idleMs: IDLE_MS, signal: this.#signal, opened, line });
    if (refused === undefined) return true;
    if (version === undefined && CANNOT_STREAM.has(refused.status)) return false;
    throw refusedWatch(refused, path);
  }

  #upsert(object: T, seen: Map<string, string> | undefined): void {
    const key = keyOf(object);
    const version = object.metadata.resourceVersion ?? '';
    seen?.set(key, version);
    if (this.#known.get(key) === version && version !== '') return;
    this.#known.set(key, version);
    this.#handler.upsert(object);
  }

  #remove(object: T, seen: Map<string, string> | undefined): void {
    seen?.delete(keyOf(object));
    if (this.#known.delete(keyOf(object))) this.#handler.remove(object);
  }

  /** The whole state has been told: what was known and is not in it went away meanwhile. */
  #complete(seen: Known, version: string): void {
    for (const key of [...this.#known.keys()]) {
      if (!seen.has(key)) this.#remove(this.#stub(key), undefined);
    }
    this.#version = version === '' ? undefined : version;
    this.#setAway(false, '');
    if (!this.#synced) this.#handler.synced();
    this.#synced = true;
  }

  /** An object that vanished unseen: only its name is known. */
  #stub(key: string): T {
    const slash = key.indexOf('/');
    const namespace = key.slice(0, slash);
    const metadata = { name: key.slice(slash + 1), ...(namespace === '' ? {} : { namespace }) };
    return { apiVersion: '', kind: '', metadata } as unknown as T;
  }

  #setAway(away: boolean, reason: string): void {
    if (this.#away === away) return;
    this.#away = away;
    this.#handler.disconnected?.(away, reason);
  }

  async #pause(reason: string, atLeastMs: number): Promise<void> {
    if (this.#signal.aborted) return;
    if (this.#failures >= 2) this.#setAway(true, reason);
    const waitMs = Math.max(backoffMs(this.#failures++, this.#ports.random(), BACKOFF), Math.min(atLeastMs, BACKOFF.maxMs));
    await sleep(this.#ports.clock, waitMs, this.#signal);
  }
}

const keyOf = (object: KubeObject): string => `${object.metadata.namespace ?? ''}/${object.metadata.name}`;

/** Throws KUBE_EXPIRED on a line that is no event: what was lost in it only a new list can tell. */
function eventOf<T extends KubeObject>(text: string): { readonly type: string; readonly object: T } {
  let event: WireEvent | null = null;
  try {
    event = parseJson(text) as WireEvent | null;
  } catch {
    // Told below.
  }
  const { type, object } = event ?? {};
  const hasName = typeof object?.metadata?.name === 'string';
  const good = type === 'ERROR' || (type === 'BOOKMARK' ? typeof object?.metadata === 'object' : OBJECT_EVENTS.has(type) && hasName);
  if (!good || object === null || object === undefined) throw new OperationError(EXPIRED, { said: `not a watch event: ${text.slice(0, 80)}` });
  return { type: type as string, object: object as unknown as T };
}

interface WireEvent { readonly type?: unknown; readonly object?: { readonly metadata?: { readonly name?: unknown } | null } | null }
const OBJECT_EVENTS: ReadonlySet<unknown> = new Set(['ADDED', 'MODIFIED', 'DELETED']);

function errorEvent(status: unknown): OperationError {
  const { reason, message } = statusBody(status);
  const code = (status as { code?: unknown }).code;
  const expired = code === 410 || reason === 'Expired' || reason === 'Gone';
  return new OperationError(expired ? EXPIRED : ERROR_EVENT, { code, reason, said: message });
}

function refusedWatch(answer: Answer, path: string): OperationError {
  const { reason, message } = statusOf(answer);
  return new OperationError(answer.status === 410 ? EXPIRED : 'KUBE_REFUSED', {
    request: `WATCH ${path}`, status: answer.status, reason, said: message, retryAfterMs: answer.retryAfterSeconds * 1000,
  });
}
