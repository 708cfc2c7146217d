/** FRR's zebra and bgpd in a namespace. */
import { spawnSync } from 'node:child_process';
import { chmodSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Family } from '../../lib/ip/prefix.ts';
import { pathOf, program } from './capabilities.ts';
import { OURS, RESTART_TIME_SECONDS, THEIRS, is6, type ForeignDaemon, type ForeignSettings, type ForeignSpeaker } from './foreign-speaker.ts';
import { eventually, sh, type Netns, type Process } from './namespaces.ts';

export const frr: ForeignDaemon = { name: 'FRR', needs: [program('zebra'), program('bgpd'), program('vtysh')], hasFib: true, start };

const FRR_BGPD = '/usr/lib/frr/bgpd';

async function start(ns: Netns, settings: ForeignSettings): Promise<ForeignSpeaker> {
  const path = (name: string): string => join(ns.directory, name);
  giveToFrr(ns.directory);
  writeFileSync(path('zebra.conf'), '');
  writeFileSync(path('bgpd.conf'), frrConfig(settings));
  const common = (name: string): string[] => ['-f', path(`${name}.conf`), '-i', path(`${name}.pid`), '-z', path('zserv.api'), '--vty_socket', ns.directory, '-P', '0', '--log', 'stdout'];
  const vtysh = (daemon: string, ...commands: string[]): string => {
    const { status, stdout, stderr } = spawnSync('vtysh', ['--vty_socket', ns.directory, '-d', daemon, ...commands.flatMap((c) => ['-c', c])], { encoding: 'utf8', timeout: 5_000 });
    if (status !== 0) throw new Error(`vtysh ${commands.join('; ')}: ${stderr}${stdout}`);
    return stdout;
  };
  // Routes stay in the kernel while zebra is away (-r), and those of before are swept later (-K).
  const zebra = ns.spawn(pathOf('zebra')!, [...common('zebra'), '-r', '-K', '60']);
  await eventually(10_000, () => vtysh('zebra', 'show version'));
  const bgpd = ns.spawn(FRR_BGPD, [...common('bgpd'), '-p', '179']);
  await eventually(10_000, () => vtysh('bgpd', 'show version'));
  const processes: readonly Process[] = [bgpd, zebra];
  let announced = settings.routes;
  return {
    get output() { return processes.map((p) => p.output).join('\n'); },
    session: (family) => {
      const shown = JSON.parse(vtysh('bgpd', `show bgp neighbors ${OURS[family]} json`)) as Record<string, { bgpState?: string; lastResetDueTo?: string }>;
      const { bgpState = 'unknown', lastResetDueTo = '' } = shown[OURS[family]] ?? {};
      return bgpState === 'Established' ? bgpState : `${bgpState} ${lastResetDueTo}`;
    },
    announce: (routes) => {
      vtysh('bgpd', 'configure terminal', `router bgp ${settings.asn}`, ...networks(announced, 'no network'), ...networks(routes, 'network'));
      announced = routes;
    },
    learned: (family) => {
      const name = family === 'ipv4' ? 'ipv4' : 'ipv6';
      const shown = JSON.parse(vtysh('bgpd', `show bgp ${name} unicast neighbors ${OURS[family]} routes json`)) as { routes?: Record<string, unknown> };
      return Object.keys(shown.routes ?? {});
    },
    signal: (signal) => { for (const p of processes) p.signal(signal); },
    kill: async () => { for (const p of processes) await p.kill(); },
  };
}

/** Its daemons give up root; the socket of vtysh must belong to their group. */
function giveToFrr(directory: string): void {
  chmodSync(dirname(directory), 0o755);
  sh('chown', 'frr:frr', directory);
}

/** Commands below `router bgp`, in their address families. */
function networks(routes: readonly string[], command: string): string[] {
  return [false, true].flatMap((v6) => [
    `address-family ${v6 ? 'ipv6' : 'ipv4'} unicast`, ...routes.filter((r) => is6(r) === v6).map((r) => `${command} ${r}`), 'exit-address-family',
  ]);
}

function frrConfig({ asn, ourAsn, routes, holdTimeSeconds = 6 }: ForeignSettings): string {
  const neighbour = (family: Family): string => ` neighbor ${OURS[family]} remote-as ${ourAsn}\n neighbor ${OURS[family]} timers connect 1`;
  const activate = (family: Family): string => [
    ` address-family ${family} unicast`, `  neighbor ${OURS[family]} activate`, `  neighbor ${OURS[family]} next-hop-self`, ' exit-address-family',
  ].join('\n');
  return `
log stdout
router bgp ${asn}
 bgp router-id ${THEIRS.ipv4}
 no bgp ebgp-requires-policy
 no bgp default ipv4-unicast
 no bgp network import-check
 bgp graceful-restart
 bgp graceful-restart preserve-fw-state
 bgp graceful-restart restart-time ${RESTART_TIME_SECONDS}
 bgp graceful-restart select-defer-time 10
 timers bgp ${Math.floor(holdTimeSeconds / 3)} ${holdTimeSeconds}
${neighbour('ipv4')}
${neighbour('ipv6')}
${activate('ipv4')}
${activate('ipv6')}
${networks(routes, 'network').map((line) => ` ${line}`).join('\n')}
`;
}
