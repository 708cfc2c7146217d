/**
 * Netlink's bytes: messages and attributes, in host order (little-endian on every machine we run on).
 *
 * A message is a 16-byte header, a fixed structure of its type, and attributes (length, type, value, padded to 4).
 * Attributes are described by tables, so that reading and writing one kind of object is one row an attribute.
 */
import { ipv6FromBytes } from '../../lib/ip/text.ts';
import type { Ip, Ipv4 } from '../../lib/ip/prefix.ts';
import { ShortReadError } from '../../lib/bytes/reader.ts';

export const HEADER_BYTES = 16;
const NESTED = 0x8000;
const TYPE_MASK = 0x3fff;

const aligned = (length: number): number => (length + 3) & ~3;

/** What an attribute's value is in TypeScript. */
interface KindTypes {
  u8: number;
  u16: number;
  u32: number;
  /** Zero-terminated text. */
  text: string;
  bytes: Uint8Array;
  /** 4 or 16 bytes in network order. */
  ip: Ip;
  /** `aa:bb:cc:dd:ee:ff`. */
  mac: string;
  flag: true;
}
export type Kind = keyof KindTypes;
export type Row = { readonly type: number; readonly kind: Kind } | { readonly type: number; readonly kind: 'nested'; readonly table: AttributeTable };
export interface AttributeTable { readonly [name: string]: Row }
type ValueOf<R extends Row> = R extends { readonly kind: 'nested'; readonly table: infer T extends AttributeTable } ? Attributes<T>
  : R extends { readonly kind: infer K extends Kind } ? KindTypes[K] : never;
/** The attributes of a table by name; absent ones are undefined. */
export type Attributes<T extends AttributeTable> = { readonly [K in keyof T]?: ValueOf<T[K]> | undefined };

/** Builds messages in one growing buffer. */
export class NetlinkWriter {
  bytes: Buffer;
  length = 0;
  #view: DataView;
  #message = 0;
  #family = 0;

  constructor(capacity = 1 << 16) {
    this.bytes = Buffer.alloc(capacity);
    this.#view = new DataView(this.bytes.buffer, this.bytes.byteOffset, capacity);
  }

  reset(): void { this.length = 0; }

  /** Starts a message; its length is set by `end`. The sequence number and NLM_F_REQUEST are the socket's business. */
  begin(type: number, flags: number): void {
    this.#message = this.#grow(HEADER_BYTES);
    this.#view.setUint32(this.#message, 0, true);
    this.#view.setUint16(this.#message + 4, type, true);
    this.#view.setUint16(this.#message + 6, flags, true);
    this.#view.setUint32(this.#message + 8, 0, true);
    this.#view.setUint32(this.#message + 12, 0, true);
  }

  /** Ends the message: sets its length, its sequence number and further flags. */
  end(sequence: number, moreFlags: number): void {
    const at = this.#message;
    this.#view.setUint32(at, this.length - at, true);
    this.#view.setUint16(at + 6, this.#view.getUint16(at + 6, true) | moreFlags, true);
    this.#view.setUint32(at + 8, sequence, true);
  }

