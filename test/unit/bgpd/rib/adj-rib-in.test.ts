/** Adj-RIB-In: one route for each source and prefix, stale and refused ones, and counts that stay true. */
import { beforeEach, expect, test } from '@jest/globals';
import { AdjRibIn, REFUSED, STALE } from '../../../../bgpd/rib/adj-rib-in.ts';
import type { Source } from '../../../../bgpd/rib/route.ts';
import { source } from '../../../support/rib-builders.ts';

let rib: AdjRibIn;
const [a, b] = [source({ index: 1 }), source({ index: 2 })];

beforeEach(() => { rib = new AdjRibIn(); });

/** [source, route, flags] of each path of a prefix. */
function paths(prefixId: number): [number, number, number][] {
  const found: [number, number, number][] = [];
  for (let path = rib.first(prefixId); path !== 0; path = rib.next(path)) found.push([rib.sourceOf(path), rib.routeOf(path), rib.flagsOf(path)]);
  return found.sort((x, y) => x[0] - y[0]);
}

const countsOf = (s: Source): number[] => { const c = rib.countsOf(s); return [c.received, c.accepted, c.stale]; };

test('a source has one route for a prefix; another one replaces it', () => {
  expect(rib.set(5, a, 10, false)).toBe(true);
  expect(rib.set(5, b, 20, false)).toBe(true);
  expect(rib.set(5, a, 11, false)).toBe(true);
  expect(paths(5)).toEqual([[1, 11, 0], [2, 20, 0]]);
  expect([countsOf(a), rib.paths]).toEqual([[1, 1, 0], 2]);
});

test('the same route again is no change, unless its verdict differs', () => {
  rib.set(5, a, 10, false);
  expect(rib.set(5, a, 10, false)).toBe(false);
  expect(rib.set(5, a, 10, true)).toBe(true);
  expect(paths(5)).toEqual([[1, 10, REFUSED]]);
  expect(countsOf(a)).toEqual([1, 0, 0]);
});

test('removal takes one source\'s route from the head, the middle or the end of the list, and its slot is used again', () => {
  const c = source({ index: 3 });
  for (const s of [a, b, c]) rib.set(5, s, s.index * 10, false);
  expect(rib.remove(5, b)).toBe(true);
  expect(paths(5).map(([s]) => s)).toEqual([1, 3]);
  expect(rib.remove(5, c)).toBe(true);
  expect(rib.remove(5, a)).toBe(true);
  expect(rib.remove(5, a)).toBe(false);
  expect([rib.first(5), rib.paths, countsOf(a)]).toEqual([0, 0, [0, 0, 0]]);
  rib.set(9, a, 1, true);
  expect([paths(9), countsOf(a)]).toEqual([[[1, 1, REFUSED]], [1, 0, 0]]);
  rib.remove(9, a);
  expect(countsOf(a)).toEqual([0, 0, 0]);
});

test('stale routes are refreshed one by one, and what is left is swept', () => {
  for (const id of [1, 2, 3]) rib.set(id, a, 10, false);
  rib.set(1, b, 20, false);
  rib.markStale(a);
  rib.markStale(a);
  expect([countsOf(a), countsOf(b)]).toEqual([[3, 3, 3], [1, 1, 0]]);
  expect(paths(1)).toEqual([[1, 10, STALE], [2, 20, 0]]);
  expect(rib.set(1, a, 10, false)).toBe(false);
  expect(rib.set(2, a, 11, false)).toBe(true);
  expect(countsOf(a)).toEqual([3, 3, 1]);
  const removed: number[] = [];
  rib.removeAll(a, 'stale', (id) => { removed.push(id); });
  expect([removed, countsOf(a), paths(3), paths(1).length]).toEqual([[3], [2, 2, 0], [], 2]);
});

test('all routes of a source go, and nobody else\'s', () => {
  for (const id of [1, 2]) { rib.set(id, a, 10, false); rib.set(id, b, 20, false); }
  const removed: number[] = [];
  rib.removeAll(a, 'all', (id) => { removed.push(id); });
  expect([removed, countsOf(a), countsOf(b)]).toEqual([[1, 2], [0, 0, 0], [2, 2, 0]]);
});

test('judging anew tells only what changed, and leaves staleness alone', () => {
  rib.set(1, a, 10, false);
  rib.set(2, a, 11, true);
  rib.set(1, b, 20, false);
  rib.markStale(a);
  const changed: number[] = [];
  rib.judge(a, (id, routeId) => ({ routeId, refused: id === 1 && routeId === 10 }), (id) => { changed.push(id); });
  expect(changed).toEqual([1, 2]);
  expect([paths(1), paths(2), countsOf(a)]).toEqual([[[1, 10, STALE | REFUSED], [2, 20, 0]], [[1, 11, STALE]], [2, 1, 1]]);
});

test('judging anew may replace a route by another form of it', () => {
  rib.set(1, a, 10, false);
  rib.set(2, a, 11, false);
  const changed: number[] = [];
  rib.judge(a, (id, routeId) => ({ routeId: id === 1 ? 99 : routeId, refused: false }), (id) => { changed.push(id); });
  expect([changed, paths(1), paths(2)]).toEqual([[1], [[1, 99, 0]], [[1, 11, 0]]]);
});

test('a refused route of a peer that went away does not count as stale', () => {
  rib.set(1, a, 10, true);
  rib.set(2, a, 11, false);
  rib.markStale(a);
  expect(countsOf(a)).toEqual([2, 1, 1]);
  rib.judge(a, (_id, routeId) => ({ routeId, refused: false }), () => undefined);
  expect(countsOf(a)).toEqual([2, 2, 2]);
  rib.removeAll(a, 'stale', () => undefined);
  expect(countsOf(a)).toEqual([0, 0, 0]);
});

test('many paths: the store grows, and forEach sees each path in use once', () => {
  for (let id = 0; id < 1000; id++) rib.set(id, id % 2 === 0 ? a : b, id + 1, false);
  for (let id = 0; id < 1000; id += 4) rib.remove(id, a);
  const seen = new Map<number, number>();
  rib.forEach((id, route) => { seen.set(id, route); });
  expect([seen.size, rib.paths, seen.get(998), seen.has(996)]).toEqual([750, 750, 999, false]);
});
