/** The switch that joins the machines: a Linux bridge in a namespace of its own, without an address, that carries frames and nothing else. */
import { runOrThrow, run } from '../sys/exec.ts';
import { POD_POOL4, namespaceOf, type MachineAddress } from './plan.ts';

const NAME = 'switch';

export class Switch {
  readonly #lab: string;

  constructor(lab: string) { this.#lab = lab; }

  get namespace(): string { return namespaceOf(this.#lab, NAME); }

  async make(): Promise<void> {
    await runOrThrow('ip', ['netns', 'add', this.namespace]);
    await this.#batch([
      'link set lo up',
      // No multicast snooping (neighbour discovery must pass at once), no spanning tree.
      'link add br0 type bridge stp_state 0 forward_delay 0 mcast_snooping 0',
      'link set br0 addrgenmode none',
      'link set br0 up',
    ]);
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

  /** Gives each machine an `eth0` with its addresses, connected to a port of the machine's name. */
  async attach(machines: readonly MachineAddress[]): Promise<void> {
    await this.#batch(machines.flatMap(({ name, address4 }) => [
      `link add ${name} type veth peer name eth0 address ${hardwareAddress(address4)} netns ${namespaceOf(this.#lab, name)}`,
      `link set ${name} addrgenmode none master br0 up`,
    ]));
    await Promise.all(machines.map((m) => configureLink(namespaceOf(this.#lab, m.name), 'eth0', m)));
  }

  /** The cable of one machine: the machine sees its carrier go and come. */
  async setCable(machine: string, connected: boolean): Promise<void> {
    await runOrThrow('ip', ['-n', this.namespace, 'link', 'set', machine, connected ? 'up' : 'down']);
  }

  /** A machine that is gone has taken its link along; this removes a port that is still there. */
  async removePort(machine: string): Promise<void> { await run('ip', ['-n', this.namespace, 'link', 'del', machine]); }

  #batch(lines: readonly string[]): Promise<string> {
    return runOrThrow('ip', ['-n', this.namespace, '-batch', '-'], { stdin: `${lines.join('\n')}\n` });
  }
}

/** A machine keeps its network card over a crash: the others' neighbour caches stay right. */
const hardwareAddress = (address4: string): string =>
  ['02', '54', ...address4.split('.').map((byte) => Number(byte).toString(16).padStart(2, '0'))].join(':');

/** Both addresses with /24 and /64, usable at once; no route beyond the link. */
export async function configureLink(namespace: string, device: string, address: MachineAddress): Promise<void> {
  await runOrThrow('ip', ['-n', namespace, '-batch', '-'], { stdin: [
    'link set lo up',
    `link set ${device} up`,
    `addr add ${address.address4}/24 dev ${device}`,
    `addr add ${address.address6}/64 dev ${device} nodad`,
    '',
  ].join('\n') });
}
