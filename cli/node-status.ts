/** `tortiectl node status [NODE] [--all-nodes]`: a node's BGP peers, in calicoctl's layout. */
import { hostname } from 'node:os';
import type { Command } from 'commander';
import type { PeerStatus, SpeakerStatus } from '../config/messages/bgpd-control.ts';
import { messageOf, showProblem } from '../lib/errors.ts';
import { FAMILIES, type Family } from '../lib/ip/prefix.ts';
import type { KubeClient } from '../sys/kube/client.ts';
import { agentPods, askAgent } from './agents.ts';
import { withCluster } from './cluster.ts';
import { CliError, UsageError } from './errors.ts';
import { boxTable } from './tables.ts';

const PEER_TYPES: Readonly<Record<PeerStatus['origin'], string>> = {
  mesh: 'node-to-node mesh', node: 'node specific', global: 'global', static: 'static',
};

interface Options { readonly allNodes?: boolean; readonly output: string }

export function addNodeStatus(node: Command): void {
  node.command('status [node]').description('print the BGP peers of a node (default: this host), or of all nodes')
    .option('--all-nodes', 'every node that runs an agent')
    .option('-o, --output <format>', 'table|json', 'table')
    .action(async (name: string | undefined, _options: unknown, command: Command) => {
      const options = command.opts<Options>();
      if (name !== undefined && options.allNodes === true) throw new UsageError('node status takes a node or --all-nodes, not both');
      if (!['table', 'json'].includes(options.output)) throw new UsageError(`output format ${JSON.stringify(options.output)} is not known: expected table or json`);
      await withCluster(command, async ({ kube }) => {
        const agents = await agentPods(kube);
        const wanted = options.allNodes === true ? [...agents.keys()] : [name ?? process.env['NODENAME'] ?? (agents.has(hostname()) ? hostname() : onlyNode(agents))];
        await showNodes(wanted, agents, options.output, (node, pod) => statusOf(kube, node, pod));
      });
    });
}

type Ask = (node: string, pod: string) => Promise<SpeakerStatus>;

/** bgpd's status, with all the problems its agent knows of: of resources that never reach bgpd too. */
async function statusOf(kube: KubeClient, node: string, pod: string): Promise<SpeakerStatus> {
  const [status, { problems }] = await Promise.all([
    askAgent<SpeakerStatus>(kube, node, pod, '/v1/bgp/status'),
    askAgent<{ problems: SpeakerStatus['problems'] }>(kube, node, pod, '/v1/problems'),
  ]);
  return { ...status, problems: [...new Map([...status.problems, ...problems].map((p) => [showProblem(p), p])).values()] };
}

/** All are asked at once and shown in order; those that do not answer are named at the end. */
export async function showNodes(wanted: readonly string[], agents: ReadonlyMap<string, string>, output: string, ask: Ask): Promise<void> {
  const failures: string[] = [];
  const all: Record<string, SpeakerStatus> = {};
  const answers = wanted.map((node) => answerOf(node, agents, ask));
  for (const [i, node] of wanted.entries()) {
    const status = await answers[i]!;
    if (typeof status === 'string') { failures.push(status); continue; }
    all[node] = status;
    if (output === 'table') process.stdout.write(`${wanted.length > 1 ? `Node ${node}\n` : ''}${showStatus(status, Date.now())}`);
  }
  if (output === 'json') process.stdout.write(`${JSON.stringify(wanted.length === 1 ? all[wanted[0]!] : all, null, 2)}\n`);
  if (failures.length > 0) throw new CliError(failures.join('\n'));
}

/** The status, or why there is none. */
async function answerOf(node: string, agents: ReadonlyMap<string, string>, ask: Ask): Promise<SpeakerStatus | string> {
  const pod = agents.get(node);
  if (pod === undefined) return `no agent runs on node ${JSON.stringify(node)}: expected one of ${[...agents.keys()].join(', ') || '(none)'}`;
  return ask(node, pod).catch(messageOf);
}

/** With one agent alone there is no question whom to ask. */
function onlyNode(agents: ReadonlyMap<string, string>): string {
  if (agents.size === 1) return [...agents.keys()][0]!;
  throw new UsageError(`node status needs a node, or --all-nodes: expected one of ${[...agents.keys()].join(', ') || '(no agent runs)'}`);
}

/** The text of one node's status. `nowMs` decides whether a time is shown as clock or as date, as BIRD does. */
export function showStatus(status: SpeakerStatus, nowMs: number): string {
  const parts = FAMILIES.map((family) => {
    const peers = status.peers.filter((p) => familyOfAddress(p.address) === family);
    const title = family === 'ipv4' ? 'IPv4' : 'IPv6';
    if (peers.length === 0) return `${title} BGP status\nNo ${title} peers found.\n`;
    const rows = peers.map((p) => [p.address, PEER_TYPES[p.origin], p.state === 'Established' ? 'up' : 'start', since(p.sinceMs, nowMs), info(p)]);
    return `${title} BGP status\n${boxTable(['PEER ADDRESS', 'PEER TYPE', 'STATE', 'SINCE', 'INFO'], rows)}`;
  });
  const problems = status.problems.map((p) => `problem: ${p.path}: ${p.message}\n`).join('');
  return `\n${parts.join('\n')}\n${problems}`;
}

const familyOfAddress = (address: string): Family => (address.includes(':') ? 'ipv6' : 'ipv4');

const info = (p: PeerStatus): string =>
  (p.state === 'Established' ? 'Established' : `${p.state}${p.info === '' ? '' : ` ${p.info}`}`) + (p.stale > 0 ? ` (${p.stale} stale ${p.stale === 1 ? 'route' : 'routes'})` : '');

/** A clock time today, a date before. UTC. */
function since(ms: number, nowMs: number): string {
  const text = new Date(ms).toISOString();
  return nowMs - ms < 12 * 3_600_000 ? text.slice(11, 19) : text.slice(0, 10);
}
