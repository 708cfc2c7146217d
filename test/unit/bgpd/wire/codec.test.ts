import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { bitsOf, familyOf, lengthOf, prefixOf, addressOf, type Prefix } from '../../../../lib/ip/prefix.ts';
import { ip, prefix } from '../../../../lib/ip/text.ts';
import { ORIGINATED } from '../../../../bgpd/wire/attribute-changes.ts';
import { decodeMessage, encodeMessage } from '../../../../bgpd/wire/codec.ts';
import { EXTENDED_MESSAGE_LENGTH, MAX_MESSAGE_LENGTH } from '../../../../bgpd/wire/constants.ts';
import { WireError } from '../../../../bgpd/wire/errors.ts';
import { Framer } from '../../../../bgpd/wire/framer.ts';
import { AttributeInterner } from '../../../../bgpd/wire/interner.ts';
import type { Message, UpdateMessage, WireContext } from '../../../../bgpd/wire/message.ts';
import { endOfRib } from '../../../../bgpd/wire/pack.ts';
import { bytesFromHex } from '../../../support/hex.ts';
import { Seeded } from '../../../support/seeded.ts';
import { readableMessage } from '../../../support/wire-text.ts';
import { capabilities, wireContext } from '../../../support/session-builders.ts';

const CONTEXTS: readonly WireContext[] = [true, false].flatMap((fourOctetAs) =>
  [true, false].flatMap((external) => [true, false].map((isNew) => wireContext({
    fourOctetAs, external, addPathIn: { ipv4: isNew, ipv6: isNew }, addPathOut: { ipv4: isNew, ipv6: isNew }, extendedNextHop: isNew,
    maximumBytes: isNew ? EXTENDED_MESSAGE_LENGTH : MAX_MESSAGE_LENGTH,
  }))));
const PLAIN = wireContext({ external: true });
const EMPTY: UpdateMessage = {
  type: 'update', attributes: undefined, withdrawn4: [], announced4: [], withdrawn6: [], announced6: [],
  nextHop4: undefined, nextHop6: undefined, endOfRib: undefined, outcome: 'ok', faults: [],
};

/** Every message of the golden files, as bodies with their type. */
function goldenFrames(): { readonly type: number; readonly body: Uint8Array }[] {
  const folder = new URL('../../../golden/wire/', import.meta.url);
  return readdirSync(folder).flatMap((name) => {
    const lines = readFileSync(new URL(name, folder), 'utf8').split(/^expect$/m)[0]!.split('\n');
    const bytes = bytesFromHex(lines.filter((l) => /^[0-9a-f]{2}/.test(l) && !l.startsWith('canonical')).join('\n'));
    return bytes.length < 19 ? [] : [{ type: bytes[18]!, body: bytes.slice(19) }];
  });
}

/** Decodes; anything but a message or a WireError is a bug. Checks what holds for every message. */
function decoded(type: number, body: Uint8Array, context: WireContext, interner: AttributeInterner): Message | undefined {
  let message: Message;
  try {
    message = decodeMessage(type, body, context, interner);
  } catch (error) {
    if (error instanceof WireError && [1, 2, 3, 7].includes(error.code)) return undefined;
    throw new Error(`type ${type}, body ${Buffer.from(body).toString('hex')}, ${JSON.stringify(context)}`, { cause: error });
  }
  if (message.type === 'update') for (const p of prefixesOf(message)) expectPacked(p);
  return message;
}

const prefixesOf = (u: UpdateMessage): Prefix[] => [...u.announced4, ...u.announced6, ...u.withdrawn4, ...u.withdrawn6];

/** A prefix has a length within its family and no host bits. */
function expectPacked(p: Prefix): void {
  if (lengthOf(p) > bitsOf(familyOf(p)) || prefixOf(addressOf(p), lengthOf(p)) !== p) throw new Error(`badly packed prefix ${p}`);
}

/** A clean message means the same after it was encoded and decoded. */
function expectRoundTrip(message: Message, context: WireContext, interner: AttributeInterner): void {
  if (message.type === 'update' && message.faults.length > 0) return;
  if (message.type === 'route-refresh' && (message.family === undefined || message.subtype === undefined)) return;
  let bytes: Uint8Array;
  try { bytes = encodeMessage(message, context); } catch (error) { if (error instanceof RangeError) return; throw error; }
  const framer = new Framer();
  framer.maximumBytes = context.maximumBytes;
  const [frame] = framer.frames(bytes);
  expect(readableMessage(decodeMessage(frame!.type, frame!.body, context, interner))).toEqual(readableMessage(message));
}

