/** Building blocks of kind descriptions: one value gives the TypeScript type, the reader with problems, and the OpenAPI schema. */
import type { Problem } from '../../lib/errors.ts';
import { showJson } from '../../lib/json.ts';

declare const output: unique symbol;

/** The two spellings of Calico's datastore: `crd.projectcalico.org/v1` and `projectcalico.org/v3`. */
export type Group = 'v1' | 'v3';
export const GROUPS = ['v1', 'v3'] as const satisfies readonly Group[];

/** A structural OpenAPI v3 schema, as a CustomResourceDefinition carries it. */
export type OpenApi = { readonly [key: string]: unknown };

/**
 * Reads one JSON value. Undefined means that it is bad and was reported; a good value is never undefined.
 * Values come from the network: any JSON may arrive.
 */
export type Read<T> = (input: unknown, path: string, problems: Problem[]) => T | undefined;

export type Presence = 'optional' | 'required' | 'defaulted';

export interface Schema<T, P extends Presence = Presence> {
  readonly [output]?: T;
  readonly read: Read<T>;
  readonly openapi: Readonly<Record<Group, OpenApi>>;
  readonly presence: P;
  /** Said when a required value is missing. */
  readonly expected: string;
  readonly fallback?: T;
}

export type Optional<T> = Schema<T, 'optional'>;
/** The type a schema reads. */
export type Infer<S> = S extends Schema<infer T> ? T : never;

/** Says in the common form what is wrong with a value: `0 is not an AS number: expected 1..4294967295`. */
export function unlike(input: unknown, noun: string, expected: string): string {
  return `${shown(input)} is not ${noun}: expected ${expected}`;
}

/** A value as a message quotes it: JSON, at most 60 characters. */
export function shown(input: unknown): string {
  const text = showJson(input);
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
}

export function schema<T>(read: Read<T>, openapi: OpenApi, expected: string): Optional<T> {
  return { read, openapi: { v1: openapi, v3: openapi }, presence: 'optional', expected };
}

export const required = <T>(s: Schema<T>): Schema<T, 'required'> => ({ ...s, presence: 'required' });

/**
 * A value that readers fill in when it is absent. `stated` lists the groups whose CRD states the default, so that the
 * API server fills it in too.
 */
export function withDefault<T>(s: Schema<T>, fallback: T, stated: readonly Group[] = GROUPS): Schema<T, 'defaulted'> {
  const state = (group: Group): OpenApi =>
    (stated.includes(group) ? { ...s.openapi[group], default: fallback } : s.openapi[group]);
  return { ...s, presence: 'defaulted', fallback, openapi: { v1: state('v1'), v3: state('v3') } };
}

/** As `withDefault`, for a field that the CRD also lists as required (a server with defaults fills it in first). */
export function requiredWithDefault<T>(s: Schema<T>, fallback: T, stated: readonly Group[]): Schema<T, 'defaulted'> & { readonly listedAsRequired: true } {
  return { ...withDefault(s, fallback, stated), listedAsRequired: true };
}

/** The same reader with another OpenAPI spelling in one group. Keys set to undefined are left out. */
export function spelled<S extends Schema<unknown>>(s: S, group: Group, changes: OpenApi): S {
  const merged = Object.fromEntries(Object.entries({ ...s.openapi[group], ...changes }).filter(([, v]) => v !== undefined));
  return { ...s, openapi: { ...s.openapi, [group]: merged } };
}

export interface TextOptions {
  readonly noun?: string;
  readonly expected?: string;
  readonly maxLength?: number;
  readonly minLength?: number;
  /** Regular expression of the CRD, in Go's syntax. */
  readonly pattern?: string;
  readonly format?: string;
  /** True when the text is good. Given none, `pattern` is what is checked. */
  readonly check?: (text: string) => boolean;
}

