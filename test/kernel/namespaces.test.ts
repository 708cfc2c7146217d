/** The harness itself: nothing of a test stays behind, whatever happens to it. */
import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from '@jest/globals';
import { namespaces, root } from '../support/capabilities.ts';
import { Namespaces, eventually, sh } from '../support/namespaces.ts';
import { skipUnless } from '../support/skip.ts';

const test = skipUnless(root, namespaces);
const lives = (pid: number): boolean => existsSync(`/proc/${pid}`);

test('namespaces are joined, can be told apart, and are gone with their processes after the test', async () => {
  let prefix = '';
  let directory = '';
  let pid = 0;
  {
    await using net = await Namespaces.create('harness');
    ({ prefix, directory } = net);
    const [a, b] = [net.add('a'), net.add('b')];
    net.link(a, b, { addresses: [['10.0.0.1/24', 'fd00::1/64'], ['10.0.0.2/24', 'fd00::2/64']] });
    for (const address of ['10.0.0.2', 'fd00::2']) expect(a.exec('ping', '-c1', '-W2', address)).toContain(' 0% packet loss');
    const stubborn = a.spawn('sh', ['-c', 'trap "" TERM; echo ready; while :; do sleep 0.1; done']);
    await eventually(5_000, () => { expect(stubborn.lines).toContain('ready'); });
    pid = stubborn.pid;
    expect(lives(pid)).toBe(true);
  }
  expect(readdirSync('/run/netns').filter((n) => n.startsWith(prefix))).toEqual([]);
  expect([existsSync(directory), lives(pid)]).toEqual([false, false]);
});

test('what a killed test run left behind goes with the next one', async () => {
  let dead = 4_000_000;
  while (lives(dead)) dead -= 1;
  const name = `tt${dead}x0-left`;
  const directory = join(tmpdir(), `${name}-over`);
  sh('ip', 'netns', 'add', name);
  mkdirSync(directory);
  {
    await using _net = await Namespaces.create('the next one');
    expect([existsSync(join('/run/netns', name)), existsSync(directory)]).toEqual([false, false]);
  }
});

test('a failed command says what it printed', async () => {
  await using net = await Namespaces.create('failing');
  const a = net.add('a');
  expect(() => a.ip('link', 'show', 'nonesuch')).toThrow(/nonesuch.*does not exist/s);
  const broken = a.spawn('/nonexistent/program', []);
  expect(await broken.ended).not.toBe(0);
  expect(broken.output).toContain('/nonexistent/program');
});
