/** The reconcile loop with a clock that stands still. */
import { expect, test } from '@jest/globals';
import type { Fields, Log } from '../../../lib/log.ts';
import { OperationError } from '../../../lib/errors.ts';
import { silentLog } from '../../../lib/log.ts';
import { ReconcileLoop, type ReconcileOptions } from '../../../sys/reconcile.ts';
import { FakeClock } from '../../support/fake-clock.ts';

interface Bench { readonly clock: FakeClock; readonly loop: ReconcileLoop; runs: number; finish: (error?: Error) => Promise<void>; readonly logged: [string, Fields][] }

/** A loop whose runs end when the test says so. */
function bench(more: Partial<ReconcileOptions> = {}): Bench {
  const clock = new FakeClock();
  const logged: [string, Fields][] = [];
  const note = (event: string, fields: Fields = {}): void => { logged.push([event, fields]); };
  const log: Log = { ...silentLog, info: note, warn: note };
  let settle: { resolve: () => void; reject: (e: Error) => void } | undefined;
  const b: Bench = {
    clock, logged, runs: 0,
    finish: async (error) => {
      if (error) settle!.reject(error); else settle!.resolve();
      await turns();
    },
    loop: new ReconcileLoop({
      name: 'work', clock, log, random: () => 1, retry: { firstMs: 100, maxMs: 1_000 },
      run: () => new Promise<void>((resolve, reject) => { b.runs += 1; settle = { resolve, reject }; }),
      ...more,
    }),
  };
  return b;
}

const turns = async (): Promise<void> => { for (let i = 0; i < 10; i++) await Promise.resolve(); };

test('pokes of one turn are one run, and pokes during a run are one more', async () => {
  const b = bench();
  b.loop.poke();
  b.loop.poke();
  await turns();
  expect(b.runs).toBe(1);
  b.loop.poke();
  b.loop.poke();
  await turns();
  expect(b.runs).toBe(1);
  await b.finish();
  expect(b.runs).toBe(2);
  await b.finish();
  await b.loop.idle();
  expect(b.runs).toBe(2);
  expect(b.clock.timers).toBe(0);
});

test('a failure is logged once with its code and tried again, later each time', async () => {
  const b = bench();
  b.loop.poke();
  await turns();
  await b.finish(new OperationError('ROUTE_PUT', { prefix: '10.0.0.0/8' }));
  expect(b.logged).toEqual([['work.retry', { attempt: 1, inMs: 100, message: 'ROUTE_PUT (prefix=10.0.0.0/8)', code: 'ROUTE_PUT', prefix: '10.0.0.0/8' }]]);
  b.clock.advance(99);
  await turns();
  expect(b.runs).toBe(1);
  b.clock.advance(1);
  await turns();
  expect(b.runs).toBe(2);
  await b.finish(new Error('again'));
  b.clock.advance(199);
  await turns();
  expect(b.runs).toBe(2);
  b.clock.advance(1);
  await turns();
  expect([b.runs, b.loop.failures]).toEqual([3, 2]);
  await b.finish();
  expect(b.loop.failures).toBe(0);
  expect(b.logged.at(-1)).toEqual(['work.recovered', { failures: 2 }]);
  expect(b.clock.timers).toBe(0);
});

test('a poke does not wait for the time of a retry', async () => {
  const b = bench();
  b.loop.poke();
  await turns();
  await b.finish(new Error('no'));
  b.loop.poke();
  await turns();
  expect(b.runs).toBe(2);
  await b.finish();
  expect(b.clock.timers).toBe(0);
});

test('a resync runs after the given time without a run', async () => {
  const b = bench({ resyncMs: 60_000 });
  b.loop.poke();
  await turns();
  await b.finish();
  b.clock.advance(30_000);
  b.loop.poke();
  await turns();
  await b.finish();
  b.clock.advance(59_999);
  await turns();
  expect(b.runs).toBe(2);
  b.clock.advance(1);
  await turns();
  expect(b.runs).toBe(3);
  await b.finish();
});

test('after disposal nothing starts, and disposal waits for the run that is on', async () => {
  const b = bench({ resyncMs: 1_000 });
  b.loop.poke();
  await turns();
  b.loop.poke();
  let disposed = false;
  const done = b.loop[Symbol.asyncDispose]().then(() => { disposed = true; });
  await turns();
  expect(disposed).toBe(false);
  await b.finish();
  await done;
  b.loop.poke();
  b.clock.advance(10_000);
  await turns();
  expect([b.runs, b.clock.timers]).toEqual([1, 0]);
});