test('random bodies of every type decode or give a WireError', () => {
  const random = new Seeded(20);
  const interner = new AttributeInterner({ idleBytes: 10_000 });
  for (let round = 0; round < 10_000; round++) {
    const body = random.bytes(random.below(random.below(4) === 0 ? 300 : 40));
    if (random.below(2) === 0) for (let i = 0; i < Math.min(4, body.length); i++) body[i] = random.below(8) === 0 ? 1 : 0;
    decoded(random.below(7), body, random.pick(CONTEXTS), interner);
  }
  expect(interner.size).toBeLessThanOrEqual(100);
});

test('mutated golden messages decode or give a WireError, and clean ones survive the way back', () => {
  const random = new Seeded(21);
  const golden = goldenFrames();
  expect(golden.length).toBeGreaterThan(60);
  const interner = new AttributeInterner({ idleBytes: 10_000 });
  for (let round = 0; round < 6_000; round++) {
    const { type, body } = random.pick(golden);
    const context = random.pick(CONTEXTS);
    const message = decoded(type, mutated(body, random), context, interner);
    if (message !== undefined && round % 5 === 0) expectRoundTrip(message, context, interner);
  }
});

/** Overwrites, cuts, repeats or inserts a few bytes. */
function mutated(body: Uint8Array, random: Seeded): Uint8Array {
  let bytes = Array.from(body);
  for (let n = 1 + random.below(3); n > 0; n--) {
    const at = random.below(bytes.length + 1);
    switch (random.below(5)) {
      case 0: bytes = bytes.slice(0, at); break;
      case 1: bytes.splice(at, random.below(4)); break;
      case 2: bytes.splice(at, 0, ...bytes.slice(at, at + random.below(12))); break;
      default: if (at < bytes.length) bytes[at] = random.pick([0, 1, 2, 3, 4, 0x20, 0x21, 0x7f, 0x80, 0xff, random.below(256)]);
    }
  }
  return Uint8Array.from(bytes);
}

test('random bytes through the framer give messages or a WireError', () => {
  const random = new Seeded(22);
  for (let round = 0; round < 1000; round++) {
    const framer = new Framer();
    const bytes = random.bytes(random.below(80));
    if (random.below(3) > 0) bytes.fill(0xff, 0, 16);
    if (random.below(2) > 0 && bytes.length > 17) bytes[16] = 0;
    try {
      for (const f of framer.frames(bytes)) decoded(f.type, f.body, CONTEXTS[0]!, new AttributeInterner());
    } catch (error) {
      expect(error).toBeInstanceOf(WireError);
    }
  }
});

test.each([[1, 9], [2, 3], [3, 1], [2, 4078], [1, 4078], [2, 70_000]])('a body of type %d with %d bytes is a bad length, even without the framer', (type, length) => {
  expect(() => decodeMessage(type, new Uint8Array(length), PLAIN, new AttributeInterner())).toThrow(WireError);
});

test('nothing in an UPDATE points into the buffer it was read from', () => {
  const bytes = Buffer.from(encodeMessage({
    ...EMPTY, announced6: [prefix('2001:db8::/32') as never], nextHop6: { address: ip('2001:db8::1') },
    attributes: { ...ORIGINATED, unknown: [{ flags: 0xe0, code: 99, value: Uint8Array.of(1) }] },
  }, PLAIN));
  const message = decodeMessage(2, bytes.subarray(19), PLAIN, new AttributeInterner());
  const before = readableMessage(message);
  bytes.fill(0xff);
  expect(readableMessage(message)).toEqual(before);
});

test('an UPDATE that announces needs attributes and next hops', () => {
  const announcing4 = { ...EMPTY, announced4: [prefix('10.0.0.0/8') as never], attributes: ORIGINATED };
  expect(() => encodeMessage(announcing4, PLAIN)).toThrow(RangeError);
  expect(() => encodeMessage({ ...announcing4, nextHop4: { address: ip('2001:db8::1') } }, PLAIN)).toThrow(RangeError);
  expect(() => encodeMessage({ ...announcing4, nextHop4: { address: ip('192.0.2.1') }, attributes: undefined }, PLAIN)).toThrow(RangeError);
  expect(() => encodeMessage({ ...EMPTY, announced6: [prefix('::/0') as never], attributes: ORIGINATED }, PLAIN)).toThrow(RangeError);
});

