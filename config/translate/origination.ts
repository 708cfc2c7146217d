/** What a node originates, kept while the cluster changes: blocks, service addresses, routes to peers; only what changed is made again. */
import type { OriginatedRoute, OriginateSection } from '../messages/speaker-config.ts';
import type { LocalNode } from './local-node.ts';
import { hasServiceRanges, isExcluded, servicePrefixes, serviceRoute } from './services.ts';
import type { ClusterKind } from './snapshot.ts';

/** Kinds that service routes are a function of, besides the label of the node itself. */
export const SERVICE_KINDS: readonly ClusterKind[] = ['BGPConfiguration', 'Service', 'EndpointSlice'];

type Statics = NonNullable<OriginateSection['statics']>;

export class Origination {
  #excluded = false;
  #services: readonly OriginatedRoute[] | undefined;
  #blocks: readonly OriginatedRoute[] = [];
  #statics: Statics = [];
  #section: OriginateSection = { routes: [] };

  /** The same object as long as nothing in it changes. `changed`: kinds of which something changed since the last call. */
  update(local: LocalNode, changed: ReadonlySet<ClusterKind>, blocks: readonly OriginatedRoute[], statics: Statics): OriginateSection {
    const services = this.#servicesOf(local, changed);
    if (services !== this.#services || blocks !== this.#blocks || statics !== this.#statics) {
      this.#services = services;
      this.#blocks = blocks;
      this.#statics = statics;
      this.#section = { routes: [...blocks, ...services], ...(statics.length === 0 ? {} : { statics }) };
    }
    return this.#section;
  }

  #servicesOf({ cluster, node, settings }: LocalNode, changed: ReadonlySet<ClusterKind>): readonly OriginatedRoute[] {
    const excluded = isExcluded(node);
    if (this.#services !== undefined && excluded === this.#excluded && !SERVICE_KINDS.some((k) => changed.has(k))) return this.#services;
    this.#excluded = excluded;
    if (excluded || !hasServiceRanges(settings)) return [];
    return servicePrefixes(settings, cluster.Service, cluster.EndpointSlice.values()).map((prefix) => serviceRoute(prefix, settings));
  }
}
