/** Packs many prefixes of one attribute set into as few messages as they need (RFC 4271 §4.3, 4,096 bytes each). */
import type { Family, Ipv4, Prefix } from '../../lib/ip/prefix.ts';
import { writeAttributeBlock } from './attribute-block.ts';
import { ATTRIBUTE, ATTRIBUTE_FLAG, HEADER_LENGTH, MARKER_LENGTH, MAX_MESSAGE_LENGTH, MESSAGE_TYPE } from './constants.ts';
import type { NextHop, PathAttributes, WireContext } from './message.ts';
import { mpReachHead, mpUnreachHead } from './mp-nlri.ts';
import { nlriSize, writeNlri } from './nlri.ts';

export interface Announcement {
  readonly family: Family;
  readonly attributes: PathAttributes;
  /** Of the same family as the prefixes. */
  readonly nextHop: NextHop;
  /** All of `family`; none: no message. */
  readonly prefixes: readonly Prefix[];
  readonly context: WireContext;
}

/** Both length fields of an UPDATE, empty. */
const EMPTY_LENGTHS = 4;
/** Flags, code and a length of two octets; of one when the value has at most 255 bytes (RFC 4271 §4.3). */
const LONG_HEADER = 4;
const mpLength = (valueLength: number): number => (valueLength > 0xff ? LONG_HEADER : LONG_HEADER - 1) + valueLength;
const NO_BYTES = new Uint8Array(0);

/**
 * Whole messages, headers included, that announce `prefixes`. Attributes that leave no room for a prefix in one message cannot
 * be sent at all: the peer must not keep an older route either, so that the messages withdraw instead (RFC 8654 §4's rule).
 */
export function packUpdates({ family, attributes, nextHop, prefixes, context }: Announcement): Uint8Array[] {
  const isClassic = family === 'ipv4';
  const shared = writeAttributeBlock(attributes, context, isClassic ? nextHop.address as Ipv4 : undefined);
  const head = isClassic ? NO_BYTES : mpReachHead(family, nextHop);
  const fixed = HEADER_LENGTH + EMPTY_LENGTHS + shared.length;
  const room = MAX_MESSAGE_LENGTH - fixed - (isClassic ? 0 : LONG_HEADER + head.length);
  if (room < (isClassic ? 5 : 17)) return packWithdrawals({ family, prefixes, context });
  return filled(prefixes, room, (from, to, size) => {
    const mpSize = isClassic ? 0 : mpLength(head.length + size);
    const bytes = newUpdate(fixed + (isClassic ? size : mpSize));
    put16(bytes, HEADER_LENGTH + 2, shared.length + mpSize);
    let at = HEADER_LENGTH + EMPTY_LENGTHS;
    if (!isClassic) at = putMp(bytes, at, ATTRIBUTE.mpReach, head, prefixes, from, to, size);
    bytes.set(shared, at);
    if (isClassic) writeNlri(bytes, at + shared.length, prefixes, from, to);
    return bytes;
  });
}

/** Whole messages, headers included, that withdraw `prefixes`. */
export function packWithdrawals(
  { family, prefixes }: { readonly family: Family; readonly prefixes: readonly Prefix[]; readonly context: WireContext },
): Uint8Array[] {
  const isClassic = family === 'ipv4';
  const head = isClassic ? NO_BYTES : mpUnreachHead(family);
  const fixed = HEADER_LENGTH + EMPTY_LENGTHS;
  const room = MAX_MESSAGE_LENGTH - fixed - (isClassic ? 0 : LONG_HEADER + head.length);
  return filled(prefixes, room, (from, to, size) => {
    const mpSize = isClassic ? 0 : mpLength(head.length + size);
    const bytes = newUpdate(fixed + (isClassic ? size : mpSize));
    if (isClassic) {
      put16(bytes, HEADER_LENGTH, size);
      writeNlri(bytes, HEADER_LENGTH + 2, prefixes, from, to);
    } else {
      put16(bytes, HEADER_LENGTH + 2, mpSize);
      putMp(bytes, HEADER_LENGTH + EMPTY_LENGTHS, ATTRIBUTE.mpUnreach, head, prefixes, from, to, size);
    }
    return bytes;
  });
}

/** The End-of-RIB marker of a family (RFC 4724 §2), header included. */
export function endOfRib(family: Family): Uint8Array {
  if (family === 'ipv4') return newUpdate(HEADER_LENGTH + EMPTY_LENGTHS);
  const head = mpUnreachHead(family);
  const size = mpLength(head.length);
  const bytes = newUpdate(HEADER_LENGTH + EMPTY_LENGTHS + size);
  put16(bytes, HEADER_LENGTH + 2, size);
  putMp(bytes, HEADER_LENGTH + EMPTY_LENGTHS, ATTRIBUTE.mpUnreach, head, [], 0, 0, 0);
  return bytes;
}

/** Cuts `prefixes` into runs of at most `room` bytes, and makes a message of each. */
function filled(prefixes: readonly Prefix[], room: number, message: (from: number, to: number, size: number) => Uint8Array): Uint8Array[] {
  const messages: Uint8Array[] = [];
  let from = 0;
  let size = 0;
  for (let i = 0; i < prefixes.length; i++) {
    const more = nlriSize(prefixes[i]!);
    if (size + more > room) {
      messages.push(message(from, i, size));
      from = i;
      size = 0;
    }
    size += more;
  }
  if (size > 0) messages.push(message(from, prefixes.length, size));
  return messages;
}

/** An UPDATE of `length` bytes whose header is written and whose rest is zero. */
function newUpdate(length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  bytes.fill(0xff, 0, MARKER_LENGTH);
  put16(bytes, MARKER_LENGTH, length);
  bytes[MARKER_LENGTH + 2] = MESSAGE_TYPE.update;
  return bytes;
}

function putMp(
  bytes: Uint8Array, at: number, code: number, head: Uint8Array, prefixes: readonly Prefix[], from: number, to: number, size: number,
): number {
  const length = head.length + size;
  bytes[at] = length > 0xff ? ATTRIBUTE_FLAG.optional | ATTRIBUTE_FLAG.extendedLength : ATTRIBUTE_FLAG.optional;
  bytes[at + 1] = code;
  if (length > 0xff) put16(bytes, at + 2, length);
  else bytes[at + 2] = length;
  const valueAt = at + mpLength(length) - length;
  bytes.set(head, valueAt);
  return writeNlri(bytes, valueAt + head.length, prefixes, from, to);
}

function put16(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 8;
  bytes[at + 1] = value;
}
