/** A kernel in memory for the speaker: routes that it keeps, next hops that it reaches, and everything it was asked to do. */
import type { FibPort, KernelRoute, Resolution, ResolverPort, RouteRefusal } from '../../bgpd/ports.ts';
import { UNREACHABLE } from '../../bgpd/ports.ts';
import type { Ip, Prefix } from '../../lib/ip/prefix.ts';
import { ip, prefix, showIp, showPrefix } from '../../lib/ip/text.ts';

export class FakeKernel {
  readonly routes = new Map<Prefix, KernelRoute>();
  /** Each write in order: `put 10.0.0.0/24 via 192.0.2.1`, `remove 10.0.0.0/24`. */
  readonly log: string[] = [];
  /** Names of interfaces. */
  readonly names = new Map<number, string>();
  /** Prefixes that are refused, and with what code. */
  readonly refusals = new Map<Prefix, string>();
  /** How many times each verb was called. */
  readonly calls = { list: 0, put: 0, remove: 0 };
  /** Most writes that were under way at one time. */
  mostAtOnce = 0;
  readonly #unreachable = new Set<Ip>();
  readonly #resolutions = new Map<Ip, Resolution>();
  readonly #listeners = new Set<() => void>();
  readonly #disturbed = new Set<() => void>();
  #running = 0;
  /** While closed, writes wait. */
  #gate: Promise<void> | undefined;
  #open: () => void = () => undefined;

  /** Routes as text, in order of prefixes. */
  get table(): string[] { return [...this.routes.values()].map(showRoute).sort(); }

  /** Everything written since the last call. */
  takeLog(): string[] { return this.log.splice(0); }

  /** Holds all writes back until `release`. */
  hold(): void { this.#gate ??= new Promise((resolve) => { this.#open = resolve; }); }
  release(): void { this.#gate = undefined; this.#open(); }

  /** A route that was there before the speaker started. */
  leave(text: string, ...gateways: string[]): void {
    const p = prefix(text);
    this.routes.set(p, gateways.length === 0
      ? { kind: 'blackhole', prefix: p }
      : { kind: 'unicast', prefix: p, nextHops: gateways.map((g) => ({ gateway: ip(g), interfaceIndex: 7 })) });
  }

  setUnreachable(...addresses: string[]): void { for (const a of addresses) this.#unreachable.add(ip(a)); this.changed(); }
  setReachable(...addresses: string[]): void { for (const a of addresses) this.#unreachable.delete(ip(a)); this.changed(); }
  setResolution(address: string, resolution: Partial<Resolution>): void {
    this.#resolutions.set(ip(address), { reachable: true, gateway: undefined, interfaceIndex: 7, metric: 0, ...resolution });
    this.changed();
  }
  changed(): void { for (const listener of [...this.#listeners]) listener(); }

  /** Somebody removes routes behind our back; `tells`: the kernel says so. */
  steal(tells: boolean, ...prefixes: string[]): void {
    for (const text of prefixes) this.routes.delete(prefix(text));
    if (tells) for (const listener of [...this.#disturbed]) listener();
  }

  /** All addresses are directly connected on interface 7 unless said otherwise. */
  get resolver(): ResolverPort {
    return {
      resolve: (address) => (this.#unreachable.has(address) ? UNREACHABLE
        : this.#resolutions.get(address) ?? { reachable: true, gateway: undefined, interfaceIndex: 7, metric: 0 }),
      interfaceName: (index) => this.names.get(index),
      onChange: (listener) => {
        this.#listeners.add(listener);
        return { [Symbol.dispose]: () => { this.#listeners.delete(listener); } };
      },
    };
  }

  get fib(): FibPort {
    return {
      list: () => { this.calls.list++; return Promise.resolve([...this.routes.values()]); },
      put: (routes) => { this.calls.put++; return this.#write(routes, (route) => { this.#put(route); }); },
      remove: (routes) => { this.calls.remove++; return this.#write(routes, (route) => { this.#remove(route); }); },
      onDisturbed: (listener) => {
        this.#disturbed.add(listener);
        return { [Symbol.dispose]: () => { this.#disturbed.delete(listener); } };
      },
    };
  }

  async #write(routes: readonly KernelRoute[], apply: (route: KernelRoute) => void): Promise<RouteRefusal[]> {
    this.mostAtOnce = Math.max(this.mostAtOnce, ++this.#running);
    await this.#gate;
    const refused: RouteRefusal[] = [];
    for (const route of routes) {
      const code = this.refusals.get(route.prefix);
      if (code === undefined) apply(route); else refused.push({ prefix: route.prefix, code, message: `${showPrefix(route.prefix)} is refused` });
    }
    this.#running--;
    return refused;
  }

  #put(route: KernelRoute): void {
    this.routes.set(route.prefix, route);
    this.log.push(`put ${showRoute(route)}`);
  }

  #remove(route: KernelRoute): void {
    this.routes.delete(route.prefix);
    this.log.push(`remove ${showPrefix(route.prefix)}`);
  }
}

/** `10.0.0.0/24 via 192.0.2.1 192.0.2.2`, or `10.0.0.0/26 blackhole`. */
function showRoute(route: KernelRoute): string {
  if (route.kind === 'blackhole') return `${showPrefix(route.prefix)} blackhole`;
  return `${showPrefix(route.prefix)} via ${route.nextHops.map((h) => (h.gateway === undefined ? 'link' : showIp(h.gateway))).sort().join(' ')}`;
}
