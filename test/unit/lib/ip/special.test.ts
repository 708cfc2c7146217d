import { expect, test } from '@jest/globals';
import { specialKindOf } from '../../../../lib/ip/special.ts';
import { ip } from '../../../../lib/ip/text.ts';

test.each([
  ['0.0.0.0', 'an unspecified address'], ['0.1.2.3', 'an unspecified address'], ['127.0.0.1', 'a loopback address'],
  ['224.0.0.1', 'a multicast address'], ['239.255.255.255', 'a multicast address'], ['255.255.255.255', 'the broadcast address'],
  ['::', 'an unspecified address'], ['::1', 'a loopback address'], ['ff02::1', 'a multicast address'],
  ['fe80::1', 'a link-local address, which says nothing without an interface'], ['febf::1', 'a link-local address, which says nothing without an interface'],
])('%s is %s', (text, kind) => { expect(specialKindOf(ip(text))).toBe(kind); });

test.each(['1.0.0.0', '10.0.0.1', '126.255.255.255', '128.0.0.1', '169.254.169.254', '223.255.255.255', '240.0.0.1', '::2', 'fd00::1', 'fec0::1', '2001:db8::1'])(
  '%s may be another machine’s', (text) => { expect(specialKindOf(ip(text))).toBeUndefined(); });
