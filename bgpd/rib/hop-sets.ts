/** Numbers for ways to forward, a set of next hops and a metric: equal ones have equal numbers, so that routes are compared as integers. */
import type { KernelNextHop } from '../ports.ts';
import { sameVia } from './next-hop.ts';

/** The number of the empty set. */
export const NO_HOPS = 0;
/** The metric that all routes have that are given none of their own. */
export const NORMAL_METRIC = 0;

export class HopSets {
  readonly #sets: (readonly KernelNextHop[] | undefined)[] = [[]];
  readonly #metrics: number[] = [NORMAL_METRIC];
  readonly #numbers = new Map<string, number>();
  readonly #free: number[] = [];
  /** Short cuts for the common set of one, and for the same one again. */
  #single = new WeakMap<KernelNextHop, number>();
  #lastHop: KernelNextHop | undefined;
  #lastNumber = NO_HOPS;
  #sizeAtLastSweep = 0;

  get size(): number { return this.#numbers.size; }

  hopsOf(number: number): readonly KernelNextHop[] { return this.#sets[number]!; }
  metricOf(number: number): number { return this.#metrics[number]!; }

  numberOfOne(hop: KernelNextHop): number {
    if (hop === this.#lastHop) return this.#lastNumber;
    let number = this.#single.get(hop);
    if (number === undefined) {
      number = this.numberOf([hop]);
      this.#single.set(hop, number);
    }
    this.#lastHop = hop;
    this.#lastNumber = number;
    return number;
  }

  /** Order does not matter, and the same way twice counts once. */
  numberOf(hops: readonly KernelNextHop[], metric = NORMAL_METRIC): number {
    if (hops.length === 0) return NO_HOPS;
    const distinct = [...hops].sort(compareHops).filter((hop, i, all) => i === 0 || !sameVia(hop, all[i - 1]));
    const key = keyOf(distinct, metric);
    let number = this.#numbers.get(key);
    if (number === undefined) {
      number = this.#free.pop() ?? this.#sets.length;
      this.#sets[number] = distinct;
      this.#metrics[number] = metric;
      this.#numbers.set(key, number);
    }
    return number;
  }

  /** The number of hops read from the kernel: `wanted`'s, when they differ only by an interface that it leaves open. */
  numberLike(hops: readonly KernelNextHop[], wanted: number, metric = NORMAL_METRIC): number {
    const open = this.#sets[wanted] ?? [];
    const found = [...hops].sort(compareHops);
    const isWanted = open.length > 0 && open.length === found.length && this.#metrics[wanted] === metric && open.every((w, i) =>
      w.gateway === found[i]!.gateway && (w.interfaceIndex === 0 || w.interfaceIndex === found[i]!.interfaceIndex));
    return isWanted ? wanted : this.numberOf(found, metric);
  }

  /** Once there are many more sets than after the last sweep: forgets those whose number stands in none of the columns. */
  sweep(columns: readonly Int32Array[]): void {
    if (this.size < 2 * this.#sizeAtLastSweep + 1024) return;
    const used = new Set<number>();
    for (const column of columns) for (const number of column) if (number > NO_HOPS) used.add(number);
    for (const [key, number] of this.#numbers) {
      if (used.has(number)) continue;
      this.#numbers.delete(key);
      this.#sets[number] = undefined;
      this.#free.push(number);
    }
    this.#single = new WeakMap();
    this.#lastHop = undefined;
    this.#sizeAtLastSweep = this.size;
  }
}

const keyOf = (hops: readonly KernelNextHop[], metric: number): string => `${metric} ` + hops.map((h) => `${h.gateway ?? ''}@${h.interfaceIndex}`).join(' ');

function compareHops(a: KernelNextHop, b: KernelNextHop): number {
  const [x, y] = [String(a.gateway ?? ''), String(b.gateway ?? '')];
  return x < y ? -1 : x > y ? 1 : a.interfaceIndex - b.interfaceIndex;
}
