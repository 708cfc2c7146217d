/** Compiled filters: which routes pass, rule by rule, and what becomes of them. */
import { expect, test } from '@jest/globals';
import { asksInterfaces, chainOf, compileFilters, type RouteFilter, type SessionKind } from '../../../../bgpd/rib/filter.ts';
import { RouteTable, type Route, type Source } from '../../../../bgpd/rib/route.ts';
import type { PathAttributes } from '../../../../bgpd/wire/message.ts';
import type { FilterRule } from '../../../../config/messages/speaker-config.ts';
import { prefix } from '../../../../lib/ip/text.ts';
import { attributes, nextHops, originated, path, route, source } from '../../../support/rib-builders.ts';

const names = (index: number): string | undefined => ({ 7: 'eth0', 8: 'bond0.100' })[index];
const chain = (rules: readonly FilterRule[], otherwise: 'accept' | 'reject' = 'reject', session?: SessionKind): RouteFilter =>
  chainOf(['f'], compileFilters([{ name: 'f', rules, otherwise }], names), session)!;
const only = (rule: FilterRule, session?: SessionKind): RouteFilter => chain([rule], 'reject', session);

const P = prefix('10.0.0.0/8');
const of = (kind: Source['kind'], some: Partial<PathAttributes> = {}): Route =>
  (kind === 'originated' ? new RouteTable().intern(originated(), attributes(some), undefined, undefined) : route(new RouteTable(), source({ kind }), some));
const EXTERNAL = of('ebgp');

test.each([
  ['exact length unless bounds are given', { prefix: '10.0.0.0/8' }, '10.0.0.0/8', true],
  ['a longer one is not exact', { prefix: '10.0.0.0/8' }, '10.1.0.0/16', false],
  ['inside the bounds', { prefix: '10.0.0.0/8', minLength: 16, maxLength: 24 }, '10.1.0.0/16', true],
  ['the upper bound belongs to it', { prefix: '10.0.0.0/8', minLength: 16, maxLength: 24 }, '10.1.1.0/24', true],
  ['shorter than the bounds', { prefix: '10.0.0.0/8', minLength: 16, maxLength: 24 }, '10.0.0.0/15', false],
  ['longer than the bounds', { prefix: '10.0.0.0/8', minLength: 16, maxLength: 24 }, '10.1.1.0/25', false],
  ['a lower bound alone opens the upper side', { prefix: '10.0.0.0/8', minLength: 9 }, '10.1.1.1/32', true],
  ['an upper bound alone starts at the prefix', { prefix: '10.0.0.0/8', maxLength: 9 }, '10.0.0.0/8', true],
  ['another network', { prefix: '10.0.0.0/8', maxLength: 32 }, '11.0.0.0/16', false],
  ['a shorter prefix that contains it', { prefix: '10.0.0.0/8', maxLength: 32 }, '0.0.0.0/0', false],
  ['IPv6', { prefix: 'fd00::/8', maxLength: 128 }, 'fd00:1::/64', true],
  ['the other family', { prefix: '0.0.0.0/0', maxLength: 32 }, '::/0', false],
])('prefixes: %s', (_name, match, tried, passes) => {
  expect(only({ prefixes: [match], action: 'accept' })(prefix(tried), EXTERNAL)).toBe(passes);
  expect(only({ notPrefixes: [match], action: 'accept' })(prefix(tried), EXTERNAL)).toBe(!passes);
});

const throughBond = route(new RouteTable(), source(), {}, '198.51.100.1', nextHops({ '198.51.100.1': { interfaceIndex: 8 } }));
const unreachable = route(new RouteTable(), source(), {}, '198.51.100.9', nextHops({ '198.51.100.9': { reachable: false } }));

