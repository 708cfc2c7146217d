/** Loc-RIB: what is dirty after which event, what is best, and why. */
import { beforeEach, expect, test } from '@jest/globals';
import { LocRib } from '../../../../bgpd/rib/loc-rib.ts';
import type { NextHops } from '../../../../bgpd/rib/next-hop.ts';
import { receivedForm, type Route, type Source } from '../../../../bgpd/rib/route.ts';
import { COMMUNITY } from '../../../../bgpd/wire/constants.ts';
import type { PathAttributes } from '../../../../bgpd/wire/message.ts';
import type { Prefix } from '../../../../lib/ip/prefix.ts';
import { ip, prefix } from '../../../../lib/ip/text.ts';
import { attributes, nextHops, path, source } from '../../../support/rib-builders.ts';

const [A, B] = ['10.0.1.0/24', '10.0.2.0/24'].map(prefix) as [Prefix, Prefix];
let rib: LocRib;
let hops: NextHops;
let [x, y] = [source(), source()];

beforeEach(() => {
  rib = new LocRib('ipv4');
  hops = nextHops({ '198.51.100.9': { reachable: false } });
  [x, y] = [source({ routerId: 1, kind: 'ibgp' }), source({ routerId: 2, kind: 'ibgp' })];
});

function routeOf(from: Source, some: Partial<PathAttributes> = {}, via = '198.51.100.1'): Route {
  const nextHop = { address: ip(via) };
  return rib.routes.intern(from, attributes(some), nextHop, hops.hop(nextHop, 0));
}

const dirty = (): Prefix[] => [...rib.dirty.take(1000)].map((id) => rib.table.prefixOf(id));
const idOf = (p: Prefix): number => rib.table.find(p);
const selected = (p: Prefix): Route | undefined => rib.select(idOf(p), 8)?.best;

test('announcing makes dirty what changed, and nothing when the same comes again', () => {
  const route = routeOf(x);
  rib.announce(x, [A, B], route, undefined);
  expect(dirty()).toEqual([A, B]);
  rib.announce(x, [A, B], route, undefined);
  expect(dirty()).toEqual([]);
  rib.announce(x, [B], routeOf(x, { med: 1 }), undefined);
  expect(dirty()).toEqual([B]);
  rib.withdraw(x, [A, prefix('10.99.0.0/16')]);
  rib.withdraw(y, [B]);
  expect(dirty()).toEqual([A]);
});

test('the best is chosen among what is neither refused nor unreachable, and remembered', () => {
  rib.announce(x, [A], routeOf(x, { localPref: 300 }), () => false);
  rib.announce(y, [A], routeOf(y, { localPref: 200 }, '198.51.100.9'), undefined);
  expect(selected(A)).toBeUndefined();
  const looped = routeOf(x, { localPref: 400 });
  looped.refusal = 'own AS in AS_PATH';
  rib.announce(x, [A], looped, undefined);
  expect(selected(A)).toBeUndefined();
  const good = routeOf(x, { localPref: 50 });
  rib.announce(x, [A], good, undefined);
  expect([selected(A), rib.best(idOf(A))]).toEqual([good, good]);
  rib.withdraw(x, [A]);
  expect(rib.best(idOf(A))).toBe(good);
  expect([selected(A), rib.best(idOf(A))]).toEqual([undefined, undefined]);
});

test('a next hop that changes makes dirty the prefixes that have a route through it, best or not', () => {
  rib.announce(x, [A], routeOf(x, { localPref: 300 }), undefined);
  rib.announce(y, [A], routeOf(y, {}, '198.51.100.2'), undefined);
  rib.announce(y, [B], routeOf(y, {}, '198.51.100.3'), undefined);
  dirty();
  rib.hopsChanged(new Set([hops.hop({ address: ip('198.51.100.2') }, 0)]));
  expect(dirty()).toEqual([A]);
});

