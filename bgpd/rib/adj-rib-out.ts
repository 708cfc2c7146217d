/** Adj-RIB-Out of one family for all peers that are sent the same: computed once, whatever their number. */
import { lengthOf, prefixOf, type Ip, type Prefix } from '../../lib/ip/prefix.ts';
import { ORIGINATED } from '../wire/attribute-changes.ts';
import { Int32Column } from './column.ts';
import { exportRoute, withheld, type ExportTarget, type Outbound } from './export.ts';
import type { RouteFilter } from './filter.ts';
import type { Hop } from './next-hop.ts';
import type { PathSets } from './path-sets.ts';
import { LOCAL, type Route, type RouteTable, type Source } from './route.ts';

/** A prefix, or one path of a prefix, whose route to be sent changed; the same route again when it is to be said anew. */
export interface Change {
  readonly prefixId: number;
  /** Path identifier towards peers that speak ADD-PATH (RFC 7911), at least 1; 0: none. */
  readonly pathId: number;
  readonly before: Route | undefined;
  readonly now: Route | undefined;
}

/** What tells a peer about one path: without a route, that it is gone. */
export type Tell = (route: Route | undefined, pathId: number) => void;

/** Exported routes kept at hand: a mesh has fewer, and a full table is gone through once. */
const REMEMBERED = 8192;

/**
 * Holds, for each prefix, the id of the route that the peers have been told (or are about to be told). The peer that a
 * route came from is the exception: it is never sent its own route back. So what peer P has for a prefix is what was
 * sent, unless that came from P. Peers that speak ADD-PATH are told more than one: `add-path-out.ts`.
 */
export class AdjRibOut {
  readonly target: ExportTarget;
  /** Every eligible route is sent, with path identifiers. */
  readonly isAddPath: boolean = false;
  protected readonly routes: RouteTable;
  readonly #sent = new Int32Column();
  readonly #filter: RouteFilter | undefined;
  /** What became of the routes looked at lately. */
  readonly #exports = new Map<Route, Outbound | string>();
  /** `#exports` holds every route looked at so far. */
  #remembersAll = true;
  /** Next hops that are reached differently now, so that routes through them may look different to the peers. */
  readonly #movedHops = new Set<Hop>();
  /** The route looked at last, and what `withheld` says of it: runs of one route are the common case. Until the next flush. */
  #lastRoute: Route | undefined;
  #lastKept: string | undefined;
  #changes: Change[] = [];
  #count = 0;
  /** How many of the routes sent came from a source, by its index. */
  readonly #countOfSource = new Int32Column();

  constructor(target: ExportTarget, filter: RouteFilter | undefined, routes: RouteTable) {
    this.target = target;
    this.#filter = filter;
    this.routes = routes;
  }

  /** The prefix that is sent although no table has it. */
  get ownPrefix(): Prefix | undefined {
    return this.target.originatesDefault === true ? prefixOf((this.target.family === 'ipv4' ? 0 : 0n) as Ip, 0) : undefined;
  }

