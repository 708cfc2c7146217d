/** AS_PATH (RFC 4271 §5.1.2) and its two-octet past (RFC 6793): read, written, counted, merged and prepended. */
import type { ByteWriter } from '../../lib/bytes/writer.ts';
import { AS_PATH_SEGMENT, AS_TRANS, UPDATE_ERROR } from './constants.ts';
import { MalformedAttribute } from './malformed-attribute.ts';
import type { AsPathSegment } from './message.ts';

type SegmentType = AsPathSegment['type'];

const TYPE_OF_CODE: readonly (SegmentType | undefined)[] = [undefined, 'set', 'sequence', 'confed-sequence', 'confed-set'];
const CODE_OF_TYPE: Readonly<Record<SegmentType, number>> = {
  'set': AS_PATH_SEGMENT.set, 'sequence': AS_PATH_SEGMENT.sequence,
  'confed-sequence': AS_PATH_SEGMENT.confedSequence, 'confed-set': AS_PATH_SEGMENT.confedSet,
};
/** A segment counts its AS numbers in one octet. */
const MAX_SEGMENT_ASNS = 255;

export const isConfederation = (segment: AsPathSegment): boolean => segment.type.startsWith('confed');

/**
 * Segments of an AS_PATH or AS4_PATH whose AS numbers are `asnOctets` wide.
 * Malformed: unknown type, empty or overrunning segment (RFC 7606 §7.2), AS 0 (RFC 7607 §2).
 */
export function readAsPath(bytes: Uint8Array, start: number, end: number, asnOctets: 2 | 4): AsPathSegment[] | MalformedAttribute {
  const segments: AsPathSegment[] = [];
  let at = start;
  while (at < end) {
    if (end - at < 2) return malformed('a segment is cut short');
    const type = TYPE_OF_CODE[bytes[at]!];
    const count = bytes[at + 1]!;
    if (type === undefined) return malformed(`segment type ${bytes[at]!} is unknown`);
    if (count === 0) return malformed('a segment is empty');
    at += 2;
    if (count * asnOctets > end - at) return malformed(`a segment of ${count} AS numbers overruns the attribute`);
    const asns = readAsns(bytes, at, count, asnOctets);
    if (asns.includes(0)) return malformed('AS 0 is in the path');
    segments.push({ type, asns });
    at += count * asnOctets;
  }
  return segments.slice();                         // exact: a grown array has room for 16 more
}

function readAsns(bytes: Uint8Array, start: number, count: number, asnOctets: 2 | 4): number[] {
  const asns = new Array<number>(count);          // exact: these live as long as the routes
  let at = start;
  for (let i = 0; i < count; i++) {
    const low = (bytes[at + asnOctets - 2]! << 8) | bytes[at + asnOctets - 1]!;
    asns[i] = asnOctets === 2 ? low : ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | low) >>> 0;
    at += asnOctets;
  }
  return asns;
}

/** Long segments are split; in two octets a large AS number is written as AS_TRANS. */
export function writeAsPath(w: ByteWriter, segments: readonly AsPathSegment[], asnOctets: 2 | 4): void {
  for (const { type, asns } of segments) {
    for (let from = 0; from < asns.length; from += MAX_SEGMENT_ASNS) {
      const part = asns.slice(from, from + MAX_SEGMENT_ASNS);
      w.u8(CODE_OF_TYPE[type]);
      w.u8(part.length);
      for (const asn of part) {
        if (asnOctets === 4) w.u32(asn);
        else w.u16(shortAsn(asn));
      }
    }
  }
}

/** An AS number for a field of two octets (RFC 6793 §4.2.2). */
export const shortAsn = (asn: number): number => (asn > 0xffff ? AS_TRANS : asn);

/** RFC 4271 §9.1.2.2 a: a set counts as 1; confederation segments do not count (RFC 5065 §5.3). */
export function asPathLengthOf(segments: readonly AsPathSegment[]): number {
  let length = 0;
  for (const { type, asns } of segments) {
    if (type === 'sequence') length += asns.length;
    else if (type === 'set') length += 1;
  }
  return length;
}

/** True when two octets lose something, so that an AS4_PATH must go along. */
export const needsFourOctets = (segments: readonly AsPathSegment[]): boolean =>
  segments.some((s) => !isConfederation(s) && s.asns.some((asn) => asn > 0xffff));

/**
 * The real path from what a two-octet speaker passed on (RFC 6793 §4.2.3): as many AS numbers of `path` as `path4` lacks,
 * then `path4`. A `path4` that is longer than `path` is ignored.
 */
export function mergeAsPaths(path: readonly AsPathSegment[], path4: readonly AsPathSegment[]): readonly AsPathSegment[] {
  let lacking = asPathLengthOf(path) - asPathLengthOf(path4);
  if (lacking < 0) return path;
  const merged: AsPathSegment[] = [];
  for (const segment of path) {
    if (lacking === 0 && !isConfederation(segment)) break;
    const isWhole = segment.type !== 'sequence' || segment.asns.length <= lacking;
    merged.push(isWhole ? segment : { type: 'sequence', asns: segment.asns.slice(0, lacking) });
    if (segment.type === 'sequence') lacking -= Math.min(lacking, segment.asns.length);
    else if (segment.type === 'set') lacking -= 1;
  }
  for (const segment of path4) appendSegment(merged, segment);
  return merged;
}

/** Two sequences that meet become one, as far as a segment reaches. */
function appendSegment(segments: AsPathSegment[], segment: AsPathSegment): void {
  const last = segments.at(-1);
  const joins = last?.type === 'sequence' && segment.type === 'sequence'
    && last.asns.length + segment.asns.length <= MAX_SEGMENT_ASNS;
  if (joins) segments[segments.length - 1] = { type: 'sequence', asns: [...last.asns, ...segment.asns] };
  else segments.push(segment);
}

/**
 * The path as it leaves our AS (RFC 4271 §5.1.2 b): `asn` in front, `times` times (1 by default).
 * Confederation segments stay inside (RFC 5065 §4.1).
 */
export function prependToAsPath(segments: readonly AsPathSegment[], asn: number, times = 1): readonly AsPathSegment[] {
  const outside = segments.filter((s) => !isConfederation(s));
  const own: AsPathSegment = { type: 'sequence', asns: Array.from({ length: times }, () => asn) };
  const result: AsPathSegment[] = [own];
  if (outside.length > 0) appendSegment(result, outside[0]!);
  return [...result, ...outside.slice(1)];
}

const malformed = (what: string): MalformedAttribute => new MalformedAttribute(what, UPDATE_ERROR.malformedAsPath);
