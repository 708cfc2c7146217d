import { expect, test } from '@jest/globals';
import { prefix } from '../../../../lib/ip/text.ts';
import { readPaths, writePaths } from '../../../../bgpd/wire/path-nlri.ts';
import { bytesFromHex, hexFromBytes } from '../../../support/hex.ts';

const HEX = '00000001 18 0a0100 ffffffff 00 00000001 18 0a0100';

test('prefixes come with their identifiers, the same pair twice if it is there twice', () => {
  const bytes = bytesFromHex(`99 ${HEX} 99`);
  const paths = { prefixes: [prefix('10.1.0.0/24'), prefix('0.0.0.0/0'), prefix('10.1.0.0/24')], ids: [1, 0xffffffff, 1] };
  expect(readPaths('ipv4', bytes, 1, bytes.length - 1)).toEqual(paths);
  const again = new Uint8Array(21);
  expect(writePaths(again, 0, paths.prefixes, paths.ids)).toBe(21);
  expect(hexFromBytes(again)).toBe(HEX.replaceAll(' ', ''));
});

test('a prefix or an identifier may not reach past its field, whatever stands behind it', () => {
  const bytes = bytesFromHex(`${HEX} 00000000`);
  for (let end = 1; end < 21; end++) {
    const isWhole = end === 8 || end === 13;
    expect(readPaths('ipv4', bytes, 0, end) !== undefined).toBe(isWhole);
  }
  expect(readPaths('ipv4', bytesFromHex('00000001 21 0a00000000'), 0, 10)).toBeUndefined();
  expect(readPaths('ipv6', bytesFromHex(`00000001 81 ${'00'.repeat(17)}`), 0, 22)).toBeUndefined();
});
