/** The network configuration list that runtimes read: our plugin first, then what handles host ports. */
import type { Family } from '../../lib/ip/prefix.ts';
import type { CniVersion } from './versions.ts';

export interface NetworkListOptions {
  /** First half of every handle; `k8s-pod-network` where Calico's nodes shall be able to take over, and be taken over. */
  readonly name: string;
  /** Of the whole list: no newer than the chained plugins know. */
  readonly cniVersion: CniVersion;
  readonly families: readonly Family[];
  /** Plugins behind ours that are installed. */
  readonly portmap: boolean;
}

export const DEFAULT_NETWORK_NAME = 'k8s-pod-network';

export function networkList(options: NetworkListOptions): string {
  const flag = (family: Family): string => String(options.families.includes(family));
  const plugins = [
    { type: 'tortie', ipam: { type: 'tortie-ipam', assign_ipv4: flag('ipv4'), assign_ipv6: flag('ipv6') } },
    ...(options.portmap ? [{ type: 'portmap', snat: true, capabilities: { portMappings: true } }] : []),
  ];
  return `${JSON.stringify({ cniVersion: options.cniVersion, name: options.name, plugins }, undefined, 2)}\n`;
}

/** The families that a list asks for; none when the text is no list of ours. */
export function familiesIn(text: string): Family[] {
  let list: unknown;
  try { list = JSON.parse(text); } catch { return []; }
  const ipam = (list as { plugins?: { ipam?: { assign_ipv4?: unknown; assign_ipv6?: unknown } }[] } | null)?.plugins?.[0]?.ipam;
  return [...(ipam?.assign_ipv4 === 'true' ? ['ipv4' as const] : []), ...(ipam?.assign_ipv6 === 'true' ? ['ipv6' as const] : [])];
}
