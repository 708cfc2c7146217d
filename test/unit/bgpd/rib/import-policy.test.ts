/** Import policy: guards, the Only-to-Customer attribute, and filters, in this order. */
import { expect, test } from '@jest/globals';
import { chainOf, compileFilters } from '../../../../bgpd/rib/filter.ts';
import { Guards } from '../../../../bgpd/rib/guards.ts';
import { importPolicy } from '../../../../bgpd/rib/import-policy.ts';
import { unfitness } from '../../../../bgpd/rib/loop.ts';
import { RouteTable } from '../../../../bgpd/rib/route.ts';
import type { BgpRole } from '../../../../config/messages/speaker-config.ts';
import { prefix, showPrefix } from '../../../../lib/ip/text.ts';
import { attributes, route, source } from '../../../support/rib-builders.ts';

const P = prefix('10.0.0.0/8');
const GUARDS = new Guards(() => 0);
const IGNORE = (): void => undefined;

test('what a guard refuses is told, and no filter lets it in', () => {
  const from = source();
  const told: string[] = [];
  const accept = chainOf(['f'], compileFilters([{ name: 'f', rules: [], otherwise: 'accept' }]), 'ebgp');
  const policy = importPolicy(from, GUARDS, accept, (p, reason) => { told.push(`${showPrefix(p)} ${reason}`); });
  const received = route(new RouteTable(), from);
  expect([prefix('127.0.0.0/8'), P].map((p) => policy(p, received))).toEqual([false, true]);
  expect(told).toEqual(['127.0.0.0/8 martian: loopback']);
});

test.each<[BgpRole | undefined, number | undefined]>([
  ['customer', 65001], ['route-server-client', 65001], ['peer', 65001], ['provider', undefined], ['route-server', undefined], [undefined, undefined],
])('OTC on the way in, as %s', (role, otc) => {
  const from = source({ role, asn: 65001 });
  const policy = importPolicy(from, GUARDS, undefined, IGNORE);
  const plain = route(new RouteTable(), from, { med: 5 });
  const result = policy(P, plain);
  if (otc === undefined) expect(result).toBe(true);
  else {
    expect(result).toEqual({ ...plain.attributes, otc });
    expect(policy(prefix('11.0.0.0/8'), plain)).toBe(result);
    from.asn = 65009;
    expect(policy(P, plain)).toEqual({ ...plain.attributes, otc: 65009 });
  }
  expect(policy(P, route(new RouteTable(), from, { otc: 7 }))).toBe(true);
});

test('filters see what OTC made of a route, and may change it further', () => {
  const from = source({ role: 'customer', asn: 65001 });
  const filters = compileFilters([{ name: 'f', rules: [{ localPref: 100, set: { med: 4 }, action: 'accept' }], otherwise: 'reject' }]);
  const received = route(new RouteTable(), from);
  expect(importPolicy(from, GUARDS, chainOf(['f'], filters, 'ebgp'), IGNORE)(P, received)).toEqual({ ...received.attributes, otc: 65001, med: 4 });
  const silent = compileFilters([{ name: 'f', rules: [], otherwise: 'accept' }]);
  expect(importPolicy(from, GUARDS, chainOf(['f'], silent, 'ebgp'), IGNORE)(P, received)).toEqual({ ...received.attributes, otc: 65001 });
});

test.each<[BgpRole | undefined, number | undefined, string | undefined]>([
  ['provider', 1, 'route leak: OTC 1 from a customer'],
  ['route-server', 1, 'route leak: OTC 1 from a route server client'],
  ['peer', 1, 'route leak: OTC 1 from a peer of AS 65001'],
  ['peer', 65001, undefined], ['peer', undefined, undefined], ['provider', undefined, undefined],
  ['customer', 1, undefined], ['route-server-client', 1, undefined], [undefined, 1, undefined],
])('leaks, as %s with OTC %s', (role, otc, reason) => {
  const context = { localAsn: 64512, allowLocalAs: 0, routerId: 7, clusterId: 7 };
  expect(unfitness(attributes({ otc }), context, { role, asn: 65001 })).toBe(reason);
});

test('a session that is about to end: what comes in over it is marked, after filters, and marked once', () => {
  const from = source();
  const filters = compileFilters([{ name: 'f', rules: [{ set: { removeCommunities: ['65535:0'], localPref: 300 }, action: 'accept' }], otherwise: 'reject' }]);
  const received = route(new RouteTable(), from);
  const policy = importPolicy(from, GUARDS, undefined, IGNORE, true);
  const marked = policy(P, received);
  expect(marked).toEqual({ ...received.attributes, communities: [0xffff0000] });
  expect(policy(prefix('11.0.0.0/8'), received)).toBe(marked);
  expect(policy(P, route(new RouteTable(), from, { communities: [0xffff0000] }))).toBe(true);
  expect(importPolicy(from, GUARDS, chainOf(['f'], filters, 'ebgp'), IGNORE, true)(P, received)).toEqual({ ...received.attributes, localPref: 300, communities: [0xffff0000] });
  const inside = source({ kind: 'ibgp' });
  expect(importPolicy(inside, GUARDS, undefined, IGNORE, true)(P, route(new RouteTable(), inside))).toBe(true);
});
