/** Messages to begin from: what other speakers were seen to send, as it stands in `test/golden/wire`. */
import { readdirSync, readFileSync } from 'node:fs';
import { HEADER_LENGTH, MARKER_LENGTH } from '../../bgpd/wire/constants.ts';
import { wholeMessage } from '../../bgpd/wire/framer.ts';
import { bytesFromHex } from '../support/hex.ts';

/** A message without its header. */
export interface Seed { readonly type: number; readonly body: Uint8Array }

const FOLDER = new URL('../golden/wire/', import.meta.url);

/** Every golden message whose header is whole. */
export function seeds(): Seed[] {
  return readdirSync(FOLDER).filter((name) => name.endsWith('.txt')).sort().flatMap((name) => {
    const [head = ''] = readFileSync(new URL(name, FOLDER), 'utf8').split(/^expect$/m);
    const hex = head.split('\n').filter((line) => !/^(#|context |canonical )/.test(line)).join('\n');
    const bytes = bytesFromHex(hex);
    return bytes.length >= HEADER_LENGTH ? [{ type: bytes[MARKER_LENGTH + 2]!, body: bytes.slice(HEADER_LENGTH) }] : [];
  });
}

/** A message with the right marker and length, so that it gets past the framer. */
export const framed = (type: number, body: Uint8Array): Uint8Array => wholeMessage({ type, body });
