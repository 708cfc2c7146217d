/** `tortiectl bgp received PEER [PREFIX]` and `bgp advertised PEER [PREFIX]`: what a peer has sent, and what it is sent. */
import type { Command } from 'commander';
import { isJson, NODE, OUTPUT, withNode } from './bgp-nodes.ts';
import { checkedLimit, checkedPrefix, LIMIT, printRoutes } from './bgp-paths.ts';

export const addBgpReceived = (bgp: Command): void => {
  addPeerRoutes(bgp, 'received', 'what a peer has sent, before import filters, and what became of it');
};
export const addBgpAdvertised = (bgp: Command): void => {
  addPeerRoutes(bgp, 'advertised', 'what a peer is sent, as it is sent (after export filters)');
};

function addPeerRoutes(bgp: Command, view: 'received' | 'advertised', description: string): void {
  bgp.command(`${view} <peer> [prefix]`).description(description)
    .option(...LIMIT).option(...NODE).option(...OUTPUT)
    .action(async (peer: string, text: string | undefined, _options: unknown, command: Command) => {
      const { node, output, limit } = command.opts<{ node?: string; output: string; limit?: string }>();
      const json = isJson(output);
      const prefix = checkedPrefix(text);
      const request = { view, peer, limit: checkedLimit(limit), ...(prefix !== undefined && { prefix }) };
      await withNode(command, node, async (agent) => {
        await agent.peer(peer); // one that is not known is an error, not an empty list
        await printRoutes(agent, request, json);
      });
    });
}
