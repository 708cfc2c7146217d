/** A bounds-checked reader of network-order bytes: it throws, it never clamps. */

/** More bytes were asked for than are left: the reader's position, the bytes wanted and the bytes there. */
export class ShortReadError extends RangeError {
  readonly at: number;
  readonly wanted: number;
  readonly available: number;
  constructor(at: number, wanted: number, available: number) {
    super(`${wanted} bytes wanted at offset ${at}, ${available} left`);
    this.name = 'ShortReadError';
    this.at = at;
    this.wanted = wanted;
    this.available = available;
  }
}

export class ByteReader {
  /** The bytes read from: shared, not copied. */
  readonly bytes: Uint8Array;
  #at: number;
  readonly #end: number;

  constructor(bytes: Uint8Array, start = 0, end = bytes.length) {
    if (start < 0 || end > bytes.length || start > end) throw new RangeError(`bad reader range ${start}..${end} of ${bytes.length}`);
    this.bytes = bytes;
    this.#at = start;
    this.#end = end;
  }

  /** Offset of the next byte within `bytes`. */
  get offset(): number { return this.#at; }
  get remaining(): number { return this.#end - this.#at; }

  u8(): number { return this.bytes[this.#take(1)]!; }

  u16(): number {
    const at = this.#take(2);
    return (this.bytes[at]! << 8) | this.bytes[at + 1]!;
  }

  u32(): number {
    const at = this.#take(4);
    const b = this.bytes;
    return ((b[at]! << 24) | (b[at + 1]! << 16) | (b[at + 2]! << 8) | b[at + 3]!) >>> 0;
  }

  u64(): bigint { return (BigInt(this.u32()) << 32n) | BigInt(this.u32()); }

  /** The next `length` bytes as a view into the same memory. */
  view(length: number): Uint8Array {
    const at = this.#take(length);
    return this.bytes.subarray(at, at + length);
  }

  /** A reader confined to the next `length` bytes: a nested length cannot reach past its parent. */
  sub(length: number): ByteReader {
    const at = this.#take(length);
    return new ByteReader(this.bytes, at, at + length);
  }

  skip(length: number): void { this.#take(length); }

  #take(length: number): number {
    if (length < 0 || length > this.remaining) throw new ShortReadError(this.#at, length, this.remaining);
    const at = this.#at;
    this.#at += length;
    return at;
  }
}
