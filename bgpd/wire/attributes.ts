/** The path attributes that we know, one row each: number, flags, what a fault leads to, how to read and to write. */
import type { ByteWriter } from '../../lib/bytes/writer.ts';
import { needsFourOctets, isConfederation, readAsPath, shortAsn, writeAsPath } from './as-path.ts';
import {
  isTransitive, readExtendedCommunities, readLargeCommunities, readU32List, writeExtendedCommunities, writeLargeCommunities, writeU32List,
} from './communities.ts';
import { AS_TRANS, ATTRIBUTE, ATTRIBUTE_FLAG, UPDATE_ERROR } from './constants.ts';
import { MalformedAttribute } from './malformed-attribute.ts';
import type { AsPathSegment, PathAttributes, WireContext } from './message.ts';
import { u32At } from './octets.ts';

type Aggregator = NonNullable<PathAttributes['aggregator']>;

/** What the rows carry: the attributes of a route, and the two of RFC 6793 that are folded into AS_PATH and AGGREGATOR. */
export interface AttributeValues extends Omit<PathAttributes, 'asPathLength' | 'unknown'> {
  readonly as4Path: readonly AsPathSegment[] | undefined;
  readonly as4Aggregator: Aggregator | undefined;
}

export interface Row<K extends keyof AttributeValues> {
  readonly code: number;
  readonly name: string;
  /** Optional and transitive bits; a conflict is a fault (RFC 7606 §3 c). */
  readonly flags: number;
  readonly onError: 'withdraw' | 'discard';
  /** Discarded, faulty or not, when an external peer sends it (RFC 7606 §7.5, §7.9, §7.10). */
  readonly internalOnly?: true;
  /** Discarded, faulty or not, when AS numbers have four octets anyway (RFC 6793 §4.1, §6). */
  readonly twoOctetOnly?: true;
  readonly read: (bytes: Uint8Array, start: number, end: number, context: WireContext) => AttributeValues[K] | MalformedAttribute;
  /** The value to send, or undefined to leave the attribute out. */
  readonly pick: (attributes: PathAttributes, context: WireContext) => AttributeValues[K] | undefined;
  readonly write: (w: ByteWriter, value: NonNullable<AttributeValues[K]>, context: WireContext) => void;
}

const { optional: OPTIONAL, transitive: TRANSITIVE } = ATTRIBUTE_FLAG;

/** Ascending by code. Actions: RFC 7606 §7; AS4 attributes: RFC 6793 §6. */
export const ATTRIBUTES: { readonly [K in keyof AttributeValues]: Row<K> } = {
  origin: {
    code: ATTRIBUTE.origin, name: 'ORIGIN', flags: TRANSITIVE, onError: 'withdraw',
    read: readOrigin, pick: (a) => a.origin, write: (w, v) => { w.u8(v); },
  },
  asPath: {
    code: ATTRIBUTE.asPath, name: 'AS_PATH', flags: TRANSITIVE, onError: 'withdraw',
    read: readPath, pick: (a) => a.asPath, write: (w, v, c) => { writeAsPath(w, v, asnOctetsOf(c)); },
  },
  med: {
    code: ATTRIBUTE.med, name: 'MULTI_EXIT_DISC', flags: OPTIONAL, onError: 'withdraw',
    read: readU32, pick: (a) => a.med, write: (w, v) => { w.u32(v); },
  },
  localPref: {
    code: ATTRIBUTE.localPref, name: 'LOCAL_PREF', flags: TRANSITIVE, onError: 'withdraw', internalOnly: true,
    read: readU32, pick: (a) => a.localPref, write: (w, v) => { w.u32(v); },
  },
  atomicAggregate: {
    code: ATTRIBUTE.atomicAggregate, name: 'ATOMIC_AGGREGATE', flags: TRANSITIVE, onError: 'discard',
    read: readNothing, pick: (a) => (a.atomicAggregate ? true : undefined), write: () => undefined,
  },
  aggregator: {
    code: ATTRIBUTE.aggregator, name: 'AGGREGATOR', flags: OPTIONAL | TRANSITIVE, onError: 'discard',
    read: (b, start, end, c) => readAggregator(b, start, end, asnOctetsOf(c)),
    pick: (a) => a.aggregator, write: (w, v, c) => { writeAggregator(w, v, asnOctetsOf(c)); },
  },
  communities: {
    code: ATTRIBUTE.communities, name: 'COMMUNITIES', flags: OPTIONAL | TRANSITIVE, onError: 'withdraw',
    read: readU32List, pick: (a) => presentList(a.communities), write: writeU32List,
  },
  originatorId: {
    code: ATTRIBUTE.originatorId, name: 'ORIGINATOR_ID', flags: OPTIONAL, onError: 'withdraw', internalOnly: true,
    read: readU32, pick: (a) => a.originatorId, write: (w, v) => { w.u32(v); },
  },
  clusterList: {
    code: ATTRIBUTE.clusterList, name: 'CLUSTER_LIST', flags: OPTIONAL, onError: 'withdraw', internalOnly: true,
    read: readU32List, pick: (a) => presentList(a.clusterList), write: writeU32List,
  },
  extendedCommunities: {
    code: ATTRIBUTE.extendedCommunities, name: 'EXTENDED COMMUNITIES', flags: OPTIONAL | TRANSITIVE, onError: 'withdraw',
    read: readExtendedCommunities, pick: extendedCommunitiesFor, write: writeExtendedCommunities,
  },
  as4Path: {
    code: ATTRIBUTE.as4Path, name: 'AS4_PATH', flags: OPTIONAL | TRANSITIVE, onError: 'discard', twoOctetOnly: true,
    read: readAs4Path, pick: as4PathOf, write: (w, v) => { writeAsPath(w, v, 4); },
  },
  as4Aggregator: {
    code: ATTRIBUTE.as4Aggregator, name: 'AS4_AGGREGATOR', flags: OPTIONAL | TRANSITIVE, onError: 'discard', twoOctetOnly: true,
    read: (b, start, end) => readAggregator(b, start, end, 4),
    pick: as4AggregatorOf, write: (w, v) => { writeAggregator(w, v, 4); },
  },
  largeCommunities: {
    code: ATTRIBUTE.largeCommunities, name: 'LARGE_COMMUNITY', flags: OPTIONAL | TRANSITIVE, onError: 'withdraw',
    read: readLargeCommunities, pick: (a) => presentList(a.largeCommunities), write: writeLargeCommunities,
  },
  otc: {
    code: ATTRIBUTE.otc, name: 'ONLY_TO_CUSTOMER', flags: OPTIONAL | TRANSITIVE, onError: 'withdraw',
    read: readU32, pick: (a) => a.otc, write: (w, v) => { w.u32(v); },
  },
};

