import { expect, test } from '@jest/globals';
import { ByteWriter } from '../../../../lib/bytes/writer.ts';
import { WireError } from '../../../../bgpd/wire/errors.ts';
import { readRouteRefresh, writeRouteRefresh } from '../../../../bgpd/wire/route-refresh.ts';
import { bytesFromHex, hexFromBytes } from '../../../support/hex.ts';

test.each([
  ['0001 00 01', 'ipv4', 'request'], ['0002 00 01', 'ipv6', 'request'], ['0001 00 80', undefined, 'request'], ['0019 00 01', undefined, 'request'],
  ['0001 01 01', 'ipv4', 'begin'], ['0001 02 01', 'ipv4', 'end'], ['0001 03 01', 'ipv4', undefined], ['0001 ff 01', 'ipv4', undefined],
])('%s: %s, %s', (hex, family, subtype) => {
  expect(readRouteRefresh(bytesFromHex(hex))).toEqual({ type: 'route-refresh', family, subtype });
});

test.each([['request', '00020001'], ['begin', '00020101'], ['end', '00020201']] as const)('%s is written as %s', (subtype, hex) => {
  const w = new ByteWriter();
  writeRouteRefresh(w, { type: 'route-refresh', family: 'ipv6', subtype });
  expect(hexFromBytes(w.finish())).toBe(hex);
});

test.each(['000101', '0001010100', ''])('another length than four bytes (%j) is an error of its own, with the whole message (RFC 7313 §5)', (hex) => {
  try {
    readRouteRefresh(bytesFromHex(hex));
  } catch (error) {
    const length = (19 + hex.length / 2).toString(16).padStart(4, '0');
    expect(error).toMatchObject({ code: 7, subcode: 1, data: bytesFromHex(`${'ff'.repeat(16)} ${length} 05 ${hex}`.trim()) });
    expect(error).toBeInstanceOf(WireError);
    return;
  }
  throw new Error('no error');
});

test('nothing is written without a family or a subtype', () => {
  expect(() => { writeRouteRefresh(new ByteWriter(), { type: 'route-refresh', family: undefined, subtype: 'request' }); }).toThrow(RangeError);
  expect(() => { writeRouteRefresh(new ByteWriter(), { type: 'route-refresh', family: 'ipv4', subtype: undefined }); }).toThrow(RangeError);
});
