/** Loc-RIB of one family: what is known about each prefix, what changed, and which route is best (RFC 4271 §9.1). */
import type { Family, Prefix } from '../../lib/ip/prefix.ts';
import { AdjRibIn, REFUSED, STALE, type Verdict } from './adj-rib-in.ts';
import { Int32Column } from './column.ts';
import { decide, ineligible, type Decision } from './decision.ts';
import type { RouteFilter } from './filter.ts';
import { IdQueue } from './id-queue.ts';
import type { Hop } from './next-hop.ts';
import { prefixTable, type PrefixTable } from './prefix-table.ts';
import { isReachable, RouteTable, type AttributeHolder, type Route, type Source } from './route.ts';

/** One route of a prefix with the verdict of the decision process, for people. */
export interface ExplainedPath {
  readonly route: Route;
  readonly stale: boolean;
  readonly best: boolean;
  /** Among the paths that forward. */
  readonly chosen: boolean;
  readonly reason: string;
}

/** Why an import policy refuses a received route for a prefix; undefined: for no reason of its own. */
export type WhyRefused = (prefix: Prefix, route: Route) => string | undefined;

export class LocRib {
  readonly table: PrefixTable;
  readonly adjIn = new AdjRibIn();
  readonly routes: RouteTable;
  /** Prefixes whose routes changed since they were last selected. */
  readonly dirty = new IdQueue();
  /** Best route id of each prefix, as of the last selection. */
  readonly #best = new Int32Column();

  constructor(family: Family, holder?: AttributeHolder) {
    this.table = prefixTable(family);
    this.routes = new RouteTable(holder);
  }

  /** `source` announces `prefixes` with one route. The hot path: one look-up and a few array writes a prefix. */
  announce(source: Source, prefixes: readonly Prefix[], route: Route, filter: RouteFilter | undefined): void {
    for (const prefix of prefixes) {
      const id = this.table.add(prefix);
      const used = this.#filtered(prefix, route, filter);
      if (this.adjIn.set(id, source, (used ?? route).id, used === undefined)) this.dirty.add(id);
    }
  }

  withdraw(source: Source, prefixes: readonly Prefix[]): void {
    for (const prefix of prefixes) {
      const id = this.table.find(prefix);
      if (id >= 0 && this.adjIn.remove(id, source)) this.dirty.add(id);
    }
  }

  /** Removes the routes of a source, or only its stale ones. */
  removeAll(source: Source, which: 'all' | 'stale'): void {
    this.adjIn.removeAll(source, which, (id) => { this.dirty.add(id); });
  }

  /** Runs import filter and loop detection again over what a source has sent. */
  judge(source: Source, filter: RouteFilter | undefined): void {
    const verdict = (id: number, routeId: number): Verdict => {
      const received = this.#received(routeId);
      const used = this.#filtered(this.table.prefixOf(id), received, filter);
      return { routeId: (used ?? received).id, refused: used === undefined };
    };
    this.adjIn.judge(source, verdict, (id) => { this.dirty.add(id); });
  }

  /** Next hops are reached differently now: whatever has a route through one of them is selected anew. */
  hopsChanged(changed: ReadonlySet<Hop>): void {
    this.adjIn.forEach((id, routeId) => {
      const hop = this.#route(routeId).hop;
      if (hop !== undefined && changed.has(hop)) this.dirty.add(id);
    });
  }

  /** Everything is to be selected anew. */
  touchAll(): void {
    this.adjIn.forEach((id) => { this.dirty.add(id); });
  }

  best(id: number): Route | undefined {
    const routeId = this.#best.get(id);
    return routeId === 0 ? undefined : this.#route(routeId);
  }

