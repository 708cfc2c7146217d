/** One watch: what is there at its start, then every change, as lines of JSON on an HTTP response. */
import { stringifyJson } from '../lib/json.ts';
import type { Form } from './api/negotiation.ts';
import type { ListOptions } from './api/list-options.ts';
import { columnDefinitions, tableOf, type IncludeObject } from './api/tables.ts';
import { expired, type ApiError } from './api/status.ts';
import type { Core } from './core.ts';
import { apiVersionOf, storageKey, type ResourceType } from './kinds/resource-type.ts';
import { cloneJson, type ApiObject } from './objects/object.ts';
import { asServed, objectOf, textOf } from './object-store.ts';
import { selectionOf, type Selection } from './reads.ts';
import type { LiveChange, Watcher } from './watch-hub.ts';

/** Where the lines go. */
export interface Sink {
  write(line: string): void;
  /** Bytes written that the client has not taken yet. */
  readonly waiting: number;
  /** Nothing that is written arrives any more. */
  readonly isOver: boolean;
  end(): void;
}

export interface WatchRequest {
  readonly type: ResourceType;
  readonly namespace: string | undefined;
  readonly options: ListOptions;
  readonly form: Form;
  readonly include: IncludeObject;
}

/** A client that is this many bytes behind (beyond its initial list) is dropped: it can list again. */
const MAX_WAITING_BYTES = 8 * 1024 * 1024;
const INITIAL_EVENTS_END = { 'k8s.io/initial-events-end': 'true' } as const;

type EventType = 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK' | 'ERROR';

/** Starts a watch, writes what it begins with, and returns what stops it. One from before the last compaction ends at once with 410. Throws ApiError 400. */
export function startWatch(core: Core, request: WatchRequest, sink: Sink): Disposable {
  const { type, options } = request;
  const selection = selectionOf(type, request.namespace, options);
  const since = options.resourceVersion;
  const fromNow = since === undefined || since === 0 || options.sendInitialEvents === true;
  const stream = new WatchStream(core, request, selection, sink, core.objects.revision);
  if (!fromNow && since < core.objects.compacted) {
    stream.fail(expired(`too old resource version: ${since} (${core.objects.compacted})`));
    return { [Symbol.dispose]: () => { /* it never began */ } };
  }
  if (!fromNow) for (const change of core.objects.changesSince(type, selection.range, since)) stream.deliver(change);
  else if (options.sendInitialEvents !== false) stream.sendState(options.sendInitialEvents === true);
  stream.allowWaiting();
  return core.hub.add(stream);
}

class WatchStream implements Watcher {
  readonly resource: string;
  readonly from: string;
  readonly to: string;
  readonly #core: Core;
  readonly #request: WatchRequest;
  readonly #selection: Selection;
  readonly #sink: Sink;
  /** Changes up to here have been seen. */
  #at: number;
  #limit = Infinity;
  #columnsSent = false;

  constructor(core: Core, request: WatchRequest, selection: Selection, sink: Sink, at: number) {
    this.resource = storageKey(request.type);
    ({ from: this.from, to: this.to } = selection.range);
    this.#core = core;
    this.#request = request;
    this.#selection = selection;
    this.#sink = sink;
    this.#at = request.options.resourceVersion === undefined || request.options.resourceVersion === 0 ? at : request.options.resourceVersion;
  }

  /** From here on the client has to keep up. */
  allowWaiting(): void { this.#limit = this.#sink.waiting + MAX_WAITING_BYTES; }

  /** Every object there is, as if it had just been added; `marked` says with a bookmark where that ends. */
  sendState(marked: boolean): void {
    const { type } = this.#request;
    for (const row of this.#core.objects.list(type, this.#selection.range)) {
      if (this.#sink.isOver) return;
      const { selects } = this.#selection;
      if (selects !== undefined && !selects(objectOf(type, row.body, row.rv))) continue;
      this.#event('ADDED', textOf(type, row.body, row.rv), () => objectOf(type, row.body, row.rv));
    }
    this.#at = this.#core.objects.revision;
    if (marked) this.#bookmark(this.#at, INITIAL_EVENTS_END);
  }

  deliver(change: LiveChange): void {
    if (this.#sink.isOver) return;
    this.#at = Math.max(this.#at, change.rv);
    const { selects } = this.#selection;
    const { type } = this.#request;
    const text = (): string => textOf(type, change.body, change.rv);
    const object = (): ApiObject => objectOf(type, change.body, change.rv);
    const was = change.before !== undefined && (selects === undefined || selects(change.previous!));
    const is = !change.deleted && (selects === undefined || selects(change.object));
    if (is) this.#event(was ? 'MODIFIED' : 'ADDED', text(), object);
    else if (was) this.#left(change, selects === undefined || selects(change.object), text, object);
  }

  /** Deleted, or changed so that it is no longer selected: then the client sees the state in which it last was. */
  #left(change: LiveChange, stillSelected: boolean, text: () => string, object: () => ApiObject): void {
    if (change.deleted && stillSelected) {
      this.#event('DELETED', text(), object);
      return;
    }
    const last = asServed(this.#request.type, cloneJson(change.previous!));
    last.metadata.resourceVersion = String(change.rv);
    this.#event('DELETED', stringifyJson(last), () => last);
  }

  bookmark(rv: number): void {
    if (this.#request.options.bookmarks) this.#bookmark(Math.max(rv, this.#at));
  }

  #bookmark(rv: number, annotations?: Readonly<Record<string, string>>): void {
    const { type } = this.#request;
    const object = { kind: type.kind, apiVersion: apiVersionOf(type), metadata: { resourceVersion: String(rv), creationTimestamp: null, ...(annotations === undefined ? {} : { annotations }) } };
    this.#event('BOOKMARK', stringifyJson(object), () => object);
  }

  end(): void { this.#sink.end(); }

  /** Tells why it cannot go on, and ends. */
  fail(error: ApiError): void {
    this.#write('ERROR', stringifyJson(error.status()));
    this.#sink.end();
  }

  #event(event: EventType, text: string, object: () => ApiObject): void {
    if (this.#sink.waiting > this.#limit) {
      this.fail(expired('the watch is too far behind: list again'));
      return;
    }
    this.#write(event, this.#request.form === 'object' ? text : stringifyJson(this.#shaped(event, object())));
  }

  #write(event: EventType, text: string): void { this.#sink.write(`{"type":"${event}","object":${text}}\n`); }

  #shaped(event: EventType, object: ApiObject): unknown {
    const { type, form, include } = this.#request;
    if (form === 'metadata') return { kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1', metadata: object.metadata };
    const meta = { resourceVersion: object.metadata.resourceVersion! };
    if (event === 'BOOKMARK') return { kind: 'Table', apiVersion: 'meta.k8s.io/v1', metadata: meta, columnDefinitions: this.#columns(), rows: [{ cells: null, object }] };
    const table = tableOf(type, [object], meta, include, this.#core.clock.wallTime(), false);
    return { ...table, columnDefinitions: this.#columns() };
  }

  /** The columns go out once. */
  #columns(): unknown[] | null {
    if (this.#columnsSent) return null;
    this.#columnsSent = true;
    return columnDefinitions(this.#request.type);
  }
}
