/**
 * The addresses at which pods find the speaker of their node (`localWorkloadPeeringIPV4`, `…IPV6`), on the node's ends of
 * the links of those pods that a BGPPeer selects; from all other pod links they are taken off again.
 */
import type { PeeringLink } from '../config/translate/local-workloads.ts';
import { showIp } from '../lib/ip/text.ts';
import type { Log } from '../lib/log.ts';
import { hostInterfaceOf, keyOfAlias } from './endpoints/names.ts';
import type { Operation } from './endpoints/operations.ts';
import type { KernelPort } from './ports.ts';

export interface PeeringPorts { readonly kernel: KernelPort; readonly log: Log }

/**
 * Links of ours only. Whatever host address stands on such a link is ours: its own end needs none. A link that another
 * container has taken over since is left until its pod says so. Throws what the kernel refused.
 */
export function placePeeringAddresses({ kernel, log }: PeeringPorts, wanted: readonly PeeringLink[]): void {
  const desired = new Map(wanted.map((w) => [hostInterfaceOf({ namespace: w.namespace, name: w.pod }, w.containerId), w]));
  const actual = kernel.hostAddresses();
  const operations: Operation[] = [];
  for (const { name, alias } of kernel.podLinks()) {
    if (keyOfAlias(alias) === undefined) continue;
    const there = actual.filter((a) => a.link === name).map((a) => a.address);
    const addresses = desired.get(name)?.addresses ?? [];
    for (const address of addresses) if (!there.includes(address)) operations.push({ type: 'hostAddress', link: name, address });
    for (const address of there) if (!addresses.includes(address)) operations.push({ type: 'removeHostAddress', link: name, address });
  }
  if (operations.length === 0) return;
  log.info('peering.addresses', { changed: operations.map((o) => `${o.type} ${'address' in o ? showIp(o.address) : ''}`) });
  kernel.apply(operations);
}
