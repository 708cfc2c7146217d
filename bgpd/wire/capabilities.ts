/** Capabilities of an OPEN (RFC 5492): those we know as fields, the others kept as they came. */
import type { ByteReader } from '../../lib/bytes/reader.ts';
import type { ByteWriter } from '../../lib/bytes/writer.ts';
import type { Family } from '../../lib/ip/prefix.ts';
import { ADD_PATH, AFI, CAPABILITY, ERROR, OPEN_ERROR, ROLES, SAFI_UNICAST } from './constants.ts';
import { capabilitiesWith } from './context.ts';
import { copyOf } from './copy.ts';
import { WireError } from './errors.ts';
import type { Capabilities } from './message.ts';
import { familyFromWire, u16At, u32At } from './octets.ts';
import { readGracefulRestart, readLongLived, writeGracefulRestart, writeLongLived } from './restart-capabilities.ts';

/** Those that one value says all about. */
type Single = Partial<Omit<Capabilities, 'families' | 'fourOctetAs' | 'unknown'>>;

/** What capabilities accumulate into while the optional parameters are read. */
export interface CapabilityDraft {
  readonly families: Family[];
  /** From the 4-octet AS capability. */
  asn: number | undefined;
  single: Single;
  readonly unknown: { code: number; value: Uint8Array }[];
}

export const emptyDraft = (): CapabilityDraft => ({ families: [], asn: undefined, single: {}, unknown: [] });

export const capabilitiesOf = ({ families, asn, single, unknown }: CapabilityDraft): Capabilities =>
  capabilitiesWith({ families, fourOctetAs: asn !== undefined, ...single, unknown });

/**
 * Reads the capabilities of one optional parameter. A capability that comes again replaces what it said before
 * (RFC 4724 §3), but families add up (RFC 5492 §4).
 *
 * @throws {WireError} OPEN error: subcode 0 on a capability that is cut short, or on an impossible length of those of
 * RFC 4760, 4724 and 6793; subcode 11 on two different roles (RFC 9234 §4.2). Others that make no sense are not understood.
 */
export function readCapabilities(r: ByteReader, draft: CapabilityDraft): void {
  while (r.remaining > 0) {
    if (r.remaining < 2) throw malformed('a capability is cut short');
    const code = r.u8();
    const length = r.u8();
    if (length > r.remaining) throw malformed(`capability ${code} has length ${length}, ${r.remaining} bytes are left`);
    readCapability(code, r.view(length), draft);
  }
}

function readCapability(code: number, value: Uint8Array, draft: CapabilityDraft): void {
  if (code === CAPABILITY.multiprotocol) {
    readMultiprotocol(value, draft);
  } else if (code === CAPABILITY.fourOctetAs) {
    draft.asn = readFourOctetAs(value);
  } else {
    const single = readSingle(code, value, draft.single);
    if (single === undefined) keepUnknown(code, value, draft);
    else draft.single = { ...draft.single, ...single };
  }
}

/** Undefined: not understood. */
function readSingle(code: number, value: Uint8Array, before: Single): Single | undefined {
  switch (code) {
    case CAPABILITY.routeRefresh: return { routeRefresh: true };
    case CAPABILITY.extendedNextHop: return readExtendedNextHop(value);
    case CAPABILITY.extendedMessages: return value.length === 0 ? { extendedMessages: true } : undefined;
    case CAPABILITY.role: return readRole(value, before);
    case CAPABILITY.gracefulRestart: return { gracefulRestart: readGracefulRestart(value) };
    case CAPABILITY.addPath: return readAddPath(value);
    case CAPABILITY.enhancedRouteRefresh: return value.length === 0 ? { enhancedRouteRefresh: true } : undefined;
    case CAPABILITY.longLived: return readLongLived(value);
    default: return undefined;
  }
}

/** RFC 4760 §8: AFI, a reserved octet, SAFI. Families that we do not speak are kept among the unknown. */
function readMultiprotocol(value: Uint8Array, draft: CapabilityDraft): void {
  if (value.length !== 4) throw malformed(`multiprotocol capability has length ${value.length}: expected 4`);
  const family = familyAt(value, 0, 3);
  if (family === undefined) keepUnknown(CAPABILITY.multiprotocol, value, draft);
  else if (!draft.families.includes(family)) draft.families.push(family);
}

function readFourOctetAs(value: Uint8Array): number {
  if (value.length !== 4) throw malformed(`4-octet AS capability has length ${value.length}: expected 4`);
  return u32At(value, 0);
}