export function text(options: TextOptions = {}): Optional<string> {
  const { maxLength, minLength, pattern, format } = options;
  const noun = options.noun ?? 'text';
  const expected = options.expected ?? (pattern === undefined ? 'a string' : `text like ${pattern}`);
  const regular = pattern === undefined || options.check !== undefined ? undefined : new RegExp(pattern);
  const read: Read<string> = (input, path, problems) => {
    const good = typeof input === 'string' && (options.check?.(input) ?? true) && (regular?.test(input) ?? true);
    if (!good) return void problems.push({ path, message: unlike(input, noun, expected) });
    if (input.length > (maxLength ?? Infinity) || input.length < (minLength ?? 0)) {
      return void problems.push({ path, message: unlike(input, noun, `${minLength ?? 0}..${maxLength ?? 'any number of'} characters`) });
    }
    return input;
  };
  return schema(read, defined({ type: 'string', maxLength, minLength, pattern, format }), expected);
}

/** One of a fixed set of words. */
export function choice<const T extends string>(noun: string, words: readonly T[]): Optional<T> {
  const expected = `one of ${words.filter((w) => w !== '').join(', ')}`;
  const read: Read<T> = (input, path, problems) => {
    if (typeof input === 'string' && (words as readonly string[]).includes(input)) return input as T;
    problems.push({ path, message: unlike(input, noun, expected) });
    return undefined;
  };
  return schema(read, { type: 'string', enum: words }, expected);
}

/** One of a set of words in any case, or empty, as most of FelixConfiguration spells its choices. */
export function looseChoice(noun: string, words: readonly string[]): Optional<string> {
  const lower = new Set(['', ...words.map((w) => w.toLowerCase())]);
  return text({
    noun, expected: `one of ${words.join(', ')}`, pattern: `^(?i)(${words.join('|')})?$`,
    check: (t) => lower.has(t.toLowerCase()),
  });
}

export const bool: Optional<boolean> = schema((input, path, problems) => {
  if (typeof input === 'boolean') return input;
  problems.push({ path, message: unlike(input, 'a boolean', 'true or false') });
  return undefined;
}, { type: 'boolean' }, 'true or false');

export interface IntegerOptions {
  readonly noun?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly format?: 'int32' | 'int64';
  /** Bounds that are checked here and not stated in the CRD, as in Calico's. */
  readonly unstated?: boolean;
  /** Other spellings that are understood, turned into the number (`"64512"`, `"1.10"`). */
  readonly convert?: (input: unknown) => number | undefined;
}

export function integer(options: IntegerOptions = {}): Optional<number> {
  const { minimum, maximum, format } = options;
  const noun = options.noun ?? 'an integer';
  const expected = rangeOf(minimum, maximum);
  const read: Read<number> = (input, path, problems) => {
    const value = typeof input === 'number' ? input : options.convert?.(input);
    if (Number.isSafeInteger(value) && value! >= (minimum ?? -Infinity) && value! <= (maximum ?? Infinity)) return value;
    problems.push({ path, message: unlike(input, noun, expected) });
    return undefined;
  };
  const stated = options.unstated === true ? {} : { minimum, maximum };
  return schema(read, defined({ type: 'integer', format, ...stated }), expected);
}

function rangeOf(minimum: number | undefined, maximum: number | undefined): string {
  if (minimum === undefined && maximum === undefined) return 'a whole number';
  return maximum === undefined ? `at least ${minimum}` : `${minimum ?? ''}..${maximum}`;
}

const MAX_INT64 = 2n ** 63n - 1n;
/** A 64-bit counter. Always a bigint, since it passes 2^53. */
export const int64: Optional<bigint> = schema((input, path, problems) => {
  const value = typeof input === 'bigint' ? input : Number.isSafeInteger(input) ? BigInt(input as number) : -1n;
  if (value >= 0n && value <= MAX_INT64) return value;
  problems.push({ path, message: unlike(input, 'a 64-bit counter', `0..${MAX_INT64}`) });
  return undefined;
}, { type: 'integer', format: 'int64' }, `0..${MAX_INT64}`);

export const nullable = <T>(s: Schema<T>): Optional<T | null> => ({
  read: (input, path, problems) => (input === null ? null : s.read(input, path, problems)),
  openapi: { v1: { ...s.openapi.v1, nullable: true }, v3: { ...s.openapi.v3, nullable: true } },
  presence: 'optional', expected: s.expected,
});

/** Drops keys whose value is undefined. */
export function defined(entries: Readonly<Record<string, unknown>>): OpenApi {
  return Object.fromEntries(Object.entries(entries).filter(([, value]) => value !== undefined));
}
