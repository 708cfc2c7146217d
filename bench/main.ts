/**
 * Benchmarks side by side: `npm run bench -- [t1 … t6 cni] [--runs N] [--targets tortie,bird,frr] [--n N] [--quick] [--json FILE]`.
 *
 * Targets take turns within one run (ours, BIRD, FRR, ours, …), so that noise hits all alike; figures are medians.
 */
import { spawn } from 'node:child_process';
import { appendFileSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import Table from 'cli-table3';
import { median, type FigureLine } from './figures.ts';
import type { RunArguments } from './rig/run.ts';
import type { Figures } from './rig/tests.ts';
import { createTopology } from './rig/topology.ts';

type Test = RunArguments['test'];
interface Case { readonly test: Test; readonly variant: string; readonly n: number }

/** Full sizes, and smaller ones that finish in a few minutes. */
const CASES: readonly Case[] = [
  { test: 't1', variant: 'packed', n: 1_000_000 }, { test: 't1', variant: 'mixed8', n: 1_000_000 },
  { test: 't2', variant: 'packed', n: 1_000 }, { test: 't2', variant: 'mixed8', n: 1_000 },
  { test: 't2', variant: 'packed', n: 1_000_000 }, { test: 't2', variant: 'mixed8', n: 1_000_000 },
  { test: 't3', variant: 'packed', n: 10_000 }, { test: 't3', variant: 'packed', n: 100_000 },
  { test: 't4', variant: 'fin', n: 100_000 }, { test: 't4', variant: 'linkdown', n: 100_000 },
  { test: 't5', variant: 'dialling', n: 500 }, { test: 't5', variant: 'dialled', n: 500 },
  { test: 't6', variant: 'kill', n: 10_000 }, { test: 't6', variant: 'term', n: 10_000 },
];
const QUICK: readonly Case[] = [
  { test: 't1', variant: 'mixed8', n: 100_000 }, { test: 't2', variant: 'mixed8', n: 10_000 }, { test: 't3', variant: 'packed', n: 10_000 },
  { test: 't4', variant: 'fin', n: 10_000 }, { test: 't5', variant: 'dialling', n: 100 }, { test: 't6', variant: 'kill', n: 1_000 },
];

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    runs: { type: 'string', default: '3' }, targets: { type: 'string', default: 'tortie,bird,frr' }, n: { type: 'string' },
    quick: { type: 'boolean', default: false }, json: { type: 'string' }, variant: { type: 'string' },
  },
});
const runs = Number(values.runs);
const targets = values.targets.split(',');
const wanted = new Set(positionals.length === 0 ? ['t1', 't2', 't3', 't4', 't5', 't6', 'cni'] : positionals);
const cases = (values.quick ? QUICK : CASES)
  .filter((c) => wanted.has(c.test) && (values.variant === undefined || c.variant === values.variant))
  .map((c) => (values.n === undefined ? c : { ...c, n: Number(values.n) }))
  .filter((c, i, all) => all.findIndex((o) => o.test === c.test && o.variant === c.variant && o.n === c.n) === i);

async function measure(one: Case): Promise<Map<string, Figures[]>> {
  const results = new Map<string, Figures[]>(targets.map((t) => [t, []]));
  for (let run = 0; run < runs; run++) {
    for (const target of targets) {
      process.stderr.write(`${one.test} ${one.variant} ${one.n.toLocaleString('en')} run ${run + 1}/${runs} ${target} … `);
      const outcome = await isolated(one, target);
      process.stderr.write(`${'error' in outcome ? outcome.error : JSON.stringify(rounded(outcome.figures))}\n`);
      if (!('error' in outcome)) results.get(target)!.push(outcome.figures);
    }
  }
  return results;
}

type Outcome = { readonly figures: Figures } | { readonly error: string };

async function isolated(one: Case, target: string): Promise<Outcome> {
  using topology = createTopology(`tb${process.pid}`, one.test === 't5' ? one.n : 0);
  const args: RunArguments = { ...one, target, namespaces: { target: topology.target, peers: topology.peers } };
  return await new Promise((resolve) => {
    const child = spawn('ip', ['netns', 'exec', topology.peers, process.execPath, '--max-old-space-size=4096',
      join(import.meta.dirname, 'rig', 'run.ts'), JSON.stringify(args)], { stdio: ['ignore', 'pipe', 'inherit'] });
    let text = '';
    child.stdout.on('data', (chunk: Buffer) => { text += chunk.toString(); });
    child.once('exit', (code) => {
      try { resolve(JSON.parse(text) as Outcome); } catch { resolve({ error: `the run ended with ${code} and no figures` }); }
    });
  });
}

const rounded = (figures: Figures): Figures => Object.fromEntries(Object.entries(figures).map(([k, v]) => [k, Math.round(v * 100) / 100]));

function report(one: Case, results: Map<string, Figures[]>): void {
  const ours = results.get('tortie') ?? [];
  const lines: FigureLine[] = [];
  for (const figure of Object.keys(ours[0] ?? {})) {
    const mine = median(ours.map((f) => f[figure]!));
    for (const peerName of targets.filter((t) => t !== 'tortie' && results.get(t)!.length > 0)) {
      const peer = median(results.get(peerName)!.map((f) => f[figure]!));
      lines.push(withMust({
        test: one.test, what: `${one.variant} ${figure}`, n: one.n, ours: mine, peer, peerName, unit: unitOf(figure), ratio: peer === 0 ? null : mine / peer,
      }, one.variant));
    }
    if (targets.length === 1) lines.push(withMust({ test: one.test, what: `${one.variant} ${figure}`, n: one.n, ours: mine, peer: null, peerName: 'none', unit: unitOf(figure), ratio: null }, one.variant));
  }
  print(lines);
}

const unitOf = (figure: string): string => /(Ms|MiB|Percent)$/.exec(figure)?.[1]?.replace('Ms', 'ms').replace('Percent', '%') ?? 'count';

function withMust(line: FigureLine, variant: string): FigureLine {
  const musts = (JSON.parse(readFileSync(join(import.meta.dirname, 'targets.json'), 'utf8')) as { must: { test: string; variant: string; n: string; figure: string; peer: string; ratio: number }[] }).must;
  const must = musts.find((m) => m.test === line.test && m.variant === variant && line.what.endsWith(m.figure)
    && (m.peer === line.peerName || m.peer === 'none') && (m.n === '*' || Number(m.n) === line.n));
  return must === undefined ? line : { ...line, must: must.ratio };
}

function print(lines: readonly FigureLine[]): void {
  if (lines.length === 0) return;
  const table = new Table({ head: ['test', 'n', 'figure', 'ours', 'peer', '', 'ratio', 'must'], style: { head: [], border: [] } });
  for (const l of lines) {
    table.push([l.test, l.n, l.what, show(l.ours), l.peer === null ? '' : show(l.peer), `${l.peerName} ${l.unit}`, l.ratio === null ? '' : l.ratio.toFixed(2), l.must ?? '']);
    if (values.json !== undefined) appendFileSync(values.json, `${JSON.stringify(l)}\n`);
  }
  process.stdout.write(`${table.toString()}\n`);
}

function show(value: number): string { return value >= 100 ? value.toFixed(0) : value.toFixed(2); }

for (const one of cases) report(one, await measure(one));
if (wanted.has('cni')) {
  const { benchCni } = await import('./cni.ts');
  print((await benchCni(runs)).map((line) => withMust(line, 'one at a time')));
}
