/** Kernel routes: dumped by table and protocol, put (create or replace) and deleted in batches. */
import { addressOf, lengthOf, prefixOf, type Family, type Ip, type Ipv4, type Ipv6, type Prefix, type Prefix4 } from '../../lib/ip/prefix.ts';
import { showPrefix } from '../../lib/ip/text.ts';
import { AF_INET, AF_INET6 } from '../native.ts';
import type { NetlinkReader, NetlinkWriter } from './codec.ts';
import { NLM_F_CREATE, NLM_F_EXCL, NLM_F_REPLACE, type NetlinkSocket, type Refusal } from './socket.ts';

export const RTM_NEWROUTE = 24;
export const RTM_DELROUTE = 25;
const RTM_GETROUTE = 26;

const RTA_DST = 1;
const RTA_OIF = 4;
const RTA_GATEWAY = 5;
const RTA_PRIORITY = 6;
const RTA_PREFSRC = 7;
const RTA_MULTIPATH = 9;
const RTA_TABLE = 15;
const RTA_VIA = 18;
const RTA_NH_ID = 30;

const RTNH_F_DEAD = 1;
const RTNH_F_ONLINK = 4;
const RTNH_F_LINKDOWN = 16;
const RTM_F_CLONED = 0x200;
const RT_TABLE_COMPAT = 252;
/** `rtm_dst_len`, and the value of RTA_DST, which we always write first. */
const LENGTH_AT = 1;
const ADDRESS_AT = 16;

export const MAIN_TABLE = 254;
export const SCOPE_UNIVERSE = 0;
export const SCOPE_LINK = 253;
const SCOPE_NOWHERE = 255;

/** `rtm_type`; other types are read as `other` and never written. */
const TYPES = { unicast: 1, local: 2, blackhole: 6, unreachable: 7, prohibit: 8 } as const;
export type RouteType = keyof typeof TYPES | 'other';
const TYPE_NAMES = new Map<number, RouteType>(Object.entries(TYPES).map(([name, value]) => [value, name as RouteType]));

export interface RouteNextHop {
  /** Undefined: on-link. Of the other family: RTA_VIA. */
  readonly gateway?: Ip | undefined;
  /** Interface index; 0: the kernel finds it from the gateway. */
  readonly interfaceIndex: number;
  /** The gateway need not be reachable by another route (pods' 169.254.1.1). */
  readonly onlink?: boolean;
  /** 1..256; 1 unless said. */
  readonly weight?: number;
  /** Read only: the kernel does not use this next hop now, since its link is down or has no carrier. */
  readonly dead?: boolean;
}

export interface Route {
  readonly prefix: Prefix;
  readonly type: RouteType;
  readonly table: number;
  /** Who made it: `lib/ownership.ts`. */
  readonly protocol: number;
  /** RTA_PRIORITY. IPv6 turns 0 into 1024. */
  readonly metric: number;
  /** SCOPE_LINK for an IPv4 route without gateway, else SCOPE_UNIVERSE, unless said. IPv6 has none. */
  readonly scope?: number;
  readonly nextHops: readonly RouteNextHop[];
  /** Preferred source address. */
  readonly source?: Ip | undefined;
  /** Read only: id of the nexthop object or group that it goes through. */
  readonly nexthopId?: number;
}

const familyNumber = (family: Family): number => (family === 'ipv4' ? AF_INET : AF_INET6);

/** What a dump is narrowed to, in the kernel. */
export interface RouteFilter {
  readonly family: Family;
  readonly table?: number;
  readonly protocol?: number;
}

/** Routes of the kernel, as the filter says; cached clones are left out. */
export function listRoutes(socket: NetlinkSocket, filter: RouteFilter): Route[] {
  return dumpRoutes(socket, filter, (reader) => readRoute(reader));
}

/**
 * As `listRoutes`, with the caller's own reading of each message: `parse` gets a reader at `struct rtmsg`
 * (its protocol is byte 5), so that unwanted ones cost nothing.
 */
export function dumpRoutes<T>(socket: NetlinkSocket, filter: RouteFilter, parse: (reader: NetlinkReader) => T | undefined): T[] {
  return socket.dump((w) => {
    w.begin(RTM_GETROUTE, 0);
    writeHeader(w, familyNumber(filter.family), 0, filter.table ?? 0, filter.protocol ?? 0, 0, 0);
    if (filter.table !== undefined) w.attributeU32(RTA_TABLE, filter.table);
  }, (type, reader) => (type === RTM_NEWROUTE ? parse(reader) : undefined), ['ENOENT']); // a table nobody used yet
}

/**
 * Creates or replaces: a route is known by prefix, table and metric. It is never absent in between.
 * Returns what the kernel refused.
 */