test('explain gives every path its place and reason', () => {
  const z = source({ routerId: 3, kind: 'ibgp' });
  rib.announce(x, [A], routeOf(x), undefined);
  rib.announce(y, [A], routeOf(y), undefined);
  rib.announce(z, [A], routeOf(z, { asPath: path(1) }), undefined);
  const far = source();
  rib.announce(far, [A], routeOf(far, {}, '198.51.100.9'), undefined);
  const filtered = source();
  rib.announce(filtered, [A], routeOf(filtered), () => false);
  rib.adjIn.markStale(x);
  const told = new Map(rib.explain(idOf(A), 8).map((p) => [p.route.source, [p.best, p.chosen, p.stale, p.reason]]));
  expect(told.get(x)).toEqual([true, true, true, 'lower router ID']);
  expect(told.get(y)).toEqual([false, true, false, 'lost to a route with lower router ID']);
  expect(told.get(z)).toEqual([false, false, false, 'lost to a route with shorter AS path']);
  expect(told.get(far)).toEqual([false, false, false, 'next hop unreachable']);
  expect(told.get(filtered)).toEqual([false, false, false, 'rejected by an import filter']);
  expect(rib.explain(idOf(A), 8)[0]!.best).toBe(true);
});

test('what a path lost to is a sentence for every step', () => {
  const lostTo = (winner: Source, loser: Source): unknown => {
    for (const s of [winner, loser]) rib.announce(s, [A], routeOf(s), undefined);
    const reason = rib.explain(idOf(A), 1).find((p) => p.route.source === loser)?.reason;
    for (const s of [winner, loser]) rib.withdraw(s, [A]);
    return reason;
  };
  expect(lostTo(source({ kind: 'originated' }), source())).toBe('lost to a locally originated route');
  expect(lostTo(source({ kind: 'ebgp' }), source({ kind: 'ibgp' }))).toBe('lost to an external route');
  expect(lostTo(source({ routerId: 1 }), source({ routerId: 2 }))).toBe('lost to a route with lower router ID');
});

test('a prefix is given back only when nothing needs it', () => {
  rib.announce(x, [A], routeOf(x), undefined);
  const id = idOf(A);
  dirty();
  selected(A);
  rib.release(id);
  rib.withdraw(x, [A]);
  rib.release(id);                // dirty
  dirty();
  rib.release(id);                // still the best of the last selection
  expect(idOf(A)).toBe(id);
  rib.select(id, 1);
  rib.release(id);
  expect(idOf(A)).toBe(-1);
});

test('a sweep keeps what paths, best routes and the given columns refer to, and no more', () => {
  const kept = routeOf(x, { med: 1 });
  const best = routeOf(x, { med: 2 });
  routeOf(x, { med: 3 }, '198.51.100.7');
  rib.announce(x, [A], best, undefined);
  selected(A);
  rib.announce(x, [A], kept, undefined);
  expect(rib.sweep([])).toEqual(new Set([kept.hop]));
  expect(new Set(rib.routes)).toEqual(new Set([kept, best]));
  selected(A);
  rib.sweep([]);
  expect([...rib.routes]).toEqual([kept]);
});

test('several routes of one source for a prefix are candidates side by side, and withdrawn one by one', () => {
  const [near, far] = [routeOf(x, { localPref: 200 }), routeOf(x, { localPref: 100 }, '198.51.100.2')];
  rib.announce(x, [A, B], near, undefined, [1, 5]);
  rib.announce(x, [A], far, undefined, [2]);
  expect(selected(A)).toBe(near);
  expect(rib.explain(idOf(A), 1).map((p) => [p.pathId, p.best, p.reason])).toEqual([
    [1, true, 'higher local preference'], [2, false, 'lost to a route with higher local preference'],
  ]);
  rib.withdraw(x, [A], [1]);
  expect([selected(A), selected(B)]).toEqual([far, near]);
  rib.withdraw(x, [A, B], [2, 5]);
  expect([selected(A), selected(B)]).toEqual([undefined, undefined]);
});

