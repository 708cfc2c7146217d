/** The switches that join the machines, one a segment: Linux bridges in a namespace of their own, without an address, that carry frames and nothing else. */
import { runOrThrow, run } from '../sys/exec.ts';
import { POD_POOL4, namespaceOf } from './plan.ts';
import type { Leg, MachinePlan } from './topology.ts';

const NAME = 'switch';

export class Switch {
  readonly #lab: string;
  readonly #segments: readonly string[];

  constructor(lab: string, segments: readonly string[]) {
    this.#lab = lab;
    this.#segments = segments;
  }

  get namespace(): string { return namespaceOf(this.#lab, NAME); }

  async make(): Promise<void> {
    await runOrThrow('ip', ['netns', 'add', this.namespace]);
    await this.#batch(['link set lo up', ...this.#segments.flatMap((segment) => [
      // No multicast snooping (neighbour discovery must pass at once), no spanning tree.
      `link add ${bridge(segment)} type bridge stp_state 0 forward_delay 0 mcast_snooping 0`,
      `link set ${bridge(segment)} addrgenmode none`,
      `link set ${bridge(segment)} up`,
    ])]);
    await this.#refusePodNeighbours();
  }

  /**
   * Pods must be reached through routes. So the switch drops ARP and neighbour solicitations for pod addresses:
   * nobody can answer for a pod on the wire, and a missing route is a missing route.
   */
  async #refusePodNeighbours(): Promise<void> {
    const rules = `
      table bridge tortie_lab {
        chain forward {
          type filter hook forward priority 0;
          arp daddr ip ${POD_POOL4} drop
          icmpv6 type nd-neighbor-solicit @th,64,64 0xfd00001002440000 drop
        }
      }`;
    await runOrThrow('ip', ['netns', 'exec', this.namespace, 'nft', '-f', '-'], { stdin: rules });
  }

  /** Gives each machine a device for each of its legs, with its addresses, on a port of its own, and the machine's routes. */
  async attach(machines: readonly MachinePlan[]): Promise<void> {
    await this.#batch(machines.flatMap((m) => m.legs.flatMap((leg, i) => [
      `link add ${port(m.name, i)} type veth peer name eth${i} address ${hardwareAddress(leg)} netns ${namespaceOf(this.#lab, m.name)}`,
      `link set ${port(m.name, i)} addrgenmode none master ${bridge(leg.segment)} up`,
    ])));
    await Promise.all(machines.map((m) => configure(namespaceOf(this.#lab, m.name), m)));
  }

  /** The cables of one machine: the machine sees its carrier go and come. */
  async setCable({ name, legs }: MachinePlan, connected: boolean): Promise<void> {
    await this.#batch(legs.map((_, i) => `link set ${port(name, i)} ${connected ? 'up' : 'down'}`));
  }

  /** A machine that is gone has taken its links along; this removes ports that are still there. */
  async removePorts({ name, legs }: MachinePlan): Promise<void> {
    await Promise.all(legs.map((_, i) => run('ip', ['-n', this.namespace, 'link', 'del', port(name, i)])));
  }

  #batch(lines: readonly string[]): Promise<string> {
    return runOrThrow('ip', ['-n', this.namespace, '-batch', '-'], { stdin: `${lines.join('\n')}\n` });
  }
}

const bridge = (segment: string): string => `br-${segment}`;
const port = (machine: string, leg: number): string => `${machine}.${leg}`;

/** A machine keeps its network card over a crash: the others' neighbour caches stay right. */
function hardwareAddress({ address4, address6 }: Leg): string {
  const bytes = address4 === undefined ? hostPart(address6) : address4.split('.').map(Number);
  return ['02', address4 === undefined ? '56' : '54', ...bytes.map((byte) => byte.toString(16).padStart(2, '0'))].join(':');
}

/** The last 16 bits of an IPv6 address that ends in a group, such as `fd99::12`. */
function hostPart(address6: string | undefined): number[] {
  const last = Number.parseInt(address6?.split(':').at(-1) ?? '', 16) || 0;
  return [0, 0, last >> 8, last & 255];
}

/** The addresses of each leg with /24 and /64, usable at once; then the machine's routes and no others. */
async function configure(namespace: string, { legs, routes = [] }: MachinePlan): Promise<void> {
  await runOrThrow('ip', ['-n', namespace, '-batch', '-'], { stdin: [
    'link set lo up',
    ...legs.flatMap(({ address4, address6 }, i) => [
      `link set eth${i} up`,
      ...(address4 === undefined ? [] : [`addr add ${address4}/24 dev eth${i}`]),
      ...(address6 === undefined ? [] : [`addr add ${address6}/64 dev eth${i} nodad`]),
    ]),
    ...routes.map((r) => `route add ${r}`),
    '',
  ].join('\n') });
}
