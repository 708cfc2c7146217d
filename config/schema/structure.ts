/** Schemas made of schemas: lists, maps, and objects with rules between their fields. */
import type { Problem } from '../../lib/errors.ts';
import { defined, unlike, type Group, type OpenApi, type Optional, type Read, type Schema } from './schema.ts';

export interface ListOptions {
  readonly noun?: string;
  /** How server-side apply merges it (`x-kubernetes-list-type`). A `set` may not hold a value twice. */
  readonly type?: 'set' | 'atomic' | 'map';
  readonly keys?: readonly string[];
  readonly minItems?: number;
  readonly maxItems?: number;
}

/** A list. A bad item is reported and left out; the good ones stay. */
export function list<T>(items: Schema<T>, options: ListOptions = {}): Optional<readonly T[]> {
  const { minItems = 0, maxItems = Infinity } = options;
  const expected = `a list of ${items.expected}`;
  const read: Read<readonly T[]> = (input, path, problems) => {
    if (!Array.isArray(input)) return void problems.push({ path, message: unlike(input, options.noun ?? 'a list', expected) });
    if (input.length < minItems || input.length > maxItems) {
      return void problems.push({ path, message: `${input.length} items: expected ${minItems}..${maxItems}` });
    }
    const values = input.map((item: unknown, i) => items.read(item, `${path}[${i}]`, problems)).filter((v) => v !== undefined);
    if (options.type === 'set' && new Set(values).size < values.length) {
      problems.push({ path, message: `holds a value twice: expected each once` });
    }
    return options.type === 'set' ? [...new Set(values)] : values;
  };
  const openapi = (group: Group): OpenApi => defined({
    type: 'array', items: items.openapi[group], minItems: options.minItems, maxItems: options.maxItems,
    'x-kubernetes-list-type': options.type, 'x-kubernetes-list-map-keys': options.keys,
  });
  return { read, openapi: { v1: openapi('v1'), v3: openapi('v3') }, presence: 'optional', expected };
}

/** An object whose keys are free. A bad value is reported and left out. */
export function mapOf<T>(values: Schema<T>): Optional<Readonly<Record<string, T>>> {
  const expected = `an object of ${values.expected}`;
  const read: Read<Readonly<Record<string, T>>> = (input, path, problems) => {
    if (!isObject(input)) return void problems.push({ path, message: unlike(input, 'an object', expected) });
    const entries = Object.entries(input).map(([k, v]) => [k, values.read(v, `${path}[${JSON.stringify(k)}]`, problems)] as const);
    return Object.fromEntries(entries.filter(([, v]) => v !== undefined)) as Record<string, T>;
  };
  const openapi = (group: Group): OpenApi => ({ type: 'object', additionalProperties: values.openapi[group] });
  return { read, openapi: { v1: openapi('v1'), v3: openapi('v3') }, presence: 'optional', expected };
}

export type Fields = Readonly<Record<string, Schema<unknown>>>;
type Out<S> = S extends Schema<infer T> ? T : never;
type OptionalKeys<F extends Fields> = { [K in keyof F]: F[K]['presence'] extends 'optional' ? K : never }[keyof F];
type Flat<T> = { readonly [K in keyof T]: T[K] };
/** The type an object schema reads: optional fields may be absent, required and defaulted ones are there. */
export type ObjectOf<F extends Fields> = Flat<
  { readonly [K in Exclude<keyof F, OptionalKeys<F>>]: Out<F[K]> } & { readonly [K in OptionalKeys<F>]?: Out<F[K]> }
>;

/** Something that must hold between the fields of an object: as CEL for the API server, as a function for us. */
export interface Rule<T> {
  /** CEL over `self`; absent where CEL cannot say it. */
  readonly cel?: string;
  readonly message: string;
  readonly reason?: 'FieldValueInvalid' | 'FieldValueForbidden';
  /** Field the problem is reported at; absent: the object. */
  readonly at?: string;
  readonly holds: (value: T) => boolean;
}

export interface ObjectOptions<T> {
  readonly rules?: readonly Rule<T>[];
  /** Merged as one value by server-side apply (`x-kubernetes-map-type: atomic`). */
  readonly atomic?: boolean;
  /** The API server keeps fields that the schema does not name. */
  readonly keepUnknown?: boolean;
  readonly minProperties?: number;
  readonly maxProperties?: number;
}

export interface ObjectSchema<T> extends Optional<T> {
  readonly fields: Fields;
}

/**
 * An object. Unknown fields are kept as they came, so that what we write back loses nothing. A bad optional field is
 * reported and left out; a bad or missing required one makes the whole object bad.
 */
export function object<const F extends Fields>(fields: F, options: ObjectOptions<ObjectOf<F>> = {}): ObjectSchema<ObjectOf<F>> {
  const read: Read<ObjectOf<F>> = (input, path, problems) => {
    if (!isObject(input)) return void problems.push({ path, message: unlike(input, 'an object', 'fields and values') });
    const before = problems.length;
    const value = readFields(fields, input, path, problems);
    if (value === undefined) return undefined;
    if (problems.length === before) {
      for (const rule of options.rules ?? []) {
        if (!rule.holds(value as ObjectOf<F>)) {
          problems.push({ path: rule.at === undefined ? path : `${path}.${rule.at}`, message: rule.message });
        }
      }
    }
    return value as ObjectOf<F>;
  };
  return {
    read, fields, presence: 'optional', expected: 'an object',
    openapi: { v1: objectOpenApi(fields, options, 'v1'), v3: objectOpenApi(fields, options, 'v3') },
  };
}

function readFields(fields: Fields, input: Readonly<Record<string, unknown>>, path: string, problems: Problem[]): Record<string, unknown> | undefined {
  const value = Object.entries(input).filter(([name]) => !Object.hasOwn(fields, name));
  let whole = true;
  for (const [name, field] of Object.entries(fields)) {
    const given = Object.hasOwn(input, name) ? input[name] : undefined;
    const absent = given === undefined || (given === null && field.openapi.v3['nullable'] !== true);
    const here = `${path}.${name}`;
    if (absent && field.presence === 'required') problems.push({ path: here, message: `missing: expected ${field.expected}` });
    const found = absent ? field.fallback : field.read(given, here, problems);
    if (found !== undefined) value.push([name, found]);
    else if (field.presence !== 'optional') whole = false;
  }
  return whole ? Object.fromEntries(value) : undefined;
}

function objectOpenApi<T>(fields: Fields, options: ObjectOptions<T>, group: Group): OpenApi {
  const entries = Object.entries(fields);
  const needed = entries.filter(([, f]) => f.presence === 'required' || 'listedAsRequired' in f).map(([name]) => name).sort();
  const validations = (options.rules ?? []).filter((r) => r.cel !== undefined)
    .map((r) => defined({ rule: r.cel, message: r.message, reason: r.reason }));
  return defined({
    type: 'object',
    properties: Object.fromEntries(entries.map(([name, f]) => [name, f.openapi[group]] as const).sort(([a], [b]) => (a < b ? -1 : 1))),
    required: needed.length > 0 ? needed : undefined,
    minProperties: options.minProperties,
    maxProperties: options.maxProperties,
    'x-kubernetes-map-type': options.atomic === true ? 'atomic' : undefined,
    'x-kubernetes-preserve-unknown-fields': options.keepUnknown === true ? true : undefined,
    'x-kubernetes-validations': validations.length > 0 ? validations : undefined,
  });
}

export const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
