/** What no peer may announce to us, whatever its filters say: prefixes that make no sense, our own, and detours to neighbours. */
import { addressOf, contains, familyOf, lengthOf, prefixOf, type Family, type Ip, type Prefix } from '../../lib/ip/prefix.ts';
import { martianKindOf } from './martian.ts';

export interface GuardSettings {
  readonly martians: boolean;
  readonly ownBlocks: boolean;
  /** Inside these nothing is a martian. */
  readonly except: readonly Prefix[];
  /** What this node originates with a blackhole. */
  readonly blocks: readonly Prefix[];
}

const NOTHING: GuardSettings = { martians: true, ownBlocks: true, except: [], blocks: [] };

/** Interface on which a configured neighbour with this address is directly connected; 0: there is none. */
export type LinkOfNeighbour = (address: Ip) => number;

export class Guards {
  readonly #linkOf: LinkOfNeighbour;
  #settings = NOTHING;
  readonly #blocks = new Set<Prefix>();
  /** Of `#blocks`, shortest first. */
  readonly #lengths: Record<Family, number[]> = { ipv4: [], ipv6: [] };

  constructor(linkOf: LinkOfNeighbour) { this.#linkOf = linkOf; }

  /** Returns which prefixes may be judged otherwise from now on; undefined: none. */
  configure(settings: GuardSettings): ((prefix: Prefix) => boolean) | undefined {
    const before = this.#settings;
    const blocksBefore = new Set(this.#blocks);
    this.#settings = settings;
    this.#blocks.clear();
    for (const block of settings.ownBlocks ? settings.blocks : []) this.#blocks.add(block);
    for (const family of ['ipv4', 'ipv6'] as const) {
      const lengths = [...this.#blocks].filter((block) => familyOf(block) === family).map(lengthOf);
      this.#lengths[family] = [...new Set(lengths)].sort((a, b) => a - b);
    }
    if (before.martians !== settings.martians || String(before.except) !== String(settings.except)) return () => true;
    const changed = [...this.#blocks].filter((block) => !blocksBefore.has(block)).concat([...blocksBefore].filter((block) => !this.#blocks.has(block)));
    return changed.length === 0 ? undefined : (prefix) => changed.some((block) => contains(block, prefix));
  }

  /** Why a peer on this interface (0: on none) may not announce the prefix with this next hop; undefined: it may. Asked for each prefix received. */
  refusal(prefix: Prefix, interfaceIndex: number, nextHop?: Ip): string | undefined {
    if (this.#settings.martians) {
      const kind = martianKindOf(prefix);
      if (kind !== undefined && !this.#settings.except.some((pool) => contains(pool, prefix))) return `martian: ${kind}`;
    }
    const length = lengthOf(prefix);
    if (length === (typeof prefix === 'number' ? 32 : 128)) return this.#leadsAstray(addressOf(prefix), interfaceIndex, nextHop) ? 'address of a neighbour that is not reached this way' : undefined;
    return this.#blocks.size > 0 && this.#isOurs(prefix, length) ? 'inside a block of this node' : undefined;
  }

  /** Host routes inside are legitimate: addresses that are borrowed, and those that float. */
  #isOurs(prefix: Prefix, length: number): boolean {
    for (const shorter of this.#lengths[familyOf(prefix)]) {
      if (shorter > length) return false;
      if (this.#blocks.has(prefixOf(addressOf(prefix), shorter))) return true;
    }
    return false;
  }

  /** Our sessions with a neighbour on a link of ours would go where this route goes: over another link, or through a third party. */
  #leadsAstray(address: Ip, interfaceIndex: number, nextHop: Ip | undefined): boolean {
    const link = this.#linkOf(address);
    return link !== 0 && (link !== interfaceIndex || nextHop !== address);
  }
}
