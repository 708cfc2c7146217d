/** Makes wrong messages out of right ones: some by octets, some by parts, so that lengths still agree and faults lie deep. */
import { ATTRIBUTE, MESSAGE_TYPE } from '../../bgpd/wire/constants.ts';
import type { Seeded } from '../support/seeded.ts';
import type { Seed } from './seeds.ts';

/** Octets at which readers turn. */
const INTERESTING = [0, 1, 2, 3, 4, 7, 8, 15, 16, 24, 31, 32, 33, 64, 127, 128, 129, 254, 255];
const CODES = [...Object.values(ATTRIBUTE), 11, 19, 24, 26, 29, 33, 128, 255];
const FLAGS = [0x40, 0x80, 0xc0, 0x50, 0x90, 0xd0, 0xe0, 0x00, 0xff];

/** The three parts of an UPDATE; attributes as whole TLVs. */
interface Parts { readonly withdrawn: Uint8Array; readonly attributes: Uint8Array[]; readonly nlri: Uint8Array }

/** One or several changes to one of `pool`; at most `maximum` octets long. */
export function mutated(random: Seeded, pool: readonly Seed[], maximum: number): Seed {
  let { type, body } = random.pick(pool);
  const rounds = 1 + random.below(3);
  for (let i = 0; i < rounds; i++) {
    const parts = type === MESSAGE_TYPE.update && random.below(4) > 0 ? partsOf(body) : undefined;
    body = parts === undefined ? byOctets(random, body, pool) : joined(byParts(random, parts, pool, maximum));
  }
  if (random.below(64) === 0) type = random.below(8);
  return { type, body: body.length > maximum ? body.slice(0, maximum) : body };
}

function byOctets(random: Seeded, body: Uint8Array, pool: readonly Seed[]): Uint8Array {
  const at = random.below(body.length + 1);
  const copy = body.slice();
  switch (random.below(7)) {
    case 0: if (at < copy.length) copy[at]! ^= 1 << random.below(8); return copy;
    case 1: if (at < copy.length) copy[at] = random.pick(INTERESTING); return copy;
    case 2: if (at < copy.length) copy[at] = random.below(256); return copy;
    case 3: return copy.slice(0, at);
    case 4: return spliced(body, at, at, random.bytes(1 + random.below(8)));
    case 5: return spliced(body, at, Math.min(body.length, at + 1 + random.below(8)), new Uint8Array(0));
    default: {
      const other = random.pick(pool).body;
      return spliced(body, at, body.length, other.slice(random.below(other.length + 1)));
    }
  }
}

function byParts(random: Seeded, { withdrawn, attributes, nlri }: Parts, pool: readonly Seed[], maximum: number): Parts {
  const at = random.below(attributes.length + 1);
  const list = attributes.slice();
  switch (random.below(10)) {
    case 0: list.splice(at, 0, random.pick(attributes.length > 0 ? attributes : [new Uint8Array([0x40, 1, 1, 0])])); break;
    case 1: list.splice(at, 1); break;
    case 2: list.splice(at, 0, tlv(random.pick(FLAGS), random.pick(CODES), random.bytes(random.below(24)))); break;
    case 3: {
      const donor = partsOf(random.pick(pool).body);
      if (donor !== undefined && donor.attributes.length > 0) list.splice(at, random.below(2), random.pick(donor.attributes));
      break;
    }
    case 4: if (at < list.length) list[at] = byOctets(random, list[at]!, pool); break;
    case 5: if (at < list.length) list[at] = revalued(random, list[at]!); break;
    case 6: list.splice(at, 0, random.below(8) === 0 ? long(random, maximum) : tlv(0xc0, random.pick(CODES), random.bytes(4 * random.below(7)))); break;
    case 7: return { withdrawn: prefixes(random, 1 + random.below(4)), attributes: list, nlri };
    case 8: return { withdrawn, attributes: list, nlri: prefixes(random, 1 + random.below(6)) };
    default: return { withdrawn, attributes: list, nlri: byOctets(random, nlri, pool) };
  }
  return { withdrawn, attributes: list, nlri };
}

