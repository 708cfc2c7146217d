/** The process behind a lab: builds what its topology says, keeps its daemons and pods running, and does what the commands ask over its socket. */
import { existsSync, mkdirSync, statSync } from 'node:fs';
import { OperationError, messageOf } from '../lib/errors.ts';
import type { KubeClient } from '../sys/kube/client.ts';
import { openKube } from '../sys/kube/https-client.ts';
import { accessFromFile } from '../sys/kube/kubeconfig.ts';
import { systemClock } from '../sys/clock.ts';
import { serve, type Handlers } from '../sys/rpc.ts';
import { ControlPlane, installCluster } from './control-plane.ts';
import { BUNDLE } from './installation.ts';
import { Kubelet } from './kubelet.ts';
import { Machine } from './machine.ts';
import { BREAKAGES, type LabMethods, type LabView, type MachineView, type NodeView, type PodAdd } from './messages.ts';
import type { Daemon } from './daemon.ts';
import { Node } from './node.ts';
import { NODES, PODS, agentPod, nodeObject, nodeStatus, workloadPod, type PodObject } from './objects.ts';
import { TOR, controlSocket, directoryOf, hostKubeconfig } from './plan.ts';
import { pause, recordProcess } from './process.ts';
import { SUPERVISOR } from './removal.ts';
import { Router } from './router.ts';
import { Switch } from './switch.ts';
import type { MachinePlan, Topology } from './topology.ts';

export interface SupervisorOptions {
  readonly name: string;
  readonly topology: Topology;
  /** Run the checkout's TypeScript instead of the bundle. */
  readonly source: boolean;
  /** Port on this host's loopback address; 0: any free one. */
  readonly port: number;
  /** Told what is being done. */
  readonly progress: (text: string) => void;
}

const POD_WITHIN_MS = 60_000;

export class Supervisor implements AsyncDisposable {
  readonly #options: SupervisorOptions;
  readonly #startedAtMs = Date.now();
  readonly #switch: Switch;
  readonly #routers: ReadonlyMap<string, Router>;
  readonly #hosts: readonly { readonly plan: MachinePlan; readonly machine: Machine }[];
  readonly #control: ControlPlane;
  readonly #nodes: ReadonlyMap<string, Node>;
  #client: KubeClient | undefined;
  #kubelet: Kubelet | undefined;
  #socket: AsyncDisposable | undefined;
  #apiPort = 0;

  constructor(options: SupervisorOptions) {
    const { name, topology } = options;
    this.#options = options;
    this.#switch = new Switch(name, topology.segments);
    this.#routers = new Map(topology.routers.map((plan) => [plan.name, new Router(name, plan, this.#switch)]));
    this.#hosts = topology.hosts.map((plan) => ({ plan, machine: new Machine(name, plan.name, { disks: false }) }));
    this.#control = new ControlPlane(name, topology.control, options);
    this.#nodes = new Map(topology.nodes.map((plan) => [plan.name, new Node(name, plan, this.#switch, options)]));
  }

