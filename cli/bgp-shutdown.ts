/** `tortiectl bgp shutdown PEER --message TEXT`: holds a session down until `enable`; the neighbour is told why (RFC 9003). */
import type { Command } from 'commander';
import { BGP_SHUTDOWN_ANNOTATION } from '../config/messages/operator-annotations.ts';
import { changeAnnotation, peerIn, shutdownsIn, untilShown } from './bgp-annotations.ts';
import { NODE, withNode } from './bgp-nodes.ts';
import { UsageError } from './errors.ts';

/** Octets of UTF-8 (RFC 9003 §2). */
const MAXIMUM_MESSAGE = 255;

export function addBgpShutdown(bgp: Command): void {
  bgp.command('shutdown <peer>').description('hold a session down until "bgp enable"; the neighbour is sent the message (name or address)')
    .option('-m, --message <text>', 'why, at most 255 octets of UTF-8', '').option(...NODE)
    .action(async (peer: string, _options: unknown, command: Command) => {
      const { node, message } = command.opts<{ node?: string; message: string }>();
      const octets = Buffer.byteLength(message);
      if (octets > MAXIMUM_MESSAGE) throw new UsageError(`the message has ${octets} octets: expected at most ${MAXIMUM_MESSAGE}`);
      await withNode(command, node, async (agent, kube) => {
        const { name } = peerIn(await agent.status(), agent.node, peer);
        await changeAnnotation(kube, agent.node, BGP_SHUTDOWN_ANNOTATION, (text) => JSON.stringify({ ...shutdownsIn(agent.node, text), [name]: message }));
        await untilShown(agent, `the shutdown of ${name}`, (status) => {
          const found = status.peers.find((p) => p.name === name);
          return found?.shutdown === message && found.state !== 'Established';
        });
        process.stdout.write(`peer ${name} of node ${agent.node} is shut down\n`);
      });
    });
}
