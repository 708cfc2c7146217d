/** Jest's output as plain lines: one a test file, failures in full at the end, reasons of skips kept for the sum. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { relative } from 'node:path';

/** A run that is over but whose process does not end is ended after this long, and what held it is named. */
const LEAK_MS = 3_000;

export default class PlainReporter {
  #root;
  #failures = [];
  #error;

  constructor(globalConfig) { this.#root = globalConfig.rootDir; }

  onTestFileStart(test) {
    if (process.env.TORTIE_SUMMARY_FILE && /\/(scenarios|interop|contract|kernel)\//.test(test.path)) {
      process.stdout.write(`      ${relative(this.#root, test.path)} ...\n`);
    }
  }

  onTestResult(test, result) {
    const failed = result.numFailingTests > 0 || result.testExecError != null;
    const time = ((result.perfStats.end - result.perfStats.start) / 1000).toFixed(1);
    const counts = [`${result.numPassingTests} passed`];
    if (result.numFailingTests > 0) counts.push(`${result.numFailingTests} failed`);
    if (result.numPendingTests > 0) counts.push(`${result.numPendingTests} skipped`);
    const path = relative(this.#root, test.path);
    process.stdout.write(`${failed ? 'FAIL' : 'pass'}  ${path} (${counts.join(', ')}, ${time} s)\n`);
    for (const line of result.console ?? []) process.stdout.write(`      ${line.message.replaceAll('\n', '\n      ')}\n`);
    if (failed) this.#failures.push({ path, message: result.failureMessage ?? String(result.testExecError?.message) });
  }

  onRunComplete(_contexts, results) {
    for (const { path, message } of this.#failures) process.stdout.write(`\n---- ${path}\n${message}\n`);
    const counted = {
      passed: results.numPassedTests,
      failed: results.numFailedTests + results.numRuntimeErrorTestSuites,
      skipped: results.numPendingTests + results.numTodoTests,
      skips: skips(),
    };
    if (process.env.TORTIE_SUMMARY_FILE) writeFileSync(process.env.TORTIE_SUMMARY_FILE, JSON.stringify(counted));
    else process.stdout.write(`\n${counted.passed} passed, ${counted.failed} failed, ${counted.skipped} skipped\n`);
    this.#endLeaks(counted.failed > 0 ? 1 : 0);
  }

  /** Fires only when something still keeps the process alive. */
  #endLeaks(status) {
    setTimeout(() => {
      const held = process.getActiveResourcesInfo().filter((kind) => kind !== 'Timeout' && kind !== 'TTYWrap' && kind !== 'PipeWrap');
      process.stdout.write(`note: tests left handles open (${held.join(', ') || 'timers or pipes'}); ended by force\n`);
      process.exit(status);
    }, LEAK_MS).unref();
  }

  getLastError() { return this.#error; }
}

function skips() {
  const file = process.env.TORTIE_SKIP_FILE;
  if (!file || !existsSync(file)) return [];
  return readFileSync(file, 'utf8').trim().split('\n').filter(Boolean).map((line) => JSON.parse(line));
}
