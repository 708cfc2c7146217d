import { expect, test } from '@jest/globals';
import { ByteReader } from '../../../../lib/bytes/reader.ts';
import { ByteWriter } from '../../../../lib/bytes/writer.ts';
import { capabilitiesWith } from '../../../../bgpd/wire/context.ts';
import { WireError } from '../../../../bgpd/wire/errors.ts';
import type { Capabilities, OpenMessage } from '../../../../bgpd/wire/message.ts';
import { readOpen, writeOpen } from '../../../../bgpd/wire/open.ts';
import { bytesFromHex, hexFromBytes } from '../../../support/hex.ts';

const FIXED = '04 fdea 005a c0000201';
const read = (hex: string): OpenMessage => readOpen(new ByteReader(bytesFromHex(hex)));
const withCapabilities = (...capabilities: string[]): Capabilities => {
  const bytes = bytesFromHex(capabilities.join(''));
  const size = (n: number): string => n.toString(16).padStart(2, '0');
  return read(`${FIXED} ${size(bytes.length + 2)} 02 ${size(bytes.length)} ${hexFromBytes(bytes)}`).capabilities;
};
const codeOf = (hex: string): string => {
  try { read(hex); } catch (error) { if (error instanceof WireError) return `${error.code}/${error.subcode}`; throw error; }
  return 'accepted';
};

test('an OPEN without optional parameters means IPv4 with two-octet AS numbers', () => {
  expect(read(`${FIXED} 00`)).toEqual({
    type: 'open', version: 4, asn: 65002, holdTimeSeconds: 90, routerId: 0xc0000201,
    capabilities: capabilitiesWith(),
  });
});

test.each([['0000', 'accepted'], ['0001', '2/6'], ['0002', '2/6'], ['0003', 'accepted'], ['ffff', 'accepted']])('hold time %s: %s', (hex, outcome) => {
  expect(codeOf(`04 fdea ${hex} c0000201 00`)).toBe(outcome);
});

test('the AS number comes from the 4-octet capability', () => {
  expect(read('04 5ba0 005a c0000201 08 02 06 41 04 fa56ea01').asn).toBe(4200000001);
});

test('families add up, each once; a family that we do not speak is kept among the unknown', () => {
  expect(withCapabilities('01 04 00010001', '01 04 00020001', '01 04 00010001', '01 04 00010080')).toMatchObject({
    families: ['ipv4', 'ipv6'], unknown: [{ code: 1, value: Uint8Array.of(0, 1, 0, 128) }],
  });
});

test('of two graceful restart capabilities the last counts (RFC 4724 §3)', () => {
  expect(withCapabilities('40 02 8078', '40 0a 0005 00010180 00020100').gracefulRestart).toEqual({
    restarted: false, notification: false, restartTimeSeconds: 5,
    families: [{ family: 'ipv4', forwardingPreserved: true }, { family: 'ipv6', forwardingPreserved: false }],
  });
});

test('unknown capabilities are kept, repetitions of the same value once', () => {
  expect(withCapabilities('49 00', 'c8 02 0102', 'c8 02 0102', 'c8 02 0103').unknown).toEqual([
    { code: 73, value: new Uint8Array(0) }, { code: 200, value: Uint8Array.of(1, 2) }, { code: 200, value: Uint8Array.of(1, 3) },
  ]);
});

test('many parameters with one capability each are as good as one with all', () => {
  expect(read(`${FIXED} 10 02 06 01 04 00020001 02 02 02 00 02 02 47 00`).capabilities)
    .toEqual(withCapabilities('01 04 00020001', '02 00', '47 00'));
});

test.each([
  ['multiprotocol of 3 bytes', '07 02 05 01 03 000100'], ['4-octet AS of 5 bytes', '09 02 07 41 05 0000fdea00'],
  ['graceful restart of 3 bytes', '07 02 05 40 03 000100'], ['half a capability', '03 02 01 02'], ['half a parameter', '01 02'],
])('%s is malformed', (_what, parameters) => {
  expect(codeOf(`${FIXED} ${parameters}`)).toBe('2/0');
});

