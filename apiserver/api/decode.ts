/** From the body of a write to an object of the right kind: JSON, apiVersion and kind, types of fields, unknown fields. */
import { stringifyJson } from '../../lib/json.ts';
import { parseBounded } from './bounded-json.ts';
import { apiVersionOf, type ResourceType } from '../kinds/resource-type.ts';
import { isObject, textAt, type ApiObject, type JsonObject } from '../objects/object.ts';
import { hasFormat } from '../schema/formats.ts';
import { objectMeta } from '../schema/definitions.ts';
import type { SchemaNode } from '../schema/node.ts';
import { prune } from '../schema/prune.ts';
import { invalidValue } from '../schema/field-error.ts';
import type { FieldValidation } from './list-options.ts';
import { badRequest, invalid, type ApiError } from './status.ts';

export interface Decoded { readonly object: ApiObject; readonly warnings: readonly string[] }

/** Parses the text of a body. Throws a 400 ApiError. */
export function parseBody(type: ResourceType, text: string): JsonObject {
  let value: unknown;
  try {
    value = parseBounded(text);
  } catch (error) {
    throw badRequest(`the object provided is unrecognized (must be of type ${type.kind}): couldn't get version/kind; json parse error: ${(error as Error).message} (${text === '' ? '<empty>' : text.slice(0, 50)})`);
  }
  if (!isObject(value)) throw badRequest(`the object provided is unrecognized (must be of type ${type.kind}): couldn't get version/kind; json parse error: cannot unmarshal ${Array.isArray(value) ? 'array' : typeof value} into an object`);
  return value;
}

/** How a value that is no object of the type is refused: `why` completes the sentence. */
export type Refuse = (why: string) => ApiError;

/** For the body of POST and PUT. */
export const refuseBody = (type: ResourceType, kind: unknown): Refuse => (why) => badRequest(`${String(kind)} in version ${JSON.stringify(type.version)} cannot be handled as a ${type.kind}: ${why}`);
/** For what a patch made of an object. */
export const refusePatched = (patched: unknown): Refuse => (why) => invalid({ group: '', kind: '' }, '', [invalidValue('patch', stringifyJson(patched), why)]);

/** `value` becomes an object of the type; the result is `value` itself, changed. Throws what `refuse` makes. */
export function decodeObject(type: ResourceType, value: JsonObject, validation: FieldValidation, refuse: Refuse): Decoded {
  if (type.custom) requireKind(type, value);
  value['apiVersion'] ??= apiVersionOf(type);
  value['kind'] ??= type.kind;
  checkKind(type, value, refuse);
  value['metadata'] ??= {};
  const wrong = type.custom ? shapeError(objectMeta(), value['metadata'], [], '') : shapeError(type.root, value, [], type.kind);
  if (wrong !== undefined) throw refuse(wrong);
  dropEmpty(type.custom ? objectMeta() : type.root, type.custom ? value['metadata'] : value);
  const removed = prune(type.root, value, objectMeta());
  const unknown = (type.custom ? removed.sort() : removed).map((path) => `unknown field ${JSON.stringify(path)}`);
  if (unknown.length > 0 && validation === 'Strict') throw refuse(`strict decoding error: ${unknown.join(', ')}`);
  return { object: value as ApiObject, warnings: validation === 'Warn' ? unknown : [] };
}

/** Only typed decoders know the kind from where they are. */
function requireKind(type: ResourceType, value: JsonObject): void {
  if (value['kind'] !== undefined && value['kind'] !== '') return;
  const text = stringifyJson(value);
  throw badRequest(`the object provided is unrecognized (must be of type ${type.kind}): Object 'Kind' is missing in '${text}' (${text.slice(0, 100)})`);
}

function checkKind(type: ResourceType, value: JsonObject, refuse: Refuse): void {
  const { apiVersion, kind } = value;
  const expected = apiVersionOf(type);
  if (apiVersion === expected && kind === type.kind) return;
  if (apiVersion !== expected && type.custom) throw badRequest(`the API version in the data (${String(apiVersion)}) does not match the expected API version (${expected})`);
  if (apiVersion !== expected) throw badRequest(`${String(kind)} in version ${JSON.stringify(apiVersion)} cannot be handled as a ${type.kind}: no kind ${JSON.stringify(kind)} is registered for version ${JSON.stringify(apiVersion)} here`);
  if (type.custom) throw invalid({ group: type.group, kind: String(kind) }, textAt(value, 'metadata', 'name'), [invalidValue('kind', kind, `must be ${type.kind}`)]);
  throw refuse(`converting (${String(apiVersion)}.${String(kind)}) to (${type.kind}): unknown conversion`);
}

