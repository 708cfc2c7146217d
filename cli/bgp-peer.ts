/** `tortiectl bgp peer NAME`: all about one session. */
import type { Command } from 'commander';
import type { PeerDetail } from '../config/messages/bgpd-control.ts';
import { isJson, NODE, OUTPUT, printJson, withNode } from './bgp-nodes.ts';
import { diagnose } from './bgp-remedies.ts';
import { showDuration } from './durations.ts';
import { plainTable } from './tables.ts';

export function addBgpPeer(bgp: Command): void {
  bgp.command('peer <name>').description('one session: state, timers, capabilities, counters, errors, and why it is down (name or address)')
    .option(...NODE).option(...OUTPUT)
    .action(async (name: string, _options: unknown, command: Command) => {
      const { node, output } = command.opts<{ node?: string; output: string }>();
      const json = isJson(output);
      await withNode(command, node, async (agent) => {
        const detail = await agent.peer(name);
        if (json) printJson(detail); else process.stdout.write(showPeer(agent.node, detail, Date.now()));
      });
    });
}

const KINDS: Readonly<Record<PeerDetail['kind'], string>> = {
  ebgp: 'external', ibgp: 'internal', 'ibgp-client': 'internal, client of our reflector',
};

export function showPeer(node: string, p: PeerDetail, nowMs: number): string {
  const diagnosis = diagnose(p);
  return [
    `peer ${p.name} of node ${node} (${p.origin}, ${KINDS[p.kind]})`,
    ...lines([
      ['state', `${p.state} for ${showDuration(nowMs - p.sinceMs)}`],
      ['why', diagnosis?.why], ['remedy', diagnosis?.remedy],
      ['neighbour', `${p.address} port ${p.port}${p.interface === null ? '' : ` on ${p.interface}`}, AS ${p.asn === 0 ? '(not known yet)' : p.asn}, router ID ${p.remoteRouterId ?? '(not known yet)'}`],
      ['here', `${p.localAddress ?? '(chosen by the kernel)'}, AS ${p.localAsn}`],
      ['session', [
        ...p.families, ...(p.state === 'Established' ? [`hold time ${p.holdTimeSeconds} s`, `keepalive ${p.keepaliveSeconds} s`] : []), ...(p.passive ? ['waits to be dialled'] : []),
        ...(p.md5 ? ['MD5'] : []), ...(p.ttlSecurityHops === null ? [] : [`TTL security ${p.ttlSecurityHops} hops`]),
      ].join(', ')],
      ['BFD', showBfd(p, nowMs)],
      ['timers', Object.entries(p.timers).map(([timer, ms]) => `${timer} in ${showDuration(ms)}`).join(', ')],
      ['import filters', p.importFilters.join(', ')], ['export filters', p.exportFilters.join(', ')],
      ['maximum prefixes', p.maximumPrefixes === null ? '' : `${p.maximumPrefixes.limit}, warning from ${p.maximumPrefixes.warningPercent} %`],
      ['established', `${p.counters.established} ${p.counters.established === 1 ? 'time' : 'times'} since bgpd started`],
      ['last clear', p.cleared === undefined ? '' : `${p.cleared.mode} ${showDuration(nowMs - p.cleared.atMs)} ago`],
    ]),
    '', ...showFamilies(p), ...showMessages(p), ...showCapabilities(p), ...showErrors(p), '',
  ].join('\n');
}

const lines = (entries: readonly (readonly [string, string | undefined])[]): string[] =>
  entries.filter(([, value]) => value !== undefined && value !== '').map(([name, value]) => `  ${`${name}:`.padEnd(18)}${value!}`);

/** `Up for 2m, one hop, every 300 ms, silent for 900 ms: down; failures 1, BGP sessions ended 1`. */
function showBfd({ bfd }: PeerDetail, nowMs: number): string {
  if (bfd === undefined) return '';
  const { state, info, ended, session: s } = bfd;
  const why = info === '' ? '' : `: ${info}`;
  if (s === undefined) return `no session${why}`;
  const pace = state === 'Up' ? [`a packet every ${s.intervalMs} ms`, `down after ${s.detectionMs} ms of silence`] : [];
  const independent = s.remoteControlPlaneIndependent ? ['the peer\'s does not depend on its BGP'] : [];
  return [`${state} for ${showDuration(nowMs - s.sinceMs)}${why}`, s.multihop ? 'several hops' : 'one hop', ...pace, ...independent,
    `failures ${s.failures}, BGP sessions ended ${ended}`].join(', ');
}

function showFamilies({ perFamily }: PeerDetail): string[] {
  const rows = Object.entries(perFamily).map(([family, f]) => [
    family, String(f.received), String(f.accepted), String(f.stale), String(f.advertised), f.endOfRib ? 'yes' : 'no',
  ]);
  return rows.length === 0 ? [] : [plainTable(['FAMILY', 'RECEIVED', 'ACCEPTED', 'STALE', 'ADVERTISED', 'END-OF-RIB'], rows).trimEnd(), ''];
}

function showMessages({ messages }: PeerDetail): string[] {
  const row = (name: string, m: PeerDetail['messages']['in']): string[] =>
    [name, ...[m.open, m.update, m.keepalive, m.notification, m.routeRefresh, m.bytes].map(String)];
  const table = plainTable(['MESSAGES', 'OPEN', 'UPDATE', 'KEEPALIVE', 'NOTIFICATION', 'REFRESH', 'BYTES'], [row('in', messages.in), row('out', messages.out)]);
  return [table.trimEnd(), ''];
}

function showCapabilities({ capabilities }: PeerDetail): string[] {
  if (capabilities === null) return [];
  const { local, remote } = capabilities;
  const rows = Array.from({ length: Math.max(local.length, remote.length) }, (_, i) => [local[i] ?? '', remote[i] ?? '']);
  return [plainTable(['OUR CAPABILITIES', 'THEIR CAPABILITIES'], rows).trimEnd(), ''];
}

function showErrors({ errors }: PeerDetail): string[] {
  if (errors.length === 0) return [];
  const rows = errors.map((e) => [new Date(e.atMs).toISOString().slice(0, 19), e.text, e.bytes]);
  return [plainTable(['LAST ERRORS (UTC)', '', 'NOTIFICATION'], rows).trimEnd(), ''];
}
