import { expect, test } from '@jest/globals';
import { globMatcher } from '../../../lib/glob.ts';

test.each([
  ['cali*', 'cali0123', true], ['cali*', 'cali', true], ['cali*', 'xcali', false],
  ['eth?', 'eth0', true], ['eth?', 'eth', false], ['eth?', 'eth10', false],
  ['*.cali', 'vxlan.cali', true], ['*.cali', 'vxlan.calico', false],
  ['b*d*e', 'bonded-bride', true], ['b*d*e', 'bonded', false],
  ['', '', true], ['', 'a', false], ['**', 'anything', true], ['a.b', 'a-b', false],
])('%s on %s: %s', (pattern, text, expected) => {
  expect(globMatcher(pattern)(text)).toBe(expected);
});

test('a pattern of many stars ends', () => {
  expect(globMatcher(`${'a*'.repeat(40)}b`)('a'.repeat(5_000))).toBe(false);
});