  async start(): Promise<void> {
    const { name, progress, topology } = this.#options;
    mkdirSync(directoryOf(name), { recursive: true });
    recordProcess(directoryOf(name), SUPERVISOR, process.pid);
    const nodes = [...this.#nodes.values()];
    progress(`switch, ${names([...topology.routers, ...topology.hosts])}${nodes.length} nodes: namespaces and cables`);
    await this.#makeNetwork();
    progress('API server');
    this.#apiPort = await this.#control.start(this.#options.port);
    progress('routers (BIRD)');
    await Promise.all([...this.#routers.values()].map((r) => r.start()).concat(this.#hosts.map((h) => h.machine.boot())));
    const client = openKube(accessFromFile(hostKubeconfig(name)), { clock: systemClock, random: Math.random });
    this.#client = client;
    progress('custom resources, default pools, BGP peers, nodes');
    await installCluster(client, topology);
    for (const node of nodes) await this.#register(node);
    progress(`bfdd, bgpd and agent on ${nodes.length} nodes`);
    for (const node of nodes) await node.boot(this.#control.kubeconfigFor(node.plan));
    this.#kubelet = new Kubelet(client, this.#nodes);
    this.#kubelet.start();
    this.#socket = await serve<LabMethods>(controlSocket(name), this.#handlers());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#kubelet?.stop();
    this.#control.stop();
    await this.#socket?.[Symbol.asyncDispose]();
  }

  async #makeNetwork(): Promise<void> {
    const { topology } = this.#options;
    await this.#switch.make();
    const machines = [this.#control, ...this.#routers.values(), ...this.#hosts, ...this.#nodes.values()].map((m) => m.machine);
    await Promise.all(machines.map((m) => m.makeNamespace()));
    await this.#switch.attach([topology.control, ...topology.routers, ...topology.hosts, ...topology.nodes]);
  }

  /** The node's object and its agent's: both are there before the agent asks. */
  async #register(node: Node): Promise<void> {
    const client = this.#api();
    const object = nodeObject(node.plan);
    await client.create(NODES, object);
    await client.patch(NODES, node.name, { status: object['status'] }, { type: 'merge', subresource: 'status' });
    const pod = agentPod(node.plan);
    await client.create(PODS, pod);
    await client.patch(PODS, pod.metadata.name, { status: pod.status }, { namespace: pod.metadata.namespace!, type: 'merge', subresource: 'status' });
  }

  #handlers(): Handlers<LabMethods> {
    return {
      status: () => this.#view(),
      speaker: async ({ node }) => ({ status: await this.#node(node).speaker() }),
      podAdd: (request) => this.#podAdd(request),
      podDel: async ({ name, namespace = 'default' }) => { await this.#podDel(name, namespace); return {}; },
      break: async ({ what, node }) => { await this.#break(what, node); return {}; },
      heal: async ({ node }) => ({ healed: await this.#heal(node) }),
      signal: ({ machine, daemon, signal }) => this.#signal(machine, daemon, signal),
      birdc: async ({ command, router = TOR.name }) => ({ text: await this.#router(router).birdc(command) }),
    };
  }

  async #podAdd({ name, namespace = 'default', node, timeoutMs = POD_WITHIN_MS }: PodAdd): Promise<ReturnType<Kubelet['pods']>[number]> {
    if (node !== undefined) this.#node(node);
    if (await this.#api().create(PODS, workloadPod(name, namespace, node)) === 'exists') {
      throw new OperationError('POD_EXISTS', { namespace, name });
    }
    const end = Date.now() + timeoutMs;
    for (;;) {
      const pod = this.#pods().pod(namespace, name);
      const object = pod && await this.#api().get<PodObject>(PODS, name, namespace);
      if (pod && object?.status?.phase === 'Running') return pod;
      if (Date.now() > end) throw new OperationError('POD_NOT_RUNNING', { namespace, name, waitedMs: timeoutMs, reason: this.#pods().problem(namespace, name) });
      await pause(20);
    }
  }

  async #podDel(name: string, namespace: string): Promise<void> {
    if (await this.#api().delete(PODS, name, { namespace }) === 'gone' && this.#pods().isGone(namespace, name)) {
      throw new OperationError('POD_UNKNOWN', { namespace, name });
    }
    const end = Date.now() + POD_WITHIN_MS;
    while (!this.#pods().isGone(namespace, name)) {
      if (Date.now() > end) throw new OperationError('POD_NOT_GONE', { namespace, name, reason: this.#pods().problem(namespace, name) });
      await pause(20);
    }
  }

  async #break(what: string, name: string): Promise<void> {
    const router = this.#routers.get(name);
    if (router !== undefined && what === 'kill') return router.crash();
    const node = this.#node(name);
    switch (what) {
      case 'link': await node.setCable(false); return;
      case 'pause': node.pause(true); return;
      case 'kill':
        await node.crash();
        await this.#api().patch(NODES, node.name, { status: nodeStatus(node.plan, false) }, { type: 'merge', subresource: 'status' });
        return;
      default: throw new OperationError('LAB_BREAK', { what, expected: BREAKAGES.join(', ') });
    }
  }

  /** Of one machine, or of all. */
  async #heal(name: string | undefined): Promise<string[]> {
    const healed: string[] = [];
    const routers = [...this.#routers.values()].filter((r) => name === undefined || r.name === name);
    for (const router of routers.filter((r) => r.machine.init === undefined)) {
      await router.reboot();
      healed.push(`${router.name}: booted again`);
    }
    if (name !== undefined && routers.length > 0) return healed;
    for (const node of name === undefined ? this.#nodes.values() : [this.#node(name)]) {
      if (node.state === 'down') {
        await node.reboot(this.#control.kubeconfigFor(node.plan));
        await this.#api().patch(NODES, node.name, { status: nodeStatus(node.plan, true) }, { type: 'merge', subresource: 'status' });
        healed.push(`${node.name}: booted again`);
        this.#pods().nodeIsBack(node);
      }
      if (node.state === 'paused') {
        node.pause(false);
        healed.push(`${node.name}: continued`);
        this.#pods().nodeIsBack(node);
      }
      if (!node.connected) {
        await node.setCable(true);
        healed.push(`${node.name}: cable in`);
      }
    }
    return healed;
  }

  #signal(machine: string, name: string, signal: NodeJS.Signals): { pid: number } {
    const daemon = this.#daemonsOf(machine).find((d) => d.name === name);
    if (daemon === undefined) {
      throw new OperationError('LAB_DAEMON', { machine, daemon: name, expected: this.#daemonsOf(machine).map((d) => d.name).join(' or ') });
    }
    const pid = daemon.view.pid;
    if (pid === null || !daemon.kill(signal)) throw new OperationError('LAB_DAEMON_DOWN', { machine, daemon: name });
    return { pid };
  }

  #daemonsOf(machine: string): readonly Daemon[] {
    const router = this.#routers.get(machine);
    if (router !== undefined) return [router.bird];
    if (machine === this.#control.machine.name) return [this.#control.apiserver];
    return this.#node(machine).daemons;
  }

  #view(): LabView {
    const machine = (m: Machine, { legs }: MachinePlan, daemons: readonly Daemon[]): MachineView =>
      ({ name: m.name, initPid: m.init?.pid ?? null, addresses: addressesOf(legs), daemons: daemons.map((d) => d.view) });
    const node = (n: Node): NodeView => ({ ...machine(n.machine, n.plan, n.daemons), state: n.state, connected: n.connected });
    return {
      name: this.#options.name, startedAtMs: this.#startedAtMs, bundleMs: bundleTime(), apiPort: this.#apiPort,
      kubeconfig: hostKubeconfig(this.#options.name),
      machines: [
        ...[...this.#routers.values()].map((r) => machine(r.machine, r.plan, [r.bird])),
        ...this.#hosts.map((h) => machine(h.machine, h.plan, [])),
        machine(this.#control.machine, this.#options.topology.control, [this.#control.apiserver]),
      ],
      nodes: [...this.#nodes.values()].map(node), pods: this.#pods().pods(),
    };
  }

  #router(name: string): Router {
    const router = this.#routers.get(name);
    if (router === undefined) throw new OperationError('LAB_ROUTER', { router: name, expected: [...this.#routers.keys()].join(', ') });
    return router;
  }

  #node(name: string): Node {
    const node = this.#nodes.get(name);
    if (node === undefined) throw new OperationError('LAB_NODE', { node: name, expected: [...this.#nodes.keys()].join(', ') });
    return node;
  }

  #api(): KubeClient {
    if (this.#client === undefined) throw new OperationError('LAB_STARTING');
    return this.#client;
  }

  #pods(): Kubelet {
    if (this.#kubelet === undefined) throw new OperationError('LAB_STARTING');
    return this.#kubelet;
  }
}

const addressesOf = (legs: MachinePlan['legs']): string[] => legs.flatMap(({ address4, address6 }) => [address4, address6]).filter((a) => a !== undefined);
const names = (machines: readonly MachinePlan[]): string => machines.map((m) => `${m.name}, `).join('');

const BUNDLE_MS = existsSync(BUNDLE) ? statSync(BUNDLE).mtimeMs : 0;
/** Of the bundle as it was when this process started. */
const bundleTime = (): number => BUNDLE_MS;

/** Runs a supervisor until SIGTERM, or until who started it goes away when it asked for that. */
export async function superviseUntilTold(options: Omit<SupervisorOptions, 'progress'>, tell: (message: Told) => void): Promise<void> {
  const supervisor = new Supervisor({ ...options, progress: (text) => { tell({ progress: text }); } });
  const told = new Promise<void>((resolve) => { process.once('SIGTERM', resolve); });
  try {
    await supervisor.start();
    tell({ ready: true });
    await told;
  } catch (error) {
    tell({ failed: messageOf(error) });
    throw error;
  } finally {
    await supervisor[Symbol.asyncDispose]();
  }
}

/** What a supervisor says to the command that starts it. */
export type Told = { readonly progress: string } | { readonly ready: true } | { readonly failed: string };
