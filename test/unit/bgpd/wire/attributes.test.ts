import { expect, test } from '@jest/globals';
import { readAttributeBlock, writeAttributeBlock } from '../../../../bgpd/wire/attribute-block.ts';
import { ORIGINATED, prependAs, withCommunities, withLocalPref } from '../../../../bgpd/wire/attribute-changes.ts';
import { ATTRIBUTES } from '../../../../bgpd/wire/attributes.ts';
import { ATTRIBUTE_FLAG } from '../../../../bgpd/wire/constants.ts';
import type { PathAttributes, WireContext } from '../../../../bgpd/wire/message.ts';
import { bytesFromHex, hexFromBytes } from '../../../support/hex.ts';
import { wireContext } from '../../../support/session-builders.ts';

const FOUR = wireContext();
const TWO = wireContext({ fourOctetAs: false });
const ALL: PathAttributes = {
  origin: 1, asPath: [{ type: 'sequence', asns: [65001, 4200000001] }, { type: 'set', asns: [70000, 5] }], asPathLength: 3,
  med: 0, localPref: 0xffffffff, atomicAggregate: true, aggregator: { asn: 4200000002, address: 0xc0000201 },
  communities: [0xffffff01, 1], extendedCommunities: [0x0002fde900000001n, 0x4004fde900000002n],
  largeCommunities: [[4200000001, 0, 0xffffffff], [65001, 1, 2]], otc: 4200000003, originatorId: 0xc0000202, clusterList: [1, 2],
  unknown: [
    { flags: 0xe0, code: 25, value: Uint8Array.of(1, 2) },
    { flags: 0xe0, code: 200, value: new Uint8Array(300).fill(3) },
  ],
};

function roundTrip(attributes: PathAttributes, context: WireContext): PathAttributes {
  const bytes = writeAttributeBlock(attributes, context);
  const block = readAttributeBlock(bytes, 0, bytes.length, context);
  expect(block.faults).toEqual([]);
  return block.attributes;
}

test('the rows stand in ascending order, well-known ones transitive, each code once', () => {
  const rows = Object.values(ATTRIBUTES);
  expect(rows.map((r) => r.code)).toEqual(rows.map((r) => r.code).toSorted((a, b) => a - b));
  for (const row of rows) {
    if ((row.flags & ATTRIBUTE_FLAG.optional) === 0) expect(row.flags).toBe(ATTRIBUTE_FLAG.transitive);
  }
  expect(new Set(rows.map((r) => r.code)).size).toBe(rows.length);
});

test('every attribute survives the wire, with AS numbers of four and of two octets', () => {
  expect(roundTrip(ALL, FOUR)).toEqual(ALL);
  expect(roundTrip(ALL, TWO)).toEqual(ALL);
  expect(roundTrip(ORIGINATED, FOUR)).toEqual(ORIGINATED);
});

test('attributes are written in ascending order, NEXT_HOP at its place, long ones with the extended length bit', () => {
  const bytes = writeAttributeBlock(ALL, TWO, 0xc0000209);
  const codes: number[] = [];
  for (let at = 0; at < bytes.length;) {
    const isExtended = (bytes[at]! & ATTRIBUTE_FLAG.extendedLength) !== 0;
    const length = isExtended ? (bytes[at + 2]! << 8) | bytes[at + 3]! : bytes[at + 2]!;
    expect(isExtended).toBe(length > 255);
    codes.push(bytes[at + 1]!);
    at += length + (isExtended ? 4 : 3);
  }
  expect(codes).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 16, 17, 18, 25, 32, 35, 200]);
});

test('a two-octet session gets AS4_PATH and AS4_AGGREGATOR only where they say more', () => {
  const small = { ...prependAs(ORIGINATED, 65001), aggregator: { asn: 65001, address: 1 } };
  expect(hexFromBytes(writeAttributeBlock(small, TWO))).toBe('40010100' + '4002040201fde9' + 'c00706fde900000001');
});

