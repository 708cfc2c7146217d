/** NOTIFICATION (RFC 4271 §4.5): its bytes, and what it says in words. */
import type { ByteReader } from '../../lib/bytes/reader.ts';
import type { ByteWriter } from '../../lib/bytes/writer.ts';
import { CEASE, ERROR, FSM_ERROR, HEADER_ERROR, OPEN_ERROR, ROUTE_REFRESH_ERROR, UPDATE_ERROR } from './constants.ts';
import { copyOf } from './copy.ts';
import type { NotificationMessage } from './message.ts';

/** Octets of a shutdown communication (RFC 9003 §2). */
export const MAX_COMMUNICATION_LENGTH = 255;

export function readNotification(r: ByteReader): NotificationMessage {
  const code = r.u8();
  const subcode = r.u8();
  return { type: 'notification', code, subcode, data: copyOf(r.view(r.remaining)) };
}

export function writeNotification(w: ByteWriter, n: NotificationMessage): void {
  w.u8(n.code);
  w.u8(n.subcode);
  w.bytes(n.data);
}

interface CodeText { readonly text: string; readonly subcodes: Readonly<Record<number, string>> }

const TEXT_OF_CODE: Readonly<Record<number, CodeText>> = {
  [ERROR.header]: {
    text: 'Message header error',
    subcodes: {
      [HEADER_ERROR.notSynchronized]: 'connection not synchronized',
      [HEADER_ERROR.badLength]: 'bad message length',
      [HEADER_ERROR.badType]: 'bad message type',
    },
  },
  [ERROR.open]: {
    text: 'OPEN message error',
    subcodes: {
      [OPEN_ERROR.unsupportedVersion]: 'unsupported version number',
      [OPEN_ERROR.badPeerAs]: 'bad peer AS',
      [OPEN_ERROR.badBgpIdentifier]: 'bad BGP identifier',
      [OPEN_ERROR.unsupportedParameter]: 'unsupported optional parameter',
      [OPEN_ERROR.authenticationFailure]: 'authentication failure',
      [OPEN_ERROR.unacceptableHoldTime]: 'unacceptable hold time',
      [OPEN_ERROR.unsupportedCapability]: 'unsupported capability',
      [OPEN_ERROR.roleMismatch]: 'role mismatch',
    },
  },
  [ERROR.update]: {
    text: 'UPDATE message error',
    subcodes: {
      [UPDATE_ERROR.malformedAttributeList]: 'malformed attribute list',
      [UPDATE_ERROR.unrecognizedWellKnown]: 'unrecognized well-known attribute',
      [UPDATE_ERROR.missingWellKnown]: 'missing well-known attribute',
      [UPDATE_ERROR.attributeFlags]: 'attribute flags error',
      [UPDATE_ERROR.attributeLength]: 'attribute length error',
      [UPDATE_ERROR.invalidOrigin]: 'invalid ORIGIN attribute',
      [UPDATE_ERROR.routingLoop]: 'AS routing loop',
      [UPDATE_ERROR.invalidNextHop]: 'invalid NEXT_HOP attribute',
      [UPDATE_ERROR.optionalAttribute]: 'optional attribute error',
      [UPDATE_ERROR.invalidNetworkField]: 'invalid network field',
      [UPDATE_ERROR.malformedAsPath]: 'malformed AS_PATH',
    },
  },
  [ERROR.holdTimerExpired]: { text: 'Hold timer expired', subcodes: {} },
  [ERROR.fsm]: {
    text: 'Finite state machine error',
    subcodes: {
      [FSM_ERROR.inOpenSent]: 'unexpected message in OpenSent',
      [FSM_ERROR.inOpenConfirm]: 'unexpected message in OpenConfirm',
      [FSM_ERROR.inEstablished]: 'unexpected message in Established',
    },
  },
  [ERROR.cease]: {
    text: 'Cease',
    subcodes: {
      [CEASE.maximumPrefixes]: 'maximum number of prefixes reached',
      [CEASE.administrativeShutdown]: 'administrative shutdown',
      [CEASE.peerDeconfigured]: 'peer de-configured',
      [CEASE.administrativeReset]: 'administrative reset',
      [CEASE.connectionRejected]: 'connection rejected',
      [CEASE.otherConfigurationChange]: 'other configuration change',
      [CEASE.connectionCollision]: 'connection collision resolution',
      [CEASE.outOfResources]: 'out of resources',
      [CEASE.hardReset]: 'hard reset',
      [CEASE.bfdDown]: 'BFD down',
    },
  },
  [ERROR.routeRefresh]: {
    text: 'ROUTE-REFRESH message error',
    subcodes: { [ROUTE_REFRESH_ERROR.invalidLength]: 'invalid message length' },
  },
};

