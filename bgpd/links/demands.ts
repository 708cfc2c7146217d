/** What the kernel is told about neighbours: which demand concerns an address, and which keys a listener must have. */
import {
  addressAt, addressOf, bitsOf, contains, containsAddress, familyOf, lengthOf, overlaps, prefixOf, type Family, type Ip, type Ipv4, type Ipv6, type Prefix,
} from '../../lib/ip/prefix.ts';
import type { LinkDemand } from '../ports.ts';
import { isLinkLocal } from '../rib/next-hop.ts';

/** So many keys always have room. */
const MANY_KEYS = 64;

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

  /**
   * Prefix → who wants which key. Where two want different keys for one prefix, the first has it: the kernel knows no
   * interface. It has room for some 120 keys a socket (20 KiB of net.core.optmem_max) or 800 (128 KiB): many neighbours
   * with one key share prefixes that hold nobody who has another key or none.
   */
  keys(family: Family): Map<Prefix, LinkDemand> {
    const hosts = new Map<Prefix, LinkDemand>();
    const ranges: LinkDemand[] = [];
    for (const demand of this.#all) {
      if (familyOf(demand.prefix) !== family) continue;
      if (!isHost(demand.prefix)) ranges.push(demand);
      else if (!hosts.has(demand.prefix)) hosts.set(demand.prefix, demand);
    }
    const keys = new Map<Prefix, LinkDemand>();
    if (hosts.size > MANY_KEYS) cover(prefixOf(family === 'ipv4' ? (0 as Ipv4) : (0n as Ipv6), 0), [...hosts.values()], ranges, keys);
    for (const demand of [...ranges, ...(hosts.size > MANY_KEYS ? [] : hosts.values())]) {
      if (demand.key !== undefined && !keys.has(demand.prefix)) keys.set(demand.prefix, demand);
    }
    return keys;
  }
}

/** The fewest prefixes inside `within` that give each of these neighbours its key, and nobody of a range another one. */
function cover(within: Prefix, hosts: readonly LinkDemand[], ranges: readonly LinkDemand[], keys: Map<Prefix, LinkDemand>): void {
  const [first] = hosts;
  if (first === undefined) return;
  const length = lengthOf(within);
  const bits = bitsOf(familyOf(within));
  const isOneKey = hosts.every((host) => host.key === first.key) && !ranges.some((range) => range.key !== first.key && overlaps(range.prefix, within));
  if (length < bits && !isOneKey) {
    for (const half of [0n, 1n]) {
      const part = prefixOf(addressAt(within, half << BigInt(bits - length - 1)), length + 1);
      cover(part, hosts.filter((host) => contains(part, host.prefix)), ranges, keys);
    }
  } else if (first.key !== undefined) keys.set(within, first);
}

/** The least TTL of a neighbour that is at most so many hops away (RFC 5082 §3); 0: any. */
export const minimumTtlOf = (demand: LinkDemand | undefined): number => (demand?.hops === undefined ? 0 : 256 - demand.hops);

/** The same link-local address may stand on every link: there the interface is part of it. */
export const placeOf = (address: Ip, link: string | undefined): string | Ip =>
  (link !== undefined && isLinkLocal(address) ? `${address}%${link}` : address);

const isHost = (prefix: Prefix): boolean => lengthOf(prefix) === bitsOf(familyOf(prefix));
