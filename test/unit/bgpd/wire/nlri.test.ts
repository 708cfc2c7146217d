import { expect, test } from '@jest/globals';
import { prefix4, prefix6, type Prefix, type Prefix6 } from '../../../../lib/ip/prefix.ts';
import { ipv6FromBytes, prefix, showPrefix } from '../../../../lib/ip/text.ts';
import { nlriSize, nlriSizeOf, readIpv6, readNlri, readNlri4, readNlri6, writeNlri } from '../../../../bgpd/wire/nlri.ts';
import { bytesFromHex } from '../../../support/hex.ts';
import { Seeded } from '../../../support/seeded.ts';

/** The slow and obvious reading, to hold the fast one against. */
function naive(bytes: Uint8Array, bits: 32 | 128): Prefix[] | undefined {
  const found: Prefix[] = [];
  for (let at = 0; at < bytes.length;) {
    const length = bytes[at]!;
    const octets = Math.ceil(length / 8);
    if (length > bits || at + 1 + octets > bytes.length) return undefined;
    const padded = [...bytes.slice(at + 1, at + 1 + octets), ...new Array<number>(16).fill(0)].slice(0, bits / 8);
    const address = padded.reduce((sum, byte) => sum * 256n + BigInt(byte), 0n);
    found.push(bits === 32 ? prefix4(Number(address), length) : prefix6(address, length));
    at += 1 + octets;
  }
  return found;
}

test.each([['ipv4', 32], ['ipv6', 128]] as const)('%s: random prefixes of every length read as the naive reader does, and survive', (family, bits) => {
  const random = new Seeded(bits);
  for (let round = 0; round < 300; round++) {
    const bytes = Uint8Array.from(Array.from({ length: 1 + random.below(5) }, () => {
      const length = random.below(bits + 1);
      return [length, ...random.bytes(Math.ceil(length / 8))];
    }).flat());
    const prefixes = readNlri(family, bytes, 0, bytes.length)!;
    expect(prefixes).toEqual(naive(bytes, bits));
    const again = new Uint8Array(nlriSizeOf(prefixes) + 1);
    expect(writeNlri(again, 1, prefixes)).toBe(bytes.length + 1);
    expect(readNlri(family, again, 1, again.length)).toEqual(prefixes);
  }
});

test.each([['ipv4', 32], ['ipv6', 128]] as const)('%s: random bytes read as the naive reader does', (family, bits) => {
  const random = new Seeded(bits + 1);
  for (let round = 0; round < 3000; round++) {
    const bytes = random.bytes(random.below(24)).map((b) => (random.below(3) === 0 ? b % (bits + 2) : b));
    expect(readNlri(family, bytes, 0, bytes.length)).toEqual(naive(bytes, bits));
  }
});

test('the ends of the range: default routes and hosts', () => {
  expect(readNlri4(bytesFromHex('00 20 ffffffff'), 0, 6)!.map(showPrefix)).toEqual(['0.0.0.0/0', '255.255.255.255/32']);
  expect(readNlri6(bytesFromHex(`00 80 ${'ff'.repeat(16)}`), 0, 18)!.map(showPrefix)).toEqual(['::/0', `${'ffff:'.repeat(7)}ffff/128`]);
});

test('only the given range is read', () => {
  const bytes = bytesFromHex('ff 18 0a0100 ff');
  expect(readNlri4(bytes, 1, 5)).toEqual([prefix('10.1.0.0/24')]);
  expect(readNlri4(bytes, 1, 4)).toBeUndefined();
});

test('sizes are those on the wire', () => {
  expect(['0.0.0.0/0', '10.0.0.0/8', '10.0.0.0/9', '10.0.0.1/32', '::/0', '2001:db8::/33', '::1/128'].map((p) => nlriSize(prefix(p))))
    .toEqual([1, 2, 3, 5, 1, 6, 17]);
});

test('addresses and prefixes read one after another do not mix', () => {
  const bytes = bytesFromHex(`${'a5'.repeat(16)} 03 e0`);
  expect(readIpv6(bytes, 0)).toBe(ipv6FromBytes(bytes));
  expect(readNlri6(bytes, 16, 18)).toEqual([prefix('e000::/3') as Prefix6]);
});
