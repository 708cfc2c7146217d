/** TCP sockets with the options that `node:net` does not have: keys, hop limits, timeouts, set before the first segment. */
import { readFileSync } from 'node:fs';
import { OperationError } from '../lib/errors.ts';
import { addressOf, bitsOf, familyOf, lengthOf, type Family, type Ip, type Prefix } from '../lib/ip/prefix.ts';
import { showIp } from '../lib/ip/text.ts';
import {
  AF_INET, AF_INET6, SOCK_CLOEXEC, SOCK_NONBLOCK, SOCK_STREAM, SOL_SOCKET,
  accept, bind, close, errnoName, getsockname, getsockoptBytes, listen, pollReadable, setsockopt, socket,
} from './native.ts';
import { ADDRESS_BYTES, decodeAddress, encodeAddress, type SocketAddress } from './socket-address.ts';

const SO_REUSEADDR = 2;
const SO_ERROR = 4;
const SO_BINDTODEVICE = 25;
const IPPROTO_IP = 0;
const IPPROTO_TCP = 6;
const IPPROTO_IPV6 = 41;
const IP_TTL = 2;
const IP_MINTTL = 21;
const IPV6_UNICAST_HOPS = 16;
const IPV6_V6ONLY = 26;
const IPV6_MINHOPCOUNT = 73;
const TCP_NODELAY = 1;
const TCP_MD5SIG = 14;
const TCP_USER_TIMEOUT = 18;
const TCP_SAVE_SYN = 27;
const TCP_SAVED_SYN = 28;
const TCP_MD5SIG_EXT = 32;
const TCP_MD5SIG_FLAG_PREFIX = 1;
/** `struct tcp_md5sig`: an address of 128 bytes, flags, prefix length, key length, interface, key. */
const MD5SIG_BYTES = 216;
export const LONGEST_KEY_BYTES = 80;
/** Segments that leave with it prove that they come from a neighbour (RFC 5082). */
export const LARGEST_TTL = 255;

/** Connections accepted in one turn of the event loop. */
const ACCEPTS_A_TURN = 64;
/** Milliseconds to wait when the process has no descriptor or memory left for one more. */
const EXHAUSTED_MS = 100;
const EAGAIN = 11;
/** ENOMEM, ENFILE, EMFILE, ENOBUFS. */
const EXHAUSTED: readonly number[] = [12, 23, 24, 105];

/** Runs steps on a new descriptor; closes it and throws OperationError TCP_SOCKET at the first that fails. */
function checked(fd: number, details: Readonly<Record<string, unknown>>, steps: readonly (readonly [string, () => number])[]): number {
  for (const [call, step] of steps) {
    const result = step();
    if (result >= 0) continue;
    if (fd >= 0) close(fd);
    throw new OperationError('TCP_SOCKET', { ...details, call, errno: errnoName(-result) });
  }
  return fd;
}

/** A socket that does not block and sends at once, with TTL 255. Throws OperationError TCP_SOCKET. */
export function openTcp(family: Family): number {
  const fd = socket(family === 'ipv4' ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  return checked(fd, { family }, [
    ['socket', () => fd],
    ['TCP_NODELAY', () => setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, 1)],
    ['TTL', () => (family === 'ipv4' ? setsockopt(fd, IPPROTO_IP, IP_TTL, LARGEST_TTL) : setsockopt(fd, IPPROTO_IPV6, IPV6_UNICAST_HOPS, LARGEST_TTL))],
  ]);
}

/** Of what arrives on the socket only this TTL and more gets in; 0: everything. Zero, or minus errno. */
export const setMinimumTtl = (fd: number, family: Family, ttl: number): number =>
  (family === 'ipv4' ? setsockopt(fd, IPPROTO_IP, IP_MINTTL, ttl) : setsockopt(fd, IPPROTO_IPV6, IPV6_MINHOPCOUNT, ttl));

/** Milliseconds that sent data may stay unacknowledged (or the window closed) before the connection ends; 0: the kernel's default. */
export const setUserTimeout = (fd: number, milliseconds: number): number => setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, milliseconds);

/** Uses this interface alone. Zero, or minus errno. */
export const bindToInterface = (fd: number, name: string): number => setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, Buffer.from(`${name}\0`));

/**
 * The key of segments from and to a host or prefix (RFC 2385), 1..80 bytes; undefined: none, and signed ones are dropped.
 * On a listener it counts for connections to come, on a connection for the next segment. The longest prefix decides.
 * Zero, or minus errno: ENOMEM when net.core.optmem_max has no room for one more.
 */
