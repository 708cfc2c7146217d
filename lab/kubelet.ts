/** Scheduler and kubelet of all nodes: makes the pods that run equal to the Pod objects that there are. */
import { messageOf } from '../lib/errors.ts';
import { backoffMs } from '../lib/backoff.ts';
import type { DeleteOptions, KubeClient } from '../sys/kube/client.ts';
import type { Node } from './node.ts';
import { PODS, runningStatus, type PodObject } from './objects.ts';
import type { Sandbox } from './runtime.ts';

const RETRY = { firstMs: 500, maxMs: 10_000 };

export interface PodView {
  readonly namespace: string;
  readonly name: string;
  readonly node: string;
  readonly containerId: string;
  /** File of its network namespace, inside the node. */
  readonly netns: string;
  readonly addresses: readonly string[];
}

interface Running {
  readonly node: Node;
  /** The node's init when the pod was started: another one means that the node crashed since. */
  readonly initPid: number | undefined;
  readonly sandbox: Sandbox;
  /** The Pod object's status says that it runs. */
  reported: boolean;
}

/** One pod, by namespace and name: what is wanted, what runs, and that only one turn is taken at a time. */
interface Entry {
  wanted: PodObject | undefined;
  running: Running | undefined;
  busy: boolean;
  again: boolean;
  failures: number;
  lastError: string;
  timer: NodeJS.Timeout | undefined;
}

export class Kubelet {
  readonly #client: KubeClient;
  readonly #nodes: ReadonlyMap<string, Node>;
  readonly #entries = new Map<string, Entry>();
  #watch: Disposable | undefined;

  constructor(client: KubeClient, nodes: ReadonlyMap<string, Node>) {
    this.#client = client;
    this.#nodes = nodes;
  }

  start(): void {
    this.#watch = this.#client.watch<PodObject>(PODS, {}, {
      upsert: (pod) => { this.#want(pod, pod); },
      remove: (pod) => { this.#want(pod, undefined); },
      synced: () => { /* each object was told of already */ },
    });
  }

