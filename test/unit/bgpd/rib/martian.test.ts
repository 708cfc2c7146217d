/** Prefixes that no unicast route can have. */
import { expect, test } from '@jest/globals';
import { martianKindOf } from '../../../../bgpd/rib/martian.ts';
import { prefix } from '../../../../lib/ip/text.ts';

test.each([
  ['this network', ['0.0.0.0/8', '0.0.0.0/32', '0.1.0.0/16']],
  ['loopback', ['127.0.0.0/8', '127.0.0.1/32']],
  ['multicast', ['224.0.0.0/4', '239.1.1.0/24', '224.0.0.0/3', 'ff00::/8', 'ff02::1/128']],
  ['reserved', ['240.0.0.0/4', '250.1.0.0/16', '255.255.255.255/32']],
  ['link-local', ['169.254.0.0/16', '169.254.1.0/24', 'fe80::/10', 'fe80::1/128', 'febf::/16']],
  ['unspecified, loopback or IPv4', ['::/16', '::/128', '::1/128', '::ffff:10.0.0.0/104']],
])('%s', (kind, texts) => { expect(texts.map((text) => martianKindOf(prefix(text)))).toEqual(texts.map(() => kind)); });

test.each(['0.0.0.0/0', '0.0.0.0/1', '0.0.0.0/7', '128.0.0.0/1', '1.0.0.0/8', '126.0.0.0/8', '128.0.0.0/8', '169.254.0.0/15', '223.255.255.0/24',
  '10.0.0.0/8', '100.64.0.0/10', '192.0.2.0/24', '198.18.0.0/15', '::/0', '::/1', '::/15', '64:ff9b::/96', '8000::/1', 'fd00::/8', 'fec0::/10', 'fe00::/9', 'fe80::/9',
  '2001:db8::/32'])('%s is none', (text) => { expect(martianKindOf(prefix(text))).toBeUndefined(); });
