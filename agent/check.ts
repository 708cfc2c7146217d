/** CHECK: what of an attachment is no longer as ADD made it. */
import type { Result } from '../cni/protocol/results.ts';
import { familyOf, hostPrefix, type Ip } from '../lib/ip/prefix.ts';
import { ip, prefix, showIp, showPrefix } from '../lib/ip/text.ts';
import { POD_GATEWAY_MAC } from '../lib/ownership.ts';
import { aliasOfAttachment, type Attachment } from './endpoints/attachment.ts';
import { gatewayOf } from './endpoints/plan.ts';
import type { KernelPort, PodLinkState } from './ports.ts';

/** Empty when all is well. Throws OperationError NETNS_OPEN when the namespace is gone. */
export function differences(kernel: KernelPort, a: Attachment, netns: string, previous: Result | undefined): string[] {
  const found: string[] = [];
  for (const address of a.addresses) {
    if (previous !== undefined && !previous.addresses.some((p) => p.address === address)) found.push(`prevResult: ${showIp(address)} is not among its ips`);
  }
  if (a.kind === 'address') return found;
  if (kernel.podLink(a.hostInterface)?.alias !== aliasOfAttachment(a)) found.push(`node: link ${a.hostInterface} is not there`);
  const routes = kernel.podRoutes().filter((r) => r.link === a.hostInterface);
  for (const address of a.addresses) {
    if (!routes.some((r) => r.prefix === hostPrefix(address))) found.push(`node: route to ${showPrefix(hostPrefix(address))} by ${a.hostInterface} is not there`);
  }
  using open = kernel.openNetns(netns);
  const state = kernel.inspectPod(open, a.interfaceName);
  return [...found, ...(state === undefined ? [`pod: link ${a.interfaceName} is not there`] : inPod(a, state))];
}

function inPod(a: Attachment, state: PodLinkState): string[] {
  const link = `pod: link ${a.interfaceName}`;
  return [
    ...(state.up ? [] : [`${link} is down`]),
    ...(state.mac === a.podMac ? [] : [`${link} has MAC address ${state.mac ?? 'none'}: expected ${a.podMac}`]),
    ...a.addresses.flatMap((address) => [
      ...(state.addresses.includes(address) ? [] : [`${link} has no address ${showIp(address)}`]),
      ...routesOf(address).filter((want) => !state.routes.some((r) => r.prefix === want.prefix && r.gateway === want.gateway))
        .map((want) => `${link} has no route to ${showPrefix(want.prefix)}`),
      ...(state.neighbours.some((n) => n.address === gatewayOf(address) && n.mac === POD_GATEWAY_MAC) ? [] : [`${link} has no permanent neighbour ${showIp(gatewayOf(address))}`]),
    ]),
  ];
}

const routesOf = (address: Ip): PodLinkState['routes'] => (familyOf(address) === 'ipv4'
  ? [{ prefix: hostPrefix(ip('169.254.1.1')), gateway: undefined }, { prefix: prefix('0.0.0.0/0'), gateway: gatewayOf(address) }]
  : [{ prefix: prefix('::/0'), gateway: gatewayOf(address) }]);
