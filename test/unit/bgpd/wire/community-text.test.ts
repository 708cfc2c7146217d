/** Communities as text: what is one, and what is not. */
import { expect, test } from '@jest/globals';
import { parseCommunity, parseLargeCommunity } from '../../../../bgpd/wire/community-text.ts';

test.each([
  ['65000:1', 0xfde80001], ['0:0', 0], ['65535:65535', 0xffffffff],
  ['65536:1', undefined], ['1:65536', undefined], ['1', undefined], ['1:2:3', undefined], ['', undefined], ['a:1', undefined],
  ['01:1', undefined], ['-1:1', undefined], ['1:', undefined], [' 1:1', undefined],
])('community %j', (text, value) => { expect(parseCommunity(text)).toBe(value); });

test.each([
  ['65000:1:2', [65000, 1, 2]], ['4294967295:0:4294967295', [0xffffffff, 0, 0xffffffff]],
  ['4294967296:0:0', undefined], ['1:2', undefined], ['1:2:3:4', undefined], ['1::3', undefined],
])('large community %j', (text, value) => { expect(parseLargeCommunity(text)).toEqual(value); });
