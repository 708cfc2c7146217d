/** The life of a namespace: the default ones, and how one ends with everything in it. */
import { forbidden, notFound, type ApiError } from './api/status.ts';
import { subjectOf, timestamp, type Core } from './core.ts';
import { finishDeletion, removeObject } from './deletes.ts';
import { create } from './creates.ts';
import { storageKey, type ResourceType } from './kinds/resource-type.ts';
import { cloneJson, isObject, type ApiObject } from './objects/object.ts';
import { objectOf, rangeOf, type Stored } from './object-store.ts';

export const DEFAULT_NAMESPACES = ['default', 'kube-node-lease', 'kube-public', 'kube-system'] as const;
const IMMORTAL: ReadonlySet<string> = new Set(['default', 'kube-public', 'kube-system']);

export const isNamespace = (type: Pick<ResourceType, 'group' | 'plural'>): boolean => type.group === '' && type.plural === 'namespaces';
const namespaceType = (core: Core): ResourceType => core.registry.find('', 'v1', 'namespaces')!;

/** Creates the default namespaces that are not there, and goes on with those that were being deleted when the server stopped. */
export function ensureNamespaces(core: Core): void {
  const type = namespaceType(core);
  for (const name of DEFAULT_NAMESPACES) {
    if (core.objects.readRow(type, undefined, name) !== undefined) continue;
    create(core, { type, namespace: undefined, name: '', subresource: undefined, query: new URLSearchParams(), contentType: 'application/json', body: JSON.stringify({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } }) });
  }
  for (const row of core.objects.list(type, rangeOf(undefined))) {
    if (objectOf(type, row.body, row.rv).metadata.deletionTimestamp !== undefined) emptyNamespace(core, row.path);
  }
}

/** Why an object cannot be created in its namespace: there is none, or it is going. */
export function namespaceRefusal(core: Core, type: ResourceType, object: ApiObject): ApiError | undefined {
  if (!type.namespaced) return undefined;
  const name = object.metadata.namespace!;
  const namespace = core.objects.read(namespaceType(core), undefined, name);
  if (namespace === undefined) return notFound(subjectOf(namespaceType(core)), name);
  if (namespace.object.metadata.deletionTimestamp === undefined) return undefined;
  return forbidden(subjectOf(type), object.metadata.name ?? '', `unable to create new content in namespace ${name} because it is being terminated`,
    [{ reason: 'NamespaceTerminating', message: `namespace ${name} is being terminated`, field: 'metadata.namespace' }]);
}

/** Marks the namespace as Terminating, deletes what is in it, and the namespace itself once it is empty. */
export function terminateNamespace(core: Core, type: ResourceType, old: Stored, dryRun: boolean): ApiObject {
  const name = old.object.metadata.name!;
  if (IMMORTAL.has(name)) throw forbidden(subjectOf(type), name, 'this namespace may not be deleted');
  if (old.object.metadata.deletionTimestamp !== undefined) return old.object;
  const marked = cloneJson(old.object);
  marked.metadata.deletionTimestamp = timestamp(core.clock);
  marked['status'] = { ...(isObject(marked['status']) ? marked['status'] : {}), phase: 'Terminating' };
  if (dryRun) return marked;
  const stored = core.objects.write(type, marked, old);
  setImmediate(() => { emptyNamespace(core, name); });
  return stored;
}

function emptyNamespace(core: Core, namespace: string): void {
  for (const type of contentTypes(core)) {
    for (const row of core.objects.list(type, rangeOf(namespace))) {
      const object = objectOf(type, row.body, row.rv);
      if (object.metadata.deletionTimestamp === undefined) removeObject(core, type, { row, object }, { dryRun: false, uid: undefined, resourceVersion: undefined, graceSeconds: undefined });
    }
  }
  contentRemoved(core, namespace);
}

/** One type for each resource that lives in namespaces, whatever versions it is served in. */
function contentTypes(core: Core): ResourceType[] {
  const types = new Map<string, ResourceType>();
  for (const type of core.registry.all()) if (type.namespaced) types.set(storageKey(type), type);
  return [...types.values()];
}

/** Something left the namespace: if it is Terminating and empty, it goes. */
export function contentRemoved(core: Core, namespace: string): void {
  const type = namespaceType(core);
  const stored = core.objects.read(type, undefined, namespace);
  if (stored?.object.metadata.deletionTimestamp === undefined) return;
  if (contentTypes(core).some((t) => core.objects.list(t, rangeOf(namespace), 1).length > 0)) return;
  const last = cloneJson(stored.object);
  if (isObject(last['spec'])) delete last['spec']['finalizers'];
  if ((last.metadata.finalizers ?? []).length === 0) finishDeletion(core, type, stored, last);
  else if (isObject(stored.object['spec']) && stored.object['spec']['finalizers'] !== undefined) core.objects.write(type, last, stored);
}
