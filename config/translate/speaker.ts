/** Cluster state → everything the speaker of one node must do. */
import type { Problem } from '../../lib/errors.ts';
import { FAMILIES } from '../../lib/ip/prefix.ts';
import { BGP_ROUTE_METRIC } from '../../lib/ownership.ts';
import { NODE_ANNOTATIONS } from '../kinds/node.ts';
import type { GlobalSection, OriginatedRoute, OriginateSection, PeerConfig, SpeakerConfig } from '../messages/speaker-config.ts';
import { bgpPeerSessions } from './bgp-peers.ts';
import { filtersOf, KERNEL_FILTER } from './filters.ts';
import { listenPortOf, localNode, routerIdOf, type LocalNode } from './local-node.ts';
import { checkWorkloadPeering } from './local-workloads.ts';
import { meshPeers } from './mesh.ts';
import { Origination, SERVICE_KINDS } from './origination.ts';
import { originateOf, ownBlocks } from './own-blocks.ts';
import { peerGateways } from './peer-gateways.ts';
import { usablePools } from './pools.ts';
import type { ClusterKind, ClusterSnapshot } from './snapshot.ts';
import { unsupported } from './unsupported.ts';

/** How long helpers keep our routes while we restart, and we theirs. */
const GRACEFUL_RESTART = { restartTimeSeconds: 120, staleRoutesCapSeconds: 120, selectionDeferralSeconds: 60 } as const;
const MAIN_TABLE = 254;
/** As many as BIRD's `merge paths` takes. */
const MAXIMUM_PATHS = 16;

export interface Translated<T> {
  /** Undefined: nothing can be said now; whoever applies it keeps what it has. */
  readonly value: T | undefined;
  readonly problems: readonly Problem[];
}

type Part = Pick<SpeakerConfig, 'global' | 'peers'> | Pick<SpeakerConfig, 'filters'>;
interface Translation<P extends Part> { readonly sections: P; readonly problems: readonly Problem[] }
type Sessions = Translation<Pick<SpeakerConfig, 'global' | 'peers'>> & { readonly statics: NonNullable<OriginateSection['statics']> };
type Routes = Translation<Pick<SpeakerConfig, 'filters'>> & { readonly blocks: readonly OriginatedRoute[] };

/** Kinds that each half is a function of, besides the node itself. */
const SESSION_KINDS: readonly ClusterKind[] = ['Node', 'BGPConfiguration', 'BGPPeer', 'FelixConfiguration', 'Workload'];
const ROUTE_KINDS: readonly ClusterKind[] = ['BGPConfiguration', 'IPPool', 'BlockAffinity'];
/** Kinds that a translation reads. */
export const TRANSLATED_KINDS: ReadonlySet<ClusterKind> = new Set([...SESSION_KINDS, ...ROUTE_KINDS, ...SERVICE_KINDS]);

/** Pure, total: a bad resource becomes a problem and leaves the others working. The same cluster gives the same text. */
export const speakerConfigFor = (cluster: ClusterSnapshot, node: string): Translated<SpeakerConfig> =>
  new SpeakerTranslation(node).update(cluster, TRANSLATED_KINDS);

/**
 * The same, for a cluster that changes: what does not depend on the kinds that changed is not made again, so that a new
 * block costs nothing per node.
 */
export class SpeakerTranslation {
  readonly #node: string;
  #sessions: Sessions | undefined;
  #routes: Routes | undefined;
  readonly #origination = new Origination();

  constructor(node: string) { this.#node = node; }

  /** `changed`: every kind of which something changed since the last call. */
  update(cluster: ClusterSnapshot, changed: ReadonlySet<ClusterKind>): Translated<SpeakerConfig> {
    if (SESSION_KINDS.some((k) => changed.has(k))) this.#sessions = undefined;
    if (ROUTE_KINDS.some((k) => changed.has(k))) this.#routes = undefined;
    const local = localNode(cluster, this.#node);
    if (local === undefined) {
      return { value: undefined, problems: [{ path: `Node/${this.#node}`, message: 'this node is not in the cluster: expected a Node of this name' }] };
    }
    // Falling back to the default AS number would reset every session of the cluster.
    if (cluster.problems.some((p) => p.path === 'BGPConfiguration/default.spec.asNumber')) return { value: undefined, problems: [] };
    this.#sessions ??= sessionsOf(local);
    this.#routes ??= routesOf(local);
    const originate = this.#origination.update(local, changed, this.#routes.blocks, this.#sessions.statics);
    return {
      value: { ...this.#sessions.sections, ...this.#routes.sections, originate },
      problems: [...this.#sessions.problems, ...this.#routes.problems],
    };
  }
}

function sessionsOf(local: LocalNode): Sessions {
  const problems: Problem[] = [...unsupported(local)];
  checkAddresses(local, problems);
  checkWorkloadPeering(local, problems);
  const peers = peersOf(local, problems);
  return { sections: { global: globalOf(local), peers: { peers } }, statics: peerGateways(local, peers, problems), problems };
}

function routesOf({ cluster, node, settings }: LocalNode): Routes {
  const { pools, problems } = usablePools(cluster.IPPool.values());
  const blocks = ownBlocks(cluster.BlockAffinity.values(), node.name);
  return { sections: { filters: filtersOf(settings, pools, blocks) }, blocks: originateOf(blocks).routes, problems };
}

function globalOf(local: LocalNode): GlobalSection {
  const { node, settings } = local;
  const own = FAMILIES.map((f) => local.addresses[f]).filter((a) => a !== undefined);
  return {
    asn: local.asn,
    routerId: routerIdOf(local),
    listen: {
      port: own.length === 0 ? 0 : listenPortOf(local.cluster, node.name),
      addresses: settings.bindMode === 'NodeIP' ? own : [],
    },
    gracefulRestart: GRACEFUL_RESTART,
    kernel: {
      table: MAIN_TABLE, metric: settings.ipv4NormalRoutePriority ?? BGP_ROUTE_METRIC, install: true,
      filter: KERNEL_FILTER, maximumPaths: MAXIMUM_PATHS,
    },
  };
}

/** One session to each address: what is asked for in a BGPPeer comes before the mesh. */
function peersOf(local: LocalNode, problems: Problem[]): readonly PeerConfig[] {
  const byAddress = new Map<string, { readonly peer: PeerConfig; readonly path: string; readonly written: boolean }>();
  for (const wanted of bgpPeerSessions(local, problems)) {
    const { peer, path, written } = wanted;
    const other = byAddress.get(peer.address);
    if (other === undefined) byAddress.set(peer.address, wanted);
    else if (written && other.written) {
      const message = `${peer.address} is a peer of this node already by ${other.path}: expected each address once; this one is left out`;
      problems.push({ path: `${path}.spec.peerIP`, message });
    }
  }
  const mesh = meshPeers(local, problems).filter((p) => !byAddress.has(p.address));
  return [...[...byAddress.values()].map((w) => w.peer), ...mesh].sort((a, b) => (a.name < b.name ? -1 : 1));
}

function checkAddresses({ node }: LocalNode, problems: Problem[]): void {
  if (FAMILIES.some((f) => node[f] !== undefined)) return;
  const path = `Node/${node.name}.metadata.annotations["${NODE_ANNOTATIONS.ipv4Address}"]`;
  problems.push({ path, message: 'missing: expected the address of this node, such as 192.0.2.1/24; it has no BGP sessions' });
}
