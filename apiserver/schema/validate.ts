/** Checks a value against a schema; errors have the wording of a real kube-apiserver, so that tools which read it keep working. */
import { stringifyJson } from '../../lib/json.ts';
import { isObject, sameJson, type JsonObject } from '../objects/object.ts';
import { child, duplicate, invalidValue, keyed, notSupported, required, tooLong, tooMany, typeInvalid, type FieldError } from './field-error.ts';
import { hasFormat } from './formats.ts';
import type { SchemaNode } from './node.ts';
import { counterpart } from './rules.ts';

/**
 * Every error, in order of the schema. An empty list means valid. What is the same in `old` is not looked at again
 * (ratcheting): an object stored under an older schema stays writable as long as its bad fields are left alone.
 */
export function validate(node: SchemaNode, value: unknown, path: string, old?: unknown): FieldError[] {
  if (old !== undefined && sameJson(value, old)) return [];
  if (value === undefined) return [];
  const wrongType = typeError(node, value, path);
  if (value === null) return wrongType;
  return [
    ...wrongType,
    ...(Array.isArray(value) ? arrayErrors(node, value, path, old) : isObject(value) ? objectErrors(node, value, path, old) : scalarErrors(node, value, path)),
    ...enumErrors(node, value, path),
    ...combinationErrors(node, value, path),
  ];
}

/** What a Go server holds as int64; a larger integer is a float to it. */
const isInteger = (value: unknown): boolean => (typeof value === 'bigint' ? BigInt.asIntN(64, value) === value : Number.isInteger(value));

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
  return typeof value === 'bigint' ? 'number' : typeof value;
}

function typeError(node: SchemaNode, value: unknown, path: string): FieldError[] {
  if (value === null && (node.nullable || (node.type === undefined && !node.intOrString))) return [];
  if (node.intOrString) return typeof value === 'string' || isInteger(value) ? [] : [mustBe('integer,string', value, path)];
  return hasType(node.type, value) ? [] : [mustBe(node.type!, value, path)];
}

/** Of a value of the wrong type only its type is shown. */
const mustBe = (type: string, value: unknown, path: string): FieldError =>
  typeInvalid(path, nameOfType(value), `${inBody(path)} must be of type ${type}: ${stringifyJson(nameOfType(value))}`);

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
    errors.push(typeInvalid(path, value, `${inBody(path)} must be of type ${node.format}: ${JSON.stringify(value)}`));
  }
  return errors;
}

function numberErrors(node: SchemaNode, value: number | bigint, path: string): FieldError[] {
  const { minimum, maximum, exclusiveMinimum, exclusiveMaximum, multipleOf } = node.limits;
  const errors: FieldError[] = [];
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
    if ((!Object.hasOwn(value, name) || value[name] === undefined) && !mayBeEmpty(node.properties.get(name))) errors.push(required(child(path, name)));
  }
  const { additional } = node;
  if (additional !== undefined) {
    for (const key of Object.keys(value)) if (!node.properties.has(key)) errors.push(...validate(additional, value[key], child(path, key), before(key)));
  }
  if (node.embedded) errors.push(...embeddedErrors(value, path));
  const size = Object.keys(value).length;
  if (maxProperties !== undefined && size > maxProperties) errors.push(tooMany(path, size, maxProperties));
  if (minProperties !== undefined && size < minProperties) errors.push(invalidValue(path, size, `${inBody(path)} should have at least ${minProperties} properties`));
  return errors;
}

/** An object inside an object says what it is. */
function embeddedErrors(value: JsonObject, path: string): FieldError[] {
  return ['apiVersion', 'kind'].flatMap((name) => (value[name] === undefined ? [required(child(path, name))]
    : value[name] === '' ? [invalidValue(child(path, name), '', 'must not be empty')] : []));
}

/** In built-in kinds a list that has to be there may still be nothing: the schema only says that it is always written. */
const mayBeEmpty = (node: SchemaNode | undefined): boolean => node?.open === true && (node.type === 'array' || node.additional !== undefined);

function enumErrors(node: SchemaNode, value: unknown, path: string): FieldError[] {
  if (node.enum === undefined || node.enum.some((allowed) => sameJson(allowed, value))) return [];
  return [notSupported(path, value, node.enum.map((v) => (typeof v === 'string' ? v : stringifyJson(v))))];
}

function combinationErrors(node: SchemaNode, value: unknown, path: string): FieldError[] {
  const errors: FieldError[] = [];
  const passes = (schema: SchemaNode): boolean => validate(schema, value, path).length === 0;
  /** The real server loses the place of these on the way, and so do we. */
  const whole = (what: string): void => { errors.push(invalidValue('<nil>', '', `${JSON.stringify(path)} must ${what}`)); };
  if (node.anyOf.length > 0 && !node.anyOf.some(passes)) {
    errors.push(...nearest(node.anyOf, value, path));
    whole('validate at least one schema (anyOf)');
  }
  const passed = node.oneOf.filter(passes).length;
  if (node.oneOf.length > 0 && passed !== 1) {
    if (passed === 0) errors.push(...nearest(node.oneOf, value, path));
    whole(`validate one and only one schema (oneOf). ${passed === 0 ? 'Found none valid' : `Found ${passed} valid alternatives`}`);
  }
  for (const schema of node.allOf) errors.push(...validate(schema, value, path));
  const failed = node.allOf.filter((schema) => !passes(schema)).length;
  if (failed > 0) whole(`validate all the schemas (allOf)${failed === node.allOf.length ? '. None validated' : ''}`);
  if (node.not !== undefined && passes(node.not)) whole('not validate the schema (not)');
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
