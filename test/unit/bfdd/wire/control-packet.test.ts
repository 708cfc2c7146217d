/** The control packet: what it says, and each rule by which one is not taken (RFC 5880 §6.8.6). */
import { expect, test } from '@jest/globals';
import { STATES, diagnosticText } from '../../../../bfdd/wire/constants.ts';
import { readControlPacket, writeControlPacket, type ControlPacket } from '../../../../bfdd/wire/control-packet.ts';
import { Seeded } from '../../../support/seeded.ts';

const PACKET: ControlPacket = {
  diagnostic: 7, state: 'Init', poll: true, final: false, controlPlaneIndependent: true, demand: false, multiplier: 3,
  myDiscriminator: 0x8000_0001, yourDiscriminator: 2, desiredTxUs: 1_000_000, requiredRxUs: 300_000, requiredEchoRxUs: 50_000,
};
const bytesOf = (...changes: readonly (readonly [at: number, value: number])[]): Uint8Array => {
  const bytes = writeControlPacket(PACKET);
  for (const [at, value] of changes) bytes[at] = value;
  return bytes;
};

/** From BIRD 2.0.12 and FRR 8.4.4, 300 ms × 3, as tcpdump took them from the link. */
const CAPTURED: readonly (readonly [string, string, Partial<ControlPacket>])[] = [
  ['BIRD, nobody heard', '204003188d8618eb00000000000f4240000493e000000000', { state: 'Down', myDiscriminator: 0x8d8618eb, yourDiscriminator: 0, desiredTxUs: 1_000_000, requiredRxUs: 300_000 }],
  ['BIRD, Init', '208003188d8618eba78f82c8000f4240000493e000000000', { state: 'Init', yourDiscriminator: 0xa78f82c8, poll: false, final: false }],
  ['BIRD, final', '20d003188d8618eba78f82c8000493e0000493e000000000', { state: 'Up', poll: false, final: true, desiredTxUs: 300_000 }],
  ['BIRD, poll', '20e003188d8618eba78f82c8000493e0000493e000000000', { state: 'Up', poll: true, final: false, multiplier: 3, controlPlaneIndependent: false, demand: false }],
  ['FRR, Init', '208003184fb183cd9062f969000f4240000f42400000c350', { state: 'Init', requiredRxUs: 1_000_000, requiredEchoRxUs: 50_000 }],
  ['FRR, poll', '20e003184fb183cd9062f969000493e0000493e00000c350', { state: 'Up', poll: true, requiredRxUs: 300_000 }],
  ['FRR, Up', '20c003184fb183cd9062f969000493e0000493e00000c350', { state: 'Up', poll: false, diagnostic: 0 }],
];

test('what is written is read again', () => {
  expect(Buffer.from(bytesOf()).toString('hex')).toBe('27a80318' + '80000001' + '00000002' + '000f4240' + '000493e0' + '0000c350');
  expect(readControlPacket(bytesOf())).toEqual(PACKET);
  for (const state of STATES) {
    for (const flag of ['poll', 'final', 'controlPlaneIndependent', 'demand'] as const) {
      const packet = { ...PACKET, poll: false, controlPlaneIndependent: false, state, [flag]: true };
      expect(readControlPacket(writeControlPacket(packet))).toEqual(packet);
    }
  }
});

test.each(CAPTURED)('%s', (_name, hex, expected) => { 
  const packet = readControlPacket(Buffer.from(hex, 'hex'));
  expect(packet).toMatchObject(expected);
  expect(Buffer.from(writeControlPacket(packet as ControlPacket)).toString('hex')).toBe(hex);
});

test.each([
  ['short', bytesOf().subarray(0, 23)], ['short', new Uint8Array()],
  ['version', bytesOf([0, 0x47])], ['version', bytesOf([0, 0x07])],
  ['length', bytesOf([3, 23])], ['length', bytesOf([3, 25])], ['length', bytesOf([1, 0xac], [3, 24])],
  ['multiplier', bytesOf([2, 0])],
  ['multipoint', bytesOf([1, 0xa9])],
  ['my discriminator', bytesOf([4, 0], [7, 0])],
  ['your discriminator', bytesOf([11, 0])], ['your discriminator', bytesOf([1, 0xc8], [11, 0])],
] as const)('%s: not taken', (why, bytes) => { expect(readControlPacket(bytes)).toBe(why); });

test('with an authentication section, which no session of ours uses: not taken', () => {
  const bytes = Buffer.concat([bytesOf([1, 0xac], [3, 28]), Buffer.from([1, 4, 1, 0x41])]);
  expect(readControlPacket(bytes)).toBe('authentication');
});

test('without our discriminator, in Down or AdminDown: taken', () => {
  for (const second of [0x08, 0x48]) expect(readControlPacket(bytesOf([1, second], [11, 0]))).toMatchObject({ yourDiscriminator: 0 });
});

test('octets behind its own length are ignored', () => { expect(readControlPacket(Buffer.concat([bytesOf(), Buffer.alloc(40, 0xff)]))).toEqual(PACKET); });

test('whatever comes, it is a packet that could be written again, or a reason', () => {
  const random = new Seeded(5880);
  const valid = bytesOf();
  for (let i = 0; i < 5_000; i++) {
    const bytes = Uint8Array.from({ length: 20 + random.below(12) }, (_, at) => (at < 24 && random.below(10) > 0 ? valid[at]! : random.below(256)));
    const read = readControlPacket(bytes);
    if (typeof read !== 'string') expect(readControlPacket(writeControlPacket(read))).toEqual(read);
  }
});

test('diagnostics in words', () => { expect([diagnosticText(1), diagnosticText(31)]).toEqual(['control detection time expired', 'diagnostic 31']); });
