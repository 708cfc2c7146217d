/** Routes, interned: one object for each source, attribute set and next hop, whatever number of prefixes share it. */
import type { BgpRole, RouteOrigin } from '../../config/messages/speaker-config.ts';
import type { Ip } from '../../lib/ip/prefix.ts';
import { COMMUNITY } from '../wire/constants.ts';
import type { NextHop, PathAttributes } from '../wire/message.ts';
import type { Hop } from './next-hop.ts';

/** Whoever routes come from: a peer, or this node itself. It stays the same object for as long as the peer is configured. */
export interface Source {
  /** Below `FIRST_PEER_INDEX`: this node and its kernel. */
  readonly index: number;
  /** Of a peer: may change, as other resources ask for it. */
  name: string;
  /** A peer that changes from internal to external becomes another source. `kernel`: what is redistributed. */
  readonly kind: RouteOrigin;
  /** An internal peer whose routes we reflect (RFC 4456). */
  isReflectorClient: boolean;
  /** The peer is reached through this node alone: its routes are passed on with us as next hop. */
  readonly isBehindUs: boolean;
  /** Our role towards the peer (RFC 9234); undefined: none is configured. */
  role: BgpRole | undefined;
  /** AS number of the peer; 0: not known yet, or no peer. */
  asn: number;
  /** BGP identifier of the peer, unsigned 32-bit. */
  routerId: number;
  /** The peer's address, the last tie-breaker. */
  address: Ip;
  /** Interface of a directly connected link-local session; 0: none. */
  interfaceIndex: number;
}

const NO_PEER = { isReflectorClient: false, isBehindUs: false, role: undefined, asn: 0, routerId: 0, address: 0 as Ip, interfaceIndex: 0 };

/** This node, as what it originates comes from it. */
export const LOCAL: Source = { ...NO_PEER, index: 0, name: 'local', kind: 'originated' };
/** The kernel of this node, as what is redistributed comes from it. */
export const KERNEL: Source = { ...NO_PEER, index: 1, name: 'kernel', kind: 'kernel' };
/** Routes that stand in the kernel of this node and are announced to nobody. */
export const STATIC: Source = { ...NO_PEER, index: 2, name: 'static', kind: 'originated' };
export const FIRST_PEER_INDEX = 3;

/** Assumed where LOCAL_PREF is missing: on routes of external peers and on our own. */
export const DEFAULT_LOCAL_PREF = 100;

export interface Route {
  /** Index of this route in its table; 0 is never used. Given to another once nothing refers to it. */
  readonly id: number;
  readonly source: Source;
  readonly attributes: PathAttributes;
  /** Undefined on what this node originates. */
  readonly nextHop: NextHop | undefined;
  readonly hop: Hop | undefined;
  /** The route before a filter changed it; undefined: none did. */
  readonly original: Route | undefined;
  /** RFC 4271 §5.1.5; 0 on what an external peer is about to take away (RFC 8326 §4.2). */
  readonly localPref: number;
  /** It carries LLGR_STALE: any other route is better (RFC 9494 §4.3). */
  readonly isLongLivedStale: boolean;
  /** First AS of the path, 0 when there is none: MED is compared within one neighbouring AS. */
  readonly neighbourAsn: number;
  /** Why it must not be chosen, whatever the prefix (loops); undefined: it may. */
  refusal: string | undefined;
}

/** An own route without blackhole is announced and nothing else; with one it stands in the kernel too. */
export const isReachable = (route: Route): boolean => route.hop === undefined || route.hop.via !== undefined;

/** The route as its source sent it, before anything of ours changed it. */
export function receivedForm(route: Route): Route {
  let form = route;
  while (form.original !== undefined) form = form.original;
  return form;
}

/** Whoever shares attribute objects wants to know which are still needed: `wire/interner.ts`. */
export interface AttributeHolder {
  retain(attributes: PathAttributes): void;
  release(attributes: PathAttributes): void;
}

/** Octets of attributes that nobody needs any more and that may be there all the same. */
const SPARE_WEIGHT = 4 * 1_048_576;

export class RouteTable {
  readonly #holder: AttributeHolder | undefined;
  readonly #routes: (Route | undefined)[] = [undefined];
  readonly #free: number[] = [];
  /** By source index, then by attributes; routes that differ in the next hop alone stand in one list. */
  readonly #bySource: Map<PathAttributes, Route | Route[]>[] = [];
  #liveAtLastSweep = 0;
  /** Octets of attributes that its routes hold. */
  #weight = 0;
  #liveWeightAtLastSweep = 0;

