/** BGPPeers as sessions of one node: those it is named or selected for, expanded over nodes, and their reverse. */
import type { Problem } from '../../lib/errors.ts';
import { FAMILIES, familyOf, type Ip } from '../../lib/ip/prefix.ts';
import { matches } from '../../lib/selector/ast.ts';
import { parseSelector } from '../../lib/selector/parse.ts';
import { DEFAULT_BGP_PORT } from '../kinds/bgp-configuration.ts';
import { parsePeerAddress, type BGPPeer } from '../kinds/bgp-peer.ts';
import type { CalicoNode } from '../kinds/node.ts';
import type { PeerConfig } from '../messages/speaker-config.ts';
import { addressOf, asnOf, listenPortOf, type LocalNode } from './local-node.ts';
import { selectedWorkloads } from './local-workloads.ts';
import { isFor, isGlobal, isSet, selects } from './peer-scope.ts';
import { sessionOf, type SessionOptions } from './session.ts';

/** A session, and the BGPPeer that it comes from. */
export interface WantedPeer {
  readonly peer: PeerConfig;
  readonly path: string;
  /** The address is written in the BGPPeer, not found by a selector. */
  readonly written: boolean;
}

/** Sessions of this node in the order of precedence: global ones, then those of the node, then reverse ones. */
export function bgpPeerSessions(local: LocalNode, problems: Problem[]): WantedPeer[] {
  const resources = [...local.cluster.BGPPeer.values()].sort((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1));
  const sound = resources.filter((r) => isBuilt(r, problems));
  const forward = sound.filter((r) => isFor(r, local.node)).flatMap((r) => forwardSessions(local, r, problems));
  const global = forward.filter((w) => w.peer.origin === 'global');
  const own = forward.filter((w) => w.peer.origin !== 'global');
  for (const r of sound) checkNode(local, r, problems);
  return [...global, ...own, ...sound.flatMap((r) => reverseSessions(local, r))];
}

const pathOf = (resource: BGPPeer): string => `BGPPeer/${resource.metadata.name}`;

/** What cannot be done yet and must not be left out silently: such a peer does not come up at all. */
function isBuilt({ spec, ...resource }: BGPPeer, problems: Problem[]): boolean {
  const missing = [
    spec.password === undefined ? undefined : ['password', 'passwords are not built yet: expected none'],
    (spec.ttlSecurity ?? 0) === 0 ? undefined : ['ttlSecurity', 'TTL security is not built yet: expected 0'],
    (spec.filters ?? []).length === 0 ? undefined : ['filters', 'BGPFilters are not built yet: expected none'],
  ].filter((m) => m !== undefined);
  for (const [field, message] of missing) {
    problems.push({ path: `BGPPeer/${resource.metadata.name}.spec.${field}`, message: `${message}; the peer is left out, since it must not come up without` });
  }
  return missing.length === 0;
}

function checkNode(local: LocalNode, resource: BGPPeer, problems: Problem[]): void {
  const { node } = resource.spec;
  if (isSet(node) && !local.cluster.Node.has(node)) {
    problems.push({ path: `${pathOf(resource)}.spec.node`, message: `${JSON.stringify(node)} is not a node of this cluster: expected the name of one` });
  }
}

function forwardSessions(local: LocalNode, resource: BGPPeer, problems: Problem[]): WantedPeer[] {
  const { spec } = resource;
  if (isSet(spec.localWorkloadSelector)) {
    const target = { port: DEFAULT_BGP_PORT, portInName: false, asn: spec.asNumber!, isWorkload: true };
    return selectedWorkloads(local, spec.localWorkloadSelector).map((address) => wanted(local, resource, { ...target, address }));
  }
  if (isSet(spec.peerSelector)) {
    return targetsOf(local, spec.peerSelector).map(([node, address]) => {
      const port = listenPortOf(local.cluster, node.name);
      return wanted(local, resource, { address, port, portInName: port !== DEFAULT_BGP_PORT, asn: asnOf(node, local.settings) });
    });
  }
  const written = parsePeerAddress(spec.peerIP ?? '');
  if (written === undefined) {
    problems.push({ path: `${pathOf(resource)}.spec`, message: 'no peer is named: expected peerIP, peerSelector or localWorkloadSelector' });
    return [];
  }
  return writtenSession(local, resource, written.address, written.port, problems);
}