/**
 * One line for logs and status: `Hold timer expired`, `OPEN message error: bad peer AS`,
 * `Cease: administrative shutdown ("maintenance")`; a Hard Reset says what is inside it. Codes that nobody assigned appear as numbers.
 */
export function describeNotification(n: Pick<NotificationMessage, 'code' | 'subcode'> & { readonly data?: Uint8Array }): string {
  const known = TEXT_OF_CODE[n.code];
  if (known === undefined) return `Error ${n.code}, subcode ${n.subcode}`;
  const detail = n.subcode === 0 ? undefined : known.subcodes[n.subcode] ?? `subcode ${n.subcode}`;
  const text = detail === undefined ? known.text : `${known.text}: ${detail}`;
  const inner = wrappedIn(n);
  if (inner !== undefined) return `${text} (${describeNotification(inner)})`;
  const said = shutdownCommunicationOf(n);
  return said === '' ? text : `${text} (${JSON.stringify(said)})`;
}

/** A NOTIFICATION inside a Hard Reset (RFC 8538 §3.1), which is not one itself. */
function wrappedIn({ code, subcode, data }: { readonly code: number; readonly subcode: number; readonly data?: Uint8Array }): NotificationMessage | undefined {
  if (code !== ERROR.cease || subcode !== CEASE.hardReset || data === undefined || data.length < 2) return undefined;
  const isNested = data[0] === ERROR.cease && data[1] === CEASE.hardReset;
  return isNested ? undefined : { type: 'notification', code: data[0]!, subcode: data[1]!, data: data.subarray(2) };
}

/** Cease with subcode 9 around another NOTIFICATION (RFC 8538 §3.1): a peer with which N was agreed keeps no routes then. */
export function hardReset({ code, subcode, data }: NotificationMessage): NotificationMessage {
  return { type: 'notification', code: ERROR.cease, subcode: CEASE.hardReset, data: Uint8Array.of(code, subcode, ...data) };
}

/** Data for an administrative shutdown or reset (RFC 9003 §2): UTF-8, cut at a character when longer than 255 octets. */
export function shutdownCommunication(text: string): Uint8Array {
  const bytes = new TextEncoder().encode(text);
  let length = Math.min(bytes.length, MAX_COMMUNICATION_LENGTH);
  while (length < bytes.length && (bytes[length]! & 0xc0) === 0x80) length--;
  const data = new Uint8Array(1 + length);
  data[0] = length;
  data.set(bytes.subarray(0, length), 1);
  return data;
}

/** What the peer's operator wrote, made harmless for a terminal; empty when there is nothing or it is malformed. */
function shutdownCommunicationOf(n: { readonly code: number; readonly subcode: number; readonly data?: Uint8Array }): string {
  const carriesText = n.code === ERROR.cease
    && (n.subcode === CEASE.administrativeShutdown || n.subcode === CEASE.administrativeReset);
  const data = n.data;
  if (!carriesText || data === undefined || data.length === 0 || data[0]! > data.length - 1) return '';
  return new TextDecoder().decode(data.subarray(1, 1 + data[0]!)).replaceAll(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, ' ');
}
