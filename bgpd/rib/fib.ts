/** What the kernel should forward by and what it does, prefix by prefix; what differs waits to be written. */
import { LOCAL_PREF_OF_METRIC_0 } from '../../config/messages/speaker-config.ts';
import type { Prefix } from '../../lib/ip/prefix.ts';
import type { KernelNextHop, KernelRoute, RouteRefusal } from '../ports.ts';
import { Int32Column } from './column.ts';
import { IdQueue } from './id-queue.ts';
import { HopSets, NO_HOPS, NORMAL_METRIC } from './hop-sets.ts';
import type { PrefixTable } from './prefix-table.ts';
import type { Route } from './route.ts';

/** A slice of work for the kernel. Give it back to `written` when the kernel has answered. */
export interface FibBatch {
  readonly put: readonly KernelRoute[];
  readonly remove: readonly KernelRoute[];
  /** Prefix ids of `put`, then of what `remove` leaves empty, and what each will have become. */
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
  /** Further routes of ours for a prefix, with other metrics: an earlier life ended between a put and a removal. */
  #surplus: KernelRoute[] = [];
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
  wantRoutes(id: number, routes: readonly Route[], metric = NORMAL_METRIC): void {
    const via = routes.length === 1 && metric === NORMAL_METRIC ? routes[0]!.hop?.via : undefined;
    const sets = this.#sets;
    this.#want(id, via !== undefined ? sets.numberOfOne(via) : sets.numberOf(routes.flatMap((r) => r.hop?.via ?? []), metric));
  }

  /** The kernel's routes as read: learned at start, or after somebody disturbed them. Not while a batch is out. */
  setActual(routes: readonly KernelRoute[], adopt: boolean): void {
    const seen = new Set<number>();
    this.#surplus = [];
    for (const route of routes) {
      const id = this.#table.add(route.prefix);
      if (seen.has(id)) { this.#setSecond(id, route); continue; }
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
    const surplus = this.#adopted.size === 0 ? this.#surplus.splice(0) : [];
    while (this.#queue.size > 0 && put.length + remove.length < maximum) {
      for (const id of this.#queue.take(maximum - put.length - remove.length)) {
        const desired = this.#desired.get(id);
        const actual = this.#actual.get(id);
        if (desired === actual) { this.#settled(id, actual); continue; }
        if (desired !== NOTHING) {
          put.push(this.#kernelRoute(id, desired));
          putIds.push(id);
          if (actual !== NOTHING && this.#metricOf(actual) !== this.#metricOf(desired)) surplus.push(this.#kernelRoute(id, actual));
        } else { remove.push(this.#kernelRoute(id, actual)); removeIds.push(id); }
      }
    }
    if (put.length + remove.length + surplus.length === 0) {
      this.#sets.sweep([this.#desired.values, this.#actual.values]);
      return undefined;
    }
    const values = [...putIds.map((id) => this.#desired.get(id)), ...removeIds.map(() => NOTHING)];
    return { put, remove: [...remove, ...surplus], ids: [...putIds, ...removeIds], values };
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

  /** Two of ours for one prefix: the one that is wanted, or the first, counts; the other goes. */
  #setSecond(id: number, route: KernelRoute): void {
    const value = this.#valueOf(route, this.#desired.get(id));
    if (value === this.#desired.get(id)) {
      this.#surplus.push(this.#kernelRoute(id, this.#actual.get(id)));
      this.#actual.set(id, value);
    } else this.#surplus.push(route);
  }

  #metricOf(value: number): number { return value === BLACKHOLE ? NORMAL_METRIC : this.#sets.metricOf(value); }

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
    if (route.kind === 'blackhole' && route.metric === undefined) return BLACKHOLE;
    return this.#sets.numberLike(route.kind === 'blackhole' ? NO_GATEWAY : route.nextHops, desired, route.metric);
  }

  #kernelRoute(id: number, value: number): KernelRoute {
    const prefix: Prefix = this.#table.prefixOf(id);
    if (value === BLACKHOLE) return { kind: 'blackhole', prefix };
    const metric = this.#sets.metricOf(value);
    return { kind: 'unicast', prefix, nextHops: this.#sets.hopsOf(value), ...(metric !== NORMAL_METRIC && { metric }) };
  }
}

/** Stands for a blackhole with a metric that is not ours any more: all that is asked of it is that it is removed. */
const NO_GATEWAY: readonly KernelNextHop[] = [{ gateway: undefined, interfaceIndex: 0 }];

/** Half of the way down is room enough for metrics; below begin the values that people give by hand. */
const LARGEST_METRIC = 1_073_741_823;

/** The LOCAL_PREF that says this metric, 0..2147483647. */
export const priorityAsLocalPref = (metric: number): number => LOCAL_PREF_OF_METRIC_0 - Math.min(metric, LOCAL_PREF_OF_METRIC_0);

/** The metric that a route's LOCAL_PREF says: 2147483647 - N says N, for N in 1..1073741823; others, and the normal one, say none. */
export function metricOf({ localPref }: Route, normalMetric: number): number {
  const metric = LOCAL_PREF_OF_METRIC_0 - localPref;
  return metric >= 1 && metric <= LARGEST_METRIC && metric !== normalMetric ? metric : NORMAL_METRIC;
}