test('extended optional parameters are read, their lengths checked (RFC 9072)', () => {
  const long = `c8 ff ${'ab'.repeat(255)}`;
  const { capabilities } = read(`${FIXED} ff ff 0106 02 0103 ${long} 02 00`);
  expect(capabilities.unknown.map((u) => [u.code, u.value.length])).toEqual([[200, 255]]);
  expect(capabilities.routeRefresh).toBe(true);
  expect(codeOf(`${FIXED} ff ff 0005 02 0002 4700`)).toBe('accepted');
  expect(codeOf(`${FIXED} ff ff 0006 02 0002 4700`)).toBe('2/0');
  expect(codeOf(`${FIXED} ff ff 0002 02 00`)).toBe('2/0');
  expect(codeOf(`${FIXED} ff ff 0005 02 0003 4700`)).toBe('2/0');
});

test('what is written reads the same', () => {
  const open: OpenMessage = {
    type: 'open', version: 4, asn: 4200000001, holdTimeSeconds: 0, routerId: 0xffffffff,
    capabilities: {
      families: ['ipv6', 'ipv4'], fourOctetAs: true, routeRefresh: true, enhancedRouteRefresh: true, extendedMessages: true, extendedNextHop: true,
      addPath: [{ family: 'ipv4', send: true, receive: true }, { family: 'ipv6', send: false, receive: true }], role: 'customer',
      gracefulRestart: { restarted: true, notification: true, restartTimeSeconds: 4095, families: [{ family: 'ipv6', forwardingPreserved: true }] },
      longLived: [{ family: 'ipv4', forwardingPreserved: true, staleSeconds: 0xffffff }, { family: 'ipv6', forwardingPreserved: false, staleSeconds: 1 }],
      unknown: [{ code: 200, value: Uint8Array.of(9) }],
    },
  };
  const w = new ByteWriter();
  writeOpen(w, open);
  expect(hexFromBytes(w.finish().subarray(1, 3))).toBe('5ba0');
  expect(readOpen(new ByteReader(w.finish()))).toEqual(open);
});

test('an OPEN without capabilities has no optional parameter', () => {
  const w = new ByteWriter();
  writeOpen(w, { ...read(`${FIXED} 00`) });
  expect(hexFromBytes(w.finish())).toBe(hexFromBytes(bytesFromHex(`${FIXED} 00`)));
});

test.each([249, 250, 251])('capabilities that need more than 255 bytes go out with two-octet lengths (RFC 9072 §2): %d', (size) => {
  const unknown = [{ code: 200, value: new Uint8Array(size) }, { code: 201, value: new Uint8Array(0) }];
  const open = { ...read(`${FIXED} 00`), capabilities: capabilitiesWith({ unknown }) };
  const w = new ByteWriter();
  writeOpen(w, open);
  const bytes = w.finish();
  expect(readOpen(new ByteReader(bytes))).toEqual(open);
  expect(hexFromBytes(bytes.subarray(9, 15))).toBe(size < 250 ? 'ff02fdc8f900' : `ffff${(size + 7).toString(16).padStart(4, '0')}0200`);
});

test.each([
  ['extended next hop of another kind', '05 06 000100800002'], ['extended next hop cut short', '05 05 0001000100'], ['extended messages with a value', '06 01 00'],
  ['a role that nobody assigned', '09 01 05'], ['a role of two bytes', '09 02 0000'], ['ADD-PATH both and neither', '45 08 00010103 00020100'],
  ['ADD-PATH 4', '45 04 00010104'], ['ADD-PATH cut short', '45 03 000101'], ['enhanced route refresh with a value', '46 01 00'], ['long-lived cut short', '47 06 000101800000'],
])('%s is not understood, and no reason to refuse', (_what, hex) => {
  const { unknown, ...rest } = withCapabilities(hex);
  expect(rest).toEqual({ ...capabilitiesWith(), unknown: undefined });
  expect(unknown).toHaveLength(1);
});

test('the first word on a family counts, families that we do not speak are passed over', () => {
  expect(withCapabilities('45 10 00010101 00010102 00010402 00020103').addPath)
    .toEqual([{ family: 'ipv4', send: false, receive: true }, { family: 'ipv6', send: true, receive: true }]);
  expect(withCapabilities('47 15 00010180 00000a 00010100 00000b 00010480 00000c').longLived).toEqual([{ family: 'ipv4', forwardingPreserved: true, staleSeconds: 10 }]);
  expect(withCapabilities('05 0c 000100040002 000100010002').extendedNextHop).toBe(true);
});

test('one role may come twice, two roles may not (RFC 9234 §4.2)', () => {
  expect(withCapabilities('09 01 03', '09 01 03').role).toBe('customer');
  expect(codeOf(`${FIXED} 08 02 06 090103 090100`)).toBe('2/11');
});
