/** Follows the kernel's multicast groups, and survives a flood: it says that messages were lost and goes on. */
import { OperationError } from '../../lib/errors.ts';
import { SOCK_NONBLOCK, attachFilter, close, errnoName, pollReadable, recv } from '../native.ts';
import type { NetlinkReader } from './codec.ts';
import { eachMessage, openNetlink } from './socket.ts';

/** Multicast groups as bits (RTMGRP_*). */
export const GROUP = { link: 0x1, neighbour: 0x4, address4: 0x10, route4: 0x40, address6: 0x100, route6: 0x400 } as const;
const RECEIVE_BYTES = 32 * 1024;
/** Datagrams read in one turn of the event loop: about a millisecond. */
const DATAGRAMS_A_TURN = 256;
const EINTR = 4;
const EAGAIN = 11;
const ENOBUFS = 105;

export interface MonitorCallbacks {
  /** One event: its type and flags, and a reader behind the header, valid only during the call. */
  message(type: number, flags: number, reader: NetlinkReader): void;
  /** After one or more messages of a turn. */
  settled?(): void;
  /** The kernel dropped messages because they were not read fast enough: what was known must be read again. */
  lost(): void;
}

export interface MonitorOptions {
  /** Events that this request socket caused are dropped inside the kernel, so that own bulk writes cost nothing. */
  readonly ignorePortId?: number;
  /** 4 MiB unless said. */
  readonly bufferBytes?: number;
}

export class NetlinkMonitor implements Disposable {
  readonly #fd: number;
  readonly #callbacks: MonitorCallbacks;
  readonly #received = Buffer.alloc(RECEIVE_BYTES);
  #poll: Disposable | undefined;
  #open = true;

  private constructor(fd: number, callbacks: MonitorCallbacks) {
    this.#fd = fd;
    this.#callbacks = callbacks;
    this.#arm();
  }

  /** Joins groups (a sum of `GROUP`) in the network namespace of the calling thread. Throws OperationError NETLINK_OPEN. */
  static open(groups: number, callbacks: MonitorCallbacks, options: MonitorOptions = {}): NetlinkMonitor {
    const fd = openNetlink(0, groups, options.bufferBytes ?? 4 << 20, SOCK_NONBLOCK);
    if (options.ignorePortId !== undefined) {
      const result = attachFilter(fd, portFilter(options.ignorePortId));
      if (result < 0) {
        close(fd);
        throw new OperationError('NETLINK_OPEN', { call: 'SO_ATTACH_FILTER', errno: errnoName(-result) });
      }
    }
    return new NetlinkMonitor(fd, callbacks);
  }

  /** Handles what is queued now, without waiting for the event loop. */
  drain(): void { while (this.#read()); }

  [Symbol.dispose](): void {
    if (!this.#open) return;
    this.#open = false;
    this.#poll?.[Symbol.dispose]();
    close(this.#fd);
  }

  #arm(): void {
    this.#poll = pollReadable(this.#fd, (failed) => {
      this.#read();
      if (!failed || !this.#open) return;
      this.#poll?.[Symbol.dispose](); // a socket error ends the polling, although the socket goes on
      this.#arm();
    });
  }

  /** Reads at most a turn's worth; true when more may be there. */
  #read(): boolean {
    let count = 0;
    let more = true;
    let lost = false;
    for (; this.#open && more && count < DATAGRAMS_A_TURN; count++) {
      const length = recv(this.#fd, this.#received);
      if (length >= 0) eachMessage(this.#received, length, (type, flags, _sequence, reader) => { this.#callbacks.message(type, flags, reader); });
      else if (length === -ENOBUFS) lost = true;
      else if (length === -EAGAIN) more = false;
      else if (length !== -EINTR) throw new OperationError('NETLINK_RECEIVE', { errno: errnoName(-length) });
    }
    if (lost) this.#callbacks.lost();
    if (count > (more ? 0 : 1)) this.#callbacks.settled?.();
    return more && this.#open;
  }
}

/** Classic BPF: drops messages whose `nlmsg_pid` is `portId`. Words are loaded in network order. */
function portFilter(portId: number): Buffer {
  const swapped = Buffer.alloc(4);
  swapped.writeUInt32LE(portId);
  const program = Buffer.alloc(4 * 8);
  const instruction = (i: number, code: number, ifTrue: number, ifFalse: number, value: number): void => {
    program.writeUInt16LE(code, i * 8);
    program.writeUInt8(ifTrue, i * 8 + 2);
    program.writeUInt8(ifFalse, i * 8 + 3);
    program.writeUInt32LE(value, i * 8 + 4);
  };
  instruction(0, 0x20, 0, 0, 12); // A = word at 12
  instruction(1, 0x15, 0, 1, swapped.readUInt32BE()); // A == portId?
  instruction(2, 0x06, 0, 0, 0); // drop
  instruction(3, 0x06, 0, 0, 0xffff_ffff); // keep all
  return program;
}
