/**
 * The speaker's kernel: writes its routes (`FibPort`) and knows how next hops are reached (`ResolverPort`).
 *
 * One request socket writes and dumps; a monitor keeps `KernelView` true. The kernel itself drops the events that our
 * own writes cause, so a million routes of ours cost the view nothing. Everything happens in the network namespace in
 * which `openKernel` is called.
 */
import { BGPD_ROUTE_PROTOCOL, BIRD_ROUTE_PROTOCOL } from '../lib/ownership.ts';
import type { Clock, TimerHandle } from '../lib/clock.ts';
import { messageOf } from '../lib/errors.ts';
import { FAMILIES, familyOf, type Family, type Ip } from '../lib/ip/prefix.ts';
import { showPrefix } from '../lib/ip/text.ts';
import type { Log } from '../lib/log.ts';
import { RTM_DELADDR, RTM_NEWADDR, listAddresses, readAddress } from '../sys/netlink/addresses.ts';
import type { NetlinkReader } from '../sys/netlink/codec.ts';
import { RTM_DELLINK, RTM_NEWLINK, listLinks, readLink } from '../sys/netlink/links.ts';
import { GROUP, NetlinkMonitor } from '../sys/netlink/monitor.ts';
import { MAIN_TABLE, RTM_DELROUTE, RTM_NEWROUTE, dumpRoutes, listRoutes, readRoute } from '../sys/netlink/routes.ts';
import { NLM_F_REPLACE, NetlinkSocket, type Refusal } from '../sys/netlink/socket.ts';
import { KernelView, metricFor, type FibPlace, type ForeignRoute } from './kernel/view.ts';
import { putter, remover, type Write } from './kernel-messages.ts';
import type { FibPort, ForeignRoutesPort, KernelNextHop, KernelRoute, Resolution, ResolverPort, RouteRefusal } from './ports.ts';

export interface KernelOptions {
  readonly clock: Clock;
  readonly log: Log;
  /** Next hops may be reached through a default route. */
  readonly allowDefault?: boolean;
}

/** Code of a refusal: somebody else's route has the place. */
export const FOREIGN = 'FOREIGN';

/** After an address went, what is left is read again this much later: events come in flocks. */
const RESYNC_MS = 500;
/** Reading all again takes at most this share of the time. */
const RESYNC_SHARE = 0.1;
/** Routes of one send(2), which takes a thread some 10 ms. */
const BATCH = 2048;
/** Room for a refusal of each of them. */
const WRITER_BUFFER_BYTES = 4 << 20;
/** Fewer routes are written at once. */
const FEW = 64;
/** Bytes of `struct rtmsg` that are looked at before anything is read. */
const TABLE_AT = 4;
const PROTOCOL_AT = 5;
/** `rtm_table` of tables above 255, whose number is in an attribute. */
const TABLE_COMPAT = 252;

/** Reads the kernel's links, addresses and routes, and follows them. Throws OperationError when netlink cannot be opened. */
export function openKernel(options: KernelOptions): Kernel {
  return new Kernel(options);
}

export class Kernel implements Disposable {
  readonly resolver: ResolverPort;
  readonly foreign: ForeignRoutesPort;
  readonly #clock: Clock;
  readonly #log: Log;
  /** For dumps. */
  readonly #socket = NetlinkSocket.open();
  /** For routes of ours: a thread may be at it while the other reads. */
  readonly #writer = NetlinkSocket.open({ bufferBytes: WRITER_BUFFER_BYTES });
  readonly #view: KernelView;
  readonly #monitor: NetlinkMonitor;
  /** Where routes of ours stand, or stood. */
  readonly #tables = new Set<number>();
  readonly #metrics = new Set<number>();
  readonly #changed = new Listeners();
  readonly #disturbed = new Listeners();
  /** Interfaces that our routes have gone through, so that a pod's link that goes does not make us list all routes. */
  readonly #usedInterfaces = new Set<number>();
  #lastHops: readonly KernelNextHop[] = NO_HOPS;
  #resyncTimer: TimerHandle | undefined;
  #resyncNotBefore = 0;
  /** Writes follow one another: two of the same prefix must not cross. */
  #writing: Promise<unknown> = Promise.resolve();

