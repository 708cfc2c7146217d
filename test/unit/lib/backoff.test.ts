import { expect, test } from '@jest/globals';
import { backoffMs } from '../../../lib/backoff.ts';

test('waits double up to the limit, and jitter takes at most half', () => {
  const o = { firstMs: 100, maxMs: 1_000 };
  expect([0, 1, 2, 3, 4, 99].map((n) => backoffMs(n, 1, o))).toEqual([100, 200, 400, 800, 1_000, 1_000]);
  expect(backoffMs(2, 0, o)).toBe(200);
});
