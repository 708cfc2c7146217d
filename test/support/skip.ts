/** A test that this machine cannot run is skipped with its reason, and the reason is printed at the end of `npm test`. */
import { expect, test } from '@jest/globals';
import { appendFileSync } from 'node:fs';
import { relative } from 'node:path';
import type { Capability } from './capabilities.ts';

/**
 * `test`, or `test.skip` when a capability is missing: `const scenario = skipUnless(root, program('bird'));`
 * Capabilities are looked at in order; the first that is missing gives the reason.
 */
export function skipUnless(...capabilities: readonly Capability[]): typeof test {
  const missing = capabilities.find((c) => c.missing() !== undefined);
  if (missing === undefined) return test;
  const reason = `${missing.name}: ${missing.missing() ?? ''}`;
  const file = relative(process.cwd(), expect.getState().testPath ?? 'unknown file');
  if (process.env['TORTIE_SKIP_FILE'] === undefined) process.stdout.write(`skipped in ${file}: ${reason}\n`);
  else appendFileSync(process.env['TORTIE_SKIP_FILE'], `${JSON.stringify({ file, reason })}\n`);
  return test.skip as typeof test;
}
