/** From the body of a write to an object of the right kind: JSON, apiVersion and kind, types of fields, unknown fields. */
import { parseJson } from '../../lib/json.ts';
import { apiVersionOf, type ResourceType } from '../kinds/resource-type.ts';
import { isObject, type ApiObject, type JsonObject } from '../objects/object.ts';
import { objectMeta } from '../schema/definitions.ts';
import type { SchemaNode } from '../schema/node.ts';
import { prune } from '../schema/prune.ts';
import { child } from '../schema/field-error.ts';
import type { FieldValidation } from './list-options.ts';
import { badRequest } from './status.ts';

export interface Decoded { readonly object: ApiObject; readonly warnings: readonly string[] }

/** Nesting beyond this is refused before anything recurses into it. */
const MAX_DEPTH = 200;

/** Parses the text of a body. Throws a 400 ApiError. */
export function parseBody(type: ResourceType, text: string): JsonObject {
  let value: unknown;
  try {
    value = parseJson(text);
  } catch (error) {
    throw badRequest(`the object provided is unrecognized (must be of type ${type.kind}): couldn't get version/kind; json parse error: ${(error as Error).message} (${text === '' ? '<empty>' : text.slice(0, 50)})`);
  }
  if (!isObject(value)) throw badRequest(`the object provided is unrecognized (must be of type ${type.kind}): couldn't get version/kind; json parse error: cannot unmarshal ${Array.isArray(value) ? 'array' : typeof value} into an object`);
  return value;
}

/** `value` becomes an object of the type; the result is `value` itself, changed. Throws a 400 ApiError. */
export function decodeObject(type: ResourceType, value: JsonObject, validation: FieldValidation): Decoded {
  checkDepth(value);
  const apiVersion = apiVersionOf(type);
  value['apiVersion'] ??= apiVersion;
  value['kind'] ??= type.kind;
  checkKind(type, value, apiVersion);
  const refuse = (why: string): Error => badRequest(`${type.kind} in version ${JSON.stringify(type.version)} cannot be handled as a ${type.kind}: ${why}`);
  value['metadata'] ??= {};
  const wrong = type.custom ? shapeError(objectMeta(), value['metadata'], 'metadata', 'ObjectMeta') : shapeError(type.root, value, '', type.kind);
  if (wrong !== undefined) throw refuse(wrong);
  dropNulls(type.custom ? objectMeta() : type.root, type.custom ? value['metadata'] : value);
  const unknown = prune(type.root, value, objectMeta()).map((path) => `unknown field ${JSON.stringify(path)}`);
  if (unknown.length > 0 && validation === 'Strict') throw refuse(`strict decoding error: ${unknown.join(', ')}`);
  return { object: value as ApiObject, warnings: validation === 'Warn' ? unknown : [] };
}

function checkKind(type: ResourceType, value: JsonObject, apiVersion: string): void {
  const found = { apiVersion: value['apiVersion'], kind: value['kind'] };
  if (found.apiVersion === apiVersion && found.kind === type.kind) return;
  if (type.custom) {
    if (found.apiVersion !== apiVersion) throw badRequest(`the API version in the data (${String(found.apiVersion)}) does not match the expected API version (${apiVersion})`);
    throw badRequest(`${String(found.kind)} in version ${JSON.stringify(type.version)} cannot be handled as a ${type.kind}: converting (${String(found.kind)}) to (${type.kind}): unknown conversion`);
  }
  throw badRequest(`${String(found.kind)} in version ${JSON.stringify(found.apiVersion)} cannot be handled as a ${type.kind}: no kind ${JSON.stringify(found.kind)} of version ${JSON.stringify(found.apiVersion)} is served here`);
}

/** The first field that holds another type than the schema says, as Go's JSON decoder reports it. */
export function shapeError(node: SchemaNode, value: unknown, path: string, struct: string): string | undefined {
  if (value === null || value === undefined || node.intOrString) return undefined;
  if (node.oneOf.length > 0 && node.type === undefined) return isObject(value) || Array.isArray(value) ? mismatch(value, path, struct, 'string') : undefined;
  switch (node.type) {
    case 'string': return typeof value === 'string' ? undefined : mismatch(value, path, struct, 'string');
    case 'boolean': return typeof value === 'boolean' ? undefined : mismatch(value, path, struct, 'bool');
    case 'integer': return isWhole(value) ? undefined : mismatch(value, path, struct, node.format ?? 'int');
    case 'number': return typeof value === 'number' || typeof value === 'bigint' ? undefined : mismatch(value, path, struct, 'float64');
    case 'array': return Array.isArray(value) ? first(value, (item, i) => (node.items === undefined ? undefined : shapeError(node.items, item, `${path}[${i}]`, struct))) : mismatch(value, path, struct, 'slice');
    case 'object': return isObject(value) ? objectShapeError(node, value, path, struct) : mismatch(value, path, struct, 'struct');
    case undefined: return undefined;
  }
}

const objectShapeError = (node: SchemaNode, value: JsonObject, path: string, struct: string): string | undefined => first(Object.keys(value), (key) => {
  const next = node.properties.get(key) ?? node.additional;
  return next === undefined ? undefined : shapeError(next, value[key], child(path, key), struct);
});

function first<T>(items: readonly T[], check: (item: T, index: number) => string | undefined): string | undefined {
  for (const [i, item] of items.entries()) {
    const found = check(item, i);
    if (found !== undefined) return found;
  }
  return undefined;
}

const isWhole = (value: unknown): boolean => typeof value === 'bigint' || (typeof value === 'number' && Number.isInteger(value));

function mismatch(value: unknown, path: string, struct: string, expected: string): string {
  const found = Array.isArray(value) ? 'array' : typeof value === 'boolean' ? 'bool' : typeof value === 'bigint' ? 'number' : typeof value;
  return `json: cannot unmarshal ${found} into Go struct field ${struct}.${path} of type ${expected}`;
}

/** What a null means to a typed decoder: nothing. Free-form parts keep theirs. */
function dropNulls(node: SchemaNode, value: unknown): void {
  if (Array.isArray(value)) {
    if (node.items !== undefined) for (const item of value) dropNulls(node.items, item);
  } else if (isObject(value)) {
    for (const key of Object.keys(value)) {
      const next = node.properties.get(key) ?? node.additional;
      if (next === undefined) continue;
      if (value[key] === null && (next.type !== undefined || next.intOrString)) delete value[key];
      else dropNulls(next, value[key]);
    }
  }
}

function checkDepth(value: unknown): void {
  let level: unknown[] = [value];
  for (let depth = 0; level.length > 0; depth += 1) {
    if (depth > MAX_DEPTH) throw badRequest(`the object is nested deeper than ${MAX_DEPTH} levels`);
    level = level.flatMap((v) => (typeof v === 'object' && v !== null ? Object.values(v as Record<string, unknown>) : [])).filter((v) => typeof v === 'object' && v !== null);
  }
}
