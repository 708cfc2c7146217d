/** The node-to-node mesh: one session in each family to every other node that takes part. */
import type { Problem } from '../../lib/errors.ts';
import { FAMILIES, type Family, type Ip } from '../../lib/ip/prefix.ts';
import { showIp } from '../../lib/ip/text.ts';
import { NODE_ANNOTATIONS, type CalicoNode } from '../kinds/node.ts';
import type { PeerConfig, PeerTemplate } from '../messages/speaker-config.ts';
import { addressOf, asnOf, DEFAULT_SETTINGS, listenPortOf, type LocalNode } from './local-node.ts';
import { passwordOf } from './passwords.ts';
import { sessionSettings } from './session-annotations.ts';
import { sessionOf } from './session.ts';

/** Calico's own limit of comfort for a mesh. */
const COMFORTABLE_NODES = 100;

/**
 * The mesh as this node sees it. It is on unless switched off; route reflectors are not in it. Both sides dial, and a
 * collision is settled as RFC 4271 §6.8 says, so it forms with Calico's nodes too, which wait for the greater address.
 */
export function meshPeers(local: LocalNode, problems: Problem[]): PeerConfig[] {
  const { settings, node, cluster } = local;
  if (settings.nodeToNodeMeshEnabled === false || node.routeReflectorClusterId !== undefined) return [];
  const password = passwordOf(cluster, settings.nodeMeshPassword, `${DEFAULT_SETTINGS}.spec.nodeMeshPassword`, problems);
  if (password === undefined) return [];
  const others = [...cluster.Node.values()].filter((n) => n.name !== node.name && n.routeReflectorClusterId === undefined)
    .sort((a, b) => (a.name < b.name ? -1 : 1));
  if (others.length >= COMFORTABLE_NODES) {
    const message = `a mesh of ${others.length + 1} nodes: every node has a session with every other; expected at most ${COMFORTABLE_NODES} nodes, or route reflectors: `
      + `a few nodes with ${NODE_ANNOTATIONS.routeReflectorClusterId}, a BGPPeer whose peerSelector selects them, and then false`;
    problems.push({ path: `${DEFAULT_SETTINGS}.spec.nodeToNodeMeshEnabled`, message });
  }
  return FAMILIES.flatMap((family) => meshOf(local, family, others, password, problems));
}

function meshOf(local: LocalNode, family: Family, others: readonly CalicoNode[], password: Partial<PeerTemplate>, problems: Problem[]): PeerConfig[] {
  const own = addressOf(local.node, family);
  if (own === undefined) return [];
  const owners = new Map<Ip, string>([[own, local.node.name]]);
  const peers: PeerConfig[] = [];
  for (const other of others) {
    const address = addressOf(other, family);
    if (address === undefined) continue;
    const owner = owners.get(address);
    if (owner !== undefined) {
      problems.push(sameAddress(other, family, address, owner));
      continue;
    }
    owners.set(address, other.name);
    const port = listenPortOf(local.cluster, other.name);
    const asn = asnOf(other, local.settings);
    const settings = { ...password, ...sessionSettings(local.defaults, {}, { external: asn !== local.asn, family, side: 'mesh' }, DEFAULT_SETTINGS, problems) };
    peers.push(sessionOf(local, { origin: 'mesh', address, port, portInName: false, asn, restartTime: local.settings.nodeMeshMaxRestartTime, settings }));
  }
  return peers;
}

function sameAddress(node: CalicoNode, family: Family, address: Ip, owner: string): Problem {
  const annotation = NODE_ANNOTATIONS[family === 'ipv4' ? 'ipv4Address' : 'ipv6Address'];
  return {
    path: `Node/${node.name}.metadata.annotations["${annotation}"]`,
    message: `${showIp(address)} is the address of Node/${owner} already: expected an address of its own; the mesh leaves this node out`,
  };
}
