/** The attributes of one UPDATE that many prefixes share: all but NEXT_HOP and the two MP attributes. */
import { ByteWriter } from '../../lib/bytes/writer.ts';
import { asPathLengthOf, mergeAsPaths } from './as-path.ts';
import { fault, malformedList, updateError, type AttributeFault } from './attribute-fault.ts';
import { as4IsStale, ATTRIBUTES, type AttributeValues, type Row } from './attributes.ts';
import { ATTRIBUTE, ATTRIBUTE_FLAG, NON_TRANSITIVE_ATTRIBUTES, UPDATE_ERROR } from './constants.ts';
import { copyOf } from './copy.ts';
import { MalformedAttribute } from './malformed-attribute.ts';
import type { PathAttributes, WireContext } from './message.ts';

/** A block read once; its faults go with it wherever it comes again. */
export interface AttributeBlock {
  readonly attributes: PathAttributes;
  readonly faults: readonly AttributeFault[];
  /** Name of a mandatory attribute that is not there: a fault only when something is announced. */
  readonly missing: string | undefined;
}

/** Where an attribute's value stands. */
interface Span { readonly code: number; readonly flags: number; readonly at: number; readonly start: number; readonly end: number }

type Key = keyof AttributeValues;
type Draft = { -readonly [K in Key]?: AttributeValues[K] };
type Unknown = PathAttributes['unknown'][number];

const { optional: OPTIONAL, transitive: TRANSITIVE, partial: PARTIAL, extendedLength: EXTENDED } = ATTRIBUTE_FLAG;
/** Shared by all who have none: a million routes have few communities. */
const NONE: readonly never[] = Object.freeze([]);
/** More faults of a block say nothing new. A fault that withdraws is never left out: there is at most one for each row. */
const MAX_DISCARDS = 16;
const KEYS = Object.keys(ATTRIBUTES) as Key[];
const KEY_OF_CODE = new Map(KEYS.map((key) => [ATTRIBUTES[key].code, key]));

/**
 * Reads attributes that stand back to back in `bytes`.
 *
 * @throws {WireError} UPDATE error 2 on an unknown well-known attribute, 1 when the attributes do not fill the range.
 */
export function readAttributeBlock(bytes: Uint8Array, start: number, end: number, context: WireContext): AttributeBlock {
  const draft: Draft = {};
  const unknown: Unknown[] = [];
  const faults: AttributeFault[] = [];
  const seen: number[] = [];
  for (let at = start; at < end;) {
    const span = spanAt(bytes, at, end);
    at = span.end;
    if (seen.includes(span.code)) {
      if (faults.length < MAX_DISCARDS) faults.push(discarded(span.code, 'appears again'));
      continue;
    }
    seen.push(span.code);
    const key = KEY_OF_CODE.get(span.code);
    if (key === undefined) keepUnknown(bytes, span, unknown, faults);
    else readKnown(key, bytes, span, context, draft, faults);
  }
  return {
    attributes: attributesFrom(draft, unknown),
    faults: faults.length === 0 ? NONE : faults,
    missing: seen.includes(ATTRIBUTE.origin) ? (seen.includes(ATTRIBUTE.asPath) ? undefined : 'AS_PATH') : 'ORIGIN',
  };
}

function spanAt(bytes: Uint8Array, at: number, end: number): Span {
  const flags = bytes[at]!;
  const start = at + ((flags & EXTENDED) === 0 ? 3 : 4);
  const length = start > end ? 0 : (flags & EXTENDED) === 0 ? bytes[at + 2]! : (bytes[at + 2]! << 8) | bytes[at + 3]!;
  if (start + length > end) throw malformedList('an attribute overruns its block');
  return { code: bytes[at + 1]!, flags, at, start, end: start + length };
}

function readKnown<K extends Key>(key: K, bytes: Uint8Array, span: Span, context: WireContext, draft: Draft, faults: AttributeFault[]): void {
  const row: Row<K> = ATTRIBUTES[key];
  const unwanted = row.internalOnly === true && context.external ? 'comes from an external peer'
    : row.twoOctetOnly === true && context.fourOctetAs ? 'comes from a four-octet speaker'
    : undefined;
  if (unwanted !== undefined) {
    faults.push(discarded(span.code, unwanted));
    return;
  }
  const value = ((span.flags ^ row.flags) & (OPTIONAL | TRANSITIVE)) === 0
    ? row.read(bytes, span.start, span.end, context)
    : new MalformedAttribute(`flags ${span.flags}: expected ${row.flags}`, UPDATE_ERROR.attributeFlags);
  if (value instanceof MalformedAttribute) faults.push(faultOf(bytes, span, row.onError, value));
  else draft[key] = value;
}

