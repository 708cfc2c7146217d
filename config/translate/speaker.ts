/** Cluster state → everything the speaker of one node must do. */
import { showProblem, type Problem } from '../../lib/errors.ts';
import { FAMILIES } from '../../lib/ip/prefix.ts';
import { NODE_ANNOTATIONS } from '../kinds/node.ts';
import type { OriginatedRoute, OriginateSection, SpeakerConfig } from '../messages/speaker-config.ts';
import { clusterRouteProblems } from './cluster-routes.ts';
import { filtersOf } from './filters.ts';
import { globalSection } from './global-section.ts';
import { localNode, type LocalNode } from './local-node.ts';
import { checkWorkloadPeering } from './local-workloads.ts';
import { Origination, SERVICE_KINDS } from './origination.ts';
import { originateOf, ownBlocks } from './own-blocks.ts';
import { peerGateways } from './peer-gateways.ts';
import { peersSection, usedFilters } from './peers-section.ts';
import { usablePools } from './pools.ts';
import type { ClusterKind, ClusterSnapshot } from './snapshot.ts';
import { unsupported } from './unsupported.ts';

export interface Translated<T> {
  /** Undefined: nothing can be said now; whoever applies it keeps what it has. */
  readonly value: T | undefined;
  readonly problems: readonly Problem[];
}

type Part = Pick<SpeakerConfig, 'global' | 'peers'> | Pick<SpeakerConfig, 'filters'>;
interface Translation<P extends Part> { readonly sections: P; readonly problems: readonly Problem[] }
type Sessions = Translation<Pick<SpeakerConfig, 'global' | 'peers'>> & { readonly filters: ReadonlySet<string>; readonly statics: NonNullable<OriginateSection['statics']> };
type Routes = Translation<Pick<SpeakerConfig, 'filters'>> & { readonly blocks: readonly OriginatedRoute[] };

/** Kinds that each half is a function of, besides the node itself. */
const SESSION_KINDS: readonly ClusterKind[] = ['Node', 'BGPConfiguration', 'BGPPeer', 'BGPFilter', 'FelixConfiguration', 'IPPool', 'Secret', 'Workload'];
const ROUTE_KINDS: readonly ClusterKind[] = [...SESSION_KINDS, 'BlockAffinity'];
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
    this.#routes ??= routesOf(local, this.#sessions.filters);
    const originate = this.#origination.update(local, changed, this.#routes.blocks, this.#sessions.statics);
    return {
      value: { ...this.#sessions.sections, ...this.#routes.sections, originate },
      problems: [...this.#sessions.problems, ...this.#routes.problems],
    };
  }
}

function sessionsOf(local: LocalNode): Sessions {
  const problems: Problem[] = [...unsupported(local), ...local.defaultsProblems];
  checkAddresses(local, problems);
  checkWorkloadPeering(local, problems);
  const peers = peersSection(local, problems);
  const statics = peerGateways(local, peers.peers, problems);
  return { sections: { global: globalSection(local), peers }, filters: usedFilters(peers), statics, problems: each(problems) };
}

function routesOf(local: LocalNode, used: ReadonlySet<string>): Routes {
  const { pools, problems } = usablePools(local.cluster.IPPool.values());
  const blocks = ownBlocks(local.cluster.BlockAffinity.values(), local.node.name);
  const found = [...problems, ...clusterRouteProblems(local, pools)];
  const filters = filtersOf(local, { pools, blocks }, used, found);
  return { sections: { filters }, blocks: originateOf(blocks, local.settings).routes, problems: each(found) };
}

/** Each problem once: several sessions of one BGPPeer have the same. */
const each = (problems: readonly Problem[]): Problem[] => [...new Map(problems.map((p) => [showProblem(p), p])).values()];

function checkAddresses({ node }: LocalNode, problems: Problem[]): void {
  if (FAMILIES.some((f) => node[f] !== undefined)) return;
  const path = `Node/${node.name}.metadata.annotations["${NODE_ANNOTATIONS.ipv4Address}"]`;
  problems.push({ path, message: 'missing: expected the address of this node, such as 192.0.2.1/24; it has no BGP sessions' });
}
