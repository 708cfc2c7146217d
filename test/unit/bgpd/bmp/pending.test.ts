/** What waits for a station: once for each prefix however often it changes, and never more than the bound. */
import { expect, test } from '@jest/globals';
import { PendingChanges } from '../../../../bgpd/bmp/pending.ts';
import { prefix } from '../../../../lib/ip/text.ts';

const [A, B, C] = ['10.1.0.0/16', '10.2.0.0/16', 'fd00::/64'].map(prefix) as [ReturnType<typeof prefix>, ReturnType<typeof prefix>, ReturnType<typeof prefix>];

test('a prefix waits once, with all path identifiers that changed', () => {
  const pending = new PendingChanges<string>(10);
  for (let i = 0; i < 5; i++) pending.add('x', A);
  pending.add('x', B, 7);
  pending.add('x', B, 8);
  expect(pending.size).toBe(2);
  const [table, changes] = pending.take(10)!;
  expect([table, [...changes].map(([p, ids]) => [p, [...ids]])]).toEqual(['x', [[A, [0]], [B, [7, 8]]]]);
  expect([pending.size, pending.take(10)]).toEqual([0, undefined]);
});

test('it is taken in slices, table by table', () => {
  const pending = new PendingChanges<string>(10);
  pending.add('x', A);
  pending.add('x', B);
  pending.add('y', C);
  expect([1, 2, 3].map(() => { const taken = pending.take(1)!; return [taken[0], [...taken[1].keys()]]; })).toEqual([['x', [A]], ['x', [B]], ['y', [C]]]);
});

test('beyond the bound nothing is kept; a table that is dropped makes room', () => {
  const pending = new PendingChanges<string>(2);
  for (const p of [A, B, C]) pending.add('x', p);
  expect([pending.size, pending.isFull]).toEqual([2, true]);
  pending.drop('x');
  expect([pending.size, pending.isFull]).toEqual([0, false]);
});