export const asnOctetsOf = (context: WireContext): 2 | 4 => (context.fourOctetAs ? 4 : 2);

const badLength = (length: number, expected: number): MalformedAttribute =>
  new MalformedAttribute(`length ${length}: expected ${expected}`, UPDATE_ERROR.attributeLength);

function readOrigin(b: Uint8Array, start: number, end: number): 0 | 1 | 2 | MalformedAttribute {
  if (end - start !== 1) return badLength(end - start, 1);
  const value = b[start]!;
  return value === 0 || value === 1 || value === 2 ? value
    : new MalformedAttribute(`value ${value}: expected 0, 1 or 2`, UPDATE_ERROR.invalidOrigin);
}

/** Nobody outside a confederation may show its segments to us (RFC 5065 §5). */
function readPath(b: Uint8Array, start: number, end: number, context: WireContext): AsPathSegment[] | MalformedAttribute {
  const path = readAsPath(b, start, end, asnOctetsOf(context));
  return context.external && Array.isArray(path) && path.some(isConfederation)
    ? new MalformedAttribute('a confederation segment comes from an external peer', UPDATE_ERROR.malformedAsPath)
    : path;
}

function readU32(b: Uint8Array, start: number, end: number): number | MalformedAttribute {
  return end - start === 4 ? u32At(b, start) : badLength(end - start, 4);
}

function readNothing(_b: Uint8Array, start: number, end: number): true | MalformedAttribute {
  return end === start ? true : badLength(end - start, 0);
}

function readAggregator(b: Uint8Array, start: number, end: number, asnOctets: 2 | 4): Aggregator | MalformedAttribute {
  if (end - start !== asnOctets + 4) return badLength(end - start, asnOctets + 4);
  const asn = asnOctets === 2 ? (b[start]! << 8) | b[start + 1]! : u32At(b, start);
  if (asn === 0) return new MalformedAttribute('AS 0', UPDATE_ERROR.optionalAttribute);
  return { asn, address: u32At(b, start + asnOctets) };
}

function writeAggregator(w: ByteWriter, value: Aggregator, asnOctets: 2 | 4): void {
  if (asnOctets === 4) w.u32(value.asn);
  else w.u16(shortAsn(value.asn));
  w.u32(value.address);
}

/** Confederation segments do not belong there and are left out (RFC 6793 §6). */
function readAs4Path(b: Uint8Array, start: number, end: number): AsPathSegment[] | MalformedAttribute {
  if (start === end) return new MalformedAttribute('length 0', UPDATE_ERROR.attributeLength);
  const path = readAsPath(b, start, end, 4);
  return Array.isArray(path) ? path.filter((s) => !isConfederation(s)) : path;
}

function as4PathOf(a: PathAttributes, context: WireContext): readonly AsPathSegment[] | undefined {
  return context.fourOctetAs || !needsFourOctets(a.asPath) ? undefined : a.asPath.filter((s) => !isConfederation(s));
}

function as4AggregatorOf(a: PathAttributes, context: WireContext): Aggregator | undefined {
  return context.fourOctetAs || a.aggregator === undefined || a.aggregator.asn <= 0xffff ? undefined : a.aggregator;
}

/** RFC 4360 §6: what means something in our AS alone stays there. */
function extendedCommunitiesFor({ extendedCommunities: all }: PathAttributes, { external }: WireContext): readonly bigint[] | undefined {
  return presentList(external && !all.every(isTransitive) ? all.filter(isTransitive) : all);
}

function presentList<T>(values: readonly T[]): readonly T[] | undefined {
  return values.length === 0 ? undefined : values;
}

/** RFC 6793 §4.2.3: an AGGREGATOR without AS_TRANS says that a four-octet speaker aggregated last: the AS4 attributes are old. */
export const as4IsStale = (v: Partial<AttributeValues>): boolean =>
  v.aggregator !== undefined && v.as4Aggregator !== undefined && v.aggregator.asn !== AS_TRANS;
