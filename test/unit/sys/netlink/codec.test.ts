/** Attributes by table, growing buffers, and readers that do not leave their message. */
import { expect, test } from '@jest/globals';
import { ShortReadError } from '../../../../lib/bytes/reader.ts';
import { ip } from '../../../../lib/ip/text.ts';
import { HEADER_BYTES, NetlinkReader, NetlinkWriter, macBytes, showMac, type AttributeTable } from '../../../../sys/netlink/codec.ts';
import { readAddress } from '../../../../sys/netlink/addresses.ts';
import { readLink } from '../../../../sys/netlink/links.ts';
import { readRoute } from '../../../../sys/netlink/routes.ts';
import { eachMessage } from '../../../../sys/netlink/socket.ts';

const INNER = { kind: { type: 1, kind: 'text' }, on: { type: 2, kind: 'flag' } } as const satisfies AttributeTable;
const TABLE = {
  small: { type: 1, kind: 'u8' }, middle: { type: 2, kind: 'u16' }, large: { type: 3, kind: 'u32' }, name: { type: 4, kind: 'text' },
  raw: { type: 5, kind: 'bytes' }, v4: { type: 6, kind: 'ip' }, v6: { type: 7, kind: 'ip' }, mac: { type: 8, kind: 'mac' },
  inner: { type: 9, kind: 'nested', table: INNER },
} as const satisfies AttributeTable;

const reader = (w: NetlinkWriter, from = 0): NetlinkReader => new NetlinkReader(w.bytes, from, w.length);

test('a table reads back what it wrote, of every kind, and passes over what it does not know', () => {
  const values = {
    small: 0xfe, middle: 0xfedc, large: 0xfedcba98, name: 'eth0', raw: Uint8Array.of(1, 2, 3, 4, 5), v4: ip('10.0.0.1'),
    v6: ip('fd00::1:2'), mac: 'ee:ee:ee:00:01:02', inner: { kind: 'veth', on: true },
  } as const;
  const w = new NetlinkWriter(8);
  w.attributeU32(77, 1);
  w.attributes(TABLE, values);
  expect(w.length % 4).toBe(0);
  expect(reader(w).attributes(TABLE)).toEqual(values);
});

test('bytes stand as the kernel wants them: host order but for addresses, padded, nested ones marked', () => {
  const w = new NetlinkWriter(4);
  w.attributes(TABLE, { small: 1, middle: 0x0102, name: 'ab', v4: ip('10.0.0.1'), inner: { on: true } });
  expect(w.bytes.toString('hex', 0, w.length)).toBe(['0500010001000000', '0600020002010000', '0700040061620000', '080006000a000001', '0800098004000200'].join(''));
});

test('a message is finished with length, sequence number and flags', () => {
  const w = new NetlinkWriter();
  w.begin(24, 0x400);
  w.u32(7);
  w.end(0x01020304, 5);
  expect(w.bytes.toString('hex', 0, w.length)).toBe('14000000' + '1800' + '0504' + '04030201' + '00000000' + '07000000');
});

test('absent attributes are not written', () => {
  const w = new NetlinkWriter();
  w.attributes(TABLE, { name: undefined });
  expect(w.length).toBe(0);
});

test.each([
  ['attribute longer than its message', '0c000100aabb'],
  ['attribute shorter than its own head', '0300010000000000'],
  ['address of three bytes', '07000600 0a0000 00'],
  ['number of two bytes', '06000300 0102 0000'],
  ['nested attribute longer than its parent', '0c000980 10000100 00000000'],
])('%s is refused', (_what, hex) => {
  const bytes = Buffer.from(hex.replaceAll(' ', ''), 'hex');
  expect(() => new NetlinkReader(bytes, 0, bytes.length).attributes(TABLE)).toThrow(ShortReadError);
});

test('random bytes end in a value or a ShortReadError, and never outside of the message', () => {
  let seed = 42;
  const random = (): number => { seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0; return seed >>> 16; };
  for (let round = 0; round < 3_000; round++) {
    const bytes = Buffer.from(Array.from({ length: 16 + random() % 96 }, () => random() & (random() % 3 === 0 ? 0x0f : 0xff)));
    for (const read of [readRoute, readLink, readAddress]) {
      try {
        read(new NetlinkReader(bytes, 0, bytes.length));
      } catch (error) {
        if (!(error instanceof ShortReadError) && !(error instanceof RangeError)) throw error;
      }
    }
  }
});

test('a datagram is taken apart up to a length that does not fit', () => {
  const w = new NetlinkWriter();
  for (const type of [16, 17]) { w.begin(type, 0); w.u8(1); w.end(type, 0); w.align(); }
  w.begin(18, 0);
  const types: number[] = [];
  eachMessage(w.bytes, w.length, (type, _flags, sequence, r) => { types.push(type, sequence, r.end - r.at); });
  expect(types).toEqual([16, 16, 1, 17, 17, 1]);
  expect(HEADER_BYTES).toBe(16);
});

test('MAC addresses are text of six pairs', () => {
  expect(showMac(macBytes('0A:00:27:ff:fe:01'))).toBe('0a:00:27:ff:fe:01');
  for (const bad of ['', '0a:00:27:ff:fe', '0a:00:27:ff:fe:0g', '0a0027fffe01']) expect(() => macBytes(bad)).toThrow(/not a MAC address/);
});