/** RFC 8950 §4: triples of AFI, SAFI (two octets) and the next hop's AFI; we look for IPv4 unicast over IPv6 alone. */
function readExtendedNextHop(value: Uint8Array): Single | undefined {
  if (value.length === 0 || value.length % 6 !== 0) return undefined;
  for (let at = 0; at < value.length; at += 6) {
    const isOurs = familyAt(value, at, at + 3) === 'ipv4' && value[at + 2] === 0 && u16At(value, at + 4) === AFI.ipv6;
    if (isOurs) return { extendedNextHop: true };
  }
  return undefined;
}

/** RFC 9234 §4.2: the same role may come again, another one may not. */
function readRole(value: Uint8Array, before: Single): Single | undefined {
  const role = value.length === 1 ? ROLES[value[0]!] : undefined;
  if (role !== undefined && before.role !== undefined && role !== before.role) {
    throw new WireError(`roles ${before.role} and ${role} at once`, ERROR.open, OPEN_ERROR.roleMismatch);
  }
  return role && { role };
}

/** RFC 7911 §4: a value of Send/Receive that is not 1, 2 or 3 makes all of it not understood. The first word on a family counts. */
function readAddPath(value: Uint8Array): Single | undefined {
  if (value.length === 0 || value.length % 4 !== 0) return undefined;
  const addPath: Capabilities['addPath'][number][] = [];
  for (let at = 0; at < value.length; at += 4) {
    const family = familyAt(value, at, at + 2);
    const mode = value[at + 3]!;
    if (mode < ADD_PATH.receive || mode > (ADD_PATH.receive | ADD_PATH.send)) return undefined;
    if (family === undefined || addPath.some((a) => a.family === family)) continue;
    addPath.push({ family, send: (mode & ADD_PATH.send) !== 0, receive: (mode & ADD_PATH.receive) !== 0 });
  }
  return { addPath };
}

const familyAt = (value: Uint8Array, afiAt: number, safiAt: number): Family | undefined =>
  familyFromWire(u16At(value, afiAt), value[safiAt]!);

/** The same capability with the same value again says nothing new (RFC 5492 §4). */
function keepUnknown(code: number, value: Uint8Array, draft: CapabilityDraft): void {
  const isRepeated = draft.unknown.some((u) => u.code === code && u.value.length === value.length
    && u.value.every((byte, i) => byte === value[i]));
  if (!isRepeated) draft.unknown.push({ code, value: copyOf(value) });
}

/** Ascending by code, unknown ones last. `asn` goes into the 4-octet AS capability. */
export function writeCapabilities(w: ByteWriter, c: Capabilities, asn: number): void {
  const { role, gracefulRestart, longLived, addPath } = c;
  for (const family of c.families) {
    writeCapability(w, CAPABILITY.multiprotocol, () => { w.u16(AFI[family]); w.u8(0); w.u8(SAFI_UNICAST); });
  }
  if (c.routeRefresh) writeCapability(w, CAPABILITY.routeRefresh);
  if (c.extendedNextHop) {
    writeCapability(w, CAPABILITY.extendedNextHop, () => { w.u16(AFI.ipv4); w.u16(SAFI_UNICAST); w.u16(AFI.ipv6); });
  }
  if (c.extendedMessages) writeCapability(w, CAPABILITY.extendedMessages);
  if (role !== undefined) writeCapability(w, CAPABILITY.role, () => { w.u8(ROLES.indexOf(role)); });
  if (gracefulRestart !== undefined) writeCapability(w, CAPABILITY.gracefulRestart, () => { writeGracefulRestart(w, gracefulRestart); });
  if (c.fourOctetAs) writeCapability(w, CAPABILITY.fourOctetAs, () => { w.u32(asn); });
  if (addPath.length > 0) writeCapability(w, CAPABILITY.addPath, () => { writeAddPath(w, addPath); });
  if (c.enhancedRouteRefresh) writeCapability(w, CAPABILITY.enhancedRouteRefresh);
  if (longLived !== undefined) writeCapability(w, CAPABILITY.longLived, () => { writeLongLived(w, longLived); });
  for (const { code, value } of c.unknown) writeCapability(w, code, () => { w.bytes(value); });
}

/** Families that are neither sent nor received are left out: there is no number for them. */
function writeAddPath(w: ByteWriter, addPath: Capabilities['addPath']): void {
  for (const { family, send, receive } of addPath) {
    if (!send && !receive) continue;
    w.u16(AFI[family]);
    w.u8(SAFI_UNICAST);
    w.u8((send ? ADD_PATH.send : 0) | (receive ? ADD_PATH.receive : 0));
  }
}

function writeCapability(w: ByteWriter, code: number, body: () => void = () => undefined): void {
  w.u8(code);
  w.withLength8(body);
}

const malformed = (message: string): WireError => new WireError(message, ERROR.open, OPEN_ERROR.unspecific);
