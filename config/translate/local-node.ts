/** Who the local speaker is: addresses, AS number, router ID, ports, and the BGPConfigurations that apply. */
import { createHash } from 'node:crypto';
import { showIp } from '../../lib/ip/text.ts';
import type { Family, Ip } from '../../lib/ip/prefix.ts';
import { DEFAULT_ASN, DEFAULT_BGP_PORT, type BGPConfiguration } from '../kinds/bgp-configuration.ts';
import type { CalicoNode } from '../kinds/node.ts';
import { CONFIGURATION_ANNOTATIONS, readAnnotations, type ConfigurationAnnotations } from '../kinds/tortie-annotations.ts';
import type { Problem } from '../../lib/errors.ts';
import type { ClusterSnapshot } from './snapshot.ts';

/** Where problems of the cluster's settings are. */
export const DEFAULT_SETTINGS = 'BGPConfiguration/default';

/** What every part of the translation asks of the cluster, for one node. */
export interface LocalNode {
  readonly cluster: ClusterSnapshot;
  readonly node: CalicoNode;
  /** The `default` BGPConfiguration; empty where there is none. */
  readonly settings: Partial<BGPConfiguration['spec']>;
  /** The BGPConfiguration of this node alone, `node.NAME`; empty where there is none. */
  readonly ownSettings: Partial<BGPConfiguration['spec']>;
  /** Annotations of ours on the `default` BGPConfiguration, and what is wrong with them. */
  readonly defaults: ConfigurationAnnotations;
  readonly defaultsProblems: readonly Problem[];
  readonly asn: number;
  /** Its addresses as text. */
  readonly addresses: { readonly [F in Family]: string | undefined };
}

export function localNode(cluster: ClusterSnapshot, name: string): LocalNode | undefined {
  const node = cluster.Node.get(name);
  if (node === undefined) return undefined;
  const settings = cluster.BGPConfiguration.get('default')?.spec ?? {};
  const ownSettings = cluster.BGPConfiguration.get(`node.${name}`)?.spec ?? {};
  const defaultsProblems: Problem[] = [];
  const defaults = readAnnotations(CONFIGURATION_ANNOTATIONS, cluster.BGPConfiguration.get('default')?.metadata.annotations, DEFAULT_SETTINGS, defaultsProblems);
  const text = (family: Family): string | undefined => (node[family] === undefined ? undefined : showIp(node[family].address));
  return {
    cluster, node, settings, ownSettings, defaults, defaultsProblems, asn: asnOf(node, settings),
    addresses: { ipv4: text('ipv4'), ipv6: text('ipv6') },
  };
}

/** A node's own AS number, else the cluster's. */
export const asnOf = (node: CalicoNode, settings: Partial<BGPConfiguration['spec']>): number => node.asNumber ?? settings.asNumber ?? DEFAULT_ASN;

export const addressOf = (node: CalicoNode, family: Family): Ip | undefined => node[family]?.address;

/** The port a node listens on: its own BGPConfiguration `node.NAME`, then `default`. */
export function listenPortOf(cluster: ClusterSnapshot, node: string): number {
  return cluster.BGPConfiguration.get(`node.${node}`)?.spec.listenPort
    ?? cluster.BGPConfiguration.get('default')?.spec.listenPort ?? DEFAULT_BGP_PORT;
}

/** The node's IPv4 address; without one, four bytes of a hash of its name (RFC 6286 asks for any number unique in the AS). */
export function routerIdOf({ node, addresses }: LocalNode): string {
  if (addresses.ipv4 !== undefined) return addresses.ipv4;
  const bytes = createHash('sha256').update(node.name).digest();
  bytes[0] = bytes[0]! || 1;
  return [...bytes.subarray(0, 4)].join('.');
}
