/** Decode rate of the codec alone: 1,000,000 prefixes through framer, decoder and interner, as a peer receives them. */
import { ORIGINATED, prependAs, withCommunities } from '../bgpd/wire/attribute-changes.ts';
import { decodeMessage } from '../bgpd/wire/codec.ts';
import { wireContext } from '../bgpd/wire/context.ts';
import { Framer } from '../bgpd/wire/framer.ts';
import { AttributeInterner } from '../bgpd/wire/interner.ts';
import type { NextHop } from '../bgpd/wire/message.ts';
import { packUpdates } from '../bgpd/wire/pack.ts';
import { prefix4, prefix6, type Family, type Prefix } from '../lib/ip/prefix.ts';
import { ip } from '../lib/ip/text.ts';

const PREFIXES = 1_000_000;
const CHUNK_BYTES = 65_536;
const RUNS = 7;
const CONTEXT = wireContext({ external: true });
const NEXT_HOP: Record<Family, NextHop> = { ipv4: { address: ip('192.0.2.1') }, ipv6: { address: ip('2001:db8::1') } };

/** What a peer with three AS numbers in each path and three communities sends, `perSet` prefixes to an attribute set. */
function stream(family: Family, perSet: number): Uint8Array {
  const messages: Uint8Array[] = [];
  for (let first = 0, set = 0; first < PREFIXES; first += perSet, set++) {
    const path = [64512 + (set % 1000), 4_200_000_000 + set, 65001].reduce((a, asn) => prependAs(a, asn), ORIGINATED);
    const attributes = withCommunities(path, [0xfde90000 + (set % 65536), 0xfdea0000 + (set >>> 16), 7]);
    const prefixes = Array.from({ length: Math.min(perSet, PREFIXES - first) }, (_, i): Prefix => (family === 'ipv4'
      ? prefix4(0x0a000000 + (first + i) * 16, 28)
      : prefix6((0x20010db8n << 96n) + (BigInt(first + i) << 64n), 64)));
    messages.push(...packUpdates({ family, attributes, nextHop: NEXT_HOP[family], prefixes, context: CONTEXT }));
  }
  return Buffer.concat(messages);
}

/** CPU milliseconds of the whole process, garbage collection included. */
function decode(bytes: Uint8Array): number {
  const [framer, interner] = [new Framer(), new AttributeInterner()];
  const before = process.cpuUsage();
  let count = 0;
  for (let at = 0; at < bytes.length; at += CHUNK_BYTES) {
    for (const frame of framer.frames(bytes.subarray(at, at + CHUNK_BYTES))) {
      const message = decodeMessage(frame.type, frame.body, CONTEXT, interner);
      if (message.type !== 'update') continue;
      count += message.announced4.length + message.announced6.length;
      if (message.attributes !== undefined) interner.retain(message.attributes);
    }
  }
  if (count !== PREFIXES) throw new Error(`${count} prefixes came out of ${PREFIXES}`);
  return process.cpuUsage(before).user / 1000;
}

for (const family of ['ipv4', 'ipv6'] as const) {
  for (const perSet of [8, 800]) {
    const bytes = stream(family, perSet);
    const times = Array.from({ length: RUNS }, () => decode(bytes)).sort((a, b) => a - b);
    const ms = times[RUNS >> 1]!;
    console.log(`${family}, ${perSet} prefixes a set: ${ms.toFixed(0)} ms CPU, ${(PREFIXES / ms / 1000).toFixed(1)} M prefixes/s`);
  }
}
