/** Interned routes, and the loops that make them unfit. */
import { expect, test } from '@jest/globals';
import { loopIn } from '../../../../bgpd/rib/loop.ts';
import { RouteTable } from '../../../../bgpd/rib/route.ts';
import type { PathAttributes } from '../../../../bgpd/wire/message.ts';
import { ip } from '../../../../lib/ip/text.ts';
import { attributes, nextHops, path, source } from '../../../support/rib-builders.ts';

test('a route is one object for its source, attributes and next hop', () => {
  const table = new RouteTable();
  const [x, y] = [attributes(), attributes()];
  const [a, b] = [source(), source()];
  const hops = nextHops();
  const [h1, h2, h3] = ['192.0.2.1', '192.0.2.2', '192.0.2.3'].map((text) => ({ address: ip(text) }));
  const first = table.intern(a, x, h1, hops.hop(h1!, 0));
  expect(table.intern(a, x, h1, hops.hop(h1!, 0))).toBe(first);
  const others = [
    table.intern(a, x, h2, hops.hop(h2!, 0)), table.intern(a, x, h3, hops.hop(h3!, 0)),
    table.intern(a, y, h1, hops.hop(h1!, 0)), table.intern(b, x, h1, hops.hop(h1!, 0)),
  ];
  expect(new Set([first, ...others]).size).toBe(5);
  expect(table.intern(a, x, h3, hops.hop(h3!, 0))).toBe(others[1]);
  for (const route of [first, ...others]) expect(table.get(route.id)).toBe(route);
  expect(table.size).toBe(5);
});

test('LOCAL_PREF is 100 where it is missing, and an external peer has no say in it', () => {
  const table = new RouteTable();
  const of = (kind: 'ebgp' | 'ibgp', localPref: number | undefined) =>
    table.intern(source({ kind }), attributes({ localPref }), undefined, undefined).localPref;
  expect([of('ibgp', 200), of('ibgp', undefined), of('ebgp', 200)]).toEqual([200, 100, 100]);
});

test('the neighbouring AS is the first of the path, and none behind an AS_SET', () => {
  const table = new RouteTable();
  const of = (asPath: PathAttributes['asPath']) => table.intern(source(), attributes({ asPath }), undefined, undefined).neighbourAsn;
  expect([of(path(65001, 65002)), of([]), of([{ type: 'set', asns: [65001] }])]).toEqual([65001, 0, 0]);
  expect(of([{ type: 'confed-sequence', asns: [65009] }, { type: 'sequence', asns: [65001] }])).toBe(65001);
});

test('a sweep forgets unmarked routes, uses their ids again, and releases their attributes once each', () => {
  const held = new Map<PathAttributes, number>();
  const table = new RouteTable({
    retain: (a) => held.set(a, (held.get(a) ?? 0) + 1),
    release: (a) => held.set(a, held.get(a)! - 1),
  });
  const from = source();
  const [x, y, z] = [attributes({ med: 1 }), attributes({ med: 2 }), attributes({ med: 3 })];
  const [kept, gone] = [table.intern(from, x, undefined, undefined), table.intern(from, y, undefined, undefined)];
  const marks = new Uint8Array(table.limit);
  marks[kept.id] = 1;
  table.sweep(marks);
  expect([table.size, table.get(gone.id), [...table], held.get(x), held.get(y)]).toEqual([1, undefined, [kept], 1, 0]);
  expect(table.intern(from, x, undefined, undefined)).toBe(kept);
  expect(table.intern(from, z, undefined, undefined).id).toBe(gone.id);
  expect(table.intern(from, y, undefined, undefined)).not.toBe(gone);
});

test('a table is crowded when far more routes were made than lived', () => {
  const table = new RouteTable();
  for (let i = 0; i < 4096; i++) table.intern(source({ index: 1 }), attributes(), undefined, undefined);
  expect(table.crowded).toBe(false);
  table.intern(source({ index: 1 }), attributes(), undefined, undefined);
  expect(table.crowded).toBe(true);
  table.sweep(new Uint8Array(table.limit).fill(1));
  expect(table.crowded).toBe(false);
});

test('it is crowded by few routes, too, when each has many attributes: a peer may change one prefix again and again', () => {
  const table = new RouteTable();
  const many = { communities: Array.from({ length: 15_000 }, (_, i) => i) };
  const keep = table.intern(source({ index: 1 }), attributes(many), undefined, undefined);
  for (let i = 0; i < 60; i++) table.intern(source({ index: 1 }), attributes(many), undefined, undefined);
  expect(table.crowded).toBe(false);
  for (let i = 0; i < 20; i++) table.intern(source({ index: 1 }), attributes(many), undefined, undefined);
  expect(table.crowded).toBe(true);
  const marks = new Uint8Array(table.limit);
  marks[keep.id] = 1;
  table.sweep(marks);
  expect([table.crowded, table.size]).toEqual([false, 1]);
  for (let i = 0; i < 60; i++) table.intern(source({ index: 1 }), attributes(many), undefined, undefined);
  expect(table.crowded).toBe(false);
});

const context = { localAsn: 64512, allowLocalAs: 0, routerId: 7, clusterId: 7 };

test.each([
  ['a foreign path', { asPath: path(65001, 65002) }, {}, undefined],
  ['the own AS', { asPath: path(65001, 64512) }, {}, 'own AS in AS_PATH'],
  ['the own AS in a set', { asPath: [{ type: 'set', asns: [1, 64512] }] as const }, {}, 'own AS in AS_PATH'],
  ['as often as allowed', { asPath: path(64512, 64512) }, { allowLocalAs: 2 }, undefined],
  ['once too often', { asPath: path(64512, 1, 64512) }, { allowLocalAs: 1 }, 'own AS in AS_PATH'],
  ['reflected back', { originatorId: 7 }, {}, 'own router ID in ORIGINATOR_ID'],
  ['another originator', { originatorId: 8 }, {}, undefined],
  ['through our own cluster', { clusterList: [9, 7] }, {}, 'own cluster ID in CLUSTER_LIST'],
  ['through a cluster of another ID than our router\'s', { clusterList: [7] }, { clusterId: 9 }, undefined],
  ['through other clusters', { clusterList: [9] }, {}, undefined],
])('loop detection: %s', (_name, some, more, reason) => {
  expect(loopIn(attributes(some), { ...context, ...more })).toBe(reason);
});
