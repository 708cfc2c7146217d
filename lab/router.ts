/** The ToR router: BIRD 2 on the switch, with a host behind it. It peers with every node by eBGP, one session a family. */
import { writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { runOrThrow } from '../sys/exec.ts';
import { Daemon } from './daemon.ts';
import { Machine } from './machine.ts';
import { HOST, NODE_ASN, TOR, TOR_ASN, TOR_TOWARDS_HOST, type MachineAddress } from './plan.ts';
import { configureLink } from './switch.ts';

/** Where `birdc` looks unless told. */
const SOCKET = '/run/bird/bird.ctl';

export class Router {
  readonly machine: Machine;
  readonly host: Machine;
  readonly bird: Daemon;
  readonly #nodes: readonly MachineAddress[];

  constructor(lab: string, nodes: readonly MachineAddress[]) {
    this.machine = new Machine(lab, TOR.name, { disks: false });
    this.host = new Machine(lab, HOST.name, { disks: false });
    this.#nodes = nodes;
    this.bird = new Daemon(this.machine, 'bird', ['bird', '-f', '-c', '/run/lab/bird.conf', '-s', SOCKET]);
  }

  /** After the switch has given the router its `eth0`. */
  async start(): Promise<void> {
    await Promise.all([this.machine.boot(), this.host.boot()]);
    await this.#joinHost();
    writeFileSync(join(this.machine.directory, 'shared/bird.conf'), birdConfiguration(this.#nodes));
    await this.machine.execOrThrow(['mkdir', '-p', dirname(SOCKET)]);
    await this.bird.start();
  }

  async #joinHost(): Promise<void> {
    await runOrThrow('ip', ['-n', this.machine.namespace, 'link', 'add', 'eth1', 'type', 'veth', 'peer', 'name', 'eth0', 'netns', this.host.namespace]);
    await configureLink(this.machine.namespace, 'eth1', TOR_TOWARDS_HOST);
    await configureLink(this.host.namespace, 'eth0', HOST);
    await this.machine.execOrThrow(['sysctl', '-qw', 'net.ipv4.ip_forward=1', 'net.ipv6.conf.all.forwarding=1']);
    await runOrThrow('ip', ['-n', this.host.namespace, '-batch', '-'], {
      stdin: `route add default via ${TOR_TOWARDS_HOST.address4}\nroute add default via ${TOR_TOWARDS_HOST.address6}\n`,
    });
  }

  /** What `birdc` says. */
  birdc(command: string): Promise<string> { return this.machine.execOrThrow(['birdc', '-s', SOCKET, ...command.split(' ')]); }
}

/** The host's network is announced to the nodes, what they announce goes into the kernel, nothing else either way. */
export function birdConfiguration(nodes: readonly MachineAddress[]): string {
  return `log stderr all;
router id ${TOR.address4};
protocol device { scan time 10; }
protocol direct { ipv4; ipv6; interface "eth1"; }
protocol kernel kernel4 { ipv4 { import none; export where source = RTS_BGP; }; merge paths on; }
protocol kernel kernel6 { ipv6 { import none; export where source = RTS_BGP; }; merge paths on; }
template bgp node {
  local as ${TOR_ASN};
  hold time 90;
  connect delay time 1;
  connect retry time 5;
  error wait time 1, 10;
}
${nodes.map(sessions).join('')}`;
}

const sessions = (node: MachineAddress): string => `
protocol bgp ${node.name}_v4 from node { neighbor ${node.address4} as ${NODE_ASN}; source address ${TOR.address4}; ipv4 { import all; export where source = RTS_DEVICE; }; }
protocol bgp ${node.name}_v6 from node { neighbor ${node.address6} as ${NODE_ASN}; source address ${TOR.address6}; ipv6 { import all; export where source = RTS_DEVICE; }; }
`;
