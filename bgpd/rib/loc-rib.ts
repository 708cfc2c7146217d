/** Loc-RIB of one family: what is known about each prefix, what changed, and which route is best (RFC 4271 §9.1). */
import { bitsOf, familyOf, prefixOf, type Family, type Ip, type Prefix } from '../../lib/ip/prefix.ts';
import { withCommunities } from '../wire/attribute-changes.ts';
import { COMMUNITY } from '../wire/constants.ts';
import type { PathAttributes } from '../wire/message.ts';
import { AdjRibIn, LONG_LIVED, REFUSED, STALE, type Verdict } from './adj-rib-in.ts';
import { Int32Column } from './column.ts';
import { decide, ineligible, type Decision } from './decision.ts';
import type { RouteFilter } from './filter.ts';
import { IdQueue } from './id-queue.ts';
import type { Hop } from './next-hop.ts';
import { prefixTable, type PrefixTable } from './prefix-table.ts';
import { isReachable, receivedForm, RouteTable, type AttributeHolder, type Route, type Source } from './route.ts';

/** What is said of a route that nobody refused but a filter. */
export const FILTERED = 'rejected by an import filter';

/** One route of a prefix with the verdict of the decision process, for people. */
export interface ExplainedPath {
  readonly route: Route;
  readonly source: Source;
  /** The path identifier that it came with (RFC 7911); 0: none. */
  readonly pathId: number;
  readonly stale: boolean;
  /** Stale for longer than a restart takes (RFC 9494). */
  readonly longLived: boolean;
  /** An import policy or loop detection keeps it from being a candidate. */
  readonly refused: boolean;
  readonly best: boolean;
  /** Among the paths that forward. */
  readonly chosen: boolean;
  readonly reason: string;
}

/** Why an import policy refuses a received route for a prefix; undefined: for no reason of its own. */
export type WhyRefused = (prefix: Prefix, route: Route) => string | undefined;

/** An eligible route of a prefix, and the path that holds it: the path identifier that we send (RFC 7911). */
export interface Candidate { readonly path: number; readonly route: Route }

export class LocRib {
  readonly table: PrefixTable;
  readonly adjIn = new AdjRibIn();
  readonly routes: RouteTable;
  /** Prefixes whose routes changed since they were last selected. */
  readonly dirty = new IdQueue();
  /** Told of each path that goes without having been withdrawn; undefined: nobody asks. */
  onRemoved: ((source: Source, prefixId: number, pathId: number) => void) | undefined;
  /** Best route id of each prefix, as of the last selection. */
  readonly #best = new Int32Column();
  /** Attributes with LLGR_STALE, by those without. */
  readonly #longLived = new WeakMap<PathAttributes, PathAttributes>();

  constructor(family: Family, holder?: AttributeHolder) {
    this.table = prefixTable(family);
    this.routes = new RouteTable(holder);
  }

  /**
   * `source` announces `prefixes` with one route; `ids`: their path identifiers. The hot path: one look-up and a few array
   * writes a prefix.
   */
  announce(source: Source, prefixes: readonly Prefix[], route: Route, filter: RouteFilter | undefined, ids?: readonly number[]): void {
    for (let i = 0; i < prefixes.length; i++) {
      const prefix = prefixes[i]!;
      const id = this.table.add(prefix);
      const used = this.#filtered(prefix, route, filter);
      if (this.adjIn.set(id, source, (used ?? route).id, used === undefined, ids === undefined ? 0 : ids[i]!)) this.dirty.add(id);
    }
  }

  withdraw(source: Source, prefixes: readonly Prefix[], ids?: readonly number[]): void {
    for (let i = 0; i < prefixes.length; i++) {
      const id = this.table.find(prefixes[i]!);
      if (id >= 0 && this.adjIn.remove(id, source, ids === undefined ? 0 : ids[i]!)) this.dirty.add(id);
    }
  }