  constructor(holder?: AttributeHolder) { this.#holder = holder; }

  /** All ids are below this. */
  get limit(): number { return this.#routes.length; }
  get size(): number { return this.#routes.length - 1 - this.#free.length; }
  /** Worth a sweep: twice what lived after the last one, and some. A peer may send 64 KiB of attributes with each route. */
  get crowded(): boolean {
    return this.size > 2 * this.#liveAtLastSweep + 4096 || this.#weight > 2 * this.#liveWeightAtLastSweep + SPARE_WEIGHT;
  }

  get(id: number): Route | undefined { return this.#routes[id]; }

  intern(source: Source, attributes: PathAttributes, nextHop: NextHop | undefined, hop: Hop | undefined): Route {
    return this.#intern(source, attributes, nextHop, hop, undefined);
  }

  /** The route as a filter changed it. The same attributes always come of the same ones, so they tell the original too. */
  changed(original: Route, attributes: PathAttributes): Route {
    if (attributes === original.attributes) return original;
    return this.#intern(original.source, attributes, original.nextHop, original.hop, original);
  }

  #intern(source: Source, attributes: PathAttributes, nextHop: NextHop | undefined, hop: Hop | undefined, original: Route | undefined): Route {
    const known = (this.#bySource[source.index] ??= new Map<PathAttributes, Route | Route[]>()).get(attributes);
    if (known !== undefined) {
      if (!Array.isArray(known)) { if (known.hop === hop) return known; }
      else for (const route of known) if (route.hop === hop) return route;
    }
    const route: Route = {
      id: this.#free.pop() ?? this.#routes.length,
      source, attributes, nextHop, hop, original,
      localPref: localPrefOf(source, attributes, original !== undefined),
      isLongLivedStale: attributes.communities.includes(COMMUNITY.llgrStale),
      neighbourAsn: neighbourOf(attributes),
      refusal: undefined,
    };
    this.#routes[route.id] = route;
    this.#index(route);
    this.#weight += weightOf(attributes);
    this.#holder?.retain(attributes);
    return route;
  }

  *[Symbol.iterator](): IterableIterator<Route> {
    for (const route of this.#routes) if (route !== undefined) yield route;
  }

  /** Forgets every route whose id is not marked, originals of marked ones excepted. The caller has marked all that any column refers to. */
  sweep(marks: Uint8Array): void {
    for (const route of this) {
      if (marks[route.id] !== 1) continue;
      for (let before = route.original; before !== undefined; before = before.original) marks[before.id] = 1;
    }
    this.#bySource.length = 0;
    for (let id = 1; id < this.#routes.length; id++) {
      const route = this.#routes[id];
      if (route === undefined) continue;
      if (marks[id] === 1) { this.#index(route); continue; }
      this.#weight -= weightOf(route.attributes);
      this.#holder?.release(route.attributes);
      this.#routes[id] = undefined;
      this.#free.push(id);
    }
    this.#liveAtLastSweep = this.size;
    this.#liveWeightAtLastSweep = this.#weight;
  }

  #index(route: Route): void {
    const map = (this.#bySource[route.source.index] ??= new Map<PathAttributes, Route | Route[]>());
    const known = map.get(route.attributes);
    if (known === undefined) map.set(route.attributes, route);
    else if (Array.isArray(known)) known.push(route);
    else map.set(route.attributes, [known, route]);
  }
}

/** Octets that the lists among attributes have on the wire; in memory it is some five times as much. */
function weightOf({ asPath, communities, extendedCommunities, largeCommunities, clusterList, unknown }: PathAttributes): number {
  let weight = 4 * (communities.length + clusterList.length) + 8 * extendedCommunities.length + 12 * largeCommunities.length;
  for (const segment of asPath) weight += 4 * segment.asns.length;
  for (const { value } of unknown) weight += value.length;
  return weight;
}

/** An external peer's LOCAL_PREF counts for nothing, but a filter's does. */
function localPrefOf({ kind }: Source, { communities, localPref }: PathAttributes, isChanged: boolean): number {
  if (kind === 'ebgp' && communities.includes(COMMUNITY.gracefulShutdown)) return 0;
  return kind === 'ebgp' && !isChanged ? DEFAULT_LOCAL_PREF : localPref ?? DEFAULT_LOCAL_PREF;
}

/** RFC 4271 §9.1.2.2 c: the AS the route was received from, that is the first of the path; 0 behind an AS_SET. */
function neighbourOf(attributes: PathAttributes): number {
  const first = attributes.asPath.find((s) => s.type === 'sequence' || s.type === 'set');
  return first?.type === 'sequence' ? first.asns[0] ?? 0 : 0;
}
