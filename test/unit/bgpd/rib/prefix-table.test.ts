/** Prefix ids: every prefix keeps its id through growth and through the removal of others. */
import { expect, test } from '@jest/globals';
import { PrefixTable4, prefixTable } from '../../../../bgpd/rib/prefix-table.ts';
import { prefix4, type Prefix } from '../../../../lib/ip/prefix.ts';
import { prefix } from '../../../../lib/ip/text.ts';

test.each(['ipv4', 'ipv6'] as const)('the %s table gives one id to one prefix and takes it back', (family) => {
  const table = prefixTable(family);
  const [a, b] = family === 'ipv4' ? [prefix('10.0.0.0/8'), prefix('10.0.0.0/9')] : [prefix('fd00::/8'), prefix('fd00::/9')];
  const [idA, idB] = [table.add(a), table.add(b)];
  expect(idB).not.toBe(idA);
  expect(table.add(a)).toBe(idA);
  expect([table.find(a), table.find(b), table.size]).toEqual([idA, idB, 2]);
  expect(table.prefixOf(idB)).toBe(b);
  table.remove(idA);
  expect([table.find(a), table.find(b), table.size]).toEqual([-1, idB, 1]);
  expect(table.add(family === 'ipv4' ? prefix('0.0.0.0/0') : prefix('::/0'))).toBe(idA);
  expect(table.limit).toBe(2);
});

test('the extremes of IPv4 are kept apart', () => {
  const table = new PrefixTable4();
  const all = ['0.0.0.0/0', '0.0.0.0/32', '255.255.255.255/32', '128.0.0.0/1', '0.0.0.0/1'].map(prefix);
  const ids = all.map((p) => table.add(p));
  expect(new Set(ids).size).toBe(all.length);
  expect(all.map((p) => table.find(p))).toEqual(ids);
});

test('after many additions and removals the table agrees with a Map', () => {
  const table = new PrefixTable4();
  const model = new Map<Prefix, number>();
  let seed = 12345;
  const random = (n: number): number => { seed = (Math.imul(seed, 1103515245) + 12345) >>> 0; return seed % n; };
  for (let i = 0; i < 60_000; i++) {
    const p = prefix4(random(4000) * 65_536 * 7, 8 + random(25));
    const known = model.get(p);
    if (known !== undefined && random(2) === 0) {
      table.remove(known);
      model.delete(p);
      continue;
    }
    const id = table.add(p);
    if (known === undefined) model.set(p, id);
    else if (id !== known) throw new Error(`${id} instead of ${known}`);
  }
  const wrong = [...model].filter(([p, id]) => table.find(p) !== id || table.prefixOf(id) !== p);
  expect(wrong).toEqual([]);
  expect(table.size).toBe(model.size);
  expect(new Set(model.values()).size).toBe(model.size);
});

test('removing an id that is free already does nothing', () => {
  for (const table of [prefixTable('ipv4'), prefixTable('ipv6')]) {
    const [a, b] = table.family === 'ipv4' ? ['10.0.0.0/8', '11.0.0.0/8'] : ['fd00::/8', 'fe00::/8'];
    const id = table.add(prefix(a));
    table.remove(id);
    table.remove(id);
    const again = table.add(prefix(a));
    expect(table.add(prefix(b))).not.toBe(again);
    expect(table.size).toBe(2);
  }
});
