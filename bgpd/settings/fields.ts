/** Reads fields of JSON that somebody sent: each either has the value that is asked for, or leaves a problem behind. */
import type { Problem } from '../../lib/errors.ts';
import type { Family, Ip } from '../../lib/ip/prefix.ts';
import { parseIp, parsePrefix } from '../../lib/ip/text.ts';
import { showJson } from '../../lib/json.ts';

export const MAXIMUM_U32 = 0xffffffff;

/** One JSON object, the path by which people know it, and the problems found so far. */
export class Fields {
  readonly path: string;
  readonly #object: Readonly<Record<string, unknown>>;
  readonly #problems: Problem[];

  /** What is no object leaves a problem and has no fields; `ok` tells. */
  constructor(value: unknown, path: string, problems: Problem[]) {
    this.path = path;
    this.#problems = problems;
    this.#object = isObject(value) ? value : {};
    if (!isObject(value)) this.wrong('', value, 'an object');
  }

  has(key: string): boolean { return this.#object[key] !== undefined && this.#object[key] !== null; }

  /** As it came. */
  value(key: string): unknown { return this.#object[key]; }

  integer(key: string, minimum: number, maximum: number): number {
    const value = this.#object[key];
    if (typeof value === 'number' && Number.isInteger(value) && value >= minimum && value <= maximum) return value;
    this.wrong(key, value, `an integer in ${minimum}..${maximum}`);
    return minimum;
  }

  boolean(key: string): boolean {
    const value = this.#object[key];
    if (typeof value !== 'boolean') this.wrong(key, value, 'true or false');
    return value === true;
  }

  name(key: string): string {
    const value = this.#object[key];
    if (typeof value === 'string' && value !== '') return value;
    this.wrong(key, value, 'a name');
    return '';
  }

  oneOf<T extends string>(key: string, allowed: readonly T[]): T {
    const value = this.#object[key];
    if (allowed.includes(value as T)) return value as T;
    this.wrong(key, value, `one of ${allowed.join(', ')}`);
    return allowed[0]!;
  }

  /** The text of an address; of `family` when one is given. */
  address(key: string, family?: Family): string {
    const value = this.#object[key];
    const parsed = typeof value === 'string' ? parseIp(value) : undefined;
    if (parsed !== undefined && (family === undefined || isOf(parsed, family))) return value as string;
    this.wrong(key, value, family === undefined ? 'an IP address' : `an ${family === 'ipv4' ? 'IPv4' : 'IPv6'} address`);
    return '';
  }

  /** The text of a prefix without host bits. */
  prefix(key: string): string {
    const value = this.#object[key];
    if (typeof value === 'string' && parsePrefix(value, { strict: true }) !== undefined) return value;
    this.wrong(key, value, 'an IP prefix without host bits, such as 10.0.0.0/8');
    return '0.0.0.0/0';
  }

  /** A list of prefixes without host bits; those that are none are left out, with a problem. */
  prefixes(key: string): string[] {
    return this.strings(key).filter((text, i) => {
      const isFine = parsePrefix(text, { strict: true }) !== undefined;
      if (!isFine) this.wrong(`${key}[${i}]`, text, 'an IP prefix without host bits, such as 10.0.0.0/8');
      return isFine;
    });
  }

  integers(key: string, minimum: number, maximum: number): number[] {
    return this.list(key).filter((value, i): value is number => {
      const isFine = typeof value === 'number' && Number.isInteger(value) && value >= minimum && value <= maximum;
      if (!isFine) this.wrong(`${key}[${i}]`, value, `an integer in ${minimum}..${maximum}`);
      return isFine;
    });
  }

  /** A string of at most so many octets of UTF-8; it may be empty. */
  text(key: string, maximumOctets: number): string {
    const value = this.#object[key];
    if (typeof value === 'string' && octetsOf(value) <= maximumOctets) return value;
    this.wrong(key, value, `a text of at most ${maximumOctets} octets`);
    return '';
  }

  /** A string of 1..`maximumOctets` octets of UTF-8, which no problem shows. */
  secret(key: string, maximumOctets: number): string {
    const value = this.#object[key];
    if (typeof value === 'string' && value !== '' && octetsOf(value) <= maximumOctets) return value;
    const found = typeof value === 'string' ? `a secret of ${octetsOf(value)} octets` : `a secret of type ${typeof value}`;
    this.wrong(key, found, `1..${maximumOctets} octets of text`);
    return '';
  }

  /** The elements of an array; none, and a problem, when it is not one. */
  list(key: string): readonly unknown[] {
    const value = this.#object[key];
    if (Array.isArray(value)) return value;
    this.wrong(key, value, 'a list');
    return [];
  }

  /** A list of strings, each among `allowed` when that is given. */
  strings<T extends string>(key: string, allowed?: readonly T[]): T[] {
    return this.list(key).filter((value, i): value is T => {
      const isFine = typeof value === 'string' && (allowed === undefined || allowed.includes(value as T));
      if (!isFine) this.wrong(`${key}[${i}]`, value, allowed === undefined ? 'a string' : `one of ${allowed.join(', ')}`);
      return isFine;
    });
  }

  object(key: string): Fields { return new Fields(this.#object[key], this.#pathOf(key), this.#problems); }

  /** Notes that `key` has a value that it must not have. */
  wrong(key: string, value: unknown, expected: string): void {
    const found = value === undefined ? 'it is missing' : `${showJson(value)} is not right`;
    this.#problems.push({ path: this.#pathOf(key), message: `${found}: expected ${expected}` });
  }

  #pathOf(key: string): string { return key === '' ? this.path : `${this.path}.${key}`; }
}

/** What an item calls itself, for the path of its problems. */
export const nameOf = (value: unknown): string | undefined =>
  (isObject(value) && typeof value['name'] === 'string' && value['name'] !== '' ? value['name'] : undefined);

/** Reads each item with a list of problems of its own, and keeps those that leave it empty. */
export function goodOnes<T>(items: readonly unknown[], problems: Problem[], read: (item: unknown, index: number, own: Problem[]) => T): T[] {
  return items.flatMap((item, i) => {
    const own: Problem[] = [];
    const value = read(item, i, own);
    problems.push(...own);
    return own.length === 0 ? [value] : [];
  });
}

const octetsOf = (text: string): number => new TextEncoder().encode(text).length;

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const isOf = (address: Ip, family: Family): boolean => (typeof address === 'number') === (family === 'ipv4');
