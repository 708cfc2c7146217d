/** The Kubernetes API in memory, as far as our clients use it: revisions, preconditions, label selectors, patches, watches. */
import type { DeleteOptions, KubeClient, KubeObject, ListOptions, PatchOptions, Resource, WatchHandler } from '../../sys/kube/client.ts';
import { OperationError } from '../../lib/errors.ts';
import { parseJson, stringifyJson } from '../../lib/json.ts';

export type Verb = 'get' | 'list' | 'create' | 'update' | 'patch' | 'delete';
export interface Call { readonly verb: Verb; readonly plural: string; readonly name: string }

interface Watcher { readonly plural: string; readonly options: ListOptions; readonly handler: WatchHandler<KubeObject> }

export class MemoryKube implements KubeClient {
  /** `plural/namespace/name` → object. */
  readonly objects = new Map<string, KubeObject>();
  /** Everything that was asked, in order. */
  readonly calls: Call[] = [];
  /** Called before a request has its effect: throw to fail it, await to delay it, write to overtake it. */
  before: (call: Call) => void | Promise<void> = () => undefined;
  /** Called once it has had its effect: throw to lose the answer. */
  after: (call: Call) => void = () => undefined;
  groups = ['crd.projectcalico.org'];
  readonly #watchers = new Set<Watcher>();
  #revision = 0;

  get<T extends KubeObject>(resource: Resource, name: string, namespace?: string): Promise<T | undefined> {
    return this.#call('get', resource, name, () => this.#read(key(resource, name, namespace)) as T | undefined);
  }

  list<T extends KubeObject>(resource: Resource, options: ListOptions = {}): Promise<{ items: T[]; resourceVersion: string }> {
    return this.#call('list', resource, '', () => ({ items: this.#select(resource.plural, options) as T[], resourceVersion: String(this.#revision) }));
  }

