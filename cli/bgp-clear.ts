/** `tortiectl bgp clear PEER|all [--soft in|out]`: a new start of sessions, or their routes once more without one. */
import type { Command } from 'commander';
import type { ClearMode } from '../config/messages/bgpd-control.ts';
import { clearPeers, peerIn } from './bgp-annotations.ts';
import { NODE, withNode } from './bgp-nodes.ts';
import { UsageError } from './errors.ts';

export function addBgpClear(bgp: Command): void {
  bgp.command('clear <peer>').description('reset a session, or all sessions of a node with "all" (name or address)')
    .option('--soft <direction>', 'in|out: no reset; judge and ask for the peer\'s routes again, or send ours again').option(...NODE)
    .action(async (peer: string, _options: unknown, command: Command) => {
      const { node, soft } = command.opts<{ node?: string; soft?: string }>();
      const mode = clearMode(soft);
      await withNode(command, node, async (agent, kube) => {
        const before = await agent.status();
        const cleared = peer === 'all' ? before.peers : [peerIn(before, agent.node, peer)];
        const times = new Map(cleared.map((p) => [p.name, p.cleared?.atMs]));
        await clearPeers(kube, agent, times, peer === 'all' ? '*' : cleared[0]!.name, mode);
        process.stdout.write(`${cleared.length === 1 ? `peer ${cleared[0]!.name}` : `${cleared.length} peers`} of node ${agent.node} cleared (${mode})\n`);
      });
    });
}

function clearMode(soft: string | undefined): ClearMode {
  if (soft === undefined) return 'hard';
  if (soft !== 'in' && soft !== 'out') throw new UsageError(`--soft ${soft}: expected in or out`);
  return `soft-${soft}`;
}