/**
 * The first field that holds another type than the schema says, as Go's JSON decoder reports it: `path` are field names
 * without indices and keys, `struct` is the Go type that has the field.
 */
export function shapeError(node: SchemaNode, value: unknown, path: readonly string[], struct: string): string | undefined {
  if (value === null || value === undefined || node.intOrString) return undefined;
  const where = path.length === 0 ? 'Go value' : `Go struct field ${struct}.${path.join('.')}`;
  const mismatch = (): string => `json: cannot unmarshal ${goKind(value)}${node.type === 'integer' && typeof value === 'number' ? ` ${value}` : ''} into ${where} of type ${goType(node)}`;
  if (node.oneOf.length > 0 && node.type === undefined) return typeof value === 'object' ? mismatch() : undefined;
  switch (node.type) {
    case 'string': return typeof value === 'string' ? textError(node, value) : mismatch();
    case 'boolean': return typeof value === 'boolean' ? undefined : mismatch();
    case 'integer': return typeof value === 'bigint' || (typeof value === 'number' && Number.isInteger(value)) ? undefined : mismatch();
    case 'number': return typeof value === 'number' || typeof value === 'bigint' ? undefined : mismatch();
    case 'array': {
      if (!Array.isArray(value)) return mismatch();
      return first(value, (item) => (node.items === undefined ? undefined : shapeError(node.items, item, path, struct)));
    }
    case 'object': return isObject(value) ? objectShapeError(node, value, path, struct) : mismatch();
    case undefined: return undefined;
  }
}

/** Bytes and times are read where they are decoded, before anything is validated. */
function textError(node: SchemaNode, text: string): string | undefined {
  if (node.format === 'byte' && !hasFormat('byte', text)) return `illegal base64 data at input byte ${Math.max(0, text.search(/[^A-Za-z0-9+/]/))}`;
  if (node.format === 'date-time' && text !== '' && !hasFormat('date-time', text)) {
    return `parsing time ${JSON.stringify(text)} as "${node.name === 'MicroTime' ? '2006-01-02T15:04:05.000000Z07:00' : '2006-01-02T15:04:05Z07:00'}": cannot parse ${JSON.stringify(text)} as "2006"`;
  }
  return undefined;
}

const objectShapeError = (node: SchemaNode, value: JsonObject, path: readonly string[], struct: string): string | undefined => first(Object.keys(value), (key) => {
  const field = node.properties.get(key);
  if (field !== undefined) return shapeError(field, value[key], [...path, key], node.name ?? struct);
  return node.additional === undefined ? undefined : shapeError(node.additional, value[key], path, struct);
});

function first<T>(items: readonly T[], check: (item: T) => string | undefined): string | undefined {
  for (const item of items) {
    const found = check(item);
    if (found !== undefined) return found;
  }
  return undefined;
}

const goKind = (value: unknown): string => (Array.isArray(value) ? 'array' : typeof value === 'boolean' ? 'bool' : typeof value === 'bigint' ? 'number' : typeof value);

function goType(node: SchemaNode): string {
  if (node.name !== undefined) return `v1.${node.name}`;
  switch (node.type) {
    case 'integer': return node.format ?? 'int';
    case 'number': return 'float64';
    case 'boolean': return 'bool';
    case 'array': return `[]${node.items === undefined ? 'string' : goType(node.items)}`;
    case 'object': return `map[string]${node.additional === undefined ? 'string' : goType(node.additional)}`;
    default: return 'string';
  }
}

/** What a typed decoder does not keep: nulls, and empty lists and maps that need not be there. Free-form parts keep theirs. */
function dropEmpty(node: SchemaNode, value: unknown): void {
  if (Array.isArray(value)) {
    if (node.items !== undefined) for (const item of value) dropEmpty(node.items, item);
  } else if (isObject(value)) {
    for (const key of Object.keys(value)) {
      const next = node.properties.get(key) ?? node.additional;
      if (next === undefined) continue;
      const field = value[key];
      const isNothing = field === null ? next.type !== undefined || next.intOrString : node.properties.has(key) && isEmptyCollection(next, field) && !node.required.includes(key);
      if (isNothing) delete value[key];
      else dropEmpty(next, field);
    }
  }
}

const isEmptyCollection = (node: SchemaNode, value: unknown): boolean =>
  (Array.isArray(value) && value.length === 0) || (node.additional !== undefined && node.properties.size === 0 && isObject(value) && Object.keys(value).length === 0);