test.each([
  ['c0', 'ORIGIN: flags 192: expected 64', '01 01 00'], ['80', 'ORIGIN: flags 128: expected 64', '01 01 00'],
  ['00', 'ORIGIN: flags 0: expected 64', '01 01 00'], ['40', 'MULTI_EXIT_DISC: flags 64: expected 128', '04 04 00000000'],
  ['80', 'COMMUNITIES: flags 128: expected 192', '08 04 00000001'],
])('flags %s are a fault: %s', (flags, text, rest) => {
  const bytes = bytesFromHex(`${flags} ${rest}`);
  expect(readAttributeBlock(bytes, 0, bytes.length, FOUR).faults).toMatchObject([{ action: 'withdraw', text, subcode: 4, attribute: bytes }]);
});

test('the partial bit and a needless extended length are no faults', () => {
  const bytes = bytesFromHex('f0 08 0004 00000001 50 01 0001 00 e0 07 08 0000fdea00000001');
  const block = readAttributeBlock(bytes, 0, bytes.length, FOUR);
  expect(block.faults).toEqual([]);
  expect(block.attributes).toMatchObject({ communities: [1], aggregator: { asn: 65002, address: 1 } });
});

test('nothing in the attributes points into the bytes they were read from', () => {
  const bytes = bytesFromHex('40 01 01 00 40 02 00 c0 63 02 0102 40 04 01 00');
  const block = readAttributeBlock(bytes, 0, bytes.length, FOUR);
  bytes.fill(0xff);
  expect(block.attributes.unknown).toEqual([{ flags: 0xe0, code: 99, value: Uint8Array.of(1, 2) }]);
  expect(block.faults[0]?.attribute).toEqual(Uint8Array.of(0x40, 4, 1, 0));
});

test('unknown attributes are kept in ascending order', () => {
  const bytes = bytesFromHex('c0 64 00 c0 63 00');
  expect(readAttributeBlock(bytes, 0, bytes.length, FOUR).attributes.unknown.map((u) => u.code)).toEqual([99, 100]);
});

test('changes leave the old attributes alone', () => {
  const before = structuredClone(ALL);
  expect(prependAs(ALL, 65000)).toMatchObject({ asPathLength: 4, asPath: [{ asns: [65000, 65001, 4200000001] }, { type: 'set' }] });
  expect(withLocalPref(ALL, 7).localPref).toBe(7);
  expect(withCommunities(ALL, [5, 3, 5]).communities).toEqual([3, 5]);
  expect(ALL).toEqual(before);
});

test('non-transitive extended communities neither come from another AS nor go to one (RFC 4360 §6)', () => {
  const external = wireContext({ external: true });
  const only = (extendedCommunities: readonly bigint[]): PathAttributes => ({ ...ORIGINATED, extendedCommunities });
  const bytes = writeAttributeBlock(ALL, FOUR);
  expect(readAttributeBlock(bytes, 0, bytes.length, external).attributes.extendedCommunities).toEqual([0x0002fde900000001n]);
  expect(hexFromBytes(writeAttributeBlock(only([1n, 0x4300000000000001n, 2n]), external))).toContain('c010100000000000000001' + '0000000000000002');
  expect(hexFromBytes(writeAttributeBlock(only([0x4300000000000001n]), external))).toBe('40010100' + '400200');
  expect(roundTrip(only([0x4300000000000001n]), FOUR)).toEqual(only([0x4300000000000001n]));
});

test('an attribute that ends at whoever does not know it is not passed on, whatever its flags say', () => {
  for (const code of [24, 26, 29, 33]) {
    const bytes = Uint8Array.of(0xc0, code, 1, 0, 0x80, code + 100, 1, 0);
    const block = readAttributeBlock(bytes, 0, bytes.length, FOUR);
    expect(block.attributes.unknown).toEqual([]);
    expect(block.faults).toMatchObject([{ action: 'discard' }]);
  }
});
