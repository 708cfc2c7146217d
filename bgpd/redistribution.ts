/** Redistribution: the kernel's routes of other owners become candidates to be announced, as the configuration asks. */
import type { GlobalSection } from '../config/messages/speaker-config.ts';
import { FAMILIES, familyOf, type Family, type Prefix } from '../lib/ip/prefix.ts';
import { metricFor } from './kernel/view.ts';
import type { ForeignCandidate, ForeignRoutesPort } from './ports.ts';
import type { FamilyRib } from './rib/family-rib.ts';
import { priorityAsLocalPref } from './rib/fib.ts';
import { chainOf, type Filters, type RouteFilter } from './rib/filter.ts';
import type { Redistributed } from './rib/own-routes.ts';

export interface RedistributionPorts {
  /** Absent: there is no kernel to take routes from. */
  readonly foreign?: ForeignRoutesPort;
}

type Settings = GlobalSection['kernel'];

export class Redistribution implements Disposable {
  readonly #foreign: ForeignRoutesPort | undefined;
  readonly #ribs: Readonly<Record<Family, FamilyRib>>;
  readonly #changed: () => void;
  #following: Disposable | undefined;
  #filter: RouteFilter | undefined;
  /** What the last configuration said, as text. */
  #key = '';
  #settings: Settings | undefined;

  constructor({ foreign }: RedistributionPorts, ribs: Readonly<Record<Family, FamilyRib>>, changed: () => void) {
    this.#foreign = foreign;
    this.#ribs = ribs;
    this.#changed = changed;
  }

  /** Follows the settings. `filterTexts` tells when the rules of a filter changed although its name did not. */
  configure(settings: Settings, filters: Filters, filterTexts: string): void {
    if (this.#foreign === undefined) return;
    const { redistribute, ignoredInterfaces = [] } = settings;
    if (JSON.stringify(ignoredInterfaces) !== JSON.stringify(this.#settings?.ignoredInterfaces ?? [])) this.#foreign.ignoreInterfaces(ignoredInterfaces);
    const key = JSON.stringify([redistribute, settings.metricFromLocalPref, settings.metric, settings.metric6, filterTexts]);
    this.#settings = settings;
    if (key === this.#key) return;
    this.#key = key;
    if (redistribute === undefined) { this.#stop(); return; }
    this.#following?.[Symbol.dispose](); // following anew tells of all routes again: they are judged anew, one by one
    this.#filter = chainOf([redistribute], filters, undefined);
    this.#following = this.#foreign.follow((changes) => { this.#onChanges(changes); });
  }

  [Symbol.dispose](): void { this.#following?.[Symbol.dispose](); }

  #stop(): void {
    if (this.#following === undefined) return;
    this.#following[Symbol.dispose]();
    this.#following = undefined;
    for (const family of FAMILIES) this.#ribs[family].endRedistribution();
    this.#changed();
  }

  #onChanges(changes: ReadonlyMap<Prefix, ForeignCandidate | undefined>): void {
    for (const family of FAMILIES) {
      const own = new Map<Prefix, Redistributed | undefined>();
      for (const [prefix, candidate] of changes) {
        if (familyOf(prefix) === family) own.set(prefix, candidate && this.#redistributed(candidate, family));
      }
      if (own.size > 0) this.#ribs[family].redistribute(own, this.#filter);
    }
    this.#changed();
  }

  /** A route without a metric of its own, such as a connected one, has the normal one. */
  #redistributed({ kind, metric, gateway, interfaceIndex }: ForeignCandidate, family: Family): Redistributed {
    const settings = this.#settings!;
    const via = { gateway, interfaceIndex };
    if (settings.metricFromLocalPref !== true) return { via };
    const priority = kind === 'connected' || metric === 0 ? metricFor(settings, family) : metric;
    return { via, localPref: priorityAsLocalPref(priority) };
  }
}
