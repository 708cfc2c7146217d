/** What the kernel is told about neighbours: which demand concerns an address, and which keys a listener must have. */
import { bitsOf, containsAddress, addressOf, familyOf, lengthOf, type Family, type Ip, type Prefix } from '../../lib/ip/prefix.ts';
import type { LinkDemand } from '../ports.ts';
import { isLinkLocal } from '../rib/next-hop.ts';

/** The demands in force, by address. */
export class Demands {
  readonly #hosts = new Map<string | Ip, LinkDemand>();
  /** Longest first. */
  readonly #ranges: readonly LinkDemand[];
  readonly #all: readonly LinkDemand[];

  constructor(demands: readonly LinkDemand[]) {
    this.#all = demands;
    this.#ranges = demands.filter((d) => !isHost(d.prefix)).sort((a, b) => lengthOf(b.prefix) - lengthOf(a.prefix));
    for (const demand of demands) if (isHost(demand.prefix)) this.#hosts.set(placeOf(addressOf(demand.prefix), demand.interface), demand);
  }

  /** That of the neighbour itself, or of the longest prefix. `link`: the interface of a link-local address. */
  find(address: Ip, link: string | undefined): LinkDemand | undefined {
    return this.#hosts.get(placeOf(address, link)) ?? this.#ranges.find((d) => containsAddress(d.prefix, address));
  }

  /** Prefix → who wants which key. Where two want different keys for one prefix, the first has it: the kernel knows no interface. */
  keys(family: Family): Map<Prefix, LinkDemand> {
    const keys = new Map<Prefix, LinkDemand>();
    for (const demand of this.#all) {
      if (demand.key !== undefined && familyOf(demand.prefix) === family && !keys.has(demand.prefix)) keys.set(demand.prefix, demand);
    }
    return keys;
  }
}

/** The least TTL of a neighbour that is at most so many hops away (RFC 5082 §3); 0: any. */
export const minimumTtlOf = (demand: LinkDemand | undefined): number => (demand?.hops === undefined ? 0 : 256 - demand.hops);

/** The same link-local address may stand on every link: there the interface is part of it. */
export const placeOf = (address: Ip, link: string | undefined): string | Ip =>
  (link !== undefined && isLinkLocal(address) ? `${address}%${link}` : address);

const isHost = (prefix: Prefix): boolean => lengthOf(prefix) === bitsOf(familyOf(prefix));
