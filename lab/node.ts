/** A node: a machine on the switch with the real `bfdd`, `bgpd` and `agent`, and a disk that outlives a crash. */
import { copyFileSync, existsSync, readdirSync, symlinkSync, writeFileSync, chmodSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { BGPD_SOCKET } from '../lib/ownership.ts';
import { OperationError } from '../lib/errors.ts';
import type { BgpdMethods, SpeakerStatus } from '../config/messages/bgpd-control.ts';
import { connect } from '../sys/rpc.ts';
import { Daemon } from './daemon.ts';
import { PLUGIN_DIRECTORY, SHIM, tortie } from './installation.ts';
import { DISKS, Machine } from './machine.ts';
import { Runtime } from './runtime.ts';
import type { Switch } from './switch.ts';
import type { NodePlan } from './topology.ts';

export type NodeState = 'running' | 'paused' | 'down';

export class Node {
  readonly plan: NodePlan;
  readonly machine: Machine;
  readonly runtime: Runtime;
  readonly daemons: readonly Daemon[];
  readonly #switch: Switch;
  #state: NodeState = 'down';
  #connected = true;

  constructor(lab: string, plan: NodePlan, uplink: Switch, options: { readonly source: boolean }) {
    this.plan = plan;
    this.#switch = uplink;
    this.machine = new Machine(lab, plan.name, { disks: true });
    this.runtime = new Runtime(this.machine);
    this.daemons = [
      new Daemon(this.machine, 'bfdd', [...tortie(options.source), 'bfdd']),
      new Daemon(this.machine, 'bgpd', [...tortie(options.source), 'bgpd']),
      new Daemon(this.machine, 'agent', [...tortie(options.source), 'agent', '--node', plan.name, '--kubeconfig', '/run/lab/kubeconfig']),
    ];
  }

  get name(): string { return this.plan.name; }
  get state(): NodeState { return this.#state; }
  get connected(): boolean { return this.#connected; }

  /** Boots a machine whose namespace hangs on the switch already, with its plugins in place. */
  async boot(kubeconfig: string): Promise<void> {
    await this.machine.boot();
    writeFileSync(join(this.machine.directory, 'shared/kubeconfig'), kubeconfig, { mode: 0o600 });
    this.#installPlugins();
    this.#state = 'running';
    for (const d of this.daemons) await d.start();
  }

  /** A crash: the cable first, so that no FIN leaves, then the init and with it everything. */
  async crash(): Promise<void> {
    if (this.#state === 'down') return;
    await this.#switch.setCable(this.plan, false);
    this.#state = 'down';
    for (const d of this.daemons) d.forget();
    await this.machine.kill();
    await this.#switch.removePorts(this.plan);
  }

  /** After a crash: same name, same disk, a new boot. */
  async reboot(kubeconfig: string): Promise<void> {
    await this.machine.makeNamespace();
    await this.#switch.attach([this.plan]);
    this.#connected = true;
    await this.boot(kubeconfig);
  }

  async setCable(connected: boolean): Promise<void> {
    if (this.#state !== 'down') await this.#switch.setCable(this.plan, connected);
    this.#connected = connected;
  }

  /** Stops or continues every daemon of the node; its kernel goes on forwarding. */
  pause(paused: boolean): void {
    if (this.#state === 'down') throw new OperationError('NODE_DOWN', { node: this.name });
    for (const d of this.daemons) d.kill(paused ? 'SIGSTOP' : 'SIGCONT');
    this.#state = paused ? 'paused' : 'running';
  }

  daemon(name: string): Daemon {
    const found = this.daemons.find((d) => d.name === name);
    if (found === undefined) throw new OperationError('NODE_DAEMON', { daemon: name, expected: this.daemons.map((d) => d.name).join(' or ') });
    return found;
  }

  /** What bgpd says of itself; null when it does not answer. */
  async speaker(): Promise<SpeakerStatus | null> {
    if (this.#state !== 'running') return null;
    try {
      using client = await connect<BgpdMethods>(this.machine.outside(BGPD_SOCKET));
      return await client.call('status', {});
    } catch {
      return null;
    }
  }

  /** Our shim under both names, and Debian's plugins for chaining. */
  #installPlugins(): void {
    const folder = join(this.machine.directory, DISKS['/opt/cni/bin']!);
    mkdirSync(folder, { recursive: true });
    for (const name of ['tortie', 'tortie-ipam']) {
      copyFileSync(SHIM, join(folder, name));
      chmodSync(join(folder, name), 0o755);
    }
    for (const name of existsSync(PLUGIN_DIRECTORY) ? readdirSync(PLUGIN_DIRECTORY) : []) {
      if (!existsSync(join(folder, name))) symlinkSync(join(PLUGIN_DIRECTORY, name), join(folder, name));
    }
  }
}
