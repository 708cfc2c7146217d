/** PUT and PATCH: a new state of an object that exists, by compare-and-swap. */
import { parseBounded } from './api/bounded-json.ts';
import { decodeObject, parseBody, refuseBody, refusePatched } from './api/decode.ts';
import { parseWriteOptions, type WriteOptions } from './api/list-options.ts';
import { badRequest, conflict, invalid, MODIFIED, notFound, unsupportedMediaType, unsupportedPatch } from './api/status.ts';
import { subjectOf, type Core, type Outcome, type ResourceRequest } from './core.ts';
import { objectErrors, placeInNamespace } from './creates.ts';
import { finishDeletion, isReadyToGo } from './deletes.ts';
import type { ResourceType } from './kinds/resource-type.ts';
import { keepServerFields, specChanged, updateErrors } from './objects/metadata.ts';
import { cloneJson, isObject, sameJson, type ApiObject, type JsonObject } from './objects/object.ts';
import type { Stored } from './object-store.ts';
import { jsonPatch } from './patch/json-patch.ts';
import { mergePatch } from './patch/merge-patch.ts';
import { strategicPatch } from './patch/strategic-patch.ts';
import { applyDefaults } from './schema/defaults.ts';
import { invalidValue } from './schema/field-error.ts';

/** Throws ApiError. */
export function update(core: Core, request: ResourceRequest): Outcome {
  const options = parseWriteOptions(request.query, 'UpdateOptions');
  const { type } = request;
  const body = parseBody(type, request.body);
  const { object, warnings } = decodeObject(type, body, options.fieldValidation, refuseBody(type, body['kind']));
  checkName(request, object);
  const old = existing(core, request);
  const { resourceVersion } = object.metadata;
  const unconditional = resourceVersion === undefined || resourceVersion === '' || resourceVersion === '0';
  if (unconditional && type.conditionalUpdate) {
    throw invalid({ group: type.group, kind: type.plural }, request.name, [invalidValue('metadata.resourceVersion', 0, 'must be specified for an update')]);
  }
  checkUid(request, old, object);
  return { ...replace(core, request, options, old, object, warnings), warnings };
}

/** Throws ApiError. */
export function patch(core: Core, request: ResourceRequest): Outcome {
  const options = parseWriteOptions(request.query, 'PatchOptions');
  const { type } = request;
  const apply = patchOf(type, request.contentType, request.body);
  const old = existing(core, request);
  const patched = apply(old.object);
  if (!isObject(patched)) throw badRequest('the patched value is not an object');
  const { object, warnings } = decodeObject(type, cloneJson(patched), options.fieldValidation, refusePatched(patched));
  checkName(request, object);
  return { ...replace(core, request, options, old, object, warnings), warnings };
}

const PATCH_TYPES = ['application/json-patch+json', 'application/merge-patch+json', 'application/strategic-merge-patch+json'] as const;

function patchOf(type: ResourceType, contentType: string, body: string): (object: ApiObject) => unknown {
  const accepted = type.custom ? PATCH_TYPES.slice(0, 2) : PATCH_TYPES;
  if (!(PATCH_TYPES as readonly string[]).includes(contentType)) throw unsupportedPatch();
  if (!(accepted as readonly string[]).includes(contentType)) throw unsupportedMediaType(accepted);
  let parsed: unknown;
  try {
    parsed = parseBounded(body);
  } catch (error) {
    throw badRequest(`error decoding patch: ${(error as Error).message}`);
  }
  if (contentType === PATCH_TYPES[0]) return (object) => jsonPatch(object, parsed);
  if (!isObject(parsed)) throw badRequest(`error decoding patch: json: cannot unmarshal ${Array.isArray(parsed) ? 'array' : typeof parsed} into Go value of type map[string]interface {}`);
  const change = parsed;
  return contentType === PATCH_TYPES[1] ? (object) => mergePatch(object, change) : (object) => strategicPatch(object, change, type.root);
}

function existing(core: Core, request: ResourceRequest): Stored {
  const old = core.objects.read(request.type, request.namespace, request.name);
  if (old === undefined) throw notFound(subjectOf(request.type), request.name);
  return old;
}