test.each<[string, Omit<FilterRule, 'action'>, Route, boolean]>([
  ['source that is named', { sources: ['kernel', 'ibgp'] }, of('ibgp'), true],
  ['source that is not', { sources: ['kernel', 'ibgp'] }, of('originated'), false],
  ['redistributed route', { sources: ['kernel'] }, of('kernel'), true],
  ['interface', { interfaces: ['lo', 'eth*'] }, EXTERNAL, true],
  ['interface by one character', { interfaces: ['bond?.100'] }, throughBond, true],
  ['another interface', { interfaces: ['eth*'] }, throughBond, false],
  ['route without interface', { interfaces: ['*'] }, unreachable, false],
  ['own route without interface', { interfaces: ['*'] }, of('originated'), false],
  ['community', { communities: ['65000:9', '65000:1'] }, of('ebgp', { communities: [1, 0xfde80001] }), true],
  ['no such community', { communities: ['65000:9'] }, of('ebgp', { communities: [1, 0xfde80001] }), false],
  ['large community', { communities: ['1:2:3'] }, of('ebgp', { largeCommunities: [[1, 2, 4], [1, 2, 3]] }), true],
  ['no such large community', { communities: ['1:2:3'] }, of('ebgp', { largeCommunities: [[1, 2, 4]] }), false],
  ['beginning of the path', { asPathPrefix: [1, 2] }, of('ebgp', { asPath: path(1, 2, 3) }), true],
  ['the whole path', { asPathPrefix: [1, 2] }, of('ebgp', { asPath: path(1, 2) }), true],
  ['across segments', { asPathPrefix: [1, 2] }, of('ebgp', { asPath: [...path(1), ...path(2)] }), true],
  ['a path that ends before', { asPathPrefix: [1, 2] }, of('ebgp', { asPath: path(1) }), false],
  ['another path', { asPathPrefix: [1, 2] }, of('ebgp', { asPath: path(1, 3, 2) }), false],
  ['a set has no order', { asPathPrefix: [1] }, of('ebgp', { asPath: [{ type: 'set', asns: [1] }] }), false],
  ['LOCAL_PREF', { localPref: 300 }, of('ibgp', { localPref: 300 }), true],
  ['another LOCAL_PREF', { localPref: 301 }, of('ibgp', { localPref: 300 }), false],
  ['enough LOCAL_PREF', { minLocalPref: 300 }, of('ibgp', { localPref: 300 }), true],
  ['too little LOCAL_PREF', { minLocalPref: 301 }, of('ibgp', { localPref: 300 }), false],
  ['LOCAL_PREF that is assumed', { localPref: 100 }, EXTERNAL, true],
  ['nothing named', {}, EXTERNAL, true],
  ['three things at once', { sources: ['ebgp'], localPref: 100, prefixes: [{ prefix: '10.0.0.0/8' }] }, EXTERNAL, true],
  ['two of three things', { sources: ['ebgp'], localPref: 101, prefixes: [{ prefix: '10.0.0.0/8' }] }, EXTERNAL, false],
])('matches: %s', (_name, rule, tried, passes) => {
  expect(only({ ...rule, action: 'accept' })(P, tried)).toBe(passes);
});

test('rules for a kind of session do not exist for the other, nor where there is no session', () => {
  const rule: FilterRule = { sessions: ['ibgp'], action: 'accept' };
  expect(([undefined, 'ebgp', 'ibgp'] as const).map((session) => only(rule, session)(P, EXTERNAL))).toEqual([false, false, true]);
});

test('the first rule that matches decides, then the first filter with a verdict', () => {
  const filters = compileFilters([
    { name: 'narrow', rules: [
      { prefixes: [{ prefix: '10.1.0.0/16' }], action: 'reject' },
      { prefixes: [{ prefix: '10.0.0.0/8', maxLength: 32 }], action: 'accept' },
    ], otherwise: 'next' },
    { name: 'last', rules: [], otherwise: 'reject' },
  ]);
  const both = chainOf(['narrow', 'last'], filters, 'ebgp')!;
  expect(both(prefix('10.1.0.0/16'), EXTERNAL)).toBe(false);
  expect(both(prefix('10.2.0.0/16'), EXTERNAL)).toBe(true);
  expect(both(prefix('192.0.2.0/24'), EXTERNAL)).toBe(false);
  expect(chainOf(['narrow'], filters, 'ebgp')!(prefix('192.0.2.0/24'), EXTERNAL)).toBe(true);
});

