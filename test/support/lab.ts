/** A lab for the scenarios of one file: built once, taken down at the end, and described in full when a scenario fails. */
import { afterAll, beforeAll } from '@jest/globals';
import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { BUNDLE, PROGRAM, SHIM } from '../../lab/installation.ts';
import type { PodView } from '../../lab/kubelet.ts';
import { Lab } from '../../lab/lab.ts';
import { addressOf, type Family } from '../../lab/matrix.ts';
import { namespaces, program, root, type Capability } from './capabilities.ts';
import { eventually } from './eventually.ts';
import { skipUnless } from './skip.ts';

const UP_MS = 120_000;
const SCENARIO_MS = 120_000;
/** Sessions of a fresh lab are Established and its routes are in the kernels within this time. */
export const CONVERGED_MS = 60_000;

const built: Capability = {
  name: 'npm run build',
  missing: () => [...(process.env['TORTIE_LAB_SOURCE'] === '1' ? [] : [BUNDLE]), PROGRAM, SHIM].find((p) => !existsSync(p))?.concat(' is not built'),
};

/** Names of labs of tests: two runs at a time do not meet. */
export const freshName = (): string => `t${process.pid.toString(36)}${Date.now().toString(36).slice(-4)}`;

/** A test that builds its own labs. */
export const labTest = skipUnless(root, namespaces, program('bird'), program('ip'), program('nft'), built);

/** `scenario(name, run)`: a test that gets the file's lab. */
export function scenariosOf(options: { readonly nodes: number }): (name: string, run: (lab: Lab) => Promise<void>, timeoutMs?: number) => void {
  const skipped = labTest !== skipUnless();
  let lab: Lab | undefined;
  beforeAll(async () => {
    if (!skipped) lab = await Lab.up({ ...options, name: freshName(), owned: true });
  }, UP_MS);
  afterAll(async () => { await lab?.down(); }, UP_MS);
  return (name, run, timeoutMs = SCENARIO_MS) => {
    labTest(name, async () => {
      try {
        await run(lab!);
      } catch (error) {
        if (error instanceof Error) error.message += `\n\n${await lab!.report().catch(String)}`;
        throw error;
      }
    }, timeoutMs);
  };
}

/** Every node answers, and all its sessions are Established. */
export async function established(lab: Lab, ms = CONVERGED_MS): Promise<void> {
  await eventually(ms, async () => {
    for (const node of lab.nodes) {
      const status = await node.speaker();
      if (status === null) throw new Error(`${node.name}: bgpd does not answer`);
      const expected = 2 * (lab.nodeNames.length - 1) + 2;
      const up = status.peers.filter((p) => p.state === 'Established').length;
      if (up < expected || status.restarting) throw new Error(`${node.name}: ${up} of ${expected} sessions are Established`);
    }
  });
}

/** Numbered datagrams from a place to a pod, until `stop`. */
export class Stream {
  readonly #child: ChildProcess;
  readonly #lines: string[] = [];
  readonly #ended: Promise<void>;

  private constructor(child: ChildProcess) {
    this.#child = child;
    createInterface({ input: child.stdout! }).on('line', (line) => { this.#lines.push(line); });
    this.#ended = new Promise((resolve) => { child.once('close', () => { resolve(); }); });
  }

  /** Resolves when the first answer has come. */
  static async start(lab: Lab, from: string, to: PodView, family: Family, rate = 1_000): Promise<Stream> {
    const args = await lab.entering(from, [PROGRAM, 'stream', addressOf(to, family)!, '8080', String(rate)]);
    const stream = new Stream(spawn(PROGRAM, args, { stdio: ['ignore', 'pipe', 'inherit'] }));
    await eventually(10_000, () => {
      if (!stream.#lines.includes('running')) throw new Error(`no answer yet from ${to.name} to ${from}`);
    });
    return stream;
  }

  async stop(): Promise<StreamResult> {
    this.#child.kill('SIGTERM');
    await this.#ended;
    return JSON.parse(this.#lines.at(-1) ?? '{}') as StreamResult;
  }
}

export interface StreamResult { readonly sent: number; readonly answered: number; readonly lost: number; readonly longestGapMs: number; readonly firstLost: readonly number[] }

/** What `ip monitor route` says at a place, until `stop`. */
export class RouteMonitor {
  readonly #child: ChildProcess;
  #text = '';
  readonly #ended: Promise<void>;

  private constructor(child: ChildProcess) {
    this.#child = child;
    child.stdout!.on('data', (bytes: Buffer) => { this.#text += bytes.toString(); });
    this.#ended = new Promise((resolve) => { child.once('close', () => { resolve(); }); });
  }

  static async start(lab: Lab, place: string): Promise<RouteMonitor> {
    return new RouteMonitor(spawn(PROGRAM, await lab.entering(place, ['ip', '-N', 'monitor', 'route']), { stdio: ['ignore', 'pipe', 'inherit'] }));
  }

  /** Lines that say that a route was deleted, of those that contain `text`. */
  async stop(text: string): Promise<string[]> {
    this.#child.kill('SIGTERM');
    await this.#ended;
    return this.#text.split('\n').filter((line) => line.startsWith('Deleted') && line.includes(text));
  }
}
