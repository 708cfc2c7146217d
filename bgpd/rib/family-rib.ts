/** All routes of one address family, from Adj-RIB-In to FIB and Adj-RIB-Out: absorbs what comes, then flushes what changed. */
import { lengthOf, type Family, type Ip, type Prefix } from '../../lib/ip/prefix.ts';
import type { Resolution } from '../ports.ts';
import type { NextHop, PathAttributes } from '../wire/message.ts';
import { ribOutFor } from './add-path-out.ts';
import type { Decision } from './decision.ts';
import type { ExportTarget } from './export.ts';
import { Fib, metricOf } from './fib.ts';
import type { RouteFilter } from './filter.ts';
import { NORMAL_METRIC } from './hop-sets.ts';
import { LocRib } from './loc-rib.ts';
import { NextHops } from './next-hop.ts';
import { OwnRoutes, type Originated, type Redistributed } from './own-routes.ts';
import { PeerGroup, type Member } from './peer-group.ts';
import { KERNEL, STATIC, type AttributeHolder, type Route, type Source } from './route.ts';

/** What decides how best routes are installed. */
export interface InstallPolicy {
  /** False: nothing is put into the kernel. */
  readonly install: boolean;
  /** Which best routes are installed; undefined: all. */
  readonly filter: RouteFilter | undefined;
  readonly maximumPaths: number;
  /** Present: a route's LOCAL_PREF may say its metric (`metricOf`); the metric of those whose does not. */
  readonly normalMetric?: number | undefined;
}

export class FamilyRib {
  readonly family: Family;
  readonly loc: LocRib;
  readonly fib: Fib;
  /** By key: what peers must have in common to be sent the same. */
  readonly groups = new Map<string, PeerGroup>();
  /**
   * Restarting speaker (RFC 4724 §4.1): prefixes that still have a kernel route from before are not selected yet, so that
   * forwarding stays as it was. Others are: they have nothing to lose.
   */
  isDeferring = false;
  /** Told of each prefix that was selected anew, whether or not its best route changed; undefined: nobody asks. */
  onSelected: ((prefix: Prefix) => void) | undefined;
  readonly #local: Source;
  readonly #hops: NextHops;
  readonly #own: OwnRoutes;
  /** A prefix was selected anew that holds a next hop. */
  #leadsElsewhere = false;
  #policy: InstallPolicy = { install: false, filter: undefined, maximumPaths: 1 };

  constructor(family: Family, local: Source, resolve: (address: Ip, interfaceIndex?: number) => Resolution, holder?: AttributeHolder) {
    this.family = family;
    this.#local = local;
    this.#hops = new NextHops(resolve, (address, length, hop) => this.loc.wayTo(address, length, hop));
    this.loc = new LocRib(family, holder);
    this.fib = new Fib(this.loc.table);
    this.#own = new OwnRoutes(this.loc, local);
  }

