import { expect, test } from '@jest/globals';
import { addressAt, addressOf, comparePrefixes, contains, containsAddress, familyOf, hostPrefix, lengthOf, overlaps, prefix4, prefix6, sizeOf } from '../../../../lib/ip/prefix.ts';
import { ip, parseIp, parsePrefix, prefix, showIp, showPrefix } from '../../../../lib/ip/text.ts';

test.each([
  '0.0.0.0/0', '10.244.1.0/26', '255.255.255.255/32', '192.0.2.0/24', '128.0.0.0/1',
  '::/0', '2001:db8::/32', 'fd00:10:244::1:40/122', 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/128', '::ffff:0:0/96',
])('%s survives packing and printing', (text) => {
  expect(showPrefix(prefix(text))).toBe(text);
});

test('host bits are cleared, so one network has one value', () => {
  expect(prefix('10.1.2.3/24')).toBe(prefix('10.1.2.0/24'));
  expect(prefix('2001:db8::1/64')).toBe(prefix('2001:db8::/64'));
  expect(prefix4(0xffffffff, 0)).toBe(0);
  expect(prefix6(0xffffn, 0)).toBe(0n);
});

test('strict parsing refuses host bits', () => {
  expect(parsePrefix('10.1.2.3/24', { strict: true })).toBeUndefined();
  expect(parsePrefix('10.1.2.0/24', { strict: true })).toBe(prefix('10.1.2.0/24'));
});

test.each(['', '10', '10.1', '10.0.0.256', '010.0.0.1', '0x10.0.0.1', '10.0.0.1 ', '1.2.3.4.5', ':::', '12345::', 'fe80::1%eth0', '1::2::3', '::1.2.3'])(
  '%j is no address', (text) => { expect(parseIp(text)).toBeUndefined(); },
);

test.each(['10.0.0.0', '10.0.0.0/', '10.0.0.0/33', '10.0.0.0/-1', '10.0.0.0/08', '10.0.0.0/1e1', '::/129', '/24'])(
  '%j is no prefix', (text) => { expect(parsePrefix(text)).toBeUndefined(); },
);

test('an IPv6 address with embedded IPv4 text is the same value', () => {
  expect(ip('::ffff:192.0.2.1')).toBe(ip('::ffff:c000:201'));
});

test('addresses print canonically', () => {
  expect(showIp(ip('2001:0DB8:0:0:0:0:0:1'))).toBe('2001:db8::1');
  expect(showIp(ip('255.0.0.1'))).toBe('255.0.0.1');
});

test('containment goes one way and never across families', () => {
  expect(contains(prefix('10.0.0.0/8'), prefix('10.244.1.0/26'))).toBe(true);
  expect(contains(prefix('10.244.1.0/26'), prefix('10.0.0.0/8'))).toBe(false);
  expect(contains(prefix('10.0.0.0/8'), prefix('10.0.0.0/8'))).toBe(true);
  expect(contains(prefix('0.0.0.0/0'), prefix('2001:db8::/32'))).toBe(false);
  expect(containsAddress(prefix('10.244.1.0/26'), ip('10.244.1.63'))).toBe(true);
  expect(containsAddress(prefix('10.244.1.0/26'), ip('10.244.1.64'))).toBe(false);
  expect(overlaps(prefix('10.244.1.0/26'), prefix('10.0.0.0/8'))).toBe(true);
  expect(overlaps(prefix('10.244.1.0/26'), prefix('10.244.1.64/26'))).toBe(false);
});

test('the parts of a prefix come back', () => {
  for (const text of ['10.244.1.64/26', 'fd00::40/122']) {
    const p = prefix(text);
    expect(`${showIp(addressOf(p as never))}/${lengthOf(p)}`).toBe(text);
  }
  expect(familyOf(prefix('::/0'))).toBe('ipv6');
  expect(showPrefix(hostPrefix(ip('10.0.0.1')))).toBe('10.0.0.1/32');
  expect(showPrefix(hostPrefix(ip('fd00::1')))).toBe('fd00::1/128');
});

test('addresses are counted and numbered', () => {
  expect(sizeOf(prefix('10.244.1.0/26'))).toBe(64n);
  expect(sizeOf(prefix('::/0'))).toBe(1n << 128n);
  expect(showIp(addressAt(prefix('10.244.1.0/26'), 63))).toBe('10.244.1.63');
  expect(showIp(addressAt(prefix('fd00::40/122'), 1))).toBe('fd00::41');
  expect(() => addressAt(prefix('10.244.1.0/26'), 64)).toThrow(RangeError);
  expect(() => addressAt(prefix('10.244.1.0/26'), -1)).toThrow(RangeError);
});

test('prefixes sort by address, IPv4 before IPv6', () => {
  const sorted = ['::/0', '10.0.0.0/16', '9.0.0.0/8', '10.0.0.0/8'].map((t) => prefix(t)).sort(comparePrefixes).map(showPrefix);
  expect(sorted).toEqual(['9.0.0.0/8', '10.0.0.0/8', '10.0.0.0/16', '::/0']);
});

test('a length outside the family is refused', () => {
  expect(() => prefix4(0, 33)).toThrow(RangeError);
  expect(() => prefix6(0n, 129)).toThrow(RangeError);
  expect(() => prefix4(0, 1.5)).toThrow(RangeError);
});
