import { expect, test } from '@jest/globals';
import { SparseWarning } from '../../../bgpd/sparse-warning.ts';
import { silentLog, type Log } from '../../../lib/log.ts';

test('the first is written at once, then one a minute with the number of those between', () => {
  const lines: unknown[] = [];
  let now = 0;
  const log: Log = { ...silentLog, warn: (event, details) => { lines.push([event, details]); } };
  const warning = new SparseWarning({ clock: { now: () => now }, log }, 'update.faults');
  for (const at of [0, 1, 59_999, 60_000, 60_001, 200_000]) { now = at; warning.warn({ at }); }
  expect(lines).toEqual([['update.faults', { at: 0 }], ['update.faults', { at: 60_000, untold: 2 }], ['update.faults', { at: 200_000, untold: 1 }]]);
});
