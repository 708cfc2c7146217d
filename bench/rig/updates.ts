/** Precomputed UPDATE streams: raw bytes, so that a feeder costs next to nothing while it is measured against. */

/** `packed`: one attribute set, as many NLRI as fit a message. `mixed8`: every 8 NLRI have attributes of their own. */
export type Shape = 'packed' | 'mixed8';

const MARKER = Buffer.alloc(16, 0xff);

export function message(type: number, body: Uint8Array = new Uint8Array()): Buffer {
  const head = Buffer.alloc(3);
  head.writeUInt16BE(19 + body.length, 0);
  head[2] = type;
  return Buffer.concat([MARKER, head, body]);
}

export const KEEPALIVE = message(4);
export const END_OF_RIB = message(2, Buffer.alloc(4));

export function openMessage(asn: number, routerId: string, holdTimeSeconds: number, restartTimeSeconds?: number): Buffer {
  const capabilities = [Buffer.from([1, 4, 0, 1, 0, 1]), Buffer.from([2, 0]), Buffer.from([65, 4, 0, 0, asn >> 8, asn & 255])];
  if (restartTimeSeconds !== undefined) {
    capabilities.push(Buffer.from([64, 6, restartTimeSeconds >> 8, restartTimeSeconds & 255, 0, 1, 1, 0x80]));
  }
  const all = Buffer.concat(capabilities);
  return message(1, Buffer.concat([
    Buffer.from([4, asn >> 8, asn & 255, holdTimeSeconds >> 8, holdTimeSeconds & 255]), addressBytes(routerId),
    Buffer.from([all.length + 2, 2, all.length]), all,
  ]));
}

export const addressBytes = (text: string): Buffer => Buffer.from(text.split('.').map(Number));

/** `n` blocks of 10.0.0.0/8: /26 (Calico's size) while they fit, /28 beyond. Their NLRI, five bytes each. */
export function blocks(n: number): { readonly length: number; readonly step: number; readonly nlri: Buffer } {
  const [length, step] = n <= 262_144 ? [26, 64] : [28, 16];
  if (n * step > 1 << 24) throw new RangeError(`${n} blocks do not fit into 10.0.0.0/8`);
  const nlri = Buffer.alloc(n * 5);
  for (let i = 0; i < n; i++) {
    nlri[i * 5] = length;
    nlri.writeUInt32BE(0x0a000000 + i * step, i * 5 + 1);
  }
  return { length, step, nlri };
}

interface Attributes { readonly nextHop: string; readonly path: readonly number[]; readonly localPref?: number; readonly communities?: readonly number[] }

export function attributes(a: Attributes): Buffer {
  const u32 = (values: readonly number[]): Buffer => {
    const b = Buffer.alloc(values.length * 4);
    values.forEach((v, i) => b.writeUInt32BE(v, i * 4));
    return b;
  };
  const path = a.path.length === 0 ? Buffer.alloc(0) : Buffer.concat([Buffer.from([2, a.path.length]), u32(a.path)]);
  return Buffer.concat([
    Buffer.from([0x40, 1, 1, 0]), Buffer.from([0x40, 2, path.length]), path,
    Buffer.from([0x40, 3, 4]), addressBytes(a.nextHop),
    a.localPref === undefined ? Buffer.alloc(0) : Buffer.concat([Buffer.from([0x40, 5, 4]), u32([a.localPref])]),
    a.communities === undefined ? Buffer.alloc(0) : Buffer.concat([Buffer.from([0xc0, 8, a.communities.length * 4]), u32(a.communities)]),
  ]);
}

export function announcement(attributeBytes: Buffer, nlri: Buffer): Buffer {
  const head = Buffer.alloc(4);
  head.writeUInt16BE(attributeBytes.length, 2);
  return message(2, Buffer.concat([head, attributeBytes, nlri]));
}

/** The whole table as one byte stream. `prepend` lengthens the AS path, so that the route is worse. */
export function announcements(n: number, nextHop: string, asn: number, shape: Shape, prepend = 0): Buffer {
  const { nlri } = blocks(n);
  const head = Array.from({ length: 1 + prepend }, () => asn);
  const packed = attributes({ nextHop, path: head });
  const per = shape === 'mixed8' ? 8 : Math.floor((4096 - 23 - packed.length) / 5);
  const messages: Buffer[] = [];
  for (let i = 0, group = 0; i < n; i += per, group++) {
    const block = shape === 'packed' ? packed : attributes({
      nextHop, path: [...head, 64_600 + (group % 97), 3_000_000 + group, 70_000 + (group % 1009)],
      communities: [64_600 * 65_536 + (group % 251), 64_601 * 65_536 + (group % 17)],
    });
    messages.push(announcement(block, nlri.subarray(i * 5, Math.min(n, i + per) * 5)));
  }
  return Buffer.concat(messages);
}

export function withdrawals(n: number): Buffer {
  const { nlri } = blocks(n);
  const per = Math.floor((4096 - 23) / 5);
  const messages: Buffer[] = [];
  for (let i = 0; i < n; i += per) {
    const part = nlri.subarray(i * 5, Math.min(n, i + per) * 5);
    const head = Buffer.alloc(2);
    head.writeUInt16BE(part.length, 0);
    messages.push(message(2, Buffer.concat([head, part, Buffer.alloc(2)])));
  }
  return Buffer.concat(messages);
}
