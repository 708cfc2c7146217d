/** POST: a new object. */
import { decodeObject, parseBody, refuseBody } from './api/decode.ts';
import { parseWriteOptions } from './api/list-options.ts';
import { alreadyExists, ApiError, badRequest, invalid } from './api/status.ts';
import { stampOf, subjectOf, type Core, type Outcome, type ResourceRequest } from './core.ts';
import { isDefinition } from './kinds/custom.ts';
import type { ResourceType } from './kinds/resource-type.ts';
import { stampCreation } from './objects/metadata.ts';
import { metadataErrors } from './objects/names.ts';
import type { ApiObject } from './objects/object.ts';
import { applyDefaults } from './schema/defaults.ts';
import { ruleErrors } from './schema/rules.ts';
import { listErrors, validate } from './schema/validate.ts';
import type { FieldError } from './schema/field-error.ts';

const GENERATED_NAME_ATTEMPTS = 8;

/** Throws ApiError. */
export function create(core: Core, request: ResourceRequest): Outcome {
  const { type } = request;
  const options = parseWriteOptions(request.query, 'CreateOptions');
  const body = parseBody(type, request.body);
  const { object, warnings } = decodeObject(type, body, options.fieldValidation, refuseBody(type, body['kind']));
  placeInNamespace(object, request);
  if (object.metadata.resourceVersion !== undefined && object.metadata.resourceVersion !== '') {
    throw new ApiError(500, undefined, 'resourceVersion should not be set on objects to be created');
  }
  prepare(core, type, object);
  const refusal = core.lifecycle.refusal(type, object);
  if (refusal !== undefined) throw refusal;
  const errors = objectErrors(type, object);
  if (errors.length > 0) throw invalid(type, object.metadata.name ?? '', errors).warning(warnings);
  if (core.objects.readRow(type, object.metadata.namespace, object.metadata.name!) !== undefined) throw alreadyExists(subjectOf(type), object.metadata.name!);
  if (options.dryRun) return { code: 201, object, warnings };
  const stored = core.objects.write(type, object, undefined);
  core.lifecycle.changed(type, stored, undefined);
  return { code: 201, object: stored, warnings };
}

/** The namespace of the URL counts; the body may repeat it but not contradict. */
export function placeInNamespace(object: ApiObject, request: ResourceRequest): void {
  const { namespace, type } = request;
  if (!type.namespaced) return;
  const own = object.metadata.namespace;
  if (own !== undefined && own !== '' && own !== namespace) throw badRequest('the namespace of the provided object does not match the namespace sent on the request');
  object.metadata.namespace = namespace!;
}

function prepare(core: Core, type: ResourceType, object: ApiObject): void {
  const { metadata } = object;
  let stamp = stampOf(core.clock);
  for (let i = 0; i < GENERATED_NAME_ATTEMPTS && (metadata.name ?? '') === '' && (metadata.generateName ?? '') !== ''; i += 1) {
    if (core.objects.readRow(type, metadata.namespace, metadata.generateName! + stamp.suffix) === undefined) break;
    stamp = stampOf(core.clock);
  }
  stampCreation(metadata, stamp, type.generation);
  if (type.custom) {
    if (type.status) delete object['status'];
    applyDefaults(type.root, object);
  }
  type.strategy.prepareCreate?.(object);
  core.lifecycle.prepare(type, object, undefined);
}

/** What leaves it open what a rule would see. */
const BLOCKING: ReadonlySet<FieldError['type']> = new Set(['NotSupported', 'Required', 'TooLong', 'TooMany', 'TypeInvalid']);

/** Rules are asked only about objects whose fields have the right shape. */
function customErrors(type: ResourceType, object: ApiObject, old: ApiObject | undefined, shape: FieldError[]): FieldError[] {
  const errors = [...shape, ...listErrors(type.root, object, '')];
  if (!type.root.hasRules) return errors;
  if (errors.some((e) => BLOCKING.has(e.type))) return [...errors, UNCHECKED];
  return [...errors, ...ruleErrors(type.root, object, old, '')];
}

const UNCHECKED: FieldError = { type: 'Invalid', field: '<nil>', value: null, detail: 'some validation rules were not checked because the object was invalid; correct the existing errors to complete validation' };

/** Everything that is wrong with an object by itself; `old` for what an update may not change. */
export function objectErrors(type: ResourceType, object: ApiObject, old?: ApiObject): FieldError[] {
  const shape = validate(type.root, object, '', old);
  return [
    ...metadataErrors(object.metadata, type.strategy.name ?? 'subdomain', type.namespaced, type.custom || isDefinition(type)),
    ...(type.custom ? customErrors(type, object, old, shape) : shape),
    ...(type.strategy.validate?.(object, old) ?? []),
  ];
}
