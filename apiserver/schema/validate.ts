/** Checks a value against a schema; errors have the wording of a real kube-apiserver, so that tools which read it keep working. */
import { stringifyJson } from '../../lib/json.ts';
import { isObject, sameJson, type JsonObject } from '../objects/object.ts';
import { child, duplicate, invalidValue, keyed, notSupported, required, tooLong, tooMany, typeInvalid, type FieldError } from './field-error.ts';
import { hasFormat } from './formats.ts';
import type { SchemaNode } from './node.ts';

/**
 * Every error, in order of the schema. An empty list means valid. What is the same in `old` is not looked at again
 * (ratcheting): an object stored under an older schema stays writable as long as its bad fields are left alone.
 */
export function validate(node: SchemaNode, value: unknown, path: string, old?: unknown): FieldError[] {
  if (old !== undefined && sameJson(value, old)) return [];
  const wrongType = typeError(node, value, path);
  if (wrongType !== undefined) return [wrongType];
  if (value === null || value === undefined) return [];
  return [
    ...(Array.isArray(value) ? arrayErrors(node, value, path, old) : isObject(value) ? objectErrors(node, value, path, old) : scalarErrors(node, value, path)),
    ...enumErrors(node, value, path),
    ...combinationErrors(node, value, path),
  ];
}

const isInteger = (value: unknown): boolean => typeof value === 'bigint' || (typeof value === 'number' && Number.isInteger(value));

function hasType(type: SchemaNode['type'], value: unknown): boolean {
  switch (type) {
    case undefined: return true;
    case 'object': return isObject(value);
    case 'array': return Array.isArray(value);
    case 'integer': return isInteger(value);
    case 'number': return typeof value === 'number' || typeof value === 'bigint';
    case 'string': return typeof value === 'string';
    case 'boolean': return typeof value === 'boolean';
  }
}

function nameOfType(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'array';
  if (isInteger(value)) return 'integer';
  return typeof value;
}

function typeError(node: SchemaNode, value: unknown, path: string): FieldError | undefined {
  if (value === undefined || (value === null && node.nullable)) return undefined;
  if (node.intOrString) {
    return typeof value === 'string' || isInteger(value) ? undefined : mustBe('integer,string', value, path);
  }
  if (value === null && node.type === undefined) return undefined;
  return hasType(node.type, value) ? undefined : mustBe(node.type ?? 'object', value, path);
}

const mustBe = (type: string, value: unknown, path: string): FieldError =>
  typeInvalid(path, nameOfType(value) === 'null' ? 'null' : shown(value), `${inBody(path)} must be of type ${type}: ${stringifyJson(nameOfType(value))}`);

/** What the real server shows of a value of the wrong type: scalars themselves, others by their type. */
const shown = (value: unknown): unknown => (isObject(value) || Array.isArray(value) ? nameOfType(value) : value);

const inBody = (path: string): string => (path === '' ? 'in body' : `${path} in body`);

function scalarErrors(node: SchemaNode, value: unknown, path: string): FieldError[] {
  if (typeof value === 'string') return stringErrors(node, value, path);
  return typeof value === 'number' || typeof value === 'bigint' ? numberErrors(node, value, path) : [];
}

function stringErrors(node: SchemaNode, value: string, path: string): FieldError[] {
  const { minLength, maxLength } = node.limits;
  const errors: FieldError[] = [];
  const length = minLength === undefined && maxLength === undefined ? 0 : [...value].length;
  if (maxLength !== undefined && length > maxLength) errors.push(tooLong(path, maxLength));
  if (minLength !== undefined && length < minLength) errors.push(invalidValue(path, value, `${inBody(path)} should be at least ${minLength} chars long`));
  if (node.pattern !== undefined && !node.pattern.matches(value)) errors.push(invalidValue(path, value, `${inBody(path)} should match '${node.pattern.source}'`));
  if (node.format !== undefined && !node.intOrString && !hasFormat(node.format, value)) {
    errors.push(invalidValue(path, value, `${inBody(path)} must be of type ${node.format}: ${JSON.stringify(value)}`));
  }
  return errors;
}

/** Bounds of the integer formats; the real server refuses what does not fit. */
const FORMAT_BOUNDS: Readonly<Record<string, readonly [bigint, bigint]>> = {
  int32: [-(2n ** 31n), 2n ** 31n - 1n], int64: [-(2n ** 63n), 2n ** 63n - 1n],
  uint32: [0n, 2n ** 32n - 1n], uint64: [0n, 2n ** 64n - 1n],
};

function numberErrors(node: SchemaNode, value: number | bigint, path: string): FieldError[] {
  const { minimum, maximum, exclusiveMinimum, exclusiveMaximum, multipleOf } = node.limits;
  const errors: FieldError[] = [];
  const bounds = node.format !== undefined && Object.hasOwn(FORMAT_BOUNDS, node.format) ? FORMAT_BOUNDS[node.format] : undefined;
  if (bounds !== undefined && (value < bounds[0] || value > bounds[1])) {
    errors.push(invalidValue(path, value, `${inBody(path)} must be of type ${node.format!}: ${stringifyJson(value)}`));
  }
  if (maximum !== undefined && (exclusiveMaximum === true ? value >= maximum : value > maximum)) {
    errors.push(invalidValue(path, value, `${inBody(path)} should be less than ${exclusiveMaximum === true ? '' : 'or equal to '}${maximum}`));
  }
  if (minimum !== undefined && (exclusiveMinimum === true ? value <= minimum : value < minimum)) {
    errors.push(invalidValue(path, value, `${inBody(path)} should be greater than ${exclusiveMinimum === true ? '' : 'or equal to '}${minimum}`));
  }
  if (multipleOf !== undefined && !Number.isInteger(Number(value) / multipleOf)) {
    errors.push(invalidValue(path, value, `${inBody(path)} should be a multiple of ${multipleOf}`));
  }
  return errors;
}