export function setKey(fd: number, prefix: Prefix, key: string | undefined): number {
  const value = Buffer.alloc(MD5SIG_BYTES);
  const bytes = Buffer.from(key ?? '');
  if (bytes.length > LONGEST_KEY_BYTES) throw new RangeError(`a key of ${bytes.length} bytes: expected at most ${LONGEST_KEY_BYTES}`);
  encodeAddress({ address: addressOf(prefix), port: 0, scope: 0 }).copy(value, 0);
  const isHost = lengthOf(prefix) === bitsOf(familyOf(prefix));
  value.writeUInt8(isHost ? 0 : TCP_MD5SIG_FLAG_PREFIX, 128);
  value.writeUInt8(lengthOf(prefix), 129);
  value.writeUInt16LE(bytes.length, 130);
  bytes.copy(value, 136);
  return setsockopt(fd, IPPROTO_TCP, isHost ? TCP_MD5SIG : TCP_MD5SIG_EXT, value);
}

/** The TTL or hop limit with which the SYN of an accepted connection arrived; undefined: the kernel does not say. */
export function ttlOfSyn(fd: number): number | undefined {
  const headers = Buffer.alloc(256);
  const length = getsockoptBytes(fd, IPPROTO_TCP, TCP_SAVED_SYN, headers);
  if (length < 20) return undefined;
  return headers[0]! >> 4 === 4 ? headers[8]! : headers[7]!;
}

/** Our end of a connection. */
export function localAddress(fd: number): SocketAddress | undefined {
  const bytes = Buffer.alloc(ADDRESS_BYTES);
  return getsockname(fd, bytes) < 0 ? undefined : decodeAddress(bytes);
}

/** Removes and returns the error of a connect(2) that has ended; empty: it succeeded. */
export function connectError(fd: number): string {
  const value = Buffer.alloc(4);
  const result = getsockoptBytes(fd, SOL_SOCKET, SO_ERROR, value);
  const errno = result < 0 ? -result : value.readInt32LE();
  return errno === 0 ? '' : errnoName(errno);
}

export interface TcpListener extends Disposable { readonly fd: number }

/**
 * Listens on an address; an IPv6 listener takes no IPv4. `prepare` sets options before the first connection can come.
 * The accepted descriptor belongs to `accepted`. Throws OperationError TCP_SOCKET.
 */
export function listenTcp(at: { readonly address: Ip; readonly port: number; readonly backlog: number },
  prepare: (fd: number) => void, accepted: (fd: number, remote: SocketAddress) => void): TcpListener {
  const family = familyOf(at.address);
  const fd = openTcp(family);
  checked(fd, { address: showIp(at.address), port: at.port }, [
    ['SO_REUSEADDR', () => setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, 1)],
    ['IPV6_V6ONLY', () => (family === 'ipv6' ? setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1) : 0)],
    ['TCP_SAVE_SYN', () => { setsockopt(fd, IPPROTO_TCP, TCP_SAVE_SYN, 1); return 0; }],
    ['bind', () => bind(fd, encodeAddress({ address: at.address, port: at.port, scope: 0 }))],
    ['prepare', () => { prepare(fd); return 0; }],
    ['listen', () => listen(fd, at.backlog)],
  ]);
  return new Acceptor(fd, accepted);
}

class Acceptor implements TcpListener {
  readonly fd: number;
  readonly #accepted: (fd: number, remote: SocketAddress) => void;
  #poll: Disposable | undefined;
  #pause: NodeJS.Timeout | undefined;
  #isOpen = true;

  constructor(fd: number, accepted: (fd: number, remote: SocketAddress) => void) {
    this.fd = fd;
    this.#accepted = accepted;
    this.#arm();
  }

  [Symbol.dispose](): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#poll?.[Symbol.dispose]();
    clearTimeout(this.#pause);
    close(this.fd);
  }

  #arm(): void {
    this.#poll = pollReadable(this.fd, (failed) => {
      const isExhausted = this.#accept();
      if (!this.#isOpen || (!failed && !isExhausted)) return;
      this.#poll?.[Symbol.dispose]();
      this.#pause = setTimeout(() => { this.#arm(); }, EXHAUSTED_MS);
    });
  }

  /** True when there is no descriptor or memory for those that wait. */
  #accept(): boolean {
    for (let count = 0; this.#isOpen && count < ACCEPTS_A_TURN; count++) {
      const from = Buffer.alloc(ADDRESS_BYTES);
      const fd = accept(this.fd, from);
      if (fd === -EAGAIN) return false;
      if (EXHAUSTED.includes(-fd)) return true;
      if (fd < 0) continue;                                    // it went before we looked
      const remote = decodeAddress(from);
      if (remote !== undefined) this.#accepted(fd, remote); else close(fd);
    }
    return false;
  }
}

/** Counters of dropped segments, by their names in /proc/net/netstat, of the network namespace of the calling thread. */
export function tcpCounters(names: readonly string[]): number[] {
  const lines = readFileSync('/proc/thread-self/net/netstat', 'utf8').split('\n').filter((line) => line.startsWith('TcpExt:'));
  const [keys = [], values = []] = lines.map((line) => line.split(' '));
  return names.map((name) => Number(values[keys.indexOf(name)] ?? 0));
}
