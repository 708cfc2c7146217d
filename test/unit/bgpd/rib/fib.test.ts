/** The FIB: what is written, in what form, what is adopted, and what happens to what the kernel refuses. */
import { beforeEach, expect, test } from '@jest/globals';
import type { KernelRoute } from '../../../../bgpd/ports.ts';
import { Fib, metricOf, type FibBatch } from '../../../../bgpd/rib/fib.ts';
import { HopSets } from '../../../../bgpd/rib/hop-sets.ts';
import { prefixTable, type PrefixTable } from '../../../../bgpd/rib/prefix-table.ts';
import { RouteTable, type Route } from '../../../../bgpd/rib/route.ts';
import type { Prefix } from '../../../../lib/ip/prefix.ts';
import { ip, prefix, showPrefix } from '../../../../lib/ip/text.ts';
import { nextHops, route, source } from '../../../support/rib-builders.ts';

let table: PrefixTable;
let fib: Fib;
const hops = nextHops();
const via = (lastOctet: number): Route => route(new RouteTable(), source(), {}, `192.0.2.${lastOctet}`, hops);
const [P, Q] = [prefix('10.0.0.0/24'), prefix('10.0.1.0/24')];
const unicast = (p: Prefix, ...octets: number[]): KernelRoute =>
  ({ kind: 'unicast', prefix: p, nextHops: octets.map((n) => ({ gateway: ip(`192.0.2.${n}`), interfaceIndex: 7 })) });

beforeEach(() => {
  table = prefixTable('ipv4');
  fib = new Fib(table);
});

/** Writes all that waits, as a kernel that refuses `refused`. */
function write(refused: readonly Prefix[] = []): { put: KernelRoute[]; remove: KernelRoute[] } {
  const all = { put: [] as KernelRoute[], remove: [] as KernelRoute[] };
  for (let batch = fib.nextBatch(100); batch !== undefined; batch = fib.nextBatch(100)) {
    all.put.push(...batch.put);
    all.remove.push(...batch.remove);
    fib.written(batch, refused.map((p) => ({ prefix: p, code: 'EEXIST', message: showPrefix(p) })));
  }
  return all;
}

test('a wanted route is put, another way replaces it, and nothing wanted removes it', () => {
  const id = table.add(P);
  fib.wantRoutes(id, [via(1)]);
  expect(write()).toEqual({ put: [unicast(P, 1)], remove: [] });
  fib.wantRoutes(id, [via(1)]);
  expect(write()).toEqual({ put: [], remove: [] });
  fib.wantRoutes(id, [via(2)]);
  expect(write()).toEqual({ put: [unicast(P, 2)], remove: [] });
  fib.wantBlackhole(id);
  expect(write()).toEqual({ put: [{ kind: 'blackhole', prefix: P }], remove: [] });
  expect([fib.installed, fib.isInstalled(id)]).toEqual([1, true]);
  fib.wantNothing(id);
  expect(write()).toEqual({ put: [], remove: [{ kind: 'blackhole', prefix: P }] });
  expect([fib.installed, fib.isEmpty(id), fib.takeEmptied(), fib.takeEmptied()]).toEqual([0, true, [id], []]);
});

test('ECMP: one route with all its ways, in one order, each once; ways that are unreachable are left out', () => {
  const id = table.add(P);
  const lost = route(new RouteTable(), source(), {}, '192.0.2.9', nextHops({ '192.0.2.9': { reachable: false } }));
  fib.wantRoutes(id, [via(2), via(1), via(2), lost]);
  expect(write().put).toEqual([unicast(P, 1, 2)]);
  fib.wantRoutes(id, [via(1), via(2)]);
  expect(write().put).toEqual([]);
  fib.wantRoutes(id, [lost]);
  expect(write().remove).toEqual([unicast(P, 1, 2)]);
});

test('a prefix that changes three times before the write is written once; one that comes and goes, never', () => {
  const [id, other] = [table.add(P), table.add(Q)];
  for (const n of [1, 2, 3]) fib.wantRoutes(id, [via(n)]);
  fib.wantRoutes(other, [via(1)]);
  fib.wantNothing(other);
  expect(write()).toEqual({ put: [unicast(P, 3)], remove: [] });
  expect(fib.takeEmptied()).toEqual([other]);
});

test('what changes while a write is out is written after it', () => {
  const id = table.add(P);
  fib.wantRoutes(id, [via(1)]);
  const batch = fib.nextBatch(10)!;
  fib.wantRoutes(id, [via(2)]);
  fib.written(batch, []);
  expect(write().put).toEqual([unicast(P, 2)]);
  fib.wantRoutes(id, [via(3)]);
  const second = fib.nextBatch(10)!;
  fib.wantRoutes(id, [via(2)]);
  fib.written(second, []);
  expect(write().put).toEqual([unicast(P, 2)]);
});

test('a batch is bounded, and ends the work when there is none', () => {
  for (let i = 0; i < 5; i++) fib.wantRoutes(table.add(prefix(`10.0.${i}.0/24`)), [via(1)]);
  const sizes: number[] = [];
  for (let batch: FibBatch | undefined = fib.nextBatch(2); batch; batch = fib.nextBatch(2)) { sizes.push(batch.put.length); fib.written(batch, []); }
  expect([sizes, fib.pending]).toEqual([[2, 2, 1], 0]);
});

