/** Whether the schema of a CustomResourceDefinition is structural, which pruning and defaulting need. */
import { isObject, type JsonObject } from '../objects/object.ts';
import { child, forbiddenField, invalidValue, keyed, notSupported, required, type FieldError } from '../schema/field-error.ts';
import { ruleProblems } from '../schema/rules.ts';
import { compilePattern } from '../schema/pattern.ts';

const TYPES = ['array', 'boolean', 'integer', 'number', 'object', 'string'];
/** What may not stand inside allOf, anyOf, oneOf, not. */
const NOT_IN_JUNCTIONS = ['type', 'default', 'additionalProperties', 'nullable', 'title', 'description', 'x-kubernetes-preserve-unknown-fields', 'x-kubernetes-embedded-resource', 'x-kubernetes-int-or-string'];
const FORBIDDEN = ['definitions', 'dependencies', 'id', 'patternProperties', 'additionalItems', '$schema'];

/** Whatever is wrong with single fields first; whether the whole is structural is asked only of a schema that is otherwise right. */
export function structuralErrors(schema: JsonObject, path: string): FieldError[] {
  const root = schema['type'] === undefined ? [required(child(path, 'type'), 'must not be empty at the root')]
    : schema['type'] === 'object' ? [] : [invalidValue(child(path, 'type'), schema['type'], 'must be object at the root')];
  const fields = walk(schema, path, fieldErrors);
  return fields.length > 0 ? fields : [...root, ...walk(schema, path, (node, at) => shapeErrors(node, at, node === schema))];
}

/** Where the schema states rules that cannot be checked here. */
export const uncheckedRules = (schema: JsonObject, path: string): string[] => walk(schema, path, (node, at) => ruleProblems(node, at).unsupported);

/** Every schema below, this one first; junctions are not entered. */
function walk<T>(schema: JsonObject, path: string, check: (schema: JsonObject, path: string) => T[]): T[] {
  const { properties, items, additionalProperties } = schema;
  return [
    ...check(schema, path),
    ...(isObject(properties) ? Object.entries(properties).flatMap(([name, value]) => (isObject(value) ? walk(value, keyed(child(path, 'properties'), name), check) : [])) : []),
    ...(isObject(items) ? walk(items, child(path, 'items'), check) : []),
    ...(isObject(additionalProperties) ? walk(additionalProperties, child(path, 'additionalProperties'), check) : []),
  ];
}

function fieldErrors(schema: JsonObject, path: string): FieldError[] {
  const errors: FieldError[] = [];
  const { type } = schema;
  if (type !== undefined && !TYPES.includes(type as string)) errors.push(notSupported(child(path, 'type'), type, TYPES));
  if (schema['$ref'] !== undefined) errors.push(forbiddenField(child(path, '$ref'), '$ref is not supported'));
  for (const field of FORBIDDEN) if (schema[field] !== undefined) errors.push(forbiddenField(child(path, field), `${field} is not supported`));
  if (schema['uniqueItems'] === true) errors.push(forbiddenField(child(path, 'uniqueItems'), 'uniqueItems cannot be set to true since the runtime complexity becomes quadratic'));
  if (Array.isArray(schema['items'])) errors.push(forbiddenField(child(path, 'items'), 'items must be a schema object and not an array'));
  if (schema['additionalProperties'] !== undefined && isObject(schema['properties']) && schema['additionalProperties'] !== false) {
    errors.push(forbiddenField(child(path, 'additionalProperties'), 'additionalProperties and properties are mutual exclusive'));
  }
  return [...errors, ...patternErrors(schema, path), ...listTypeErrors(schema, path), ...ruleProblems(schema, path).errors];
}

function shapeErrors(schema: JsonObject, path: string, root: boolean): FieldError[] {
  const errors: FieldError[] = [];
  const typeless = schema['x-kubernetes-int-or-string'] === true || schema['x-kubernetes-preserve-unknown-fields'] === true;
  if (schema['type'] === undefined && !typeless && !root) errors.push(required(child(path, 'type'), 'must not be empty for specified object fields'));
  if (schema['type'] === 'array' && !isObject(schema['items'])) errors.push(required(child(path, 'items'), 'must be specified'));
  return [...errors, ...junctionErrors(schema, path)];
}

function patternErrors(schema: JsonObject, path: string): FieldError[] {
  if (typeof schema['pattern'] !== 'string') return [];
  try {
    compilePattern(schema['pattern']);
    return [];
  } catch (error) {
    return [invalidValue(child(path, 'pattern'), schema['pattern'], `must be a valid regular expression, but isn't: ${(error as Error).message}`)];
  }
}

function listTypeErrors(schema: JsonObject, path: string): FieldError[] {
  const listType = schema['x-kubernetes-list-type'];
  const keys = schema['x-kubernetes-list-map-keys'];
  if (listType === undefined) return [];
  const at = child(path, 'x-kubernetes-list-type');
  if (!['atomic', 'set', 'map'].includes(listType as string)) return [notSupported(at, listType, ['atomic', 'map', 'set'])];
  if (listType === 'map' && (!Array.isArray(keys) || keys.length === 0)) return [required(child(path, 'x-kubernetes-list-map-keys'), 'must not be empty if x-kubernetes-list-type is map')];
  if (listType === 'map' && isObject(schema['items']) && schema['items']['type'] !== 'object') {
    return [invalidValue(child(path, 'items.type'), schema['items']['type'], "must be object if parent array's x-kubernetes-list-type is map")];
  }
  return [];
}

/** Inside a junction only validation may stand, and nothing that pruning or defaulting would have to follow. */
function junctionErrors(schema: JsonObject, path: string): FieldError[] {
  const parts: (readonly [string, unknown])[] = ['allOf', 'anyOf', 'oneOf'].flatMap((name) => (Array.isArray(schema[name]) ? schema[name].map((value: unknown, i) => [`${child(path, name)}[${i}]`, value] as const) : []));
  if (schema['not'] !== undefined) parts.push([child(path, 'not'), schema['not']]);
  const intOrString = schema['x-kubernetes-int-or-string'] === true;
  return parts.flatMap(([at, value]) => (isObject(value) ? insideJunction(value, at, intOrString) : []));
}

function insideJunction(schema: JsonObject, path: string, typeAllowed: boolean): FieldError[] {
  const errors = NOT_IN_JUNCTIONS.filter((field) => schema[field] !== undefined && !(field === 'type' && typeAllowed)).map((field) => forbiddenField(child(path, field), 'must be empty to be structural'));
  const nested = isObject(schema['properties']) ? Object.entries(schema['properties']).flatMap(([name, value]) => (isObject(value) ? insideJunction(value, keyed(child(path, 'properties'), name), false) : [])) : [];
  return [...errors, ...nested, ...(isObject(schema['items']) ? insideJunction(schema['items'], child(path, 'items'), false) : []), ...patternErrors(schema, path)];
}
