/** The functions and methods a rule may call, by name. */
import { compilePattern } from '../schema/pattern.ts';
import { Cidr, IpAddress } from './addresses.ts';
import { CelError, compare, equal, isList, isMap, TypeName, typeOf, type CelValue } from './values.ts';

export type Call = (args: readonly CelValue[]) => CelValue;

const overload = (): CelError => new CelError('no such overload');

function text(value: CelValue | undefined): string {
  if (typeof value !== 'string') throw overload();
  return value;
}

function integer(value: CelValue | undefined): number {
  if (typeof value !== 'bigint') throw overload();
  return Number(value);
}

function list(value: CelValue | undefined): readonly CelValue[] {
  if (value === undefined || !isList(value)) throw overload();
  return value;
}

function size(value: CelValue | undefined): bigint {
  if (typeof value === 'string') return BigInt([...value].length);
  if (value !== undefined && isList(value)) return BigInt(value.length);
  if (value !== undefined && isMap(value)) return BigInt(Object.keys(value).length);
  throw overload();
}

function address(value: CelValue | undefined): IpAddress {
  if (value instanceof IpAddress) return value;
  const parsed = IpAddress.parse(text(value));
  if (parsed === undefined) throw new CelError(`IP Address ${JSON.stringify(value)} parse error during conversion from string`);
  return parsed;
}

function prefix(value: CelValue | undefined): Cidr {
  if (value instanceof Cidr) return value;
  const parsed = Cidr.parse(text(value));
  if (parsed === undefined) throw new CelError(`network address parse error during conversion from string: ${JSON.stringify(value)}`);
  return parsed;
}

function toInt(value: CelValue | undefined): bigint {
  if (typeof value === 'bigint') return value;
  if (typeof value === 'number' && Number.isFinite(value)) return BigInt(Math.trunc(value));
  if (typeof value === 'string' && /^-?\d+$/.test(value)) return BigInt(value);
  throw new CelError(`type conversion error from '${value === undefined ? '' : typeOf(value)}' to 'int'`);
}

function toText(value: CelValue | undefined): string {
  if (value instanceof IpAddress) return value.text;
  if (value instanceof Cidr) return `${value.ip.text}/${value.length}`;
  if (typeof value === 'string' || typeof value === 'bigint' || typeof value === 'number' || typeof value === 'boolean') return String(value);
  throw overload();
}

function matches(subject: CelValue | undefined, pattern: CelValue | undefined): boolean {
  return compilePattern(text(pattern)).matches(text(subject));
}

/** Called without a target. */
export const FUNCTIONS: Readonly<Record<string, Call>> = {
  size: ([v]) => size(v),
  int: ([v]) => toInt(v), uint: ([v]) => toInt(v), double: ([v]) => (typeof v === 'number' ? v : Number(toInt(v))), string: ([v]) => toText(v), dyn: ([v]) => v ?? null,
  bool: ([v]) => (typeof v === 'boolean' ? v : text(v) === 'true'), type: ([v]) => new TypeName(typeOf(v ?? null)),
  matches: ([v, p]) => matches(v, p),
  isIP: ([v]) => IpAddress.parse(text(v)) !== undefined, ip: ([v]) => address(v),
  isCIDR: ([v]) => Cidr.parse(text(v)) !== undefined, cidr: ([v]) => prefix(v),
};

const indexOf = (of: CelValue | undefined, part: CelValue | undefined): bigint =>
  BigInt(typeof of === 'string' ? of.indexOf(text(part)) : list(of).findIndex((item) => equal(item, part ?? null)));
const lastIndexOf = (of: CelValue | undefined, part: CelValue | undefined): bigint =>
  BigInt(typeof of === 'string' ? of.lastIndexOf(text(part)) : list(of).findLastIndex((item) => equal(item, part ?? null)));

function extreme(values: CelValue | undefined, sign: 1 | -1): CelValue {
  const [first, ...rest] = list(values);
  if (first === undefined) throw new CelError(`${sign < 0 ? 'min' : 'max'} called on empty list`);
  return rest.reduce((best, value) => (compare(value, best) * sign > 0 ? value : best), first);
}

function sum(values: readonly CelValue[]): CelValue {
  return values.reduce<bigint | number>((total, value) => {
    if (typeof value === 'bigint') return typeof total === 'bigint' ? total + value : total + Number(value);
    if (typeof value === 'number') return Number(total) + value;
    throw overload();
  }, 0n);
}

const isSorted = (values: readonly CelValue[]): boolean => values.every((value, i) => i === 0 || compare(values[i - 1]!, value) <= 0);

function split(of: string, separator: string, limit: CelValue | undefined): string[] {
  const parts = of.split(separator);
  const max = limit === undefined ? -1 : integer(limit);
  return max < 0 || parts.length <= max ? parts : max === 0 ? [] : [...parts.slice(0, max - 1), parts.slice(max - 1).join(separator)];
}

/** Called on a target, which comes first in the arguments. */
export const METHODS: Readonly<Record<string, Call>> = {
  size: ([v]) => size(v),
  contains: ([v, part]) => text(v).includes(text(part)), startsWith: ([v, part]) => text(v).startsWith(text(part)), endsWith: ([v, part]) => text(v).endsWith(text(part)),
  matches: ([v, pattern]) => matches(v, pattern),
  lowerAscii: ([v]) => text(v).replace(/[A-Z]/g, (c) => c.toLowerCase()), upperAscii: ([v]) => text(v).replace(/[a-z]/g, (c) => c.toUpperCase()),
  trim: ([v]) => text(v).trim(), charAt: ([v, at]) => text(v).charAt(integer(at)),
  substring: ([v, from, to]) => text(v).slice(integer(from), to === undefined ? undefined : integer(to)),
  replace: ([v, part, by]) => text(v).replaceAll(text(part), () => text(by)),
  split: ([v, separator, limit]) => split(text(v), text(separator), limit),
  join: ([v, separator]) => list(v).map((item) => text(item)).join(separator === undefined ? '' : text(separator)),
  indexOf: ([v, part]) => indexOf(v, part), lastIndexOf: ([v, part]) => lastIndexOf(v, part),
  isSorted: ([v]) => isSorted(list(v)), sum: ([v]) => sum(list(v)), min: ([v]) => extreme(v, -1), max: ([v]) => extreme(v, 1),
  family: ([v]) => BigInt(address(v).family), isUnspecified: ([v]) => address(v).isUnspecified, isLoopback: ([v]) => address(v).isLoopback, isGlobalUnicast: ([v]) => address(v).isGlobalUnicast,
  isLinkLocalUnicast: ([v]) => address(v).isLinkLocalUnicast, isLinkLocalMulticast: ([v]) => address(v).isLinkLocalMulticast,
  ip: ([v]) => prefix(v).ip, masked: ([v]) => prefix(v).masked(), prefixLength: ([v]) => BigInt(prefix(v).length),
  containsIP: ([v, ip]) => prefix(v).contains(address(ip)), containsCIDR: ([v, other]) => prefix(v).containsCidr(prefix(other)),
};

