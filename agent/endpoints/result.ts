/** The CNI result of an attachment. */
import { bitsOf, familyOf } from '../../lib/ip/prefix.ts';
import { prefix } from '../../lib/ip/text.ts';
import { POD_GATEWAY_MAC } from '../../lib/ownership.ts';
import type { Result } from '../../cni/protocol/results.ts';
import type { Attachment } from './attachment.ts';
import { gatewayOf } from './plan.ts';

/** The node's end first, then the pod's, which all addresses are on. An IPAM plugin answers addresses with their block's length. */
export function resultOf(a: Attachment, dns?: unknown): Result {
  const rest = dns === undefined ? {} : { dns };
  const routes = a.addresses.map((address) => ({
    destination: prefix(familyOf(address) === 'ipv4' ? '0.0.0.0/0' : '::/0'),
    ...(a.kind === 'link' ? { gateway: gatewayOf(address) } : {}),
  }));
  if (a.kind === 'address') {
    return { interfaces: [], addresses: a.addresses.map((address, i) => ({ address, length: a.blockLengths[i]! })), routes, ...rest };
  }
  return {
    interfaces: [
      { name: a.hostInterface, mac: POD_GATEWAY_MAC },
      { name: a.interfaceName, mac: a.podMac, ...(a.mtu === 0 ? {} : { mtu: a.mtu }), sandbox: a.netns },
    ],
    addresses: a.addresses.map((address) => ({ address, length: bitsOf(familyOf(address)), interface: 1 })),
    routes,
    ...rest,
  };
}
