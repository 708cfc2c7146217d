/** Cuts a TCP byte stream into BGP messages, wherever its chunks happen to end. */
import { ERROR, HEADER_ERROR, HEADER_LENGTH, MARKER_LENGTH, MAX_MESSAGE_LENGTH, MESSAGE_TYPE, MIN_LENGTH_OF_TYPE } from './constants.ts';
import { WireError } from './errors.ts';

export interface Frame {
  /** One of `MESSAGE_TYPE`. */
  readonly type: number;
  /** What follows the header: a view that is valid until the next frame is asked for. */
  readonly body: Uint8Array;
}

/** A copy of the message, its header included. */
export function wholeMessage({ type, body }: Frame): Uint8Array {
  const length = HEADER_LENGTH + body.length;
  const bytes = new Uint8Array(length).fill(0xff, 0, MARKER_LENGTH);
  bytes[MARKER_LENGTH] = length >>> 8;
  bytes[MARKER_LENGTH + 1] = length;
  bytes[MARKER_LENGTH + 2] = type;
  bytes.set(body, HEADER_LENGTH);
  return bytes;
}

/** One per connection. After it threw, the stream is lost: close the connection. */
export class Framer {
  /** A message whose end has not arrived yet: only such a message is copied. */
  #partial = new Uint8Array(MAX_MESSAGE_LENGTH);
  #partialLength = 0;
  #maximumBytes = MAX_MESSAGE_LENGTH;

  /** Bytes kept of an unfinished message. */
  get pending(): number { return this.#partialLength; }

  /** Longest message from now on, header included: 65,535 once both sides have offered extended messages (RFC 8654 §4). */
  get maximumBytes(): number { return this.#maximumBytes; }

  set maximumBytes(length: number) {
    this.#maximumBytes = length;
    if (length <= this.#partial.length) return;
    const longer = new Uint8Array(length);
    longer.set(this.#partial.subarray(0, this.#partialLength));
    this.#partial = longer;
  }

  /**
   * The messages that `chunk` completes, in order. Iterate to the end or close the connection: what is not iterated is lost.
   *
   * @throws {WireError} header error of RFC 4271 §6.1, as soon as the header is there, after the messages before it.
   */
  *frames(chunk: Uint8Array): Generator<Frame, void, void> {
    let at = 0;
    while (this.#partialLength > 0) {
      const used = this.#continuePartial(chunk, at);
      at += used;
      const length = this.#partialLength < HEADER_LENGTH ? HEADER_LENGTH : messageLength(this.#partial, 0, this.#maximumBytes);
      if (this.#partialLength < length) {
        if (at === chunk.length) return;
        continue;
      }
      this.#partialLength = 0;
      yield frameAt(this.#partial, 0, length);
    }
    while (chunk.length - at >= HEADER_LENGTH) {
      const length = messageLength(chunk, at, this.#maximumBytes);
      if (chunk.length - at < length) break;
      yield frameAt(chunk, at, length);
      at += length;
    }
    this.#partial.set(chunk.subarray(at));
    this.#partialLength = chunk.length - at;
  }

  /** Copies towards the header first, then towards the whole message; returns the bytes used of `chunk`. */
  #continuePartial(chunk: Uint8Array, at: number): number {
    const wanted = this.#partialLength < HEADER_LENGTH ? HEADER_LENGTH : messageLength(this.#partial, 0, this.#maximumBytes);
    const used = Math.min(wanted - this.#partialLength, chunk.length - at);
    this.#partial.set(chunk.subarray(at, at + used), this.#partialLength);
    this.#partialLength += used;
    return used;
  }
}

const frameAt = (bytes: Uint8Array, at: number, length: number): Frame =>
  ({ type: bytes[at + MARKER_LENGTH + 2]!, body: bytes.subarray(at + HEADER_LENGTH, at + length) });

/** The checked length of the message whose header stands at `at` (RFC 4271 §6.1). */
function messageLength(bytes: Uint8Array, at: number, maximumBytes: number): number {
  for (let i = at; i < at + MARKER_LENGTH; i++) {
    if (bytes[i] !== 0xff) {
      throw new WireError(`marker byte ${i - at} is ${bytes[i]!}: expected 255`, ERROR.header, HEADER_ERROR.notSynchronized);
    }
  }
  const lengthAt = at + MARKER_LENGTH;
  const length = (bytes[lengthAt]! << 8) | bytes[lengthAt + 1]!;
  const type = bytes[lengthAt + 2]!;
  const longest = type === MESSAGE_TYPE.open || type === MESSAGE_TYPE.keepalive ? MAX_MESSAGE_LENGTH : maximumBytes;   // RFC 8654 §4
  if (length < HEADER_LENGTH || length > longest) {
    throw badLength(`message length ${length} is not in ${HEADER_LENGTH}..${longest}`, length);
  }
  const least = MIN_LENGTH_OF_TYPE[type];
  if (least === undefined) {
    throw new WireError(`message type ${type} is unknown`, ERROR.header, HEADER_ERROR.badType, Uint8Array.of(type));
  }
  const isFixed = type === MESSAGE_TYPE.keepalive;
  if (length < least || (isFixed && length !== least)) {
    throw badLength(`message of type ${type} has length ${length}: expected ${isFixed ? '' : 'at least '}${least}`, length);
  }
  return length;
}

/** The data is the erroneous length field. */
const badLength = (message: string, length: number): WireError =>
  new WireError(message, ERROR.header, HEADER_ERROR.badLength, Uint8Array.of(length >>> 8, length));