function faultOf(bytes: Uint8Array, span: Span, action: 'withdraw' | 'discard', malformed: MalformedAttribute): AttributeFault {
  return action === 'discard' ? discarded(span.code, malformed.what)
    : fault('withdraw', `${nameOf(span.code)}: ${malformed.what}`, malformed.subcode, copyOf(bytes, span.at, span.end));
}

const discarded = (code: number, what: string): AttributeFault => fault('discard', `${nameOf(code)}: ${what}`, UPDATE_ERROR.unspecific);

function nameOf(code: number): string {
  const key = KEY_OF_CODE.get(code);
  return key === undefined ? `attribute ${code}` : ATTRIBUTES[key].name;
}

/** RFC 4271 §5 and §6.3: optional transitive ones are passed on as partial, other optional ones end here. */
function keepUnknown(bytes: Uint8Array, span: Span, unknown: Unknown[], faults: AttributeFault[]): void {
  if ((span.flags & OPTIONAL) === 0) {
    throw updateError(`well-known attribute ${span.code} is unknown`, UPDATE_ERROR.unrecognizedWellKnown, bytes.subarray(span.at, span.end));
  }
  if ((span.flags & TRANSITIVE) === 0) return;
  if (NON_TRANSITIVE_ATTRIBUTES.has(span.code)) {
    if (faults.length < MAX_DISCARDS) faults.push(discarded(span.code, `flags ${span.flags}: expected ${OPTIONAL}`));
    return;
  }
  unknown.push({ flags: OPTIONAL | TRANSITIVE | PARTIAL, code: span.code, value: copyOf(bytes, span.start, span.end) });
}

function attributesFrom(draft: Draft, unknown: readonly Unknown[]): PathAttributes {
  const useAs4 = !as4IsStale(draft);
  const shortPath = draft.asPath ?? NONE;
  const asPath = useAs4 && draft.as4Path !== undefined ? mergeAsPaths(shortPath, draft.as4Path) : shortPath;
  const aggregator = useAs4 && draft.aggregator !== undefined ? draft.as4Aggregator ?? draft.aggregator : draft.aggregator;
  return {
    origin: draft.origin ?? 2,
    asPath,
    asPathLength: asPathLengthOf(asPath),
    med: draft.med,
    localPref: draft.localPref,
    atomicAggregate: draft.atomicAggregate ?? false,
    aggregator,
    communities: draft.communities ?? NONE,
    extendedCommunities: draft.extendedCommunities ?? NONE,
    largeCommunities: draft.largeCommunities ?? NONE,
    otc: draft.otc,
    originatorId: draft.originatorId,
    clusterList: draft.clusterList ?? NONE,
    unknown: unknown.length === 0 ? NONE : unknown.toSorted((a, b) => a.code - b.code),
  };
}

/**
 * The attributes as bytes, ascending by code, in the form that `context` asks for.
 * `nextHop4` adds the NEXT_HOP attribute of IPv4 prefixes in the classic fields.
 */
export function writeAttributeBlock(attributes: PathAttributes, context: WireContext, nextHop4?: number): Uint8Array {
  const w = new ByteWriter(128);
  let rest = attributes.unknown;
  for (const key of KEYS) {
    if (nextHop4 !== undefined && key === 'med') writeAttribute(w, TRANSITIVE, ATTRIBUTE.nextHop, () => { w.u32(nextHop4); });
    if (rest.length > 0) rest = writeUnknownBelow(w, rest, ATTRIBUTES[key].code);
    writeKnown(w, key, attributes, context);
  }
  writeUnknownBelow(w, rest, Infinity);
  return w.finish();
}

function writeKnown<K extends Key>(w: ByteWriter, key: K, attributes: PathAttributes, context: WireContext): void {
  const row: Row<K> = ATTRIBUTES[key];
  const value = row.pick(attributes, context);
  if (value === undefined || value === null) return;
  writeAttribute(w, row.flags, row.code, () => { row.write(w, value, context); });
}

/** Writes the unknown ones whose code is below `code`; returns the others. */
function writeUnknownBelow(w: ByteWriter, unknown: readonly Unknown[], code: number): readonly Unknown[] {
  for (const u of unknown) {
    if (u.code < code) writeAttribute(w, u.flags, u.code, () => { w.bytes(u.value); });
  }
  return unknown.filter((u) => u.code >= code);
}

/** Flags, code, a length of one octet or, where the value needs it, two (RFC 4271 §4.3). `value` may be called twice. */
export function writeAttribute(w: ByteWriter, flags: number, code: number, value: () => void): void {
  const at = w.length;
  w.u8(flags);
  w.u16(code << 8);
  value();
  const length = w.length - at - 3;
  if (length <= 0xff) {
    w.patch16(at + 1, (code << 8) | length);
    return;
  }
  w.truncate(at);
  w.u8(flags | EXTENDED);
  w.u8(code);
  w.withLength16(value);
}