  /** Routes that a peer has been sent; the few that are kept from it for another reason than that it sent them count too. */
  advertisedTo(peer: Source): number { return this.#count - this.#countOfSource.get(peer.index); }

  /** The best route of a prefix is now `best`. At most once a prefix between two calls of `takeChanges`. */
  update(prefixId: number, prefix: Prefix, best: Route | undefined): void {
    const now = this.isOwn(prefix) ? this.ownDefault() : best === undefined ? undefined : this.exportable(prefix, best);
    const id = now?.id ?? 0;
    const old = this.#sent.get(prefixId);
    if (old === id && !this.mustRestate(now)) return;
    this.#sent.set(prefixId, id);
    this.change(prefixId, 0, old === 0 ? undefined : this.routes.get(old), now);
  }

  /** What changed since the last call. */
  takeChanges(): readonly Change[] {
    this.#lastRoute = undefined;
    const changes = this.#changes;
    this.#changes = [];
    return changes;
  }

  /** Why the route is not sent for this prefix; undefined: it is. */
  refusal(prefix: Prefix, route: Route): string | undefined {
    const passed = this.#passed(prefix, route);
    this.#lastRoute = undefined;                  // between two flushes policy may change
    return typeof passed === 'string' ? passed : undefined;
  }

  /** What a route that is sent looks like; undefined: its next hop changed so that it cannot be sent any more, as `update` will say. */
  outbound(route: Route): Outbound | undefined {
    const result = this.#exported(route);
    return typeof result === 'string' ? undefined : result;
  }

  /** The route that `peer` has, or is to have, for a prefix; of several the first. */
  routeFor(peer: Source, prefixId: number): Route | undefined {
    const id = this.#sent.get(prefixId);
    const route = id === 0 ? undefined : this.routes.get(id);
    return route === undefined || this.whyKept(route, peer) !== undefined ? undefined : route;
  }

  /**
   * Why one peer of all does not get a route: it is its own, or it has brought it into the AS (RFC 4456 §8), or it would
   * find itself as next hop (RFC 4271 §5.1.3). Undefined: it gets it.
   */
  whyKept(route: Route, peer: Source): string | undefined {
    if (route.source === peer) return 'it came from this peer';
    const { originatorId } = route.attributes;
    if (originatorId !== undefined && originatorId === peer.routerId && !this.target.wire.external) return 'this peer is its originator';
    const isToItself = route.nextHop?.address === peer.address && this.outbound(route)?.nextHop.address === peer.address;
    return isToItself ? 'its next hop is this peer' : undefined;
  }

  /** These next hops are reached differently now. Their prefixes are selected anew; `settled` follows when all are. */
  hopsChanged(hops: ReadonlySet<Hop>): void {
    if (this.target.interfaceIndex === 0 || this.target.nextHop === 'self') return; // it shows only on a link that we share
    if (!this.#remembersAll) for (const hop of hops) this.#movedHops.add(hop);
    for (const [route, before] of [...this.#exports]) {
      const { hop } = route;
      if (hop === undefined || !hops.has(hop)) continue;
      const now = exportRoute(route, this.target);
      this.#exports.set(route, now);
      if (!looksTheSame(before, now)) this.#movedHops.add(hop);
    }
  }

  /** Routes of which it is known what becomes of them. */
  get remembered(): number { return this.#exports.size; }

  /** Routes were swept: what became of those that are gone need not be known any more, and may be large. */
  forgetGone(): void {
    for (const route of this.#exports.keys()) if (this.routes.get(route.id) !== route) this.#exports.delete(route);
  }

  settled(): void { if (this.#movedHops.size > 0) this.#movedHops.clear(); }

  // ---- the same questions for one route a prefix and for several: `add-path-out.ts` answers them its way

  /** Ids of routes that are sent, wherever they stand in it. */
  get routeIds(): Int32Column { return this.#sent; }
  /** Prefix ids with something sent are below this. */
  get prefixLimit(): number { return this.#sent.values.length; }

  isSent(prefixId: number): boolean { return this.#sent.get(prefixId) !== 0; }
  holdsFor(peer: Source, prefixId: number): boolean { return this.routeFor(peer, prefixId) !== undefined; }

  /** Each route that the peer has, or is to have, for a prefix. */
  forEachFor(peer: Source, prefixId: number, visit: (route: Route, pathId: number) => void): void {
    const route = this.routeFor(peer, prefixId);
    if (route !== undefined) visit(route, 0);
  }

  /** Tells the peer what it is to have for a prefix; `_held`: path identifiers that it may have now. */
  tell(peer: Source, prefixId: number, _held: PathSets | undefined, tell: Tell): void { tell(this.routeFor(peer, prefixId), 0); }

  /** Whether the peer has the same for a prefix as in another group. */
  isSameFor(peer: Source, prefixId: number, other: AdjRibOut): boolean { return this.routeFor(peer, prefixId) === other.routeFor(peer, prefixId); }

  // ---- for both kinds

  protected isOwn(prefix: Prefix): boolean { return this.target.originatesDefault === true && lengthOf(prefix) === 0; }

  protected ownDefault(): Route | undefined {
    const route = this.routes.intern(LOCAL, ORIGINATED, undefined, undefined);
    return typeof this.#exported(route) === 'string' ? undefined : route;
  }

  /** The route as the export filter leaves it; undefined: it is not sent. */
  protected exportable(prefix: Prefix, route: Route): Route | undefined {
    const passed = this.#passed(prefix, route);
    return typeof passed === 'string' ? undefined : passed;
  }

  /** It is the same route, and yet it may look different to the peers. */
  protected mustRestate(route: Route | undefined): boolean {
    return this.#movedHops.size > 0 && route?.hop !== undefined && this.#movedHops.has(route.hop);
  }

  protected change(prefixId: number, pathId: number, before: Route | undefined, now: Route | undefined): void {
    this.#recount(before, -1);
    this.#recount(now, 1);
    this.#changes.push({ prefixId, pathId, before, now });
  }

  /** The route as the export filter leaves it, or why it is not sent. */
  #passed(prefix: Prefix, route: Route): Route | string {
    if (route !== this.#lastRoute) {
      this.#lastRoute = route;
      this.#lastKept = withheld(route, this.target);
    }
    if (this.#lastKept !== undefined) return this.#lastKept;
    const verdict = this.#filter === undefined || this.#filter(prefix, route);
    if (verdict === false) return 'rejected by an export filter';
    const changed = verdict === true ? route : this.routes.changed(route, verdict);
    const result = this.#exported(changed);
    return typeof result === 'string' ? result : changed;
  }

  #exported(route: Route): Outbound | string {
    let result = this.#exports.get(route);
    if (result === undefined) {
      if (this.#exports.size >= REMEMBERED) { this.#exports.clear(); this.#remembersAll = false; }
      result = exportRoute(route, this.target);
      this.#exports.set(route, result);
    }
    return result;
  }

  #recount(route: Route | undefined, by: 1 | -1): void {
    if (route === undefined) return;
    this.#count += by;
    const { index } = route.source;
    this.#countOfSource.set(index, this.#countOfSource.get(index) + by);
  }
}

/** Only the next hop of an export depends on how it is reached. */
function looksTheSame(a: Outbound | string, b: Outbound | string): boolean {
  if (typeof a === 'string' || typeof b === 'string') return a === b;
  return a.nextHop.address === b.nextHop.address && a.nextHop.linkLocal === b.nextHop.linkLocal;
}
