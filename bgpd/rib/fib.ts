/** What the kernel should forward by and what it does, prefix by prefix; what differs waits to be written. */
import type { Prefix } from '../../lib/ip/prefix.ts';
import type { KernelRoute, RouteRefusal } from '../ports.ts';
import { Int32Column } from './column.ts';
import { IdQueue } from './id-queue.ts';
import { HopSets, NO_HOPS } from './hop-sets.ts';
import type { PrefixTable } from './prefix-table.ts';
import type { Route } from './route.ts';

/** A slice of work for the kernel. Give it back to `written` when the kernel has answered. */
export interface FibBatch {
  readonly put: readonly KernelRoute[];
  readonly remove: readonly KernelRoute[];
  /** Prefix ids of `put`, then of `remove`, and what each will have become. */
  readonly ids: readonly number[];
  readonly values: readonly number[];
}

/** Values of the two columns: nothing, a blackhole, or the number of a set of next hops. */
const NOTHING = NO_HOPS;
const BLACKHOLE = -1;

export class Fib {
  readonly #table: PrefixTable;
  readonly #desired = new Int32Column();
  readonly #actual = new Int32Column();
  /** Prefixes that differ, or did when they were queued. */
  readonly #queue = new IdQueue();
  readonly #refused = new Map<number, RouteRefusal>();
  /** Found in the kernel at start, not chosen anew yet. */
  readonly #adopted = new Set<number>();
  readonly #sets = new HopSets();
  /** Prefixes that hold nothing any more since the last `takeEmptied`. */
  #emptied: number[] = [];
  #installed = 0;

  constructor(table: PrefixTable) { this.#table = table; }

  /** Routes of ours in the kernel. */
  get installed(): number { return this.#installed; }
  get pending(): number { return this.#queue.size; }
  get refusals(): IterableIterator<RouteRefusal> { return this.#refused.values(); }
  get refusedCount(): number { return this.#refused.size; }

  /** A route stands in the kernel from before our start, and its prefix has not been selected since. */
  isAdopted(id: number): boolean { return this.#adopted.size > 0 && this.#adopted.has(id); }
  get adopted(): ReadonlySet<number> { return this.#adopted; }
  /** From now on what is not wanted goes. The caller selects the adopted prefixes anew. */
  endAdoption(): void { this.#adopted.clear(); }

  wantNothing(id: number): void { this.#want(id, NOTHING); }
  wantBlackhole(id: number): void { this.#want(id, BLACKHOLE); }
  /** Forwards along these routes, best first; those that cannot forward are left out. */
  wantRoutes(id: number, routes: readonly Route[]): void {
    const via = routes.length === 1 ? routes[0]!.hop?.via : undefined;
    const sets = this.#sets;
    this.#want(id, via !== undefined ? sets.numberOfOne(via) : sets.numberOf(routes.flatMap((r) => r.hop?.via ?? [])));
  }

  /** The kernel's routes as read: learned at start, or after somebody disturbed them. Not while a batch is out. */
  setActual(routes: readonly KernelRoute[], adopt: boolean): void {
    const seen = new Set<number>();
    for (const route of routes) {
      const id = this.#table.add(route.prefix);
      seen.add(id);
      this.#setActual(id, this.#valueOf(route, this.#desired.get(id)));
      if (adopt) this.#adopted.add(id);
      else if (!this.#adopted.has(id)) this.#queue.add(id);
    }
    const actual = this.#actual.values;
    for (let id = 0; id < actual.length; id++) {
      if (actual[id] === NOTHING || seen.has(id)) continue;
      this.#setActual(id, NOTHING);
      this.#queue.add(id);
    }
  }

  /** The next `maximum` differences; undefined: there are none. */
  nextBatch(maximum: number): FibBatch | undefined {
    const put: KernelRoute[] = [];
    const remove: KernelRoute[] = [];
    const [putIds, removeIds]: [number[], number[]] = [[], []];
    while (this.#queue.size > 0 && put.length + remove.length < maximum) {
      for (const id of this.#queue.take(maximum - put.length - remove.length)) {
        const desired = this.#desired.get(id);
        const actual = this.#actual.get(id);
        if (desired === actual) { this.#settled(id, actual); continue; }
        if (desired !== NOTHING) { put.push(this.#kernelRoute(id, desired)); putIds.push(id); }
        else { remove.push(this.#kernelRoute(id, actual)); removeIds.push(id); }
      }
    }
    if (put.length + remove.length === 0) {
      this.#sets.sweep([this.#desired.values, this.#actual.values]);
      return undefined;
    }
    const values = [...putIds.map((id) => this.#desired.get(id)), ...removeIds.map(() => NOTHING)];
    return { put, remove, ids: [...putIds, ...removeIds], values };
  }

  /** The kernel has done the batch, but for `refusals`. */
  written(batch: FibBatch, refusals: readonly RouteRefusal[]): void {
    const refused = new Map(refusals.map((r) => [this.#table.find(r.prefix), r]));
    batch.ids.forEach((id, i) => {
      const refusal = refused.get(id);
      if (refusal !== undefined) { this.#refused.set(id, refusal); return; }
      this.#setActual(id, batch.values[i]!);
      this.#settled(id, batch.values[i]!);
    });
  }

  /** Ids that hold nothing any more: perhaps nobody needs them. */
  takeEmptied(): number[] {
    const emptied = this.#emptied;
    this.#emptied = [];
    return emptied;
  }

  /** Tries the refused routes again. */
  retry(): void {
    for (const id of this.#refused.keys()) this.#queue.add(id);
  }

  isEmpty(id: number): boolean {
    return this.#desired.get(id) === NOTHING && this.#actual.get(id) === NOTHING && !this.#queue.has(id);
  }

  isInstalled(id: number): boolean { return this.#actual.get(id) !== NOTHING; }

  #want(id: number, value: number): void {
    if (this.#adopted.size > 0) this.#adopted.delete(id);
    if (value === this.#desired.get(id) && value === this.#actual.get(id)) return;
    this.#desired.set(id, value);
    this.#queue.add(id);
  }

  #settled(id: number, value: number): void {
    this.#refused.delete(id);
    if (value === NOTHING) this.#emptied.push(id);
  }

  #setActual(id: number, value: number): void {
    this.#installed += Number(value !== NOTHING) - Number(this.#actual.get(id) !== NOTHING);
    this.#actual.set(id, value);
  }

  #valueOf(route: KernelRoute, desired: number): number {
    return route.kind === 'blackhole' ? BLACKHOLE : this.#sets.numberLike(route.nextHops, desired);
  }

  #kernelRoute(id: number, value: number): KernelRoute {
    const prefix: Prefix = this.#table.prefixOf(id);
    return value === BLACKHOLE ? { kind: 'blackhole', prefix } : { kind: 'unicast', prefix, nextHops: this.#sets.hopsOf(value) };
  }
}
