/** `tortiectl bgp routes [PREFIX]`: every candidate, and which step of the decision process decided. */
import type { Command } from 'commander';
import type { RoutesRequest } from '../config/messages/bgpd-control.ts';
import { isJson, NODE, OUTPUT, withNode } from './bgp-nodes.ts';
import { checkedLimit, checkedPrefix, LIMIT, printRoutes } from './bgp-paths.ts';
import { UsageError } from './errors.ts';

interface Options {
  readonly node?: string; readonly peer?: string; readonly in?: string; readonly out?: boolean; readonly best?: boolean;
  readonly longer?: boolean; readonly family?: string; readonly limit?: string; readonly output: string;
}

export function addBgpRoutes(bgp: Command): void {
  bgp.command('routes [prefix]')
    .description('every candidate of each prefix, and which step of the decision process decided; an address shows the longest prefix that holds it')
    .option('--peer <peer>', 'only routes of this peer (name or address), or "local" for what the node originates')
    .option('--in <when>', 'pre|post: what --peer has sent, before or after import filters')
    .option('--out', 'what --peer is sent, as it is sent')
    .option('--best', 'only the best route of each prefix')
    .option('--longer', 'also what lies inside the prefix')
    .option('--family <family>', 'ipv4|ipv6')
    .option(...LIMIT).option(...NODE).option(...OUTPUT)
    .action(async (prefix: string | undefined, _options: unknown, command: Command) => {
      const options = command.opts<Options>();
      const json = isJson(options.output);
      const request = routesRequest(prefix, options);
      await withNode(command, options.node, async (agent) => {
        if (options.peer !== undefined && !(options.peer === 'local' && request.view === 'candidates')) await agent.peer(options.peer); // unknown: an error, not an empty list
        await printRoutes(agent, request, json);
      });
    });
}

/** Throws UsageError on options that do not go together. */
export function routesRequest(text: string | undefined, options: Omit<Options, 'output' | 'node'>): RoutesRequest {
  const { peer, best, longer, family } = options;
  if (options.in !== undefined && options.in !== 'pre' && options.in !== 'post') throw new UsageError(`--in ${options.in}: expected pre or post`);
  if (options.in !== undefined && options.out === true) throw new UsageError('--in and --out exclude each other');
  if ((options.in !== undefined || options.out === true) && peer === undefined) throw new UsageError('--in and --out need --peer');
  if (family !== undefined && family !== 'ipv4' && family !== 'ipv6') throw new UsageError(`--family ${family}: expected ipv4 or ipv6`);
  const prefix = checkedPrefix(text);
  if (longer === true && prefix?.includes('/') !== true) throw new UsageError('--longer needs a prefix: ADDRESS/LENGTH');
  const view = options.out === true ? 'advertised' : options.in === 'pre' ? 'received' : options.in === 'post' ? 'accepted' : 'candidates';
  return {
    view, limit: checkedLimit(options.limit),
    ...(prefix !== undefined && { prefix }), ...(peer !== undefined && { peer }), ...(family !== undefined && { family }),
    ...(best === true && { best }), ...(longer === true && { longer }),
  };
}
