/** A lab as commands and scenario tests see it: start it, look at it, break it, ask from pod to pod. */
import { spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, writeFileSync } from 'node:fs';
import { OperationError } from '../lib/errors.ts';
import type { SpeakerStatus } from '../config/messages/bgpd-control.ts';
import { run, type ExecResult } from '../sys/exec.ts';
import { connect, type RpcClient } from '../sys/rpc.ts';
import { PROGRAM, checkInstallation, kubectlPath, tortie, tortiectl } from './installation.ts';
import type { PodView } from './kubelet.ts';
import { LabNode, Place } from './lab-node.ts';
import { lastLines } from './log-lines.ts';
import type { Breakage, LabMethods, LabView, PodAdd } from './messages.ts';
import { DEFAULT_NAME, POD_PORT, checkName, controlSocket, daemonLog, directoryOf, hostKubeconfig, supervisorLog, topologyFile } from './plan.ts';
import { removeLab } from './removal.ts';
import type { Told } from './supervisor.ts';
import { checkTopology, flat, type Topology } from './topology.ts';

export interface LabOptions {
  readonly name?: string;
  /** How many nodes, on one segment with a ToR router; 3 unless said. */
  readonly nodes?: number;
  /** Something else than that. */
  readonly topology?: Topology;
  /** Run the checkout's TypeScript instead of the bundle; unless said, when TORTIE_LAB_SOURCE is 1. */
  readonly source?: boolean;
  readonly port?: number;
  readonly progress?: (text: string) => void;
  /** The lab goes when this process goes. True for tests. */
  readonly owned?: boolean;
}

export type Protocol = 'tcp' | 'udp' | 'ping';
export type Ask = { readonly proto: Protocol; readonly address: string };
export type Answer = Ask & ({ readonly ok: true; readonly source: string; readonly microseconds: number } | { readonly ok: false; readonly reason: string });

export class Lab implements AsyncDisposable {
  readonly name: string;
  readonly #rpc: RpcClient<LabMethods>;
  readonly #view: LabView;

  private constructor(name: string, rpc: RpcClient<LabMethods>, view: LabView) {
    this.name = name;
    this.#rpc = rpc;
    this.#view = view;
  }

  /** Builds a lab and resolves when its API serves and its daemons are started. What a crashed lab of that name left is removed first. */
  static async up(given: LabOptions = {}): Promise<Lab> {
    const options = { source: process.env['TORTIE_LAB_SOURCE'] === '1', ...given };
    const name = checkName(options.name ?? DEFAULT_NAME);
    checkInstallation(options.source);
    if (await Lab.find(name) !== undefined) throw new OperationError('LAB_RUNS', { name, do: `npm run lab -- down --name ${name}` });
    await removeLab(name);
    try {
      await startSupervisor(name, checkTopology(options.topology ?? flat(options.nodes ?? 3)), options);
      return await Lab.open(name);
    } catch (error) {
      const said = lastLines(supervisorLog(name), 15);
      await removeLab(name);
      throw new OperationError('LAB_UP', { name, ...(said === '' ? {} : { log: said }) }, error);
    }
  }

  /** A lab that runs. Throws OperationError LAB_DOWN when there is none of that name. */
  static async open(name: string): Promise<Lab> {
    const lab = await Lab.find(name);
    if (lab === undefined) throw new OperationError('LAB_DOWN', { name, do: `npm run lab -- up${name === DEFAULT_NAME ? '' : ` --name ${name}`}` });
    return lab;
  }

  /** Undefined when no lab of that name answers. */
  static async find(name: string): Promise<Lab | undefined> {
    try {
      const rpc = await connect<LabMethods>(controlSocket(checkName(name)));
      return new Lab(name, rpc, await rpc.call('status', {}));
    } catch (error) {
      if (error instanceof OperationError && ['RPC_CONNECT', 'RPC_CLOSED'].includes(error.code)) return undefined;
      throw error;
    }
  }

  /** Removes every trace. */
  async down(): Promise<void> {
    this.close();
    await removeLab(this.name);
  }

