import { expect, test } from '@jest/globals';
import { ip, prefix } from '../../../../lib/ip/text.ts';
import { isUsableNextHop, mpReachHead, mpUnreachHead, readMpReach, readMpUnreach } from '../../../../bgpd/wire/mp-nlri.ts';
import { bytesFromHex, hexFromBytes } from '../../../support/hex.ts';
import { wireContext } from '../../../support/session-builders.ts';

const GLOBAL = '20010db8000000000000000000000001';
const LINK_LOCAL = 'fe800000000000000000000000000002';
const reach = (hex: string, context = wireContext()): unknown => { const b = bytesFromHex(hex); return readMpReach(b, 0, b.length, context); };
const unreach = (hex: string, context = wireContext()): unknown => { const b = bytesFromHex(hex); return readMpUnreach(b, 0, b.length, context); };

test.each([
  ['global', `10 ${GLOBAL}`, { address: ip('2001:db8::1') }],
  ['global and link-local', `20 ${GLOBAL} ${LINK_LOCAL}`, { address: ip('2001:db8::1'), linkLocal: ip('fe80::2') }],
  ['global and global', `20 ${GLOBAL} ${GLOBAL}`, { address: ip('2001:db8::1') }],
  ['link-local alone', `10 ${LINK_LOCAL}`, { address: ip('fe80::2') }],
  ['nothing and link-local', `20 ${'00'.repeat(16)} ${LINK_LOCAL}`, { address: ip('fe80::2'), linkLocal: ip('fe80::2') }],
])('IPv6 next hop: %s', (_what, hex, nextHop) => {
  expect(reach(`000201 ${hex} 00 20 20010db8`)).toEqual({ family: 'ipv6', nextHop, prefixes: [prefix('2001:db8::/32')] });
});

test('an IPv4 next hop has four bytes, nothing else', () => {
  expect(reach('000101 04 c0000201 00 08 0a')).toEqual({ family: 'ipv4', nextHop: { address: ip('192.0.2.1') }, prefixes: [prefix('10.0.0.0/8')] });
  expect(reach(`000101 10 ${GLOBAL} 00 08 0a`)).toHaveProperty('untrusted');
  expect(reach('000201 04 c0000201 00 08 0a')).toHaveProperty('untrusted');
});

test('a next hop may not overrun the attribute, whatever the family', () => {
  expect(reach('000201 f0 20010db8 00')).toHaveProperty('untrusted');
  expect(reach('004001 f0 20010db8 00')).toHaveProperty('untrusted');
  expect(reach('000201 00')).toHaveProperty('untrusted');
});

test('families that we do not speak are ignored, their prefixes unread', () => {
  expect(reach('000180 04 c0000201 00 ff ff')).toBe('ignored');
  expect(unreach('400480 ff ff')).toBe('ignored');
});

test('withdrawn prefixes, and none', () => {
  expect(unreach('000201 20 20010db8')).toEqual({ family: 'ipv6', prefixes: [prefix('2001:db8::/32')] });
  expect(unreach('000101')).toEqual({ family: 'ipv4', prefixes: [] });
  expect(unreach('0001')).toHaveProperty('untrusted');
  expect(unreach('000201 81 00')).toHaveProperty('untrusted');
});

test('what is written reads the same', () => {
  const nextHop = { address: ip('2001:db8::1'), linkLocal: ip('fe80::2') };
  expect(reach(hexFromBytes(mpReachHead('ipv6', nextHop)))).toEqual({ family: 'ipv6', nextHop, prefixes: [] });
  expect(unreach(hexFromBytes(mpUnreachHead('ipv6')))).toEqual({ family: 'ipv6', prefixes: [] });
});

test.each([
  ['192.0.2.1', true], ['223.255.255.255', true], ['0.0.0.0', false], ['0.1.2.3', false], ['127.0.0.1', false], ['224.0.0.1', false],
  ['255.255.255.255', false], ['2001:db8::1', true], ['fe80::1', true], ['::', false], ['::1', false], ['ff02::1', false],
])('%s as a next hop: %s', (address, usable) => {
  expect(isUsableNextHop(ip(address))).toBe(usable);
});
