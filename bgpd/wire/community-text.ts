/** Communities as configurations name them: two numbers for RFC 1997, three for RFC 8092. */
import type { LargeCommunity } from './message.ts';

const NUMBER = /^(0|[1-9][0-9]{0,9})$/;

/** `65000:1`: two numbers 0..65535. Undefined: not of this form. */
export function parseCommunity(text: string): number | undefined {
  const parts = numbersOf(text, 2, 0xffff);
  return parts && ((parts[0]! << 16) | parts[1]!) >>> 0;
}

/** `65000:1:2`: three numbers 0..4294967295. Undefined: not of this form. */
export function parseLargeCommunity(text: string): LargeCommunity | undefined {
  const parts = numbersOf(text, 3, 0xffffffff);
  return parts && [parts[0]!, parts[1]!, parts[2]!];
}

function numbersOf(text: string, count: number, maximum: number): number[] | undefined {
  const parts = text.split(':');
  if (parts.length !== count || !parts.every((part) => NUMBER.test(part) && Number(part) <= maximum)) return undefined;
  return parts.map(Number);
}
