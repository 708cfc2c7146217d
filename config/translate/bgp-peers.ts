/** BGPPeers as sessions of one node: those it is named or selected for, expanded over nodes, and their reverse. */
import type { Problem } from '../../lib/errors.ts';
import { FAMILIES, familyOf, type Ip } from '../../lib/ip/prefix.ts';
import { matches } from '../../lib/selector/ast.ts';
import { parseSelector } from '../../lib/selector/parse.ts';
import { DEFAULT_BGP_PORT } from '../kinds/bgp-configuration.ts';
import { parsePeerAddress } from '../kinds/bgp-peer.ts';
import type { CalicoNode } from '../kinds/node.ts';
import type { PeerConfig } from '../messages/speaker-config.ts';
import { annotationPath } from '../kinds/tortie-annotations.ts';
import { addressOf, asnOf, listenPortOf, type LocalNode } from './local-node.ts';
import { selectedWorkloads } from './local-workloads.ts';
import { isFor, isGlobal, isSet, selects } from './peer-scope.ts';
import { peerSettings, remoteAsOf, type PeerResource } from './peer-settings.ts';
import { sessionOf, type SessionOptions } from './session.ts';

/** A session, and the BGPPeer that it comes from. */
export interface WantedPeer {
  readonly address: Ip;
  /** Undefined: it must not come up, nor anything in its place. */
  readonly peer: PeerConfig | undefined;
  readonly path: string;
  /** The address is written in the BGPPeer, not found by a selector. */
  readonly written: boolean;
}

/** Sessions of this node in the order of precedence: global ones, then those of the node, then reverse ones. */
export function bgpPeerSessions(local: LocalNode, resources: readonly PeerResource[], problems: Problem[]): WantedPeer[] {
  const [global, own] = [resources.filter(isGlobal), resources.filter((r) => !isGlobal(r))];
  const forward = [...global, ...own].filter((r) => isFor(r, local.node)).flatMap((r) => forwardSessions(local, r, problems));
  for (const r of resources) checkNode(local, r, problems);
  return [...forward, ...resources.flatMap((r) => reverseSessions(local, r, problems))];
}

function checkNode(local: LocalNode, { spec, path }: PeerResource, problems: Problem[]): void {
  if (isSet(spec.node) && !local.cluster.Node.has(spec.node)) {
    problems.push({ path: `${path}.spec.node`, message: `${JSON.stringify(spec.node)} is not a node of this cluster: expected the name of one` });
  }
}

/** It names its neighbours otherwise than by address. */
export const isUnnamed = ({ annotations }: PeerResource): boolean => annotations.interface !== undefined || annotations['peer-prefix'] !== undefined;

