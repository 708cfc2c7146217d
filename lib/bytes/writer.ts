/** A growing buffer of network-order bytes with back-patched lengths. */

export class ByteWriter {
  #bytes: Uint8Array;
  #at = 0;

  constructor(capacity = 256) { this.#bytes = new Uint8Array(capacity); }

  get length(): number { return this.#at; }

  u8(value: number): void { const at = this.#grow(1); this.#bytes[at] = value; }

  u16(value: number): void {
    const at = this.#grow(2);
    this.#bytes[at] = value >>> 8;
    this.#bytes[at + 1] = value;
  }

  u32(value: number): void {
    const at = this.#grow(4);
    const b = this.#bytes;
    b[at] = value >>> 24; b[at + 1] = value >>> 16; b[at + 2] = value >>> 8; b[at + 3] = value;
  }

  u64(value: bigint): void { this.u32(Number((value >> 32n) & 0xffffffffn)); this.u32(Number(value & 0xffffffffn)); }

  bytes(value: Uint8Array): void { const at = this.#grow(value.length); this.#bytes.set(value, at); }

  /** Writes what `body` writes behind an 8-bit length. Throws RangeError when it is longer than 255 bytes. */
  withLength8(body: () => void): void {
    const at = this.#grow(1);
    body();
    const length = this.#at - at - 1;
    if (length > 0xff) throw new RangeError(`${length} bytes do not fit behind an 8-bit length`);
    this.#bytes[at] = length;
  }

  /** Writes what `body` writes behind a 16-bit length. Throws RangeError when it is longer than 65,535 bytes. */
  withLength16(body: () => void): void {
    const at = this.#grow(2);
    body();
    const length = this.#at - at - 2;
    if (length > 0xffff) throw new RangeError(`${length} bytes do not fit behind a 16-bit length`);
    this.#bytes[at] = length >>> 8;
    this.#bytes[at + 1] = length;
  }

  /** Overwrites two bytes already written. */
  patch16(at: number, value: number): void {
    if (at + 2 > this.#at) throw new RangeError(`offset ${at} is not written yet`);
    this.#bytes[at] = value >>> 8;
    this.#bytes[at + 1] = value;
  }

  /** Drops everything after `length`. */
  truncate(length: number): void {
    if (length > this.#at) throw new RangeError(`cannot truncate ${this.#at} bytes to ${length}`);
    this.#at = length;
  }

  /** A copy of what was written. */
  finish(): Uint8Array { return this.#bytes.slice(0, this.#at); }

  #grow(by: number): number {
    const at = this.#at;
    const needed = at + by;
    if (needed > this.#bytes.length) {
      const bigger = new Uint8Array(Math.max(needed, this.#bytes.length * 2));
      bigger.set(this.#bytes.subarray(0, at));
      this.#bytes = bigger;
    }
    this.#at = needed;
    return at;
  }
}
