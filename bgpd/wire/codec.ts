/** Messages from bytes and back: the one place that knows all five types. */
import { ByteReader } from '../../lib/bytes/reader.ts';
import { ByteWriter } from '../../lib/bytes/writer.ts';
import { assertNever } from '../../lib/errors.ts';
import { ERROR, HEADER_ERROR, HEADER_LENGTH, MARKER_LENGTH, MAX_MESSAGE_LENGTH, MESSAGE_TYPE, MIN_LENGTH_OF_TYPE } from './constants.ts';
import { WireError } from './errors.ts';
import type { AttributeInterner } from './interner.ts';
import type { Message, WireContext } from './message.ts';
import { readNotification, writeNotification } from './notification.ts';
import { readOpen, writeOpen } from './open.ts';
import { readRouteRefresh, writeRouteRefresh } from './route-refresh.ts';
import { readUpdate, writeUpdate } from './update.ts';

/**
 * @param type as the framer found it.
 * @param body what follows the header; it may be a view, since nothing in the result points into it.
 * @throws {WireError} what must end the session; nothing else is ever thrown. Other faults are data on the UPDATE.
 */
export function decodeMessage(type: number, body: Uint8Array, context: WireContext, interner: AttributeInterner): Message {
  const length = HEADER_LENGTH + body.length;
  if (length < (MIN_LENGTH_OF_TYPE[type] ?? 0) || length > maximumLength(type, context)) {
    throw new WireError(`message of type ${type} has length ${length}`, ERROR.header, HEADER_ERROR.badLength,
      Uint8Array.of(length >>> 8, length));
  }
  switch (type) {
    case MESSAGE_TYPE.open: return readOpen(new ByteReader(body));
    case MESSAGE_TYPE.update: return readUpdate(body, context, interner);
    case MESSAGE_TYPE.notification: return readNotification(new ByteReader(body));
    case MESSAGE_TYPE.keepalive: return { type: 'keepalive' };
    case MESSAGE_TYPE.routeRefresh: return readRouteRefresh(body);
    default: throw new WireError(`message type ${type} is unknown`, ERROR.header, HEADER_ERROR.badType, Uint8Array.of(type));
  }
}

/** Only OPEN and KEEPALIVE stay as they were when extended messages are agreed (RFC 8654 §4). */
const maximumLength = (type: number, { maximumBytes }: WireContext): number =>
  (type === MESSAGE_TYPE.open || type === MESSAGE_TYPE.keepalive ? MAX_MESSAGE_LENGTH : maximumBytes);

/**
 * The whole message, header included. Throws RangeError when it is longer than the session allows (see `pack.ts` for many
 * prefixes), but the data of a NOTIFICATION is cut to fit, since the peer may have sent what it repeats in an extended message.
 */
export function encodeMessage(message: Message, context: WireContext): Uint8Array {
  const w = new ByteWriter(64);
  for (let i = 0; i < MARKER_LENGTH; i++) w.u8(0xff);
  w.u16(0);
  const type = typeOf(message);
  const longest = maximumLength(type, context);
  w.u8(type);
  writeBody(w, message, context);
  if (message.type === 'notification') w.truncate(Math.min(w.length, longest));
  if (w.length > longest) throw new RangeError(`a message of ${w.length} bytes: at most ${longest} are allowed`);
  w.patch16(MARKER_LENGTH, w.length);
  return w.finish();
}

const typeOf = (message: Message): number =>
  (message.type === 'route-refresh' ? MESSAGE_TYPE.routeRefresh : MESSAGE_TYPE[message.type]);

function writeBody(w: ByteWriter, message: Message, context: WireContext): void {
  switch (message.type) {
    case 'open': writeOpen(w, message); return;
    case 'update': writeUpdate(w, message, context); return;
    case 'notification': writeNotification(w, message); return;
    case 'keepalive': return;
    case 'route-refresh': writeRouteRefresh(w, message); return;
    default: assertNever(message);
  }
}
