/** One thing wrong with an attribute, what RFC 7606 makes of it, and what the peer hears if the session must end over it. */
import { ERROR, UPDATE_ERROR } from './constants.ts';
import { WireError } from './errors.ts';

const NO_BYTES: Uint8Array = new Uint8Array(0);

export interface AttributeFault {
  readonly action: 'withdraw' | 'discard';
  readonly text: string;
  /** Of an UPDATE error, for the case that the session must be reset after all (RFC 7606 §5.2). */
  readonly subcode: number;
  /** Flags, type, length and value. */
  readonly attribute: Uint8Array;
}

export const fault = (action: AttributeFault['action'], text: string, subcode: number, attribute = NO_BYTES): AttributeFault =>
  ({ action, text, subcode, attribute });

export const showFault = (f: AttributeFault): string =>
  `${f.text} (${f.action === 'withdraw' ? 'treated as withdraw' : 'discarded'})`;

/** Subcodes whose NOTIFICATION carries the attribute (RFC 4271 §6.3). */
const SUBCODES_WITH_ATTRIBUTE: readonly number[] = [
  UPDATE_ERROR.unrecognizedWellKnown, UPDATE_ERROR.attributeFlags, UPDATE_ERROR.attributeLength, UPDATE_ERROR.invalidOrigin,
  UPDATE_ERROR.invalidNextHop, UPDATE_ERROR.optionalAttribute,
];

export const updateError = (message: string, subcode: number, attribute = NO_BYTES): WireError =>
  new WireError(message, ERROR.update, subcode, SUBCODES_WITH_ATTRIBUTE.includes(subcode) ? attribute : NO_BYTES);

export const malformedList = (message: string): WireError => updateError(message, UPDATE_ERROR.malformedAttributeList);
