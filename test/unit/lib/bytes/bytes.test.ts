import { expect, test } from '@jest/globals';
import { ByteReader, ShortReadError } from '../../../../lib/bytes/reader.ts';
import { ByteWriter } from '../../../../lib/bytes/writer.ts';

test('what is written is read back', () => {
  const w = new ByteWriter(1);
  w.u8(0xab); w.u16(0xcdef); w.u32(0xfedcba98); w.u64(0x0123456789abcdefn); w.bytes(Uint8Array.of(1, 2, 3));
  const r = new ByteReader(w.finish());
  expect([r.u8(), r.u16(), r.u32(), r.u64()]).toEqual([0xab, 0xcdef, 0xfedcba98, 0x0123456789abcdefn]);
  expect([...r.view(3)]).toEqual([1, 2, 3]);
  expect(r.remaining).toBe(0);
});

test('a reader refuses to go past its end and says where it stood', () => {
  const r = new ByteReader(Uint8Array.of(1, 2, 3));
  r.u8();
  expect(() => r.u32()).toThrow(ShortReadError);
  try { r.u32(); } catch (e) { expect(e).toMatchObject({ at: 1, wanted: 4, available: 2 }); }
  expect(r.u16()).toBe(0x0203);
});

test('a nested reader cannot reach past its parent, nor past its own length', () => {
  const r = new ByteReader(Uint8Array.of(1, 2, 3, 4));
  const inner = r.sub(2);
  expect(inner.u16()).toBe(0x0102);
  expect(() => inner.u8()).toThrow(ShortReadError);
  expect(r.u8()).toBe(3);
  expect(() => r.sub(2)).toThrow(ShortReadError);
  expect(() => r.skip(-1)).toThrow(ShortReadError);
});

test('lengths are patched behind their content', () => {
  const w = new ByteWriter();
  w.withLength16(() => { w.u8(9); w.withLength8(() => { w.u16(7); }); });
  expect([...w.finish()]).toEqual([0, 4, 9, 2, 0, 7]);
  expect(() => { w.withLength8(() => { w.bytes(new Uint8Array(256)); }); }).toThrow(RangeError);
});

test('what was written can be patched and cut, what was not cannot', () => {
  const w = new ByteWriter();
  w.u32(0);
  w.patch16(1, 0x1234);
  expect([...w.finish()]).toEqual([0, 0x12, 0x34, 0]);
  w.truncate(2);
  expect(w.length).toBe(2);
  expect(() => { w.patch16(1, 1); }).toThrow(RangeError);
  expect(() => { w.truncate(3); }).toThrow(RangeError);
});
