/**
 * Which operations make a pod's network, in order.
 *
 * ```
 *   node                                   pod
 *   cali… ee:ee:ee:ee:ee:ee  ───────────── eth0 10.244.1.5/32
 *   10.244.1.5 dev cali… proto 85          169.254.1.1 dev eth0, permanent neighbour ee:ee:ee:ee:ee:ee
 *                                          default via 169.254.1.1
 * ```
 * The gateway stands in the pod's neighbour table for good: the node need not answer for it, and so needs no default
 * route of its own (proxy ARP answers only for what the node could itself reach by another way).
 */
import { familyOf, type Ip } from '../../lib/ip/prefix.ts';
import { hostPrefix } from '../../lib/ip/prefix.ts';
import { ip, prefix } from '../../lib/ip/text.ts';
import { POD_GATEWAY4, POD_GATEWAY6, POD_GATEWAY_MAC } from '../../lib/ownership.ts';
import { aliasOfAttachment, prefixesOf, type Attachment } from './attachment.ts';
import type { Operation } from './operations.ts';

const GATEWAY = { ipv4: ip(POD_GATEWAY4), ipv6: ip(POD_GATEWAY6) } as const;
const DEFAULT = { ipv4: prefix('0.0.0.0/0'), ipv6: prefix('::/0') } as const;

export const gatewayOf = (address: Ip): Ip => GATEWAY[familyOf(address)];

/** The link and its settings: what needs no address, done while addresses are being allocated. */
export function linkPlan(a: Attachment): Operation[] {
  return [
    { type: 'createPair', host: a.hostInterface, pod: a.interfaceName, mtu: a.mtu, podMac: a.podMac, alias: aliasOfAttachment(a) },
    ...hostSysctls(a),
    ...podSysctls(a),
  ];
}

/** Addresses and routes: in the pod first the gateway's route, then the default route, then the address; at last the node's routes. */
export function addressPlan(a: Attachment): Operation[] {
  const link = a.interfaceName;
  return [
    { type: 'raisePodLink', link: 'lo' },
    { type: 'raisePodLink', link, mac: a.podMac },
    ...a.addresses.flatMap((address): Operation[] => {
      const gateway = gatewayOf(address);
      const family = familyOf(address);
      return [
        { type: 'podNeighbour', link, address: gateway, mac: POD_GATEWAY_MAC },
        ...(family === 'ipv4' ? [{ type: 'podRoute' as const, link, prefix: hostPrefix(gateway) }] : []),
        { type: 'podRoute', link, prefix: DEFAULT[family], gateway },
        { type: 'podAddress', link, address },
      ];
    }),
    ...hostRoutes(a),
  ];
}

export const hostRoutes = (a: Attachment): Operation[] => prefixesOf(a).map((p) => ({ type: 'hostRoute', link: a.hostInterface, prefix: p }));

/** Calico's settings of the node's end. A strict reverse path filter also drops what the pod sends with another's address. */
function hostSysctls(a: Attachment): Operation[] {
  const v4 = `net/ipv4/conf/${a.hostInterface}`;
  const v6 = `net/ipv6/conf/${a.hostInterface}`;
  return [
    ...(a.families.includes('ipv4') ? [
      host(`${v4}/route_localnet`, '1'), host(`net/ipv4/neigh/${a.hostInterface}/proxy_delay`, '0', false),
      host(`${v4}/proxy_arp`, '1'), host(`${v4}/forwarding`, '1'), host(`${v4}/rp_filter`, '1'),
    ] : []),
    ...(a.families.includes('ipv6') ? [
      host(`${v6}/disable_ipv6`, '0'), host(`${v6}/accept_dad`, '0'), host(`${v6}/proxy_ndp`, '1'),
      host(`${v6}/forwarding`, '1'), host(`${v6}/accept_ra`, '0', false),
    ] : []),
  ];
}

/** Forwarding is written also when it is to be off: a new namespace inherits what the node has. */
function podSysctls(a: Attachment): Operation[] {
  const forwarding = a.allowIpForwarding ? '1' : '0';
  const v6 = a.families.includes('ipv6');
  return [
    pod('net/ipv4/ip_forward', forwarding),
    ...(v6 ? ['all', 'default', 'lo'].map((name) => pod(`net/ipv6/conf/${name}/disable_ipv6`, '0')) : []),
    pod('net/ipv6/conf/all/forwarding', forwarding, v6),
    ...(v6 ? [pod(`net/ipv6/conf/${a.interfaceName}/accept_dad`, '0')] : []),
  ];
}

const host = (name: string, value: string, required = true): Operation => ({ type: 'hostSysctl', name, value, required });
const pod = (name: string, value: string, required = true): Operation => ({ type: 'podSysctl', name, value, required });
