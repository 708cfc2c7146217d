/** A router: a machine that forwards and runs BIRD 2, such as the ToR router of the flat lab. */
import { writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Daemon } from './daemon.ts';
import { Machine } from './machine.ts';
import { NODE_ASN, TOR, TOR_ASN, type MachineAddress } from './plan.ts';
import type { Switch } from './switch.ts';
import type { RouterPlan } from './topology.ts';

/** Where `birdc` looks unless told. */
const SOCKET = '/run/bird/bird.ctl';
const CONFIGURATION = '/run/lab/bird.conf';
/**
 * What `graceful restart` in a configuration needs: a BIRD that is started again, but not the first one, begins with recovery (-R), so that
 * routes in the kernel stay until its neighbours have sent theirs.
 */
const START = `run=/run/bird/ran; if [ -e $run ]; then again=-R; fi; : > $run; exec bird -f $again -c ${CONFIGURATION} -s ${SOCKET}`;

export class Router {
  readonly plan: RouterPlan;
  readonly machine: Machine;
  readonly bird: Daemon;
  readonly #switch: Switch;

  constructor(lab: string, plan: RouterPlan, uplink: Switch) {
    this.plan = plan;
    this.#switch = uplink;
    this.machine = new Machine(lab, plan.name, { disks: false });
    this.bird = new Daemon(this.machine, 'bird', ['sh', '-c', START]);
  }

  get name(): string { return this.plan.name; }

  /** After the switch has given the router its devices. */
  async start(): Promise<void> {
    await this.machine.boot();
    await this.machine.execOrThrow(['sysctl', '-qw', 'net.ipv4.ip_forward=1', 'net.ipv6.conf.all.forwarding=1']);
    writeFileSync(join(this.machine.directory, 'shared/bird.conf'), this.plan.bird);
    await this.machine.execOrThrow(['bird', '-p', '-c', CONFIGURATION]);
    await this.machine.execOrThrow(['mkdir', '-p', dirname(SOCKET)]);
    await this.bird.start();
  }

  /** The cables first, so that no FIN leaves, then everything in it. */
  async crash(): Promise<void> {
    if (this.machine.init === undefined) return;
    await this.#switch.setCable(this.plan, false);
    this.bird.forget();
    await this.machine.kill();
    await this.#switch.removePorts(this.plan);
  }

  /** After a crash. */
  async reboot(): Promise<void> {
    await this.machine.makeNamespace();
    await this.#switch.attach([this.plan]);
    await this.start();
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
