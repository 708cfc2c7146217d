/** Desired versus actual, as a data structure: what is missing, what is surplus, what was refused. */

/**
 * ```
 *        desired            actual
 *     ┌───────────┬───────────┬───────────┐
 *     │  missing  │  in place │  surplus  │
 *     └───────────┴───────────┴───────────┘
 * ```
 * A value that differs counts as missing (to be replaced), not as surplus. Each side may be changed at any time;
 * only keys that changed since they were last acknowledged are looked at, so a flush costs O(changes).
 */
export class Delta<K, V> {
  readonly #desired = new Map<K, V>();
  readonly #actual = new Map<K, V>();
  readonly #dirty = new Set<K>();
  readonly #same: (a: V, b: V) => boolean;

  constructor(same: (a: V, b: V) => boolean) { this.#same = same; }

  get desired(): ReadonlyMap<K, V> { return this.#desired; }
  get actual(): ReadonlyMap<K, V> { return this.#actual; }
  /** Keys whose two sides may differ. */
  get pending(): number { return this.#dirty.size; }

  want(key: K, value: V): void { this.#desired.set(key, value); this.#mark(key); }
  unwant(key: K): void { this.#desired.delete(key); this.#mark(key); }

  /** What the outside holds now, learned by reading it or by a write that succeeded. */
  has(key: K, value: V): void { this.#actual.set(key, value); this.#mark(key); }
  lacks(key: K): void { this.#actual.delete(key); this.#mark(key); }

  /** Replaces the whole actual side, after a resync. */
  setActual(entries: Iterable<readonly [K, V]>): void {
    const old = [...this.#actual.keys()];
    this.#actual.clear();
    for (const [key, value] of entries) this.#actual.set(key, value);
    for (const key of old) this.#mark(key);
    for (const key of this.#actual.keys()) this.#mark(key);
    for (const key of this.#desired.keys()) this.#mark(key);
  }

  /** Desired entries that are absent or different outside. */
  *missing(): IterableIterator<[K, V]> {
    for (const key of this.#dirty) {
      const wanted = this.#desired.get(key);
      if (wanted !== undefined || this.#desired.has(key)) yield [key, wanted as V];
    }
  }

  /** Entries outside that are not desired. */
  *surplus(): IterableIterator<[K, V]> {
    for (const key of this.#dirty) {
      if (!this.#desired.has(key) && this.#actual.has(key)) yield [key, this.#actual.get(key) as V];
    }
  }

  #mark(key: K): void {
    const inDesired = this.#desired.has(key);
    const inActual = this.#actual.has(key);
    const equal = inDesired === inActual
      && (!inDesired || this.#same(this.#desired.get(key) as V, this.#actual.get(key) as V));
    if (equal) this.#dirty.delete(key); else this.#dirty.add(key);
  }
}
