/**
 * A request socket of rtnetlink: sends batches, collects refusals, reads dumps. Everything is synchronous, because
 * the kernel has queued its answer when send(2) returns.
 *
 * The socket belongs to the network namespace in which it was opened, for ever: open it inside `inNetns`, use it anywhere.
 */
import { OperationError } from '../../lib/errors.ts';
import {
  AF_NETLINK, SOCK_CLOEXEC, SOCK_RAW, SOL_NETLINK, SOL_SOCKET, SO_RCVBUFFORCE, SO_SNDBUFFORCE,
  bind, close, errnoName, getsockname, recv, send, sendInPool, setsockopt, socket,
} from '../native.ts';
import { HEADER_BYTES, NetlinkReader, NetlinkWriter } from './codec.ts';

export const NLM_F_REQUEST = 1;
const NLM_F_ACK = 4;
const NLM_F_DUMP_INTERRUPTED = 0x10;
const NLM_F_DUMP = 0x300;
export const NLM_F_REPLACE = 0x100;
export const NLM_F_EXCL = 0x200;
export const NLM_F_CREATE = 0x400;

const NLMSG_ERROR = 2;
const NLMSG_DONE = 3;
const NETLINK_CAP_ACK = 10;
const NETLINK_EXT_ACK = 11;
const NETLINK_GET_STRICT_CHK = 12;
const ACK_TLVS = 0x200;
const ACK_CAPPED = 0x100;
const EINTR = 4;

/** Messages in one send(2): more gains little, and each holds the kernel's route lock for about 2 ms. */
export const BATCH_MESSAGES = 512;
/** The kernel fills a dump datagram up to the receive size, 32 KiB at most. */
const RECEIVE_BYTES = 32 * 1024;
const DUMP_ATTEMPTS = 10;

/** One message of a batch that the kernel refused. */
export interface Refusal {
  /** Which message of the batch, from 0. */
  readonly index: number;
  /** `ENETUNREACH`. */
  readonly code: string;
  /** The kernel's own words (extended acknowledgement); empty when it gave none. */
  readonly message: string;
}

type Details = Readonly<Record<string, unknown>>;
/** Gets the message type and a reader behind the header; must copy what it keeps. */
type Parse<T> = (type: number, reader: NetlinkReader) => T;

const refused = (code: string, details: Details, refusal: Refusal): OperationError =>
  new OperationError(code, { ...details, errno: refusal.code }, refusal.message === '' ? undefined : new Error(refusal.message));

export interface NetlinkSocketOptions {
  /** NETLINK_ROUTE (0) unless said. */
  readonly protocol?: number;
  readonly bufferBytes?: number;
}

export class NetlinkSocket implements Disposable {
  /** The port number by which the kernel names this socket as the cause of an event. */
  readonly portId: number;
  readonly #fd: number;
  readonly #writer = new NetlinkWriter();
  readonly #received = Buffer.alloc(RECEIVE_BYTES);
  #sequence = 1;
  #open = true;
  #isSending = false;

  private constructor(fd: number, portId: number) {
    this.#fd = fd;
    this.portId = portId;
  }

  /** Opens one in the network namespace of the calling thread. Throws OperationError NETLINK_OPEN. */
  static open(options: NetlinkSocketOptions = {}): NetlinkSocket {
    const fd = openNetlink(options.protocol ?? 0, 0, options.bufferBytes ?? 1 << 20, 0);
    return new NetlinkSocket(fd, portIdOf(fd));
  }

