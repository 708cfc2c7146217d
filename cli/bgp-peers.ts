/** `tortiectl bgp peers [NODE] [--all-nodes]`: the peers of one node or of all. */
import type { Command } from 'commander';
import type { PeerStatus } from '../config/messages/bgpd-control.ts';
import { messageOf } from '../lib/errors.ts';
import { agentPods } from './agents.ts';
import { agentOf, isJson, NODE, nodeNamed, OUTPUT, printJson, showAll } from './bgp-nodes.ts';
import { PEER_HEAD, peerRow } from './bgp-summary.ts';
import { withCluster } from './cluster.ts';
import { UsageError } from './errors.ts';
import { plainTable } from './tables.ts';

interface Options { readonly node?: string; readonly allNodes?: boolean; readonly output: string }

export function addBgpPeers(bgp: Command): void {
  bgp.command('peers [node]').description('the peers of a node, or of all nodes')
    .option('--all-nodes', 'every node that runs an agent').option(...NODE).option(...OUTPUT)
    .action(async (argument: string | undefined, _options: unknown, command: Command) => {
      const { node: named, allNodes, output } = command.opts<Options>();
      const name = argument ?? named;
      if (name !== undefined && allNodes === true) throw new UsageError('bgp peers takes a node or --all-nodes, not both');
      const json = isJson(output);
      await withCluster(command, async ({ kube }) => {
        const agents = await agentPods(kube);
        const nodes = allNodes === true ? [...agents.keys()] : [nodeNamed(name, agents)];
        const peers: Record<string, readonly PeerStatus[]> = {};
        const asked = nodes.map((node) => {
          try { return agentOf(kube, agents, node); } catch (error) { return new Error(messageOf(error)); }
        });
        try {
          await showAll(asked, (agent) => agent.status(), (node, status) => { peers[node] = status.peers; });
        } finally {
          if (json) printJson(nodes.length === 1 ? peers[nodes[0]!] ?? [] : peers);
          else if (Object.keys(peers).length > 0) process.stdout.write(showPeers(peers, Date.now()));
        }
      });
    });
}

export function showPeers(peers: Readonly<Record<string, readonly PeerStatus[]>>, nowMs: number): string {
  const rows = Object.entries(peers).flatMap(([node, list]) => list.map((p) => [node, ...peerRow(p, nowMs)]));
  return rows.length === 0 ? 'no peers\n' : plainTable(['NODE', ...PEER_HEAD], rows);
}
