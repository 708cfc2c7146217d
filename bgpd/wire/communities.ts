/** Lists of communities on the wire (RFC 1997, RFC 4360, RFC 8092), and CLUSTER_LIST (RFC 4456 §8), which looks like one. */
import type { ByteWriter } from '../../lib/bytes/writer.ts';
import { UPDATE_ERROR } from './constants.ts';
import { MalformedAttribute } from './malformed-attribute.ts';
import type { LargeCommunity, WireContext } from './message.ts';
import { u32At } from './octets.ts';

/** A type whose second highest bit is set means nothing outside the AS it comes from (RFC 4360 §2, §6). */
const NON_TRANSITIVE = 1n << 62n;

/** Malformed: a length that is not a non-zero multiple of 4 (RFC 7606 §7.8, §7.10). */
export function readU32List(bytes: Uint8Array, start: number, end: number): number[] | MalformedAttribute {
  const length = end - start;
  if (length === 0 || length % 4 !== 0) return badLength(length, 4);
  const values = new Array<number>(length / 4);   // exact: these live as long as the routes
  for (let i = 0; i < values.length; i++) values[i] = u32At(bytes, start + 4 * i);
  return values;
}

export function writeU32List(w: ByteWriter, values: readonly number[]): void {
  for (const value of values) w.u32(value);
}

/** Malformed: a length that is not a non-zero multiple of 8 (RFC 7606 §7.14). An external peer's non-transitive ones are left out. */
export function readExtendedCommunities(bytes: Uint8Array, start: number, end: number, context: WireContext): readonly bigint[] | MalformedAttribute {
  const length = end - start;
  if (length === 0 || length % 8 !== 0) return badLength(length, 8);
  const values: bigint[] = [];
  for (let at = start; at < end; at += 8) {
    const value = (BigInt(u32At(bytes, at)) << 32n) | BigInt(u32At(bytes, at + 4));
    if (!context.external || isTransitive(value)) values.push(value);
  }
  return values.slice();                          // exact
}

export function writeExtendedCommunities(w: ByteWriter, values: readonly bigint[]): void {
  for (const value of values) w.u64(value);
}

export const isTransitive = (extendedCommunity: bigint): boolean => (extendedCommunity & NON_TRANSITIVE) === 0n;

/** Malformed: a length that is not a non-zero multiple of 12 (RFC 8092 §5). What is there twice counts once (§2). */
export function readLargeCommunities(bytes: Uint8Array, start: number, end: number): readonly LargeCommunity[] | MalformedAttribute {
  const length = end - start;
  if (length === 0 || length % 12 !== 0) return badLength(length, 12);
  const seen = new Set<string>();
  const values: LargeCommunity[] = [];
  for (let at = start; at < end; at += 12) {
    const value = [u32At(bytes, at), u32At(bytes, at + 4), u32At(bytes, at + 8)] as const;
    const text = value.join(':');
    if (seen.has(text)) continue;
    seen.add(text);
    values.push(value);
  }
  return values.slice();
}

export function writeLargeCommunities(w: ByteWriter, values: readonly LargeCommunity[]): void {
  for (const value of values) for (const part of value) w.u32(part);
}

const badLength = (length: number, unit: number): MalformedAttribute =>
  new MalformedAttribute(`length ${length}: expected a multiple of ${unit}, not 0`, UPDATE_ERROR.optionalAttribute);
