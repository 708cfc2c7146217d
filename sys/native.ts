/**
 * Every native call of the project: libc through koffi, one prototype a line.
 *
 * Memory crosses only as Buffers, and no koffi type has a name (a named one fails when a second module registry,
 * such as the next Jest file, defines it again). A wrong prototype corrupts memory, so each has a test.
 * Each call returns libc's result, or minus errno when that was -1.
 */
import { constants } from 'node:os';
import koffi from 'koffi';

const libc = koffi.load('libc.so.6');

type Call = (...args: (number | Uint8Array | object | null)[]) => number;
const socketCall = libc.func('int socket(int, int, int)') as unknown as Call;
const bindCall = libc.func('int bind(int, void *, uint)') as unknown as Call;
const sendFunction = libc.func('long send(int, void *, size_t, int)');
const sendCall = sendFunction as unknown as Call;
const sendCallInPool = sendFunction.async as unknown as (...args: [number, Uint8Array, number, number, (error: Error | null, result: number) => void]) => void;
const recvCall = libc.func('long recv(int, void *, size_t, int)') as unknown as Call;
const connectCall = libc.func('int connect(int, void *, uint)') as unknown as Call;
const listenCall = libc.func('int listen(int, int)') as unknown as Call;
const acceptCall = libc.func('int accept4(int, void *, void *, int)') as unknown as Call;
const sendtoCall = libc.func('long sendto(int, void *, size_t, int, void *, uint)') as unknown as Call;
const recvfromCall = libc.func('long recvfrom(int, void *, size_t, int, void *, void *)') as unknown as Call;
const nameToIndexCall = libc.func('uint if_nametoindex(void *)') as unknown as Call;
const indexToNameCall = libc.func('void *if_indextoname(uint, void *)') as unknown as (index: number, name: Uint8Array) => unknown;
const getsocknameCall = libc.func('int getsockname(int, void *, void *)') as unknown as Call;
const setsockoptCall = libc.func('int setsockopt(int, int, int, void *, uint)') as unknown as Call;
const getsockoptCall = libc.func('int getsockopt(int, int, int, void *, void *)') as unknown as Call;
const recvmsgCall = libc.func('long recvmsg(int, void *, int)') as unknown as Call;
const memmoveCall = libc.func('uint64_t memmove(void *, void *, size_t)') as unknown as (to: Uint8Array, from: Uint8Array, length: number) => number | bigint;
const schedulerCall = libc.func('int sched_setscheduler(int, int, void *)') as unknown as Call;
const closeCall = libc.func('int close(int)') as unknown as Call;
const setnsCall = libc.func('int setns(int, int)') as unknown as Call;
/** `struct sock_fprog`: a count and a pointer, so koffi has to lay it out. */
const filterCall = libc.func('setsockopt', 'int', [
  'int', 'int', 'int', koffi.pointer(koffi.struct({ length: 'uint16_t', instructions: 'void *' })), 'uint',
]) as unknown as Call;

export const AF_INET = 2;
export const AF_INET6 = 10;
export const AF_NETLINK = 16;
export const SOCK_STREAM = 1;
export const SOCK_RAW = 3;
export const SOCK_NONBLOCK = 0o4000;
export const SOCK_CLOEXEC = 0o2000000;
export const SOL_SOCKET = 1;
export const SOL_NETLINK = 270;
export const SO_ATTACH_FILTER = 26;
export const SO_SNDBUFFORCE = 32;
export const SO_RCVBUFFORCE = 33;
export const CLONE_NEWNET = 0x40000000;

const outcome = (result: number): number => (result === -1 ? -koffi.errno() : result);

/** socket(2): a file descriptor. */
export const socket = (domain: number, type: number, protocol: number): number => outcome(socketCall(domain, type, protocol));

/** bind(2) to a `struct sockaddr` in bytes. */
export const bind = (fd: number, address: Uint8Array): number => outcome(bindCall(fd, address, address.length));

/** send(2) of the first `length` bytes: bytes sent. */
export function send(fd: number, bytes: Uint8Array, length = bytes.length, flags = 0): number {
  if (length > bytes.length) throw new RangeError(`cannot send ${length} of ${bytes.length} bytes`);
  return outcome(sendCall(fd, bytes, length, flags));
}

/** As `send`, on a thread of the pool: for what blocks in the kernel. Minus one on any error; errno stays on that thread. */
export function sendInPool(fd: number, bytes: Uint8Array, length = bytes.length): Promise<number> {
  return new Promise((resolve, reject) => {
    sendCallInPool(fd, bytes, length, 0, (error, result) => { if (error) reject(error); else resolve(result); });
  });
}

/** recv(2) into `into`: bytes received. */
export const recv = (fd: number, into: Uint8Array, flags = 0): number => outcome(recvCall(fd, into, into.length, flags));

/** connect(2): minus EINPROGRESS when the descriptor does not block. */
export const connect = (fd: number, address: Uint8Array): number => outcome(connectCall(fd, address, address.length));

/** listen(2); the kernel caps the backlog at net.core.somaxconn. */
export const listen = (fd: number, backlog: number): number => outcome(listenCall(fd, backlog));