function forwardSessions(local: LocalNode, resource: PeerResource, problems: Problem[]): WantedPeer[] {
  const { spec, path } = resource;
  if (isSet(spec.localWorkloadSelector)) {
    return selectedWorkloads(local, spec.localWorkloadSelector)
      .map((address) => toward(local, resource, { address, port: DEFAULT_BGP_PORT, portInName: false, asn: spec.asNumber!, isWorkload: true }, problems));
  }
  if (isSet(spec.peerSelector)) {
    return targetsOf(local, spec.peerSelector).map(([node, address]) => {
      const port = listenPortOf(local.cluster, node.name);
      return toward(local, resource, { address, node, port, portInName: port !== DEFAULT_BGP_PORT, asn: asnOf(node, local.settings) }, problems);
    });
  }
  const written = parsePeerAddress(spec.peerIP ?? '');
  if (written !== undefined) return writtenSession(local, resource, written.address, written.port, problems);
  if (!isUnnamed(resource)) problems.push({ path: `${path}.spec`, message: 'no peer is named: expected peerIP, peerSelector or localWorkloadSelector' });
  return [];
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

function writtenSession(local: LocalNode, resource: PeerResource, address: Ip, port: number | undefined, problems: Problem[]): WantedPeer[] {
  const { spec, path, annotations } = resource;
  const family = familyOf(address);
  if (address === addressOf(local.node, family)) return [];
  const node = [...local.cluster.Node.values()].find((n) => addressOf(n, family) === address);
  const asn = remoteAsOf(resource) ?? (node === undefined ? undefined : asnOf(node, local.settings));
  if (asn === undefined) {
    problems.push({ path: `${path}.spec.asNumber`, message: `missing: expected the AS number of ${spec.peerIP}` });
    return [];
  }
  if (spec.asNumber !== undefined && annotations['remote-as'] !== undefined) {
    problems.push({ path: annotationPath(path, 'remote-as'), message: 'the BGPPeer has an asNumber, which counts: expected one of them' });
  }
  if (local.node[family] === undefined && spec.sourceAddress !== 'None') {
    const said = family === 'ipv4' ? 'IPv4' : 'IPv6';
    problems.push({ path: `${path}.spec.peerIP`, message: `${spec.peerIP} is ${said}, but Node/${local.node.name} has no ${said} address: expected one, or sourceAddress None` });
    return [];
  }
  const target = port ?? (node === undefined ? DEFAULT_BGP_PORT : listenPortOf(local.cluster, node.name));
  return [toward(local, resource, { address, node, port: target, portInName: port !== undefined || target !== DEFAULT_BGP_PORT, asn }, problems)];
}

interface Target extends Pick<SessionOptions, 'address' | 'port' | 'portInName' | 'asn' | 'isWorkload'> {
  /** The node that it is. */
  readonly node?: CalicoNode | undefined;
}

/** A session as its BGPPeer is written. */
function toward(local: LocalNode, resource: PeerResource, { node, ...target }: Target, problems: Problem[]): WantedPeer {
  const { spec, path } = resource;
  const localAsn = spec.localASNumber ?? local.asn;
  const settings = peerSettings(local, resource, {
    asn: target.asn, localAsn, family: familyOf(target.address), side: 'toward', clusterId: node?.routeReflectorClusterId,
  }, problems);
  const peer = settings && sessionOf(local, { ...target, ...timesOf(resource), origin: isGlobal(resource) ? 'global' : 'node', localAsn, settings });
  return { address: target.address, peer, path, written: !isSet(spec.peerSelector) && target.isWorkload !== true };
}

export const timesOf = ({ spec }: PeerResource): Pick<SessionOptions, 'useNodeAddress' | 'restartTime' | 'keepaliveTime'> =>
  ({ useNodeAddress: spec.sourceAddress !== 'None', restartTime: spec.maxRestartTime, keepaliveTime: spec.keepaliveTime });

/**
 * The other end of sessions that other nodes open to this one: a peerSelector that selects us, or a peerIP and AS number
 * that are ours. Without it only one side would know of the session.
 */
function reverseSessions(local: LocalNode, resource: PeerResource, problems: Problem[]): WantedPeer[] {
  const { spec } = resource;
  if (spec.reversePeering === 'Manual') return [];
  const isTarget = isSet(spec.peerSelector) ? selects(spec.peerSelector, local.node) : namesUs(local, resource);
  if (!isTarget) return [];
  const from = [...local.cluster.Node.values()].filter((n) => n.name !== local.node.name && isFor(resource, n));
  const family = isSet(spec.peerSelector) ? undefined : familyOf(parsePeerAddress(spec.peerIP!)!.address);
  return from.sort((a, b) => (a.name < b.name ? -1 : 1)).flatMap((n) => sharedAddresses(local, n))
    .filter(([, address]) => family === undefined || familyOf(address) === family)
    .map(([node, address]) => back(local, resource, node, address, problems));
}

function back(local: LocalNode, resource: PeerResource, node: CalicoNode, address: Ip, problems: Problem[]): WantedPeer {
  const port = listenPortOf(local.cluster, node.name);
  const asn = resource.spec.localASNumber ?? asnOf(node, local.settings);
  const settings = peerSettings(local, resource, {
    asn, localAsn: local.asn, family: familyOf(address), side: 'back', clusterId: node.routeReflectorClusterId,
  }, problems);
  const peer = settings && sessionOf(local, { ...timesOf(resource), origin: 'node', address, port, portInName: port !== DEFAULT_BGP_PORT, asn, settings });
  return { address, peer, path: resource.path, written: false };
}

function namesUs(local: LocalNode, { spec }: PeerResource): boolean {
  const written = parsePeerAddress(spec.peerIP ?? '');
  if (written === undefined || written.address !== addressOf(local.node, familyOf(written.address))) return false;
  const hasOurPort = written.port === undefined || written.port === listenPortOf(local.cluster, local.node.name);
  return hasOurPort && (spec.asNumber ?? local.asn) === local.asn;
}
