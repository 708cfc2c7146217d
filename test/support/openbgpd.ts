/** OpenBGPD in a namespace with whatever configuration a test writes. It has no FIB on Linux. */
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { file, program, type Capability } from './capabilities.ts';
import { eventually, type Netns } from './namespaces.ts';
import type { RawDaemon } from './raw-daemons.ts';

/** FRR has a `bgpd` too. */
const BGPD = '/usr/sbin/bgpd';
export const openbgpdNeeds: readonly Capability[] = [program('bgpctl'), file(BGPD, 'OpenBGPD')];

/**
 * It gives up root for a user whose home it takes for its root directory, which only a boot makes: it sees an
 * /etc/passwd of the test, in a mount namespace of its own, where home is an empty directory of the test.
 */
export async function startOpenbgpd(ns: Netns, config: string): Promise<RawDaemon & { kill(): Promise<void> }> {
  const path = (name: string): string => join(ns.directory, name);
  chmodSync(dirname(ns.directory), 0o755);
  mkdirSync(path('empty'), { recursive: true });
  const users = readFileSync('/etc/passwd', 'utf8').split('\n').map((line) => {
    const fields = line.split(':');
    return /^_(open)?bgpd$/.test(fields[0]!) ? fields.with(5, path('empty')).join(':') : line;
  });
  writeFileSync(path('passwd'), users.join('\n'));
  const write = (text: string): void => {
    writeFileSync(path('bgpd.conf'), `socket "${path('bgpd.sock')}"\n${text}\n`, { mode: 0o600 });
  };
  write(config);
  const process = ns.spawn('unshare', ['--mount', '--propagation', 'private', 'sh', '-c',
    `mount --bind ${path('passwd')} /etc/passwd && exec ${BGPD} -d -v -f ${path('bgpd.conf')}`]);
  const ask = (...words: string[]): string => {
    const { status, stdout, stderr } = spawnSync('bgpctl', ['-s', path('bgpd.sock'), ...words], { encoding: 'utf8', timeout: 5_000 });
    if (status !== 0) throw new Error(`bgpctl ${words.join(' ')}: ${stderr}${stdout}${process.output}`);
    return stdout;
  };
  await eventually(10_000, () => ask('show', 'summary'));
  return { ask, configure: (text) => { write(text); ask('reload'); }, get output() { return process.output; }, kill: () => process.kill() };
}
