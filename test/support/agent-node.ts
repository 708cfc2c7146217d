/**
 * One node for tests of the agent: a network namespace with the real API server and the real agent in it, pods in
 * namespaces of their own, and the real CNI executable run on them as a container runtime does.
 */
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { connect, createServer, type AddressInfo, type Server } from 'node:net';
import { join, resolve } from 'node:path';
import { parse } from 'yaml';
import { affinitySelector } from '../../ipam/blocks/names.ts';
import type { BlockSpec } from '../../ipam/blocks/block.ts';
import type { KubeClient, KubeObject, Resource } from '../../sys/kube/client.ts';
import { openKube } from '../../sys/kube/https-client.ts';
import { accessFromFile } from '../../sys/kube/kubeconfig.ts';
import { systemClock } from '../../sys/clock.ts';
import { eventually } from './eventually.ts';
import { Namespaces, type Netns, type Process } from './namespaces.ts';

const CHECKOUT = resolve('.');
const SHIM = join(CHECKOUT, 'build/tortie-cni');
const NODE = [process.execPath, '--disable-warning=ExperimentalWarning'] as const;
export const NODE_NAME = 'n1';
const API_PORT = 6443;

const core = (plural: string, namespaced: boolean): Resource => ({ group: '', version: 'v1', plural, namespaced });
export const PODS = core('pods', true);
const NODES = core('nodes', false);
const CRDS: Resource = { group: 'apiextensions.k8s.io', version: 'v1', plural: 'customresourcedefinitions', namespaced: false };
export const calico = (plural: string): Resource => ({ group: 'projectcalico.org', version: 'v3', plural, namespaced: false });

export interface CniOutcome { readonly status: number | null; readonly stdout: string; /** Standard output as JSON; empty when there was none. */ readonly json: Record<string, unknown> }

export interface TestPod {
  readonly name: string;
  readonly containerId: string;
  readonly netns: Netns;
}

export interface AgentNodeOptions {
  /** Pools by name: CIDR and block size. */
  readonly pools?: Readonly<Record<string, readonly [string, number]>>;
}

const POOLS = { p4: ['10.244.0.0/24', 26], p6: ['fd00:244::/112', 122] } as const;

export class AgentNode implements AsyncDisposable {
  readonly net: Namespaces;
  readonly node: Netns;
  readonly kube: KubeClient & Disposable;
  readonly kubeconfig: string;
  readonly state: string;
  readonly socket: string;
  readonly #forward: Server;
  #agent: Process | undefined;
  #pods = 0;

  private constructor(net: Namespaces, node: Netns, kubeconfig: string, kube: KubeClient & Disposable, forward: Server) {
    this.net = net;
    this.node = node;
    this.kubeconfig = kubeconfig;
    this.kube = kube;
    this.#forward = forward;
    this.state = join(net.directory, 'state');
    this.socket = join(net.directory, 'agent.sock');
  }

  /** API server with CRDs, a Node, and pools; no agent yet. */
  static async create(purpose: string, options: AgentNodeOptions = {}): Promise<AgentNode> {
    execFileSync('sh', ['scripts/build-shim.sh']);
    const net = await Namespaces.create(purpose);
    try {
      const node = net.add('node');
      const kubeconfig = join(net.directory, 'kubeconfig');
      const unix = join(net.directory, 'api.sock');
      node.spawn(NODE[0], [...NODE.slice(1), join(CHECKOUT, 'main.ts'), 'apiserver', '--data', join(net.directory, 'api'),
        '--listen', `127.0.0.1:${API_PORT}`, '--listen', `unix:${unix}`, '--kubeconfig', kubeconfig, '--server-url', `https://127.0.0.1:${API_PORT}`]);
      await eventually(20_000, () => { if (!existsSync(unix) || !existsSync(kubeconfig)) throw new Error('the API server has not started'); });
      const forward = await forwardTo(unix);
      const access = { ...accessFromFile(kubeconfig), server: `https://127.0.0.1:${(forward.address() as AddressInfo).port}` };
      const kube = openKube(access, { clock: systemClock, random: Math.random });
      await eventually(10_000, () => kube.raw('GET', '/apis'));
      await fill(kube, options.pools ?? POOLS);
      return new AgentNode(net, node, kubeconfig, kube, forward);
    } catch (error) {
      await net[Symbol.asyncDispose]();
      throw error;
    }
  }