  /** Starts and fills a message just like the one that was ended last; the caller changes what differs and ends it. */
  repeat(): void {
    const from = this.#message;
    const size = this.length - from;
    this.#message = this.#grow(size);
    this.bytes.copyWithin(this.#message, from, from + size);
  }

  /** Writes over an octet, or a 32-bit number in network order, at an offset behind the header of the present message. */
  changeU8(offset: number, value: number): void { this.#view.setUint8(this.#message + HEADER_BYTES + offset, value); }
  changeNetworkU32(offset: number, value: number): void { this.#view.setUint32(this.#message + HEADER_BYTES + offset, value, false); }

  u8(value: number): void { const at = this.#grow(1); this.#view.setUint8(at, value); }
  u16(value: number): void { const at = this.#grow(2); this.#view.setUint16(at, value, true); }
  u32(value: number): void { const at = this.#grow(4); this.#view.setUint32(at, value, true); }

  attributeU8(type: number, value: number): void { this.#head(type, 1); this.u8(value); this.align(); }
  attributeU16(type: number, value: number): void { this.#head(type, 2); this.u16(value); this.align(); }
  attributeU32(type: number, value: number): void { this.#head(type, 4); this.u32(value); }

  attributeBytes(type: number, value: Uint8Array): void {
    this.#head(type, value.length);
    this.raw(value);
    this.align();
  }

  attributeText(type: number, value: string): void {
    const bytes = Buffer.from(`${value}\0`);
    this.attributeBytes(type, bytes);
  }

  /** An address in network order. */
  attributeIp(type: number, value: Ip): void {
    this.#head(type, typeof value === 'number' ? 4 : 16);
    this.ip(value);
  }

  ip(value: Ip): void {
    if (typeof value === 'number') {
      const at = this.#grow(4);
      this.#view.setUint32(at, value, false);
      return;
    }
    const at = this.#grow(16);
    this.#view.setBigUint64(at, value >> 64n, false);
    this.#view.setBigUint64(at + 8, value & 0xffff_ffff_ffff_ffffn, false);
  }

  raw(value: Uint8Array): void {
    const at = this.#grow(value.length);
    this.bytes.set(value, at);
  }

  /** Opens an attribute that holds others (or a structure with a 16-bit length at its start); `close` sets its length. */
  open(type: number): number {
    const at = this.length;
    this.u16(0);
    this.u16(type);
    return at;
  }

  close(at: number): void { this.#view.setUint16(at, this.length - at, true); }
  /** Pads to 4 bytes, behind an attribute that was opened and holds bytes. */
  align(): void { while ((this.length & 3) !== 0) this.u8(0); }

  /** Writes the attributes that are present, in the table's order. */
  attributes<T extends AttributeTable>(table: T, values: Attributes<T>): void {
    for (const name of Object.keys(table)) {
      const value = (values as Readonly<Record<string, unknown>>)[name];
      if (value !== undefined) this.#attribute(table[name]!, value);
    }
  }

  #attribute(row: Row, value: unknown): void {
    switch (row.kind) {
      case 'u8': this.attributeU8(row.type, value as number); break;
      case 'u16': this.attributeU16(row.type, value as number); break;
      case 'u32': this.attributeU32(row.type, value as number); break;
      case 'text': this.attributeText(row.type, value as string); break;
      case 'bytes': this.attributeBytes(row.type, value as Uint8Array); break;
      case 'ip': this.attributeIp(row.type, value as Ip); break;
      case 'mac': this.attributeBytes(row.type, macBytes(value as string)); break;
      case 'flag': this.#head(row.type, 0); break;
      case 'nested': {
        const at = this.open(row.type | NESTED);
        this.attributes(row.table, value as Attributes<AttributeTable>);
        this.close(at);
        break;
      }
    }
  }

  #head(type: number, length: number): void { this.u16(4 + length); this.u16(type); }

  #grow(by: number): number {
    const at = this.length;
    this.length = at + by;
    if (this.length > this.bytes.length) {
      const bigger = Buffer.alloc(Math.max(this.length, this.bytes.length * 2));
      this.bytes.copy(bigger, 0, 0, at);
      this.bytes = bigger;
      this.#view = new DataView(bigger.buffer, bigger.byteOffset, bigger.length);
    }
    return at;
  }
}

/** A cursor over one message, or over the inside of an attribute. Throws ShortReadError, never reads past its end. */
export class NetlinkReader {
  readonly bytes: Buffer;
  at: number;
  readonly end: number;
  /** Type of the attribute that `next` found, without the nesting flags, and where its value lies. */
  type = 0;
  valueAt = 0;
  valueLength = 0;

  constructor(bytes: Buffer, at: number, end: number) {
    this.bytes = bytes;
    this.at = at;
    this.end = end;
  }

  u8(): number { return this.bytes[this.#take(1)]!; }
  u16(): number { return this.bytes.readUInt16LE(this.#take(2)); }
  u32(): number { return this.bytes.readUInt32LE(this.#take(4)); }
  i32(): number { return this.bytes.readInt32LE(this.#take(4)); }
  skip(length: number): void { this.#take(length); }

  /** Moves to the next attribute; false at the end. A length that does not fit throws. */
  next(): boolean {
    if (this.end - this.at < 4) return false;
    const length = this.bytes.readUInt16LE(this.at);
    if (length < 4 || this.at + length > this.end) throw new ShortReadError(this.at, length, this.end - this.at);
    this.type = this.bytes.readUInt16LE(this.at + 2) & TYPE_MASK;
    this.valueAt = this.at + 4;
    this.valueLength = length - 4;
    this.at = Math.min(this.end, this.at + aligned(length));
    return true;
  }

  valueU8(): number { this.#need(1); return this.bytes[this.valueAt]!; }
  valueU16(): number { this.#need(2); return this.bytes.readUInt16LE(this.valueAt); }
  valueU32(): number { this.#need(4); return this.bytes.readUInt32LE(this.valueAt); }
  valueIp(): Ip { return this.ipAt(this.valueAt, this.valueLength); }
  /** A copy: the buffer is used again for the next message. */
  valueBytes(): Uint8Array { return Uint8Array.prototype.slice.call(this.bytes, this.valueAt, this.valueAt + this.valueLength); }
  valueReader(): NetlinkReader { return new NetlinkReader(this.bytes, this.valueAt, this.valueAt + this.valueLength); }

  valueText(): string {
    let end = this.valueAt + this.valueLength;
    while (end > this.valueAt && this.bytes[end - 1] === 0) end--;
    return this.bytes.toString('utf8', this.valueAt, end);
  }

  /** A reader of `length` bytes at an offset, confined to this reader's end. */
  within(at: number, length: number): NetlinkReader {
    if (length < 0 || at + length > this.end) throw new ShortReadError(at, length, this.end - at);
    return new NetlinkReader(this.bytes, at, at + length);
  }

  /** An address of 4 or 16 bytes at an offset of the buffer. */
  ipAt(at: number, length: number): Ip {
    if (at + length > this.end || (length !== 4 && length !== 16)) throw new ShortReadError(at, length, this.end - at);
    return length === 4 ? (this.bytes.readUInt32BE(at) as Ipv4) : ipv6FromBytes(this.bytes.subarray(at, at + 16));
  }

  /** Reads the attributes that the table knows; others are passed over. */
  attributes<T extends AttributeTable>(table: T): Attributes<T> {
    const byType = indexOf(table);
    const found: Record<string, unknown> = {};
    while (this.next()) {
      const entry = byType.get(this.type);
      if (entry) found[entry.name] = this.#value(entry.row);
    }
    return found as Attributes<T>;
  }

  #value(row: Row): unknown {
    switch (row.kind) {
      case 'u8': return this.valueU8();
      case 'u16': return this.valueU16();
      case 'u32': return this.valueU32();
      case 'text': return this.valueText();
      case 'bytes': return this.valueBytes();
      case 'ip': return this.valueIp();
      case 'mac': return showMac(this.valueBytes());
      case 'flag': return true;
      case 'nested': return this.valueReader().attributes(row.table);
    }
  }

  #need(length: number): void { if (this.valueLength < length) throw new ShortReadError(this.valueAt, length, this.valueLength); }

  #take(length: number): number {
    const at = this.at;
    if (at + length > this.end) throw new ShortReadError(at, length, this.end - at);
    this.at = at + length;
    return at;
  }
}

interface Entry { readonly name: string; readonly row: Row }
const indexes = new WeakMap<AttributeTable, ReadonlyMap<number, Entry>>();

function indexOf(table: AttributeTable): ReadonlyMap<number, Entry> {
  let index = indexes.get(table);
  if (!index) {
    index = new Map(Object.entries(table).map(([name, row]) => [row.type, { name, row }]));
    indexes.set(table, index);
  }
  return index;
}

/** Throws RangeError unless the text is six pairs of hex digits. */
export function macBytes(text: string): Uint8Array {
  if (!/^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/i.test(text)) throw new RangeError(`not a MAC address: ${JSON.stringify(text)}`);
  return Uint8Array.from(text.split(':'), (pair) => Number.parseInt(pair, 16));
}

export const showMac = (bytes: Uint8Array): string => Array.from(bytes, (b) => b.toString(16).padStart(2, '0')).join(':');

