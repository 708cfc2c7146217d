/** Routes that come from this node: what it originates, its static routes, and what it redistributes of the kernel's routes of other owners. */
import type { Prefix } from '../../lib/ip/prefix.ts';
import type { KernelNextHop } from '../ports.ts';
import { ORIGINATED, withLocalPref } from '../wire/attribute-changes.ts';
import type { PathAttributes } from '../wire/message.ts';
import type { RouteFilter } from './filter.ts';
import type { LocRib } from './loc-rib.ts';
import type { Hop } from './next-hop.ts';
import { KERNEL, STATIC, type Source } from './route.ts';

export interface Originated {
  /** A blackhole stands in the kernel for it. */
  readonly blackhole: boolean;
  /** Absent: the default. */
  readonly localPref?: number;
}

/** A route of another owner that may be announced. */
export interface Redistributed {
  /** How the kernel forwards by it: filters may ask for the interface. */
  readonly via: KernelNextHop;
  /** Absent: the default. */
  readonly localPref?: number;
}

/** Attribute sets and next hops kept at hand. */
const REMEMBERED = 4096;

export class OwnRoutes {
  readonly #loc: LocRib;
  readonly #local: Source;
  readonly #originated = new Map<Prefix, Originated>();
  #statics: ReadonlyMap<Prefix, Hop> = new Map();
  readonly #attributes = new Map<number | undefined, PathAttributes>();
  readonly #hops = new Map<string, Hop>();

  constructor(loc: LocRib, local: Source) {
    this.#loc = loc;
    this.#local = local;
  }

  get originated(): ReadonlyMap<Prefix, Originated> { return this.#originated; }

  /** Replaces what this node originates. */
  originate(wanted: ReadonlyMap<Prefix, Originated>): void {
    const gone = [...this.#originated.keys()].filter((prefix) => !wanted.has(prefix));
    for (const prefix of gone) this.#originated.delete(prefix);
    this.#loc.withdraw(this.#local, gone);
    for (const [prefix, how] of wanted) {
      const known = this.#originated.get(prefix);
      if (known?.blackhole === how.blackhole && known.localPref === how.localPref) continue;
      this.#originated.set(prefix, how);
      this.#loc.announce(this.#local, [prefix], this.#loc.routes.intern(this.#local, this.#attributesWith(how.localPref), undefined, undefined), undefined);
      this.#loc.dirty.add(this.#loc.table.add(prefix)); // a blackhole comes or goes without a change of the route
    }
  }

  /** Replaces the static routes: prefix → next hop. */
  setStatics(wanted: ReadonlyMap<Prefix, Hop>): void {
    this.#loc.withdraw(STATIC, [...this.#statics.keys()].filter((prefix) => !wanted.has(prefix)));
    for (const [prefix, hop] of wanted) this.#loc.announce(STATIC, [prefix], this.#loc.routes.intern(STATIC, ORIGINATED, undefined, hop), undefined);
    this.#statics = wanted;
  }

  /** Changes what is redistributed; undefined: the kernel's route is gone. `filter` says which become candidates, and as what. */
  redistribute(changes: ReadonlyMap<Prefix, Redistributed | undefined>, filter: RouteFilter | undefined): void {
    for (const [prefix, how] of changes) {
      if (how === undefined) { this.#loc.withdraw(KERNEL, [prefix]); continue; }
      const route = this.#loc.routes.intern(KERNEL, this.#attributesWith(how.localPref), undefined, this.#hopOf(how.via));
      this.#loc.announce(KERNEL, [prefix], route, filter);
    }
  }

  #attributesWith(localPref: number | undefined): PathAttributes {
    let attributes = this.#attributes.get(localPref);
    if (attributes === undefined) {
      if (this.#attributes.size >= REMEMBERED) this.#attributes.clear();
      attributes = localPref === undefined ? ORIGINATED : withLocalPref(ORIGINATED, localPref);
      this.#attributes.set(localPref, attributes);
    }
    return attributes;
  }

  #hopOf(via: KernelNextHop): Hop {
    const key = `${via.gateway ?? ''}@${via.interfaceIndex}`;
    let hop = this.#hops.get(key);
    if (hop === undefined) {
      if (this.#hops.size >= REMEMBERED) this.#hops.clear();
      hop = { address: via.gateway ?? KERNEL.address, linkLocal: undefined, interfaceIndex: via.interfaceIndex, neighbour: undefined, via, metric: 0, isRecursive: false };
      this.#hops.set(key, hop);
    }
    return hop;
  }
}
