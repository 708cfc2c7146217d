/** OPEN (RFC 4271 §4.2): read with every check that needs no configuration, and written. */
import type { ByteReader } from '../../lib/bytes/reader.ts';
import { ByteWriter } from '../../lib/bytes/writer.ts';
import { capabilitiesOf, emptyDraft, readCapabilities, writeCapabilities, type CapabilityDraft } from './capabilities.ts';
import { AS_TRANS, BGP_VERSION, ERROR, OPEN_ERROR, PARAMETER } from './constants.ts';
import { WireError } from './errors.ts';
import type { OpenMessage } from './message.ts';

/** Type and length of an optional parameter, in octets. */
const PARAMETER_HEADER = 2;
const EXTENDED_PARAMETER_HEADER = 3;

/** @throws {WireError} OPEN error: version (1), AS 0 (2), BGP identifier 0 (3), optional parameters (0, 4), hold time (6). */
export function readOpen(r: ByteReader): OpenMessage {
  const version = readVersion(r);
  const shortAsn = r.u16();
  const holdTimeSeconds = readHoldTime(r);
  const routerId = readBgpIdentifier(r);
  const draft = readOptionalParameters(r);
  const asn = draft.asn ?? shortAsn;
  if (asn === 0 || shortAsn === 0) throw new WireError('AS 0 is not acceptable', ERROR.open, OPEN_ERROR.badPeerAs);   // RFC 7607 §2
  return { type: 'open', version, asn, holdTimeSeconds, routerId, capabilities: capabilitiesOf(draft) };
}

/** The optional parameters have lengths of two octets only where one is too short (RFC 9072 §2). */
export function writeOpen(w: ByteWriter, open: OpenMessage): void {
  w.u8(open.version);
  w.u16(open.asn > 0xffff ? AS_TRANS : open.asn);
  w.u16(open.holdTimeSeconds);
  w.u32(open.routerId);
  const capabilities = new ByteWriter();
  writeCapabilities(capabilities, open.capabilities, open.asn);
  const { length } = capabilities;
  const isExtended = length > 0xff - PARAMETER_HEADER;
  if (isExtended) {
    w.u8(PARAMETER.extendedLength);
    w.u8(PARAMETER.extendedLength);
    w.u16(length + EXTENDED_PARAMETER_HEADER);
  } else {
    w.u8(length === 0 ? 0 : length + PARAMETER_HEADER);
  }
  if (length === 0) return;
  w.u8(PARAMETER.capabilities);
  if (isExtended) w.u16(length);
  else w.u8(length);
  w.bytes(capabilities.finish());
}

/** The data is the highest version that we support, in two octets (RFC 4271 §6.2). */
function readVersion(r: ByteReader): number {
  const version = r.u8();
  if (version !== BGP_VERSION) {
    throw new WireError(`BGP version ${version}: expected ${BGP_VERSION}`, ERROR.open, OPEN_ERROR.unsupportedVersion, Uint8Array.of(0, BGP_VERSION));
  }
  return version;
}

/** The hold time a peer offers, in seconds: 0 (none) or 3..65535 (RFC 4271 §4.2). */
function readHoldTime(r: ByteReader): number {
  const seconds = r.u16();
  if (seconds === 1 || seconds === 2) {
    throw new WireError(`hold time ${seconds} s is not acceptable`, ERROR.open, OPEN_ERROR.unacceptableHoldTime);
  }
  return seconds;
}

/** Any number but zero (RFC 6286 §2.1). */
function readBgpIdentifier(r: ByteReader): number {
  const identifier = r.u32();
  if (identifier === 0) throw new WireError('BGP identifier 0.0.0.0 is not acceptable', ERROR.open, OPEN_ERROR.badBgpIdentifier);
  return identifier;
}

/** Both forms of the parameter list: one-octet lengths, and RFC 9072's two-octet ones behind 255 and type 255. */
function readOptionalParameters(r: ByteReader): CapabilityDraft {
  const draft = emptyDraft();
  let length = r.u8();
  const isExtended = length !== 0 && r.remaining >= 3 && r.bytes[r.offset] === PARAMETER.extendedLength;
  if (isExtended) {
    r.skip(1);
    length = r.u16();
  }
  if (length !== r.remaining) throw malformed(`optional parameters have length ${length}, ${r.remaining} bytes are there`);
  while (r.remaining > 0) readParameter(r, isExtended, draft);
  return draft;
}

function readParameter(r: ByteReader, isExtended: boolean, draft: CapabilityDraft): void {
  if (r.remaining < (isExtended ? 3 : 2)) throw malformed('an optional parameter is cut short');
  const type = r.u8();
  const length = isExtended ? r.u16() : r.u8();
  if (length > r.remaining) throw malformed(`optional parameter ${type} has length ${length}, ${r.remaining} bytes are left`);
  if (type !== PARAMETER.capabilities) {
    throw new WireError(`optional parameter ${type} is not supported`, ERROR.open, OPEN_ERROR.unsupportedParameter);
  }
  readCapabilities(r.sub(length), draft);
}

const malformed = (message: string): WireError => new WireError(message, ERROR.open, OPEN_ERROR.unspecific);
