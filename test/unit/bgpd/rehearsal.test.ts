import { expect, test } from '@jest/globals';
import { rehearsalFib } from '../../../bgpd/kernel-messages.ts';
import type { FibPort, KernelRoute } from '../../../bgpd/ports.ts';
import { rehearse } from '../../../bgpd/rehearsal.ts';
import { FakeClock } from '../../support/fake-clock.ts';

test('a rehearsal writes thousands of routes, removes all of them, and ends', async () => {
  const inner = rehearsalFib();
  const standing = new Set<unknown>();
  let written = 0;
  const fib: FibPort = {
    list: () => inner.list(),
    put: (routes: readonly KernelRoute[]) => { for (const r of routes) standing.add(r.prefix); written += routes.length; return inner.put(routes); },
    remove: (routes) => { for (const r of routes) standing.delete(r.prefix); return inner.remove(routes); },
  };
  await rehearse({ clock: new FakeClock(), random: () => 0.5, soon: (work) => { setImmediate(work); }, fib });
  expect(written).toBeGreaterThanOrEqual(4096);
  expect(standing.size).toBe(0);
});