  create<T extends KubeObject>(resource: Resource, object: T): Promise<T | 'exists'> {
    return this.#call('create', resource, object.metadata.name, () => {
      const at = key(resource, object.metadata.name, object.metadata.namespace);
      if (this.objects.has(at)) return 'exists';
      return this.put(resource, { ...object, metadata: { ...object.metadata, uid: `uid-${this.#revision + 1}`, creationTimestamp: '2026-01-01T00:00:00Z' } });
    });
  }

  update<T extends KubeObject>(resource: Resource, object: T): Promise<T | 'conflict' | 'gone'> {
    return this.#call('update', resource, object.metadata.name, () => {
      const old = this.objects.get(key(resource, object.metadata.name, object.metadata.namespace));
      if (!old) return 'gone';
      const { resourceVersion, uid } = object.metadata;
      if (resourceVersion !== undefined && resourceVersion !== old.metadata.resourceVersion) return 'conflict';
      if (uid !== undefined && uid !== old.metadata.uid) return 'conflict';
      return this.put(resource, object);
    });
  }

  patch<T extends KubeObject>(resource: Resource, name: string, patch: unknown, options: PatchOptions): Promise<T | 'conflict' | 'gone'> {
    return this.#call('patch', resource, name, () => {
      const old = this.#read(key(resource, name, options.namespace));
      if (!old) return 'gone';
      const next = options.type === 'json' ? jsonPatch(old, patch as Operation[]) : merged(old, patch);
      if ((next as KubeObject).metadata.uid !== old.metadata.uid) throw invalid('metadata.uid is immutable');
      return this.put(resource, next as T);
    });
  }

  delete(resource: Resource, name: string, options: DeleteOptions = {}): Promise<'deleted' | 'gone' | 'conflict'> {
    return this.#call('delete', resource, name, () => {
      const at = key(resource, name, options.namespace);
      const old = this.objects.get(at);
      if (!old) return 'gone';
      if (options.uid !== undefined && options.uid !== old.metadata.uid) return 'conflict';
      if (options.resourceVersion !== undefined && options.resourceVersion !== old.metadata.resourceVersion) return 'conflict';
      this.objects.delete(at);
      this.#revision++;
      for (const w of this.#watchers) if (w.plural === resource.plural && selected(old, w.options)) w.handler.remove(old);
      return 'deleted';
    });
  }

  watch<T extends KubeObject>(resource: Resource, options: ListOptions, handler: WatchHandler<T>): Disposable {
    const watcher: Watcher = { plural: resource.plural, options, handler: handler };
    queueMicrotask(() => {
      for (const object of this.#select(resource.plural, options)) watcher.handler.upsert(object);
      handler.synced();
      this.#watchers.add(watcher);
    });
    return { [Symbol.dispose]: () => { this.#watchers.delete(watcher); } };
  }

  raw(_method: string, path: string): Promise<unknown> {
    if (path === '/apis') return Promise.resolve({ groups: this.groups.map((name) => ({ name })) });
    return Promise.reject(new OperationError('KUBE_REQUEST', { path, status: 404 }));
  }

  /** Writes without a precondition and without being noted as a call. */
  put<T extends KubeObject>(resource: Pick<Resource, 'plural'>, object: T): T {
    const stored = copy({ ...object, metadata: { ...object.metadata, resourceVersion: String(++this.#revision) } });
    this.objects.set(key(resource, stored.metadata.name, stored.metadata.namespace), stored);
    for (const w of this.#watchers) if (w.plural === resource.plural && selected(stored, w.options)) w.handler.upsert(copy(stored));
    return copy(stored);
  }

  /** What is stored under a plural, in order of names. */
  all(plural: string): KubeObject[] { return this.#select(plural, {}); }

  async #call<R>(verb: Verb, resource: Resource, name: string, body: () => R): Promise<R> {
    const call = { verb, plural: resource.plural, name };
    this.calls.push(call);
    await this.before(call);
    const result = body();
    this.after(call);
    return result;
  }

  #read(at: string): KubeObject | undefined {
    const object = this.objects.get(at);
    return object && copy(object);
  }

  #select(plural: string, options: ListOptions): KubeObject[] {
    const found = [...this.objects].filter(([at, object]) => at.startsWith(`${plural}/`) && selected(object, options));
    return found.sort(([a], [b]) => (a < b ? -1 : 1)).map(([, object]) => copy(object));
  }
}

const key = (resource: Pick<Resource, 'plural'>, name: string, namespace?: string): string => `${resource.plural}/${namespace ?? ''}/${name}`;
const copy = <T>(value: T): T => parseJson(stringifyJson(value)) as T;

function selected(object: KubeObject, { namespace, labelSelector, fieldSelector }: ListOptions): boolean {
  if (namespace !== undefined && object.metadata.namespace !== namespace) return false;
  const named = /^metadata\.name=(.*)$/.exec(fieldSelector ?? '')?.[1];
  if (named !== undefined && named !== object.metadata.name) return false;
  const labels = object.metadata.labels ?? {};
  return (labelSelector ?? '').split(',').every((term) => {
    const [name = '', value] = term.split('=');
    if (term === '') return true;
    return term.startsWith('!') ? labels[term.slice(1)] === undefined : labels[name] === value;
  });
}

const invalid = (message: string): OperationError => new OperationError('KUBE_REQUEST', { status: 422, reason: 'Invalid' }, new Error(message));

function merged(old: unknown, patch: unknown): unknown {
  if (typeof patch !== 'object' || patch === null || Array.isArray(patch)) return patch;
  const result: Record<string, unknown> = typeof old === 'object' && old !== null ? { ...old } : {};
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) delete result[name]; else result[name] = merged(result[name], value);
  }
  return result;
}

interface Operation { readonly op: 'test' | 'add' | 'replace'; readonly path: string; readonly value: unknown }

function jsonPatch(object: KubeObject, operations: readonly Operation[]): unknown {
  const result = copy(object) as unknown as Record<string, unknown>;
  for (const { op, path, value } of operations) {
    const parts = path.slice(1).split('/').map((p) => p.replaceAll('~1', '/').replaceAll('~0', '~'));
    const last = parts.pop()!;
    const parent = parts.reduce<Record<string, unknown> | undefined>((at, part) => at?.[part] as Record<string, unknown> | undefined, result);
    if (parent === undefined) throw invalid(`${path}: no such path`);
    if (op === 'test' && stringifyJson(parent[last]) !== stringifyJson(value)) throw invalid(`${path}: test failed`);
    if (op !== 'test') parent[last] = value;
  }
  return result;
}