  get agent(): Process {
    if (this.#agent === undefined) throw new Error('no agent was started');
    return this.#agent;
  }

  /** Starts the agent and waits until pods can be attached. `entry` is another program with the same options. */
  async startAgent(entry: readonly string[] = [join(CHECKOUT, 'main.ts'), 'agent'], env: Readonly<Record<string, string>> = {}): Promise<Process> {
    mkdirSync(join(this.net.directory, 'bin'), { recursive: true });
    const agent = this.node.spawn(NODE[0], [...NODE.slice(1), ...entry,
      '--node', NODE_NAME, '--kubeconfig', this.kubeconfig, '--socket', this.socket, '--bgpd-socket', join(this.net.directory, 'bgpd.sock'),
      '--state', this.state, '--cni-bin-dir', join(this.net.directory, 'bin'), '--cni-conf', join(this.net.directory, 'net.d/10-tortie.conflist')], env);
    this.#agent = agent;
    await eventually(20_000, () => {
      if (!agent.running) throw new Error(`the agent ended:\n${agent.output}`);
      if (!agent.output.includes('agent.ready')) throw new Error(`the agent is not ready:\n${agent.output}`);
    });
    return agent;
  }

  /** A Pod object and its namespace, not attached. */
  async pod(name = `pod-${this.#pods}`): Promise<TestPod> {
    const containerId = `${name}${'0123456789abcdef'.repeat(3)}${this.#pods}`.slice(-64);
    const netns = this.net.add(`p${this.#pods++}`);
    await this.kube.create(PODS, podObject(name));
    return { name, containerId, netns };
  }

  /** Runs the executable. `changes` are laid over the configuration's first plugin. */
  cni(command: string, pod: TestPod | undefined, changes: Readonly<Record<string, unknown>> = {}, env: Readonly<Record<string, string>> = {}, executable = SHIM): Promise<CniOutcome> {
    const child = spawn(executable, [], {
      env: {
        CNI_COMMAND: command, CNI_PATH: '/usr/lib/cni', TORTIE_AGENT_SOCKET: this.socket, TORTIE_QUEUE_DIRECTORY: join(this.state, 'queue'),
        ...(pod === undefined ? {} : {
          CNI_CONTAINERID: pod.containerId, CNI_NETNS: pod.netns.path, CNI_IFNAME: 'eth0',
          CNI_ARGS: `IgnoreUnknown=1;K8S_POD_NAMESPACE=default;K8S_POD_NAME=${pod.name};K8S_POD_INFRA_CONTAINER_ID=${pod.containerId}`,
        }),
        ...env,
      },
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    let stdout = '';
    child.stdout.on('data', (chunk: Buffer) => { stdout += chunk.toString(); });
    child.stdin.end(JSON.stringify({ ...this.configuration(), ...changes }));
    return new Promise((done) => {
      child.on('close', (status) => { done({ status, stdout, json: stdout.trim() === '' ? {} : JSON.parse(stdout) as Record<string, unknown> }); });
    });
  }

  /** What the agent has installed: the first plugin with the name and version of the list, as a runtime hands it over. */
  configuration(): Record<string, unknown> {
    const list = JSON.parse(readFileSync(join(this.net.directory, 'net.d/10-tortie.conflist'), 'utf8')) as { name: string; cniVersion: string; plugins: object[] };
    return { ...list.plugins[0], name: list.name, cniVersion: list.cniVersion };
  }

  async add(pod: TestPod, changes: Readonly<Record<string, unknown>> = {}): Promise<Record<string, unknown>> {
    const { status, json, stdout } = await this.cni('ADD', pod, changes);
    if (status !== 0) throw new Error(`ADD ${pod.name}: ${stdout}`);
    return json;
  }

  async del(pod: TestPod): Promise<void> {
    const { status, stdout } = await this.cni('DEL', pod);
    if (status !== 0) throw new Error(`DEL ${pod.name}: ${stdout}`);
  }

  /** As if the agent's disk had been lost. */
  forgetRecords(): void { rmSync(join(this.state, 'attachments'), { recursive: true }); }

  async annotations(pod: TestPod): Promise<Readonly<Record<string, string>>> {
    return (await this.kube.get<KubeObject>(PODS, pod.name, 'default'))?.metadata.annotations ?? {};
  }

  async specs(plural: string): Promise<Record<string, unknown>[]> {
    return (await this.kube.list<KubeObject>(calico(plural))).items.map((o) => o['spec'] as Record<string, unknown>);
  }

  /** What must be the same again when all pods are gone. Which ordinals are free in which order is not part of it. */
  async fingerprint(): Promise<object> {
    const blocks = await this.specs('ipamblocks') as unknown as BlockSpec[];
    const affinities = (await this.kube.list<KubeObject>(calico('blockaffinities'), { labelSelector: affinitySelector(NODE_NAME) })).items;
    const attachments = join(this.state, 'attachments');
    return {
      links: (this.node.json('link', 'show') as { ifname: string; ifalias?: string }[]).map((l) => `${l.ifname} ${l.ifalias ?? ''}`).sort(),
      routes: [...this.node.routes(4), ...this.node.routes(6, 'proto', '85')].map((r) => `${r.dst} ${r.dev ?? ''} ${r.protocol ?? ''}`).sort(),
      held: blocks.flatMap((b) => b.attributes.map((a) => a.handle_id)).sort(),
      affinities: affinities.map((a) => (a['spec'] as { state: string }).state),
      blocks: blocks.length,
      handles: (await this.specs('ipamhandles')).map((h) => h['handleID']).sort(),
      records: existsSync(attachments) ? readdirSync(attachments).sort() : [],
      queue: existsSync(join(this.state, 'queue')) ? readdirSync(join(this.state, 'queue')) : [],
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.kube[Symbol.dispose]();
    this.#forward.close();
    await this.net[Symbol.asyncDispose]();
  }
}

const podObject = (name: string): KubeObject => ({
  apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace: 'default' },
  spec: { nodeName: NODE_NAME, containers: [{ name: 'c', image: 'x' }] },
});

async function fill(kube: KubeClient, pools: NonNullable<AgentNodeOptions['pools']>): Promise<void> {
  const directory = join(CHECKOUT, 'deploy/crds/v3');
  await Promise.all(readdirSync(directory).map((f) => kube.create(CRDS, parse(readFileSync(join(directory, f), 'utf8')) as KubeObject)));
  await eventually(10_000, () => kube.list(calico('ipamblocks')));
  await kube.create(NODES, { apiVersion: 'v1', kind: 'Node', metadata: { name: NODE_NAME, annotations: { 'projectcalico.org/IPv4Address': '192.0.2.1/24' } } });
  for (const [name, [cidr, blockSize]] of Object.entries(pools)) {
    await kube.create(calico('ippools'), { apiVersion: 'projectcalico.org/v3', kind: 'IPPool', metadata: { name }, spec: { cidr, blockSize } });
  }
}

/** A TCP port of this machine that leads to a unix socket: the API server listens in the node's namespace only. */
async function forwardTo(path: string): Promise<Server> {
  const server = createServer((client) => {
    const target = connect(path);
    client.pipe(target).pipe(client);
    for (const socket of [client, target]) socket.on('error', () => { client.destroy(); target.destroy(); });
  });
  await new Promise<void>((done) => { server.listen(0, '127.0.0.1', done); });
  server.unref();
  return server;
}
