/** Adj-RIB-Out of one family for all peers that are sent the same: computed once, whatever their number. */
import { lengthOf, prefixOf, type Ip, type Prefix } from '../../lib/ip/prefix.ts';
import { ORIGINATED } from '../wire/attribute-changes.ts';
import { Int32Column } from './column.ts';
import { exportRoute, type ExportTarget, type Outbound } from './export.ts';
import type { RouteFilter } from './filter.ts';
import { LOCAL, type Route, type RouteTable, type Source } from './route.ts';

/** A prefix whose route to be sent changed. */
export interface Change {
  readonly prefixId: number;
  readonly before: Route | undefined;
  readonly now: Route | undefined;
}

/** Exported routes kept at hand: a mesh has fewer, and a full table is gone through once. */
const REMEMBERED = 8192;

/**
 * Holds, for each prefix, the id of the route that the peers have been told (or are about to be told). The peer that a
 * route came from is the exception: it is never sent its own route back. So what peer P has for a prefix is
 * `sent` unless `sent` came from P.
 */
export class AdjRibOut {
  readonly target: ExportTarget;
  readonly sent = new Int32Column();
  readonly #filter: RouteFilter | undefined;
  readonly #routes: RouteTable;
  /** What became of the routes looked at lately. */
  readonly #exports = new Map<Route, Outbound | string>();
  #changes: Change[] = [];
  #count = 0;
  /** How many of the routes sent came from a source, by its index. */
  readonly #countOfSource = new Int32Column();

  constructor(target: ExportTarget, filter: RouteFilter | undefined, routes: RouteTable) {
    this.target = target;
    this.#filter = filter;
    this.#routes = routes;
  }

  /** The prefix that is sent although no table has it. */
  get ownPrefix(): Prefix | undefined {
    return this.target.originatesDefault === true ? prefixOf((this.target.family === 'ipv4' ? 0 : 0n) as Ip, 0) : undefined;
  }

  /** Prefixes that a peer has been sent. */
  advertisedTo(peer: Source): number { return this.#count - this.#countOfSource.get(peer.index); }

  /** The best route of a prefix is now `best`. At most once a prefix between two calls of `takeChanges`. */
  update(prefixId: number, prefix: Prefix, best: Route | undefined): void {
    const passed = this.#isOwn(prefix) ? this.#ownDefault() : best === undefined ? undefined : this.#passed(prefix, best);
    const now = typeof passed === 'string' ? undefined : passed;
    const id = now?.id ?? 0;
    const old = this.sent.get(prefixId);
    if (old === id) return;
    const before = old === 0 ? undefined : this.#routes.get(old);
    this.sent.set(prefixId, id);
    this.#recount(before, -1);
    this.#recount(now, 1);
    this.#changes.push({ prefixId, before, now });
  }

  /** What changed since the last call. */
  takeChanges(): readonly Change[] {
    const changes = this.#changes;
    this.#changes = [];
    return changes;
  }

  /** Why the route is not sent for this prefix; undefined: it is. */
  refusal(prefix: Prefix, route: Route): string | undefined {
    const passed = this.#passed(prefix, route);
    return typeof passed === 'string' ? passed : undefined;
  }

  /** What a route that is sent looks like. Throws when it is one that is not sent. */
  outbound(route: Route): Outbound {
    const result = this.#exported(route);
    if (typeof result === 'string') throw new Error(`invariant broken: a route is sent although it must not be: ${result}`);
    return result;
  }

  /** The route that `peer` has, or is to have, for a prefix. */
  routeFor(peer: Source, prefixId: number): Route | undefined {
    const id = this.sent.get(prefixId);
    const route = id === 0 ? undefined : this.#routes.get(id);
    return route?.source === peer ? undefined : route;
  }

  #isOwn(prefix: Prefix): boolean { return this.target.originatesDefault === true && lengthOf(prefix) === 0; }

  #ownDefault(): Route | string {
    const route = this.#routes.intern(LOCAL, ORIGINATED, undefined, undefined);
    const result = this.#exported(route);
    return typeof result === 'string' ? result : route;
  }

  /** The route as the export filter leaves it, or why it is not sent. */
  #passed(prefix: Prefix, route: Route): Route | string {
    const verdict = this.#filter === undefined || this.#filter(prefix, route);
    if (verdict === false) return 'rejected by an export filter';
    const changed = verdict === true ? route : this.#routes.changed(route, verdict);
    const result = this.#exported(changed);
    return typeof result === 'string' ? result : changed;
  }

  #exported(route: Route): Outbound | string {
    let result = this.#exports.get(route);
    if (result === undefined) {
      if (this.#exports.size >= REMEMBERED) this.#exports.clear();
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
