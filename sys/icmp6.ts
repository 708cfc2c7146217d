/** A raw ICMPv6 socket on one link for router solicitations and advertisements (RFC 4861 §6.1). */
import { OperationError } from '../lib/errors.ts';
import type { Ip } from '../lib/ip/prefix.ts';
import {
  AF_INET6, SOCK_CLOEXEC, SOCK_NONBLOCK, SOCK_RAW, SOL_SOCKET,
  attachFilter, close, errnoName, pollReadable, recvfrom, sendto, setsockopt, socket,
} from './native.ts';
import { ADDRESS_BYTES, decodeAddress, encodeAddress } from './socket-address.ts';

export const ROUTER_SOLICITATION = 133;
export const ROUTER_ADVERTISEMENT = 134;

const IPPROTO_IPV6 = 41;
const IPPROTO_ICMPV6 = 58;
const ICMP6_FILTER = 1;
const SO_BINDTODEVICE = 25;
const IPV6_UNICAST_HOPS = 16;
const IPV6_MULTICAST_IF = 17;
const IPV6_MULTICAST_HOPS = 18;
const IPV6_MULTICAST_LOOP = 19;
const IPV6_ADD_MEMBERSHIP = 20;
/** From elsewhere than this link they come with less. */
const HOP_LIMIT = 255;
/** Of a whole Ethernet frame; the longest advertisement that makes sense. */
const RECEIVE_BYTES = 1500;
/** Messages read in one turn of the event loop. */
const MESSAGES_A_TURN = 16;
/** Classic BPF loads from the network header at this offset: the hop limit is byte 7 of it. */
const NETWORK_HEADER = 0xfff0_0000;

export interface Icmp6Socket extends Disposable {
  /** From the link-local address of the interface; the kernel adds the checksum. Empty, or the errno name of what went wrong. */
  send(message: Uint8Array, to: Ip): string;
}

/**
 * Hears messages of the two types that came over this link alone (hop limit 255, code 0); the kernel has checked the
 * checksum. Joins the group of all routers. Throws OperationError ICMP6_OPEN.
 */
export function openIcmp6(link: { readonly name: string; readonly index: number }, received: (message: Buffer, from: Ip) => void): Icmp6Socket {
  const fd = socket(AF_INET6, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_ICMPV6);
  const steps: readonly (readonly [string, () => number])[] = [
    ['socket', () => fd],
    ['SO_ATTACH_FILTER', () => attachFilter(fd, linkOnly())],
    ['ICMP6_FILTER', () => setsockopt(fd, IPPROTO_ICMPV6, ICMP6_FILTER, typesOnly())],
    ['SO_BINDTODEVICE', () => setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, Buffer.from(`${link.name}\0`))],
    ['IPV6_UNICAST_HOPS', () => setsockopt(fd, IPPROTO_IPV6, IPV6_UNICAST_HOPS, HOP_LIMIT)],
    ['IPV6_MULTICAST_HOPS', () => setsockopt(fd, IPPROTO_IPV6, IPV6_MULTICAST_HOPS, HOP_LIMIT)],
    ['IPV6_MULTICAST_LOOP', () => setsockopt(fd, IPPROTO_IPV6, IPV6_MULTICAST_LOOP, 0)],
    ['IPV6_MULTICAST_IF', () => setsockopt(fd, IPPROTO_IPV6, IPV6_MULTICAST_IF, link.index)],
    ['IPV6_ADD_MEMBERSHIP', () => setsockopt(fd, IPPROTO_IPV6, IPV6_ADD_MEMBERSHIP, allRouters(link.index))],
  ];
  for (const [call, step] of steps) {
    const result = step();
    if (result >= 0) continue;
    if (fd >= 0) close(fd);
    throw new OperationError('ICMP6_OPEN', { interface: link.name, call, errno: errnoName(-result) });
  }
  return new Socket(fd, link.index, received);
}

class Socket implements Icmp6Socket {
  readonly #fd: number;
  readonly #scope: number;
  readonly #received: (message: Buffer, from: Ip) => void;
  readonly #buffer = Buffer.alloc(RECEIVE_BYTES);
  #poll: Disposable | undefined;
  #isOpen = true;

  constructor(fd: number, scope: number, received: (message: Buffer, from: Ip) => void) {
    this.#fd = fd;
    this.#scope = scope;
    this.#received = received;
    this.#arm();
  }

  send(message: Uint8Array, to: Ip): string {
    if (!this.#isOpen) return 'EBADF';
    const result = sendto(this.#fd, message, encodeAddress({ address: to, port: 0, scope: this.#scope }));
    return result < 0 ? errnoName(-result) : '';
  }

  [Symbol.dispose](): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#poll?.[Symbol.dispose]();
    close(this.#fd);
  }

  #arm(): void {
    this.#poll = pollReadable(this.#fd, (failed) => {
      this.#read();
      if (!failed || !this.#isOpen) return;
      this.#poll?.[Symbol.dispose](); // the link went down: that is an error of the socket, which goes on
      this.#arm();
    });
  }

  #read(): void {
    for (let count = 0; this.#isOpen && count < MESSAGES_A_TURN; count++) {
      const from = Buffer.alloc(ADDRESS_BYTES);
      const length = recvfrom(this.#fd, this.#buffer, from);
      if (length < 0) return;
      const sender = decodeAddress(from);
      if (sender !== undefined) this.#received(this.#buffer.subarray(0, length), sender.address);
    }
  }
}

/** Blocks all types but two. */
function typesOnly(): Buffer {
  const filter = Buffer.alloc(32, 0xff);
  for (const type of [ROUTER_SOLICITATION, ROUTER_ADVERTISEMENT]) {
    const word = (type >> 5) * 4;
    filter.writeUInt32LE((filter.readUInt32LE(word) & ~(1 << (type & 31))) >>> 0, word);
  }
  return filter;
}

/** Classic BPF: drops what came with another hop limit, or whose code is not 0. */
function linkOnly(): Buffer {
  const instructions: readonly (readonly [code: number, ifTrue: number, ifFalse: number, value: number])[] = [
    [0x30, 0, 0, NETWORK_HEADER + 7],   // A = hop limit
    [0x15, 0, 3, HOP_LIMIT],
    [0x30, 0, 0, 1],                    // A = code
    [0x15, 0, 1, 0],
    [0x06, 0, 0, 0xffff_ffff],          // keep
    [0x06, 0, 0, 0],                    // drop
  ];
  const program = Buffer.alloc(instructions.length * 8);
  instructions.forEach(([code, ifTrue, ifFalse, value], i) => {
    program.writeUInt16LE(code, i * 8);
    program.writeUInt8(ifTrue, i * 8 + 2);
    program.writeUInt8(ifFalse, i * 8 + 3);
    program.writeUInt32LE(value, i * 8 + 4);
  });
  return program;
}

/** `struct ipv6_mreq` of ff02::2. */
function allRouters(index: number): Buffer {
  const request = Buffer.alloc(20);
  request.writeUInt16BE(0xff02, 0);
  request.writeUInt8(2, 15);
  request.writeUInt32LE(index, 16);
  return request;
}
