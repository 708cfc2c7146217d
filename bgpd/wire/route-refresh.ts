/** ROUTE-REFRESH (RFC 2918 §3): a request to send a family again, and the marks before and behind what is sent (RFC 7313 §3.2). */
import type { ByteReader } from '../../lib/bytes/reader.ts';
import type { ByteWriter } from '../../lib/bytes/writer.ts';
import { AFI, ROUTE_REFRESH_SUBTYPES, SAFI_UNICAST } from './constants.ts';
import type { RouteRefreshMessage } from './message.ts';
import { familyFromWire } from './octets.ts';

/** Whoever did not negotiate `begin` and `end` ignores them (RFC 7313 §4.2). */
export function readRouteRefresh(r: ByteReader): RouteRefreshMessage {
  const afi = r.u16();
  const subtype = ROUTE_REFRESH_SUBTYPES[r.u8()];
  return { type: 'route-refresh', family: familyFromWire(afi, r.u8()), subtype };
}

/** Throws RangeError on a message without a family or a subtype: it says nothing. */
export function writeRouteRefresh(w: ByteWriter, { family, subtype }: RouteRefreshMessage): void {
  if (family === undefined || subtype === undefined) throw new RangeError('a ROUTE-REFRESH needs a family and a subtype');
  w.u16(AFI[family]);
  w.u8(ROUTE_REFRESH_SUBTYPES.indexOf(subtype));
  w.u8(SAFI_UNICAST);
}
