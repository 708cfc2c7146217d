/** The part of the agent that serves pods: addresses, the CNI socket, repairs, and the configuration runtimes read. */
import { join } from 'node:path';
import type { Storage } from '../config/storage/storage.ts';
import { peeringLinks } from '../config/translate/local-workloads.ts';
import type { ClusterKind } from '../config/translate/snapshot.ts';
import type { Problem } from '../lib/errors.ts';
import { Ipam } from '../ipam/service.ts';
import { ipamStore } from '../ipam/store.ts';
import { ReconcileLoop } from '../sys/reconcile.ts';
import type { AgentOptions, AgentPorts } from './agent-ports.ts';
import { podText } from './attach.ts';
import type { ClusterSource } from './cluster.ts';
import { startCniServer } from './cni-server.ts';
import { makeQueue, replayQueue } from './del-queue.ts';
import type { Attachment } from './endpoints/attachment.ts';
import { familiesOf, gateOf, ipamViewOf } from './endpoints/ipam-view.ts';
import type { AgentMetrics } from './metrics.ts';
import { NetworkConfigurationFile } from './network-configuration.ts';
import { placePeeringAddresses } from './peering-addresses.ts';
import { Plugin, type PluginAnswer } from './plugin.ts';
import { podsIn } from './pods.ts';
import type { Registry } from './registry.ts';
import { repair, repairRoutes, type RepairPorts, type RepairReport } from './repair.ts';
import type { ShimRequest } from '../cni/protocol/frames.ts';

export interface PodServicePorts extends AgentPorts {
  readonly cluster: ClusterSource;
  readonly storage: Storage;
  readonly registry: Registry;
  readonly metrics: AgentMetrics;
}

export interface PodService extends AsyncDisposable {
  readonly problems: readonly Problem[];
  /** Address blocks of this node. */
  readonly blocks: readonly string[];
}

/** How long kernel, records and API may disagree when nobody says so. */
const REPAIR_MS = 30_000;
const RETRY = { firstMs: 500, maxMs: 10_000 };
/** Kinds that the network configuration, and the addresses for local workloads, are a function of. */
const POOL_KINDS: ReadonlySet<ClusterKind> = new Set(['IPPool', 'Node']);
const PEERING_KINDS: ReadonlySet<ClusterKind> = new Set(['Workload', 'BGPPeer', 'BGPConfiguration', 'Node']);

/** The cluster must be in sync. Resolves when pods can be attached. */
export async function startPodService(ports: PodServicePorts, options: AgentOptions): Promise<PodService> {
  const { cluster, kernel, registry, clock, log, random } = ports;
  const { node } = options;
  const view = (): ReturnType<typeof ipamViewOf> => ipamViewOf(cluster.snapshot(), node);
  const ipam = new Ipam({ store: ipamStore(ports.kube, ports.storage), clock, log, node, view });
  const attaching: RepairPorts = { registry, kernel, ipam, pods: podsIn(ports.kube), clock, log, node };
  const queue = join(options.state, 'queue');
  makeQueue(queue);

  let leftovers: RepairReport = { strayLinks: [], withoutLink: [] };
  let mtu = mtuOf(ports, node);
  const gate = (): string => gateOf(cluster.snapshot(), cluster.inSync);
  const plugin = new Plugin({ ...attaching, gate, mtu: () => mtu, onLeftover: () => { repairs.poke(); } });
  const answer = timed(ports, plugin);
  const loop = { clock, log, random, retry: RETRY, resyncMs: REPAIR_MS };
  const repairs = new ReconcileLoop({ ...loop, name: 'repair', run: async () => {
    mtu = mtuOf(ports, node);
    if (gate() !== '') return;
    leftovers = await repair(attaching);
    await replayQueue({ directory: queue, log, answer });
  } });
  const routes = new ReconcileLoop({ ...loop, name: 'routes', run: () => { repairRoutes(attaching); return Promise.resolve(); } });
  const peering = new ReconcileLoop({ ...loop, name: 'peering', run: () => {
    if (cluster.complete) placePeeringAddresses({ kernel, log }, peeringLinks(cluster.snapshot(), node));
    return Promise.resolve();
  } });
  const file = new NetworkConfigurationFile(options.cni, log);
  const stack = new AsyncDisposableStack();
  stack.use(repairs);
  stack.use(routes);
  stack.use(peering);
  stack.use(ports.watchRoutes(() => { routes.poke(); }));
  stack.use(await startCniServer(options.socket, { log, answer }));
  const write = (): Promise<void> => file.update(familiesOf(view()), cluster.snapshot().problems.some((p) => p.path.startsWith('IPPool/')));
  stack.use(cluster.onChange((change) => {
    const kind = 'kind' in change ? change.kind : undefined;
    if (kind === undefined || POOL_KINDS.has(kind)) void write();
    if (kind === undefined || PEERING_KINDS.has(kind)) peering.poke();
  }));
  repairs.poke();
  peering.poke();
  await write();
  return {
    get problems() { return [...poolProblems(cluster, node), ...leftovers.strayLinks.map(strayProblem), ...leftovers.withoutLink.map(lostLinkProblem)]; },
    get blocks() { return ipam.blocks; },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

function timed({ clock, metrics }: PodServicePorts, plugin: Plugin): (request: ShimRequest) => Promise<PluginAnswer> {
  return async (request) => {
    const start = clock.now();
    const answer = await plugin.answer(request);
    metrics.answered(answer.command, answer.code, (clock.now() - start) / 1000);
    return answer;
  };
}

/** The smallest of the links that carry the node's addresses; 0 when they are not known. */
function mtuOf({ cluster, kernel }: PodServicePorts, node: string): number {
  const found = cluster.snapshot().Node.get(node);
  const addresses = [found?.ipv4, found?.ipv6].flatMap((a) => (a === undefined ? [] : [a.address]));
  const mtus = addresses.map((a) => kernel.mtuOf(a)).filter((m) => m !== undefined);
  return mtus.length === 0 ? 0 : Math.min(...mtus);
}

function poolProblems(cluster: ClusterSource, node: string): Problem[] {
  if (familiesOf(ipamViewOf(cluster.snapshot(), node)).length > 0) return [];
  return [{ path: 'IPPool', message: 'there is no pool to take addresses from: expected at least one that is not disabled' }];
}

const strayProblem = (link: string): Problem =>
  ({ path: `kernel/link/${link}`, message: 'has our mark, but there is no record of it: its container may live, so it is left alone' });

const lostLinkProblem = (a: Attachment): Problem =>
  ({ path: `kernel/link/${a.hostInterface}`, message: `the link of ${podText(a)} is gone, and the container lives without a network: delete the pod, and it comes back with another` });
