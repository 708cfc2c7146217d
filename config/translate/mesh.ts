/** The node-to-node mesh: one session in each family to every other node that takes part. */
import type { Problem } from '../../lib/errors.ts';
import { FAMILIES, type Family, type Ip } from '../../lib/ip/prefix.ts';
import { showIp } from '../../lib/ip/text.ts';
import { NODE_ANNOTATIONS, type CalicoNode } from '../kinds/node.ts';
import type { PeerConfig } from '../messages/speaker-config.ts';
import { addressOf, asnOf, listenPortOf, type LocalNode } from './local-node.ts';
import { sessionOf } from './session.ts';

/**
 * The mesh as this node sees it. It is on unless switched off; route reflectors are not in it. Both sides dial, and a
 * collision is settled as RFC 4271 §6.8 says, so it forms with Calico's nodes too, which wait for the greater address.
 */
export function meshPeers(local: LocalNode, problems: Problem[]): PeerConfig[] {
  const { settings, node, cluster } = local;
  if (settings.nodeToNodeMeshEnabled === false || node.routeReflectorClusterId !== undefined) return [];
  if (settings.nodeMeshPassword !== undefined) {
    const message = 'passwords are not built yet: expected none; the mesh is left out, since it must not come up without its password';
    problems.push({ path: 'BGPConfiguration/default.spec.nodeMeshPassword', message });
    return [];
  }
  const others = [...cluster.Node.values()].filter((n) => n.name !== node.name && n.routeReflectorClusterId === undefined)
    .sort((a, b) => (a.name < b.name ? -1 : 1));
  return FAMILIES.flatMap((family) => meshOf(local, family, others, problems));
}

function meshOf(local: LocalNode, family: Family, others: readonly CalicoNode[], problems: Problem[]): PeerConfig[] {
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
    peers.push(sessionOf(local, {
      origin: 'mesh', address, port, portInName: false,
      asn: asnOf(other, local.settings), restartTime: local.settings.nodeMeshMaxRestartTime,
    }));
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
