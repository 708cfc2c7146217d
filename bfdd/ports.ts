/** What bfdd needs from the outside, as interfaces: the shell supplies them, tests supply fakes. */
import type { BfdSession } from '../config/messages/bfd-control.ts';
import type { Ip } from '../lib/ip/prefix.ts';

/** A packet that came to one of the two ports. */
export interface Datagram {
  /** Valid only during the call. */
  readonly bytes: Uint8Array;
  readonly from: Ip;
  /** The address of ours that it came to. */
  readonly to: Ip;
  /** TTL or hop limit that was left. */
  readonly ttl: number;
  readonly interfaceIndex: number;
  readonly multihop: boolean;
}

export interface PacketPort {
  /** A source port of its own for one session. Throws OperationError. */
  open(session: BfdSession): PacketSender;
  /** Delivers what has arrived and waits to be read, now. */
  drain(): void;
  /** The name of an interface; undefined: it is not there. */
  interfaceName(index: number): string | undefined;
}

export interface PacketSender extends Disposable {
  /** Empty, or the errno name of what went wrong. */
  send(bytes: Uint8Array): string;
}
