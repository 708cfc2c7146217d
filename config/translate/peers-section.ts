/** All neighbours of a node: those of BGPPeers, then the mesh, and which of them an operator holds down. */
import type { Problem } from '../../lib/errors.ts';
import { showIp } from '../../lib/ip/text.ts';
import { annotationPath } from '../kinds/tortie-annotations.ts';
import type { PeerConfig, PeersSection, PeerTemplate } from '../messages/speaker-config.ts';
import { olderFirst } from './age.ts';
import { bgpPeerSessions, type WantedPeer } from './bgp-peers.ts';
import { EXPORT_FILTER } from './filters.ts';
import type { LocalNode } from './local-node.ts';
import { meshPeers } from './mesh.ts';
import { peerResource } from './peer-settings.ts';
import { unnamedPeers } from './unnamed-peers.ts';

export function peersSection(local: LocalNode, problems: Problem[]): PeersSection {
  const resources = [...local.cluster.BGPPeer.values()].sort(olderFirst).map((r) => peerResource(r, problems));
  const { dynamic, unnumbered } = unnamedPeers(local, resources, problems);
  const shutdowns = new Shutdowns(local);
  const section: PeersSection = {
    peers: addressedPeers(local, bgpPeerSessions(local, resources, problems), problems).map((p) => shutdowns.applied(p, p.name, p.address)),
    ...(dynamic.length > 0 && { dynamic: dynamic.map((d) => ({ ...d, template: shutdowns.applied(d.template, d.name) })) }),
    ...(unnumbered.length > 0 && { unnumbered: unnumbered.map((u) => ({ ...u, template: shutdowns.applied(u.template, u.name, u.interface) })) }),
  };
  problems.push(...shutdowns.problems());
  return section;
}

/** Names of filters made of BGPFilters that the sessions go through. */
export function usedFilters(section: PeersSection): ReadonlySet<string> {
  const templates: readonly Pick<PeerTemplate, 'importFilters' | 'exportFilters'>[] =
    [...section.peers, ...(section.dynamic ?? []).map((d) => d.template), ...(section.unnumbered ?? []).map((u) => u.template)];
  return new Set(templates.flatMap((t) => [...t.importFilters, ...t.exportFilters]).filter((name) => name !== EXPORT_FILTER));
}

/**
 * One session to each address: what is asked for in a BGPPeer comes before the mesh, also where it cannot come up now.
 */
function addressedPeers(local: LocalNode, wanted: readonly WantedPeer[], problems: Problem[]): readonly PeerConfig[] {
  const byAddress = new Map<string, WantedPeer>();
  for (const one of wanted) {
    const address = showIp(one.address);
    const other = byAddress.get(address);
    if (other === undefined) byAddress.set(address, one);
    else if (one.written && other.written) {
      const message = `${address} is a peer of this node already by ${other.path}: expected each address once; this one is left out`;
      problems.push({ path: `${one.path}.spec.peerIP`, message });
    }
  }
  const written = [...byAddress.values()].map((w) => w.peer).filter((p) => p !== undefined);
  const mesh = meshPeers(local, problems).filter((p) => !byAddress.has(p.address));
  return [...written, ...mesh].sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** `tortie.io/bgp-shutdown` of this node: name or address → message. */
class Shutdowns {
  readonly #messages: Readonly<Record<string, string>>;
  readonly #unused: Set<string>;
  readonly #node: string;

  constructor({ node }: LocalNode) {
    this.#node = node.name;
    this.#messages = node.actions['bgp-shutdown'] ?? {};
    this.#unused = new Set(Object.keys(this.#messages));
  }

  applied<T extends PeerTemplate>(peer: T, ...names: readonly string[]): T {
    const name = names.find((n) => Object.hasOwn(this.#messages, n));
    if (name === undefined) return peer;
    this.#unused.delete(name);
    return { ...peer, shutdown: { message: this.#messages[name]! } };
  }

  problems(): Problem[] {
    const path = annotationPath(`Node/${this.#node}`, 'bgp-shutdown');
    return [...this.#unused].map((name) => ({ path, message: `${JSON.stringify(name)} is no peer of this node: expected the name or address of one` }));
  }
}