  /** Chooses the best of the prefix's routes and remembers it; undefined: it has no eligible one. */
  select(id: number, maximumPaths: number): Decision | undefined {
    const candidates = this.#candidates(id);
    const [first] = candidates;
    const decision = candidates.length > 1 ? decide(candidates, maximumPaths)
      : first === undefined ? undefined : { best: first, multipath: candidates };
    this.#best.set(id, decision?.best.id ?? 0);
    return decision;
  }

  hasRouteOf(id: number, source: Source): boolean { return this.adjIn.find(id, source) !== 0; }

  /** Every route of the prefix, the best first, with the reason of its place; `whyRefused` says what an import policy had against one. */
  explain(id: number, maximumPaths: number, whyRefused: WhyRefused = () => undefined): ExplainedPath[] {
    const reasons = new Map<Route, string>();
    const decision = decide(this.#candidates(id), maximumPaths, (loser, step) => { reasons.set(loser, step); });
    const lost = (route: Route): string => `lost to ${winnerOf(reasons.get(route))}`;
    const won = reasons.size === 0 ? 'the only route' : [...reasons.values()].at(-1)!;
    const paths: ExplainedPath[] = [];
    for (let path = this.adjIn.first(id); path !== 0; path = this.adjIn.next(path)) {
      const route = this.#route(this.adjIn.routeOf(path));
      const isFiltered = (this.adjIn.flagsOf(path) & REFUSED) !== 0;
      const best = route === decision?.best;
      const unfit = ineligible(route) ?? (isFiltered ? whyRefused(this.table.prefixOf(id), route) ?? 'rejected by an import filter' : undefined);
      paths.push({
        route, best,
        stale: (this.adjIn.flagsOf(path) & STALE) !== 0,
        chosen: decision?.multipath.includes(route) === true,
        reason: unfit ?? (best ? won : lost(route)),
      });
    }
    return paths.sort((a, b) => Number(b.best) - Number(a.best));
  }

  /** Gives the prefix's id back when nothing here needs it; the caller knows that nobody else does. */
  release(id: number): void {
    if (this.adjIn.first(id) === 0 && this.#best.get(id) === 0 && !this.dirty.has(id)) this.table.remove(id);
  }

  /** Forgets routes that neither a path nor a best route nor one of the given columns refers to, and tells the hops in use. */
  sweep(columns: readonly Int32Column[]): Set<Hop> {
    const marks = new Uint8Array(this.routes.limit);
    this.adjIn.forEach((_id, routeId) => { marks[routeId] = 1; });
    for (const column of [this.#best, ...columns]) {
      for (const routeId of column.values) marks[routeId] = 1;
    }
    this.routes.sweep(marks);
    const hops = new Set<Hop>();
    for (const route of this.routes) if (route.hop !== undefined) hops.add(route.hop);
    return hops;
  }

  #candidates(id: number): Route[] {
    const candidates: Route[] = [];
    for (let path = this.adjIn.first(id); path !== 0; path = this.adjIn.next(path)) {
      if ((this.adjIn.flagsOf(path) & REFUSED) !== 0) continue;
      const route = this.#route(this.adjIn.routeOf(path));
      if (isReachable(route)) candidates.push(route);
    }
    return candidates;
  }

  /** The route as an import filter leaves it; undefined: refused, as what has a loop is. */
  #filtered(prefix: Prefix, route: Route, filter: RouteFilter | undefined): Route | undefined {
    if (route.refusal !== undefined) return undefined;
    const verdict = filter === undefined || filter(prefix, route);
    if (verdict === true) return route;
    return verdict === false ? undefined : this.routes.changed(route, verdict);
  }

  #received(routeId: number): Route {
    const route = this.#route(routeId);
    return route.original ?? route;
  }

  #route(id: number): Route { return this.routes.get(id)!; }
}

/** What won a step of the decision process, as an object of a sentence. */
function winnerOf(step: string | undefined): string {
  switch (step) {
    case 'locally originated': return 'a locally originated route';
    case 'external over internal': return 'an external route';
    default: return `a route with ${step ?? 'equal rank'}`;
  }
}
