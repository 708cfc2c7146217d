/** Gives every known prefix of one family a small integer, so that everything else about it lives in typed arrays. */
import type { Family, Prefix, Prefix4 } from '../../lib/ip/prefix.ts';

export interface PrefixTable {
  readonly family: Family;
  /** Prefixes known now. */
  readonly size: number;
  /** All ids are below this. */
  readonly limit: number;
  /** The id of `prefix`, a new one (perhaps one used before) when it is not known. */
  add(prefix: Prefix): number;
  /** -1: not known. */
  find(prefix: Prefix): number;
  /** Only for an id that is in use. */
  prefixOf(id: number): Prefix;
  /** Forgets a prefix; its id will be given to another. The caller has cleared every column at that id. Free ids are ignored. */
  remove(id: number): void;
}

export const prefixTable = (family: Family): PrefixTable => (family === 'ipv4' ? new PrefixTable4() : new PrefixTable6());

const FREE = -1;

/**
 * Open addressing with linear probing on typed arrays, at most half full: 16 bytes a prefix beside the columns.
 * A slot holds id + 1; removal closes the gap (no tombstones), so look-ups never get slower with age.
 */
export class PrefixTable4 implements PrefixTable {
  readonly family = 'ipv4';
  #slots = new Int32Array(128);
  #shift = 32 - 7;
  #keys = new Float64Array(64);
  #limit = 0;
  readonly #free: number[] = [];

  get size(): number { return this.#limit - this.#free.length; }
  get limit(): number { return this.#limit; }

  add(prefix: Prefix): number {
    const key = prefix as number;
    const slots = this.#slots;
    const mask = slots.length - 1;
    let slot = this.#home(key);
    for (;;) {
      const id = slots[slot]! - 1;
      if (id < 0) break;
      if (this.#keys[id] === key) return id;
      slot = (slot + 1) & mask;
    }
    const id = this.#newId();
    this.#keys[id] = key;
    slots[slot] = id + 1;
    if (this.size * 2 > slots.length) this.#rehash();
    return id;
  }

  find(prefix: Prefix): number {
    const slot = this.#slotOf(prefix as number);
    return slot < 0 ? -1 : this.#slots[slot]! - 1;
  }

  prefixOf(id: number): Prefix { return this.#keys[id] as Prefix4; }

  remove(id: number): void {
    if (this.#keys[id] === FREE) return;
    const slots = this.#slots;
    const mask = slots.length - 1;
    let hole = this.#slotOf(this.#keys[id]!);
    for (let at = (hole + 1) & mask; slots[at] !== 0; at = (at + 1) & mask) {
      const home = this.#home(this.#keys[slots[at]! - 1]!);
      // The entry may move back into the hole unless its home lies behind the hole.
      if (((at - home) & mask) >= ((at - hole) & mask)) {
        slots[hole] = slots[at]!;
        hole = at;
      }
    }
    slots[hole] = 0;
    this.#keys[id] = FREE;
    this.#free.push(id);
  }

  #home(key: number): number {
    const address = (key / 64) >>> 0;
    return Math.imul(address ^ Math.imul(key - address * 64, 0x01000193), 0x9e3779b1) >>> this.#shift;
  }

  #slotOf(key: number): number {
    const mask = this.#slots.length - 1;
    for (let slot = this.#home(key); ; slot = (slot + 1) & mask) {
      const id = this.#slots[slot]! - 1;
      if (id < 0) return -1;
      if (this.#keys[id] === key) return slot;
    }
  }

  #newId(): number {
    const reused = this.#free.pop();
    if (reused !== undefined) return reused;
    if (this.#limit === this.#keys.length) {
      const keys = new Float64Array(this.#keys.length * 2);
      keys.set(this.#keys);
      this.#keys = keys;
    }
    return this.#limit++;
  }

  #rehash(): void {
    const slots = new Int32Array(this.#slots.length * 2);
    this.#shift--;
    const mask = slots.length - 1;
    for (let id = 0; id < this.#limit; id++) {
      if (this.#keys[id] === FREE) continue;
      let slot = this.#home(this.#keys[id]!);
      while (slots[slot] !== 0) slot = (slot + 1) & mask;
      slots[slot] = id + 1;
    }
    this.#slots = slots;
  }
}

/** A Map by value: 128-bit keys do not fit a typed slot, and tables of IPv6 in a cluster are small. */
export class PrefixTable6 implements PrefixTable {
  readonly family = 'ipv6';
  readonly #ids = new Map<Prefix, number>();
  readonly #prefixes: Prefix[] = [];
  readonly #free: number[] = [];

  get size(): number { return this.#ids.size; }
  get limit(): number { return this.#prefixes.length; }

  add(prefix: Prefix): number {
    const known = this.#ids.get(prefix);
    if (known !== undefined) return known;
    const id = this.#free.pop() ?? this.#prefixes.length;
    this.#prefixes[id] = prefix;
    this.#ids.set(prefix, id);
    return id;
  }

  find(prefix: Prefix): number { return this.#ids.get(prefix) ?? -1; }

  prefixOf(id: number): Prefix { return this.#prefixes[id]!; }

  remove(id: number): void {
    const prefix = this.#prefixes[id]!;
    if (this.#ids.get(prefix) !== id) return;
    this.#ids.delete(prefix);
    this.#free.push(id);
  }
}