  /** Removes the routes of a source, or only those that are stale, or that were not announced again since `adjIn.markForRefresh`. */
  removeAll(source: Source, which: 'all' | 'stale' | 'unrefreshed'): void {
    this.adjIn.removeAll(source, which, (id, pathId) => {
      this.dirty.add(id);
      this.onRemoved?.(source, id, pathId);
    });
  }

  /**
   * The source's stale routes live on as a last resort (RFC 9494 §4.2): with the community LLGR_STALE, which the decision
   * process and the export rules go by. Those with NO_LLGR go. A new announcement makes a route an ordinary one again.
   */
  markLongLived(source: Source): void {
    this.adjIn.markLongLived(source, (routeId) => this.#asLongLived(this.#route(routeId))?.id, (id) => { this.dirty.add(id); });
  }

  /** Runs import filter and loop detection again over what a source has sent. */
  judge(source: Source, filter: RouteFilter | undefined, isAffected: (prefix: Prefix) => boolean = () => true): void {
    const verdict = (id: number, routeId: number, flags: number): Verdict => {
      if (!isAffected(this.table.prefixOf(id))) return { routeId, refused: (flags & REFUSED) !== 0 };
      const received = receivedForm(this.#route(routeId));
      const used = this.#filtered(this.table.prefixOf(id), received, filter);
      const form = used ?? received;
      return { routeId: ((flags & LONG_LIVED) === 0 ? form : this.#asLongLived(form) ?? form).id, refused: used === undefined };
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

  /** Where the longest best route leads that holds `address`, is longer than `length`, and was learned through a next hop that the kernel resolves. */
  wayTo(address: Ip, length: number, except: Hop): Hop | undefined {
    for (let longer = bitsOf(familyOf(address)); longer > length; longer--) {
      const id = this.table.find(prefixOf(address, longer));
      const best = id < 0 ? undefined : this.best(id);
      const { hop, nextHop } = best ?? {};
      if (hop?.via !== undefined && nextHop !== undefined && hop !== except && !hop.isRecursive) return hop;
    }
    return undefined;
  }

  /** Chooses the best of the prefix's routes and remembers it; undefined: it has no eligible one. */
  select(id: number, maximumPaths: number): Decision | undefined {
    const candidates = this.#routesToChooseFrom(id);
    const [first] = candidates;
    const decision = candidates.length > 1 ? decide(candidates, maximumPaths)
      : first === undefined ? undefined : { best: first, multipath: candidates };
    this.#best.set(id, decision?.best.id ?? 0);
    return decision;
  }

  hasRouteOf(id: number, source: Source): boolean { return this.adjIn.find(id, source) !== 0; }

  /** Every eligible route of the prefix with its path, in no order. */
  candidates(id: number): Candidate[] {
    const candidates: Candidate[] = [];
    for (let path = this.adjIn.first(id); path !== 0; path = this.adjIn.next(path)) {
      if ((this.adjIn.flagsOf(path) & REFUSED) !== 0) continue;
      const route = this.#route(this.adjIn.routeOf(path));
      if (isReachable(route)) candidates.push({ path, route });
    }
    return candidates;
  }

  /** Every route of the prefix, the best first, with the reason of its place; `whyRefused` says what an import policy had against one. */
  explain(id: number, maximumPaths: number, whyRefused: WhyRefused = () => undefined): ExplainedPath[] {
    const reasons = new Map<Route, string>();
    const candidates = this.#routesToChooseFrom(id);
    const { length } = candidates;
    const decision = decide(candidates, maximumPaths, (loser, step) => { reasons.set(loser, step); });
    const won = length === 1 ? 'the only route' : reasons.size < length - 1 ? LOWER_PATH_ID : [...reasons.values()].at(-1)!;
    const paths: ExplainedPath[] = [];
    let hasBest = false;
    for (const path of this.#pathsInOrder(id)) {
      const route = this.#route(this.adjIn.routeOf(path));
      const flags = this.adjIn.flagsOf(path);
      const refused = (flags & REFUSED) !== 0;
      const isFit = !refused && isReachable(route);
      const best: boolean = isFit && route === decision?.best && !hasBest;
      hasBest ||= best;
      const unfit = ineligible(route) ?? (refused ? whyRefused(this.table.prefixOf(id), route) ?? FILTERED : undefined);
      paths.push({
        route, best, refused, source: route.source, pathId: this.adjIn.pathIdOf(path),
        stale: (flags & STALE) !== 0, longLived: (flags & LONG_LIVED) !== 0,
        chosen: isFit && decision?.multipath.includes(route) === true,
        reason: unfit ?? (best ? won : `lost to ${winnerOf(reasons.get(route) ?? LOWER_PATH_ID)}`),
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

  /** Every eligible route of the prefix, each once: what several paths share counts as one way. */
  #routesToChooseFrom(id: number): Route[] {
    if (this.adjIn.hasPathIds) return this.#distinctRoutes(id);
    const candidates: Route[] = [];
    for (let path = this.adjIn.first(id); path !== 0; path = this.adjIn.next(path)) {
      if ((this.adjIn.flagsOf(path) & REFUSED) !== 0) continue;
      const route = this.#route(this.adjIn.routeOf(path));
      if (isReachable(route)) candidates.push(route);
    }
    return candidates;
  }

  /** The decision process leaves equals in the order in which it finds them: that of sources and path identifiers. */
  #distinctRoutes(id: number): Route[] {
    const routes = new Set<Route>();
    for (const path of this.#pathsInOrder(id)) {
      const route = this.#route(this.adjIn.routeOf(path));
      if ((this.adjIn.flagsOf(path) & REFUSED) === 0 && isReachable(route)) routes.add(route);
    }
    return [...routes];
  }

  #pathsInOrder(id: number): number[] {
    const { adjIn } = this;
    const paths: number[] = [];
    for (let path = adjIn.first(id); path !== 0; path = adjIn.next(path)) paths.push(path);
    if (!adjIn.hasPathIds || paths.length < 2) return paths;
    return paths.sort((a, b) => adjIn.sourceOf(a) - adjIn.sourceOf(b) || adjIn.pathIdOf(a) - adjIn.pathIdOf(b));
  }

  /** Undefined: it must not be kept that long. */
  #asLongLived(route: Route): Route | undefined {
    const { attributes } = route;
    if (attributes.communities.includes(COMMUNITY.noLlgr)) return undefined;
    if (attributes.communities.includes(COMMUNITY.llgrStale) || route.refusal !== undefined) return route;
    let marked = this.#longLived.get(attributes);
    if (marked === undefined) {
      marked = withCommunities(attributes, [...attributes.communities, COMMUNITY.llgrStale]);
      this.#longLived.set(attributes, marked);
    }
    return this.routes.changed(route, marked);
  }

  /** The route as an import filter leaves it; undefined: refused, as what has a loop is. */
  #filtered(prefix: Prefix, route: Route, filter: RouteFilter | undefined): Route | undefined {
    if (route.refusal !== undefined) return undefined;
    const verdict = filter === undefined || filter(prefix, route);
    if (verdict === true) return route;
    return verdict === false ? undefined : this.routes.changed(route, verdict);
  }

  #route(id: number): Route { return this.routes.get(id)!; }
}

/** What is left to tell apart routes of one source that are equal in everything else. */
const LOWER_PATH_ID = 'lower path identifier';

/** What won a step of the decision process, as an object of a sentence. */
function winnerOf(step: string): string {
  switch (step) {
    case 'not long-lived stale': return 'a route that is not long-lived stale';
    case 'locally originated': return 'a locally originated route';
    case 'directly connected': return 'a directly connected network';
    case 'learned by BGP': return 'a route learned by BGP';
    case 'external over internal': return 'an external route';
    default: return `a route with ${step}`;
  }
}
