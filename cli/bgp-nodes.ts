/** Which nodes a `tortiectl bgp` command is about, and how their agents are asked. */
import { hostname } from 'node:os';
import type { Command } from 'commander';
import type { PeerDetail, RoutesRequest, RoutesResult, SpeakerStatus } from '../config/messages/bgpd-control.ts';
import { messageOf, showProblem } from '../lib/errors.ts';
import type { KubeClient } from '../sys/kube/client.ts';
import { agentPods, askAgent } from './agents.ts';
import { withCluster } from './cluster.ts';
import { CliError, UsageError } from './errors.ts';

/** One node's agent and what it can be asked. */
export interface NodeAgent {
  readonly node: string;
  status(): Promise<SpeakerStatus>;
  /** Name or address of a peer. */
  peer(peer: string): Promise<PeerDetail>;
  routes(request: RoutesRequest): Promise<RoutesResult>;
}

export function nodeAgent(kube: KubeClient, node: string, pod: string): NodeAgent {
  const ask = <T>(path: string): Promise<T> => askAgent<T>(kube, node, pod, path);
  return {
    node,
    status: async () => {
      const [status, { problems }] = await Promise.all([
        ask<SpeakerStatus>('/v1/bgp/status'), ask<{ problems: SpeakerStatus['problems'] }>('/v1/problems'),
      ]);
      return { ...status, problems: [...new Map([...status.problems, ...problems].map((p) => [showProblem(p), p])).values()] };
    },
    peer: (peer) => ask(`/v1/bgp/peer?${new URLSearchParams({ name: peer }).toString()}`),
    routes: (request) => ask(`/v1/bgp/routes?${routesQuery(request)}`),
  };
}

export function routesQuery({ family, prefix, longer, peer, view, best, limit, after }: RoutesRequest): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries({ family, prefix, longer, peer, view, best, limit, after })) {
    if (value !== undefined && value !== false) query.set(name, String(value));
  }
  return query.toString();
}

/** The node that is named; else $NODENAME, else this host, else the only one. Throws UsageError when that is a question. */
export function nodeNamed(name: string | undefined, agents: ReadonlyMap<string, string>): string {
  const found = name ?? process.env['NODENAME'] ?? (agents.has(hostname()) ? hostname() : undefined);
  if (found !== undefined) return found;
  if (agents.size === 1) return [...agents.keys()][0]!;
  throw new UsageError(`a node must be named: expected one of ${[...agents.keys()].join(', ') || '(no agent runs)'}`);
}

export function agentOf(kube: KubeClient, agents: ReadonlyMap<string, string>, node: string): NodeAgent {
  const pod = agents.get(node);
  if (pod === undefined) throw new CliError(`no agent runs on node ${JSON.stringify(node)}: expected one of ${[...agents.keys()].join(', ') || '(none)'}`);
  return nodeAgent(kube, node, pod);
}

/** Runs `action` with the agent of the node named by `--node` or else by `name`. */
export async function withNode(command: Command, name: string | undefined, action: (agent: NodeAgent, kube: KubeClient) => Promise<void>): Promise<void> {
  await withCluster(command, async ({ kube }) => {
    const agents = await agentPods(kube);
    await action(agentOf(kube, agents, nodeNamed(name, agents)), kube);
  });
}

/**
 * Asks many nodes at once and shows them in order; those that do not answer are named at the end, with exit status 1.
 * `json`: one object, by node.
 */
export async function showAll<T>(agents: readonly (NodeAgent | Error)[], ask: (agent: NodeAgent) => Promise<T>, show: (node: string, answer: T) => void): Promise<void> {
  const failures: string[] = [];
  const answers = agents.map((agent) => (agent instanceof Error ? agent.message : ask(agent).then((value) => ({ value }), messageOf)));
  for (const [i, agent] of agents.entries()) {
    const answer = await answers[i]!;
    if (typeof answer === 'string') failures.push(answer);
    else show((agent as NodeAgent).node, answer.value);
  }
  if (failures.length > 0) throw new CliError(failures.join('\n'));
}

export const OUTPUT = ['-o, --output <format>', 'table|json', 'table'] as const;
export const NODE = ['--node <node>', 'the node to ask (default: $NODENAME, this host, or the only one)'] as const;

/** Throws UsageError on a format that is not known. True: JSON. */
export function isJson(output: string): boolean {
  if (output !== 'table' && output !== 'json') throw new UsageError(`output format ${JSON.stringify(output)} is not known: expected table or json`);
  return output === 'json';
}

export const printJson = (value: unknown): void => { process.stdout.write(`${JSON.stringify(value, null, 2)}\n`); };