test('a message longer than the session allows is not made, and an OPEN never is over 4,096 bytes', () => {
  const withdrawn4 = Array.from({ length: 1000 }, () => prefix('10.0.0.1/32') as never);
  expect(() => encodeMessage({ ...EMPTY, withdrawn4 }, PLAIN)).toThrow(RangeError);
  expect(encodeMessage({ ...EMPTY, withdrawn4 }, wireContext({ maximumBytes: EXTENDED_MESSAGE_LENGTH }))).toHaveLength(23 + 5000);
  const unknown = Array.from({ length: 20 }, (_, code) => ({ code: 200 + code, value: new Uint8Array(250) }));
  expect(() => encodeMessage({
    type: 'open', version: 4, asn: 65001, holdTimeSeconds: 0, routerId: 1, capabilities: capabilities({ unknown }),
  }, wireContext({ maximumBytes: EXTENDED_MESSAGE_LENGTH }))).toThrow(RangeError);
});

test('the data of a NOTIFICATION is cut to what the session allows', () => {
  const data = new Uint8Array(10_000);
  expect(encodeMessage({ type: 'notification', code: 6, subcode: 0, data }, PLAIN)).toHaveLength(4096);
  expect(encodeMessage({ type: 'notification', code: 6, subcode: 0, data }, wireContext({ maximumBytes: EXTENDED_MESSAGE_LENGTH }))).toHaveLength(10_021);
});

test('IPv4 prefixes with an IPv6 next hop go into MP_REACH_NLRI where that was agreed (RFC 8950 §3)', () => {
  const message = { ...EMPTY, announced4: [prefix('10.0.0.0/8') as never], attributes: ORIGINATED, nextHop4: { address: ip('2001:db8::1'), linkLocal: ip('fe80::1') } };
  const agreed = wireContext({ extendedNextHop: true });
  const bytes = encodeMessage(message, agreed);
  expect(Buffer.from(bytes.subarray(23, 32)).toString('hex')).toBe('800e27000101202001');
  expect(decodeMessage(2, bytes.subarray(19), agreed, new AttributeInterner())).toMatchObject({ announced4: message.announced4, nextHop4: message.nextHop4 });
  expect(() => decodeMessage(2, bytes.subarray(19), wireContext(), new AttributeInterner())).toThrow(WireError);
});

test('an ADD-PATH session needs an identifier for each prefix', () => {
  const context = wireContext({ addPathIn: { ipv4: true, ipv6: false }, addPathOut: { ipv4: true, ipv6: false } });
  const message = { ...EMPTY, withdrawn4: [prefix('10.0.0.0/8') as never] };
  expect(() => encodeMessage(message, context)).toThrow(RangeError);
  const bytes = encodeMessage({ ...message, withdrawnIds4: [0xfffffffe] }, context);
  expect(decodeMessage(2, bytes.subarray(19), context, new AttributeInterner())).toMatchObject({ withdrawn4: message.withdrawn4, withdrawnIds4: [0xfffffffe] });
});

test('End-of-RIB is written as a whole message in both forms', () => {
  for (const family of ['ipv4', 'ipv6'] as const) {
    expect(encodeMessage({ ...EMPTY, endOfRib: family }, PLAIN)).toEqual(endOfRib(family));
  }
});

test('IPv4 prefixes in the classic field and in MP_REACH_NLRI must have one next hop', () => {
  const both = (mpNextHop: string): Message => decodeMessage(2, bytesFromHex(
    `0000 001f 80 0e 0b 000101 04 ${mpNextHop} 00 08 0b 40 01 01 00 40 02 00 40 03 04 c0000201 40 06 00 08 0a`,
  ), PLAIN, new AttributeInterner());
  expect(both('c0000201')).toMatchObject({ outcome: 'ok', announced4: [prefix('10.0.0.0/8'), prefix('11.0.0.0/8')] });
  expect(both('c0000202')).toMatchObject({ outcome: 'withdraw', faults: ['IPv4 prefixes with two different next hops (treated as withdraw)'] });
});
