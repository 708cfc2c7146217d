/** Prefixes that no unicast route can have. */
import { expect, test } from '@jest/globals';
import { isMartian } from '../../../../bgpd/rib/martian.ts';
import { prefix } from '../../../../lib/ip/text.ts';

test.each(['0.0.0.0/8', '0.0.0.0/32', '0.1.0.0/16', '127.0.0.0/8', '127.0.0.1/32', '224.0.0.0/4', '239.1.1.0/24', '224.0.0.0/3', '255.255.255.255/32',
  '::/128', '::1/128', 'fe80::/10', 'fe80::1/128', 'febf::/16', 'ff00::/8', 'ff02::1/128'])('%s is one', (text) => { expect(isMartian(prefix(text))).toBe(true); });

test.each(['0.0.0.0/0', '0.0.0.0/1', '128.0.0.0/1', '1.0.0.0/8', '126.0.0.0/8', '128.0.0.0/8', '169.254.0.0/16', '223.255.255.0/24', '240.0.0.0/8',
  '::/0', '::/1', '::/8', '8000::/1', 'fd00::/8', 'fec0::/10', 'fe00::/9', '2001:db8::/32'])('%s is none', (text) => { expect(isMartian(prefix(text))).toBe(false); });
