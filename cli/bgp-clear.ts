/** `tortiectl bgp clear PEER|all [--soft in|out]`: a new start of sessions, or their routes once more without one. */
import { Option, type Command } from 'commander';
import type { ClearMode } from '../config/messages/bgpd-control.ts';
import { clearPeers, peerIn } from './bgp-annotations.ts';
import { NODE, withNode } from './bgp-nodes.ts';

export function addBgpClear(bgp: Command): void {
  bgp.command('clear <peer>').description('reset a session, or all sessions of a node with "all" (name or address)')
    .addOption(new Option('--soft <direction>', 'no reset; judge and ask for the peer\'s routes again, or send ours again').choices(['in', 'out'])).option(...NODE)
    .action(async (peer: string, _options: unknown, command: Command) => {
      const { node, soft } = command.opts<{ node?: string; soft?: 'in' | 'out' }>();
      const mode: ClearMode = soft === undefined ? 'hard' : `soft-${soft}`;
      await withNode(command, node, async (agent, kube) => {
        const before = await agent.status();
        const cleared = peer === 'all' ? before.peers : [peerIn(before, agent.node, peer)];
        const times = new Map(cleared.map((p) => [p.name, p.cleared?.atMs]));
        await clearPeers(kube, agent, times, peer === 'all' ? '*' : cleared[0]!.name, mode);
        process.stdout.write(`${cleared.length === 1 ? `peer ${cleared[0]!.name}` : `${cleared.length} peers`} of node ${agent.node} cleared (${mode})\n`);
      });
    });
}
