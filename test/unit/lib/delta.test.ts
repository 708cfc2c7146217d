import { expect, test } from '@jest/globals';
import { Delta } from '../../../lib/delta.ts';

const numbers = (): Delta<string, number> => new Delta((a, b) => a === b);

test('wanted and absent is missing; there and unwanted is surplus; equal is neither', () => {
  const d = numbers();
  d.want('a', 1); d.want('b', 2); d.has('b', 2); d.has('c', 3);
  expect([...d.missing()]).toEqual([['a', 1]]);
  expect([...d.surplus()]).toEqual([['c', 3]]);
  expect(d.pending).toBe(2);
});

test('a different value is missing, not surplus: it is replaced, never absent', () => {
  const d = numbers();
  d.want('a', 1); d.has('a', 2);
  expect([...d.missing()]).toEqual([['a', 1]]);
  expect([...d.surplus()]).toEqual([]);
});

test('a change that goes back leaves nothing to do', () => {
  const d = numbers();
  d.want('a', 1); d.has('a', 1);
  d.want('a', 2); d.want('a', 1);
  expect(d.pending).toBe(0);
  d.unwant('a'); d.want('a', 1);
  expect(d.pending).toBe(0);
});

test('a resync shows what somebody else deleted and added', () => {
  const d = numbers();
  d.want('a', 1); d.has('a', 1); d.want('b', 2); d.has('b', 2);
  d.setActual([['b', 2], ['x', 9]]);
  expect([...d.missing()]).toEqual([['a', 1]]);
  expect([...d.surplus()]).toEqual([['x', 9]]);
});
