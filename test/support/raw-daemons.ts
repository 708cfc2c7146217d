/** BIRD and FRR in a namespace with whatever configuration a test writes. */
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { pathOf } from './capabilities.ts';
import { eventually, sh, type Netns, type Process } from './namespaces.ts';

/** Another bgpd may be on the path. */
const FRR_DAEMONS = '/usr/lib/frr';

export interface RawDaemon {
  /** Runs commands of its shell and returns what it prints. */
  ask(...commands: string[]): string;
  /** Replaces the configuration (BIRD), or types it (FRR). */
  configure(text: string): void;
  readonly output: string;
}

/** BIRD 2; logs go to its output. */
export async function startBird(ns: Netns, config: string, name = 'bird', options: readonly string[] = []): Promise<RawDaemon & { kill(): Promise<void> }> {
  const [file, control] = [join(ns.directory, `${name}.conf`), join(ns.directory, `${name}.ctl`)];
  const write = (text: string): void => { writeFileSync(file, `log stderr all;\n${text}\n`); };
  write(config);
  const process = ns.spawn(pathOf('bird')!, ['-f', '-c', file, '-s', control, '-P', join(ns.directory, `${name}.pid`), ...options]);
  const ask = (...words: string[]): string => {
    const { status, stdout, stderr } = spawnSync(pathOf('birdc')!, ['-s', control, ...words], { encoding: 'utf8', timeout: 5_000 });
    if (status !== 0) throw new Error(`birdc ${words.join(' ')}: ${stderr}${stdout}${process.output}`);
    return stdout;
  };
  await eventually(10_000, () => ask('show', 'status'));
  return { ask, configure: (text) => { write(text); ask('configure'); }, get output() { return process.output; }, kill: () => process.kill() };
}

/** FRR's zebra, with options of its own, and bgpd; `config` is for both (`interface` blocks for zebra alone). */
export async function startFrr(ns: Netns, config: { readonly zebra?: string; readonly bgpd: string }, options: readonly string[] = []): Promise<RawDaemon & { kill(): Promise<void> }> {
  chmodSync(dirname(ns.directory), 0o755);
  sh('chown', 'frr:frr', ns.directory);
  const path = (name: string): string => join(ns.directory, name);
  writeFileSync(path('zebra.conf'), `log stdout\n${config.zebra ?? ''}\n`);
  writeFileSync(path('bgpd.conf'), `log stdout\n${config.bgpd}\n`);
  const ask = (...commands: string[]): string => {
    const { status, stdout, stderr } = spawnSync('vtysh', ['--vty_socket', ns.directory, ...commands.flatMap((c) => ['-c', c])], { encoding: 'utf8', timeout: 5_000 });
    if (status !== 0) throw new Error(`vtysh ${commands.join('; ')}: ${stderr}${stdout}`);
    return stdout;
  };
  const start = async (program: string, ...more: string[]): Promise<Process> => {
    const started = ns.spawn(join(FRR_DAEMONS, program), [
      '-f', path(`${program}.conf`), '-i', path(`${program}.pid`), '-z', path('zserv.api'), '--vty_socket', ns.directory, '-P', '0', ...more,
    ]);
    await eventually(10_000, () => { if (!existsSync(path(`${program}.vty`))) throw new Error(`no ${program} yet: ${started.output}`); });
    return started;
  };
  for (const program of ['zebra', 'bgpd']) rmSync(path(`${program}.vty`), { force: true });       // of one that was killed
  const processes = [await start('zebra', ...options), await start('bgpd', '-p', '179')];
  return {
    ask,
    configure: (text) => { ask('configure terminal', ...text.split('\n').map((line) => line.trim()).filter((line) => line !== '')); },
    get output() { return processes.map((p) => p.output).join('\n'); },
    kill: async () => { for (const p of processes.toReversed()) await p.kill(); },
  };
}
