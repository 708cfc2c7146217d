/** The few ASN.1 DER forms that an X.509 certificate is made of (ITU-T X.690). */

const tagged = (tag: number, ...contents: readonly Uint8Array[]): Uint8Array => {
  const body = Buffer.concat(contents);
  return Buffer.concat([Buffer.from([tag]), lengthOf(body.length), body]);
};

/** Short form below 128, else the number of length bytes and the length. */
function lengthOf(length: number): Uint8Array {
  if (length < 0x80) return Buffer.from([length]);
  const bytes: number[] = [];
  for (let rest = length; rest > 0; rest >>>= 8) bytes.unshift(rest & 0xff);
  return Buffer.from([0x80 | bytes.length, ...bytes]);
}

export const sequence = (...items: readonly Uint8Array[]): Uint8Array => tagged(0x30, ...items);
export const setOf = (...items: readonly Uint8Array[]): Uint8Array => tagged(0x31, ...items);
export const boolean = (value: boolean): Uint8Array => tagged(0x01, Buffer.from([value ? 0xff : 0]));
export const octetString = (content: Uint8Array): Uint8Array => tagged(0x04, content);
export const utf8 = (text: string): Uint8Array => tagged(0x0c, Buffer.from(text, 'utf8'));
/** Whole bytes; `unused` low bits of the last one do not count. */
export const bitString = (content: Uint8Array, unused = 0): Uint8Array => tagged(0x03, Buffer.from([unused]), content);
/** Context-specific, constructed (explicit). */
export const explicit = (number: number, content: Uint8Array): Uint8Array => tagged(0xa0 | number, content);
/** Context-specific, primitive (implicit). */
export const implicit = (number: number, content: Uint8Array): Uint8Array => tagged(0x80 | number, content);

/** A positive integer from its big-endian bytes. */
export function integer(bytes: Uint8Array): Uint8Array {
  let start = 0;
  while (start < bytes.length - 1 && bytes[start] === 0) start += 1;
  const trimmed = bytes.subarray(start);
  return tagged(0x02, (trimmed[0] ?? 0) >= 0x80 ? Buffer.concat([Buffer.from([0]), trimmed]) : trimmed);
}

/** `1.2.840.10045.4.3.2` */
export function objectIdentifier(dotted: string): Uint8Array {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number);
  const bytes = [first * 40 + second, ...rest.flatMap((arc) => {
    const groups = [arc & 0x7f];
    for (let more = arc >>> 7; more > 0; more >>>= 7) groups.unshift(0x80 | (more & 0x7f));
    return groups;
  })];
  return tagged(0x06, Buffer.from(bytes));
}

/** UTCTime up to 2049, GeneralizedTime from 2050 on (RFC 5280 §4.1.2.5). */
export function time(date: Date): Uint8Array {
  const digits = date.toISOString().replace(/[-:T]/g, '').slice(0, 14);
  return date.getUTCFullYear() < 2050 ? tagged(0x17, Buffer.from(`${digits.slice(2)}Z`)) : tagged(0x18, Buffer.from(`${digits}Z`));
}