test('equal routes of one source all forward, and the lowest path identifier is the best, in whatever order they came', () => {
  const routes = ['198.51.100.1', '198.51.100.2', '198.51.100.3'].map((via) => routeOf(x, {}, via));
  for (const order of [[1, 2, 3], [3, 1, 2], [2, 3, 1]]) {
    for (const id of order) rib.announce(x, [A], routes[id - 1]!, undefined, [id]);
    const decision = rib.select(idOf(A), 8)!;
    expect([decision.best, new Set(decision.multipath)]).toEqual([routes[0], new Set(routes)]);
    expect(rib.explain(idOf(A), 8).map((p) => [p.pathId, p.chosen, p.reason])).toEqual([
      [1, true, 'lower path identifier'], [2, true, 'lost to a route with lower path identifier'], [3, true, 'lost to a route with lower path identifier'],
    ]);
    for (const id of order) rib.withdraw(x, [A], [id]);
  }
});

test('one route under two path identifiers is one way: it takes one place of the ECMP route', () => {
  const shared = routeOf(x);
  const other = routeOf(x, {}, '198.51.100.2');
  rib.announce(x, [A, A], shared, undefined, [1, 2]);
  rib.announce(x, [A], other, undefined, [3]);
  expect(rib.select(idOf(A), 2)!.multipath).toEqual([shared, other]);
  expect(rib.explain(idOf(A), 2).map((p) => p.best)).toEqual([true, false, false]);
});

test('what a filter changed is judged anew from what was received', () => {
  const received = routeOf(x, { localPref: 100 });
  const [up, down] = [300, 50].map((localPref) => attributes({ localPref }));
  rib.announce(x, [A], received, () => up!);
  expect([selected(A)?.localPref, selected(A)?.original]).toEqual([300, received]);
  rib.judge(x, (_prefix, route) => { expect(route).toBe(received); return down!; });
  expect(dirty()).toEqual([A]);
  expect([selected(A)?.localPref, selected(A)?.original]).toEqual([50, received]);
  rib.judge(x, undefined);
  expect(selected(A)).toBe(received);
});

test('long-lived stale routes carry LLGR_STALE, those with NO_LLGR go, and an announcement ends it', () => {
  rib.announce(x, [A], routeOf(x, { communities: [7] }), () => attributes({ localPref: 300 }));
  rib.announce(x, [B], routeOf(x, { communities: [COMMUNITY.noLlgr] }), undefined);
  dirty();
  rib.adjIn.markStale(x);
  rib.markLongLived(x);
  expect(dirty()).toEqual([A, B]);
  expect([selected(A)?.attributes.communities, selected(A)?.localPref, selected(B)]).toEqual([[COMMUNITY.llgrStale], 300, undefined]);
  expect(rib.explain(idOf(A), 1)[0]).toMatchObject({ stale: true, longLived: true });
  rib.judge(x, undefined);                        // from what was received, and still long-lived
  expect(selected(A)?.attributes.communities).toEqual([7, COMMUNITY.llgrStale]);
  expect(receivedForm(selected(A)!).attributes.communities).toEqual([7]);
  rib.sweep([]);
  expect(selected(A)?.attributes.communities).toEqual([7, COMMUNITY.llgrStale]);
  rib.announce(x, [A], routeOf(x, { communities: [7] }), undefined);
  expect(rib.explain(idOf(A), 1)[0]).toMatchObject({ stale: false, longLived: false });
  rib.removeAll(x, 'stale');
  expect(selected(A)?.attributes.communities).toEqual([7]);
});

test('a route refused for a loop stays refused for it when it is long-lived', () => {
  const looped = routeOf(x);
  looped.refusal = 'own AS in AS_PATH';
  rib.announce(x, [A], looped, undefined);
  rib.adjIn.markStale(x);
  rib.markLongLived(x);
  expect(rib.explain(idOf(A), 1)[0]).toMatchObject({ refused: true, reason: 'own AS in AS_PATH' });
});