  constructor(options: KernelOptions) {
    this.#clock = options.clock;
    this.#log = options.log;
    this.#view = new KernelView({ mainTable: MAIN_TABLE, allowDefault: options.allowDefault ?? false });
    this.#monitor = NetlinkMonitor.open(GROUP.link | GROUP.address4 | GROUP.address6 | GROUP.route4 | GROUP.route6, {
      message: (type, flags, reader) => { this.#onMessage(type, flags, reader); },
      lost: () => { this.#onLost(); },
    }, { ignorePortId: this.#writer.portId });
    this.resolver = {
      resolve: (address: Ip, interfaceIndex?: number): Resolution => this.#view.resolve(address, interfaceIndex),
      ownAddresses: (index: number) => this.#view.addressesOn(index),
      interfaceName: (index: number) => this.#view.nameOf(index),
      onChange: (listener) => this.#changed.add(listener),
    };
    this.foreign = {
      follow: (listener) => this.#follow(listener),
      ignoreInterfaces: (patterns) => { this.#view.ignoreInterfaces(patterns); this.#changed.notify(); },
    };
    this.#resync();
  }

  /** Our routes in one table. `list` tells the metric of those that have another than the place says. */
  fib(place: FibPlace): FibPort {
    this.#tables.add(place.table);
    this.#metrics.add(place.metric).add(place.metric6 ?? place.metric);
    if (place.table !== MAIN_TABLE) this.#resync();
    return {
      list: () => this.#inTurn(() => Promise.resolve(this.#list(place))),
      put: (routes) => this.#inTurn(() => this.#put(place, routes)),
      remove: (routes) => this.#inTurn(() => this.#remove(place, routes)),
      onDisturbed: (listener) => this.#disturbed.add(listener),
    };
  }

  /** Closes the sockets; our routes stay. */
  [Symbol.dispose](): void {
    this.#resyncTimer?.[Symbol.dispose]();
    this.#monitor[Symbol.dispose]();
    this.#socket[Symbol.dispose]();
    this.#writer[Symbol.dispose]();
  }

  #follow(listener: Parameters<ForeignRoutesPort['follow']>[0]): Disposable {
    this.#view.followCandidates();
    const following = this.#changed.add(() => {
      const changes = this.#view.takeCandidates();
      if (changes.size > 0) listener(changes);
    });
    this.#changed.notify();
    return { [Symbol.dispose]: () => { following[Symbol.dispose](); this.#view.forgetCandidates(); } };
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#writing.then(work);
    this.#writing = result.catch(() => undefined);
    return result;
  }

  #list(place: FibPlace): KernelRoute[] {
    const { table } = place;
    const found: KernelRoute[] = [];
    for (const family of FAMILIES) {
      for (const route of listRoutes(this.#socket, { family, table, protocol: BGPD_ROUTE_PROTOCOL })) {
        const { prefix } = route;
        const metric = route.metric === metricFor(place, familyOf(prefix)) ? {} : { metric: route.metric };
        if (route.type === 'blackhole') found.push({ kind: 'blackhole', prefix, ...metric });
        for (const hop of route.nextHops) this.#usedInterfaces.add(hop.interfaceIndex);
        if (route.type === 'unicast') found.push({ kind: 'unicast', prefix, nextHops: route.nextHops.map(({ gateway, interfaceIndex }) => ({ gateway, interfaceIndex })), ...metric });
      }
    }
    return found;
  }

  async #put(place: FibPlace, routes: readonly KernelRoute[]): Promise<RouteRefusal[]> {
    const refusals: RouteRefusal[] = [];
    for (let from = 0; from < routes.length; from += BATCH) {
      this.#monitor.drain(); // a foreign route that came a moment ago counts
      const [slice, adopted] = this.#withoutForeign(place, routes.slice(from, from + BATCH), refusals);
      const refused = await this.#transact(slice.length, putter(place, slice));
      for (const route of slice) this.#use(route);
      const failed = refused.map((r) => refusalOf(slice[r.index]!, r));
      this.#forgetAdopted(adopted, failed);
      refusals.push(...failed);
    }
    return refusals;
  }

  async #remove(place: FibPlace, routes: readonly KernelRoute[]): Promise<RouteRefusal[]> {
    const refusals: RouteRefusal[] = [];
    for (let from = 0; from < routes.length; from += BATCH) {
      const slice = routes.slice(from, from + BATCH);
      const refused = await this.#transact(slice.length, remover(place, slice));
      for (const r of refused) if (r.code !== 'ESRCH') refusals.push(refusalOf(slice[r.index]!, r));
    }
    return refusals;
  }

