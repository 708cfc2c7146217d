/** `tortiectl bgp advertised PEER [PREFIX]`: what a peer is sent, as it is sent (after export filters). */
import type { Command } from 'commander';
import { isJson, NODE, OUTPUT, withNode } from './bgp-nodes.ts';
import { checkedLimit, checkedPrefix, LIMIT, printRoutes } from './bgp-paths.ts';

export function addBgpAdvertised(bgp: Command): void {
  bgp.command('advertised <peer> [prefix]').description('what a peer is sent, as it is sent (after export filters)')
    .option(...LIMIT).option(...NODE).option(...OUTPUT)
    .action(async (peer: string, text: string | undefined, _options: unknown, command: Command) => {
      const { node, output, limit } = command.opts<{ node?: string; output: string; limit?: string }>();
      const json = isJson(output);
      const prefix = checkedPrefix(text);
      const request = { view: 'advertised', peer, limit: checkedLimit(limit), ...(prefix !== undefined && { prefix }) } as const;
      await withNode(command, node, async (agent) => {
        await agent.peer(peer); // one that is not known is an error, not an empty list
        await printRoutes(agent, request, json);
      });
    });
}
