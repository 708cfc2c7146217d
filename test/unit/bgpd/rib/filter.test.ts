/** Compiled filters: which routes pass, rule by rule. */
import { expect, test } from '@jest/globals';
import { chainOf, compileFilters } from '../../../../bgpd/rib/filter.ts';
import type { FilterRule } from '../../../../config/messages/speaker-config.ts';
import { prefix } from '../../../../lib/ip/text.ts';

const only = (rule: FilterRule) => chainOf(['f'], compileFilters([{ name: 'f', rules: [rule], otherwise: 'reject' }]))!;

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
])('%s', (_name, match, route, passes) => {
  expect(only({ prefixes: [match], action: 'accept' })(prefix(route), 'ebgp')).toBe(passes);
});

test('sources and prefixes of one rule must both match', () => {
  const filter = only({ prefixes: [{ prefix: '10.0.0.0/8' }], sources: ['originated', 'ibgp'], action: 'accept' });
  expect(filter(prefix('10.0.0.0/8'), 'originated')).toBe(true);
  expect(filter(prefix('10.0.0.0/8'), 'ibgp')).toBe(true);
  expect(filter(prefix('10.0.0.0/8'), 'ebgp')).toBe(false);
  expect(filter(prefix('11.0.0.0/8'), 'ibgp')).toBe(false);
});

test('the first rule that matches decides, then the first filter with a verdict', () => {
  const filters = compileFilters([
    { name: 'narrow', rules: [
      { prefixes: [{ prefix: '10.1.0.0/16' }], action: 'reject' },
      { prefixes: [{ prefix: '10.0.0.0/8', maxLength: 32 }], action: 'accept' },
    ], otherwise: 'next' },
    { name: 'last', rules: [], otherwise: 'reject' },
  ]);
  const chain = chainOf(['narrow', 'last'], filters)!;
  expect(chain(prefix('10.1.0.0/16'), 'ebgp')).toBe(false);
  expect(chain(prefix('10.2.0.0/16'), 'ebgp')).toBe(true);
  expect(chain(prefix('192.0.2.0/24'), 'ebgp')).toBe(false);
  expect(chainOf(['narrow'], filters)!(prefix('192.0.2.0/24'), 'ebgp')).toBe(true);
});

test('no filter accepts everything; an unknown one rejects everything', () => {
  expect(chainOf([], new Map())).toBeUndefined();
  expect(chainOf(['mistyped'], new Map())!(prefix('10.0.0.0/8'), 'ebgp')).toBe(false);
});
