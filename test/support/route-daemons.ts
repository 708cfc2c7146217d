/** BIRD and FRR in a namespace with a configuration that the test writes itself, and what they say about routes. */
import { spawnSync } from 'node:child_process';
import { chmodSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { pathOf } from './capabilities.ts';
import { eventually, sh, type Netns } from './namespaces.ts';

export interface RawBird {
  readonly birdc: (...words: string[]) => string;
  /** Takes another configuration. */
  readonly configure: (config: string) => void;
  /** Everything about its routes to a prefix; empty: it has none. */
  readonly route: (prefix: string) => string;
}

export async function startBird(ns: Netns, config: string): Promise<RawBird> {
  const [file, control] = [join(ns.directory, 'bird.conf'), join(ns.directory, 'bird.ctl')];
  writeFileSync(file, config);
  const process = ns.spawn(pathOf('bird')!, ['-f', '-c', file, '-s', control, '-P', join(ns.directory, 'bird.pid')]);
  const run = (words: readonly string[]) => spawnSync(pathOf('birdc')!, ['-s', control, ...words], { encoding: 'utf8', timeout: 5_000 });
  const birdc = (...words: string[]): string => {
    const { status, stdout, stderr } = run(words);
    if (status !== 0) throw new Error(`birdc ${words.join(' ')}: ${stderr}${stdout}${process.output}`);
    return stdout;
  };
  await eventually(10_000, () => birdc('show', 'status'));
  return {
    birdc,
    configure: (next) => { writeFileSync(file, next); birdc('configure'); },
    route: (prefix) => {
      const { stdout } = run(['show', 'route', 'all', prefix]);
      return stdout.includes('Network not found') ? '' : stdout;
    },
  };
}

/** One path, as FRR's JSON has it. */
export interface FrrPath {
  readonly aspath?: { readonly string?: string };
  readonly community?: { readonly string?: string };
  readonly largeCommunity?: { readonly string?: string };
  readonly extendedCommunity?: { readonly string?: string };
  readonly locPrf?: number;
  readonly originatorId?: string;
  readonly clusterList?: { readonly list?: readonly string[] };
  readonly nexthops?: readonly { readonly ip?: string }[];
  readonly bestpath?: { readonly overall?: boolean };
}

export interface RawFrr {
  readonly vtysh: (...commands: string[]) => string;
  readonly paths: (prefix: string) => FrrPath[];
}

export async function startFrr(ns: Netns, config: string): Promise<RawFrr> {
  const path = (name: string): string => join(ns.directory, name);
  chmodSync(dirname(ns.directory), 0o755);        // its daemons give up root
  sh('chown', 'frr:frr', ns.directory);
  writeFileSync(path('zebra.conf'), '');
  writeFileSync(path('bgpd.conf'), `log stdout\n${config}`);
  const common = (name: string): string[] => ['-f', path(`${name}.conf`), '-i', path(`${name}.pid`), '-z', path('zserv.api'), '--vty_socket', ns.directory, '-P', '0', '--log', 'stdout'];
  const ask = (daemon: string, commands: readonly string[]): string => {
    const { status, stdout, stderr } = spawnSync('vtysh', ['--vty_socket', ns.directory, '-d', daemon, ...commands.flatMap((c) => ['-c', c])], { encoding: 'utf8', timeout: 5_000 });
    if (status !== 0) throw new Error(`vtysh ${commands.join('; ')}: ${stderr}${stdout}`);
    return stdout;
  };
  ns.spawn(pathOf('zebra')!, common('zebra'));
  await eventually(10_000, () => ask('zebra', ['show version']));
  ns.spawn('/usr/lib/frr/bgpd', [...common('bgpd'), '-p', '179']);
  await eventually(10_000, () => ask('bgpd', ['show version']));
  return {
    vtysh: (...commands) => ask('bgpd', commands),
    paths: (prefix) => (JSON.parse(ask('bgpd', [`show bgp ipv4 unicast ${prefix} json`])) as { paths?: FrrPath[] }).paths ?? [],
  };
}
