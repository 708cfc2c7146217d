/** GoBGP in a namespace. It has no FIB of its own. */
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Family } from '../../lib/ip/prefix.ts';
import { pathOf, program } from './capabilities.ts';
import { OURS, RESTART_TIME_SECONDS, THEIRS, is6, type ForeignDaemon, type ForeignSettings, type ForeignSpeaker } from './foreign-speaker.ts';
import { eventually, type Netns } from './namespaces.ts';

export const gobgp: ForeignDaemon = { name: 'GoBGP', needs: [program('gobgpd'), program('gobgp')], hasFib: false, start };

interface ShownPath { readonly 'neighbor-ip'?: string; readonly nlri: { readonly prefix: string } }

async function start(ns: Netns, settings: ForeignSettings): Promise<ForeignSpeaker> {
  const config = join(ns.directory, 'gobgpd.toml');
  writeFileSync(config, gobgpConfig(settings));
  mute(ns, 'add'); // its routes come by command: nobody shall see it without them
  const process = ns.spawn(pathOf('gobgpd')!, ['-f', config, '--api-hosts', '127.0.0.1:50051', '--log-plain', ...(settings.recovering === true ? ['-r'] : [])]);
  const gobgpCall = (...words: string[]): string => {
    const { status, stdout, stderr } = spawnSync('nsenter', [`--net=${ns.path}`, 'gobgp', ...words], { encoding: 'utf8', timeout: 5_000 });
    if (status !== 0) throw new Error(`gobgp ${words.join(' ')}: ${stderr}${stdout}${process.output}`);
    return stdout;
  };
  await eventually(10_000, () => gobgpCall('global'));
  let announced: readonly string[] = [];
  const announce = (routes: readonly string[]): void => {
    const change = (verb: string, route: string): void => {
      gobgpCall('global', 'rib', '-a', is6(route) ? 'ipv6' : 'ipv4', verb, route, 'nexthop', is6(route) ? THEIRS.ipv6 : THEIRS.ipv4);
    };
    for (const route of announced) if (!routes.includes(route)) change('del', route);
    for (const route of routes) if (!announced.includes(route)) change('add', route);
    announced = routes;
  };
  announce(settings.routes);
  mute(ns, 'del');
  return {
    get output() { return process.output; },
    session: (family) => {
      const shown = JSON.parse(gobgpCall('neighbor', OURS[family], '-j')) as { state?: { session_state?: number | string; 'session-state'?: string } };
      const state = shown.state?.session_state ?? shown.state?.['session-state'];
      return state === 6 || state === 'established' || state === 'ESTABLISHED' ? 'Established' : `state ${String(state)}`;
    },
    announce,
    learned: (family) => {
      const text = gobgpCall('global', 'rib', '-a', family, '-j');
      const shown = JSON.parse(text === '' ? '{}' : text) as Record<string, ShownPath[]>;
      return Object.entries(shown).filter(([, paths]) => paths.some((p) => p['neighbor-ip'] === OURS[family])).map(([prefix]) => prefix);
    },
    signal: (signal) => { process.signal(signal); },
    kill: () => process.kill(),
  };
}

/** Nothing leaves for our speaker. */
function mute(ns: Netns, verb: 'add' | 'del'): void {
  for (const [family, address] of [['-4', OURS.ipv4], ['-6', OURS.ipv6]] as const) ns.ip(family, 'rule', verb, 'pref', '0', 'to', address, 'prohibit');
}

function gobgpConfig({ asn, ourAsn, holdTimeSeconds = 6 }: ForeignSettings): string {
  const session = (family: Family): string => `
[[neighbors]]
  [neighbors.config]
    neighbor-address = "${OURS[family]}"
    peer-as = ${ourAsn}
  [neighbors.timers.config]
    hold-time = ${holdTimeSeconds}
    keepalive-interval = ${Math.floor(holdTimeSeconds / 3)}
    connect-retry = 1
    idle-hold-time-after-reset = 1
  [neighbors.graceful-restart.config]
    enabled = true
    restart-time = ${RESTART_TIME_SECONDS}
    deferral-time = 10
  [[neighbors.afi-safis]]
    [neighbors.afi-safis.config]
      afi-safi-name = "${family}-unicast"
    [neighbors.afi-safis.mp-graceful-restart.config]
      enabled = true`;
  return `
[global.config]
  as = ${asn}
  router-id = "${THEIRS.ipv4}"
  local-address-list = ["${THEIRS.ipv4}", "${THEIRS.ipv6}"]
${session('ipv4')}
${session('ipv6')}
`;
}
