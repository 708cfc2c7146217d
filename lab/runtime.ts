/** A container runtime as far as networking goes: a pod's namespace with a responder in it, and the CNI executables run on it. */
import { randomBytes } from 'node:crypto';
import { closeSync, openSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { OperationError } from '../lib/errors.ts';
import { PROGRAM } from './installation.ts';
import { DISKS, type Machine } from './machine.ts';
import type { PodPortObject } from './objects.ts';
import { POD_PORT, daemonLog } from './plan.ts';
import { identify, signal, type ProcessIdentity } from './process.ts';

const CNI_PATH = '/opt/cni/bin';
const INTERFACE = 'eth0';
const TIMEOUT_MS = 60_000;

export interface SandboxRequest {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  /** Name of the pod's (first) container. */
  readonly container: string;
  readonly ports: readonly PodPortObject[];
}

/** A pod's network as the runtime remembers it. */
export interface Sandbox extends SandboxRequest {
  readonly containerId: string;
  /** File of the network namespace, inside the node; it does not exist any more after a crash of the node. */
  readonly netns: string;
  /** The network configuration of its ADD: DEL uses the same. */
  readonly list: NetworkList;
  /** Result of the last plugin of the chain; undefined until ADD has succeeded. */
  result: AddResult | undefined;
  responder: ProcessIdentity | undefined;
}

export interface AddResult { readonly ips?: readonly { readonly address: string }[]; readonly [field: string]: unknown }
interface PluginConfiguration { readonly type: string; readonly capabilities?: Readonly<Record<string, boolean>>; readonly [field: string]: unknown }
interface NetworkList { readonly cniVersion: string; readonly name: string; readonly plugins: readonly PluginConfiguration[] }

export class Runtime {
  readonly #machine: Machine;

  constructor(machine: Machine) { this.#machine = machine; }

  /** The node's network configuration: the first file by name, as every runtime chooses. Undefined: not ready. */
  networkList(): NetworkList | undefined {
    const folder = join(this.#machine.directory, DISKS['/etc/cni/net.d']!);
    const first = readdirSync(folder).filter((f) => /\.(conflist|conf|json)$/.test(f)).sort()[0];
    if (first === undefined) return undefined;
    const read = JSON.parse(readFileSync(join(folder, first), 'utf8')) as Partial<NetworkList> & PluginConfiguration;
    return { cniVersion: read.cniVersion ?? '0.1.0', name: read.name ?? '', plugins: read.plugins ?? [read] };
  }

  /** Makes the namespace, starts the responder, runs ADD down the chain. After a failure everything is taken back with DEL. */
  async add(request: SandboxRequest): Promise<Sandbox> {
    const list = this.networkList();
    if (list === undefined) throw new OperationError('RUNTIME_NOT_READY', { reason: 'no network configuration in /etc/cni/net.d' });
    const containerId = randomBytes(32).toString('hex');
    const netns = `/run/netns/cni-${containerId.slice(0, 16)}`;
    const sandbox: Sandbox = { ...request, containerId, netns, list, result: undefined, responder: undefined };
    await this.#machine.execOrThrow(['ip', 'netns', 'add', netns.slice('/run/netns/'.length)]);
    try {
      sandbox.responder = await this.#startResponder(sandbox);
      for (const plugin of list.plugins) sandbox.result = await this.#run('ADD', sandbox, plugin);
      return sandbox;
    } catch (error) {
      sandbox.result = undefined;
      await this.remove(sandbox);
      throw error;
    }
  }

  /** DEL up the chain, then the namespace goes. `netnsGone` after a crash: plugins are told no namespace. Rejects if a DEL fails. */
  async remove(sandbox: Sandbox, netnsGone = false): Promise<void> {
    if (sandbox.responder !== undefined) signal(sandbox.responder, 'SIGKILL');
    for (const plugin of sandbox.list.plugins.toReversed()) await this.#run('DEL', sandbox, plugin, netnsGone ? '' : sandbox.netns);
    if (!netnsGone) await this.#machine.exec(['ip', 'netns', 'del', sandbox.netns.slice('/run/netns/'.length)]);
  }

  async #startResponder(sandbox: Sandbox): Promise<ProcessIdentity | undefined> {
    const log = openSync(daemonLog(this.#machine.lab, this.#machine.name, 'pods'), 'a');
    try {
      const { pid } = await this.#machine.start([PROGRAM, 'serve', String(POD_PORT)], { log, net: sandbox.netns });
      return identify(pid);
    } finally {
      closeSync(log);
    }
  }

  async #run(command: 'ADD' | 'DEL', sandbox: Sandbox, plugin: PluginConfiguration, netns = sandbox.netns): Promise<AddResult | undefined> {
    const { status, stdout, stderr } = await this.#machine.exec([`${CNI_PATH}/${plugin.type}`], {
      env: environment(command, sandbox, netns), stdin: JSON.stringify(configuration(sandbox, plugin)), timeoutMs: TIMEOUT_MS,
    });
    if (status !== 0) throw new OperationError('CNI_FAILED', { command, plugin: plugin.type, said: errorText(stdout, stderr), status: status ?? null });
    if (command === 'DEL' || stdout.trim() === '') return undefined;
    return JSON.parse(stdout) as AddResult;
  }
}

const environment = (command: string, sandbox: Sandbox, netns: string): Record<string, string> => ({
  PATH: process.env['PATH'] ?? '/usr/sbin:/usr/bin:/sbin:/bin',
  CNI_COMMAND: command,
  CNI_CONTAINERID: sandbox.containerId,
  CNI_NETNS: netns,
  CNI_IFNAME: INTERFACE,
  CNI_PATH,
  CNI_ARGS: ['IgnoreUnknown=1', `K8S_POD_NAMESPACE=${sandbox.namespace}`, `K8S_POD_NAME=${sandbox.name}`,
    `K8S_POD_INFRA_CONTAINER_ID=${sandbox.containerId}`, `K8S_POD_UID=${sandbox.uid}`].join(';'),
});

/** The plugin's part of the list with what the runtime inserts: name, version, previous result, and what it is capable of. */
function configuration(sandbox: Sandbox, plugin: PluginConfiguration): object {
  const { capabilities, ...rest } = plugin;
  const mappings = sandbox.ports.filter((p) => p.hostPort !== undefined)
    .map((p) => ({ hostPort: p.hostPort, containerPort: p.containerPort, protocol: (p.protocol ?? 'TCP').toLowerCase() }));
  const runtimeConfig = capabilities?.['portMappings'] === true && mappings.length > 0 ? { portMappings: mappings } : undefined;
  return {
    ...rest, name: sandbox.list.name, cniVersion: sandbox.list.cniVersion,
    ...(runtimeConfig ? { runtimeConfig } : {}), ...(sandbox.result ? { prevResult: sandbox.result } : {}),
  };
}

/** A plugin's error is JSON on standard output; anything else is shown as it is. */
function errorText(stdout: string, stderr: string): string {
  try {
    const e = JSON.parse(stdout) as { code?: number; msg?: string; details?: string };
    return `${e.msg ?? ''}${e.details ? `: ${e.details}` : ''} (CNI code ${e.code ?? '?'})`;
  } catch {
    return (stdout + stderr).trim().slice(0, 500);
  }
}
