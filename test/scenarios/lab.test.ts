/** The lab itself: two at a time, gone without a trace also after a crash, and a node that crashes. */
import { expect } from '@jest/globals';
import { spawn } from 'node:child_process';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { Lab } from '../../lab/lab.ts';
import { LABS_DIRECTORY, directoryOf, namespacePrefix, supervisorLog } from '../../lab/plan.ts';
import { ended, recordedProcess, recordedProcesses, signal } from '../../lab/process.ts';
import { SUPERVISOR, labNames, removeLab } from '../../lab/removal.ts';
import { run } from '../../sys/exec.ts';
import { eventually } from '../support/eventually.ts';
import { freshName, labTest, scenariosOf } from '../support/lab.ts';

/** This machine's own network, as far as `ip` shows it. */
async function hostNetwork(): Promise<string> {
  const parts = await Promise.all([['-br', 'link'], ['-br', 'addr'], ['route'], ['-6', 'route'], ['rule']].map((args) => run('ip', args)));
  return parts.map((p) => p.stdout.replaceAll(/expires \d+sec/g, '')).join('\n');
}

const namespacesOf = async (lab: string): Promise<string[]> =>
  (await run('ip', ['netns', 'list'])).stdout.split('\n').filter((line) => line.startsWith(namespacePrefix(lab)));

/** Nothing on disk, no namespace, no process of it. */
async function expectNoTrace(name: string): Promise<void> {
  expect(existsSync(directoryOf(name))).toBe(false);
  expect(await namespacesOf(name)).toEqual([]);
  expect(await labNames()).not.toContain(name);
  const running = readdirSync('/proc').filter((p) => /^\d+$/.test(p)).filter((pid) => commandOf(pid).includes(`${LABS_DIRECTORY}/${name}/`));
  expect(running).toEqual([]);
}

function commandOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
  } catch {
    return '';
  }
}

labTest('a second lab runs beside the first; each is gone without a trace, and this machine\'s network is as before', async () => {
  const before = await hostNetwork();
  const names = [freshName(), `${freshName()}b`];
  try {
    const labs = await Promise.all(names.map((name) => Lab.up({ name, nodes: 1, owned: true })));
    const views = await Promise.all(labs.map((lab) => lab.view()));
    expect(new Set(views.map((v) => v.apiPort)).size).toBe(2);
    for (const lab of labs) expect((await lab.kubectl('get', 'nodes', '-o', 'name')).stdout).toBe('node/n1\n');
    await labs[0]!.down();
    await expectNoTrace(names[0]!);
    expect((await labs[1]!.kubectl('get', 'nodes', '-o', 'name')).stdout).toBe('node/n1\n');
    await labs[1]!.down();
    await expectNoTrace(names[1]!);
    expect(await hostNetwork()).toBe(before);
  } finally {
    for (const name of names) await removeLab(name);
  }
}, 120_000);

labTest('a lab whose making is interrupted goes: with Ctrl-C it says so', async () => {
  for (const [signalled, said] of [['SIGINT', true], ['SIGKILL', false]] as const) {
    const name = freshName();
    try {
      const up = spawn(process.execPath, ['main.ts', 'lab', 'up', '--name', name, '--nodes', '3', '--source'], { stdio: ['ignore', 'pipe', 'pipe'] });
      let output = '';
      const told = new Promise<void>((resolve) => { up.stdout.on('data', (chunk: Buffer) => { output += chunk.toString(); resolve(); }); });
      const over = new Promise<number | null>((resolve) => { up.once('close', (code) => { resolve(code); }); });
      await told;
      expect(await namespacesOf(name).then((n) => n.length + Number(existsSync(directoryOf(name))))).toBeGreaterThan(0);
      up.kill(signalled);
      expect([await over, output.includes(`interrupted: taking away what was begun; should anything stay: npm run lab -- down --name ${name}\n`)]).toEqual([said ? 130 : null, said]);
      await eventually(20_000, () => expectNoTrace(name));
    } finally {
      await removeLab(name);
    }
  }
}, 120_000);

labTest('a lab whose supervisor was killed is removed by its records; the same name comes up again', async () => {
  const name = freshName();
  try {
    const lab = await Lab.up({ name, nodes: 1, owned: true });
    lab.close();
    const supervisor = recordedProcess(directoryOf(name), SUPERVISOR)!;
    const inits = recordedProcesses(directoryOf(name)).filter((p) => p.what !== SUPERVISOR);
    expect(inits.length).toBe(4);
    signal(supervisor, 'SIGKILL');
    expect(await ended(supervisor, 5_000)).toBe(true);
    expect(await Lab.find(name)).toBeUndefined();
    await using again = await Lab.up({ name, nodes: 1, owned: true });
    expect((await again.view()).nodes.map((n) => n.state)).toEqual(['running']);
    for (const { identity } of inits) expect(await ended(identity, 1_000)).toBe(true);
  } finally {
    await removeLab(name);
  }
  await expectNoTrace(name);
}, 120_000);

const scenario = scenariosOf({ nodes: 2 });

scenario('a daemon that is killed is started again; a node that crashes loses its run-time files and its boot ID, and keeps its disk', async (lab) => {
  const n1 = lab.node('n1');
  const killed = await n1.signal('bgpd', 'SIGKILL');
  await eventually(10_000, async () => {
    const bgpd = (await n1.view()).daemons.find((d) => d.name === 'bgpd')!;
    expect(bgpd).toMatchObject({ restarts: 1, lastEnd: 'signal 9' });
    expect(bgpd.pid ?? killed).not.toBe(killed);
  });

  await n1.execOrThrow(['sh', '-c', 'touch /run/run-time-file /var/lib/tortie/durable-file']);
  const bootId = await n1.execOrThrow(['cat', '/proc/sys/kernel/random/boot_id']);
  await n1.crash();
  expect((await n1.view()).state).toBe('down');
  await expect(n1.exec(['true'])).rejects.toThrow('MACHINE_DOWN');
  expect((await lab.node('n2').exec(['ping', '-c1', '-W1', '10.99.0.11'])).status).not.toBe(0);

  await lab.heal();
  expect((await n1.exec(['test', '-e', '/run/run-time-file'])).status).toBe(1);
  expect((await n1.exec(['test', '-e', '/var/lib/tortie/durable-file'])).status).toBe(0);
  expect(await n1.execOrThrow(['cat', '/proc/sys/kernel/random/boot_id'])).not.toBe(bootId);
  expect((await lab.node('n2').exec(['ping', '-c1', '-W1', '10.99.0.11'])).status).toBe(0);
});

scenario('a cable that is out cuts a node off, and paused daemons leave the kernel forwarding', async (lab) => {
  const n1 = lab.node('n1');
  await n1.breakLink();
  expect((await lab.node('n2').exec(['ping', '-c1', '-W1', '10.99.0.11'])).status).not.toBe(0);
  await n1.heal();
  await n1.pause();
  expect(await n1.speaker()).toBeNull();
  expect((await lab.node('n2').exec(['ping', '-c1', '-W1', '10.99.0.11'])).status).toBe(0);
  await n1.heal();
  await eventually(10_000, async () => { expect(await n1.speaker()).not.toBeNull(); });
});

scenario('the switch carries no question for a pod address', async (lab) => {
  const asked = await lab.node('n2').exec(['sh', '-c', 'ip route add 10.244.9.9/32 dev eth0; ping -c1 -W1 10.244.9.9; ip neigh show 10.244.9.9; ip route del 10.244.9.9/32 dev eth0']);
  expect(asked.stdout).not.toContain('lladdr');
  expect(readFileSync(supervisorLog(lab.name), 'utf8')).toBe('');
});
