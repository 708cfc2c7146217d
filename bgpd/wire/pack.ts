/** Packs many prefixes of one attribute set into as few messages as they need (RFC 4271 §4.3; size: RFC 8654). */
import type { Family, Prefix } from '../../lib/ip/prefix.ts';
import { writeAttributeBlock } from './attribute-block.ts';
import { ATTRIBUTE, ATTRIBUTE_FLAG, HEADER_LENGTH, MARKER_LENGTH, MESSAGE_TYPE } from './constants.ts';
import type { NextHop, PathAttributes, WireContext } from './message.ts';
import { mpReachHead, mpUnreachHead } from './mp-nlri.ts';
import { nlriSize, writeNlri } from './nlri.ts';
import { PATH_ID_SIZE, writePaths } from './path-nlri.ts';

export interface Withdrawal {
  readonly family: Family;
  /** All of `family`; none: no message. */
  readonly prefixes: readonly Prefix[];
  /** Path identifiers, one for each prefix: needed where `context.addPathOut` says so, and not looked at elsewhere. */
  readonly ids?: readonly number[];
  readonly context: WireContext;
}

export interface Announcement extends Withdrawal {
  readonly attributes: PathAttributes;
  /** Of the same family as the prefixes, or IPv6 for IPv4 prefixes where `context.extendedNextHop` was agreed. */
  readonly nextHop: NextHop;
}

/** Both length fields of an UPDATE, empty. */
const EMPTY_LENGTHS = 4;
/** Flags, code and a length of two octets; of one when the value has at most 255 bytes (RFC 4271 §4.3). */
const LONG_HEADER = 4;
const mpLength = (valueLength: number): number => (valueLength > 0xff ? LONG_HEADER : LONG_HEADER - 1) + valueLength;

/** What all messages of one announcement share. */
interface Frame {
  /** Attributes without the MP ones. */
  readonly shared: Uint8Array;
  /** Start of MP_REACH_NLRI's value; undefined: the prefixes go into the classic field. */
  readonly head: Uint8Array | undefined;
  /** Bytes for prefixes in one message. */
  readonly room: number;
  /** Why not even one prefix can be sent. */
  readonly obstacle: string | undefined;
}

function frameFor({ family, attributes, nextHop, context }: Omit<Announcement, 'prefixes' | 'ids'>): Frame {
  const isClassic = family === 'ipv4' && typeof nextHop.address === 'number';
  const shared = writeAttributeBlock(attributes, context, isClassic ? nextHop.address : undefined);
  const head = isClassic ? undefined : mpReachHead(family, nextHop);
  const room = context.maximumBytes - HEADER_LENGTH - EMPTY_LENGTHS - shared.length - (head === undefined ? 0 : LONG_HEADER + head.length);
  const longest = (family === 'ipv4' ? 5 : 17) + (context.addPathOut[family] ? PATH_ID_SIZE : 0);
  return { shared, head, room, obstacle: obstacleIn(family, nextHop, shared.length, context, room < longest) };
}

function obstacleIn(family: Family, nextHop: NextHop, length: number, context: WireContext, isTooLong: boolean): string | undefined {
  if (isTooLong) return `${length} bytes of attributes do not fit into a message of ${context.maximumBytes} bytes`;
  if (family === 'ipv4' && typeof nextHop.address === 'bigint' && !context.extendedNextHop) {
    return 'an IPv4 route has an IPv6 next hop, which the session does not allow (RFC 8950)';
  }
  return undefined;
}

/** Why a route cannot be sent in this session whatever its prefix, for people; undefined: it can. */
export const obstacleTo = (route: Omit<Announcement, 'prefixes' | 'ids'>): string | undefined => frameFor(route).obstacle;

/**
 * Whole messages, headers included, that announce `prefixes`. What cannot be sent at all (`obstacleTo`) must not leave the peer
 * with an older route either: the messages withdraw instead (RFC 8654 §5's rule).
 */
