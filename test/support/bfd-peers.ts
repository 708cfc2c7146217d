/** BFD of BIRD and of FRR in a namespace, to be the other end of our sessions. */
import { spawnSync } from 'node:child_process';
import { chmodSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { pathOf, program, type Capability } from './capabilities.ts';
import { eventually, sh, type Netns, type Process } from './namespaces.ts';

export interface BfdPeerSettings {
  /** Our address, as the peer sees it, and its own. */
  readonly neighbor: string;
  readonly local: string;
  readonly multihop: boolean;
  readonly intervalMs: number;
  readonly interface: string;
  /** Also a BGP session with us, watched over by BFD. */
  readonly bgp?: { readonly asn: number; readonly ourAsn: number };
}

export interface BfdPeer {
  readonly name: string;
  /** State of its session, in its own words. */
  state(): string;
  /** Times its session was lost since it started. */
  losses(): number;
  /** State of its BGP session with us. */
  bgp(): string;
  /** What it says about the session. */
  show(): string;
  signal(signal: NodeJS.Signals): void;
}

export interface BfdImplementation {
  readonly name: string;
  readonly needs: readonly Capability[];
  start(ns: Netns, settings: BfdPeerSettings): Promise<BfdPeer>;
}

export const BFD_PEERS: readonly BfdImplementation[] = [
  { name: 'BIRD', needs: [program('bird'), program('birdc')], start: startBird },
  { name: 'FRR', needs: [program('zebra'), program('vtysh')], start: startFrr },
];

async function startBird(ns: Netns, s: BfdPeerSettings): Promise<BfdPeer> {
  const [config, control] = [join(ns.directory, 'bird.conf'), join(ns.directory, 'bird.ctl')];
  const times = `interval ${s.intervalMs} ms; multiplier 3;`;
  writeFileSync(config, `
    router id 192.0.2.2; log stderr all; protocol device {}
    protocol bfd b { debug { states, events }; interface "*" { ${times} }; multihop { ${times} };
      ${s.bgp === undefined ? `neighbor ${s.neighbor} ${s.multihop ? `local ${s.local} multihop on` : `dev "${s.interface}" local ${s.local}`};` : ''} }
    ${s.bgp === undefined ? '' : `protocol bgp ours { local ${s.local} as ${s.bgp.asn}; neighbor ${s.neighbor} as ${s.bgp.ourAsn}; bfd on; connect delay time 1; connect retry time 2; error wait time 1, 2;
      graceful restart on; ipv4 { import all; export none; }; }`}
  `);
  const process = ns.spawn(pathOf('bird')!, ['-f', '-c', config, '-s', control, '-P', join(ns.directory, 'bird.pid')]);
  const birdc = (...words: string[]): string => {
    const { status, stdout, stderr } = spawnSync(pathOf('birdc')!, ['-s', control, ...words], { encoding: 'utf8', timeout: 5_000 });
    if (status !== 0) throw new Error(`birdc ${words.join(' ')}: ${stderr}${stdout}${process.output}`);
    return stdout;
  };
  await eventually(10_000, () => birdc('show', 'status'));
  const show = (): string => birdc('show', 'bfd', 'sessions').split('\n').find((line) => line.startsWith(s.neighbor)) ?? '';
  return {
    name: 'BIRD', show, bgp: () => (birdc('show', 'protocols', 'ours').includes('Established') ? 'Established' : 'down'), state: () => /\b(Up|Down|Init|AdminDown)\b/.exec(show())?.[0] ?? 'none',
    losses: () => process.lines.filter((line) => /Up to (Down|AdminDown)/.test(line)).length,
    signal: (signal) => { process.signal(signal); },
  };
}

interface FrrSession { readonly status: string; readonly diagnostic: string; readonly 'remote-diagnostic': string }

async function startFrr(ns: Netns, s: BfdPeerSettings): Promise<BfdPeer> {
  const path = (name: string): string => join(ns.directory, name);
  chmodSync(dirname(ns.directory), 0o755);
  sh('chown', 'frr:frr', ns.directory);
  const peer = `peer ${s.neighbor} ${s.multihop ? `multihop local-address ${s.local}` : `local-address ${s.local} interface ${s.interface}`}`;
  writeFileSync(path('zebra.conf'), '');
  writeFileSync(path('bfdd.conf'), s.bgp === undefined ? `bfd\n ${peer}\n  detect-multiplier 3\n  receive-interval ${s.intervalMs}\n  transmit-interval ${s.intervalMs}\n${s.multihop ? '  minimum-ttl 250\n' : ''} exit\nexit\n` : `bfd\n profile p\n  receive-interval ${s.intervalMs}\n  transmit-interval ${s.intervalMs}\n exit\nexit\n`);
  if (s.bgp !== undefined) {
    writeFileSync(path('bgpd.conf'), `router bgp ${s.bgp.asn}\n bgp router-id 192.0.2.2\n no bgp ebgp-requires-policy\n bgp graceful-restart\n neighbor ${s.neighbor} remote-as ${s.bgp.ourAsn}\n`
      + ` neighbor ${s.neighbor} bfd\n neighbor ${s.neighbor} bfd profile p\n neighbor ${s.neighbor} timers connect 2\nexit\n`);
  }
  const common = (name: string): string[] => ['-f', path(`${name}.conf`), '-i', path(`${name}.pid`), '-z', path('zserv.api'), '--vty_socket', ns.directory, '-P', '0', '--log', 'stdout'];
  const vtysh = (daemon: string, ...commands: string[]): string => {
    const { status, stdout, stderr } = spawnSync('vtysh', ['--vty_socket', ns.directory, '-d', daemon, ...commands.flatMap((c) => ['-c', c])], { encoding: 'utf8', timeout: 5_000 });
    if (status !== 0) throw new Error(`vtysh ${commands.join('; ')}: ${stderr}${stdout}`);
    return stdout;
  };
  const processes: Process[] = [ns.spawn(pathOf('zebra')!, common('zebra'))];
  await eventually(10_000, () => vtysh('zebra', 'show version'));
  processes.push(ns.spawn('/usr/lib/frr/bfdd', [...common('bfdd'), '--bfdctl', path('bfdd.sock')]));
  await eventually(10_000, () => vtysh('bfdd', 'show version'));
  if (s.bgp !== undefined) {
    processes.push(ns.spawn('/usr/lib/frr/bgpd', [...common('bgpd'), '-p', '179']));
    await eventually(10_000, () => vtysh('bgpd', 'show version'));
  }
  const bgp = (): string => (JSON.parse(vtysh('bgpd', `show bgp neighbors ${s.neighbor} json`)) as Record<string, { bgpState?: string }>)[s.neighbor]?.bgpState ?? 'none';
  const session = (): FrrSession | undefined => (JSON.parse(vtysh('bfdd', 'show bfd peers json')) as FrrSession[])[0];
  const counters = (): { readonly 'session-down'?: number } => (JSON.parse(vtysh('bfdd', 'show bfd peers counters json')) as { readonly 'session-down'?: number }[])[0] ?? {};
  return {
    name: 'FRR', bgp, show: () => JSON.stringify(session()), state: () => ({ up: 'Up', down: 'Down', init: 'Init', shutdown: 'AdminDown' } as Record<string, string>)[session()?.status ?? ''] ?? 'none',
    losses: () => counters()['session-down'] ?? 0,
    signal: (signal) => { for (const p of processes) p.signal(signal); },
  };
}

/**
 * ```
 *   us ──── middle ──── them      One hop: us and them on one link. Several: through the middle, which forwards.
 * ```
 */
export const ADDRESSES = {
  single: { ipv4: ['10.9.0.1', '10.9.0.2'], ipv6: ['fd09::1', 'fd09::2'] },
  multi: { ipv4: ['10.8.1.1', '10.8.2.2'], ipv6: ['fd08:1::1', 'fd08:2::2'] },
} as const;
