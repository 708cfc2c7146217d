/** Adj-RIB-Out of peers that speak ADD-PATH (RFC 7911): every route that may be exported is sent, each under its own path identifier. */
import type { Prefix } from '../../lib/ip/prefix.ts';
import { AdjRibOut, type Tell } from './adj-rib-out.ts';
import type { Int32Column } from './column.ts';
import type { ExportTarget } from './export.ts';
import type { RouteFilter } from './filter.ts';
import type { Candidate, LocRib } from './loc-rib.ts';
import { PathSets } from './path-sets.ts';
import type { Route, Source } from './route.ts';

/** Of the default route that we originate for a group of peers; no path of Adj-RIB-In has this number. */
const OWN_PATH = 0x7fff_ffff;
const NOTHING: readonly Candidate[] = [];

export const ribOutFor = (target: ExportTarget, filter: RouteFilter | undefined, loc: LocRib): AdjRibOut =>
  (target.wire.addPathOut[target.family] ? new AddPathOut(target, filter, loc) : new AdjRibOut(target, filter, loc.routes));

/** The path identifier of a route is the number of its path in Adj-RIB-In: unique for a prefix at any time, and stable while the path lives. */
export class AddPathOut extends AdjRibOut {
  override readonly isAddPath = true;
  readonly #loc: LocRib;
  readonly #sets = new PathSets();

  constructor(target: ExportTarget, filter: RouteFilter | undefined, loc: LocRib) {
    super(target, filter, loc.routes);
    this.#loc = loc;
  }

  override get routeIds(): Int32Column { return this.#sets.routes; }
  override get prefixLimit(): number { return this.#sets.prefixLimit; }

  /** Sends the difference between what was sent and what may be sent now. */
  override update(prefixId: number, prefix: Prefix, best: Route | undefined): void {
    const wanted = this.#wanted(prefix, best === undefined ? NOTHING : this.#loc.candidates(prefixId));
    const sets = this.#sets;
    for (let cell = sets.first(prefixId); cell !== 0; cell = sets.next(cell)) {
      const path = sets.pathOf(cell);
      if (wanted.has(path)) continue;
      this.change(prefixId, path, this.routes.get(sets.routeOf(cell)), undefined);
      sets.remove(prefixId, path);
    }
    for (const [path, now] of wanted) {
      const cell = sets.find(prefixId, path);
      const before = cell === 0 ? undefined : this.routes.get(sets.routeOf(cell));
      if (before === now && !this.mustRestate(now)) continue;
      if (cell === 0) sets.add(prefixId, path, now.id); else sets.replace(cell, now.id);
      this.change(prefixId, path, before, now);
    }
  }

  override isSent(prefixId: number): boolean { return this.#sets.first(prefixId) !== 0; }

  override routeFor(peer: Source, prefixId: number): Route | undefined {
    for (let cell = this.#sets.first(prefixId); cell !== 0; cell = this.#sets.next(cell)) {
      const route = this.#routeAt(cell);
      if (this.whyKept(route, peer) === undefined) return route;
    }
    return undefined;
  }

  override forEachFor(peer: Source, prefixId: number, visit: (route: Route, pathId: number) => void): void {
    for (let cell = this.#sets.first(prefixId); cell !== 0; cell = this.#sets.next(cell)) {
      const route = this.#routeAt(cell);
      if (this.whyKept(route, peer) === undefined) visit(route, this.#sets.pathOf(cell));
    }
  }

  override tell(peer: Source, prefixId: number, held: PathSets | undefined, tell: Tell): void {
    if (held !== undefined) {
      for (let cell = held.first(prefixId); cell !== 0; cell = held.next(cell)) {
        const path = held.pathOf(cell);
        const sent = this.#sets.find(prefixId, path);
        if (sent === 0 || this.whyKept(this.#routeAt(sent), peer) !== undefined) tell(undefined, path);
      }
    }
    this.forEachFor(peer, prefixId, tell);
  }

  override isSameFor(peer: Source, prefixId: number, other: AdjRibOut): boolean {
    const paths = new Map<number, Route>();
    other.forEachFor(peer, prefixId, (route, pathId) => { paths.set(pathId, route); });
    let isSame = true;
    let count = 0;
    this.forEachFor(peer, prefixId, (route, pathId) => { count++; isSame &&= paths.get(pathId) === route; });
    return isSame && count === paths.size;
  }

  #wanted(prefix: Prefix, candidates: readonly Candidate[]): Map<number, Route> {
    const wanted = new Map<number, Route>();
    if (this.isOwn(prefix)) {
      const own = this.ownDefault();
      if (own !== undefined) wanted.set(OWN_PATH, own);
      return wanted;
    }
    for (const { path, route } of candidates) {
      const exportable = this.exportable(prefix, route);
      if (exportable !== undefined) wanted.set(path, exportable);
    }
    return wanted;
  }

  #routeAt(cell: number): Route { return this.routes.get(this.#sets.routeOf(cell))!; }
}
