/** The life of a CustomResourceDefinition: names accepted, resources served, instances deleted with it. */
import { ApiError } from './api/status.ts';
import { timestamp, type Core } from './core.ts';
import { finishDeletion, isReadyToGo, removeObject } from './deletes.ts';
import { conditionsOf, isServed, namesOf, withCondition } from './kinds/custom-status.ts';
import { definitionSpec, resourcesOf } from './kinds/custom.ts';
import { uncheckedRules } from './kinds/structural.ts';
import { storageKey, type ResourceType } from './kinds/resource-type.ts';
import { cloneJson, fieldAt, isObject, sameJson, type ApiObject } from './objects/object.ts';
import { objectOf, rangeOf, type Stored } from './object-store.ts';

/** Held by every definition that is being deleted, so that its instances go before it does. */
const CLEANUP = 'customresourcecleanup.apiextensions.k8s.io';

const definitionType = (core: Core): ResourceType => core.registry.find('apiextensions.k8s.io', 'v1', 'customresourcedefinitions')!;

/** Serves what the stored definitions define, and nothing else of the kind. For start, and after a failed commit. */
export function loadDefinitions(core: Core): void {
  const custom = new Map(core.registry.all().filter((type) => type.custom).map((type) => [storageKey(type), type]));
  for (const type of custom.values()) core.registry.remove(type.group, type.plural);
  const type = definitionType(core);
  for (const row of core.objects.list(type, rangeOf(undefined))) serve(core, objectOf(type, row.body, row.rv));
}

function serve(core: Core, definition: ApiObject): void {
  const { group, names } = definitionSpec(definition);
  core.registry.remove(group, names.plural);
  if (isServed(definition)) for (const type of resourcesOf(definition, Number(definition.metadata.resourceVersion))) core.registry.add(type);
}

/** Sets names, conditions and stored versions of the status, which on a cluster controllers would do a moment later. */
export function prepareDefinition(core: Core, definition: ApiObject, old: ApiObject | undefined): void {
  if (!isObject(fieldAt(definition, 'spec', 'names')) || !Array.isArray(fieldAt(definition, 'spec', 'versions'))) return;
  const spec = definitionSpec(definition);
  const now = timestamp(core.clock);
  const status = isObject(old?.['status']) ? cloneJson(old['status']) : {};
  const { accepted, conflict } = namesOf(spec, core.registry.inGroup(spec.group));
  const stored = Array.isArray(status['storedVersions']) ? (status['storedVersions'] as string[]) : [];
  const storage = spec.versions.find((v) => v.storage)?.name;
  definition['status'] = {
    ...status,
    acceptedNames: { plural: '', kind: '', ...(isObject(status['acceptedNames']) ? status['acceptedNames'] : {}), ...accepted },
    conditions: conditionsOf(status['conditions'], conflict, now),
    storedVersions: storage === undefined || stored.includes(storage) ? stored : [...stored, storage],
  };
}

export function definitionChanged(core: Core, definition: ApiObject, old: ApiObject | undefined): void {
  serve(core, definition);
  const { group, names, versions } = definitionSpec(definition);
  const unchecked = versions.flatMap((v) => uncheckedRules(v.schema?.openAPIV3Schema ?? {}, v.name));
  if (unchecked.length > 0) core.log.warn('apiserver.rules-not-checked', { definition: definition.metadata.name, rules: unchecked });
  if (old !== undefined && !sameJson(old['spec'], definition['spec'])) core.hub.end(storageKey({ group, plural: names.plural }));
}

/** While a definition is being deleted nothing new of its kind is accepted. */
export function definitionRefusal(core: Core, type: ResourceType): ApiError | undefined {
  if (!type.custom || definitionOf(core, type)?.object.metadata.deletionTimestamp === undefined) return undefined;
  return new ApiError(405, 'MethodNotAllowed', `create not allowed while custom resource definition is terminating`, {});
}

const definitionOf = (core: Core, type: ResourceType): Stored | undefined => core.objects.read(definitionType(core), undefined, `${type.plural}.${type.group}`);

export function terminateDefinition(core: Core, type: ResourceType, old: Stored, dryRun: boolean): ApiObject {
  if (old.object.metadata.deletionTimestamp !== undefined) return old.object;
  const now = timestamp(core.clock);
  const marked = cloneJson(old.object);
  marked.metadata.deletionTimestamp = now;
  marked.metadata.finalizers = [...(marked.metadata.finalizers ?? []).filter((f) => f !== CLEANUP), CLEANUP];
  const status = isObject(marked['status']) ? marked['status'] : {};
  marked['status'] = { ...status, conditions: withCondition(status['conditions'], { type: 'Terminating', status: 'True', reason: 'InstanceDeletionPending', message: 'CustomResourceDefinition marked for deletion; CustomResource deletion will begin soon' }, now) };
  if (dryRun) return marked;
  const stored = core.objects.write(type, marked, old);
  setImmediate(() => { deleteInstances(core, stored); });
  return stored;
}

function deleteInstances(core: Core, definition: ApiObject): void {
  const { group, names } = definitionSpec(definition);
  const type = core.registry.inGroup(group).find((t) => t.plural === names.plural) ?? resourcesOf(definition, Number.MAX_SAFE_INTEGER)[0];
  if (type !== undefined) {
    for (const row of core.objects.list(type, rangeOf(undefined))) {
      const object = objectOf(type, row.body, row.rv);
      if (object.metadata.deletionTimestamp === undefined) removeObject(core, type, { row, object }, { dryRun: false, uid: undefined, resourceVersion: undefined, graceSeconds: undefined });
    }
    instanceRemoved(core, type);
  }
}

/** An instance is gone: if its definition waits for that and it was the last, the definition goes. */
export function instanceRemoved(core: Core, type: ResourceType): void {
  const definition = definitionOf(core, type);
  if (definition?.object.metadata.deletionTimestamp === undefined) return;
  if (core.objects.list(type, rangeOf(undefined), 1).length > 0) return;
  const last = cloneJson(definition.object);
  last.metadata.finalizers = (last.metadata.finalizers ?? []).filter((f) => f !== CLEANUP);
  if (isReadyToGo(last)) finishDeletion(core, definitionType(core), definition, last);
  else core.objects.write(definitionType(core), last, definition);
}

export function definitionRemoved(core: Core, definition: ApiObject): void {
  const { group, names } = definitionSpec(definition);
  core.registry.remove(group, names.plural);
  core.hub.end(storageKey({ group, plural: names.plural }));
}

/** Goes on with the definitions that were being deleted when the server stopped. */
export function resumeDefinitions(core: Core): void {
  const type = definitionType(core);
  for (const row of core.objects.list(type, rangeOf(undefined))) {
    const definition = objectOf(type, row.body, row.rv);
    if (definition.metadata.deletionTimestamp !== undefined) deleteInstances(core, definition);
  }
}