test('a refused route is remembered, tried again when asked, and forgotten when it succeeds or is not wanted', () => {
  const [id, other] = [table.add(P), table.add(Q)];
  fib.wantRoutes(id, [via(1)]);
  fib.wantRoutes(other, [via(1)]);
  write([P, Q]);
  expect([[...fib.refusals].map((r) => r.prefix), fib.installed, write()]).toEqual([[P, Q], 0, { put: [], remove: [] }]);
  fib.wantNothing(other);
  write();
  expect(fib.refusedCount).toBe(1);
  fib.retry();
  expect(write([P]).put).toEqual([unicast(P, 1)]);
  expect(fib.refusedCount).toBe(1);
  fib.retry();
  write();
  expect([fib.refusedCount, fib.installed]).toEqual([0, 1]);
});

test('routes of an earlier life are adopted: nothing is written while they match, and those not wanted stay until the end', () => {
  fib.setActual([unicast(P, 1), unicast(Q, 1), { kind: 'blackhole', prefix: prefix('10.9.0.0/26') }], true);
  const [id, other, blackhole] = [P, Q, prefix('10.9.0.0/26')].map((p) => table.find(p));
  expect([fib.installed, fib.isAdopted(id!), write()]).toEqual([3, true, { put: [], remove: [] }]);
  fib.wantRoutes(id!, [via(1)]);
  fib.wantBlackhole(blackhole!);
  expect([fib.isAdopted(id!), [...fib.adopted], write()]).toEqual([false, [other], { put: [], remove: [] }]);
  fib.endAdoption();
  fib.wantNothing(other!);
  expect(write()).toEqual({ put: [], remove: [unicast(Q, 1)] });
});

test('reading the kernel again: what somebody took is put back, what nobody wants goes', () => {
  const [id, other] = [table.add(P), table.add(Q)];
  fib.wantRoutes(id, [via(1)]);
  fib.wantRoutes(other, [via(1)]);
  write();
  const strange = prefix('172.16.0.0/12');
  fib.setActual([unicast(Q, 2), unicast(strange, 3)], false);
  expect(fib.installed).toBe(2);
  expect(write()).toEqual({ put: [unicast(P, 1), unicast(Q, 1)].sort((a, b) => Number(a.prefix) - Number(b.prefix)).reverse(), remove: [unicast(strange, 3)] });
  expect(fib.installed).toBe(2);
});

test('an interface that was left to the kernel does not make a difference when it is read back', () => {
  const loose = nextHops({ '192.0.2.1': { interfaceIndex: 0 }, '192.0.2.2': { interfaceIndex: 0 } });
  const id = table.add(P);
  fib.wantRoutes(id, [1, 2].map((n) => route(new RouteTable(), source(), {}, `192.0.2.${n}`, loose)));
  write();
  fib.setActual([unicast(P, 2, 1)], false);
  expect(write()).toEqual({ put: [], remove: [] });
  fib.setActual([unicast(P, 1)], false);
  expect(write().put).toHaveLength(1);
});

test('sets of next hops that nothing refers to are forgotten, and their numbers used again', () => {
  const sets = new HopSets();
  const hop = (n: number) => ({ gateway: ip('192.0.2.1'), interfaceIndex: n });
  const kept = sets.numberOf([hop(1)]);
  for (let n = 2; n <= 1024; n++) sets.numberOf([hop(n)]);
  sets.sweep([Int32Array.of(0, -1, kept)]);
  expect(sets.size).toBe(1);
  expect(sets.numberOfOne(hop(1))).toBe(kept);
  expect(sets.numberOf([hop(77)])).toBeLessThanOrEqual(1024);
  expect(sets.hopsOf(kept)).toEqual([hop(1)]);
});

test('a route with a metric of its own: another metric is put before the old one goes', () => {
  const id = table.add(P);
  fib.wantRoutes(id, [via(1)]);
  write();
  fib.wantRoutes(id, [via(1)], 512);
  expect(write()).toEqual({ put: [{ ...unicast(P, 1), metric: 512 }], remove: [unicast(P, 1)] });
  fib.wantRoutes(id, [via(2)], 512);
  expect(write()).toEqual({ put: [{ ...unicast(P, 2), metric: 512 }], remove: [] });
  fib.setActual([{ ...unicast(P, 2), metric: 512 }], false);
  expect(write()).toEqual({ put: [], remove: [] });
  fib.wantNothing(id);
  expect(write()).toEqual({ put: [], remove: [{ ...unicast(P, 2), metric: 512 }] });
});

test('two of our routes for one prefix: the wanted one stays, the other goes', () => {
  fib.wantRoutes(table.add(P), [via(1)]);
  write();
  for (const found of [[unicast(P, 1), { ...unicast(P, 3), metric: 9 }], [{ ...unicast(P, 3), metric: 9 }, unicast(P, 1)]]) {
    fib.setActual(found, false);
    expect(write()).toEqual({ put: [], remove: [{ ...unicast(P, 3), metric: 9 }] });
  }
});

test('a blackhole with a metric that is not ours any more is replaced', () => {
  fib.wantBlackhole(table.add(P));
  fib.setActual([{ kind: 'blackhole', prefix: P, metric: 77 }], false);
  expect(write()).toMatchObject({ put: [{ kind: 'blackhole', prefix: P }], remove: [{ prefix: P, metric: 77 }] });
});

test.each([[2_147_483_647 - 512, 512], [2_147_483_647 - 1024, 0], [100, 0], [2_147_483_647, 0], [4_294_967_295, 0], [1_073_741_824, 1_073_741_823], [1_073_741_823, 0]])(
  'LOCAL_PREF %d says metric %d where 1024 is the normal one', (localPref, metric) => {
    expect(metricOf({ ...via(1), localPref }, 1024)).toBe(metric);
  });
