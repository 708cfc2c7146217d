/**
 * The speaker's kernel: writes its routes (`FibPort`) and knows how next hops are reached (`ResolverPort`).
 *
 * One request socket writes and dumps; a monitor keeps `KernelView` true. The kernel itself drops the events that our
 * own writes cause, so a million routes of ours cost the view nothing. Everything happens in the network namespace in
 * which `openKernel` is called.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { BGPD_ROUTE_PROTOCOL, BIRD_ROUTE_PROTOCOL } from '../lib/ownership.ts';
import type { Clock, TimerHandle } from '../lib/clock.ts';
import { messageOf } from '../lib/errors.ts';
import { FAMILIES, type Family, type Ip } from '../lib/ip/prefix.ts';
import { showPrefix } from '../lib/ip/text.ts';
import type { Log } from '../lib/log.ts';
import { RTM_DELADDR, RTM_NEWADDR, listAddresses, readAddress } from '../sys/netlink/addresses.ts';
import type { NetlinkReader } from '../sys/netlink/codec.ts';
import { RTM_DELLINK, RTM_NEWLINK, listLinks, readLink } from '../sys/netlink/links.ts';
import { GROUP, NetlinkMonitor } from '../sys/netlink/monitor.ts';
import { MAIN_TABLE, RTM_DELROUTE, RTM_NEWROUTE, dumpRoutes, listRoutes, readRoute, writeDelete, writeRoute, type Route } from '../sys/netlink/routes.ts';
import { BATCH_MESSAGES, NLM_F_CREATE, NLM_F_REPLACE, NetlinkSocket, type Refusal } from '../sys/netlink/socket.ts';
import { KernelView, type ForeignRoute, type Place } from './kernel/view.ts';
import type { FibPort, KernelNextHop, KernelRoute, Resolution, ResolverPort, RouteRefusal } from './ports.ts';

export interface KernelOptions {
  readonly clock: Clock;
  readonly log: Log;
  /** Next hops may be reached through a default route. */
  readonly allowDefault?: boolean;
}

/** Where the speaker's routes stand; the code of a refusal because somebody else's route has the place. */
export const FOREIGN = 'FOREIGN';

