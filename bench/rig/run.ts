/** One run of one test, inside the peers' namespace: arguments as one JSON value, figures as one JSON line. */
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { messageOf } from '../../lib/errors.ts';
import { TARGETS } from './targets.ts';
import { t1, t2, t3, t4, t5, t6, type Bed, type Figures } from './tests.ts';

export interface RunArguments {
  readonly test: 't1' | 't2' | 't3' | 't4' | 't5' | 't6';
  readonly target: string;
  readonly n: number;
  readonly variant: string;
  readonly namespaces: { readonly target: string; readonly peers: string };
}

const TESTS: Readonly<Record<RunArguments['test'], (bed: Bed, n: number, variant: never) => Promise<Figures>>> = { t1, t2, t3, t4, t5, t6 };

const args = JSON.parse(process.argv[2] ?? '{}') as RunArguments;
const directory = mkdtempSync(join(tmpdir(), 'tortie-bench-'));
chmodSync(directory, 0o755);     // FRR gives up root
const target = TARGETS[args.target]!();
try {
  const bed: Bed = { topology: { ...args.namespaces, [Symbol.dispose]: () => { /* the caller's */ } }, target, directory: join(directory, args.target) };
  const figures = await TESTS[args.test](bed, args.n, args.variant as never);
  process.stdout.write(`${JSON.stringify({ figures })}\n`);
} catch (error) {
  process.stdout.write(`${JSON.stringify({ error: messageOf(error) })}\n`);
} finally {
  await target.stop();
  if (process.env['KEEP'] === undefined) rmSync(directory, { recursive: true, force: true });
}
process.exit(0);
