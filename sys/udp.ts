/** UDP sockets that tell of each datagram how far it came, where to and over which link; each datagram is read without copying. */
import { OperationError } from '../lib/errors.ts';
import type { Family, Ip, Ipv4 } from '../lib/ip/prefix.ts';
import { ipv6FromBytes } from '../lib/ip/text.ts';
import {
  AF_INET, AF_INET6, SOCK_CLOEXEC, SOCK_NONBLOCK, SOL_SOCKET,
  bind, close, errnoName, memoryAddressOf, pollReadable, recvmsg, sendto, setsockopt, socket,
} from './native.ts';
import { ADDRESS_BYTES, decodeAddress, encodeAddress, type SocketAddress } from './socket-address.ts';

const SOCK_DGRAM = 2;
const IPPROTO_IP = 0;
const IPPROTO_IPV6 = 41;
const SO_BINDTODEVICE = 25;
/** Level, option that switches it on, type of the control message, for packet information and for TTL. */
const ANCILLARY = {
  ipv4: { level: IPPROTO_IP, information: [8, 8], ttl: [12, 2] },
  ipv6: { level: IPPROTO_IPV6, information: [49, 50], ttl: [51, 52] },
} as const;
/** Options for TTL and for the traffic class of what is sent. */
const SENDING = { ipv4: { ttl: 2, trafficClass: 1 }, ipv6: { ttl: 16, trafficClass: 67 } } as const;
const IPV6_V6ONLY = 26;
/** Datagrams read in one turn of the event loop. */
const DATAGRAMS_A_TURN = 256;

export interface UdpOptions {
  readonly family: Family;
  /** Absent: all addresses of the family. */
  readonly local?: Ip | undefined;
  readonly port: number;
  /** TTL or hop limit of what is sent, 1..255. */
  readonly ttl: number;
  /** DSCP and ECN octet of what is sent. */
  readonly trafficClass: number;
  /** Only over this interface. */
  readonly interface?: string | undefined;
  /** Interface index of a link-local `local`. */
  readonly scope?: number;
}

export interface UdpDatagram {
  /** Valid only during the call. */
  readonly bytes: Uint8Array;
  readonly from: SocketAddress;
  readonly to: Ip;
  readonly ttl: number;
  readonly interfaceIndex: number;
}

export interface UdpSocket extends Disposable {
  /** Empty, or the errno name of what went wrong. */
  send(bytes: Uint8Array, to: Uint8Array): string;
  /** Reads what has arrived, now. */
  drain(): void;
}

/** Without `received` it only sends. Throws OperationError UDP_OPEN. */
export function openUdp(options: UdpOptions, received?: (datagram: UdpDatagram) => void): UdpSocket {
  const { family, local, port, scope = 0 } = options;
  const fd = socket(family === 'ipv4' ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  const { level, information, ttl } = ANCILLARY[family];
  const any = (family === 'ipv4' ? 0 : 0n) as Ip;
  const steps: readonly (readonly [string, () => number])[] = [
    ['socket', () => fd],
    ...family === 'ipv6' ? [['IPV6_V6ONLY', () => setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1)] as const] : [],
    ...options.interface === undefined ? [] : [['SO_BINDTODEVICE', () => setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, Buffer.from(`${options.interface}\0`))] as const],
    ['TTL', () => setsockopt(fd, level, SENDING[family].ttl, options.ttl)],
    ['traffic class', () => setsockopt(fd, level, SENDING[family].trafficClass, options.trafficClass)],
    ['RECVTTL', () => setsockopt(fd, level, ttl[0], 1)],
    ['PKTINFO', () => setsockopt(fd, level, information[0], 1)],
    ['bind', () => bind(fd, encodeAddress({ address: local ?? any, port, scope }))],
  ];
  for (const [call, step] of steps) {
    const result = step();
    if (result >= 0) continue;
    if (fd >= 0) close(fd);
    throw new OperationError('UDP_OPEN', { family, port, call, errno: errnoName(-result) });
  }
  return new Socket(fd, family, received);
}

class Socket implements UdpSocket {
  readonly #fd: number;
  readonly #message: MessageBuffer;
  readonly #received: ((datagram: UdpDatagram) => void) | undefined;
  #poll: Disposable | undefined;
  #isOpen = true;

