/** Repeatable pseudo-random numbers (mulberry32): a failing test fails again with the same seed. */
export class Seeded {
  #state: number;

  constructor(seed: number) { this.#state = seed | 0; }

  /** An integer in 0..limit-1. */
  below(limit: number): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let t = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 2 ** 32) * limit);
  }

  bytes(length: number): Uint8Array { return Uint8Array.from({ length }, () => this.below(256)); }

  pick<T>(values: readonly T[]): T { return values[this.below(values.length)]!; }
}