export function packUpdates(announcement: Announcement): Uint8Array[] {
  const { shared, head, room, obstacle } = frameFor(announcement);
  if (obstacle !== undefined) return packWithdrawals(announcement);
  const fixed = HEADER_LENGTH + EMPTY_LENGTHS + shared.length;
  const list = listOf(announcement);
  return filled(list, room, (from, to, size) => {
    const mpSize = head === undefined ? 0 : mpLength(head.length + size);
    const bytes = newUpdate(fixed + (head === undefined ? size : mpSize));
    put16(bytes, HEADER_LENGTH + 2, shared.length + mpSize);
    let at = HEADER_LENGTH + EMPTY_LENGTHS;
    if (head !== undefined) at = putMp(bytes, at, ATTRIBUTE.mpReach, head, list, from, to, size);
    bytes.set(shared, at);
    if (head === undefined) list.write(bytes, at + shared.length, from, to);
    return bytes;
  });
}

/** Whole messages, headers included, that withdraw `prefixes`. */
export function packWithdrawals(withdrawal: Withdrawal): Uint8Array[] {
  const { family, context } = withdrawal;
  const head = family === 'ipv4' ? undefined : mpUnreachHead(family);
  const fixed = HEADER_LENGTH + EMPTY_LENGTHS;
  const room = context.maximumBytes - fixed - (head === undefined ? 0 : LONG_HEADER + head.length);
  const list = listOf(withdrawal);
  return filled(list, room, (from, to, size) => {
    const mpSize = head === undefined ? 0 : mpLength(head.length + size);
    const bytes = newUpdate(fixed + (head === undefined ? size : mpSize));
    if (head === undefined) {
      put16(bytes, HEADER_LENGTH, size);
      list.write(bytes, HEADER_LENGTH + 2, from, to);
    } else {
      put16(bytes, HEADER_LENGTH + 2, mpSize);
      putMp(bytes, HEADER_LENGTH + EMPTY_LENGTHS, ATTRIBUTE.mpUnreach, head, list, from, to, size);
    }
    return bytes;
  });
}

/** Prefixes as they are to stand in a message, with or without path identifiers. */
interface List {
  readonly prefixes: readonly Prefix[];
  /** Bytes of each prefix beside its own. */
  readonly idSize: number;
  readonly write: (bytes: Uint8Array, at: number, from: number, to: number) => number;
}

function listOf({ family, prefixes, ids, context }: Withdrawal): List {
  if (!context.addPathOut[family]) {
    return { prefixes, idSize: 0, write: (bytes, at, from, to) => writeNlri(bytes, at, prefixes, from, to) };
  }
  if (ids?.length !== prefixes.length) throw new RangeError(`${ids?.length ?? 0} path identifiers for ${prefixes.length} prefixes`);
  return { prefixes, idSize: PATH_ID_SIZE, write: (bytes, at, from, to) => writePaths(bytes, at, prefixes, ids, from, to) };
}

const NO_LIST: List = { prefixes: [], idSize: 0, write: (_bytes, at) => at };

/** The End-of-RIB marker of a family (RFC 4724 §2), header included. */
export function endOfRib(family: Family): Uint8Array {
  if (family === 'ipv4') return newUpdate(HEADER_LENGTH + EMPTY_LENGTHS);
  const head = mpUnreachHead(family);
  const size = mpLength(head.length);
  const bytes = newUpdate(HEADER_LENGTH + EMPTY_LENGTHS + size);
  put16(bytes, HEADER_LENGTH + 2, size);
  putMp(bytes, HEADER_LENGTH + EMPTY_LENGTHS, ATTRIBUTE.mpUnreach, head, NO_LIST, 0, 0, 0);
  return bytes;
}

/** Cuts `prefixes` into runs of at most `room` bytes, and makes a message of each. */
function filled({ prefixes, idSize }: List, room: number, message: (from: number, to: number, size: number) => Uint8Array): Uint8Array[] {
  const messages: Uint8Array[] = [];
  let from = 0;
  let size = 0;
  for (let i = 0; i < prefixes.length; i++) {
    const more = nlriSize(prefixes[i]!) + idSize;
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
  bytes: Uint8Array, at: number, code: number, head: Uint8Array, list: List, from: number, to: number, size: number,
): number {
  const length = head.length + size;
  bytes[at] = length > 0xff ? ATTRIBUTE_FLAG.optional | ATTRIBUTE_FLAG.extendedLength : ATTRIBUTE_FLAG.optional;
  bytes[at + 1] = code;
  if (length > 0xff) put16(bytes, at + 2, length);
  else bytes[at + 2] = length;
  const valueAt = at + mpLength(length) - length;
  bytes.set(head, valueAt);
  return list.write(bytes, valueAt + head.length, from, to);
}

function put16(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 8;
  bytes[at + 1] = value;
}
