/** `tortiectl bgp summary [NODE]`: one node's speaker and a line for each of its peers. */
import type { Command } from 'commander';
import type { PeerStatus, SpeakerStatus } from '../config/messages/bgpd-control.ts';
import { isJson, NODE, OUTPUT, printJson, withNode } from './bgp-nodes.ts';
import { showDuration } from './durations.ts';
import { plainTable } from './tables.ts';

export function addBgpSummary(bgp: Command): void {
  bgp.command('summary [node]').description('a node\'s speaker: AS number, routes, and a line for each peer')
    .option(...NODE).option(...OUTPUT)
    .action(async (name: string | undefined, _options: unknown, command: Command) => {
      const { node, output } = command.opts<{ node?: string; output: string }>();
      const json = isJson(output);
      await withNode(command, name ?? node, async (agent) => {
        const status = await agent.status();
        if (json) printJson(status); else process.stdout.write(showSummary(agent.node, status, Date.now()));
      });
    });
}

export function showSummary(node: string, status: SpeakerStatus, nowMs: number): string {
  const routes = Object.entries(status.routes).filter(([, r]) => r.prefixes > 0)
    .map(([family, r]) => `${family}: ${r.prefixes} prefixes, ${r.paths} paths, ${r.installed} in the kernel`);
  const head = [
    `node ${node}, router ID ${status.routerId ?? '(none)'}, AS ${status.asn ?? '(none)'}, up for ${showDuration(nowMs - status.startedAtMs)}${status.restarting ? ', restarting: best paths are not chosen yet' : ''}`,
    ...routes,
    `announces ${status.originated.length} of its own`,
    '',
  ].join('\n');
  const problems = status.problems.map((p) => `problem: ${p.path}: ${p.message}\n`).join('');
  return `${head}\n${status.peers.length === 0 ? 'no peers\n' : plainTable(PEER_HEAD, status.peers.map((p) => peerRow(p, nowMs)))}${problems}`;
}

export const PEER_HEAD = ['PEER', 'ADDRESS', 'AS', 'STATE', 'FOR', 'RECEIVED', 'ADVERTISED', 'MSG IN', 'MSG OUT', 'INFO'];

export const peerRow = (p: PeerStatus, nowMs: number): string[] => [
  p.name, p.address, p.asn === 0 ? '-' : String(p.asn), p.state, showDuration(nowMs - p.sinceMs), String(p.received), String(p.advertised),
  String(p.counters.messagesIn), String(p.counters.messagesOut), peerInfo(p),
];

/** Why it is not up, or what is special although it is. */
export function peerInfo(p: PeerStatus): string {
  const held = p.shutdown === undefined ? [] : [`shut down by hand${p.shutdown === '' ? '' : `: ${p.shutdown}`}`];
  const stale = p.stale > 0 ? [`${p.stale} stale`] : [];
  return [...held, ...(p.state === 'Established' || held.length > 0 || p.info === '' ? [] : [p.info]), ...stale].join(', ');
}
