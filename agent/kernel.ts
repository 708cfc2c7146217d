/** The kernel as pods need it: carries out planned operations through netlink, sysctls and network namespaces. */
import { closeSync, fstatSync, statSync } from 'node:fs';
import { OperationError } from '../lib/errors.ts';
import type { Ip, Prefix } from '../lib/ip/prefix.ts';
import { bitsOf, familyOf, FAMILIES } from '../lib/ip/prefix.ts';
import { showPrefix } from '../lib/ip/text.ts';
import { AGENT_ROUTE_PROTOCOL, POD_GATEWAY_MAC, POD_INTERFACE_PREFIX } from '../lib/ownership.ts';
import { deleteAddress, listAddresses, putAddress } from '../sys/netlink/addresses.ts';
import { LinkRemoval } from '../sys/netlink/link-removal.ts';
import { createVeth, deleteLink, linkByIndex, linkByName, listLinks, setLink, type Link } from '../sys/netlink/links.ts';
import { listNeighbours, putNeighbour } from '../sys/netlink/neighbours.ts';
import { MAIN_TABLE, createRoutes, deleteRoute, listRoutes, putRoute, type Route } from '../sys/netlink/routes.ts';
import { NetlinkSocket } from '../sys/netlink/socket.ts';
import { inNetns, openNetns } from '../sys/netns.ts';
import { writeSysctl } from '../sys/sysctl.ts';
import { isInPod, type Operation, type Run } from './endpoints/operations.ts';
import type { KernelPort, Netns, PodLinkState } from './ports.ts';

const HOME = '/proc/self/ns/net';

/** Opens a netlink socket in the node's namespace. */
export function openPodKernel(): KernelPort & Disposable & { readonly portId: number } {
  const host = NetlinkSocket.open();
  const removal = LinkRemoval.open();
  const node = (name: string): Link => required(linkByName(host, name), name);
  return {
    portId: host.portId,
    openNetns: openPodNetns,
    netnsInode,
    apply: (operations, netns) => { apply(host, operations, netns); },
    podLinks: () => listLinks(host).filter((l) => l.name.startsWith(POD_INTERFACE_PREFIX)),
    podLink: (name) => linkByName(host, name),
    hostAddresses: () => {
      const names = new Map(listLinks(host).filter((l) => l.name.startsWith(POD_INTERFACE_PREFIX)).map((l) => [l.index, l.name]));
      return listAddresses(host).filter((a) => names.has(a.interfaceIndex) && a.length === bitsOf(familyOf(a.address)))
        .map((a) => ({ link: names.get(a.interfaceIndex)!, address: a.address }));
    },
    podRoutes: (link) => {
      const names = new Map((link === undefined ? listLinks(host) : [link]).map((l) => [l.index, l.name]));
      const routes = ownRoutes(host).map((r) => ({ prefix: r.prefix, link: names.get(r.nextHops[0]?.interfaceIndex ?? 0) ?? '' }));
      return link === undefined ? routes : routes.filter((r) => r.link !== '');
    },
    deleteLink: (name) => { deleteLink(host, name); },
    removeLink: (index) => removal.remove(index),
    deletePodLink: (path, name) => { if (netnsInode(path) !== 0) inNetns(path, () => { deleteVethHere(name); }); },
    mtuOf: (address) => {
      const found = listAddresses(host, { family: familyOf(address) }).find((a) => a.address === address);
      return found === undefined ? undefined : linkByIndex(host, found.interfaceIndex)?.mtu;
    },
    inspectPod: (netns, link) => inNetns(netns.fd, () => inspectHere(link)),
    [Symbol.dispose]: () => { host[Symbol.dispose](); removal[Symbol.dispose](); },
  };

  function apply(socket: NetlinkSocket, operations: readonly Operation[], netns: Netns | undefined): void {
    for (let at = 0; at < operations.length;) {
      const inPod = isInPod(operations[at]!);
      let end = at + 1;
      while (end < operations.length && isInPod(operations[end]!) === inPod) end++;
      const part = operations.slice(at, end);
      if (!inPod) for (const o of part) carryOut(hostRun(socket, node, netns), o);
      else applyInPod(part, netns);
      at = end;
    }
  }
}

function applyInPod(operations: readonly Operation[], netns: Netns | undefined): void {
  if (netns === undefined) throw new OperationError('NETNS_OPEN', { operation: operations[0]!.type }, new Error('no network namespace was given'));
  inNetns(netns.fd, () => {
    using socket = NetlinkSocket.open({ bufferBytes: 64 << 10 });
    const run = podRun(socket);
    for (const o of operations) carryOut(run, o);
  });
}

/** The pairing of type and arguments is `Operation`'s own. */
function carryOut(run: Partial<Run>, operation: Operation): void {
  const step = run[operation.type] as ((args: Operation) => void) | undefined;
  if (step === undefined) throw new OperationError('OPERATION_PLACE', { operation: operation.type });
  step(operation);
}

type HostRun = Pick<Run, 'createPair' | 'hostSysctl' | 'hostRoute' | 'removeHostRoute' | 'hostAddress' | 'removeHostAddress'>;

