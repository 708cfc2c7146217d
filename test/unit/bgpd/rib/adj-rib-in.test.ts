/** Adj-RIB-In: one route for each source and prefix, stale and refused ones, and counts that stay true. */
import { beforeEach, expect, test } from '@jest/globals';
import { AdjRibIn, LONG_LIVED, MOST_PATHS, REFUSED, STALE } from '../../../../bgpd/rib/adj-rib-in.ts';
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

test('path identifiers tell several routes of one source apart, and each replaces its own', () => {
  rib.set(5, a, 10, false, 1);
  rib.set(5, a, 20, true, 0xffff_ffff);
  rib.set(5, b, 30, false);
  expect([countsOf(a), rib.paths]).toEqual([[2, 1, 0], 3]);
  expect(rib.set(5, a, 11, false, 1)).toBe(true);
  expect(rib.set(5, a, 11, false, 1)).toBe(false);
  expect(paths(5).map(([s, route]) => [s, route]).sort()).toEqual([[1, 11], [1, 20], [2, 30]]);
  expect([rib.pathIdOf(rib.find(5, a, 0xffff_ffff)), rib.pathIdOf(rib.find(5, b))]).toEqual([0xffff_ffff, 0]);
  expect([rib.remove(5, a, 2), rib.remove(5, a, 1), rib.remove(5, a, 1), rib.find(5, a), rib.countAt(5, a)]).toEqual([false, true, false, 0, 1]);
  expect(countsOf(a)).toEqual([1, 0, 0]);
});

test('path identifiers that were there before the store grew are there still, and a slot used again has its new one', () => {
  for (let id = 0; id < 200; id++) rib.set(id, a, 1, false, id + 1);
  for (let id = 0; id < 200; id++) expect(rib.find(id, a, id + 1)).not.toBe(0);
  rib.remove(3, a, 4);
  rib.set(3, b, 1, false);
  expect([rib.find(3, b) !== 0, rib.pathIdOf(rib.find(3, b))]).toEqual([true, 0]);
});

test('who has never sent a path identifier makes the store keep none', () => {
  for (let id = 0; id < 100; id++) rib.set(id, a, 1, false);
  expect(rib.hasPathIds).toBe(false);
  rib.set(1, b, 1, false, 9);
  expect([rib.hasPathIds, rib.find(1, a) !== 0, rib.find(1, b, 9) !== 0]).toEqual([true, true, true]);
});

test('a source that sends paths without end for one prefix is heard up to a limit, and withdrawals make room', () => {
  for (let id = 1; id <= MOST_PATHS + 10; id++) rib.set(5, a, 1, false, id);
  expect([rib.countAt(5, a), rib.countsOf(a).ignored]).toEqual([MOST_PATHS, 10]);
  expect(rib.set(5, a, 2, false, 7)).toBe(true);
  rib.remove(5, a, 8);
  expect([rib.set(5, a, 1, false, 9999), rib.set(6, a, 1, false, 1), rib.set(5, b, 1, false)]).toEqual([true, true, true]);
  rib.removeAll(a, 'all', () => undefined);
  expect([rib.paths, rib.countsOf(a).ignored]).toEqual([1, 0]);
});

test('what is not announced again after the marks for a refresh is removed; staleness is another thing', () => {
  for (const id of [1, 2, 3]) rib.set(id, a, 10, false);
  rib.set(1, b, 20, false);
  rib.markForRefresh(a);
  expect(countsOf(a)).toEqual([3, 3, 0]);
  rib.set(1, a, 10, false);
  rib.set(4, a, 10, false);
  const removed: number[] = [];
  rib.removeAll(a, 'unrefreshed', (id) => { removed.push(id); });
  expect([removed, paths(1).length]).toEqual([[2, 3], 2]);
  removed.length = 0;
  rib.removeAll(a, 'unrefreshed', (id) => { removed.push(id); });
  expect([removed, countsOf(a)]).toEqual([[], [2, 2, 0]]);
});

test('stale paths become long-lived once; fresh ones do not, and an announcement ends it', () => {
  rib.set(1, a, 10, false);
  rib.set(2, a, 11, false);
  rib.markStale(a);
  rib.set(3, a, 12, false);
  const changed: number[] = [];
  const asLongLived = (): void => { rib.markLongLived(a, (route) => (route === 11 ? undefined : route + 100), (id) => { changed.push(id); }); };
  asLongLived();
  asLongLived();
  expect([changed, paths(1), paths(2), paths(3)]).toEqual([[1, 2], [[1, 110, STALE | LONG_LIVED]], [], [[1, 12, 0]]]);
  expect(rib.set(1, a, 10, false)).toBe(true);
  expect([paths(1), countsOf(a)]).toEqual([[[1, 10, 0]], [2, 2, 0]]);
});
