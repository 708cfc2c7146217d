/** `tortiectl bgp received PEER [PREFIX]`: what a peer has sent, before import filters, and what became of it. */
import type { Command } from 'commander';
import { isJson, NODE, OUTPUT, withNode } from './bgp-nodes.ts';
import { checkedLimit, checkedPrefix, LIMIT, printRoutes } from './bgp-paths.ts';

export function addBgpReceived(bgp: Command): void {
  bgp.command('received <peer> [prefix]').description('what a peer has sent, before import filters, and what became of it')
    .option(...LIMIT).option(...NODE).option(...OUTPUT)
    .action(async (peer: string, text: string | undefined, _options: unknown, command: Command) => {
      const { node, output, limit } = command.opts<{ node?: string; output: string; limit?: string }>();
      const json = isJson(output);
      const prefix = checkedPrefix(text);
      const request = { view: 'received', peer, limit: checkedLimit(limit), ...(prefix !== undefined && { prefix }) } as const;
      await withNode(command, node, async (agent) => {
        await agent.peer(peer); // one that is not known is an error, not an empty list
        await printRoutes(agent, request, json);
      });
    });
}
