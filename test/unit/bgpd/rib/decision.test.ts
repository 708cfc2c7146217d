/** The decision process, row by row: each row decides when all before it are equal, and not when one before it differs. */
import { expect, test } from '@jest/globals';
import { decide, ineligible, TIE_BREAKERS } from '../../../../bgpd/rib/decision.ts';
import { RouteTable, type Route, type Source } from '../../../../bgpd/rib/route.ts';
import type { PathAttributes } from '../../../../bgpd/wire/message.ts';
import { ip } from '../../../../lib/ip/text.ts';
import { attributes, nextHops, originated, path, route, source } from '../../../support/rib-builders.ts';

interface Given {
  readonly from?: Partial<Omit<Source, 'address'>> & { readonly address?: string };
  readonly with?: Partial<PathAttributes>;
  readonly cost?: number;
  readonly gateway?: string;
}

function routeOf(given: Given, lastOctet: number): Route {
  const via = `198.51.100.${lastOctet}`;
  const hops = nextHops({ [via]: { metric: given.cost ?? 0, ...(given.gateway !== undefined && { gateway: ip(given.gateway) }) } });
  const from = given.from?.kind === 'originated' ? originated() : source({ routerId: 50, address: '192.0.2.50', ...given.from });
  const of = route(new RouteTable(), from, { asPath: path(65001, 65002), ...given.with }, via, hops);
  return given.from?.kind === 'kernel' && given.gateway === undefined ? { ...of, hop: { ...of.hop!, via: { gateway: undefined, interfaceIndex: 7 } } } : of;
}

/** [step, what the winner has, what the loser has]; both have the defaults else. */
const ROWS: readonly [string, Given, Given][] = [
  ['not long-lived stale', {}, { from: { kind: 'originated' }, with: { communities: [0xffff0006] } }],
  ['locally originated', { from: { kind: 'originated' }, with: { localPref: 1 } }, { from: { kind: 'ibgp' }, with: { localPref: 999 } }],
  ['directly connected', { from: { kind: 'kernel' } }, { with: { localPref: 999, asPath: [] } }],
  ['learned by BGP', { with: { asPath: path(1, 2, 3) } }, { from: { kind: 'kernel' }, gateway: '192.0.2.1' }],
  ['higher local preference', { from: { kind: 'ibgp' }, with: { localPref: 200, asPath: path(1, 2, 3) } }, { with: { localPref: 300 } }],
  ['shorter AS path', { with: { asPath: path(65001), origin: 2 } }, {}],
  ['lower origin', { with: { origin: 0, med: 9 } }, { with: { origin: 1 } }],
  ['lower MED', { from: { kind: 'ibgp' }, with: { med: 5 } }, { with: { med: 6 } }],
  ['external over internal', { cost: 9 }, { from: { kind: 'ibgp' } }],
  ['lower IGP cost', { cost: 1, from: { routerId: 99 } }, { cost: 2 }],
  ['lower router ID', { from: { routerId: 49, address: '192.0.2.99' } }, {}],
  ['shorter cluster list', { from: { kind: 'ibgp', address: '192.0.2.99' } }, { from: { kind: 'ibgp' }, with: { clusterList: [7] } }],
  ['lower peer address', { from: { address: '192.0.2.9' } }, { from: { address: '192.0.2.10' } }],
];

test.each(ROWS)('%s', (step, better, worse) => {
  const [winner, loser] = [routeOf(better, 1), routeOf(worse, 2)];
  for (const order of [[winner, loser], [loser, winner]]) {
    const reasons: [Route, string][] = [];
    expect(decide([...order], 1, (l, s) => { reasons.push([l, s]); })?.best).toBe(winner);
    expect(reasons).toEqual([[loser, step]]);
  }
});

test('every row of the table is tested above', () => {
  expect(ROWS.map(([step]) => step)).toEqual(TIE_BREAKERS.map(([step]) => step));
});

test('the router ID compares as unsigned, and IPv4 addresses come before IPv6 ones', () => {
  const high = routeOf({ from: { routerId: 0xf0000001 } }, 1);
  const low = routeOf({ from: { routerId: 0x70000001 } }, 2);
  expect(decide([high, low], 1)?.best).toBe(low);
  const six = routeOf({ from: { address: '2001:db8::1' } }, 3);
  const four = routeOf({ from: { address: '203.0.113.1' } }, 4);
  expect(decide([six, four], 1)?.best).toBe(four);
});

test('ORIGINATOR_ID stands in for the router ID', () => {
  const reflected = routeOf({ from: { kind: 'ibgp', routerId: 1 }, with: { originatorId: 60 } }, 1);
  const direct = routeOf({ from: { kind: 'ibgp', routerId: 50 } }, 2);
  expect(decide([reflected, direct], 1)?.best).toBe(direct);
});