  stop(): void {
    this.#watch?.[Symbol.dispose]();
    for (const e of this.#entries.values()) clearTimeout(e.timer);
  }

  pods(): PodView[] {
    return [...this.#entries.values()].flatMap(({ running }) => (running === undefined ? [] : [viewOf(running)]));
  }

  pod(namespace: string, name: string): PodView | undefined {
    const running = this.#entries.get(`${namespace}/${name}`)?.running;
    return running === undefined ? undefined : viewOf(running);
  }

  /** Why a pod does not run yet; empty when nothing has failed. */
  problem(namespace: string, name: string): string { return this.#entries.get(`${namespace}/${name}`)?.lastError ?? ''; }

  /** Nothing of the pod is left: no object, no sandbox. */
  isGone(namespace: string, name: string): boolean {
    const e = this.#entries.get(`${namespace}/${name}`);
    return e === undefined || (e.wanted === undefined && e.running === undefined);
  }

  /** A node came back: what ran there is looked at again. */
  nodeIsBack(node: Node): void {
    for (const [key, e] of this.#entries) {
      if (e.running?.node === node || e.wanted?.spec.nodeName === node.name) void this.#turn(key, e);
    }
  }

  #want(pod: PodObject, wanted: PodObject | undefined): void {
    if (pod.spec.hostNetwork === true) return;
    const key = `${pod.metadata.namespace ?? 'default'}/${pod.metadata.name}`;
    const entry = this.#entries.get(key)
      ?? { wanted: undefined, running: undefined, busy: false, again: false, failures: 0, lastError: '', timer: undefined };
    this.#entries.set(key, entry);
    entry.wanted = wanted;
    void this.#turn(key, entry);
  }

  async #turn(key: string, entry: Entry): Promise<void> {
    if (entry.busy) { entry.again = true; return; }
    clearTimeout(entry.timer);
    entry.busy = true;
    try {
      do {
        entry.again = false;
        await this.#reconcile(entry);
      } while (entry.again);
      entry.failures = 0;
      entry.lastError = '';
      if (entry.wanted === undefined && entry.running === undefined) this.#entries.delete(key);
    } catch (error) {
      entry.lastError = messageOf(error);
      entry.timer = setTimeout(() => { void this.#turn(key, entry); }, backoffMs(entry.failures++, Math.random(), RETRY));
      await this.#reportFailure(entry);
    } finally {
      entry.busy = false;
      if (entry.again) void this.#turn(key, entry);
    }
  }

  async #reconcile(entry: Entry): Promise<void> {
    const { wanted, running } = entry;
    if (running !== undefined && !isCurrent(running, wanted)) {
      if (running.node.state !== 'running') throw new Error(`node ${running.node.name} is ${running.node.state}: it is looked at again once healed`);
      const crashed = running.initPid !== running.node.machine.init?.pid;
      await running.node.runtime.remove(running.sandbox, crashed);
      entry.running = undefined;
    }
    if (wanted === undefined) return;
    if (entry.running !== undefined) { await this.#reportRunning(entry.running); return; }
    if (wanted.metadata.deletionTimestamp !== undefined) {
      await this.#client.delete(PODS, wanted.metadata.name, { ...options(wanted), gracePeriodSeconds: 0 });
      return;
    }
    const name = wanted.spec.nodeName ?? await this.#schedule(wanted);
    const node = this.#nodes.get(name);
    if (node === undefined) throw new Error(`Pod.spec.nodeName: no node is called ${JSON.stringify(name)}`);
    if (node.state !== 'running') return;
    await this.#run(entry, wanted, node);
  }

  async #run(entry: Entry, pod: PodObject, node: Node): Promise<void> {
    const initPid = node.machine.init?.pid;
    const sandbox = await node.runtime.add({
      namespace: pod.metadata.namespace ?? 'default', name: pod.metadata.name, uid: pod.metadata.uid ?? '',
      container: pod.spec.containers[0]!.name, ports: pod.spec.containers.flatMap((c) => c.ports ?? []),
    });
    entry.running = { node, initPid, sandbox, reported: false };
    await this.#reportRunning(entry.running);
  }

  async #reportRunning(running: Running): Promise<void> {
    if (running.reported) return;
    const { namespace, name } = running.sandbox;
    await this.#client.patch(PODS, name, { status: runningStatus(running.sandbox.container, addressesOf(running.sandbox)) }, { namespace, type: 'merge', subresource: 'status' });
    running.reported = true;
  }

  /** The node with the fewest pods. */
  async #schedule(pod: PodObject): Promise<string> {
    const load = new Map([...this.#nodes.values()].filter((n) => n.state === 'running').map((n) => [n.name, 0]));
    for (const { wanted } of this.#entries.values()) {
      const name = wanted?.spec.nodeName;
      if (name !== undefined && load.has(name)) load.set(name, load.get(name)! + 1);
    }
    const least = [...load].sort((a, b) => a[1] - b[1])[0];
    if (least === undefined) throw new Error('no node is running');
    const { namespace = 'default', name } = pod.metadata;
    // A pod's node cannot be patched: schedulers bind it.
    await this.#client.raw('POST', `/api/v1/namespaces/${namespace}/pods/${name}/binding`,
      { apiVersion: 'v1', kind: 'Binding', metadata: { name }, target: { apiVersion: 'v1', kind: 'Node', name: least[0] } });
    return least[0];
  }

  async #reportFailure(entry: Entry): Promise<void> {
    const pod = entry.wanted;
    if (pod === undefined || entry.running !== undefined) return;
    try {
      await this.#client.patch(PODS, pod.metadata.name, { status: { phase: 'Pending', message: entry.lastError } },
        { namespace: pod.metadata.namespace ?? 'default', type: 'merge', subresource: 'status' });
    } catch { /* the next turn says it again */ }
  }
}

/** The same pod, on a machine that has not been started anew since, and still wanted. */
function isCurrent(running: Running, wanted: PodObject | undefined): boolean {
  return wanted !== undefined && wanted.metadata.deletionTimestamp === undefined && wanted.metadata.uid === running.sandbox.uid
    && running.initPid === running.node.machine.init?.pid;
}

/** A kubelet's last word: nothing of the pod runs any more. */
const options = (pod: PodObject): DeleteOptions => ({
  namespace: pod.metadata.namespace ?? 'default', gracePeriodSeconds: 0, ...(pod.metadata.uid === undefined ? {} : { uid: pod.metadata.uid }),
});

const addressesOf = (sandbox: Sandbox): string[] => (sandbox.result?.ips ?? []).map((ip) => ip.address.split('/')[0]!);

const viewOf = ({ node, sandbox }: Running): PodView => ({
  namespace: sandbox.namespace, name: sandbox.name, node: node.name, containerId: sandbox.containerId, netns: sandbox.netns,
  addresses: addressesOf(sandbox),
});
