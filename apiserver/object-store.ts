/** Objects of resource types on top of the revisions of the store: parsing, versions, today's schema, publishing. */
import { parseJson, stringifyJson } from '../lib/json.ts';
import type { Commits } from './commits.ts';
import { orderedObject } from './objects/metadata.ts';
import type { ApiObject } from './objects/object.ts';
import { apiVersionOf, storageKey, type ResourceType } from './kinds/resource-type.ts';
import { applyDefaults } from './schema/defaults.ts';
import { objectMeta } from './schema/definitions.ts';
import { prune } from './schema/prune.ts';
import { PATH_END, type Change, type Row, type Store } from './store.ts';
import { LiveChange, type WatchHub } from './watch-hub.ts';

/** An object and the stored row it was read from. */
export interface Stored { readonly object: ApiObject; readonly row: Row }

/** Where in the store the objects of a namespace (or all) are: `from <= path < to`. */
export interface Range { readonly from: string; readonly to: string }

export const pathOf = (namespace: string | undefined, name: string): string => (namespace === undefined ? name : `${namespace}/${name}`);
/** "0" follows "/", so that this is every path that starts with `namespace/`. */
export const rangeOf = (namespace: string | undefined): Range => (namespace === undefined ? { from: '', to: PATH_END } : { from: `${namespace}/`, to: `${namespace}0` });

export class ObjectStore {
  readonly #store: Store;
  readonly #commits: Commits;
  readonly #hub: WatchHub;
  constructor(store: Store, commits: Commits, hub: WatchHub) {
    this.#store = store;
    this.#commits = commits;
    this.#hub = hub;
  }

  get revision(): number { return this.#store.revision; }
  get compacted(): number { return this.#store.compacted; }

  read(type: ResourceType, namespace: string | undefined, name: string): Stored | undefined {
    const row = this.#store.get(storageKey(type), pathOf(namespace, name));
    return row === undefined ? undefined : { row, object: objectOf(type, row.body, row.rv) };
  }

  readRow(type: ResourceType, namespace: string | undefined, name: string): Row | undefined {
    return this.#store.get(storageKey(type), pathOf(namespace, name));
  }

  list(type: ResourceType, range: Range, limit?: number, at?: number): Row[] {
    return this.#store.list(storageKey(type), range.from, range.to, limit, at);
  }

  count(type: ResourceType, range: Range, at: number): number { return this.#store.count(storageKey(type), range.from, range.to, at); }

  changesSince(type: ResourceType, range: Range, rv: number): LiveChange[] {
    return this.#store.changesSince(storageKey(type), range.from, range.to, rv).map((change) => new LiveChange(change));
  }

  /** Stores a new object or a new state of `old`; returns it with its resourceVersion. Nobody hears of it before it is durable. */
  write(type: ResourceType, object: ApiObject, old: Stored | undefined): ApiObject {
    this.#commits.begin();
    const path = pathOf(type.namespaced ? object.metadata.namespace : undefined, object.metadata.name!);
    if (type.version !== type.storageVersion) toStorage(type, object);
    const row = this.#store.put(storageKey(type), path, old?.row, (rv) => bodyOf(type, object, rv));
    this.#publish({ ...row, resource: storageKey(type), deleted: false, before: old?.row.body });
    return { ...object, metadata: { ...object.metadata, resourceVersion: String(row.rv) } };
  }

  /** Deletes; `last` is the state the deletion event shows. */
  remove(type: ResourceType, old: Stored, last: ApiObject): ApiObject {
    this.#commits.begin();
    const row = this.#store.remove(storageKey(type), old.row, (rv) => bodyOf(type, last, rv));
    this.#publish({ ...row, resource: storageKey(type), deleted: true, before: old.row.body });
    return { ...last, metadata: { ...last.metadata, resourceVersion: String(row.rv) } };
  }

  #publish(change: Change): void {
    this.#commits.settled((error) => { if (error === undefined) this.#hub.publish(new LiveChange(change)); });
  }
}

/** What the schema of the stored version does not know is lost on the way, as with a real server. Changes the object. */
function toStorage(type: ResourceType, object: ApiObject): void {
  prune(type.storageRoot, object, objectMeta());
  applyDefaults(type.storageRoot, object);
}

function bodyOf(type: ResourceType, object: ApiObject, rv: number): string {
  const stored = { ...object, apiVersion: apiVersionOf({ group: type.group, version: type.storageVersion }), metadata: { ...object.metadata, resourceVersion: String(rv) } };
  return stringifyJson(orderedObject(stored));
}

/** Whether the stored text is what this type serves, so that it need not be parsed. */
const isCurrent = (type: ResourceType, rv: number): boolean => type.version === type.storageVersion && rv > type.schemaSince;

export function objectOf(type: ResourceType, body: string, rv: number): ApiObject {
  const object = parseJson(body) as ApiObject;
  return isCurrent(type, rv) ? object : asServed(type, object);
}

/** The text to answer with. */
export function textOf(type: ResourceType, body: string, rv: number): string {
  return isCurrent(type, rv) ? body : stringifyJson(asServed(type, parseJson(body) as ApiObject));
}

/** In the type's version, without what its schema does not know, and with its defaults. Changes the object. */
export function asServed(type: ResourceType, object: ApiObject): ApiObject {
  object.apiVersion = apiVersionOf(type);
  if (type.custom) {
    prune(type.root, object, objectMeta());
    applyDefaults(type.root, object);
  }
  return object;
}
