import { expect, test } from '@jest/globals';
import { writeAttributeBlock } from '../../../../bgpd/wire/attribute-block.ts';
import { ORIGINATED, prependAs, withCommunities } from '../../../../bgpd/wire/attribute-changes.ts';
import { WireError } from '../../../../bgpd/wire/errors.ts';
import { AttributeInterner } from '../../../../bgpd/wire/interner.ts';
import type { PathAttributes } from '../../../../bgpd/wire/message.ts';
import { bytesFromHex } from '../../../support/hex.ts';
import { wireContext } from '../../../support/session-builders.ts';

const CONTEXT = wireContext({ external: true });
/** Room for about a hundred of the blocks below. */
const HUNDRED = 12_000;
const blockOf = (n: number): Uint8Array => writeAttributeBlock(withCommunities(prependAs(ORIGINATED, 65001), [n]), CONTEXT);
const intern = (interner: AttributeInterner, n: number): PathAttributes => {
  const bytes = blockOf(n);
  return interner.intern(bytes, 0, bytes.length, CONTEXT).attributes;
};
const flood = (interner: AttributeInterner, count: number, from = 1_000_000): void => {
  for (let i = 0; i < count; i++) intern(interner, from + i);
};

test('equal bytes give the same object, wherever they stand', () => {
  const interner = new AttributeInterner();
  const bytes = Uint8Array.from([9, 9, ...blockOf(1), 9]);
  expect(interner.intern(bytes, 2, bytes.length - 1, CONTEXT).attributes).toBe(intern(interner, 1));
  expect(intern(interner, 2)).not.toBe(intern(interner, 1));
  expect(interner.size).toBe(2);
});

test('the same bytes mean different things in different sessions', () => {
  const interner = new AttributeInterner();
  const bytes = bytesFromHex('40 01 01 00 40 02 06 0201 0000fdea 40 05 04 00000007');
  const read = (fourOctetAs: boolean, external: boolean) => interner.intern(bytes, 0, bytes.length, wireContext({ fourOctetAs, external }));
  expect(read(true, false).attributes.localPref).toBe(7);
  expect(read(true, true).attributes.localPref).toBeUndefined();
  expect(read(false, false).faults).toHaveLength(1);
  expect(interner.size).toBe(3);
});

test('faults are kept with the block', () => {
  const interner = new AttributeInterner();
  const bytes = bytesFromHex('40 01 01 07');
  const first = interner.intern(bytes, 0, bytes.length, CONTEXT);
  const again = interner.intern(bytes, 0, bytes.length, CONTEXT);
  expect(again.attributes).toBe(first.attributes);
  expect(again.faults).toMatchObject([{ action: 'withdraw', text: 'ORIGIN: value 7: expected 0, 1 or 2' }]);
  expect(again.missing).toBe('AS_PATH');
});

test('a block that ends the session is not remembered', () => {
  const interner = new AttributeInterner();
  const bytes = bytesFromHex('40 63 00');
  expect(() => interner.intern(bytes, 0, bytes.length, CONTEXT)).toThrow(WireError);
  expect(interner.size).toBe(0);
});

test('what nobody holds is forgotten, however much comes', () => {
  const interner = new AttributeInterner({ idleBytes: HUNDRED });
  const first = intern(interner, 1);
  flood(interner, 10_000);
  expect(interner.size).toBeLessThanOrEqual(100);
  const again = intern(interner, 1);
  expect(again).not.toBe(first);
  expect(again).toEqual(first);
});

test('what is held stays, until it is released as often as it was retained', () => {
  const interner = new AttributeInterner({ idleBytes: HUNDRED });
  const held = intern(interner, 1);
  interner.retain(held);
  interner.retain(held);
  flood(interner, 1000);
  expect(intern(interner, 1)).toBe(held);
  interner.release(held);
  flood(interner, 1000, 2_000_000);
  expect(intern(interner, 1)).toBe(held);
  interner.release(held);
  flood(interner, 1000, 3_000_000);
  expect(intern(interner, 1)).not.toBe(held);
  expect(interner.size).toBeLessThanOrEqual(100);
});