  /**
   * Sends `count` messages, each written by `write` between `begin` and its last attribute, in batches with one
   * acknowledgement each. Returns the refusals in order; the others were carried out.
   *
   * @throws {OperationError} NETLINK_SEND or NETLINK_RECEIVE when the socket itself fails: the outcome is then unknown.
   */
  transact(count: number, write: (writer: NetlinkWriter, index: number) => void): Refusal[] {
    const refusals: Refusal[] = [];
    for (let from = 0; from < count; from += BATCH_MESSAGES) {
      const to = Math.min(count, from + BATCH_MESSAGES);
      const base = this.#takeSequences(to - from);
      writeBatch(this.#writer, base, from, to, write);
      this.#send(this.#writer);
      this.#collect(base, to - from, from, refusals);
    }
    return refusals;
  }

  /**
   * As `transact`, but one batch whatever its size, which a thread of the pool sends: for bulk, as the kernel works within
   * send(2). Nothing else may use the socket until the promise settles.
   */
  async transactInPool(count: number, write: (writer: NetlinkWriter, index: number) => void): Promise<Refusal[]> {
    const refusals: Refusal[] = [];
    const base = this.#takeSequences(count);
    writeBatch(this.#writer, base, 0, count, write);
    this.#isSending = true;
    const sent = await sendInPool(this.#fd, this.#writer.bytes, this.#writer.length).finally(() => {
      this.#isSending = false;
      if (!this.#open) close(this.#fd);
    });
    if (sent < 0) this.#send(this.#writer); // once more, to learn the errno
    this.#collect(base, count, 0, refusals);
    return refusals;
  }

  /**
   * One message. Returns the errno name when the kernel refused with one in `allowed`, undefined when it was carried out.
   *
   * @throws {OperationError} `code`, with the errno name in its details and the kernel's words as cause.
   */
  request(code: string, details: Details, write: (writer: NetlinkWriter) => void, allowed: readonly string[] = []): string | undefined {
    const refusal = this.transact(1, write)[0];
    if (!refusal || allowed.includes(refusal.code)) return refusal?.code;
    throw refused(code, details, refusal);
  }

  /**
   * Asks for a dump and parses each message. A dump that the kernel marks as interrupted by a change is asked for
   * again. A refusal with an errno in `empty` is an empty dump.
   */
  dump<T>(write: (writer: NetlinkWriter) => void, parse: Parse<T | undefined>, empty: readonly string[] = []): T[] {
    for (let attempt = 0; attempt < DUMP_ATTEMPTS; attempt++) {
      const result = this.#dumpOnce(write, parse, empty);
      if (result) return result;
    }
    throw new OperationError('NETLINK_DUMP', { attempts: DUMP_ATTEMPTS }, new Error('the kernel changed during every attempt'));
  }

  /** One request with one answer; undefined when the kernel refuses with an errno in `absent`. */
  get<T>(code: string, details: Details, write: (writer: NetlinkWriter) => void, parse: Parse<T>, absent: readonly string[]): T | undefined {
    const sequence = this.#takeSequences(1);
    this.#writer.reset();
    write(this.#writer);
    this.#writer.end(sequence, NLM_F_REQUEST);
    this.#send(this.#writer);
    let answer: { readonly value: T } | undefined;
    let refusal: Refusal | undefined;
    while (!answer && !refusal) {
      this.#receive((type, _flags, seq, reader) => {
        if (seq !== sequence) return;
        if (type === NLMSG_ERROR) refusal = readRefusal(reader, 0) ?? { index: 0, code: 'ENODATA', message: '' };
        else answer ??= { value: parse(type, reader) };
      });
    }
    if (answer) return answer.value;
    if (!refusal || absent.includes(refusal.code)) return undefined;
    throw refused(code, details, refusal);
  }

  [Symbol.dispose](): void {
    if (this.#open && !this.#isSending) close(this.#fd);
    this.#open = false;
  }

  /** Undefined: the kernel says that the dump is not of one moment. Always reads to the end, or the next dump gets EBUSY. */
  #dumpOnce<T>(write: (writer: NetlinkWriter) => void, parse: Parse<T | undefined>, empty: readonly string[]): T[] | undefined {
    const sequence = this.#takeSequences(1);
    this.#writer.reset();
    write(this.#writer);
    this.#writer.end(sequence, NLM_F_REQUEST | NLM_F_DUMP);
    this.#send(this.#writer);
    const items: T[] = [];
    let interrupted = false;
    let failure: unknown;
    for (let done = false; !done;) {
      this.#receive((type, flags, seq, reader) => {
        if (seq !== sequence) return;
        if ((flags & NLM_F_DUMP_INTERRUPTED) !== 0) interrupted = true;
        if (type === NLMSG_DONE || type === NLMSG_ERROR) {
          done = true;
          const refusal = readRefusal(reader, 0);
          if (refusal && !empty.includes(refusal.code)) failure ??= refused('NETLINK_DUMP', {}, refusal);
        } else if (failure === undefined) {
          try {
            const item = parse(type, reader);
            if (item !== undefined) items.push(item);
          } catch (error) {
            failure = error;
          }
        }
      });
    }
    if (failure !== undefined) throw failure as Error;
    return interrupted ? undefined : items;
  }

  #takeSequences(count: number): number {
    if (this.#sequence + count >= 0xffff_ffff) this.#sequence = 1;
    const first = this.#sequence;
    this.#sequence += count;
    return first;
  }

