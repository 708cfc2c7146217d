/** The error of the codec: bytes that break the protocol, and what the peer must be told about it. */
import { copyOf } from './copy.ts';
import type { NotificationMessage } from './message.ts';

const NO_DATA = new Uint8Array(0);

/** Ends the session: `notification` is what to send before closing (RFC 4271 §6). */
export class WireError extends Error {
  readonly code: number;
  readonly subcode: number;
  readonly data: Uint8Array;

  /** @param data copied, so that it may be a view into a receive buffer. */
  constructor(message: string, code: number, subcode: number, data: Uint8Array = NO_DATA) {
    super(message);
    this.name = 'WireError';
    this.code = code;
    this.subcode = subcode;
    this.data = data.length === 0 ? NO_DATA : copyOf(data);
  }

  get notification(): NotificationMessage {
    return { type: 'notification', code: this.code, subcode: this.subcode, data: this.data };
  }
}