export const putRoutes = (socket: NetlinkSocket, routes: readonly Route[]): Refusal[] =>
  socket.transact(routes.length, (w, i) => { writeRoute(w, NLM_F_CREATE | NLM_F_REPLACE, routes[i]!); });

/** One route; throws OperationError ROUTE_PUT. */
export function putRoute(socket: NetlinkSocket, route: Route): void {
  socket.request('ROUTE_PUT', routeDetails(route), (w) => { writeRoute(w, NLM_F_CREATE | NLM_F_REPLACE, route); });
}

/** Creates only: `EEXIST` when prefix, table and metric are taken. */
export const createRoutes = (socket: NetlinkSocket, routes: readonly Route[]): Refusal[] =>
  socket.transact(routes.length, (w, i) => { writeRoute(w, NLM_F_CREATE | NLM_F_EXCL, routes[i]!); });

/** What identifies a route to delete; a route of another protocol or metric is never hit. */
export type RouteKey = Pick<Route, 'prefix' | 'table' | 'protocol' | 'metric'>;

/** Deletes, with all next hops; an absent route is success. Returns what the kernel refused otherwise. */
export function deleteRoutes(socket: NetlinkSocket, keys: readonly RouteKey[]): Refusal[] {
  return socket.transact(keys.length, (w, i) => { writeDelete(w, keys[i]!); }).filter((r) => r.code !== 'ESRCH');
}

/** One route; an absent one is success. Throws OperationError ROUTE_DELETE. */
export function deleteRoute(socket: NetlinkSocket, key: RouteKey): void {
  socket.request('ROUTE_DELETE', routeDetails(key), (w) => { writeDelete(w, key); }, ['ESRCH']);
}

function routeDetails(route: RouteKey): Readonly<Record<string, unknown>> {
  return { prefix: showPrefix(route.prefix), table: route.table, metric: route.metric };
}

/** Writes RTM_NEWROUTE. For bulk callers that have no `Route` objects of their own. */
export function writeRoute(w: NetlinkWriter, flags: number, route: Route): void {
  if (route.type === 'other') throw new RangeError(`route ${showPrefix(route.prefix)} has a type we do not write`);
  const { prefix, nextHops } = route;
  const v4 = typeof prefix === 'number';
  const only = nextHops.length === 1 ? nextHops[0]! : undefined;
  const isLink = v4 && route.type === 'unicast' && nextHops.every((h) => h.gateway === undefined);
  const scope = route.scope ?? (isLink ? SCOPE_LINK : SCOPE_UNIVERSE);
  w.begin(RTM_NEWROUTE, flags);
  writeHeader(w, v4 ? AF_INET : AF_INET6, lengthOf(prefix), route.table, route.protocol, scope, TYPES[route.type], only?.onlink === true ? RTNH_F_ONLINK : 0);
  w.attributeIp(RTA_DST, addressOf(prefix));
  writeTable(w, route.table);
  w.attributeU32(RTA_PRIORITY, route.metric);
  if (route.source !== undefined) w.attributeIp(RTA_PREFSRC, route.source);
  if (route.nexthopId !== undefined) w.attributeU32(RTA_NH_ID, route.nexthopId);
  else if (only) writeNextHop(w, v4, only);
  else if (nextHops.length > 1) writeMultipath(w, v4, nextHops);
}

function writeNextHop(w: NetlinkWriter, v4: boolean, hop: RouteNextHop): void {
  if (hop.interfaceIndex !== 0) w.attributeU32(RTA_OIF, hop.interfaceIndex);
  writeGateway(w, v4, hop.gateway);
}

function writeGateway(w: NetlinkWriter, v4: boolean, gateway: Ip | undefined): void {
  if (gateway === undefined) return;
  const gatewayIsV4 = typeof gateway === 'number';
  if (gatewayIsV4 === v4) {
    w.attributeIp(RTA_GATEWAY, gateway);
    return;
  }
  const at = w.open(RTA_VIA);
  w.u16(gatewayIsV4 ? AF_INET : AF_INET6);
  w.ip(gateway);
  w.close(at);
  w.align();
}

function writeMultipath(w: NetlinkWriter, v4: boolean, hops: readonly RouteNextHop[]): void {
  const all = w.open(RTA_MULTIPATH);
  for (const hop of hops) {
    const at = w.length;
    w.u16(0);
    w.u8(hop.onlink === true ? RTNH_F_ONLINK : 0);
    w.u8((hop.weight ?? 1) - 1);
    w.u32(hop.interfaceIndex);
    writeGateway(w, v4, hop.gateway);
    w.close(at);
  }
  w.close(all);
}

