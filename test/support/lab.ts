/** A lab for the scenarios of one file: built once, taken down at the end, and described in full when a scenario fails. */
import { afterAll, beforeAll } from '@jest/globals';
import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { BUNDLE, PROGRAM, SHIM } from '../../lab/installation.ts';
import type { PodView } from '../../lab/kubelet.ts';
import { Lab } from '../../lab/lab.ts';
import type { Place } from '../../lab/lab-node.ts';
import { BGPD_ROUTE_PROTOCOL } from '../../lib/ownership.ts';
import { machineDirectory } from '../../lab/plan.ts';
import { addressOf, isGood, measure, type Family, type PairResult } from '../../lab/matrix.ts';
import type { Topology } from '../../lab/topology.ts';
import { run as runProgram } from '../../sys/exec.ts';
import { kubectlPath, namespaces, program, root, type Capability } from './capabilities.ts';
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
export function scenariosOf(options: { readonly nodes: number } | { readonly topology: Topology }): (name: string, run: (lab: Lab) => Promise<void>, timeoutMs?: number) => void {
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

/** `kubectl apply` of these manifests, in this order. */
export async function apply(lab: Lab, ...manifests: readonly object[]): Promise<void> {
  const list = { apiVersion: 'v1', kind: 'List', items: manifests };
  const { status, stderr } = await runProgram(kubectlPath(), ['--kubeconfig', lab.kubeconfig, 'apply', '-f', '-'], { stdin: JSON.stringify(list) });
  if (status !== 0) throw new Error(stderr);
}

/** Sets annotations (`KEY=VALUE`) of a node, or takes them away (`KEY-`). */
export async function annotate(lab: Lab, node: string, ...annotations: readonly string[]): Promise<void> {
  const { status, stderr } = await lab.kubectl('annotate', '--overwrite', 'node', node, ...annotations);
  if (status !== 0) throw new Error(stderr);
}

/** Gives a router another BIRD configuration while it runs; throws what `birdc configure` says against it. */
export async function configureRouter(lab: Lab, router: string, text: string): Promise<void> {
  writeFileSync(join(machineDirectory(lab.name, router), 'shared/bird.conf'), text);
  const said = await lab.birdc('configure', router);
  if (!/Reconfigur/.test(said)) throw new Error(said);
}

/** Each node has so many sessions, all are Established, and no route is stale. */
export async function sessionsAre(lab: Lab, expected: Readonly<Record<string, number>>, ms = CONVERGED_MS): Promise<void> {
  await eventually(ms, async () => {
    for (const [name, count] of Object.entries(expected)) {
      const status = await lab.status(name);
      const [all, up] = [status?.peers ?? [], (status?.peers ?? []).filter((p) => p.state === 'Established' && p.stale === 0)];
      if (status === null || status.restarting || all.length !== count || up.length !== count) {
        throw new Error(`${name}: ${up.length} of ${all.length} sessions are Established, ${count} were expected`);
      }
    }
  });
}

const failures = (results: readonly PairResult[]): string[] => results.filter((r) => !isGood(r)).map((r) =>
  `${r.from.name}→${r.to.name} ${r.family}: tcp ${r.tcp.ok ? r.tcp.source : r.tcp.reason}, ping ${r.ping.ok ? 'ok' : r.ping.reason}`);

/** Every ordered pair of pods passes TCP and ping in these families, each with its own address. */
export async function allPass(lab: Lab, pods: readonly PodView[], families: readonly Family[] = ['ipv4', 'ipv6'], ms = CONVERGED_MS): Promise<void> {
  await eventually(ms, async () => {
    const failed = failures((await measure(lab, pods, 1_000)).filter((r) => families.includes(r.family)));
    if (failed.length > 0) throw new Error(failed.join('\n'));
  });
}

/** The gateways of a kernel route of bgpd's at a place, sorted; undefined: there is no such route. */
export async function gatewaysOf(place: Place, prefix: string): Promise<string[] | undefined> {
  const routes = await place.kernelRoutes(prefix.includes(':') ? 'ipv6' : 'ipv4', BGPD_ROUTE_PROTOCOL);
  const found = routes.find((r) => r.dst === prefix);
  return found && [found.gateway, ...(found.nexthops ?? []).map((n) => n.gateway)].filter((g) => g !== undefined).sort();
}

/** The blocks that a node originates. */
export const blocksOf = async (lab: Lab, node: string): Promise<readonly string[]> => (await lab.status(node))?.originated ?? [];

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
