/**
 * bgpd is killed, ended, upgraded, again and again, under 2,000 packets a second from another node's pod and from behind the ToR
 * router, each in both families: none is lost. TORTIE_RESTARTS says how often, for each node; 2 unless said.
 */
import { expect } from '@jest/globals';
import { spawn, type ChildProcess } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { BUNDLE, CHECKOUT, PROGRAM } from '../../lab/installation.ts';
import type { Lab } from '../../lab/lab.ts';
import { eventually } from '../support/eventually.ts';
import { established, scenariosOf } from '../support/lab.ts';
import { BACK_MS, expectNothingLost, isBack, lossIn, podPair, underTraffic } from '../support/traffic.ts';

const scenario = scenariosOf({ nodes: 3 });
const RATE = 2_000;
const TIMES = Number(process.env['TORTIE_RESTARTS'] ?? 2);
const FROM = ['a', 'host'];
const LONGEST_MS = 120_000 + TIMES * 60_000;

const startedAt = async (lab: Lab, node: string): Promise<number> => (await lab.status(node))?.startedAtMs ?? 0;
const pidOf = async (lab: Lab, node: string): Promise<number | null> => (await lab.node(node).view()).daemons.find((d) => d.name === 'bgpd')?.pid ?? null;

for (const signal of ['SIGKILL', 'SIGTERM'] as const) {
  scenario(`bgpd ended by ${signal}, ${TIMES} times on each node: none lost, no route deleted`, async (lab) => {
    const [, b] = await podPair(lab);
    await established(lab);
    expectNothingLost(await underTraffic(lab, FROM, b, RATE, async () => {
      for (let i = 0; i < TIMES; i++) {
        for (const node of ['n2', 'n1']) {
          const before = await startedAt(lab, node);
          await lab.node(node).signal('bgpd', signal);
          await isBack(lab, node, before);
        }
      }
    }));
  }, LONGEST_MS);
}

/** A bgpd from another folder in the place of the lab's own, as when a DaemonSet's image changes: the old one ends, then the new one starts. */
class Replacement {
  readonly #folder = mkdtempSync(join(tmpdir(), 'tortie-upgrade-'));
  #child: ChildProcess | undefined;

  constructor() {
    cpSync(dirname(BUNDLE), join(this.#folder, 'dist'), { recursive: true });
    symlinkSync(join(CHECKOUT, 'node_modules'), join(this.#folder, 'node_modules'));
  }

  /** It is the one that runs: not the lab's own, which may be quicker on a busy machine. */
  get runs(): boolean { return this.#child !== undefined && this.#child.exitCode === null && this.#child.signalCode === null; }

  /** The lab starts its own again and again meanwhile: each finds the socket in use, and ends. So does this one when the other is there first. */
  async take(lab: Lab, node: string): Promise<void> {
    const old = await pidOf(lab, node);
    const args = await lab.entering(node, [process.execPath, '--disable-warning=ExperimentalWarning', join(this.#folder, 'dist/tortie.js'), 'bgpd']);
    await lab.node(node).signal('bgpd', 'SIGTERM');
    await eventually(BACK_MS, async () => { expect(await pidOf(lab, node)).not.toBe(old); });
    this.#child = spawn(PROGRAM, args, { stdio: ['ignore', 'ignore', 'ignore'] });
  }

  /** The way back: the lab's own takes over. */
  give(): void { this.#child?.kill('SIGTERM'); }
  remove(): void { this.give(); rmSync(this.#folder, { recursive: true, force: true }); }
}

scenario(`bgpd upgraded and downgraded again, ${TIMES} times on each node: none lost, no route deleted`, async (lab) => {
  const [, b] = await podPair(lab);
  await established(lab);
  const replacement = new Replacement();
  try {
    expectNothingLost(await underTraffic(lab, FROM, b, RATE, async () => {
      for (const node of ['n2', 'n1']) {
        for (let upgrades = 0, tries = 0; upgrades < TIMES; tries++) {
          expect(tries).toBeLessThan(3 * TIMES);
          const before = await startedAt(lab, node);
          await replacement.take(lab, node);
          await isBack(lab, node, before);
          if (!replacement.runs) continue;
          upgrades++;
          const between = await startedAt(lab, node);
          replacement.give();
          await isBack(lab, node, between);
        }
      }
    }));
  } finally {
    replacement.remove();
  }
}, 2 * LONGEST_MS);

scenario('killed again before it is back, and again with its first session: none lost between our nodes', async (lab) => {
  const [, b] = await podPair(lab);
  await established(lab);
  const seen = await underTraffic(lab, FROM, b, RATE, async () => {
    const before = await startedAt(lab, 'n2');
    const first = await lab.node('n2').signal('bgpd', 'SIGKILL');
    await eventually(BACK_MS, async () => { expect([null, first]).not.toContain(await pidOf(lab, 'n2')); });
    await lab.node('n2').signal('bgpd', 'SIGKILL');
    await eventually(BACK_MS, async () => { expect((await lab.status('n2'))?.peers.map((p) => p.state)).toContain('Established'); });
    await lab.node('n2').signal('bgpd', 'SIGKILL');
    await isBack(lab, 'n2', before);
  });
  process.stdout.write(`three ends of bgpd in a row\n${lossIn(seen)}\n`);
  for (const [name, r] of seen.streams) if (name.startsWith('a→')) expect([name, r.lost]).toEqual([name, 0]);
  expect(seen.deleted.filter((line) => !line.startsWith('tor:'))).toEqual([]);
}, LONGEST_MS);

/** The state of a node's neighbours on its link, as the kernel has it. */
const neighbours = async (lab: Lab, node: string): Promise<string[]> =>
  (await lab.node(node).execOrThrow(['ip', 'neigh', 'show', 'dev', 'eth0'])).split('\n').map((l) => l.trim()).filter((l) => /^(10\.99\.|fd99:)/.test(l));

scenario('the cable of the node is out for a moment while its bgpd is down: no route goes; what is lost is what the cable was to carry, and what waits for ARP', async (lab) => {
  const [, b] = await podPair(lab);
  await established(lab);
  const said: string[] = [];
  const seen = await underTraffic(lab, FROM, b, RATE, async () => {
    const before = await startedAt(lab, 'n2');
    await lab.node('n2').signal('bgpd', 'SIGKILL');
    const out = performance.now();
    await lab.node('n2').breakLink();
    await lab.node('n2').heal();
    const back = performance.now();
    said.push(`cable out for at most ${(back - out).toFixed(0)} ms while bgpd was down; neighbours then: ${(await neighbours(lab, 'n2')).join('; ')}`);
    await eventually(BACK_MS, async () => { expect((await neighbours(lab, 'n2')).filter((l) => /INCOMPLETE|FAILED/.test(l))).toEqual([]); });
    said.push(`all of them resolved ${(performance.now() - back).toFixed(0)} ms later`);
    await isBack(lab, 'n2', before);
  });
  process.stdout.write(`${said.join('\n')}\n${lossIn(seen)}\n`);
  expect(seen.deleted).toEqual([]);
  expectNothingLost(await underTraffic(lab, FROM, b, RATE, async () => {
    const before = await startedAt(lab, 'n2');
    await lab.node('n2').signal('bgpd', 'SIGTERM');
    await isBack(lab, 'n2', before);
  }));
}, LONGEST_MS);