  /** The lab stays, this connection to it goes. */
  close(): void { this.#rpc[Symbol.dispose](); }

  [Symbol.asyncDispose](): Promise<void> { return this.down(); }

  get kubeconfig(): string { return hostKubeconfig(this.name); }
  get nodeNames(): string[] { return this.#view.nodes.map((n) => n.name); }
  view(): Promise<LabView> { return this.#rpc.call('status', {}); }
  node(name: string): LabNode { return new LabNode(this, name); }
  get nodes(): LabNode[] { return this.nodeNames.map((n) => this.node(n)); }
  /** A router, the host, the API server's machine. */
  place(name: string): Place { return new Place(this, name); }
  get tor(): Place { return this.place('tor'); }
  get host(): Place { return this.place('host'); }

  async pod(name: string, options: Omit<PodAdd, 'name'> = {}): Promise<PodView> { return this.#rpc.call('podAdd', { name, ...options }); }
  async deletePod(name: string, namespace = 'default'): Promise<void> { await this.#rpc.call('podDel', { name, namespace }); }
  async heal(node?: string): Promise<readonly string[]> { return (await this.#rpc.call('heal', node === undefined ? {} : { node })).healed; }
  /** What `birdc` on a router says; `tor` unless said. */
  async birdc(command: string, router?: string): Promise<string> { return (await this.#rpc.call('birdc', router === undefined ? { command } : { command, router })).text; }
  /** `kill` is for routers too. */
  async break(what: Breakage, machine: string): Promise<void> { await this.#rpc.call('break', { what, node: machine }); }
  /** Sends a signal to a daemon of a machine; resolves with the pid it had. */
  async signal(machine: string, daemon: string, signal: NodeJS.Signals): Promise<number> {
    return (await this.#rpc.call('signal', { machine, daemon, signal })).pid;
  }
  async status(node: string): Promise<SpeakerStatus | null> { return (await this.#rpc.call('speaker', { node })).status; }

  /** Arguments of the lab's program that enter a node, a pod (by name or namespace/name), `tor`, `host` or `control`. */
  async entering(place: string, command: readonly string[]): Promise<string[]> {
    const view = await this.view();
    const machine = [...view.nodes, ...view.machines].find((m) => m.name === place);
    if (machine !== undefined) return enter(machine.initPid, place, undefined, command);
    const pod = view.pods.find((p) => p.name === place || `${p.namespace}/${p.name}` === place);
    if (pod === undefined) {
      const known = [...view.nodes, ...view.machines, ...view.pods].map((m) => m.name);
      throw new OperationError('LAB_PLACE', { place, expected: known.join(', ') });
    }
    return enter(view.nodes.find((n) => n.name === pod.node)?.initPid ?? null, pod.node, pod.netns, command);
  }

  async exec(place: string, command: readonly string[], timeoutMs = 30_000): Promise<ExecResult> {
    return run(PROGRAM, await this.entering(place, command), { timeoutMs });
  }

  /** Asks all targets at once from a place; answers come in the same order. */
  async ask(place: string, targets: readonly Ask[], timeoutMs = 2_000): Promise<Answer[]> {
    if (targets.length === 0) return [];
    const { stdout, stderr } = await this.exec(place, [PROGRAM, 'ask', '-t', String(timeoutMs),
      ...targets.map((t) => `${t.proto},${t.address},${POD_PORT}`)], timeoutMs + 20_000);
    const lines = stdout.trim().split('\n');
    if (lines.length !== targets.length) throw new OperationError('LAB_ASK', { place }, new Error(stderr.trim() || stdout));
    return lines.map((line, i) => answerOf(targets[i]!, line));
  }

  /** Asks one pod from a place. The source address that the other side saw, or undefined when there was no answer. */
  async reaches(from: string, to: PodView, how: { readonly proto: Protocol; readonly family: 'ipv4' | 'ipv6' }): Promise<string | undefined> {
    const address = to.addresses.find((a) => a.includes(':') === (how.family === 'ipv6'));
    if (address === undefined) throw new OperationError('LAB_POD_ADDRESS', { pod: to.name, family: how.family });
    const [answer] = await this.ask(from, [{ proto: how.proto, address }]);
    return answer?.ok === true ? answer.source : undefined;
  }

  kubectl(...args: string[]): Promise<ExecResult> { return run(kubectlPath(), ['--kubeconfig', this.kubeconfig, ...args]); }

  tortiectl(...args: string[]): Promise<ExecResult> {
    const [program, ...own] = tortiectl();
    return run(program!, [...own, ...args], { env: { ...process.env as Record<string, string>, KUBECONFIG: this.kubeconfig } });
  }

  /** Everything a person wants to see when a scenario failed: each node's routes, peers and last log lines. */
  async report(): Promise<string> {
    const view = await this.view();
    const routers = view.machines.filter((m) => m.daemons.some((d) => d.name === 'bird'));
    const parts = await Promise.all([...this.nodes.map((n) => n.report()), ...routers.map((r) => this.#routerReport(r.name, r.initPid !== null))]);
    return [...parts, `== supervisor\n${lastLines(supervisorLog(this.name), 10)}`].join('\n');
  }

  async #routerReport(name: string, runs: boolean): Promise<string> {
    if (!runs) return `== ${name}: down`;
    const routes = await Promise.all(['-4', '-6'].map((f) => this.exec(name, ['ip', f, 'route']).then((r) => r.stdout, String)));
    const sessions = await this.birdc('show protocols', name).catch(String);
    return [`== ${name}: routes`, ...routes, 'sessions:', sessions, 'bird log:', lastLines(daemonLog(this.name, name, 'bird'), 15)].join('\n');
  }
}

function enter(initPid: number | null, machine: string, net: string | undefined, command: readonly string[]): string[] {
  if (initPid === null) throw new OperationError('MACHINE_DOWN', { machine, do: `npm run lab -- heal ${machine}` });
  return ['enter', String(initPid), ...(net === undefined ? [] : ['--net', net]), '--', ...command];
}

function answerOf(target: Ask, line: string): Answer {
  const [, , verdict, ...rest] = line.split(' ');
  return verdict === 'ok'
    ? { ...target, ok: true, source: rest[0]!, microseconds: Number(rest[1]) }
    : { ...target, ok: false, reason: rest.join(' ') };
}

function startSupervisor(name: string, topology: Topology, options: LabOptions): Promise<void> {
  mkdirSync(directoryOf(name), { recursive: true });
  writeFileSync(topologyFile(name), JSON.stringify(topology));
  const log = openSync(supervisorLog(name), 'a');
  const [program, ...args] = [...tortie(options.source ?? false), 'lab', 'supervise', '--name', name,
    '--port', String(options.port ?? 0), ...(options.source ? ['--source'] : []), ...(options.owned ? ['--owned'] : [])];
  const child = spawn(program!, args, { detached: true, stdio: ['ignore', log, log, 'ipc'] });
  closeSync(log);
  return new Promise((resolve, reject) => {
    const end = (settle: () => void): void => {
      child.unref();
      if (options.owned) child.channel?.unref();
      else child.disconnect();
      settle();
    };
    child.on('message', (told: Told) => {
      if ('progress' in told) options.progress?.(told.progress);
      else if ('ready' in told) end(resolve);
      else end(() => { reject(new Error(told.failed)); });
    });
    child.once('exit', (code) => { reject(new Error(`the supervisor ended with ${code ?? 'a signal'}`)); });
    child.once('error', reject);
  });
}