/** Writes RTM_DELROUTE for the whole route, whatever its type and next hops. */
export function writeDelete(w: NetlinkWriter, key: RouteKey): void {
  const v4 = typeof key.prefix === 'number';
  w.begin(RTM_DELROUTE, 0);
  writeHeader(w, v4 ? AF_INET : AF_INET6, lengthOf(key.prefix), key.table, key.protocol, v4 ? SCOPE_NOWHERE : 0, 0);
  w.attributeIp(RTA_DST, addressOf(key.prefix));
  writeTable(w, key.table);
  w.attributeU32(RTA_PRIORITY, key.metric);
}

/** Writes the message before once more with another prefix, which must be IPv4 as the one before: all else is the same. */
export function writeAgain(w: NetlinkWriter, prefix: Prefix4): void {
  w.repeat();
  w.changeU8(LENGTH_AT, lengthOf(prefix));
  w.changeNetworkU32(ADDRESS_AT, addressOf(prefix));
}

/** `struct rtmsg`. Tables above 255 stand in RTA_TABLE. */
function writeHeader(w: NetlinkWriter, family: number, length: number, table: number, protocol: number, scope: number, type: number, flags = 0): void {
  w.u8(family); w.u8(length); w.u8(0); w.u8(0);
  w.u8(table > 255 ? RT_TABLE_COMPAT : table); w.u8(protocol); w.u8(scope); w.u8(type);
  w.u32(flags);
}

function writeTable(w: NetlinkWriter, table: number): void {
  if (table > 255) w.attributeU32(RTA_TABLE, table);
}

/** Reads `struct rtmsg` and attributes; undefined for other families and cached clones. */
export function readRoute(r: NetlinkReader): Route | undefined {
  const family = r.u8();
  const length = r.u8();
  r.skip(2);
  let table = r.u8();
  const protocol = r.u8();
  const scope = r.u8();
  const type = TYPE_NAMES.get(r.u8()) ?? 'other';
  const flags = r.u32();
  if ((family !== AF_INET && family !== AF_INET6) || (flags & RTM_F_CLONED) !== 0) return undefined;
  let address: Ip = family === AF_INET ? (0 as Ipv4) : (0n as Ipv6);
  let interfaceIndex = 0;
  let metric = 0;
  let gateway: Ip | undefined;
  let source: Ip | undefined;
  let nexthopId: number | undefined;
  let nextHops: RouteNextHop[] | undefined;
  while (r.next()) {
    switch (r.type) {
      case RTA_DST: address = r.valueIp(); break;
      case RTA_OIF: interfaceIndex = r.valueU32(); break;
      case RTA_GATEWAY: gateway = r.valueIp(); break;
      case RTA_VIA: gateway = r.ipAt(r.valueAt + 2, r.valueLength - 2); break;
      case RTA_PRIORITY: metric = r.valueU32(); break;
      case RTA_PREFSRC: source = r.valueIp(); break;
      case RTA_TABLE: table = r.valueU32(); break;
      case RTA_NH_ID: nexthopId = r.valueU32(); break;
      case RTA_MULTIPATH: nextHops = readMultipath(r.valueReader()); break;
      default:
    }
  }
  if (!nextHops && type === 'unicast') nextHops = [nextHop(gateway, interfaceIndex, flags, 1)];
  return {
    prefix: prefixOf(address, length), type, table, protocol, metric, scope, nextHops: nextHops ?? [],
    ...(source === undefined ? {} : { source }), ...(nexthopId === undefined ? {} : { nexthopId }),
  };
}

function nextHop(gateway: Ip | undefined, interfaceIndex: number, flags: number, weight: number): RouteNextHop {
  return {
    gateway, interfaceIndex,
    ...((flags & RTNH_F_ONLINK) !== 0 ? { onlink: true } : {}),
    ...(weight !== 1 ? { weight } : {}),
    ...((flags & (RTNH_F_DEAD | RTNH_F_LINKDOWN)) !== 0 ? { dead: true } : {}),
  };
}

function readMultipath(r: NetlinkReader): RouteNextHop[] {
  const hops: RouteNextHop[] = [];
  while (r.end - r.at >= 8) {
    const start = r.at;
    const length = r.u16();
    const flags = r.u8();
    const weight = r.u8() + 1;
    const interfaceIndex = r.u32();
    const inside = r.within(start + 8, length - 8);
    let gateway: Ip | undefined;
    while (inside.next()) {
      if (inside.type === RTA_GATEWAY) gateway = inside.valueIp();
      else if (inside.type === RTA_VIA) gateway = inside.ipAt(inside.valueAt + 2, inside.valueLength - 2);
    }
    hops.push(nextHop(gateway, interfaceIndex, flags, weight));
    r.at = Math.min(r.end, start + ((length + 3) & ~3));
  }
  return hops;
}