  constructor(fd: number, family: Family, received: ((datagram: UdpDatagram) => void) | undefined) {
    this.#fd = fd;
    this.#message = new MessageBuffer(family);
    this.#received = received;
    if (received !== undefined) this.#arm();
  }

  send(bytes: Uint8Array, to: Uint8Array): string {
    if (!this.#isOpen) return 'EBADF';
    const result = sendto(this.#fd, bytes, to);
    return result < 0 ? errnoName(-result) : '';
  }

  drain(): void {
    for (let count = 0; this.#isOpen && count < DATAGRAMS_A_TURN; count++) {
      const length = recvmsg(this.#fd, this.#message.reset());
      if (length < 0) return;
      const datagram = this.#message.datagram(length);
      if (datagram !== undefined) this.#received?.(datagram);
    }
  }

  [Symbol.dispose](): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#poll?.[Symbol.dispose]();
    close(this.#fd);
  }

  #arm(): void {
    this.#poll = pollReadable(this.#fd, (failed) => {
      this.drain();
      if (!failed || !this.#isOpen) return;
      this.#poll?.[Symbol.dispose]();
      this.#arm();
    });
  }
}

/** Offsets of `struct msghdr`, `struct iovec` and the room that they point to, in one piece of memory that does not move. */
const AT = { name: 64, vector: 96, control: 128, bytes: 512 } as const;
const CONTROL_BYTES = 256;
/** Longer datagrams are cut. */
const DATAGRAM_BYTES = 1500;
const CONTROL_HEADER = 16;

class MessageBuffer {
  readonly #memory: Buffer;
  readonly #family: Family;

  constructor(family: Family) {
    this.#family = family;
    // An ArrayBuffer of its own lies outside the heap, where the collector moves nothing.
    this.#memory = Buffer.from(new ArrayBuffer(AT.bytes + DATAGRAM_BYTES));
    const base = BigInt(memoryAddressOf(this.#memory));
    const point = (at: number, to: number): void => { this.#memory.writeBigUInt64LE(base + BigInt(to), at); };
    point(0, AT.name);
    point(16, AT.vector);
    this.#memory.writeBigUInt64LE(1n, 24);
    point(32, AT.control);
    point(AT.vector, AT.bytes);
    this.#memory.writeBigUInt64LE(BigInt(DATAGRAM_BYTES), AT.vector + 8);
  }

  /** Says again how much room there is. */
  reset(): Buffer {
    this.#memory.writeUInt32LE(ADDRESS_BYTES, 8);
    this.#memory.writeBigUInt64LE(BigInt(CONTROL_BYTES), 40);
    return this.#memory;
  }

  /** Undefined: the kernel did not say all that we want to know. */
  datagram(length: number): UdpDatagram | undefined {
    const from = decodeAddress(this.#memory.subarray(AT.name, AT.name + ADDRESS_BYTES));
    const { level, information, ttl } = ANCILLARY[this.#family];
    let [hops, to, interfaceIndex]: [number?, Ip?, number?] = [];
    for (const [messageLevel, type, at] of this.#controls()) {
      if (messageLevel !== level) continue;
      if (type === ttl[1]) hops = this.#memory.readInt32LE(at);
      if (type !== information[1]) continue;
      to = this.#family === 'ipv4' ? this.#memory.readUInt32BE(at + 8) as Ipv4 : ipv6FromBytes(this.#memory.subarray(at, at + 16));
      interfaceIndex = this.#memory.readInt32LE(this.#family === 'ipv4' ? at : at + 16);
    }
    if (from === undefined || hops === undefined || to === undefined || interfaceIndex === undefined) return undefined;
    return { bytes: this.#memory.subarray(AT.bytes, AT.bytes + length), from, to, ttl: hops, interfaceIndex };
  }

  /** Level, type and where its value is, of each control message. */
  *#controls(): Generator<readonly [level: number, type: number, at: number]> {
    const end = AT.control + Number(this.#memory.readBigUInt64LE(40));
    for (let at: number = AT.control; at + CONTROL_HEADER <= end;) {
      const length = Number(this.#memory.readBigUInt64LE(at));
      if (length < CONTROL_HEADER) return;
      yield [this.#memory.readInt32LE(at + 8), this.#memory.readInt32LE(at + 12), at + CONTROL_HEADER];
      at += (length + 7) & ~7;
    }
  }
}
