/**
 * Every file in `wire/` is one message: a title that says where it comes from, `context`, `canonical`, annotated hex, `expect`.
 * Decoded, it must read as expected; encoded again, it must be the same bytes where it says so, and mean the same otherwise.
 * `UPDATE_GOLDEN=1` rewrites what is expected: review the difference.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { decodeMessage, encodeMessage } from '../../bgpd/wire/codec.ts';
import { EXTENDED_MESSAGE_LENGTH, MAX_MESSAGE_LENGTH } from '../../bgpd/wire/constants.ts';
import { wireContext } from '../../bgpd/wire/context.ts';
import { WireError } from '../../bgpd/wire/errors.ts';
import { Framer } from '../../bgpd/wire/framer.ts';
import { AttributeInterner } from '../../bgpd/wire/interner.ts';
import type { Message, WireContext } from '../../bgpd/wire/message.ts';
import { bytesFromHex, hexFromBytes } from '../support/hex.ts';
import { readableError, readableMessage, type Readable } from '../support/wire-text.ts';

interface Golden {
  readonly head: string;
  readonly context: WireContext;
  readonly isCanonical: boolean;
  readonly bytes: Uint8Array;
  readonly expected: Readable;
}

const FOLDER = new URL('./wire/', import.meta.url);

function parse(text: string): Golden {
  const [head = '', expected = ''] = text.split(/^expect$/m);
  const lines = head.split('\n').filter((line) => !line.startsWith('#'));
  const field = (name: string): string => lines.find((line) => line.startsWith(`${name} `))?.slice(name.length + 1) ?? '';
  const hex = lines.filter((line) => !/^(context|canonical) /.test(line)).join('\n');
  return {
    head,
    context: contextFrom(field('context')),
    isCanonical: field('canonical').startsWith('yes'),
    bytes: bytesFromHex(hex),
    expected: (expected.trim() === '' ? {} : JSON.parse(expected)) as Readable,
  };
}

/** Words: `four-octet`, `external`, `add-path` (both families, both ways), `extended-next-hop`, `extended-messages`. */
function contextFrom(words: string): WireContext {
  const has = (word: string): boolean => words.split(' ').includes(word);
  const addPath = { ipv4: has('add-path'), ipv6: has('add-path') };
  return wireContext({
    fourOctetAs: has('four-octet'), external: has('external'), addPathIn: addPath, addPathOut: addPath,
    extendedNextHop: has('extended-next-hop'), maximumBytes: has('extended-messages') ? EXTENDED_MESSAGE_LENGTH : MAX_MESSAGE_LENGTH,
  });
}

/** The bytes come in a Buffer, as from a socket, and are gone afterwards: nothing decoded may point into them. */
function decode(bytes: Uint8Array, context: WireContext): Message | WireError {
  const chunk = Buffer.from(bytes);
  try {
    const framer = new Framer();
    framer.maximumBytes = context.maximumBytes;
    const frames = [...framer.frames(chunk)].map((f) => decodeMessage(f.type, f.body, context, new AttributeInterner()));
    if (frames.length !== 1) throw new Error(`${frames.length} messages in one golden file`);
    return frames[0]!;
  } catch (error) {
    if (error instanceof WireError) return error;
    throw error;
  } finally {
    chunk.fill(0xa5);
  }
}

const readable = (m: Message | WireError): Readable => (m instanceof WireError ? readableError(m) : readableMessage(m));

for (const name of readdirSync(FOLDER).filter((f) => f.endsWith('.txt')).sort()) {
  const file = new URL(name, FOLDER);
  const golden = parse(readFileSync(file, 'utf8'));
  const decoded = decode(golden.bytes, golden.context);
  const isClean = !(decoded instanceof WireError) && !(decoded.type === 'update' && decoded.faults.length > 0);

  test(`${name} reads as expected`, () => {
    if (process.env['UPDATE_GOLDEN'] === '1') {
      writeFileSync(file, `${golden.head}expect\n${JSON.stringify(readable(decoded), undefined, 2)}\n`);
      return;
    }
    expect(readable(decoded)).toEqual(golden.expected);
  });

  if (!isClean) continue;
  if (decoded.type === 'route-refresh' && (decoded.family === undefined || decoded.subtype === undefined)) continue;
  test(`${name} survives the way back${golden.isCanonical ? ', byte by byte' : ''}`, () => {
    const again = encodeMessage(decoded, golden.context);
    if (golden.isCanonical) expect(hexFromBytes(again)).toBe(hexFromBytes(golden.bytes));
    expect(readable(decode(again, golden.context))).toEqual(readable(decoded));
  });
}
