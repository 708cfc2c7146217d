/** The routes of both families and the flush: events only change memory, and once a turn the consequences go out. */
import { addressOf, bitsOf, FAMILIES, familyOf, lengthOf, type Family, type Ip, type Prefix } from '../lib/ip/prefix.ts';
import { FibSync, type FibSyncPorts } from './fib-sync.ts';
import type { Resolution, ResolverPort } from './ports.ts';
import { FamilyRib } from './rib/family-rib.ts';
import type { Member } from './rib/peer-group.ts';
import { LOCAL, type AttributeHolder } from './rib/route.ts';

export interface RoutingPorts extends FibSyncPorts {
  readonly resolver: ResolverPort;
  /** Runs the work in a later turn, after what the network has brought is absorbed. */
  readonly soon: (work: () => void) => void;
}

/** Prefixes selected in one turn: some 10 ms, so that the kernel and peers have work while the next are selected. */
const SLICE = 8_192;

export class Routing implements Disposable {
  readonly ribs: Readonly<Record<Family, FamilyRib>>;
  readonly fibSync: FibSync;
  readonly #soon: RoutingPorts['soon'];
  readonly #watching: Disposable;
  /** Hosts that our own static routes lead to: the resolver does not count our routes. */
  readonly #gateways = new Map<Ip, Ip>();
  #isScheduled = false;
  #isClosed = false;

  constructor(ports: RoutingPorts, holder?: AttributeHolder) {
    const { resolver } = ports;
    const ribOf = (family: Family): FamilyRib => new FamilyRib(family, LOCAL, (address, link) => this.#resolve(resolver, address, link), holder);
    this.ribs = { ipv4: ribOf('ipv4'), ipv6: ribOf('ipv6') };
    this.fibSync = new FibSync(ports, this.ribs);
    this.#soon = ports.soon;
    this.#watching = resolver.onChange(() => { this.#onKernelChange(); });
  }

  /** Something was absorbed: a flush will follow. */
  changed(): void {
    if (this.#isScheduled || this.#isClosed) return;
    this.#isScheduled = true;
    this.#soon(() => {
      this.#isScheduled = false;
      if (!this.#isClosed) this.#flush();
    });
  }

  /** Replaces the static routes, which stand in the kernel only: prefix → gateway. */
  setStatics(statics: ReadonlyMap<Prefix, Ip>): void {
    this.#gateways.clear();
    for (const [prefix, via] of statics) if (lengthOf(prefix) === bitsOf(familyOf(prefix))) this.#gateways.set(addressOf(prefix), via);
    for (const family of FAMILIES) {
      this.ribs[family].setStatics(new Map([...statics].filter(([prefix]) => familyOf(prefix) === family)));
      this.ribs[family].resolveAgain();
    }
  }

  /** Flushes until nothing is left to select, and waits until the kernel has it all. */
  async settle(): Promise<void> {
    while (FAMILIES.some((family) => this.ribs[family].loc.dirty.size > 0)) this.#flush();
    this.fibSync.kick();
    await this.fibSync.idle();
  }

  [Symbol.dispose](): void {
    this.#isClosed = true;
    this.#watching[Symbol.dispose]();
    this.fibSync[Symbol.dispose]();
  }

  #resolve(resolver: ResolverPort, address: Ip, link?: number): Resolution {
    const via = this.#gateways.get(address);
    if (via === undefined) return resolver.resolve(address, link);
    const found = resolver.resolve(via);
    return found.reachable && found.gateway === undefined ? { ...found, gateway: via } : found;
  }

  #onKernelChange(): void {
    for (const family of FAMILIES) this.ribs[family].resolveAgain();
    this.changed();
  }

  #flush(): void {
    let hasMore = false;
    for (const family of FAMILIES) {
      const rib = this.ribs[family];
      const isBehind = rib.flush(SLICE);
      hasMore = catchUp(rib, !isBehind && !rib.isDeferring) || isBehind || hasMore;
    }
    this.fibSync.kick();
    if (hasMore) this.changed();
  }
}

/** Sends lagging peers their next slice, and End-of-RIB to those that are through. True: some peer takes more. */
function catchUp(rib: FamilyRib, isComplete: boolean): boolean {
  let hasMore = false;
  const told = (ids: Iterable<number>): void => { rib.releaseIdle(ids); };
  for (const group of rib.groups.values()) {
    for (const member of group.members.values()) {
      if (member.pending !== undefined) hasMore = group.catchUp(member, told) || hasMore;
      if (isComplete && isDue(member)) group.endInitialUpdate(member);
    }
  }
  return hasMore;
}

const isDue = (member: Member): boolean => member.owesEndOfRib && member.pending === undefined;