test('what is released and held again in time stays', () => {
  const interner = new AttributeInterner({ idleBytes: HUNDRED });
  const held = intern(interner, 1);
  for (let round = 0; round < 20; round++) {
    interner.retain(held);
    flood(interner, 60, 1000 * round);
    interner.release(held);
    expect(intern(interner, 1)).toBe(held);
  }
});

test('large blocks are forgotten sooner', () => {
  const interner = new AttributeInterner({ idleBytes: HUNDRED });
  for (let n = 0; n < 100; n++) {
    const bytes = writeAttributeBlock(prependAs(prependAs(ORIGINATED, 65001, 900), n + 1), CONTEXT);
    interner.intern(bytes, 0, bytes.length, CONTEXT);
  }
  expect(interner.size).toBeLessThan(5);
});

test('a block full of faults keeps few of them', () => {
  const interner = new AttributeInterner();
  const bytes = bytesFromHex(`40 01 01 00 ${'40 01 00 '.repeat(1000)}40 02 01 00`);
  const { faults } = interner.intern(bytes, 0, bytes.length, CONTEXT);
  expect(faults.length).toBeLessThan(30);
  expect(faults.at(-1)).toMatchObject({ action: 'withdraw', text: 'AS_PATH: a segment is cut short' });
});

test('attributes that come and go do not push others out', () => {
  const interner = new AttributeInterner({ idleBytes: HUNDRED });
  const [idle, busy] = [intern(interner, 1), intern(interner, 2)];
  for (let round = 0; round < 1000; round++) {
    interner.retain(busy);
    interner.release(busy);
  }
  expect(intern(interner, 1)).toBe(idle);
});

test('retaining a full table costs no more than its sets', () => {
  const interner = new AttributeInterner({ idleBytes: HUNDRED });
  const held = Array.from({ length: 5000 }, (_, n) => { const a = intern(interner, n); interner.retain(a); return a; });
  expect(interner.size).toBe(5000);
  for (const a of held) interner.release(a);
  flood(interner, 200, 9_000_000);
  expect(interner.size).toBeLessThanOrEqual(100);
});

test('attributes from elsewhere, and a release too many, do no harm', () => {
  const interner = new AttributeInterner();
  interner.retain(ORIGINATED);
  interner.release(ORIGINATED);
  const own = intern(interner, 1);
  interner.release(own);
  interner.release(own);
  expect(intern(interner, 1)).toBe(own);
});

test('canonical: structurally equal attributes are the same object, equal to what came in', () => {
  const interner = new AttributeInterner();
  const made = (): PathAttributes => withCommunities(prependAs(ORIGINATED, 65001), [1, 2]);
  const first = interner.canonical(made());
  expect(interner.canonical(made())).toBe(first);
  expect(first).toEqual(made());
  expect(interner.canonical({ ...made(), med: 1 })).not.toBe(first);
  const others: Partial<PathAttributes>[] = [
    { localPref: 1 }, { extendedCommunities: [1n] }, { extendedCommunities: [1n << 62n] }, { largeCommunities: [[1, 2, 3]] }, { largeCommunities: [[1, 2, 4]] }, { otc: 1 },
    { otc: 2 },
  ];
  const objects = others.map((some) => interner.canonical({ ...made(), ...some }));
  expect(new Set([first, ...objects]).size).toBe(others.length + 1);
  others.forEach((some, i) => { expect(interner.canonical({ ...made(), ...some })).toBe(objects[i]); });
});

test('attributes that came from a peer can be made canonical and keep their own place', () => {
  const interner = new AttributeInterner();
  const received = intern(interner, 1);
  const canonical = interner.canonical(received);
  expect(canonical).toEqual(received);
  expect(intern(interner, 1)).toBe(received);
  interner.retain(received);
  expect(interner.canonical(received)).toBe(canonical);
  expect(interner.size).toBe(2);
});