/** accept4(2), non-blocking and close-on-exec: a file descriptor; the other end's address goes into `from`. */
export const accept = (fd: number, from: Uint8Array): number =>
  outcome(acceptCall(fd, from, lengthOf(from), SOCK_NONBLOCK | SOCK_CLOEXEC));

/** sendto(2): bytes sent. */
export const sendto = (fd: number, bytes: Uint8Array, to: Uint8Array): number => outcome(sendtoCall(fd, bytes, bytes.length, 0, to, to.length));

/** recvfrom(2) into `into`: bytes received; the sender's address goes into `from`. */
export const recvfrom = (fd: number, into: Uint8Array, from: Uint8Array): number =>
  outcome(recvfromCall(fd, into, into.length, 0, from, lengthOf(from)));

/** recvmsg(2) into what the `struct msghdr` at the start of `message` points to: bytes received. */
export const recvmsg = (fd: number, message: Uint8Array, flags = 0): number => outcome(recvmsgCall(fd, message, flags));

/** Where bytes lie in memory: memmove(3) of none of them says so. They must have an ArrayBuffer of their own, or they may move. */
export const memoryAddressOf = (bytes: Uint8Array): number | bigint => memmoveCall(bytes, bytes, 0);

/** sched_setscheduler(2) of one thread. */
export function setScheduler(thread: number, policy: number, priority: number): number {
  const parameters = Buffer.alloc(4);
  parameters.writeInt32LE(priority);
  return outcome(schedulerCall(thread, policy, parameters));
}

/** if_nametoindex(3) in the network namespace of the calling thread; 0: there is no such interface. */
export const interfaceIndexOf = (name: string): number => nameToIndexCall(Buffer.from(`${name}\0`));

/** if_indextoname(3) in the network namespace of the calling thread; undefined: there is no such interface. */
export function interfaceNameOf(index: number): string | undefined {
  const name = Buffer.alloc(16);
  return indexToNameCall(index, name) === null ? undefined : name.toString('utf8', 0, name.indexOf(0));
}

/** getsockname(2) into `into`: bytes of the address. */
export function getsockname(fd: number, into: Uint8Array): number {
  const length = lengthOf(into);
  const result = outcome(getsocknameCall(fd, into, length));
  return result < 0 ? result : length.readUInt32LE();
}

/** A `socklen_t` that says how much room there is. */
function lengthOf(room: Uint8Array): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32LE(room.length);
  return length;
}

/** setsockopt(2) with a 32-bit value, or bytes. */
export function setsockopt(fd: number, level: number, option: number, value: number | Uint8Array): number {
  const bytes = typeof value === 'number' ? Buffer.alloc(4) : value;
  if (typeof value === 'number') (bytes as Buffer).writeInt32LE(value);
  return outcome(setsockoptCall(fd, level, option, bytes, bytes.length));
}

/** getsockopt(2) of a 32-bit option: its value, which must not be negative. */
export function getsockopt(fd: number, level: number, option: number): number {
  const value = Buffer.alloc(4);
  const length = Buffer.alloc(4);
  length.writeUInt32LE(4);
  const result = outcome(getsockoptCall(fd, level, option, value, length));
  return result < 0 ? result : value.readInt32LE();
}

/** getsockopt(2) into `into`: bytes of the value. */
export function getsockoptBytes(fd: number, level: number, option: number, into: Uint8Array): number {
  const length = lengthOf(into);
  const result = outcome(getsockoptCall(fd, level, option, into, length));
  return result < 0 ? result : length.readUInt32LE();
}

/** Attaches a classic BPF program of 8-byte instructions; what it rejects is never queued on the socket. */
export function attachFilter(fd: number, program: Uint8Array): number {
  return outcome(filterCall(fd, SOL_SOCKET, SO_ATTACH_FILTER, { length: program.length / 8, instructions: program }, 16));
}

/** close(2). */
export const close = (fd: number): number => outcome(closeCall(fd));

/** setns(2): moves the calling thread into a namespace. */
export const setns = (fd: number, type: number): number => outcome(setnsCall(fd, type));

/** Calls back in the event loop while `fd` is readable; `failed`: polling stopped because the descriptor has an error. */
export function pollReadable(fd: number, callback: (failed: boolean) => void): Disposable & { unref(): void } {
  const handle = koffi.node.poll(fd, { readable: true }, (event: unknown) => { callback(typeof event === 'number' && event < 0); });
  return { unref: () => { handle.unref(); }, [Symbol.dispose]: () => { handle.close(); } };
}

/** As `pollReadable`, while `fd` is writable: once a connect(2) has come to an end. */
export function pollWritable(fd: number, callback: () => void): Disposable {
  const handle = koffi.node.poll(fd, { writable: true }, () => { callback(); });
  return { [Symbol.dispose]: () => { handle.close(); } };
}

/** Where two names have one number, the one that the kernel's own text uses. */
const ERRNO_NAMES = new Map([...Object.entries(constants.errno), ['EAGAIN', 11] as const, ['EOPNOTSUPP', 95] as const].map(([name, value]) => [value, name]));

/** `ENETUNREACH` for 101; `errno 524` for one without a name here. */
export const errnoName = (errno: number): string => ERRNO_NAMES.get(errno) ?? `errno ${errno}`;
