import { expect, test } from '@jest/globals';
import { ByteWriter } from '../../../../lib/bytes/writer.ts';
import { asPathLengthOf, mergeAsPaths, needsFourOctets, prependToAsPath, readAsPath, writeAsPath } from '../../../../bgpd/wire/as-path.ts';
import type { AsPathSegment } from '../../../../bgpd/wire/message.ts';
import { hexFromBytes } from '../../../support/hex.ts';

const sequence = (...asns: number[]): AsPathSegment => ({ type: 'sequence', asns });
const set = (...asns: number[]): AsPathSegment => ({ type: 'set', asns });
const confederation = (...asns: number[]): AsPathSegment => ({ type: 'confed-sequence', asns });
const range = (length: number, from = 1): number[] => Array.from({ length }, (_, i) => from + i);

function written(path: readonly AsPathSegment[], octets: 2 | 4): Uint8Array {
  const w = new ByteWriter();
  writeAsPath(w, path, octets);
  return w.finish();
}

test.each([2, 4] as const)('all kinds of segments survive in %d octets', (octets) => {
  const path = [confederation(65000), { type: 'confed-set', asns: [65001, 65002] }, sequence(1, 23456, 65535), set(7, 8)] as const;
  const bytes = written(path, octets);
  expect(readAsPath(bytes, 0, bytes.length, octets)).toEqual(path);
});

test('in two octets a large AS number is written as AS_TRANS', () => {
  expect(hexFromBytes(written([sequence(65536, 65535)], 2))).toBe('02025ba0ffff');
  expect(needsFourOctets([sequence(65535)])).toBe(false);
  expect(needsFourOctets([set(65536)])).toBe(true);
  expect(needsFourOctets([confederation(65536)])).toBe(false);
});

test('a segment of more than 255 AS numbers is split', () => {
  const bytes = written([sequence(...range(300))], 4);
  expect(readAsPath(bytes, 0, bytes.length, 4)).toEqual([sequence(...range(255)), sequence(...range(45, 256))]);
});

test('the length counts a set as one and confederation segments not at all', () => {
  expect(asPathLengthOf([confederation(1, 2), sequence(3, 4, 5), set(6, 7), sequence(8)])).toBe(5);
});

/** RFC 6793 §4.2.3: what two-octet speakers put in front is kept. */
test.each<[string, AsPathSegment[], AsPathSegment[], AsPathSegment[]]>([
  ['equally long', [sequence(64512, 23456)], [sequence(64512, 70000)], [sequence(64512, 70000)]],
  ['one in front', [sequence(64999, 64512, 23456)], [sequence(64512, 70000)], [sequence(64999, 64512, 70000)]],
  ['AS4_PATH longer', [sequence(64512)], [sequence(64512, 70000)], [sequence(64512)]],
  ['a set in front', [set(1, 2), sequence(23456)], [sequence(70000)], [set(1, 2), sequence(70000)]],
  ['a set behind', [sequence(1, 23456), set(3, 4)], [sequence(70000), set(3, 4)], [sequence(1, 70000), set(3, 4)]],
  ['confederation in front', [confederation(65000), sequence(23456)], [sequence(70000)], [confederation(65000), sequence(70000)]],
  ['an empty AS4_PATH', [sequence(1, 2)], [], [sequence(1, 2)]],
])('the real path is put together: %s', (_what, path, path4, merged) => {
  expect(mergeAsPaths(path, path4)).toEqual(merged);
});

test('our AS goes in front, into the first sequence where it has room, and confederation segments stay behind', () => {
  expect(prependToAsPath([], 65000)).toEqual([sequence(65000)]);
  expect(prependToAsPath([sequence(1, 2)], 65000, 2)).toEqual([sequence(65000, 65000, 1, 2)]);
  expect(prependToAsPath([set(1, 2)], 65000)).toEqual([sequence(65000), set(1, 2)]);
  expect(prependToAsPath([sequence(...range(255)), set(1)], 65000)).toEqual([sequence(65000), sequence(...range(255)), set(1)]);
  expect(prependToAsPath([confederation(1), sequence(2)], 65000)).toEqual([sequence(65000, 2)]);
});

test('a number goes in front many times, in as many segments as that takes', () => {
  const path = prependToAsPath([sequence(1, 2)], 65000, 4000);
  expect(asPathLengthOf(path)).toBe(4002);
  const bytes = written(path, 4);
  const read = readAsPath(bytes, 0, bytes.length, 4) as AsPathSegment[];
  expect(read.flatMap((s) => s.asns)).toEqual([...range(4000).map(() => 65000), 1, 2]);
  for (const { asns } of read) expect(asns.length).toBeLessThanOrEqual(255);
});
