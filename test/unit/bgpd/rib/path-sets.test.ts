/** Sets of paths by prefix: what is put in is there, what is taken out is not, and cells are used again. */
import { expect, test } from '@jest/globals';
import { PathSets } from '../../../../bgpd/rib/path-sets.ts';
import { Seeded } from '../../../support/seeded.ts';

const contents = (sets: PathSets, prefixId: number): [number, number][] => {
  const found: [number, number][] = [];
  for (let cell = sets.first(prefixId); cell !== 0; cell = sets.next(cell)) found.push([sets.pathOf(cell), sets.routeOf(cell)]);
  return found.sort(([a], [b]) => a - b);
};

test('after any sequence of changes, each prefix has what a map says, and free cells name no route', () => {
  const seeded = new Seeded(5);
  const random = (limit: number): number => seeded.below(limit);
  const sets = new PathSets();
  const model = new Map<number, Map<number, number>>();
  for (let i = 0; i < 5000; i++) {
    const [prefixId, path, route] = [random(40), 1 + random(6), 1 + random(100)];
    const known = model.get(prefixId) ?? new Map<number, number>();
    model.set(prefixId, known);
    const cell = sets.find(prefixId, path);
    expect(cell !== 0).toBe(known.has(path));
    switch (random(10)) {
      case 0: sets.clear(prefixId); known.clear(); break;
      case 1: case 2: case 3: if (cell !== 0) { sets.remove(prefixId, path); known.delete(path); } break;
      default: if (cell === 0) sets.add(prefixId, path, route); else sets.replace(cell, route); known.set(path, route);
    }
  }
  let size = 0;
  for (const [prefixId, known] of model) {
    expect(contents(sets, prefixId)).toEqual([...known].sort(([a], [b]) => a - b));
    size += known.size;
  }
  expect(sets.size).toBe(size);
  expect([...sets.routes.values].filter((route) => route !== 0)).toHaveLength(size);
});

test('a walk may remove what it passes', () => {
  const sets = new PathSets();
  for (const path of [1, 2, 3, 4]) sets.add(7, path, path * 10);
  for (let cell = sets.first(7); cell !== 0; cell = sets.next(cell)) if (sets.pathOf(cell) % 2 === 0) sets.remove(7, sets.pathOf(cell));
  expect(contents(sets, 7)).toEqual([[1, 10], [3, 30]]);
});