test('no filter accepts everything; an unknown one rejects everything', () => {
  expect(chainOf([], new Map(), 'ebgp')).toBeUndefined();
  expect(chainOf(['mistyped'], new Map(), 'ebgp')!(P, EXTERNAL)).toBe(false);
});

test.each<[string, FilterRule['set'], Partial<PathAttributes>, Partial<PathAttributes>]>([
  ['communities are added, each once', { addCommunities: ['0:1', '0:2', '0:2', '1:2:3'] }, { communities: [1] }, { communities: [1, 2], largeCommunities: [[1, 2, 3]] }],
  ['communities are removed', { removeCommunities: ['0:1', '1:2:3'] }, { communities: [1, 5], largeCommunities: [[1, 2, 3], [1, 2, 4]] }, { communities: [5], largeCommunities: [[1, 2, 4]] }],
  ['removed, then added', { removeCommunities: ['0:1'], addCommunities: ['0:1'] }, { communities: [1, 5] }, { communities: [5, 1] }],
  ['prepended in this order', { prependAsns: [64999, 64998] }, { asPath: path(1) }, { asPath: path(64999, 64998, 1), asPathLength: 3 }],
  ['LOCAL_PREF', { localPref: 0 }, {}, { localPref: 0 }],
  ['MED', { med: 7 }, { med: 9 }, { med: 7 }],
])('changes: %s', (_name, set, before, after) => {
  const filter = only({ set: set!, action: 'accept' });
  const given = of('ebgp', before);
  const changed = filter(P, given);
  expect(changed).toEqual({ ...given.attributes, ...after });
  expect(filter(prefix('192.0.2.0/24'), given)).toBe(changed);
});

test.each<[string, FilterRule['set'], Partial<PathAttributes>]>([
  ['a community that is there', { addCommunities: ['0:1', '1:2:3'] }, { communities: [1, 1], largeCommunities: [[1, 2, 3]] }],
  ['a community that is not', { removeCommunities: ['0:2', '1:2:4'] }, { communities: [1], largeCommunities: [[1, 2, 3]] }],
  ['the same LOCAL_PREF and MED', { localPref: 5, med: 6 }, { localPref: 5, med: 6 }],
])('changes nothing: %s', (_name, set, given) => {
  expect(only({ set: set!, action: 'accept' })(P, of('ibgp', given))).toBe(true);
});

test('a change is seen by the rules and filters after it, and is gone when one of them rejects', () => {
  const filters = compileFilters([
    { name: 'mark', rules: [{ set: { addCommunities: ['0:1'], localPref: 7 }, action: 'next' }], otherwise: 'next' },
    { name: 'look', rules: [{ communities: ['0:1'], localPref: 7, set: { med: 3 }, action: 'accept' }], otherwise: 'reject' },
    { name: 'none', rules: [], otherwise: 'reject' },
  ]);
  expect(chainOf(['mark', 'look'], filters, 'ebgp')!(P, EXTERNAL)).toMatchObject({ communities: [1], localPref: 7, med: 3 });
  expect(chainOf(['look'], filters, 'ebgp')!(P, EXTERNAL)).toBe(false);
  expect(chainOf(['mark', 'none'], filters, 'ebgp')!(P, EXTERNAL)).toBe(false);
  expect(chainOf(['mark'], filters, 'ebgp')!(P, EXTERNAL)).toMatchObject({ communities: [1], localPref: 7 });
});

test('whether a filter must be asked again when links change', () => {
  const filters = compileFilters([
    { name: 'a', rules: [{ interfaces: ['eth0'], action: 'accept' }], otherwise: 'reject' },
    { name: 'b', rules: [], otherwise: 'accept' },
  ]);
  expect([['b', 'a'], ['b'], ['mistyped']].map((of) => asksInterfaces(of, filters))).toEqual([true, false, false]);
});
