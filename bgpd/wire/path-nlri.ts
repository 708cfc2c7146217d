/** Prefixes with path identifiers in front (RFC 7911 §3): kept apart, so that sessions without them pay nothing. */
import type { ByteWriter } from '../../lib/bytes/writer.ts';
import type { Family, Prefix } from '../../lib/ip/prefix.ts';
import { nlriSizeOf, readNlri, writeNlri } from './nlri.ts';
import { u32At } from './octets.ts';

/** Octets of a path identifier. */
export const PATH_ID_SIZE = 4;

export interface Paths { readonly prefixes: readonly Prefix[]; readonly ids: readonly number[] }

/** As `readNlri`, with an identifier for each prefix. */
export function readPaths(family: Family, bytes: Uint8Array, start: number, end: number): Paths | undefined {
  const plain = new Uint8Array(end - start);
  const ids: number[] = [];
  let length = 0;
  for (let at = start; at < end;) {
    const prefixAt = at + PATH_ID_SIZE;
    const next = prefixAt + 1 + ((bytes[prefixAt]! + 7) >>> 3);
    if (next > end) return undefined;
    ids.push(u32At(bytes, at));
    for (let i = prefixAt; i < next; i++) plain[length++] = bytes[i]!;
    at = next;
  }
  const prefixes = readNlri(family, plain, 0, length);
  return prefixes && { prefixes, ids };
}

/** As `writeNlri`, with `ids[i]` in front of `prefixes[i]`. */
export function writePaths(
  bytes: Uint8Array, at: number, prefixes: readonly Prefix[], ids: readonly number[], from = 0, to = prefixes.length,
): number {
  for (let i = from; i < to; i++) {
    const id = ids[i]!;
    bytes[at] = id >>> 24;
    bytes[at + 1] = id >>> 16;
    bytes[at + 2] = id >>> 8;
    bytes[at + 3] = id;
    at = writeNlri(bytes, at + PATH_ID_SIZE, prefixes, i, i + 1);
  }
  return at;
}

/** Writes prefixes behind what `w` holds, each behind its path identifier if there are any. */
export function appendNlri(w: ByteWriter, prefixes: readonly Prefix[], ids?: readonly number[]): void {
  const bytes = new Uint8Array(nlriSizeOf(prefixes) + (ids === undefined ? 0 : PATH_ID_SIZE * prefixes.length));
  if (ids === undefined) writeNlri(bytes, 0, prefixes);
  else writePaths(bytes, 0, prefixes, ids);
  w.bytes(bytes);
}
