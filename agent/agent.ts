/** The agent of a node, put together: the cluster comes in, bgpd is told, pods are attached, status goes out. */
import { join } from 'node:path';
import type { BgpdMethods } from '../config/messages/bgpd-control.ts';
import type { Clock } from '../lib/clock.ts';
import type { Problem } from '../lib/errors.ts';
import { connect } from '../sys/rpc.ts';
import type { AgentOptions, AgentPorts } from './agent-ports.ts';
import { askBgpd } from './bgpd-questions.ts';
import { startClearRequests } from './clear-requests.ts';
import { discoverStorage, startCluster, type ClusterSource } from './cluster.ts';
import { Drain, NOT_DRAINED } from './drain.ts';
import { kernelBootId, openDrainRecord } from './drain-record.ts';
import { gateOf } from './endpoints/ipam-view.ts';
import { agentMetrics, type AgentMetrics } from './metrics.ts';
import { setForwarding } from './node-settings.ts';
import { startPodService, type PodService } from './pod-service.ts';
import { startProblemEvents } from './problem-events.ts';
import { Registry } from './registry.ts';
import { startSpeakerFeed, type SpeakerFeed } from './speaker-feed.ts';
import { startStatusServer, type StatusServer } from './status-server.ts';

/** What there is of the agent so far: the status server is there before all else. */
interface Parts {
  readonly registry: Registry;
  readonly settings: readonly Problem[];
  drain?: Drain;
  cluster?: ClusterSource;
  feed?: SpeakerFeed;
  pods?: PodService;
}

/** Resolves when pods can be attached. What it has started ends when the result is disposed of. */
export async function startAgent(ports: AgentPorts, options: AgentOptions): Promise<AsyncDisposable> {
  const { kube, clock, random, log } = ports;
  const { node } = options;
  const parts: Parts = { registry: new Registry(ports.records), settings: setForwarding() };
  const metrics = agentMetrics({
    attachments: () => parts.registry.all.length, blocks: () => parts.pods?.blocks.length ?? 0,
    problems: () => problemsOf(parts).length, ready: () => notReady(parts) === '',
  });
  const stack = new AsyncDisposableStack();
  stack.use(await startStatus(parts, metrics, clock, options));
  const storage = await discoverStorage({ kube, clock, random, log });
  const cluster = parts.cluster = stack.use(startCluster({ kube, log, storage, node, namespace: options.namespace }));
  const drain = parts.drain = stack.use(new Drain({
    node, bootId: kernelBootId(), clock, log, record: await openDrainRecord(join(options.state, 'drain.json'), log), changed: () => { parts.feed?.again(); },
  }));
  const feed = parts.feed = stack.use(startSpeakerFeed({
    cluster, node, connect: () => connect<BgpdMethods>(options.bgpdSocket), sender: options.sender, clock, random, log,
    adjust: (own, config) => drain.adjust(own, config), applied: () => { drain.applied(); },
  }));
  stack.use(startClearRequests({ cluster, node, connect: () => connect<BgpdMethods>(options.bgpdSocket), log }));
  const events = stack.use(startProblemEvents({ kube, clock, log, storage, node }));
  stack.use(feed.onProblems((problems) => { events.report(problems); }));
  await cluster.whenInSync();
  parts.pods = stack.use(await startPodService({ ...ports, cluster, storage, registry: parts.registry, metrics }, options));
  log.info('agent.ready', { node, group: storage.group, attachments: parts.registry.all.length });
  return stack;
}

function startStatus(parts: Parts, metrics: AgentMetrics, clock: Clock, options: AgentOptions): Promise<StatusServer> {
  return startStatusServer(options.statusPort, {
    notReady: () => notReady(parts),
    metrics: async () => `${await metrics.registry.metrics()}${await bgpdMetrics(options.bgpdSocket, clock)}`,
    attachments: () => parts.registry.all,
    problems: () => problemsOf(parts),
    drain: () => parts.drain?.status ?? NOT_DRAINED,
    bgpStatus: () => askBgpd(options.bgpdSocket, clock, (bgpd) => bgpd.call('status', {})),
    bgpPeer: (peer) => askBgpd(options.bgpdSocket, clock, (bgpd) => bgpd.call('peer', { peer })),
    bgpRoutes: (request) => askBgpd(options.bgpdSocket, clock, (bgpd) => bgpd.call('routes', request)),
  });
}

/** bgpd's metrics, and whether it could be asked for them. */
async function bgpdMetrics(socket: string, clock: Clock): Promise<string> {
  const up = (value: 0 | 1): string => `# HELP tortie_bgpd_up 1 when bgpd answers its agent\n# TYPE tortie_bgpd_up gauge\ntortie_bgpd_up ${value}\n`;
  try {
    const { text } = await askBgpd(socket, clock, (bgpd) => bgpd.call('metrics', {}));
    return `${up(1)}${text}`;
  } catch {
    return up(0); // the feed has logged why
  }
}

function notReady({ cluster, pods }: Parts): string {
  if (cluster === undefined) return 'the API server has not answered yet';
  const gate = gateOf(cluster.snapshot(), cluster.inSync);
  return gate !== '' || pods !== undefined ? gate : 'the CNI socket is not open yet';
}

const problemsOf = ({ settings, feed, pods }: Parts): Problem[] => [...settings, ...feed?.problems ?? [], ...pods?.problems ?? []];
