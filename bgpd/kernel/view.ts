/**
 * The kernel as the speaker sees it: links, own addresses, and all routes that are not its own; answers how an
 * address would be reached, and whose a prefix is.
 */
import { globMatcher } from '../../lib/glob.ts';
import { lengthOf, prefixOf, type Family, type Ip, type Prefix } from '../../lib/ip/prefix.ts';
import { BIRD_ROUTE_PROTOCOL } from '../../lib/ownership.ts';
import { UNREACHABLE, type ForeignCandidate, type Resolution } from '../ports.ts';
import { isLinkLocal } from '../rib/next-hop.ts';

/** A route of somebody else. The fields of a dump that matter here. */
export interface ForeignRoute {
  readonly prefix: Prefix;
  readonly type: 'unicast' | 'local' | 'blackhole' | 'unreachable' | 'prohibit' | 'other';
  readonly table: number;
  readonly protocol: number;
  readonly metric: number;
  readonly nextHops: readonly ForeignNextHop[];
}

export interface ForeignNextHop {
  readonly gateway?: Ip | undefined;
  readonly interfaceIndex: number;
}

export interface LinkState { readonly name: string; readonly up: boolean; readonly carrier: boolean }

export interface Place { readonly table: number; readonly metric: number }

/** Where our routes stand: a table, and the metric of those that have none of their own. */
export interface FibPlace extends Place { readonly metric6?: number | undefined }

export const metricFor = (place: Omit<FibPlace, 'table'>, family: Family): number =>
  (family === 'ipv4' ? place.metric : place.metric6 ?? place.metric);

/** RTPROT_KERNEL: what the kernel made itself, for an address. */
const KERNEL_PROTOCOL = 2;
const NO_CANDIDATES: ReadonlyMap<Prefix, ForeignCandidate | undefined> = new Map();

export class KernelView {
  readonly #mainTable: number;
  readonly #allowDefault: boolean;
  readonly #routes: { readonly [F in Family]: Map<Prefix, ForeignRoute[]> } = { ipv4: new Map(), ipv6: new Map() };
  /** Prefixes of each length, so that lengths nobody uses cost nothing. */
  readonly #lengths: { readonly [F in Family]: number[] } = { ipv4: new Array<number>(33).fill(0), ipv6: new Array<number>(129).fill(0) };
  readonly #links = new Map<number, LinkState>();
  /** Own addresses, and on which interfaces. */
  readonly #addresses = new Map<Ip, Set<number>>();
  #isIgnored: (interfaceName: string) => boolean = () => false;
  /** Prefixes whose routes changed since `takeCandidates`; undefined: nobody asks. */
  #changed: Set<Prefix> | undefined;

  constructor(options: { readonly mainTable: number; readonly allowDefault: boolean }) {
    this.#mainTable = options.mainTable;
    this.#allowDefault = options.allowDefault;
  }

