/** Host routes to peers that lie behind a gateway (`reachableBy`), on the nodes that have a session to them. */
import type { Problem } from '../../lib/errors.ts';
import { familyOf, hostPrefix } from '../../lib/ip/prefix.ts';
import { specialKindOf } from '../../lib/ip/special.ts';
import { parseIp, showIp, showPrefix } from '../../lib/ip/text.ts';
import { parsePeerAddress, type BGPPeer } from '../kinds/bgp-peer.ts';
import type { OriginateSection, PeerConfig } from '../messages/speaker-config.ts';
import { olderFirst } from './age.ts';
import { addressOf, type LocalNode } from './local-node.ts';
import { isFor, isGlobal, isSet } from './peer-scope.ts';

type Static = NonNullable<OriginateSection['statics']>[number];

/** One for each peer: of several BGPPeers with one address the first that counts for the session counts here too. */
export function peerGateways(local: LocalNode, peers: readonly PeerConfig[], problems: Problem[]): Static[] {
  const reached = new Set(peers.map((p) => p.address));
  const statics = new Map<string, Static>();
  for (const resource of inOrder(local)) {
    const { reachableBy } = resource.spec;
    const address = parsePeerAddress(resource.spec.peerIP ?? '')?.address;
    if (!isSet(reachableBy) || address === undefined || !isFor(resource, local.node) || !reached.has(showIp(address))) continue;
    const path = `BGPPeer/${resource.metadata.name}.spec.reachableBy`;
    const gateway = parseIp(reachableBy);
    const wrong = gateway === undefined ? 'no address' : familyOf(gateway) !== familyOf(address) ? `of the other address family than ${resource.spec.peerIP}`
      : gateway === address ? 'the peer itself' : gateway === addressOf(local.node, familyOf(gateway)) ? 'the address of this node' : specialKindOf(gateway);
    if (wrong !== undefined) {
      problems.push({ path, message: `${reachableBy} is ${wrong}: expected the address of a router on a network of this node; there is no route to the peer through it` });
      continue;
    }
    const route = { prefix: showPrefix(hostPrefix(address)), via: showIp(gateway!) };
    const other = statics.get(route.prefix);
    if (other === undefined) statics.set(route.prefix, route);
    else if (other.via !== route.via) problems.push({ path, message: `${resource.spec.peerIP} is reached by ${other.via} already: expected one gateway for each peer; this one is not used` });
  }
  return [...statics.values()].sort((a, b) => (a.prefix < b.prefix ? -1 : 1));
}

/** As sessions are chosen: global ones first, then by age. */
function inOrder(local: LocalNode): BGPPeer[] {
  return [...local.cluster.BGPPeer.values()].sort((a, b) => Number(isGlobal(b)) - Number(isGlobal(a)) || olderFirst(a, b));
}
