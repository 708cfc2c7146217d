/**
 * Next hops as packets would reach them: resolved once, kept until routes, links or addresses change.
 *
 * The kernel's own routes come first. Where they say nothing, or less than a route of BGP's does (the node of another rack,
 * whose network a router announces), that route leads, if its own next hop is one that the kernel alone resolves: one step
 * of recursion (RFC 4271 §5.1.3, §9.1.2.1), so that no two routes can lead to each other.
 */
import { prefixOf, type Ip, type Prefix } from '../../lib/ip/prefix.ts';
import type { KernelNextHop, Resolution } from '../ports.ts';
import type { NextHop } from '../wire/message.ts';

/** One next hop, shared by all routes that name it. */
export interface Hop {
  readonly address: Ip;
  readonly linkLocal: Ip | undefined;
  /** Interface of the session, on which link-local addresses are meant; 0: none. */
  readonly interfaceIndex: number;
  /** Other end of that session: while it is directly connected, the link carries. */
  readonly neighbour: Ip | undefined;
  /** How to forward; undefined: unreachable, so routes with it cannot be chosen (RFC 4271 §9.1.2.1). */
  via: KernelNextHop | undefined;
  /** IGP cost. */
  metric: number;
  /** A route of BGP's leads to it. */
  isRecursive: boolean;
}

/** The way of the longest of BGP's best routes to an address that is longer than `length` and not reached through `hop` itself. */
export type RouteLookup = (address: Ip, length: number, hop: Hop) => Hop | undefined;

export class NextHops {
  readonly #resolve: (address: Ip, interfaceIndex?: number) => Resolution;
  readonly #lookup: RouteLookup;
  readonly #hops = new Map<string | Ip, Hop>();
  /** Those not on a link of ours: routes of BGP's may lead to them. */
  readonly #distant = new Set<Hop>();
  /** Their addresses as prefixes of each length that was asked for. */
  readonly #cover = new Map<number, Set<Prefix>>();

  constructor(resolve: (address: Ip, interfaceIndex?: number) => Resolution, lookup: RouteLookup = () => undefined) {
    this.#resolve = resolve;
    this.#lookup = lookup;
  }

  get size(): number { return this.#hops.size; }

  /** The shared value of a received next hop; `interfaceIndex` is the session's (0 when it has none), `neighbour` its other end. */
  hop(nextHop: NextHop, interfaceIndex: number, neighbour?: Ip): Hop {
    const key = keyOf(nextHop, interfaceIndex, neighbour);
    let hop = this.#hops.get(key);
    if (hop === undefined) {
      hop = { address: nextHop.address, linkLocal: nextHop.linkLocal, interfaceIndex, neighbour, via: undefined, metric: 0, isRecursive: false };
      this.#settle(hop);
      this.#hops.set(key, hop);
    }
    return hop;
  }

  /** Resolves all again, or those alone that are on no link of ours; returns those that are reached differently now. */
  refresh(which: 'all' | 'distant' = 'all'): Set<Hop> {
    const changed = new Set<Hop>();
    for (const hop of which === 'all' ? this.#hops.values() : [...this.#distant]) if (this.#settle(hop)) changed.add(hop);
    return changed;
  }

  get hasDistant(): boolean { return this.#distant.size > 0; }

  /** True when a route of this prefix could lead to a next hop. */
  concerns(prefix: Prefix, length: number): boolean {
    let covered = this.#cover.get(length);
    if (covered === undefined) {
      covered = new Set([...this.#distant].map((hop) => prefixOf(hop.address, length)));
      this.#cover.set(length, covered);
    }
    return covered.has(prefix);
  }

  /** Forgets all that are not in `used`. */
  keepOnly(used: ReadonlySet<Hop>): void {
    for (const [key, hop] of this.#hops) if (!used.has(hop)) this.#forget(key, hop);
  }

  #forget(key: string | Ip, hop: Hop): void {
    this.#hops.delete(key);
    this.#setDistant(hop, false);
  }

  #setDistant(hop: Hop, isDistant: boolean): void {
    if (this.#distant.has(hop) === isDistant) return;
    if (isDistant) this.#distant.add(hop); else this.#distant.delete(hop);
    this.#cover.clear();
  }

  /** True when it is reached differently than before. `via` stays the same object while it says the same. */
  #settle(hop: Hop): boolean {
    const { via, metric, isRecursive } = this.#wayTo(hop);
    const isSame = sameVia(via, hop.via);
    if (isSame && metric === hop.metric && isRecursive === hop.isRecursive) return false;
    if (!isSame) hop.via = via;
    const isMoved = !isSame || metric !== hop.metric;
    hop.metric = metric;
    hop.isRecursive = isRecursive;
    return isMoved;
  }

  #wayTo(hop: Hop): Pick<Hop, 'via' | 'metric' | 'isRecursive'> {
    const { address } = hop;
    if (isLinkLocal(address)) return { via: this.#onLink(hop), metric: 0, isRecursive: false };
    const found = this.#resolve(address);
    const isNear = found.reachable && found.gateway === undefined;
    this.#setDistant(hop, !isNear);
    if (isNear) return { via: { gateway: address, interfaceIndex: found.interfaceIndex }, metric: found.metric, isRecursive: false };
    const leading = this.#lookup(address, found.reachable ? found.length ?? 0 : -1, hop);
    if (leading !== undefined) return { via: leading.via, metric: leading.metric, isRecursive: true };
    if (found.reachable) return { via: { gateway: found.gateway ?? address, interfaceIndex: found.interfaceIndex }, metric: found.metric, isRecursive: false };
    return { via: this.#onLink(hop), metric: 0, isRecursive: false };
  }

  /** By the link-local address, on the interface of the session while it carries (RFC 2545 §2). */
  #onLink({ address, linkLocal, interfaceIndex, neighbour }: Hop): KernelNextHop | undefined {
    const gateway = isLinkLocal(address) ? address : linkLocal;
    if (gateway === undefined || interfaceIndex === 0 || neighbour === undefined) return undefined;
    const link = this.#resolve(neighbour, interfaceIndex);
    const carries = link.reachable && link.gateway === undefined && link.interfaceIndex === interfaceIndex;
    return carries ? { gateway, interfaceIndex } : undefined;
  }
}

/** fe80::/10. */
export const isLinkLocal = (address: Ip): boolean => typeof address === 'bigint' && address >> 118n === 0x3fan;

export function sameVia(a: KernelNextHop | undefined, b: KernelNextHop | undefined): boolean {
  return a === b || (a !== undefined && b !== undefined && a.gateway === b.gateway && a.interfaceIndex === b.interfaceIndex);
}

function keyOf(nextHop: NextHop, interfaceIndex: number, neighbour: Ip | undefined): string | Ip {
  const scoped = isLinkLocal(nextHop.address) || nextHop.linkLocal !== undefined;
  return scoped ? `${nextHop.address}|${nextHop.linkLocal ?? ''}|${interfaceIndex}|${neighbour ?? ''}` : nextHop.address;
}