/** Same flags and code, another value, the length right. */
function revalued(random: Seeded, attribute: Uint8Array): Uint8Array {
  const headLength = (attribute[0]! & 0x10) === 0 ? 3 : 4;
  const value = attribute.slice(headLength);
  for (let i = 1 + random.below(3); i > 0 && value.length > 0; i--) value[random.below(value.length)] = random.pick(INTERESTING);
  const length = random.below(4) === 0 ? random.below(value.length + 5) : value.length;
  const resized = new Uint8Array(length);
  resized.set(value.subarray(0, length));
  return tlv(attribute[0]!, attribute[1]!, resized);
}

/** Lists that are long: an AS path of thousands, communities by the thousand, values near the end of the message. */
function long(random: Seeded, maximum: number): Uint8Array {
  const room = Math.max(0, Math.min(maximum - 64, random.below(4) === 0 ? maximum : 1_024));
  switch (random.below(4)) {
    case 0: {
      const segments = Math.floor(random.below(room + 1) / (2 + 255 * 4));
      const value = new Uint8Array(segments * (2 + 255 * 4));
      for (let i = 0; i < segments; i++) value.set([2, 255], i * (2 + 255 * 4));
      for (let i = 0; i < value.length; i++) if (i % 1_022 > 1 && i % 4 === 3) value[i] = 1 + random.below(255);
      return tlv(0x40, ATTRIBUTE.asPath, value);
    }
    case 1: return tlv(0xc0, ATTRIBUTE.communities, noise(random, 4 * Math.floor(random.below(room + 1) / 4)));
    case 2: return tlv(0xc0, ATTRIBUTE.largeCommunities, noise(random, 12 * Math.floor(random.below(room + 1) / 12)));
    default: return tlv(0xc0, 100 + random.below(100), noise(random, random.below(room + 1)));
  }
}

/** As `random.bytes`, but quick to make: 64 octets over and over, each time a little otherwise. */
function noise(random: Seeded, length: number): Uint8Array {
  const few = random.bytes(64);
  return Uint8Array.from({ length }, (_, i) => few[i & 63]! ^ (i >> 6));
}

/** IPv4 prefixes of a small world, so that routes meet. */
function prefixes(random: Seeded, count: number): Uint8Array {
  const bytes: number[] = [];
  for (let i = 0; i < count; i++) bytes.push(24, 20, random.below(4), random.below(256));
  return Uint8Array.from(bytes);
}

export function tlv(flags: number, code: number, value: Uint8Array): Uint8Array {
  const isLong = value.length > 255 || (flags & 0x10) !== 0;
  const head = isLong ? [flags | 0x10, code, value.length >>> 8, value.length & 0xff] : [flags, code, value.length];
  return Uint8Array.from([...head, ...value]);
}

/** Undefined: the lengths of the message contradict each other already. */
function partsOf(body: Uint8Array): Parts | undefined {
  if (body.length < 4) return undefined;
  const view = new DataView(body.buffer, body.byteOffset, body.length);
  const withdrawnEnd = 2 + view.getUint16(0);
  if (withdrawnEnd + 2 > body.length) return undefined;
  const end = withdrawnEnd + 2 + view.getUint16(withdrawnEnd);
  if (end > body.length) return undefined;
  const attributes: Uint8Array[] = [];
  for (let at = withdrawnEnd + 2; at < end;) {
    const head = (body[at]! & 0x10) === 0 ? 3 : 4;
    if (at + head > end) return undefined;
    const next = at + head + (head === 3 ? body[at + 2]! : view.getUint16(at + 2));
    if (next > end) return undefined;
    attributes.push(body.slice(at, next));
    at = next;
  }
  return { withdrawn: body.slice(2, withdrawnEnd), attributes, nlri: body.slice(end) };
}

function joined({ withdrawn, attributes, nlri }: Parts): Uint8Array {
  const length = attributes.reduce((sum, a) => sum + a.length, 0);
  const body = new Uint8Array(4 + withdrawn.length + length + nlri.length);
  const view = new DataView(body.buffer);
  view.setUint16(0, withdrawn.length);
  body.set(withdrawn, 2);
  view.setUint16(2 + withdrawn.length, length);
  let at = 4 + withdrawn.length;
  for (const attribute of attributes) { body.set(attribute, at); at += attribute.length; }
  body.set(nlri, at);
  return body;
}

function spliced(body: Uint8Array, from: number, to: number, middle: Uint8Array): Uint8Array {
  const result = new Uint8Array(from + middle.length + body.length - to);
  result.set(body.subarray(0, from));
  result.set(middle, from);
  result.set(body.subarray(to), from + middle.length);
  return result;
}
