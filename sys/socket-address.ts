/** Socket addresses as the kernel wants them: `struct sockaddr_in` and `struct sockaddr_in6`. */
import type { Ip, Ipv4 } from '../lib/ip/prefix.ts';
import { ipToBytes, ipv6FromBytes } from '../lib/ip/text.ts';
import { AF_INET, AF_INET6 } from './native.ts';

export interface SocketAddress {
  readonly address: Ip;
  /** 0..65535. */
  readonly port: number;
  /** Interface index of a link-local IPv6 address; 0: none. */
  readonly scope: number;
}

/** Room for either. */
export const ADDRESS_BYTES = 28;
const IPV4_BYTES = 16;

export function encodeAddress({ address, port, scope }: SocketAddress): Buffer {
  const isV4 = typeof address === 'number';
  const bytes = Buffer.alloc(isV4 ? IPV4_BYTES : ADDRESS_BYTES);
  bytes.writeUInt16LE(isV4 ? AF_INET : AF_INET6, 0);
  bytes.writeUInt16BE(port, 2);
  bytes.set(ipToBytes(address), isV4 ? 4 : 8);
  if (!isV4) bytes.writeUInt32LE(scope, 24);
  return bytes;
}

/** Undefined: of another family. */
export function decodeAddress(bytes: Buffer): SocketAddress | undefined {
  const port = bytes.readUInt16BE(2);
  switch (bytes.readUInt16LE(0)) {
    case AF_INET: return { address: bytes.readUInt32BE(4) as Ipv4, port, scope: 0 };
    case AF_INET6: return { address: ipv6FromBytes(bytes.subarray(8, 24)), port, scope: bytes.readUInt32LE(24) };
    default: return undefined;
  }
}
