/** `tortiectl bgp enable PEER`: ends what `shutdown` began, and what too many prefixes did. */
import type { Command } from 'commander';
import { BGP_SHUTDOWN_ANNOTATION } from '../config/messages/operator-annotations.ts';
import { changeAnnotation, clearPeers, peerIn, shutdownsIn, untilShown } from './bgp-annotations.ts';
import { NODE, withNode } from './bgp-nodes.ts';

export function addBgpEnable(bgp: Command): void {
  bgp.command('enable <peer>').description('let a session that was shut down, or that too many prefixes have closed, start again (name or address)')
    .option(...NODE)
    .action(async (peer: string, _options: unknown, command: Command) => {
      const { node } = command.opts<{ node?: string }>();
      await withNode(command, node, async (agent, kube) => {
        const { name, address, shutdown, state, cleared } = peerIn(await agent.status(), agent.node, peer);
        if (shutdown === undefined && state !== 'Established') await clearPeers(kube, agent, new Map([[name, cleared?.atMs]]), name, 'hard');
        await changeAnnotation(kube, agent.node, BGP_SHUTDOWN_ANNOTATION, (text) => {
          const left = Object.entries(shutdownsIn(agent.node, text)).filter(([key]) => key !== name && key !== address);
          return left.length === 0 ? null : JSON.stringify(Object.fromEntries(left));
        });
        await untilShown(agent, `the end of the shutdown of ${name}`, (status) => status.peers.find((p) => p.name === name)?.shutdown === undefined);
        process.stdout.write(`peer ${name} of node ${agent.node} is enabled\n`);
      });
    });
}