const hostRun = (socket: NetlinkSocket, node: (name: string) => Link, netns: Netns | undefined): HostRun => ({
  createPair: (o) => {
    if (netns === undefined) throw new OperationError('NETNS_OPEN', { link: o.pod }, new Error('no network namespace was given'));
    const mtu = o.mtu === 0 ? {} : { mtu: o.mtu };
    createVeth(socket, { name: o.host, mac: POD_GATEWAY_MAC, alias: o.alias, up: true, ...mtu, peer: { name: o.pod, mac: o.podMac, namespaceFd: netns.fd, ...mtu } });
  },
  hostSysctl: setSysctl,
  hostRoute: (o) => { putPodRoute(socket, o.prefix, node(o.link)); },
  removeHostRoute: (o) => { deleteRoute(socket, routeTo(o.prefix, 0)); },
  hostAddress: (o) => {
    putAddress(socket, { interfaceIndex: node(o.link).index, address: o.address, length: bitsOf(familyOf(o.address)), noDad: true, noPrefixRoute: true, neverSource: true });
  },
  removeHostAddress: (o) => { deleteAddress(socket, { interfaceIndex: node(o.link).index, address: o.address, length: bitsOf(familyOf(o.address)) }); },
});

type PodRun = Pick<Run, 'podSysctl' | 'raisePodLink' | 'podAddress' | 'podNeighbour' | 'podRoute'>;

function podRun(socket: NetlinkSocket): PodRun {
  const known = new Map<string, number>();
  const index = (name: string): number => {
    const found = known.get(name) ?? required(linkByName(socket, name), name).index;
    known.set(name, found);
    return found;
  };
  return {
    podSysctl: setSysctl,
    raisePodLink: (o) => {
      const link = index(o.link);
      if (o.mac !== undefined) setLink(socket, link, { mac: o.mac });
      setLink(socket, link, { up: true });
    },
    podAddress: (o) => { putAddress(socket, { interfaceIndex: index(o.link), address: o.address, length: bitsOf(familyOf(o.address)), noDad: true }); },
    podNeighbour: (o) => { putNeighbour(socket, { interfaceIndex: index(o.link), address: o.address, mac: o.mac }); },
    podRoute: (o) => {
      putRoute(socket, {
        prefix: o.prefix, type: 'unicast', table: MAIN_TABLE, protocol: BOOT, metric: 0,
        nextHops: [{ gateway: o.gateway, interfaceIndex: index(o.link) }],
      });
    },
  };
}

/** Protocol of routes inside pods, where nobody else looks for marks: the kernel's RTPROT_BOOT, as Calico's. */
const BOOT = 3;

function setSysctl(o: { readonly name: string; readonly value: string; readonly required: boolean }): void {
  try {
    writeSysctl(o.name, o.value);
  } catch (error) {
    if (o.required) throw error;
  }
}

const routeTo = (prefix: Prefix, interfaceIndex: number): Route => ({
  prefix, type: 'unicast', table: MAIN_TABLE, protocol: AGENT_ROUTE_PROTOCOL, metric: 0, nextHops: [{ interfaceIndex }],
});

/** Ours may be replaced: the address has moved to this link. Anybody else's is left, and is an error. */
function putPodRoute(socket: NetlinkSocket, prefix: Prefix, link: Link): void {
  const route = routeTo(prefix, link.index);
  const [refused] = createRoutes(socket, [route]);
  if (refused === undefined) return;
  const isOurs = ownRoutes(socket).some((r) => r.prefix === prefix);
  if (refused.code !== 'EEXIST' || !isOurs) {
    const cause = new Error(refused.code === 'EEXIST' ? 'somebody else has a route to it' : refused.message || refused.code);
    throw new OperationError('ROUTE_PUT', { prefix: showPrefix(prefix), link: link.name, errno: refused.code }, cause);
  }
  putRoute(socket, route);
}

const ownRoutes = (socket: NetlinkSocket): Route[] =>
  FAMILIES.flatMap((family) => listRoutes(socket, { family, table: MAIN_TABLE, protocol: AGENT_ROUTE_PROTOCOL }));

function openPodNetns(path: string): Netns {
  const fd = openNetns(path);
  const { dev, ino } = fstatSync(fd);
  const home = statSync(HOME);
  const wrong = dev !== home.dev ? 'not a network namespace' : ino === home.ino ? "the node's own network namespace" : undefined;
  if (wrong !== undefined) {
    closeSync(fd);
    throw new OperationError('NETNS_KIND', { path }, new Error(`it is ${wrong}: expected that of a pod`));
  }
  return { fd, inode: ino, [Symbol.dispose]: () => { closeSync(fd); } };
}

function netnsInode(path: string): number {
  const found = path === '' ? undefined : statSync(path, { throwIfNoEntry: false });
  const home = statSync(HOME);
  return found === undefined || found.dev !== home.dev || found.ino === home.ino ? 0 : found.ino;
}

function deleteVethHere(name: string): void {
  using socket = NetlinkSocket.open({ bufferBytes: 64 << 10 });
  if (linkByName(socket, name)?.kind === 'veth') deleteLink(socket, name);
}

function inspectHere(name: string): PodLinkState | undefined {
  using socket = NetlinkSocket.open();
  const link = linkByName(socket, name);
  if (link === undefined) return undefined;
  const here = <T extends { readonly interfaceIndex: number }>(items: readonly T[]): T[] => items.filter((i) => i.interfaceIndex === link.index);
  return {
    mac: link.mac, up: link.up,
    addresses: here(listAddresses(socket, { interfaceIndex: link.index })).map((a): Ip => a.address),
    routes: FAMILIES.flatMap((family) => listRoutes(socket, { family, table: MAIN_TABLE }))
      .filter((r) => r.nextHops[0]?.interfaceIndex === link.index).map((r) => ({ prefix: r.prefix, gateway: r.nextHops[0]?.gateway })),
    neighbours: FAMILIES.flatMap((family) => here(listNeighbours(socket, { family })).filter((n) => n.permanent)),
  };
}

function required(link: Link | undefined, name: string): Link {
  if (link === undefined) throw new OperationError('LINK_GET', { link: name }, new Error('there is no such link'));
  return link;
}
