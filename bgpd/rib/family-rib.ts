/** All routes of one address family, from Adj-RIB-In to FIB and Adj-RIB-Out: absorbs what comes, then flushes what changed. */
import type { Family, Prefix } from '../../lib/ip/prefix.ts';
import type { Resolution } from '../ports.ts';
import { ORIGINATED } from '../wire/attribute-changes.ts';
import type { NextHop, PathAttributes } from '../wire/message.ts';
import type { Ip } from '../../lib/ip/prefix.ts';
import { AdjRibOut } from './adj-rib-out.ts';
import type { Decision } from './decision.ts';
import type { ExportTarget } from './export.ts';
import { Fib, metricOf } from './fib.ts';
import type { RouteFilter } from './filter.ts';
import { NORMAL_METRIC } from './hop-sets.ts';
import { LocRib } from './loc-rib.ts';
import { NextHops } from './next-hop.ts';
import { PeerGroup } from './peer-group.ts';
import type { AttributeHolder, Source } from './route.ts';

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
  readonly #local: Source;
  readonly #hops: NextHops;
  /** Originated prefixes, and whether a blackhole stands for them. */
  readonly #originated = new Map<Prefix, boolean>();
  #policy: InstallPolicy = { install: false, filter: undefined, maximumPaths: 1 };

  constructor(family: Family, local: Source, resolve: (address: Ip) => Resolution, holder?: AttributeHolder) {
    this.family = family;
    this.#local = local;
    this.#hops = new NextHops(resolve);
    this.loc = new LocRib(family, holder);
    this.fib = new Fib(this.loc.table);
  }

  get originated(): ReadonlyMap<Prefix, boolean> { return this.#originated; }
  get maximumPaths(): number { return this.#policy.maximumPaths; }

  /** The route that `source` announces with these attributes; `loop` says why it must not be used. */
  announce(source: Source, prefixes: readonly Prefix[], attributes: PathAttributes, nextHop: NextHop,
    loop: string | undefined, filter: RouteFilter | undefined): void {
    const route = this.loc.routes.intern(source, attributes, nextHop, this.#hops.hop(nextHop, source.interfaceIndex, source.address));
    route.refusal = loop;
    this.loc.announce(source, prefixes, route, filter);
  }

  /** Replaces what this node originates. */
  originate(wanted: ReadonlyMap<Prefix, boolean>): void {
    const gone = [...this.#originated.keys()].filter((prefix) => !wanted.has(prefix));
    for (const prefix of gone) this.#originated.delete(prefix);
    this.loc.withdraw(this.#local, gone);
    const route = this.loc.routes.intern(this.#local, ORIGINATED, undefined, undefined);
    for (const [prefix, blackhole] of wanted) {
      if (this.#originated.get(prefix) === blackhole) continue;
      this.#originated.set(prefix, blackhole);
      this.loc.announce(this.#local, [prefix], route, undefined);
      this.loc.dirty.add(this.loc.table.add(prefix));
    }
  }

  setPolicy(policy: InstallPolicy): void {
    this.#policy = policy;
    this.loc.touchAll();
  }

  /** Links, addresses or other routes of the kernel changed. */
  resolveAgain(): void {
    const changed = this.#hops.refresh();
    if (changed.size > 0) this.loc.hopsChanged(changed);
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
      group = new PeerGroup(key, new AdjRibOut(target, filter, this.loc.routes), this.loc);
      group.fill();
      this.groups.set(key, group);
    }
    return group;
  }

  /** Forgets a group that its last peer has left. */
  leaveGroup(group: PeerGroup): void {
    if (group.members.size === 0 && this.groups.get(group.key) === group) this.groups.delete(group.key);
  }

  /** Selects at most `maximum` of the prefixes that changed, and passes on what came of it. True: there are more. */
  flush(maximum: number): boolean {
    const ids = this.loc.dirty.take(maximum);
    for (const id of ids) this.#flushOne(id);
    for (const group of this.groups.values()) group.flush();
    for (const id of ids) this.#release(id);
    if (this.loc.routes.crowded) this.sweep();
    return this.loc.dirty.size > 0;
  }

  /** Ids that the kernel or a slow peer may have been the last to need. */
  releaseIdle(ids: Iterable<number>): void {
    for (const id of ids) this.#release(id);
  }

  /** Forgets routes and next hops that nothing refers to. */
  sweep(): void {
    this.#hops.keepOnly(this.loc.sweep([...this.groups.values()].map((group) => group.out.sent)));
  }

  #flushOne(id: number): void {
    if (this.isDeferring && this.fib.isAdopted(id) && !this.loc.hasRouteOf(id, this.#local)) return;
    const decision = this.loc.select(id, this.#policy.maximumPaths);
    const prefix = this.loc.table.prefixOf(id);
    this.#install(id, prefix, decision);
    for (const group of this.groups.values()) group.out.update(id, prefix, decision?.best);
  }

  #install(id: number, prefix: Prefix, decision: Decision | undefined): void {
    const { install, filter, normalMetric } = this.#policy;
    const { fib } = this;
    if (decision === undefined && fib.isAdopted(id)) return;
    if (decision === undefined || !install) fib.wantNothing(id);
    else if (decision.best.source === this.#local) {
      if (this.#originated.get(prefix) === true) fib.wantBlackhole(id); else fib.wantNothing(id);
    } else if (filter !== undefined && filter(prefix, decision.best) === false) fib.wantNothing(id);
    else fib.wantRoutes(id, decision.multipath, normalMetric === undefined ? NORMAL_METRIC : metricOf(decision.best, normalMetric));
  }

  #release(id: number): void {
    if (this.loc.adjIn.first(id) !== 0 || !this.fib.isEmpty(id)) return;
    for (const group of this.groups.values()) {
      if (group.out.sent.get(id) !== 0 || group.isAwaited(id)) return;
    }
    this.loc.release(id);
  }
}
