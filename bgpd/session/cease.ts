/** The ways in which we end a session on purpose, as the Cease that says so (RFC 4486, RFC 9003). */
import { CEASE, ERROR } from '../wire/constants.ts';
import type { NotificationMessage } from '../wire/message.ts';
import { shutdownCommunication } from '../wire/notification.ts';

/** Cease subcodes 1, 2, 3, 4, 6 and 10 (RFC 9384). */
export type StopReason = 'maximum-prefixes' | 'shutdown' | 'deconfigured' | 'reset' | 'configuration-changed' | 'bfd-down';

const SUBCODE: Readonly<Record<StopReason, number>> = {
  'maximum-prefixes': CEASE.maximumPrefixes,
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