  #send(writer: NetlinkWriter): void {
    if (!this.#open) throw new OperationError('NETLINK_SEND', {}, new Error('the socket is closed'));
    for (;;) {
      const sent = send(this.#fd, writer.bytes, writer.length);
      if (sent === writer.length) return;
      if (sent !== -EINTR) throw new OperationError('NETLINK_SEND', { bytes: writer.length, errno: sent < 0 ? errnoName(-sent) : `sent ${sent}` });
    }
  }

  /** Reads until the acknowledgement (or refusal) of the batch's last message. */
  #collect(base: number, count: number, firstIndex: number, refusals: Refusal[]): void {
    if (!this.#open) throw new OperationError('NETLINK_RECEIVE', {}, new Error('the socket is closed'));
    const last = base + count - 1;
    for (let done = false; !done;) {
      this.#receive((type, _flags, seq, reader) => {
        if (type !== NLMSG_ERROR || seq < base || seq > last) return;
        const refusal = readRefusal(reader, firstIndex + seq - base);
        if (refusal) refusals.push(refusal);
        if (seq === last) done = true;
      });
    }
  }

  #receive(each: (type: number, flags: number, sequence: number, reader: NetlinkReader) => void): void {
    for (;;) {
      const length = recv(this.#fd, this.#received);
      if (length >= 0) {
        eachMessage(this.#received, length, each);
        return;
      }
      if (length !== -EINTR) throw new OperationError('NETLINK_RECEIVE', { errno: errnoName(-length) });
    }
  }
}

/** Messages `from` to `to` in one buffer, with sequence numbers from `base`; the last one asks for an acknowledgement. */
export function writeBatch(writer: NetlinkWriter, base: number, from: number, to: number, write: (writer: NetlinkWriter, index: number) => void): void {
  writer.reset();
  for (let i = from; i < to; i++) {
    write(writer, i);
    writer.end(base + i - from, i === to - 1 ? NLM_F_REQUEST | NLM_F_ACK : NLM_F_REQUEST);
  }
}

/** Opens and binds a netlink socket in the calling thread's network namespace; multicast groups 1..32 as a bit mask. */
export function openNetlink(protocol: number, groups: number, bufferBytes: number, typeFlags: number): number {
  const fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | typeFlags, protocol);
  if (fd < 0) throw new OperationError('NETLINK_OPEN', { call: 'socket', errno: errnoName(-fd) });
  const address = Buffer.alloc(12);
  address.writeUInt16LE(AF_NETLINK, 0);
  address.writeUInt32LE(groups >>> 0, 8);
  const steps: readonly (readonly [string, () => number])[] = [
    ['SO_RCVBUFFORCE', () => setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, bufferBytes)],
    ['SO_SNDBUFFORCE', () => setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, bufferBytes)],
    ['NETLINK_EXT_ACK', () => setsockopt(fd, SOL_NETLINK, NETLINK_EXT_ACK, 1)],
    ['NETLINK_CAP_ACK', () => setsockopt(fd, SOL_NETLINK, NETLINK_CAP_ACK, 1)],
    ['NETLINK_GET_STRICT_CHK', () => setsockopt(fd, SOL_NETLINK, NETLINK_GET_STRICT_CHK, 1)],
    ['bind', () => bind(fd, address)],
  ];
  for (const [call, step] of steps) {
    const result = step();
    if (result >= 0) continue;
    close(fd);
    throw new OperationError('NETLINK_OPEN', { call, errno: errnoName(-result) });
  }
  return fd;
}

function portIdOf(fd: number): number {
  const address = Buffer.alloc(12);
  const length = getsockname(fd, address);
  if (length < 0) throw new OperationError('NETLINK_OPEN', { call: 'getsockname', errno: errnoName(-length) });
  return address.readUInt32LE(4);
}

/** Takes a datagram apart into messages. One whose length does not fit ends the walk. */
export function eachMessage(bytes: Buffer, length: number, each: (type: number, flags: number, sequence: number, reader: NetlinkReader) => void): void {
  for (let at = 0; at + HEADER_BYTES <= length;) {
    const size = bytes.readUInt32LE(at);
    if (size < HEADER_BYTES || at + size > length) return;
    each(bytes.readUInt16LE(at + 4), bytes.readUInt16LE(at + 6), bytes.readUInt32LE(at + 8), new NetlinkReader(bytes, at + HEADER_BYTES, at + size));
    at += (size + 3) & ~3;
  }
}

/** Reads `struct nlmsgerr` (or the error number of a DONE) with its extended acknowledgement; undefined on success. */
function readRefusal(reader: NetlinkReader, index: number): Refusal | undefined {
  if (reader.end - reader.at < 4) return undefined;
  const flags = reader.bytes.readUInt16LE(reader.at - HEADER_BYTES + 6);
  const isDone = reader.bytes.readUInt16LE(reader.at - HEADER_BYTES + 4) === NLMSG_DONE;
  const error = reader.i32();
  if (error >= 0) return undefined;
  let message = '';
  if ((flags & ACK_TLVS) !== 0) {
    if (!isDone) {
      const originalLength = reader.bytes.readUInt32LE(reader.at);
      reader.skip((flags & ACK_CAPPED) !== 0 ? HEADER_BYTES : (originalLength + 3) & ~3);
    }
    while (reader.next()) if (reader.type === 1) message = reader.valueText();
  }
  return { index, code: errnoName(-error), message };
}
