/** ROUTE-REFRESH (RFC 2918 §3): a request to send a family again, and the marks before and behind what is sent (RFC 7313 §3.2). */
import type { ByteWriter } from '../../lib/bytes/writer.ts';
import { AFI, ERROR, HEADER_LENGTH, MARKER_LENGTH, MESSAGE_TYPE, ROUTE_REFRESH_ERROR, ROUTE_REFRESH_SUBTYPES, SAFI_UNICAST } from './constants.ts';
import { WireError } from './errors.ts';
import type { RouteRefreshMessage } from './message.ts';
import { familyFromWire, u16At } from './octets.ts';

/** AFI, subtype and SAFI. */
const BODY_LENGTH = 4;

/**
 * Whoever did not negotiate `begin` and `end` ignores them.
 *
 * @throws {WireError} ROUTE-REFRESH error, subcode 1, with the whole message, on any other length than four (RFC 7313 §5).
 */
export function readRouteRefresh(body: Uint8Array): RouteRefreshMessage {
  if (body.length !== BODY_LENGTH) {
    throw new WireError(`ROUTE-REFRESH of ${body.length} bytes: expected ${BODY_LENGTH}`,
      ERROR.routeRefresh, ROUTE_REFRESH_ERROR.invalidLength, wholeMessage(body));
  }
  return { type: 'route-refresh', family: familyFromWire(u16At(body, 0), body[3]!), subtype: ROUTE_REFRESH_SUBTYPES[body[2]!] };
}

function wholeMessage(body: Uint8Array): Uint8Array {
  const message = new Uint8Array(HEADER_LENGTH + body.length).fill(0xff, 0, MARKER_LENGTH);
  message[MARKER_LENGTH] = message.length >>> 8;
  message[MARKER_LENGTH + 1] = message.length;
  message[MARKER_LENGTH + 2] = MESSAGE_TYPE.routeRefresh;
  message.set(body, HEADER_LENGTH);
  return message;
}

/** Throws RangeError on a message without a family or a subtype: it says nothing. */
export function writeRouteRefresh(w: ByteWriter, { family, subtype }: RouteRefreshMessage): void {
  if (family === undefined || subtype === undefined) throw new RangeError('a ROUTE-REFRESH needs a family and a subtype');
  w.u16(AFI[family]);
  w.u8(ROUTE_REFRESH_SUBTYPES.indexOf(subtype));
  w.u8(SAFI_UNICAST);
}
