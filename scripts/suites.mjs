/** Runs lint, types and Jest's suites one after the other and adds up what passed, failed and was skipped. */
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { lastLines, run, say, seconds } from './say.mjs';
import { ROOT, ownNode, withOwnNode } from './setup.mjs';

const BEAT_MS = 4_000;

/** Suite → its tests; those with `kernel` need the machine for themselves and run one file at a time in Jest's own process. */
const SUITES = {
  unit: { path: 'test/unit/', kernel: false },
  architecture: { path: 'test/architecture.test.ts', kernel: false },
  golden: { path: 'test/golden/', kernel: false },
  kernel: { path: 'test/kernel/', kernel: true },
  contract: { path: 'test/contract/', kernel: true },
  scenarios: { path: 'test/scenarios/', kernel: true },
  interop: { path: 'test/interop/', kernel: true },
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
  const count = (ok) => { totals[ok ? 'passed' : 'failed'] += 1; };
  // Lint takes one core for as long as the tests beside it take the other; nothing runs beside tests of the kernel.
  let linting = names.includes('lint') ? lint() : undefined;
  if (names.includes('types')) count(await types());
  for (const name of names.filter((n) => Object.hasOwn(SUITES, n))) {
    if (SUITES[name].kernel && linting !== undefined) {
      count(await linting);
      linting = undefined;
    }
    const result = await jest(name, patterns);
    for (const key of Object.keys(totals)) totals[key] += result[key];
    skips.push(...result.skips);
  }
  if (linting !== undefined) count(await linting);
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
  const { path, kernel } = SUITES[name];
  if (!existsSync(join(ROOT, path))) return { passed: 0, failed: 0, skipped: 0, skips: [] };
  say(`\n${name}`);
  const directory = mkdtempSync(join(tmpdir(), 'tortie-test-'));
  const summary = join(directory, 'summary.json');
  const args = ['--experimental-vm-modules', '--disable-warning=ExperimentalWarning', 'node_modules/jest/bin/jest.js', '--passWithNoTests', '--verbose=false',
    '--reporters=<rootDir>/test/support/plain-reporter.mjs', kernel ? '--runInBand' : '--maxWorkers=2',
    ...testPaths(path, patterns)];
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
function testPaths(path, patterns) {
  const escaped = join(ROOT, path).replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&');
  return patterns.length === 0 ? [escaped] : patterns.map((pattern) => `${escaped.replace(/\/+$/, '')}.*${pattern}`);
}