test('MED compares only within one neighbouring AS, and a missing one is 0', () => {
  const mine = routeOf({ with: { asPath: path(65001, 9), med: 10 }, from: { routerId: 1 } }, 1);
  const other = routeOf({ with: { asPath: path(65002, 9), med: 1 }, from: { routerId: 2 } }, 2);
  expect(decide([mine, other], 1)?.best).toBe(mine);
  const none = routeOf({ with: { asPath: path(65001, 9) }, from: { routerId: 3 } }, 3);
  expect(decide([mine, none], 1)?.best).toBe(none);
});

test('MED drops a route that would have won against another AS, whatever the order (RFC 4271 §9.1.2.2 c)', () => {
  const a = routeOf({ with: { asPath: path(65001, 9), med: 10 }, from: { routerId: 1 } }, 1);
  const b = routeOf({ with: { asPath: path(65001, 9), med: 5 }, from: { routerId: 3 } }, 2);
  const c = routeOf({ with: { asPath: path(65002, 9), med: 99 }, from: { routerId: 2 } }, 3);
  for (const order of [[a, b, c], [a, c, b], [b, a, c], [b, c, a], [c, a, b], [c, b, a]]) {
    expect(decide(order, 1)?.best).toBe(c);
  }
});

test('an AS_SET at the head has no neighbouring AS to compare MEDs in', () => {
  const set = { type: 'set', asns: [65001, 9] } as const;
  const x = routeOf({ with: { asPath: [set], asPathLength: 2, med: 9 }, from: { routerId: 1 } }, 1);
  const y = routeOf({ with: { asPath: path(65001, 9), med: 1 }, from: { routerId: 2 } }, 2);
  expect(decide([x, y], 1)?.best).toBe(x);
});

test('ECMP: paths equal up to the IGP cost forward together, best first, at most as many as allowed', () => {
  const equal = [4, 2, 3, 1].map((n) => routeOf({ from: { routerId: n, kind: 'ibgp' } }, n));
  const dearer = routeOf({ from: { routerId: 0, kind: 'ibgp' }, cost: 1 }, 9);
  const ids = (maximum: number) => decide([...equal, dearer], maximum)!.multipath.map((r) => r.source.routerId);
  expect(ids(64)).toEqual([1, 2, 3, 4]);
  expect(ids(2)).toEqual([1, 2]);
  expect(ids(1)).toEqual([1]);
});

test.each(ROWS)('two paths that differ in "%s" forward together only if it is a mere tie-breaker', (step, better, worse) => {
  const isEqual = ['lower router ID', 'shorter cluster list', 'lower peer address'].includes(step);
  expect(decide([routeOf(worse, 2), routeOf(better, 1)], 8)!.multipath).toHaveLength(isEqual ? 2 : 1);
});

test('two candidates are decided as three would be: the short way and the long way agree', () => {
  const values: readonly Given[] = ROWS.flatMap(([, a, b]) => [a, b]);
  for (const [i, x] of values.entries()) {
    for (const y of values.slice(i + 1)) {
      const [a, b] = [routeOf(x, 1), routeOf(y, 2)];
      const hopeless = routeOf({ from: { kind: 'kernel' }, gateway: '192.0.2.1', with: { localPref: 0, communities: [0xffff0006] } }, 3);
      const long = decide([a, b, hopeless], 4)!;
      const short = decide([a, b], 4)!;
      expect(short.best === long.best || (short.best.source.kind === 'originated' && long.best.source.kind === 'originated')).toBe(true);
      expect(short.multipath.length).toBe(long.multipath.length);
    }
  }
});

test('nothing comes of no candidates, and a single one wins without a word', () => {
  expect(decide([], 8)).toBeUndefined();
  const alone = routeOf({}, 1);
  expect(decide([alone], 8, () => { throw new Error('nobody lost'); })).toEqual({ best: alone, multipath: [alone] });
});

test('a loop or an unreachable next hop makes a route ineligible, in this order', () => {
  const table = new RouteTable();
  const unreachable = nextHops({ '198.51.100.1': { reachable: false } });
  expect(ineligible(route(table, source()))).toBeUndefined();
  const lost = route(table, source(), {}, '198.51.100.1', unreachable);
  expect(ineligible(lost)).toBe('next hop unreachable');
  lost.refusal = 'own AS in AS_PATH';
  expect(ineligible(lost)).toBe('own AS in AS_PATH');
  expect(ineligible(table.intern(originated(), attributes(), undefined, undefined))).toBeUndefined();
});
