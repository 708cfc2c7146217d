/** What the configuration says about routes: where in the kernel they stand, which are installed, originated and redistributed. */
import type { GlobalSection, OriginateSection, SpeakerConfig } from '../config/messages/speaker-config.ts';
import { FAMILIES, familyOf, type Family, type Ip, type Prefix } from '../lib/ip/prefix.ts';
import { ip, prefix } from '../lib/ip/text.ts';
import { metricFor, type FibPlace } from './kernel/view.ts';
import type { FibPort, ResolverPort } from './ports.ts';
import { Redistribution, type RedistributionPorts } from './redistribution.ts';
import { chainOf, compileFilters, type Filters } from './rib/filter.ts';
import type { Originated } from './rib/own-routes.ts';
import type { Routing } from './routing.ts';

export interface RouteSettingsPorts extends RedistributionPorts {
  readonly resolver: ResolverPort;
  readonly fib: (place: FibPlace) => FibPort;
}

export const NO_FILTERS: SpeakerConfig['filters'] = { filters: [] };
const NOTHING_ORIGINATED: OriginateSection = { routes: [] };

export class RouteSettings implements Disposable {
  readonly #ports: RouteSettingsPorts;
  readonly #routing: Routing;
  readonly #redistribution: Redistribution;
  #place: FibPlace | undefined;
  /** What the last configuration said about what is installed, as text. */
  #installKey = '';
  /** Families whose kernel routes were there when we started. */
  preserved: readonly Family[] = [];

  constructor(ports: RouteSettingsPorts, routing: Routing) {
    this.#ports = ports;
    this.#routing = routing;
    this.#redistribution = new Redistribution(ports, routing.ribs, () => { routing.changed(); });
  }

  /** The first time, routes of an earlier life are adopted before anything is said to anybody. */
  async apply(global: GlobalSection, { filters = NO_FILTERS, originate = NOTHING_ORIGINATED }: Partial<SpeakerConfig>): Promise<void> {
    await this.#placeRoutes(global.kernel);
    this.#applyInstall(global, filters);
    this.#originate(originate);
  }

  /** Every filter of a configuration, which may ask for the names of interfaces. */
  compile({ filters }: SpeakerConfig['filters']): Filters {
    return compileFilters(filters, (index) => this.#ports.resolver.interfaceName?.(index));
  }

  [Symbol.dispose](): void { this.#redistribution[Symbol.dispose](); }

  async #placeRoutes({ table, metric, metric6 }: FibPlace): Promise<void> {
    const known = this.#place;
    if (known?.table === table && known.metric === metric && known.metric6 === metric6) return;
    const { fibSync, ribs } = this.#routing;
    const place: FibPlace = { table, metric, metric6 };
    const port = this.#ports.fib(place);
    if (known === undefined) await fibSync.adopt(port);
    else if (known.table === table) await fibSync.rebase(port);
    else await fibSync.move(port);
    this.#place = place;
    if (known !== undefined) return;
    this.preserved = FAMILIES.filter((family) => ribs[family].fib.adopted.size > 0);
    if (this.preserved.length > 0) for (const family of FAMILIES) ribs[family].isDeferring = true;
  }

  #applyInstall({ kernel }: GlobalSection, filters: SpeakerConfig['filters']): void {
    const key = JSON.stringify([kernel, filters]);
    if (key === this.#installKey) return;
    this.#installKey = key;
    const compiled = this.compile(filters);
    const { install, filter, maximumPaths } = kernel;
    for (const family of FAMILIES) {
      this.#routing.ribs[family].setPolicy({
        install, maximumPaths,
        filter: filter === undefined ? undefined : chainOf([filter], compiled, undefined),
        normalMetric: kernel.metricFromLocalPref === true ? metricFor(kernel, family) : undefined,
      });
    }
    const redistributed = filters.filters.find((f) => f.name === kernel.redistribute);
    this.#redistribution.configure(kernel, compiled, JSON.stringify(redistributed ?? null));
  }

  #originate({ routes, statics = [] }: OriginateSection): void {
    const wanted: Record<Family, Map<Prefix, Originated>> = { ipv4: new Map(), ipv6: new Map() };
    for (const { prefix: text, ...how } of routes) {
      const packed = prefix(text);
      wanted[familyOf(packed)].set(packed, how);
    }
    const gateways = new Map<Prefix, Ip>(statics.map((s) => [prefix(s.prefix), ip(s.via)]));
    this.#routing.setStatics(gateways);
    for (const family of FAMILIES) this.#routing.ribs[family].originate(wanted[family]);
  }
}
