import { expect, test } from '@jest/globals';
import { encodeMessage } from '../../../../bgpd/wire/codec.ts';
import { ERROR, HEADER_ERROR, MESSAGE_TYPE } from '../../../../bgpd/wire/constants.ts';
import { WireError } from '../../../../bgpd/wire/errors.ts';
import { Framer } from '../../../../bgpd/wire/framer.ts';
import { endOfRib } from '../../../../bgpd/wire/pack.ts';
import { hexFromBytes } from '../../../support/hex.ts';
import { Seeded } from '../../../support/seeded.ts';
import { wireContext } from '../../../support/session-builders.ts';

const CONTEXT = wireContext({ external: true });
const NOTIFICATION = encodeMessage({ type: 'notification', code: 6, subcode: 2, data: Uint8Array.of(1, 2, 3) }, CONTEXT);
const LONGEST = encodeMessage({ type: 'notification', code: 6, subcode: 0, data: new Uint8Array(4096 - 21).fill(7) }, CONTEXT);
const MESSAGES = [encodeMessage({ type: 'keepalive' }, CONTEXT), NOTIFICATION, endOfRib('ipv4'), LONGEST, endOfRib('ipv6')];
const STREAM = Uint8Array.from(MESSAGES.flatMap((m) => [...m]));

const shown = (framer: Framer, chunk: Uint8Array): string[] =>
  Array.from(framer.frames(chunk), (f) => `${f.type} ${hexFromBytes(f.body)}`);
const EXPECTED = MESSAGES.map((m) => `${m[18]!} ${hexFromBytes(m.subarray(19))}`);

function errorOf(bytes: Uint8Array): WireError {
  try { shown(new Framer(), bytes); } catch (error) { if (error instanceof WireError) return error; throw error; }
  throw new Error('no error');
}

function header(length: number, type: number): Uint8Array {
  const bytes = new Uint8Array(19).fill(0xff);
  bytes.set([length >>> 8, length, type], 16);
  return bytes;
}

test('messages come out whole when the stream is cut anywhere once', () => {
  const isNearAnEnd = (cut: number): boolean => cut < 100 || cut > STREAM.length - 100;
  for (let cut = 0; cut <= STREAM.length; cut += isNearAnEnd(cut) ? 1 : 50) {
    const framer = new Framer();
    expect([...shown(framer, STREAM.subarray(0, cut)), ...shown(framer, STREAM.subarray(cut))]).toEqual(EXPECTED);
    expect(framer.pending).toBe(0);
  }
});

test('messages come out whole when the stream comes byte by byte, or in random chunks', () => {
  const random = new Seeded(1);
  for (const largest of [1, 5, 40, 5000]) {
    const framer = new Framer();
    const found: string[] = [];
    for (let at = 0; at < STREAM.length;) {
      const size = 1 + random.below(largest);
      found.push(...shown(framer, STREAM.slice(at, at + size)));
      at += size;
    }
    expect(found).toEqual(EXPECTED);
  }
});

test('a message that is whole in its chunk is not copied', () => {
  const [frame] = new Framer().frames(NOTIFICATION);
  expect(frame?.body.buffer).toBe(NOTIFICATION.buffer);
});

test('a split message outlives the chunk that its beginning came in', () => {
  const framer = new Framer();
  const chunk = NOTIFICATION.slice(0, 20);
  expect(shown(framer, chunk)).toEqual([]);
  chunk.fill(0);
  expect(shown(framer, NOTIFICATION.subarray(20))).toEqual([EXPECTED[1]]);
});

test('the messages before a broken header come out, then the error', () => {
  const framer = new Framer();
  const frames = framer.frames(Uint8Array.from([...MESSAGES[0]!, ...header(19, 9)]));
  expect(frames.next().value).toMatchObject({ type: MESSAGE_TYPE.keepalive });
  expect(() => frames.next()).toThrow(WireError);
});

test('a broken header is an error before its body has come', () => {
  expect(errorOf(header(5000, MESSAGE_TYPE.update))).toMatchObject({ code: ERROR.header, subcode: HEADER_ERROR.badLength });
});

test.each([
  ['OPEN', 1, 28], ['UPDATE', 2, 22], ['NOTIFICATION', 3, 20], ['KEEPALIVE', 4, 18], ['KEEPALIVE', 4, 20],
  ['UPDATE', 2, 0], ['UPDATE', 2, 4097],
])('%s (type %d) of length %d is refused with the length as data', (_name, type, length) => {
  const error = errorOf(header(length, type));
  expect([error.code, error.subcode, hexFromBytes(error.data)]).toEqual([1, 2, length.toString(16).padStart(4, '0')]);
});

test.each([[1, 29], [2, 23], [3, 21], [4, 19], [5, 23], [5, 22], [5, 24], [2, 4096]])('type %d of length %d is waited for or accepted', (type, length) => {
  const whole = new Uint8Array(length);
  whole.set(header(length, type));
  expect(shown(new Framer(), whole)).toHaveLength(1);
});

test('extended messages are taken once they are agreed, whole or in pieces, but not as OPEN or KEEPALIVE (RFC 8654 §4)', () => {
  const framer = new Framer();
  const long = new Uint8Array(65_535);
  long.set(header(long.length, MESSAGE_TYPE.update));
  expect(shown(framer, NOTIFICATION.subarray(0, 20))).toEqual([]);
  framer.maximumBytes = 65_535;
  expect(shown(framer, NOTIFICATION.subarray(20))).toEqual([EXPECTED[1]]);
  expect(Array.from(framer.frames(long), (f) => f.body.length)).toEqual([65_516]);
  for (let at = 0; at < long.length; at += 1000) {
    expect(Array.from(framer.frames(long.subarray(at, at + 1000)), (f) => f.body.length)).toEqual(at === 65_000 ? [65_516] : []);
  }
  expect(() => shown(framer, header(4097, MESSAGE_TYPE.open))).toThrow(WireError);
  const other = new Framer();
  other.maximumBytes = 65_535;
  expect(() => shown(other, header(4097, MESSAGE_TYPE.keepalive))).toThrow(WireError);
});

test('an unknown type is refused with the type as data, a bad marker without data', () => {
  expect(errorOf(header(19, 200))).toMatchObject({ code: 1, subcode: 3, data: Uint8Array.of(200) });
  for (let i = 0; i < 16; i++) {
    const bytes = header(19, 4);
    bytes[i] = 0xfe;
    expect(errorOf(bytes)).toMatchObject({ code: 1, subcode: 1, data: new Uint8Array(0) });
  }
});
