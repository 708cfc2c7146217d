import { expect, test } from '@jest/globals';
import { ByteReader } from '../../../../lib/bytes/reader.ts';
import { ByteWriter } from '../../../../lib/bytes/writer.ts';
import { readRouteRefresh, writeRouteRefresh } from '../../../../bgpd/wire/route-refresh.ts';
import { bytesFromHex, hexFromBytes } from '../../../support/hex.ts';

test.each([
  ['0001 00 01', 'ipv4'], ['0002 00 01', 'ipv6'], ['0001 00 80', undefined], ['0019 00 01', undefined],
  ['0001 01 01', undefined], ['0001 02 01', undefined],
])('%s asks for %s', (hex, family) => {
  expect(readRouteRefresh(new ByteReader(bytesFromHex(hex)))).toEqual({ type: 'route-refresh', family });
});

test('a request is written for a family, and only for one', () => {
  const w = new ByteWriter();
  writeRouteRefresh(w, { type: 'route-refresh', family: 'ipv6' });
  expect(hexFromBytes(w.finish())).toBe('00020001');
  expect(() => { writeRouteRefresh(w, { type: 'route-refresh', family: undefined }); }).toThrow(RangeError);
});
