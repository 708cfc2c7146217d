/** DELETE: preconditions, grace, finalizers; and what happens when the last finalizer goes. */
import { ApiError, badRequest, detailsOf, invalid, notFound, preconditionFailed, successStatus } from './api/status.ts';
import { parseBounded } from './api/bounded-json.ts';
import { parseWriteOptions } from './api/list-options.ts';
import { subjectOf, timestamp, type Core, type Outcome, type ResourceRequest } from './core.ts';
import type { ResourceType } from './kinds/resource-type.ts';
import { cloneJson, fieldAt, isObject, type ApiObject } from './objects/object.ts';
import type { Stored } from './object-store.ts';
import { notSupported } from './schema/field-error.ts';

/** Accepted, and ignored: nothing here collects dependents. */
const PROPAGATIONS: readonly string[] = ['Foreground', 'Background', 'Orphan', ''];

export interface DeleteOptions {
  readonly dryRun: boolean;
  readonly uid: string | undefined;
  readonly resourceVersion: string | undefined;
  readonly graceSeconds: number | undefined;
}

/** From the body, which may be empty, and the query, which completes it. Throws ApiError. */
export function parseDeleteOptions(body: string, query: URLSearchParams): DeleteOptions {
  let options: unknown = {};
  try {
    if (body.trim() !== '') options = parseBounded(body);
  } catch (error) {
    throw badRequest(`couldn't get version/kind; json parse error: ${(error as Error).message}`);
  }
  if (!isObject(options)) throw badRequest('the body of a DELETE is DeleteOptions or nothing');
  const { kind } = options;
  if (kind !== undefined && kind !== 'DeleteOptions') throw new ApiError(400, 'BadRequest', `no kind ${JSON.stringify(kind)} is expected here: the body of a DELETE is DeleteOptions`);
  const merged = new URLSearchParams(query);
  if (Array.isArray(options['dryRun'])) for (const value of options['dryRun']) merged.append('dryRun', String(value));
  const grace = options['gracePeriodSeconds'] ?? (query.has('gracePeriodSeconds') ? Number(query.get('gracePeriodSeconds')) : undefined);
  if (grace !== undefined && (typeof grace !== 'number' || !Number.isInteger(grace))) throw badRequest(`gracePeriodSeconds: ${JSON.stringify(grace)} is not a whole number of seconds`);
  const propagation = options['propagationPolicy'] ?? query.get('propagationPolicy') ?? '';
  if (!PROPAGATIONS.includes(propagation as string)) throw invalid({ group: 'meta.k8s.io', kind: 'DeleteOptions' }, '', [notSupported('propagationPolicy', propagation, [...PROPAGATIONS.slice(0, 3), 'nil'])]);
  const precondition = (field: string): string | undefined => { const value = fieldAt(options, 'preconditions', field); return typeof value === 'string' ? value : undefined; };
  return { ...parseWriteOptions(merged, 'DeleteOptions'), uid: precondition('uid'), resourceVersion: precondition('resourceVersion'), graceSeconds: grace !== undefined && grace < 0 ? 1 : grace };
}

/** Throws ApiError. */
export function remove(core: Core, request: ResourceRequest): Outcome {
  const { type } = request;
  const options = parseDeleteOptions(request.body, request.query);
  const old = core.objects.read(type, request.namespace, request.name);
  if (old === undefined) throw notFound(subjectOf(type), request.name);
  const result = removeObject(core, type, old, options);
  if (result.kept || type.returnsDeleted) return { code: 200, object: result.object };
  return { code: 200, other: successStatus({ ...detailsOf(subjectOf(type), request.name), uid: old.object.metadata.uid! }) };
}

/** Deletes or begins to; `kept` when the object is still there. Throws ApiError 409. */
export function removeObject(core: Core, type: ResourceType, old: Stored, options: DeleteOptions): { object: ApiObject; kept: boolean } {
  checkPreconditions(type, old.object, options);
  const terminating = core.lifecycle.terminate(type, old, options.dryRun);
  if (terminating !== undefined) return { object: terminating, kept: true };
  const { metadata } = old.object;
  const grace = type.strategy.graceSeconds?.(old.object, options.graceSeconds) ?? 0;
  if ((metadata.finalizers ?? []).length === 0 && grace === 0) {
    const last = type.strategy.graceSeconds === undefined ? old.object : markDeleted(core, old.object, 0);
    return { object: options.dryRun ? last : finishDeletion(core, type, old, last), kept: false };
  }
  if (metadata.deletionTimestamp !== undefined && grace >= (metadata.deletionGracePeriodSeconds ?? 0)) return { object: old.object, kept: true };
  const marked = markDeleted(core, old.object, grace);
  return { object: options.dryRun ? marked : core.objects.write(type, marked, old), kept: true };
}

/** The object with a time at which it is to go. */
export function markDeleted(core: Core, object: ApiObject, graceSeconds: number): ApiObject {
  const marked = cloneJson(object);
  marked.metadata.deletionTimestamp = timestamp(core.clock, graceSeconds);
  marked.metadata.deletionGracePeriodSeconds = graceSeconds;
  if (marked.metadata.generation !== undefined && object.metadata.deletionTimestamp === undefined) marked.metadata.generation += 1;
  return marked;
}

function checkPreconditions(type: ResourceType, object: ApiObject, options: DeleteOptions): void {
  const { uid, resourceVersion, name } = object.metadata;
  if (options.uid !== undefined && options.uid !== uid) {
    throw preconditionFailed(subjectOf(type), name!, `the UID in the precondition (${options.uid}) does not match the UID in record (${uid!}). The object might have been deleted and then recreated`);
  }
  if (options.resourceVersion !== undefined && options.resourceVersion !== resourceVersion) {
    throw preconditionFailed(subjectOf(type), name!, `the ResourceVersion in the precondition (${options.resourceVersion}) does not match the ResourceVersion in record (${resourceVersion!}). The object might have been modified`);
  }
}

/** An object that was to be deleted and has nothing more to wait for. */
export const isReadyToGo = (object: ApiObject): boolean =>
  object.metadata.deletionTimestamp !== undefined && (object.metadata.finalizers ?? []).length === 0 && (object.metadata.deletionGracePeriodSeconds ?? 0) === 0
  && !hasSpecFinalizers(object);

const hasSpecFinalizers = (object: ApiObject): boolean => { const list = fieldAt(object, 'spec', 'finalizers'); return object.kind === 'Namespace' && object.apiVersion === 'v1' && Array.isArray(list) && list.length > 0; };

/** Takes the object away and tells whoever waited for that: its namespace, its definition. */
export function finishDeletion(core: Core, type: ResourceType, old: Stored, last: ApiObject): ApiObject {
  const gone = core.objects.remove(type, old, last);
  core.lifecycle.removed(type, gone);
  return gone;
}