function checkName(request: ResourceRequest, object: ApiObject): void {
  if ((object.metadata.name ?? '') === '') throw badRequest(`the name of the object (${request.name} based on URL) was undeterminable: name must be provided`);
  if (object.metadata.name !== request.name) throw badRequest(`the name of the object (${object.metadata.name}) does not match the name on the URL (${request.name})`);
  placeInNamespace(object, request);
}

function replace(core: Core, request: ResourceRequest, options: WriteOptions, old: Stored, object: ApiObject, warnings: readonly string[]): Outcome {
  const { type } = request;
  checkVersion(request, old, object);
  const next = request.subresource === 'status' ? withStatusOnly(type, object, old.object) : withoutStatus(type, object, old.object);
  const refused = updateErrors(next.metadata, old.object.metadata);
  keepServerFields(next.metadata, old.object.metadata);
  if (type.custom) applyDefaults(type.root, next);
  if (request.subresource === undefined) {
    type.strategy.prepareUpdate?.(next, old.object);
    core.lifecycle.prepare(type, next, old.object);
    if (type.generation && specChanged(next, old.object, type.status)) next.metadata.generation = (old.object.metadata.generation ?? 0) + 1;
  }
  const errors = [...refused, ...objectErrors(type, next, old.object)];
  if (errors.length > 0) throw invalid(type, request.name, errors).warning(warnings);
  if (isReadyToGo(next)) return { code: 200, object: options.dryRun ? next : finishDeletion(core, type, old, next) };
  if (sameState(next, old.object)) return { code: 200, object: old.object };
  if (options.dryRun) return { code: 200, object: { ...next, metadata: { ...next.metadata, resourceVersion: old.object.metadata.resourceVersion! } } };
  const stored = core.objects.write(type, next, old);
  core.lifecycle.changed(type, stored, old.object);
  return { code: 200, object: stored };
}

/** Another uid is another object. In a patch it is just a field that cannot change. */
function checkUid(request: ResourceRequest, old: Stored, object: ApiObject): void {
  const { uid } = object.metadata;
  const current = old.object.metadata;
  if (uid !== undefined && uid !== '' && uid !== current.uid) {
    throw conflict(subjectOf(request.type), request.name, `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${current.uid!}`);
  }
}

function checkVersion(request: ResourceRequest, old: Stored, object: ApiObject): void {
  const { resourceVersion } = object.metadata;
  if (resourceVersion === undefined || resourceVersion === '' || resourceVersion === '0') return;
  if (!/^\d+$/.test(resourceVersion)) throw badRequest(`invalid resource version: resourceVersion: Invalid value: ${JSON.stringify(resourceVersion)}: strconv.ParseUint: parsing ${JSON.stringify(resourceVersion)}: invalid syntax`);
  if (resourceVersion !== old.object.metadata.resourceVersion) throw conflict(subjectOf(request.type), request.name, MODIFIED);
}

/** An update of the object itself leaves the status alone. */
function withoutStatus(type: ResourceType, object: ApiObject, old: ApiObject): ApiObject {
  if (!type.status) return object;
  const next: ApiObject = { ...object };
  if (old['status'] === undefined) delete next['status'];
  else next['status'] = cloneJson(old['status']);
  return next;
}

/** A status update of a custom resource changes the status alone; of a built-in kind labels and annotations too, as a real server does. */
function withStatusOnly(type: ResourceType, object: ApiObject, old: ApiObject): ApiObject {
  const next: ApiObject = cloneJson(old);
  if (object['status'] === undefined) delete next['status'];
  else next['status'] = object['status'];
  if (!type.custom) {
    for (const field of ['labels', 'annotations', 'finalizers'] as const) {
      if (object.metadata[field] === undefined) delete next.metadata[field];
      else next.metadata[field] = object.metadata[field] as never;
    }
  }
  return next;
}

/** Nothing but the resourceVersion differs. Empty maps in metadata are as good as none. */
function sameState(next: ApiObject, old: ApiObject): boolean {
  const normal = (object: ApiObject): JsonObject => ({
    ...object,
    metadata: Object.fromEntries(Object.entries(object.metadata).filter(([key, v]) => key !== 'resourceVersion' && v !== '' && !(typeof v === 'object' && v !== null && Object.keys(v).length === 0))),
  });
  return sameJson(normal(next), normal(old));
}