/** After an address went, what is left is read again this much later: events come in flocks. */
const RESYNC_MS = 500;
/** Reading all again takes at most this share of the time. */
const RESYNC_SHARE = 0.1;
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
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #socket = NetlinkSocket.open();
  readonly #view: KernelView;
  readonly #monitor: NetlinkMonitor;
  readonly #places: Place[] = [];
  readonly #changed = new Listeners();
  readonly #disturbed = new Listeners();
  /** Interfaces that our routes have gone through, so that a pod's link that goes does not make us list all routes. */
  readonly #usedInterfaces = new Set<number>();
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
    }, { ignorePortId: this.#socket.portId });
    this.resolver = {
      resolve: (address: Ip): Resolution => this.#view.resolve(address),
      onChange: (listener) => this.#changed.add(listener),
    };
    this.#resync();
  }

  /** Our routes in one table with one metric. */
  fib(place: Place): FibPort {
    if (!this.#places.some((p) => p.table === place.table && p.metric === place.metric)) this.#places.push(place);
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
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#writing.then(work);
    this.#writing = result.catch(() => undefined);
    return result;
  }

  #list(place: Place): KernelRoute[] {
    const { table, metric } = place;
    const found: KernelRoute[] = [];
    for (const family of FAMILIES) {
      for (const route of listRoutes(this.#socket, { family, table, protocol: BGPD_ROUTE_PROTOCOL })) {
        if (route.metric !== metric) continue;
        if (route.type === 'blackhole') found.push({ kind: 'blackhole', prefix: route.prefix });
        for (const hop of route.nextHops) this.#usedInterfaces.add(hop.interfaceIndex);
        if (route.type === 'unicast') found.push({ kind: 'unicast', prefix: route.prefix, nextHops: route.nextHops.map(({ gateway, interfaceIndex }) => ({ gateway, interfaceIndex })) });
      }
    }
    return found;
  }

  async #put(place: Place, routes: readonly KernelRoute[]): Promise<RouteRefusal[]> {
    const refusals: RouteRefusal[] = [];
    for (let from = 0; from < routes.length; from += BATCH_MESSAGES) {
      if (from > 0) await nextTurn();
      this.#monitor.drain(); // a foreign route that came a moment ago counts
      const slice = this.#withoutForeign(place, routes.slice(from, from + BATCH_MESSAGES), refusals);
      const scratch = new ScratchRoute(place);
      const refused = this.#socket.transact(slice.length, (w, i) => {
        writeRoute(w, NLM_F_CREATE | NLM_F_REPLACE, scratch.of(slice[i]!));
        for (const hop of scratch.nextHops) this.#usedInterfaces.add(hop.interfaceIndex);
      });
      this.#forgetAdopted(place, slice, refused);
      for (const r of refused) refusals.push(refusalOf(slice[r.index]!, r));
    }
    return refusals;
  }

  async #remove(place: Place, routes: readonly KernelRoute[]): Promise<RouteRefusal[]> {
    const refusals: RouteRefusal[] = [];
    const key = { ...place, protocol: BGPD_ROUTE_PROTOCOL };
    for (let from = 0; from < routes.length; from += BATCH_MESSAGES) {
      if (from > 0) await nextTurn();
      const count = Math.min(BATCH_MESSAGES, routes.length - from);
      const refused = this.#socket.transact(count, (w, i) => { writeDelete(w, { ...key, prefix: routes[from + i]!.prefix }); });
      for (const r of refused) if (r.code !== 'ESRCH') refusals.push(refusalOf(routes[from + r.index]!, r));
    }
    return refusals;
  }

  /** Routes whose place nobody else holds; the others are refused. BIRD's left-overs are ours to replace. */
  #withoutForeign(place: Place, slice: readonly KernelRoute[], refusals: RouteRefusal[]): readonly KernelRoute[] {
    if (this.#view.size === 0) return slice;
    return slice.filter(({ prefix }) => {
      const occupant = this.#view.occupant(prefix, place);
      if (!occupant || occupant.protocol === BIRD_ROUTE_PROTOCOL) return true;
      refusals.push({
        prefix, code: FOREIGN,
        message: `${showPrefix(prefix)} metric ${place.metric} in table ${place.table} belongs to route protocol ${occupant.protocol}`,
      });
      return false;
    });
  }

  /** What we replaced is no longer BIRD's; our own events do not reach the view. */
  #forgetAdopted(place: Place, slice: readonly KernelRoute[], refused: readonly Refusal[]): void {
    if (this.#view.size === 0) return;
    const failed = new Set(refused.map((r) => r.index));
    slice.forEach(({ prefix }, i) => {
      const occupant = this.#view.occupant(prefix, place);
      if (occupant && !failed.has(i) && this.#view.remove(occupant)) this.#changed.notify();
    });
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
    const isOurPlace = this.#places.some((p) => p.table === route.table && p.metric === route.metric);
    if (route.protocol === BGPD_ROUTE_PROTOCOL) {
      this.#disturbed.notify(); // not by our socket, or the event had been dropped
      return;
    }
    const changed = appeared ? this.#view.add(route, replaces) : this.#view.remove(route);
    if (changed) this.#changed.notify();
    // It may have taken the place of ours, or have left a place that we were refused.
    if (isOurPlace && (replaces || !appeared)) this.#disturbed.notify();
  }

  #isWatched(table: number): boolean {
    return table === MAIN_TABLE || (this.#places.some((p) => p.table === table || (p.table > 255 && table === TABLE_COMPAT)));
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
    const tables = new Set([MAIN_TABLE, ...this.#places.map((p) => p.table)]);
    return [...tables].flatMap((table) => dumpRoutes(this.#socket, { family, table }, (reader) =>
      (reader.bytes[reader.at + PROTOCOL_AT] === BGPD_ROUTE_PROTOCOL ? undefined : readRoute(reader))));
  }
}

const refusalOf = ({ prefix }: KernelRoute, { code, message }: Refusal): RouteRefusal => ({ prefix, code, message });

/** One object that takes the shape of each route in turn, so that writing a hundred thousand makes none. */
class ScratchRoute implements Route {
  prefix: Route['prefix'] = 0 as Route['prefix'];
  type: Route['type'] = 'unicast';
  readonly table: number;
  readonly metric: number;
  readonly protocol = BGPD_ROUTE_PROTOCOL;
  nextHops: readonly KernelNextHop[] = [];

  constructor(place: Place) {
    this.table = place.table;
    this.metric = place.metric;
  }

  of(route: KernelRoute): this {
    this.prefix = route.prefix;
    this.type = route.kind;
    this.nextHops = route.kind === 'unicast' ? route.nextHops : NO_HOPS;
    return this;
  }
}
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
