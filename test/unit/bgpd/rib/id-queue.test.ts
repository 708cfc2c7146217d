/** The queue of what changed: each id once, oldest first, bounded slices. */
import { expect, test } from '@jest/globals';
import { Int32Column } from '../../../../bgpd/rib/column.ts';
import { IdQueue } from '../../../../bgpd/rib/id-queue.ts';

test('an id that waits is not added again; once taken, it can come back', () => {
  const queue = new IdQueue(2);
  for (const id of [5, 900, 5, 7, 900]) queue.add(id);
  expect([queue.size, queue.has(900), queue.has(6), queue.has(100_000)]).toEqual([3, true, false, false]);
  expect([...queue.take(2)]).toEqual([5, 900]);
  queue.add(5);
  expect([...queue.take(10)]).toEqual([7, 5]);
  expect(queue.size).toBe(0);
});

test('order holds while the ring wraps around and grows', () => {
  const queue = new IdQueue(4);
  const expected: number[] = [];
  const seen: number[] = [];
  for (let id = 0; id < 500; id++) {
    queue.add(id);
    expected.push(id);
    if (id % 3 === 0) seen.push(...queue.take(2));
  }
  seen.push(...queue.take(queue.size));
  expect(seen).toEqual(expected);
});

test('clear empties the queue and its marks', () => {
  const queue = new IdQueue();
  queue.add(3);
  queue.clear();
  expect([queue.size, queue.has(3)]).toEqual([0, false]);
});

test('a column answers 0 for what was never set, and keeps values while it grows', () => {
  const column = new Int32Column(1);
  column.set(0, -4);
  column.set(1000, 9);
  expect([column.get(0), column.get(1000), column.get(999), column.get(5_000_000)]).toEqual([-4, 9, 0, 0]);
});
