/** Capabilities of an OPEN (RFC 5492): those we know as fields, the others kept as they came. */
import type { ByteReader } from '../../lib/bytes/reader.ts';
import type { ByteWriter } from '../../lib/bytes/writer.ts';
import type { Family } from '../../lib/ip/prefix.ts';
import {
  AFI, CAPABILITY, ERROR, FORWARDING_STATE_BIT, OPEN_ERROR, RESTART_STATE_BIT, RESTART_TIME_MASK, SAFI_UNICAST,
} from './constants.ts';
import { copyOf } from './copy.ts';
import { WireError } from './errors.ts';
import type { Capabilities, GracefulRestartCapability } from './message.ts';

type GracefulRestartFamily = GracefulRestartCapability['families'][number];

/** What capabilities accumulate into while the optional parameters are read. */
export interface CapabilityDraft {
  readonly families: Family[];
  /** From the 4-octet AS capability. */
  asn: number | undefined;
  routeRefresh: boolean;
  gracefulRestart: GracefulRestartCapability | undefined;
  readonly unknown: { code: number; value: Uint8Array }[];
}

export const emptyDraft = (): CapabilityDraft =>
  ({ families: [], asn: undefined, routeRefresh: false, gracefulRestart: undefined, unknown: [] });

export const capabilitiesOf = (draft: CapabilityDraft): Capabilities => ({
  families: draft.families,
  fourOctetAs: draft.asn !== undefined,
  routeRefresh: draft.routeRefresh,
  ...(draft.gracefulRestart === undefined ? {} : { gracefulRestart: draft.gracefulRestart }),
  unknown: draft.unknown,
});

/** The family of an AFI/SAFI pair; undefined for the many that we do not speak. */
export function familyFromWire(afi: number, safi: number): Family | undefined {
  if (safi !== SAFI_UNICAST) return undefined;
  return afi === AFI.ipv4 ? 'ipv4' : afi === AFI.ipv6 ? 'ipv6' : undefined;
}

/**
 * Reads the capabilities of one optional parameter. A capability that comes again replaces what it said before
 * (RFC 4724 §3), but families add up (RFC 5492 §4).
 *
 * @throws {WireError} OPEN error, subcode 0, on a capability that is cut short or has an impossible length.
 */
export function readCapabilities(r: ByteReader, draft: CapabilityDraft): void {
  while (r.remaining > 0) {
    if (r.remaining < 2) throw malformed('a capability is cut short');
    const code = r.u8();
    const length = r.u8();
    if (length > r.remaining) throw malformed(`capability ${code} has length ${length}, ${r.remaining} bytes are left`);
    readCapability(code, r.sub(length), draft);
  }
}

function readCapability(code: number, r: ByteReader, draft: CapabilityDraft): void {
  switch (code) {
    case CAPABILITY.multiprotocol: return readMultiprotocol(r, draft);
    case CAPABILITY.routeRefresh: draft.routeRefresh = true; return;
    case CAPABILITY.gracefulRestart: draft.gracefulRestart = readGracefulRestart(r); return;
    case CAPABILITY.fourOctetAs: draft.asn = readFourOctetAs(r); return;
    default: keepUnknown(code, r.view(r.remaining), draft);
  }
}

/** RFC 4760 §8: AFI, a reserved octet, SAFI. Families that we do not speak are kept among the unknown. */
function readMultiprotocol(r: ByteReader, draft: CapabilityDraft): void {
  if (r.remaining !== 4) throw malformed(`multiprotocol capability has length ${r.remaining}: expected 4`);
  const value = r.view(4);
  const family = familyFromWire((value[0]! << 8) | value[1]!, value[3]!);
  if (family === undefined) keepUnknown(CAPABILITY.multiprotocol, value, draft);
  else if (!draft.families.includes(family)) draft.families.push(family);
}

function readFourOctetAs(r: ByteReader): number {
  if (r.remaining !== 4) throw malformed(`4-octet AS capability has length ${r.remaining}: expected 4`);
  return r.u32();
}

function readGracefulRestart(r: ByteReader): GracefulRestartCapability {
  if (r.remaining % 4 !== 2) throw malformed(`graceful restart capability has length ${r.remaining}: expected 2 + 4 × n`);
  const flags = r.u16();
  const families: GracefulRestartFamily[] = [];
  while (r.remaining > 0) {
    const family = familyFromWire(r.u16(), r.u8());
    const forwardingPreserved = (r.u8() & FORWARDING_STATE_BIT) !== 0;
    if (family !== undefined && !families.some((f) => f.family === family)) families.push({ family, forwardingPreserved });
  }
  return { restarted: (flags & RESTART_STATE_BIT) !== 0, restartTimeSeconds: flags & RESTART_TIME_MASK, families };
}

/** The same capability with the same value again says nothing new (RFC 5492 §4). */
function keepUnknown(code: number, value: Uint8Array, draft: CapabilityDraft): void {
  const isRepeated = draft.unknown.some((u) => u.code === code && u.value.length === value.length
    && u.value.every((byte, i) => byte === value[i]));
  if (!isRepeated) draft.unknown.push({ code, value: copyOf(value) });
}

/** Ascending by code, unknown ones last. `asn` goes into the 4-octet AS capability. */
export function writeCapabilities(w: ByteWriter, c: Capabilities, asn: number): void {
  for (const family of c.families) {
    writeCapability(w, CAPABILITY.multiprotocol, () => { w.u16(AFI[family]); w.u8(0); w.u8(SAFI_UNICAST); });
  }
  if (c.routeRefresh) writeCapability(w, CAPABILITY.routeRefresh, () => undefined);
  const restart = c.gracefulRestart;
  if (restart !== undefined) writeCapability(w, CAPABILITY.gracefulRestart, () => { writeGracefulRestart(w, restart); });
  if (c.fourOctetAs) writeCapability(w, CAPABILITY.fourOctetAs, () => { w.u32(asn); });
  for (const { code, value } of c.unknown) writeCapability(w, code, () => { w.bytes(value); });
}

function writeGracefulRestart(w: ByteWriter, restart: GracefulRestartCapability): void {
  w.u16((restart.restarted ? RESTART_STATE_BIT : 0) | Math.min(Math.max(restart.restartTimeSeconds, 0), RESTART_TIME_MASK));
  for (const { family, forwardingPreserved } of restart.families) {
    w.u16(AFI[family]);
    w.u8(SAFI_UNICAST);
    w.u8(forwardingPreserved ? FORWARDING_STATE_BIT : 0);
  }
}

function writeCapability(w: ByteWriter, code: number, body: () => void): void {
  w.u8(code);
  w.withLength8(body);
}

const malformed = (message: string): WireError => new WireError(message, ERROR.open, OPEN_ERROR.unspecific);
