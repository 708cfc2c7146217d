/** Values of the Common Expression Language: int is bigint, double is number, a map is a plain object. */
import type { SchemaNode } from '../schema/node.ts';
import { isObject } from '../objects/object.ts';
import { Cidr, IpAddress } from './addresses.ts';

export type CelMap = { readonly [key: string]: CelValue };
export type CelValue = null | boolean | bigint | number | string | readonly CelValue[] | CelMap | IpAddress | Cidr | TypeName;

/** What `type(x)` gives. */
export class TypeName {
  readonly name: string;
  constructor(name: string) { this.name = name; }
}

/** An expression that could not be evaluated: no such key, no such overload. */
export class CelError extends Error {}

/** JSON as the language sees it: the schema tells integers from other numbers. */
export function celValueOf(value: unknown, node: SchemaNode | undefined): CelValue {
  if (typeof value === 'number') return node?.type === 'number' || !Number.isInteger(value) ? value : BigInt(value);
  if (typeof value === 'bigint') return node?.type === 'number' ? Number(value) : value;
  if (Array.isArray(value)) return value.map((item) => celValueOf(item, node?.items));
  if (isObject(value)) {
    const map: Record<string, CelValue> = Object.create(null) as Record<string, CelValue>;
    for (const key of Object.keys(value)) map[key] = celValueOf(value[key], node?.properties.get(key) ?? node?.additional);
    return map;
  }
  return value as null | boolean | string;
}

export const isMap = (value: CelValue): value is CelMap => typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof IpAddress) && !(value instanceof Cidr) && !(value instanceof TypeName);
export const isList = (value: CelValue): value is readonly CelValue[] => Array.isArray(value);

export function typeOf(value: CelValue): string {
  if (value === null) return 'null_type';
  if (isList(value)) return 'list';
  if (value instanceof IpAddress) return 'net.IP';
  if (value instanceof Cidr) return 'net.CIDR';
  if (value instanceof TypeName) return 'type';
  switch (typeof value) {
    case 'bigint': return 'int';
    case 'number': return 'double';
    case 'boolean': return 'bool';
    case 'string': return 'string';
    default: return 'map';
  }
}

/** Numbers are equal across their types; other values of different types never are. */
export function equal(a: CelValue, b: CelValue): boolean {
  if ((typeof a === 'bigint' || typeof a === 'number') && (typeof b === 'bigint' || typeof b === 'number')) return a == b; // eslint-disable-line eqeqeq -- 1 and 1.0
  if (isList(a) || isList(b)) return isList(a) && isList(b) && a.length === b.length && a.every((item, i) => equal(item, b[i]!));
  if (a instanceof IpAddress) return b instanceof IpAddress && a.equals(b);
  if (a instanceof Cidr) return b instanceof Cidr && a.equals(b);
  if (a instanceof TypeName) return b instanceof TypeName && a.name === b.name;
  if (isMap(a) && isMap(b)) {
    const keys = Object.keys(a);
    return keys.length === Object.keys(b).length && keys.every((key) => Object.hasOwn(b, key) && equal(a[key]!, b[key]!));
  }
  return a === b;
}

/** Negative, zero or positive. Throws CelError when the two have no order. */
export function compare(a: CelValue, b: CelValue): number {
  const numbers = (typeof a === 'bigint' || typeof a === 'number') && (typeof b === 'bigint' || typeof b === 'number');
  if (numbers) return a < b ? -1 : a > b ? 1 : 0;
  if ((typeof a === 'string' && typeof b === 'string') || (typeof a === 'boolean' && typeof b === 'boolean')) return a < b ? -1 : a > b ? 1 : 0;
  throw new CelError('no such overload');
}
