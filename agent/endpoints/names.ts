/** Names of a pod's link on the node, and the mark by which it is known whose it is. */
import { createHash } from 'node:crypto';
import { POD_INTERFACE_PREFIX } from '../../lib/ownership.ts';

export interface PodName { readonly namespace: string; readonly name: string }

/** As Calico names it: policy of either finds the link by this rule. A container that is no pod is named by its ID. */
export function hostInterfaceOf(pod: PodName | undefined, containerId: string): string {
  if (pod === undefined) return POD_INTERFACE_PREFIX + containerId.slice(0, 11);
  return POD_INTERFACE_PREFIX + createHash('sha1').update(`${pod.namespace}.${pod.name}`).digest('hex').slice(0, 11);
}

/** One container's interface; also the name of its record. */
export const keyOf = (containerId: string, interfaceName: string): string => `${containerId}@${interfaceName}`;

const MARK = 'tortie:';

/** The link's alias: it tells a link of ours from Calico's of the same name, and this container's from the next one's. */
export const aliasOf = (containerId: string, interfaceName: string): string => MARK + keyOf(containerId, interfaceName);

/** The key in an alias; undefined: not a link of ours. */
export const keyOfAlias = (alias: string | undefined): string | undefined => (alias?.startsWith(MARK) === true ? alias.slice(MARK.length) : undefined);

/** A MAC address of the pod's end: locally administered, the same for the same container and interface. */
export function podMacOf(key: string): string {
  const bytes = createHash('sha256').update(key).digest().subarray(0, 6);
  bytes[0] = (bytes[0]! & 0xfc) | 0x02;
  return [...bytes].map((b) => b.toString(16).padStart(2, '0')).join(':');
}
