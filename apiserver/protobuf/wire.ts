/** The protocol buffers wire format: varints, length-delimited fields, and the two fixed widths. */
import { ByteReader } from '../../lib/bytes/reader.ts';

export type WireValue = bigint | Uint8Array;
export interface WireField { readonly number: number; readonly value: WireValue }

const VARINT = 0, FIXED64 = 1, DELIMITED = 2, FIXED32 = 5;
const MAX_VARINT_BYTES = 10;

function readVarint(r: ByteReader): bigint {
  let value = 0n;
  for (let i = 0; i < MAX_VARINT_BYTES; i += 1) {
    const byte = r.u8();
    value |= BigInt(byte & 0x7f) << BigInt(7 * i);
    if (byte < 0x80) return BigInt.asUintN(64, value);
  }
  throw new RangeError('a varint longer than 10 bytes');
}

/** Every field of a message in order. Throws RangeError on bytes that are no message. */
export function readFields(bytes: Uint8Array): WireField[] {
  const r = new ByteReader(bytes);
  const fields: WireField[] = [];
  while (r.remaining > 0) {
    const key = Number(readVarint(r));
    const number = Math.floor(key / 8);
    switch (key % 8) {
      case VARINT: fields.push({ number, value: readVarint(r) }); break;
      case FIXED64: fields.push({ number, value: r.view(8) }); break;
      case DELIMITED: {
        const length = readVarint(r);
        if (length > BigInt(r.remaining)) throw new RangeError(`a field of ${length} bytes where ${r.remaining} are left`);
        fields.push({ number, value: r.view(Number(length)) });
        break;
      }
      case FIXED32: fields.push({ number, value: r.view(4) }); break;
      default: throw new RangeError(`wire type ${key % 8} at offset ${r.offset}`);
    }
  }
  return fields;
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  while (rest >= 0x80) {
    bytes.push((rest % 0x80) | 0x80);
    rest = Math.floor(rest / 0x80);
  }
  bytes.push(rest);
  return Buffer.from(bytes);
}

/** Pieces of a message being written; joined once, at the end. */
export type Pieces = readonly Uint8Array[];

/** A message, text or bytes as one field. */
export function delimited(number: number, content: string | Pieces): Pieces {
  const pieces = typeof content === 'string' ? [Buffer.from(content)] : content;
  const length = pieces.reduce((sum, piece) => sum + piece.length, 0);
  return [varint(number * 8 + DELIMITED), varint(length), ...pieces];
}

/** A non-negative integer, or a boolean. */
export const unsigned = (number: number, value: number | boolean): Pieces => [varint(number * 8 + VARINT), varint(Number(value))];

export function double(number: number, value: number): Pieces {
  const bytes = Buffer.alloc(8);
  bytes.writeDoubleLE(value);
  return [varint(number * 8 + FIXED64), bytes];
}
