/** Our routes as netlink messages: batches in which most messages are the one before with another prefix. */
import { familyOf } from '../lib/ip/prefix.ts';
import { BGPD_ROUTE_PROTOCOL } from '../lib/ownership.ts';
import { NetlinkWriter } from '../sys/netlink/codec.ts';
import { MAIN_TABLE, writeAgain, writeDelete, writeRoute, type Route, type RouteNextHop } from '../sys/netlink/routes.ts';
import { NLM_F_CREATE, NLM_F_REPLACE, writeBatch } from '../sys/netlink/socket.ts';
import { KernelView, metricFor, type FibPlace } from './kernel/view.ts';
import type { FibPort, KernelNextHop, KernelRoute, RouteRefusal } from './ports.ts';
import { isLinkLocal } from './rib/next-hop.ts';

/** Writes message `index` of a batch; called with each index in order from 0. */
export type Write = (writer: NetlinkWriter, index: number) => void;

/** Creates or replaces `routes`; neighbours mostly differ by their prefix only. */
export function putter(place: FibPlace, routes: readonly KernelRoute[]): Write {
  const scratch = new ScratchRoute(place);
  let last: KernelRoute | undefined;
  return (w, i) => {
    const route = routes[i]!;
    if (i > 0 && typeof route.prefix === 'number' && isLike(route, last!)) writeAgain(w, route.prefix);
    else writeRoute(w, NLM_F_CREATE | NLM_F_REPLACE, scratch.of(route));
    last = route;
  };
}

/** Deletes `routes`. */
export function remover(place: FibPlace, routes: readonly KernelRoute[]): Write {
  const { table } = place;
  return (w, i) => {
    const { prefix, metric } = routes[i]!;
    const last = i > 0 ? routes[i - 1]! : undefined;
    if (last !== undefined && typeof prefix === 'number' && typeof last.prefix === 'number' && metric === last.metric) writeAgain(w, prefix);
    else writeDelete(w, { table, metric: metric ?? metricFor(place, familyOf(prefix)), protocol: BGPD_ROUTE_PROTOCOL, prefix });
  };
}

/** True when two routes differ by their IPv4 prefix only; sets of next hops are shared. */
const isLike = (a: KernelRoute, b: KernelRoute): boolean => typeof b.prefix === 'number' && a.metric === b.metric
  && (a.kind === 'unicast' ? b.kind === 'unicast' && a.nextHops === b.nextHops : b.kind === a.kind);

/** One object that takes the shape of each route in turn, so that writing a hundred thousand makes none. */
class ScratchRoute implements Route {
  prefix: Route['prefix'] = 0 as Route['prefix'];
  type: Route['type'] = 'unicast';
  readonly table: number;
  metric: number;
  readonly protocol = BGPD_ROUTE_PROTOCOL;
  nextHops: readonly RouteNextHop[] = [];
  readonly #place: FibPlace;
  #given: readonly KernelNextHop[] = [];

  constructor(place: FibPlace) {
    this.#place = place;
    this.table = place.table;
    this.metric = place.metric;
  }

  of(route: KernelRoute): this {
    this.prefix = route.prefix;
    this.type = route.kind;
    this.metric = route.metric ?? metricFor(this.#place, familyOf(route.prefix));
    const hops = route.kind === 'unicast' ? route.nextHops : NO_HOPS;
    if (hops === this.#given) return this;
    this.#given = hops;
    this.nextHops = hops.some(isOnlink) ? hops.map((hop) => (isOnlink(hop) ? { ...hop, onlink: true } : hop)) : hops;
    return this;
  }
}

const NO_HOPS: readonly KernelNextHop[] = [];

/**
 * Our gateways are resolved: they are neighbours on the interface. IPv6 would look for each among all routes, and refuse
 * it where somebody announces the neighbour's own /128, since that route has a gateway; IPv4 looks at connected ones only.
 */
const isOnlink = ({ gateway, interfaceIndex }: KernelNextHop): boolean =>
  typeof gateway === 'bigint' && interfaceIndex !== 0 && !isLinkLocal(gateway);

/** Writes the same bytes as the kernel's, and sends none. */
export function rehearsalFib(): FibPort {
  const writer = new NetlinkWriter();
  const place: FibPlace = { table: MAIN_TABLE, metric: 0 };
  const view = new KernelView({ mainTable: MAIN_TABLE, allowDefault: false });
  const rehearsed = (routes: readonly KernelRoute[], write: Write): Promise<RouteRefusal[]> => {
    for (const { prefix } of routes) view.occupant(prefix, place);
    writeBatch(writer, 1, 0, routes.length, write);
    return Promise.resolve([]);
  };
  return {
    list: () => Promise.resolve([]),
    put: (routes) => rehearsed(routes, putter(place, routes)),
    remove: (routes) => rehearsed(routes, remover(place, routes)),
  };
}
