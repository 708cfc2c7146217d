/** Runs lint, types and Jest's suites one after the other and adds up what passed, failed and was skipped. */
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { lastLines, run, say, seconds } from './say.mjs';
import { ROOT, ownNode, withOwnNode } from './setup.mjs';

const BEAT_MS = 4_000;

/** Suite → paths of its tests; `serial` ones touch the kernel and run one file at a time in Jest's own process. */
const SUITES = {
  unit: { paths: ['test/unit/'], serial: false },
  architecture: { paths: ['test/architecture.test.ts'], serial: true },
  golden: { paths: ['test/golden/'], serial: false },
  kernel: { paths: ['test/kernel/'], serial: true },
  contract: { paths: ['test/contract/'], serial: true },
  scenarios: { paths: ['test/scenarios/'], serial: true },
  interop: { paths: ['test/interop/'], serial: true },
};

/** Narrower command → what it runs. */
export const COMMANDS = {
  check: ['lint', 'types', 'unit', 'architecture', 'golden'],
  scenarios: ['scenarios'],
  interop: ['interop'],
  contract: ['contract'],
  test: ['lint', 'types', 'unit', 'architecture', 'golden', 'kernel', 'contract', 'scenarios', 'interop'],
};

/** Returns the exit status. `patterns` narrow Jest's suites to files whose path contains one of them. */
export async function runSuites(names, patterns) {
  const start = Date.now();
  const totals = { passed: 0, failed: 0, skipped: 0 };
  const skips = [];
  const lintAndTypes = Promise.all([
    names.includes('lint') ? lint() : undefined,
    names.includes('types') ? types() : undefined,
  ]);
  for (const ok of await lintAndTypes) {
    if (ok !== undefined) totals[ok ? 'passed' : 'failed'] += 1;
  }
  for (const name of names.filter((n) => Object.hasOwn(SUITES, n))) {
    const result = await jest(name, patterns);
    for (const key of Object.keys(totals)) totals[key] += result[key];
    skips.push(...result.skips);
  }
  if (skips.length > 0) {
    say('\nSkipped, and why:');
    for (const [reason, files] of grouped(skips)) say(`  ${reason}: ${files.join(', ')}`);
  }
  say(`\nin ${seconds(start)}`);
  say(`${totals.passed} passed, ${totals.failed} failed, ${totals.skipped} skipped`);
  return totals.failed > 0 || totals.passed === 0 ? 1 : 0;
}

function grouped(skips) {
  const groups = new Map();
  for (const { reason, file } of skips) groups.set(reason, [...new Set([...(groups.get(reason) ?? []), file])]);
  return groups;
}

const lint = () => tool('lint', ['node_modules/eslint/bin/eslint.js', '.', '--cache', '--cache-location', 'node_modules/.cache/eslint/', '--max-warnings=0']);
const types = () => tool('types', ['node_modules/typescript/bin/tsc', '-p', '.', '--incremental', '--tsBuildInfoFile', 'node_modules/.cache/tsc/buildinfo']);

async function tool(name, args) {
  const start = Date.now();
  const beat = setInterval(() => { say(`  ... ${name} (${seconds(start)})`); }, BEAT_MS);
  const { code, output } = await run(ownNode(), args, { cwd: ROOT, env: withOwnNode() });
  clearInterval(beat);
  say(`${code === 0 ? 'pass' : 'FAIL'}  ${name} (${seconds(start)})`);
  if (code !== 0) say(lastLines(output, 200));
  return code === 0;
}

/** One Jest process a suite. What it counted comes in a file that test/support/plain-reporter.mjs writes. */
async function jest(name, patterns) {
  const { paths, serial } = SUITES[name];
  if (!paths.some((p) => existsSync(join(ROOT, p)))) return { passed: 0, failed: 0, skipped: 0, skips: [] };
  say(`\n${name}`);
  const directory = mkdtempSync(join(tmpdir(), 'tortie-test-'));
  const summary = join(directory, 'summary.json');
  const args = ['--experimental-vm-modules', '--disable-warning=ExperimentalWarning', 'node_modules/jest/bin/jest.js', '--passWithNoTests',
    '--reporters=<rootDir>/test/support/plain-reporter.mjs', serial ? '--runInBand' : '--maxWorkers=2',
    ...testPaths(paths, patterns)];
  const { code } = await run(ownNode(), args, {
    cwd: ROOT, show: true,
    env: { ...withOwnNode(), TORTIE_SUMMARY_FILE: summary, TORTIE_SKIP_FILE: join(directory, 'skips.jsonl') },
  });
  const counted = existsSync(summary) ? JSON.parse(readFileSync(summary, 'utf8')) : { passed: 0, failed: 0, skipped: 0, skips: [] };
  rmSync(directory, { recursive: true });
  if (code !== 0 && counted.failed === 0) {
    say(`FAIL  ${name}: Jest ended with ${code} without a failed test`);
    counted.failed = 1;
  }
  return counted;
}

/** Jest takes regular expressions of absolute paths. */
function testPaths(paths, patterns) {
  const escaped = paths.map((p) => join(ROOT, p).replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  return patterns.length === 0 ? escaped : escaped.flatMap((p) => patterns.map((q) => `${p.replace(/\/+$/, '')}.*${q}`));
}