/** Every other node that is selected, by each address that we can reach it from. */
function targetsOf(local: LocalNode, selector: string): (readonly [CalicoNode, Ip])[] {
  const parsed = parseSelector(selector);
  if (!parsed.ok) return [];
  return [...local.cluster.Node.values()]
    .filter((n) => n.name !== local.node.name && matches(parsed.selector, n.labels))
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((n) => sharedAddresses(local, n));
}

const sharedAddresses = (local: LocalNode, other: CalicoNode): (readonly [CalicoNode, Ip])[] =>
  FAMILIES.filter((f) => local.node[f] !== undefined && other[f] !== undefined).map((f) => [other, addressOf(other, f)!] as const);

function writtenSession(local: LocalNode, resource: BGPPeer, address: Ip, port: number | undefined, problems: Problem[]): WantedPeer[] {
  const { spec } = resource;
  const family = familyOf(address);
  if (address === addressOf(local.node, family)) return [];
  const node = [...local.cluster.Node.values()].find((n) => addressOf(n, family) === address);
  const asn = spec.asNumber ?? (node === undefined ? undefined : asnOf(node, local.settings));
  if (asn === undefined) {
    problems.push({ path: `${pathOf(resource)}.spec.asNumber`, message: `missing: expected the AS number of ${spec.peerIP}` });
    return [];
  }
  if (local.node[family] === undefined && spec.sourceAddress !== 'None') {
    const said = family === 'ipv4' ? 'IPv4' : 'IPv6';
    problems.push({ path: `${pathOf(resource)}.spec.peerIP`, message: `${spec.peerIP} is ${said}, but Node/${local.node.name} has no ${said} address: expected one, or sourceAddress None` });
    return [];
  }
  const target = port ?? (node === undefined ? DEFAULT_BGP_PORT : listenPortOf(local.cluster, node.name));
  return [wanted(local, resource, { address, port: target, portInName: port !== undefined || target !== DEFAULT_BGP_PORT, asn })];
}

type Target = Pick<SessionOptions, 'address' | 'port' | 'portInName' | 'asn' | 'isWorkload'>;

function wanted(local: LocalNode, resource: BGPPeer, target: Target): WantedPeer {
  const { spec } = resource;
  const external = target.asn !== (spec.localASNumber ?? local.asn);
  const mode = spec.nextHopMode ?? (spec.keepOriginalNextHop === true && external ? 'Keep' : 'Auto');
  const peer = sessionOf(local, {
    ...target,
    origin: isGlobal(resource) ? 'global' : 'node',
    localAsn: spec.localASNumber,
    useNodeAddress: spec.sourceAddress !== 'None',
    nextHop: mode.toLowerCase() as 'auto' | 'self' | 'keep',
    allowLocalAs: spec.numAllowedLocalASNumbers,
    restartTime: spec.maxRestartTime,
    keepaliveTime: spec.keepaliveTime,
  });
  return { peer, path: pathOf(resource), written: !isSet(spec.peerSelector) && target.isWorkload !== true };
}

/**
 * The other end of sessions that other nodes open to this one: a peerSelector that selects us, or a peerIP and AS number
 * that are ours. Without it only one side would know of the session.
 */
function reverseSessions(local: LocalNode, resource: BGPPeer): WantedPeer[] {
  const { spec } = resource;
  if (spec.reversePeering === 'Manual') return [];
  const isTarget = isSet(spec.peerSelector) ? selects(spec.peerSelector, local.node) : namesUs(local, resource);
  if (!isTarget) return [];
  const from = [...local.cluster.Node.values()].filter((n) => n.name !== local.node.name && isFor(resource, n));
  const family = isSet(spec.peerSelector) ? undefined : familyOf(parsePeerAddress(spec.peerIP!)!.address);
  return from.sort((a, b) => (a.name < b.name ? -1 : 1)).flatMap((n) => sharedAddresses(local, n))
    .filter(([, address]) => family === undefined || familyOf(address) === family)
    .map(([node, address]) => {
      const port = listenPortOf(local.cluster, node.name);
      const asn = spec.localASNumber ?? asnOf(node, local.settings);
      const peer = sessionOf(local, { origin: 'node', address, port, portInName: port !== DEFAULT_BGP_PORT, asn });
      return { peer, path: pathOf(resource), written: false };
    });
}

function namesUs(local: LocalNode, { spec }: BGPPeer): boolean {
  const written = parsePeerAddress(spec.peerIP ?? '');
  if (written === undefined || written.address !== addressOf(local.node, familyOf(written.address))) return false;
  const hasOurPort = written.port === undefined || written.port === listenPortOf(local.cluster, local.node.name);
  return hasOurPort && (spec.asNumber ?? local.asn) === local.asn;
}
