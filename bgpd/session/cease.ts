/** The ways in which we end a session on purpose, as the Cease that says so (RFC 4486, RFC 9003). */
import type { Family } from '../../lib/ip/prefix.ts';
import { AFI, CEASE, ERROR, SAFI_UNICAST } from '../wire/constants.ts';
import type { NotificationMessage } from '../wire/message.ts';
import { shutdownCommunication } from '../wire/notification.ts';

/** Cease subcodes 2, 3, 4, 6 and 10 (RFC 9384). */
export type StopReason = 'shutdown' | 'deconfigured' | 'reset' | 'configuration-changed' | 'bfd-down';

const SUBCODE: Readonly<Record<StopReason, number>> = {
  shutdown: CEASE.administrativeShutdown,
  deconfigured: CEASE.peerDeconfigured,
  reset: CEASE.administrativeReset,
  'configuration-changed': CEASE.otherConfigurationChange,
  'bfd-down': CEASE.bfdDown,
};

/** `message`: for the operator of the other side; only a shutdown and a reset can carry it (RFC 9003 §2), others go without. */
export function ceaseFor(reason: StopReason, message = ''): NotificationMessage {
  const carriesText = message !== '' && (reason === 'shutdown' || reason === 'reset');
  const data = carriesText ? shutdownCommunication(message) : new Uint8Array(0);
  return { type: 'notification', code: ERROR.cease, subcode: SUBCODE[reason], data };
}

/** Subcode 1, with address family and upper bound (RFC 4486 §4). */
export function maximumPrefixesReached(family: Family, limit: number): NotificationMessage {
  const data = new Uint8Array(7);
  const view = new DataView(data.buffer);
  view.setUint16(0, AFI[family]);
  view.setUint8(2, SAFI_UNICAST);
  view.setUint32(3, limit);
  return { type: 'notification', code: ERROR.cease, subcode: CEASE.maximumPrefixes, data };
}
