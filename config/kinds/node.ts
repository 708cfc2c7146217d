/** What annotations on a Kubernetes Node say: Calico's (addresses, AS number, route reflection, tunnels) and ours. */
import type { Problem } from '../../lib/errors.ts';
import { familyOf, type Family, type Ip, type Prefix } from '../../lib/ip/prefix.ts';
import { parseIp, parsePrefix } from '../../lib/ip/text.ts';
import { unlike } from '../schema/schema.ts';
import { asNumber } from '../schema/scalars.ts';
import { isObject } from '../schema/structure.ts';
import { pathOf } from './kinds.ts';
import type { Metadata } from './kind.ts';
import { NODE_ACTIONS, readAnnotations, type ReadAnnotations } from './tortie-annotations.ts';

const P = 'projectcalico.org/';
/** Field of `CalicoNode` → annotation. */
export const NODE_ANNOTATIONS = {
  ipv4Address: `${P}IPv4Address`,
  ipv6Address: `${P}IPv6Address`,
  asNumber: `${P}ASNumber`,
  routeReflectorClusterId: `${P}RouteReflectorClusterID`,
  ipv4IpipTunnelAddress: `${P}IPv4IPIPTunnelAddr`,
  ipv4VxlanTunnelAddress: `${P}IPv4VXLANTunnelAddr`,
  ipv6VxlanTunnelAddress: `${P}IPv6VXLANTunnelAddr`,
  vxlanTunnelMac: `${P}VXLANTunnelMACAddr`,
  vxlanTunnelMacV6: `${P}VXLANTunnelMACAddrV6`,
  ipv4WireguardAddress: `${P}IPv4WireguardInterfaceAddr`,
  ipv6WireguardAddress: `${P}IPv6WireguardInterfaceAddr`,
  wireguardPublicKey: `${P}WireguardPublicKey`,
  wireguardPublicKeyV6: `${P}WireguardPublicKeyV6`,
  interfaces: `${P}Interfaces`,
  labels: `${P}labels`,
  annotations: `${P}annotations`,
} as const;

/** A node's address on its subnet. */
export interface NodeAddress {
  readonly address: Ip;
  /** The subnet it stands in; of a bare address its /32 or /128. */
  readonly subnet: Prefix;
}

export interface CalicoNode {
  readonly name: string;
  /** Calico's own labels, overlaid by those of Kubernetes. */
  readonly labels: Readonly<Record<string, string>>;
  readonly ipv4?: NodeAddress;
  readonly ipv6?: NodeAddress;
  readonly asNumber?: number;
  /** A dotted quad: this node reflects routes. */
  readonly routeReflectorClusterId?: string;
  readonly podCidrs: readonly string[];
  /** What its operator asks for by annotations of ours. */
  readonly actions: ReadAnnotations<typeof NODE_ACTIONS>;
}

/** Reads a Kubernetes Node. A bad annotation is reported and otherwise ignored, as Calico does silently. Never throws. */
export function readNode(object: { readonly metadata: Metadata; readonly spec?: unknown }): { readonly value: CalicoNode; readonly problems: readonly Problem[] } {
  const problems: Problem[] = [];
  const { name, annotations = {}, labels = {} } = object.metadata;
  const at = (field: keyof typeof NODE_ANNOTATIONS): string =>
    `${pathOf('Node', name)}.metadata.annotations[${JSON.stringify(NODE_ANNOTATIONS[field])}]`;
  const given = (field: keyof typeof NODE_ANNOTATIONS): string | undefined => {
    const value = annotations[NODE_ANNOTATIONS[field]];
    return value === undefined || value === '' ? undefined : value;
  };
  const read = <T>(field: keyof typeof NODE_ANNOTATIONS, reader: (text: string, path: string) => T | undefined): T | undefined => {
    const text = given(field);
    return text === undefined ? undefined : reader(text, at(field));
  };
  const address = (family: Family) => (text: string, path: string): NodeAddress | undefined => {
    const found = nodeAddress(text, family);
    if (found === undefined) problems.push({ path, message: unlike(text, 'a node address', EXAMPLES[family]) });
    return found;
  };
  const clusterId = (text: string, path: string): string | undefined => {
    const parsed = parseIp(text);
    if (typeof parsed === 'number' && parsed !== 0) return text;
    problems.push({ path, message: unlike(text, 'a cluster ID', 'a dotted quad such as 244.0.0.1, not 0.0.0.0') });
    return undefined;
  };
  const own = read('labels', (text, path) => labelsOf(text, path, problems));
  const found = {
    ipv4: read('ipv4Address', address('ipv4')),
    ipv6: read('ipv6Address', address('ipv6')),
    asNumber: read('asNumber', (text, path) => asNumber.read(text, path, problems)),
    routeReflectorClusterId: read('routeReflectorClusterId', clusterId),
  };
  const value = Object.fromEntries(Object.entries(found).filter(([, v]) => v !== undefined)) as Partial<CalicoNode>;
  const actions = readAnnotations(NODE_ACTIONS, annotations, pathOf('Node', name), problems);
  return { value: { name, labels: { ...own, ...labels }, podCidrs: podCidrsOf(object.spec), actions, ...value }, problems };
}

const EXAMPLES = { ipv4: 'text like 192.0.2.1/24', ipv6: 'text like 2001:db8::1/64' } as const;

function nodeAddress(text: string, family: Family): NodeAddress | undefined {
  const address = parseIp(text.split('/', 1)[0]!);
  const subnet = parsePrefix(text.includes('/') ? text : `${text}/${family === 'ipv4' ? 32 : 128}`);
  return address !== undefined && subnet !== undefined && familyOf(address) === family ? { address, subnet } : undefined;
}

function labelsOf(text: string, path: string, problems: Problem[]): Readonly<Record<string, string>> {
  let labels: unknown;
  try { labels = JSON.parse(text); } catch { labels = undefined; }
  if (!isObject(labels)) {
    problems.push({ path, message: unlike(text, 'a set of labels', 'a JSON object of strings') });
    return {};
  }
  return Object.fromEntries(Object.entries(labels).filter((e): e is [string, string] => typeof e[1] === 'string'));
}

function podCidrsOf(spec: unknown): readonly string[] {
  const cidrs = isObject(spec) ? spec['podCIDRs'] : undefined;
  return Array.isArray(cidrs) ? cidrs.filter((c): c is string => typeof c === 'string') : [];
}