  /** Prefixes known, of both families. */
  get size(): number { return this.#routes.ipv4.size + this.#routes.ipv6.size; }

  /** A route appeared; `replaces`: it took the place of what had its prefix, table and metric. True when that changes anything. */
  add(route: ForeignRoute, replaces: boolean): boolean {
    const old = this.#at(route.prefix);
    const kept = replaces ? old.filter((r) => !samePlace(r, route)) : old;
    // IPv6 tells of further next hops one by one: routes of one owner and place are one route.
    const twin = kept.find((r) => (typeof route.prefix === 'bigint' ? sameOwner(r, route) : sameRoute(r, route)));
    const added = twin ? { ...route, nextHops: union(twin.nextHops, route.nextHops) } : route;
    const list = [...kept.filter((r) => r !== twin), added].sort((a, b) => a.metric - b.metric);
    if (list.length === old.length && list.every((r, i) => sameRoute(r, old[i]!))) return false;
    return this.#set(route.prefix, list);
  }

  /** A route went. An IPv6 event may name only some of its next hops. */
  remove(route: ForeignRoute): boolean {
    const old = this.#at(route.prefix);
    const index = old.findIndex((r) => sameRoute(r, route));
    if (index >= 0) return this.#set(route.prefix, old.toSpliced(index, 1));
    const rest = old.flatMap((r) => (sameOwner(r, route) ? without(r, route) : [r]));
    return rest.length === old.length && rest.every((r, i) => r === old[i]) ? false : this.#set(route.prefix, rest);
  }

  /** All routes of a family, as read at one moment; those not named are gone. */
  replaceRoutes(family: Family, routes: Iterable<ForeignRoute>): void {
    for (const prefix of this.#routes[family].keys()) this.#changed?.add(prefix);
    this.#routes[family].clear();
    this.#lengths[family].fill(0);
    for (const route of routes) this.add(route, false);
  }

  setLink(index: number, state: LinkState): boolean {
    const old = this.#links.get(index);
    this.#links.set(index, state);
    if (old?.name !== state.name) this.#allChanged();
    if (old?.up === true && !state.up) this.#dropRoutesOf(index);
    return old?.up !== state.up || old.carrier !== state.carrier || old.name !== state.name;
  }

  removeLink(index: number): boolean {
    const known = this.#links.delete(index);
    if (known) this.#dropRoutesOf(index);
    return known;
  }

  replaceLinks(links: Iterable<readonly [number, LinkState]>): void {
    this.#links.clear();
    for (const [index, state] of links) this.#links.set(index, state);
    this.#allChanged();
  }

  addAddress(address: Ip, interfaceIndex: number): boolean {
    const on = this.#addresses.get(address);
    if (on?.has(interfaceIndex) === true) return false;
    this.#addresses.set(address, new Set([...(on ?? []), interfaceIndex]));
    return on === undefined;
  }

  removeAddress(address: Ip, interfaceIndex: number): boolean {
    const on = this.#addresses.get(address);
    if (on?.delete(interfaceIndex) !== true || on.size > 0) return false;
    return this.#addresses.delete(address);
  }

  replaceAddresses(addresses: Iterable<readonly [Ip, number]>): void {
    this.#addresses.clear();
    for (const [address, index] of addresses) this.addAddress(address, index);
  }

  /** Own addresses on an interface. */
  addressesOn(interfaceIndex: number): Ip[] {
    return [...this.#addresses].filter(([, on]) => on.has(interfaceIndex)).map(([address]) => address);
  }

  /** The name of a link by its interface index; undefined: there is no such link. */
  nameOf(interfaceIndex: number): string | undefined { return this.#links.get(interfaceIndex)?.name; }

  /** The route of somebody else that holds this prefix in this table with this metric. */
  occupant(prefix: Prefix, place: Place): ForeignRoute | undefined {
    const routes = this.#routes[familyOfPrefix(prefix)].get(prefix);
    return routes === undefined ? undefined : routes.find((r) => samePlace(r, place));
  }

  /**
   * How the kernel would reach an address by the routes known here: the longest prefix, then the lowest metric, that
   * has a next hop on a link with carrier. Own addresses, and what a blackhole or its like covers, are unreachable.
   */
  resolve(address: Ip, interfaceIndex = 0): Resolution {
    if (isLinkLocal(address)) return this.#resolveOnLink(address, interfaceIndex);
    if (this.#addresses.has(address)) return UNREACHABLE;
    const family = typeof address === 'number' ? 'ipv4' : 'ipv6';
    const routes = this.#routes[family];
    const lengths = this.#lengths[family];
    for (let length = lengths.length - 1; length >= (this.#allowDefault ? 0 : 1); length--) {
      if (lengths[length] === 0) continue;
      for (const route of routes.get(prefixOf(address, length)) ?? []) {
        if (route.table !== this.#mainTable || route.type === 'other') continue;
        if (route.type !== 'unicast') return UNREACHABLE;
        const hop = route.nextHops.find((h) => this.#links.get(h.interfaceIndex)?.carrier === true && !this.#isIgnoredHop(h));
        if (hop) return resolutionOf(route, hop);
      }
    }
    return UNREACHABLE;
  }

  /** Connected routes of interfaces whose names match one of the glob patterns do not count any more. */
  ignoreInterfaces(patterns: readonly string[]): void {
    const matchers = patterns.map(globMatcher);
    this.#isIgnored = (name) => matchers.some((matches) => matches(name));
    this.#allChanged();
  }

  /** From now on `takeCandidates` tells what changed, beginning with everything. */
  followCandidates(): void {
    this.#changed = new Set();
    this.#allChanged();
  }

  /** No more. */
  forgetCandidates(): void { this.#changed = undefined; }

  /**
   * What this node could announce of the kernel's main table for each prefix whose routes changed since the last call;
   * undefined: nothing. Own addresses, what lies on ignored interfaces, and BIRD's left-overs, which are other nodes', are nothing.
   */
  takeCandidates(): ReadonlyMap<Prefix, ForeignCandidate | undefined> {
    const changed = this.#changed;
    if (changed === undefined || changed.size === 0) return NO_CANDIDATES;
    this.#changed = new Set();
    return new Map([...changed].map((prefix) => [prefix, this.#candidate(prefix)]));
  }

  #candidate(prefix: Prefix): ForeignCandidate | undefined {
    for (const route of this.#at(prefix)) {
      if (route.table !== this.#mainTable || route.type !== 'unicast' || route.protocol === BIRD_ROUTE_PROTOCOL) continue;
      const nextHops = route.nextHops.filter((h) => !this.#isIgnoredHop(h));
      const [first] = nextHops;
      if (first === undefined) continue;
      const isConnected = route.protocol === KERNEL_PROTOCOL && first.gateway === undefined;
      return { kind: isConnected ? 'connected' : 'static', metric: route.metric, interfaceIndex: first.interfaceIndex, gateway: first.gateway };
    }
    return undefined;
  }

  #isIgnoredHop({ gateway, interfaceIndex }: ForeignNextHop): boolean {
    return gateway === undefined && this.#isIgnored(this.#links.get(interfaceIndex)?.name ?? '');
  }

  #allChanged(): void {
    if (this.#changed === undefined) return;
    for (const routes of [this.#routes.ipv4, this.#routes.ipv6]) for (const prefix of routes.keys()) this.#changed.add(prefix);
  }

  /** A link-local address is at the other end of its link, if anywhere. */
  #resolveOnLink(address: Ip, interfaceIndex: number): Resolution {
    const isOwn = this.#addresses.get(address)?.has(interfaceIndex) === true;
    const carries = this.#links.get(interfaceIndex)?.carrier === true;
    return carries && !isOwn ? { reachable: true, gateway: undefined, interfaceIndex, metric: 0 } : UNREACHABLE;
  }

  #at(prefix: Prefix): readonly ForeignRoute[] { return this.#routes[familyOfPrefix(prefix)].get(prefix) ?? []; }

  #set(prefix: Prefix, list: ForeignRoute[]): true {
    const family = familyOfPrefix(prefix);
    const routes = this.#routes[family];
    const lengths = this.#lengths[family];
    const length = lengthOf(prefix);
    const had = routes.has(prefix);
    this.#changed?.add(prefix);
    if (list.length > 0) routes.set(prefix, list); else routes.delete(prefix);
    lengths[length]! += Number(list.length > 0) - Number(had);
    return true;
  }

  /** With a link that goes down the kernel removes the routes that have no next hop on another that is up; IPv4 ones without a word. */
  #dropRoutesOf(index: number): void {
    const isAlive = (h: ForeignNextHop): boolean => h.interfaceIndex !== index && this.#links.get(h.interfaceIndex)?.up === true;
    for (const routes of [this.#routes.ipv4, this.#routes.ipv6]) {
      for (const [prefix, list] of routes) {
        const kept = list.filter((r) => !r.nextHops.some((h) => h.interfaceIndex === index) || r.nextHops.some(isAlive));
        if (kept.length !== list.length) this.#set(prefix, kept);
      }
    }
  }
}

/** IGP cost: 0 when directly connected, else the route's metric. */
function resolutionOf(route: ForeignRoute, hop: ForeignNextHop): Resolution {
  const metric = hop.gateway === undefined ? 0 : route.metric;
  return { reachable: true, gateway: hop.gateway, interfaceIndex: hop.interfaceIndex, metric, length: lengthOf(route.prefix) };
}

const familyOfPrefix = (prefix: Prefix): Family => (typeof prefix === 'number' ? 'ipv4' : 'ipv6');
const samePlace = (a: Place, b: Place): boolean => a.table === b.table && a.metric === b.metric;
const sameOwner = (a: ForeignRoute, b: ForeignRoute): boolean => samePlace(a, b) && a.protocol === b.protocol && a.type === b.type;
const sameHop = (a: ForeignNextHop, b: ForeignNextHop): boolean => a.gateway === b.gateway && a.interfaceIndex === b.interfaceIndex;

const sameRoute = (a: ForeignRoute, b: ForeignRoute): boolean =>
  sameOwner(a, b) && a.nextHops.length === b.nextHops.length && a.nextHops.every((h, i) => sameHop(h, b.nextHops[i]!));

const union = (a: readonly ForeignNextHop[], b: readonly ForeignNextHop[]): ForeignNextHop[] =>
  [...a, ...b.filter((h) => !a.some((other) => sameHop(h, other)))];

/** What is left of a route when the next hops of `gone` leave; nothing when it names none or all. */
function without(route: ForeignRoute, gone: ForeignRoute): ForeignRoute[] {
  const left = gone.nextHops.length === 0 ? [] : route.nextHops.filter((h) => !gone.nextHops.some((g) => sameHop(g, h)));
  if (left.length === route.nextHops.length) return [route];
  return left.length === 0 ? [] : [{ ...route, nextHops: left }];
}
