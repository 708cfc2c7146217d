/** Next hops as the kernel would reach them: resolved once, kept until routes, links or addresses change. */
import type { Ip } from '../../lib/ip/prefix.ts';
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
}

export class NextHops {
  readonly #resolve: (address: Ip, interfaceIndex?: number) => Resolution;
  readonly #hops = new Map<string | Ip, Hop>();

  constructor(resolve: (address: Ip, interfaceIndex?: number) => Resolution) { this.#resolve = resolve; }

  get size(): number { return this.#hops.size; }

  /** The shared value of a received next hop; `interfaceIndex` is the session's (0 when it has none), `neighbour` its other end. */
  hop(nextHop: NextHop, interfaceIndex: number, neighbour?: Ip): Hop {
    const key = keyOf(nextHop, interfaceIndex, neighbour);
    let hop = this.#hops.get(key);
    if (hop === undefined) {
      hop = { address: nextHop.address, linkLocal: nextHop.linkLocal, interfaceIndex, neighbour, via: undefined, metric: 0 };
      this.#settle(hop);
      this.#hops.set(key, hop);
    }
    return hop;
  }

  /** Resolves all again; returns those that are reached differently now. */
  refresh(): Set<Hop> {
    const changed = new Set<Hop>();
    for (const hop of this.#hops.values()) if (this.#settle(hop)) changed.add(hop);
    return changed;
  }

  /** Forgets all that are not in `used`. */
  keepOnly(used: ReadonlySet<Hop>): void {
    for (const [key, hop] of this.#hops) if (!used.has(hop)) this.#hops.delete(key);
  }

  /** True when it is reached differently than before. `via` stays the same object while it says the same. */
  #settle(hop: Hop): boolean {
    const found = isLinkLocal(hop.address) ? undefined : this.#resolve(hop.address);
    const via = found?.reachable === true
      ? { gateway: found.gateway ?? hop.address, interfaceIndex: found.interfaceIndex }
      : this.#onLink(hop);
    const metric = found?.reachable === true ? found.metric : 0;
    const isSame = sameVia(via, hop.via);
    if (isSame && metric === hop.metric) return false;
    if (!isSame) hop.via = via;
    hop.metric = metric;
    return true;
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
