/** Lists of 32-bit values: COMMUNITIES (RFC 1997) and CLUSTER_LIST (RFC 4456 §8). */
import type { ByteWriter } from '../../lib/bytes/writer.ts';
import { UPDATE_ERROR } from './constants.ts';
import { MalformedAttribute } from './malformed-attribute.ts';

/** Malformed: a length that is not a non-zero multiple of 4 (RFC 7606 §7.8, §7.10). */
export function readU32List(bytes: Uint8Array, start: number, end: number): number[] | MalformedAttribute {
  const length = end - start;
  if (length === 0 || length % 4 !== 0) {
    return new MalformedAttribute(`length ${length}: expected a multiple of 4, not 0`, UPDATE_ERROR.optionalAttribute);
  }
  const values = new Array<number>(length / 4);   // exact: these live as long as the routes
  for (let i = 0; i < values.length; i++) values[i] = readU32At(bytes, start + 4 * i);
  return values;
}

export function writeU32List(w: ByteWriter, values: readonly number[]): void {
  for (const value of values) w.u32(value);
}

export const readU32At = (b: Uint8Array, at: number): number =>
  ((b[at]! << 24) | (b[at + 1]! << 16) | (b[at + 2]! << 8) | b[at + 3]!) >>> 0;
