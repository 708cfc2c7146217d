import { expect, test } from '@jest/globals';
import { fiveDigits, showAddress } from '../../../cli/ipam-show.ts';
import { ip } from '../../../lib/ip/text.ts';
import type { IPAMBlock } from '../../../config/kinds/ipam.ts';

test.each([[65_536, '65536'], [99_999, '99999'], [1_048_576, '1.0486e+06'], [2 ** 64, '1.8447e+19'], [0, '0'], [100_000, '1e+05']])(
  '%d has five digits: %s', (n, text) => { expect(fiveDigits(n)).toBe(text); });

const block = {
  metadata: { name: '10-244-1-0-30' },
  spec: { cidr: '10.244.1.0/30', allocations: [null, 0, 1, null], attributes: [{ handle_id: 'net.abc', secondary: { pod: 'web', namespace: 'default' } }, {}] },
} as unknown as IPAMBlock;

test('an address in use names its handle and its owner, sorted', () => {
  expect(showAddress('10.244.1.1', ip('10.244.1.1'), [block])).toBe(
    'IP 10.244.1.1 is in use\nHandle ID: net.abc\nActive Owner Attributes:\n  namespace: default\n  pod: web\n');
  expect(showAddress('10.244.1.2', ip('10.244.1.2'), [block])).toBe('IP 10.244.1.2 is in use\nHandle ID: <none>\nNo Active Owner attributes defined\n');
});

test('a free address, and one outside all blocks, is not assigned', () => {
  expect(showAddress('10.244.1.0', ip('10.244.1.0'), [block])).toBe('10.244.1.0 is not assigned\n');
  expect(showAddress('10.9.9.9', ip('10.9.9.9'), [block])).toBe('10.9.9.9 is not assigned\n');
});
