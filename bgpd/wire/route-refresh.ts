/** ROUTE-REFRESH (RFC 2918 §3): a request to send a family again. */
import type { ByteReader } from '../../lib/bytes/reader.ts';
import type { ByteWriter } from '../../lib/bytes/writer.ts';
import { familyFromWire } from './capabilities.ts';
import { AFI, SAFI_UNICAST } from './constants.ts';
import type { RouteRefreshMessage } from './message.ts';

/** Subtypes other than a plain request (RFC 7313 §3.2) were not negotiated and are ignored: no family. */
export function readRouteRefresh(r: ByteReader): RouteRefreshMessage {
  const afi = r.u16();
  const subtype = r.u8();
  const safi = r.u8();
  return { type: 'route-refresh', family: subtype === 0 ? familyFromWire(afi, safi) : undefined };
}

/** Throws RangeError on a message without a family: there is nothing to ask for. */
export function writeRouteRefresh(w: ByteWriter, message: RouteRefreshMessage): void {
  if (message.family === undefined) throw new RangeError('a ROUTE-REFRESH needs a family');
  w.u16(AFI[message.family]);
  w.u8(0);
  w.u8(SAFI_UNICAST);
}