/** The element of the old list that a new one continues: only lists of type map tell. */
function counterpart(node: SchemaNode, item: unknown, old: unknown): unknown {
  if (node.listType !== 'map' || !Array.isArray(old) || !isObject(item)) return undefined;
  return old.find((other) => isObject(other) && node.listMapKeys.every((key) => sameJson(other[key], item[key])));
}

function arrayErrors(node: SchemaNode, value: unknown[], path: string, old: unknown): FieldError[] {
  const { minItems, maxItems, uniqueItems } = node.limits;
  const { items } = node;
  const errors = items === undefined ? [] : value.flatMap((item, i) => validate(items, item, `${path}[${i}]`, counterpart(node, item, old)));
  if (maxItems !== undefined && value.length > maxItems) errors.push(tooMany(path, value.length, maxItems));
  if (minItems !== undefined && value.length < minItems) errors.push(invalidValue(path, value.length, `${inBody(path)} should have at least ${minItems} items`));
  if (uniqueItems === true && value.some((item, i) => value.slice(0, i).some((earlier) => sameJson(earlier, item)))) {
    errors.push(invalidValue(path, value, `${inBody(path)} shouldn't contain duplicates`));
  }
  return errors;
}

function objectErrors(node: SchemaNode, value: JsonObject, path: string, old: unknown): FieldError[] {
  const before = (name: string): unknown => (isObject(old) && Object.hasOwn(old, name) ? old[name] : undefined);
  const { minProperties, maxProperties } = node.limits;
  const errors: FieldError[] = [];
  for (const [name, property] of node.properties) {
    if (Object.hasOwn(value, name)) errors.push(...validate(property, value[name], child(path, name), before(name)));
  }
  for (const name of node.required) {
    if (!Object.hasOwn(value, name) || value[name] === undefined) errors.push(required(child(path, name)));
  }
  const { additional } = node;
  if (additional !== undefined) {
    for (const key of Object.keys(value)) if (!node.properties.has(key)) errors.push(...validate(additional, value[key], child(path, key), before(key)));
  }
  const size = Object.keys(value).length;
  if (maxProperties !== undefined && size > maxProperties) errors.push(tooMany(path, size, maxProperties));
  if (minProperties !== undefined && size < minProperties) errors.push(invalidValue(path, size, `${inBody(path)} should have at least ${minProperties} properties`));
  return errors;
}

function enumErrors(node: SchemaNode, value: unknown, path: string): FieldError[] {
  if (node.enum === undefined || node.enum.some((allowed) => sameJson(allowed, value))) return [];
  return [notSupported(path, value, node.enum.map((v) => (typeof v === 'string' ? v : stringifyJson(v))))];
}

function combinationErrors(node: SchemaNode, value: unknown, path: string): FieldError[] {
  const errors: FieldError[] = [];
  const passes = (schema: SchemaNode): boolean => validate(schema, value, path).length === 0;
  if (node.anyOf.length > 0 && !node.intOrString && !node.anyOf.some(passes)) {
    errors.push(...nearest(node.anyOf, value, path), invalidValue(path, value, `${inBody(path)} must validate at least one schema (anyOf)`));
  }
  if (node.oneOf.length > 0 && !node.intOrString) {
    const count = node.oneOf.filter(passes).length;
    if (count !== 1) {
      errors.push(...(count === 0 ? nearest(node.oneOf, value, path) : []),
        invalidValue(path, value, `${inBody(path)} must validate one and only one schema (oneOf). ${count === 0 ? 'Found none valid' : `Found ${count} valid alternatives`}`));
    }
  }
  for (const schema of node.allOf) errors.push(...validate(schema, value, path));
  if (node.allOf.some((schema) => !passes(schema))) errors.push(invalidValue(path, value, `${inBody(path)} must validate all the schemas (allOf)`));
  if (node.not !== undefined && passes(node.not)) errors.push(invalidValue(path, value, `${inBody(path)} must not validate the schema (not)`));
  return errors;
}

/** The errors of the alternative that came nearest. */
function nearest(alternatives: readonly SchemaNode[], value: unknown, path: string): FieldError[] {
  return alternatives.map((schema) => validate(schema, value, path)).reduce((best, errors) => (errors.length < best.length ? errors : best));
}

/** Elements that a list of type set or map holds twice; what the schema calls a list type is checked after its shape. */
export function listErrors(node: SchemaNode, value: unknown, path: string): FieldError[] {
  if (Array.isArray(value)) {
    const { items } = node;
    const nested = items === undefined ? [] : value.flatMap((item, i) => listErrors(items, item, `${path}[${i}]`));
    return [...nested, ...duplicatesIn(node, value, path)];
  }
  if (!isObject(value)) return [];
  return Object.keys(value).flatMap((key) => {
    const named = node.properties.get(key);
    const next = named ?? node.additional;
    return next === undefined ? [] : listErrors(next, value[key], named === undefined ? keyed(path, key) : child(path, key));
  });
}

function duplicatesIn(node: SchemaNode, value: unknown[], path: string): FieldError[] {
  if (node.listType !== 'set' && node.listType !== 'map') return [];
  const identity = (item: unknown): unknown => (node.listType === 'map' && isObject(item)
    ? Object.fromEntries(node.listMapKeys.flatMap((key) => (item[key] === undefined ? [] : [[key, item[key]]])))
    : item);
  const seen = new Set<string>();
  return value.flatMap((item, i) => {
    const id = identity(item);
    const text = stringifyJson(id);
    if (seen.has(text)) return [duplicate(`${path}[${i}]`, id)];
    seen.add(text);
    return [];
  });
}