  /** Few messages are sooner done than handed to a thread. */
  #transact(count: number, write: Write): Promise<Refusal[]> {
    return count < FEW ? Promise.resolve(this.#writer.transact(count, write)) : this.#writer.transactInPool(count, write);
  }

  #use(route: KernelRoute): void {
    if (route.metric !== undefined) this.#metrics.add(route.metric);
    if (route.kind !== 'unicast' || route.nextHops === this.#lastHops) return;
    this.#lastHops = route.nextHops;
    for (const hop of route.nextHops) this.#usedInterfaces.add(hop.interfaceIndex);
  }

  /** Routes whose place nobody else holds, and left-overs of BIRD's, which are ours to replace; the others are refused. */
  #withoutForeign(place: FibPlace, routes: readonly KernelRoute[], refusals: RouteRefusal[]): [KernelRoute[], ForeignRoute[]] {
    const slice: KernelRoute[] = [];
    const adopted: ForeignRoute[] = [];
    for (const route of routes) {
      const { prefix } = route;
      const metric = route.metric ?? metricFor(place, familyOf(prefix));
      const occupant = this.#view.occupant(prefix, { table: place.table, metric });
      if (occupant === undefined || occupant.protocol === BIRD_ROUTE_PROTOCOL) {
        slice.push(route);
        if (occupant !== undefined) adopted.push(occupant);
      } else {
        const owner = `metric ${metric} in table ${place.table} belongs to route protocol ${occupant.protocol}`;
        refusals.push({ prefix, code: FOREIGN, message: `${showPrefix(prefix)} ${owner}` });
      }
    }
    return [slice, adopted];
  }

  /** What we replaced is no longer BIRD's; our own events do not reach the view. */
  #forgetAdopted(adopted: readonly ForeignRoute[], failed: readonly RouteRefusal[]): void {
    if (adopted.length === 0) return;
    const kept = new Set(failed.map((r) => r.prefix));
    for (const route of adopted) if (!kept.has(route.prefix) && this.#view.remove(route)) this.#changed.notify();
  }

  #onMessage(type: number, flags: number, reader: NetlinkReader): void {
    try {
      switch (type) {
        case RTM_NEWROUTE: case RTM_DELROUTE: this.#onRoute(type === RTM_NEWROUTE, (flags & NLM_F_REPLACE) !== 0, reader); break;
        case RTM_NEWLINK: case RTM_DELLINK: this.#onLink(type === RTM_NEWLINK, reader); break;
        case RTM_NEWADDR: case RTM_DELADDR: this.#onAddress(type === RTM_NEWADDR, reader); break;
        default:
      }
    } catch (error) {
      this.#log.warn('kernel.event', { type, message: messageOf(error) });
      this.#onLost();
    }
  }

  #onRoute(appeared: boolean, replaces: boolean, reader: NetlinkReader): void {
    if (!this.#isWatched(reader.bytes[reader.at + TABLE_AT]!)) return;
    const route = readRoute(reader);
    if (!route || !this.#isWatched(route.table)) return;
    if (route.protocol === BGPD_ROUTE_PROTOCOL) {
      this.#disturbed.notify(); // not by our socket, or the event had been dropped
      return;
    }
    const changed = appeared ? this.#view.add(route, replaces) : this.#view.remove(route);
    if (changed) this.#changed.notify();
    // It may have taken the place of ours, or have left a place that we were refused.
    if (this.#tables.has(route.table) && this.#metrics.has(route.metric) && (replaces || !appeared)) this.#disturbed.notify();
  }

  #isWatched(table: number): boolean {
    return table === MAIN_TABLE || this.#tables.has(table) || (table === TABLE_COMPAT && [...this.#tables].some((t) => t > 255));
  }

  #onLink(exists: boolean, reader: NetlinkReader): void {
    const link = readLink(reader);
    if (!link) return;
    const changed = exists ? this.#view.setLink(link.index, link) : this.#view.removeLink(link.index);
    if (changed) this.#changed.notify();
    if (changed && (!exists || !link.up)) this.#onLoss(link.index);
  }

  #onAddress(exists: boolean, reader: NetlinkReader): void {
    const address = readAddress(reader);
    if (!address) return;
    const changed = exists ? this.#view.addAddress(address.address, address.interfaceIndex) : this.#view.removeAddress(address.address, address.interfaceIndex);
    if (changed) this.#changed.notify();
    if (exists) return;
    this.#onLoss(address.interfaceIndex);
    this.#resyncSoon(RESYNC_MS); // routes with this source, and after the last address all others of the link
  }

  /** The kernel drops IPv4 routes without a word when their link goes down or loses its last address. */
  #onLoss(interfaceIndex: number): void {
    if (this.#usedInterfaces.has(interfaceIndex) || this.#usedInterfaces.has(0)) this.#disturbed.notify();
  }

  #onLost(): void {
    this.#log.warn('kernel.events-lost');
    this.#disturbed.notify();
    this.#resyncSoon(0);
  }

  #resyncSoon(ms: number): void {
    const waitMs = Math.max(ms, this.#resyncNotBefore - this.#clock.now());
    this.#resyncTimer ??= this.#clock.after(waitMs, () => {
      this.#resyncTimer = undefined;
      try {
        this.#resync();
      } catch (error) {
        this.#log.error('kernel.resync', { message: messageOf(error) });
        this.#resyncSoon(1_000);
      }
      this.#changed.notify();
    });
  }

  /** Reads everything again. Events that wait are older, or come after: applying them again does no harm. */
  #resync(): void {
    const start = this.#clock.now();
    this.#view.replaceLinks(listLinks(this.#socket).map((l) => [l.index, l]));
    this.#view.replaceAddresses(listAddresses(this.#socket).map((a) => [a.address, a.interfaceIndex]));
    for (const family of FAMILIES) this.#view.replaceRoutes(family, this.#foreignRoutes(family));
    const now = this.#clock.now();
    this.#resyncNotBefore = now + (now - start) / RESYNC_SHARE;
  }

  #foreignRoutes(family: Family): ForeignRoute[] {
    const tables = new Set([MAIN_TABLE, ...this.#tables]);
    return [...tables].flatMap((table) => dumpRoutes(this.#socket, { family, table }, (reader) =>
      (reader.bytes[reader.at + PROTOCOL_AT] === BGPD_ROUTE_PROTOCOL ? undefined : readRoute(reader))));
  }
}

/** The kernel gives words with some refusals only. */
const refusalOf = ({ prefix }: KernelRoute, { code, message }: Refusal): RouteRefusal =>
  ({ prefix, code, message: message === '' ? WORDS.get(code) ?? 'the kernel did not say why' : message });

const WORDS = new Map([
  ['EHOSTUNREACH', 'no route to the gateway'], ['ENETUNREACH', 'no route to the gateway'], ['ENETDOWN', 'the interface is down'],
  ['ENODEV', 'the interface is gone'], ['EINVAL', 'the kernel finds the route invalid'], ['ENOMEM', 'no memory'],
]);

const NO_HOPS: readonly KernelNextHop[] = [];

/** Calls its listeners once, in a later turn, however often it was notified in this one. */
class Listeners {
  readonly #listeners = new Set<() => void>();
  #scheduled = false;

  add(listener: () => void): Disposable {
    const own = (): void => { listener(); };
    this.#listeners.add(own);
    return { [Symbol.dispose]: () => { this.#listeners.delete(own); } };
  }

  notify(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      for (const listener of [...this.#listeners]) listener();
    });
  }
}
