/** Communities as text: what is one, and what is not. */
import { expect, test } from '@jest/globals';
import {
  parseCommunity, parseExtendedCommunity, parseLargeCommunity, showCommunity, showExtendedCommunity, showLargeCommunity,
} from '../../../../bgpd/wire/community-text.ts';

test.each([
  ['65000:1', 0xfde80001], ['0:0', 0], ['65535:65535', 0xffffffff],
  ['65536:1', undefined], ['1:65536', undefined], ['1', undefined], ['1:2:3', undefined], ['', undefined], ['a:1', undefined],
  ['01:1', undefined], ['-1:1', undefined], ['1:', undefined], [' 1:1', undefined],
])('community %j', (text, value) => { expect(parseCommunity(text)).toBe(value); });

test.each([
  ['65000:1:2', [65000, 1, 2]], ['4294967295:0:4294967295', [0xffffffff, 0, 0xffffffff]],
  ['4294967296:0:0', undefined], ['1:2', undefined], ['1:2:3:4', undefined], ['1::3', undefined],
])('large community %j', (text, value) => { expect(parseLargeCommunity(text)).toEqual(value); });

test.each([
  ['graceful-shutdown', 0xffff0000], ['llgr-stale', 0xffff0006], ['no-llgr', 0xffff0007], ['blackhole', 0xffff029a],
  ['no-export', 0xffffff01], ['no-advertise', 0xffffff02], ['no-export-subconfed', 0xffffff03], ['no-peer', 0xffffff04],
])('%s is a name and shown as numbers', (name, value) => {
  expect(parseCommunity(name)).toBe(value);
  expect(parseCommunity(showCommunity(value))).toBe(value);
});

test('names are written in one way', () => {
  for (const text of ['No-Export', 'no_export', 'no-export ', 'constructor']) expect(parseCommunity(text)).toBeUndefined();
});

test.each([
  ['rt:65000:1', 0x0002fde800000001n], ['rt:65000:4294967295', 0x0002fde8ffffffffn], ['ro:192.0.2.1:8', 0x0103c00002010008n],
  ['rt:4200000001:7', 0x0202fa56ea010007n], ['rt:65000L:7', 0x02020000fde80007n], ['0x4300000000000001', 0x4300000000000001n],
  ['0x4002fde800000001', 0x4002fde800000001n], ['0x0000000000000000', 0n], ['0xffffffffffffffff', 0xffffffffffffffffn],
])('extended community %s, both ways', (text, value) => {
  expect(parseExtendedCommunity(text)).toBe(value);
  expect(showExtendedCommunity(value)).toBe(text);
});

test.each(['rt:65000', 'rt:65000:1:2', 'xx:1:2', 'rt:4200000001:65536', 'rt:192.0.2.1:65536', 'rt:65000:4294967296', 'rt::1', 'rt:1:', 'rt:2001:db8::1:1', '0x1', '1', ''])(
  '%j is no extended community', (text) => { expect(parseExtendedCommunity(text)).toBeUndefined(); });

test.each(['65000:1:2', '4294967295:0:4294967295'])('large community %s is shown as it is written', (text) => {
  expect(showLargeCommunity(parseLargeCommunity(text)!)).toBe(text);
});