  get originated(): ReadonlyMap<Prefix, Originated> { return this.#own.originated; }
  get maximumPaths(): number { return this.#policy.maximumPaths; }

  /** The route that `source` announces with these attributes; `loop` says why it must not be used, `ids` are path identifiers. */
  announce(source: Source, prefixes: readonly Prefix[], attributes: PathAttributes, nextHop: NextHop,
    loop: string | undefined, filter: RouteFilter | undefined, ids?: readonly number[]): void {
    const route = this.loc.routes.intern(source, attributes, nextHop, this.#hops.hop(nextHop, source.interfaceIndex, source.address));
    route.refusal = loop;
    this.loc.announce(source, prefixes, route, filter, ids);
  }

  /** Replaces the routes that stand in the kernel only: prefix → gateway, which may itself be reached through another one. */
  setStatics(wanted: ReadonlyMap<Prefix, Ip>): void {
    this.#own.setStatics(new Map([...wanted].map(([prefix, via]) => [prefix, this.#hops.hop({ address: via }, 0)])));
  }

  /** Replaces what this node originates. */
  originate(wanted: ReadonlyMap<Prefix, Originated>): void { this.#own.originate(wanted); }

  /**
   * Changes what is known of the kernel's routes of other owners; undefined: it is gone. Those that `filter` lets pass are
   * candidates, but never installed: they are in the kernel already.
   */
  redistribute(changes: ReadonlyMap<Prefix, Redistributed | undefined>, filter: RouteFilter | undefined): void {
    this.#own.redistribute(changes, filter);
  }

  /** Nothing is redistributed any more. */
  endRedistribution(): void { this.loc.removeAll(KERNEL, 'all'); }

  setPolicy(policy: InstallPolicy): void {
    this.#policy = policy;
    this.loc.touchAll();
  }

  /** Links, addresses or other routes of the kernel changed, or routes that lead to distant next hops. */
  resolveAgain(which: 'all' | 'distant' = 'all'): void {
    const changed = this.#hops.refresh(which);
    if (changed.size === 0) return;
    this.loc.hopsChanged(changed);
    for (const group of this.groups.values()) group.out.hopsChanged(changed);
  }

  /** From now on prefixes with a kernel route from before are selected too. What nothing stands behind stays as it is. */
  endDeferral(): void {
    this.isDeferring = false;
    for (const id of this.fib.adopted) this.loc.dirty.add(id);
  }

  /** From now on the kernel is made to match: what is still kept from before goes. */
  endAdoption(): void {
    for (const id of this.fib.adopted) this.loc.dirty.add(id);
    this.fib.endAdoption();
  }

  /** The group of peers for which all this is equal; made, and filled with the present best routes, when there is none. */
  groupFor(key: string, target: ExportTarget, filter: RouteFilter | undefined): PeerGroup {
    let group = this.groups.get(key);
    if (group === undefined) {
      group = new PeerGroup(key, ribOutFor(target, filter, this.loc), this.loc);
      group.fill();
      this.groups.set(key, group);
    }
    return group;
  }

  /** A peer has left the group: forgets the group if it was the last one, and prefixes that only `gone` waited for. */
  leaveGroup(group: PeerGroup, gone?: Member): void {
    const isLast = group.members.size === 0 && this.groups.get(group.key) === group;
    if (isLast) this.groups.delete(group.key);
    if (!isLast && (gone?.pending?.size ?? 0) === 0) return;
    for (let id = 0; id < this.loc.table.limit; id++) if (this.loc.adjIn.first(id) === 0) this.#release(id);
  }

  /** Selects at most `maximum` of the prefixes that changed, and passes on what came of it. True: there are more. */
  flush(maximum: number): boolean {
    const ids = this.loc.dirty.take(maximum);
    for (const id of ids) this.#flushOne(id);
    for (const group of this.groups.values()) {
      group.flush();
      if (this.loc.dirty.size === 0) group.out.settled();
    }
    for (const id of ids) this.#release(id);
    if (this.#leadsElsewhere) {
      this.#leadsElsewhere = false;
      this.resolveAgain('distant');
    }
    if (this.loc.routes.crowded) this.sweep();
    return this.loc.dirty.size > 0;
  }

  /** Ids that the kernel or a slow peer may have been the last to need. */
  releaseIdle(ids: Iterable<number>): void {
    for (const id of ids) this.#release(id);
  }

  /** Forgets routes and next hops that nothing refers to. */
  sweep(): void {
    this.#hops.keepOnly(this.loc.sweep([...this.groups.values()].map((group) => group.out.routeIds)));
    for (const { out } of this.groups.values()) out.forgetGone();
  }

  #flushOne(id: number): void {
    if (this.isDeferring && this.fib.isAdopted(id) && !this.loc.hasRouteOf(id, this.#local)) return;
    const decision = this.loc.select(id, this.#policy.maximumPaths);
    const prefix = this.loc.table.prefixOf(id);
    this.#install(id, prefix, decision);
    this.onSelected?.(prefix);
    if (this.#hops.hasDistant && this.#hops.concerns(prefix, lengthOf(prefix))) this.#leadsElsewhere = true;
    for (const group of this.groups.values()) group.out.update(id, prefix, decision?.best);
  }

  #install(id: number, prefix: Prefix, decision: Decision | undefined): void {
    const { install, filter, normalMetric } = this.#policy;
    const { fib } = this;
    if (decision === undefined && fib.isAdopted(id)) return;
    if (decision === undefined || !install) fib.wantNothing(id);
    else if (decision.best.source === KERNEL) fib.wantNothing(id);
    else if (decision.best.source === this.#local) {
      if (this.originated.get(prefix)?.blackhole === true) fib.wantBlackhole(id); else fib.wantNothing(id);
    } else if (decision.best.source !== STATIC && filter?.(prefix, decision.best) === false) fib.wantNothing(id);
    else fib.wantRoutes(id, learned(decision.multipath), normalMetric === undefined ? NORMAL_METRIC : metricOf(decision.best, normalMetric));
  }

  #release(id: number): void {
    if (this.loc.adjIn.first(id) !== 0 || !this.fib.isEmpty(id)) return;
    for (const group of this.groups.values()) {
      if (group.out.isSent(id) || group.isAwaited(id)) return;
    }
    this.loc.release(id);
  }
}

/** Without what stands in the kernel already. */
const learned = (routes: readonly Route[]): readonly Route[] => (routes.length === 1 ? routes : routes.filter(({ source }) => source !== KERNEL));
