/** BGP Monitoring Protocol: its messages as bytes (RFC 7854, RFC 9069). */
import { ByteWriter } from '../../lib/bytes/writer.ts';
import type { Ip } from '../../lib/ip/prefix.ts';
import { ipToBytes } from '../../lib/ip/text.ts';
import { SAFI_UNICAST } from '../wire/constants.ts';

const VERSION = 3;
/** RFC 7854 §4.1. */
const MESSAGE = { routeMonitoring: 0, statistics: 1, peerDown: 2, peerUp: 3, initiation: 4, termination: 5 } as const;
/** RFC 7854 §4.2, RFC 9069 §4.1. */
const PEER_TYPE = { global: 0, 'loc-rib': 3 } as const;
const FLAG = { ipv6: 0x80, postPolicy: 0x40 } as const;
/** RFC 7854 §4.4. */
const INFORMATION = { sysDescr: 1, sysName: 2 } as const;

/** Whose routes or state a message is about. */
export interface MonitoredPeer {
  readonly type: keyof typeof PEER_TYPE;
  /** After import filters; of no meaning for Loc-RIB. */
  readonly postPolicy: boolean;
  /** Undefined: Loc-RIB, which is nobody's. */
  readonly address: Ip | undefined;
  readonly asn: number;
  /** BGP identifier, unsigned 32-bit. */
  readonly routerId: number;
  /** Wall-clock milliseconds. */
  readonly timeMs: number;
}

export interface PeerUp {
  readonly localAddress: Ip | undefined;
  readonly localPort: number;
  readonly remotePort: number;
  /** Whole messages, headers included. */
  readonly sentOpen: Uint8Array;
  readonly receivedOpen: Uint8Array;
}

/** RFC 7854 §4.9; the last one: RFC 9069 §5.3. */
export type PeerDownReason =
  | { readonly type: 'local-notification' | 'remote-notification'; /** The whole message. */ readonly notification: Uint8Array }
  /** The event of RFC 4271 §8.1 that ended it; 0: none of them. */
  | { readonly type: 'local-event'; readonly event: number }
  | { readonly type: 'remote-closed' | 'no-longer-monitored' };

/** RFC 7854 §4.8: type and value, by family where the type wants one. */
export interface Statistic { readonly type: number; readonly afi?: number; readonly value: number }

export const initiation = (sysName: string, sysDescr: string): Uint8Array => message(MESSAGE.initiation, (w) => {
  information(w, INFORMATION.sysDescr, sysDescr);
  information(w, INFORMATION.sysName, sysName);
});

/** Reason 0: administratively closed. */
export const termination = (): Uint8Array => message(MESSAGE.termination, (w) => {
  w.u16(1);
  w.u16(2);
  w.u16(0);
});

export const peerUp = (peer: MonitoredPeer, up: PeerUp): Uint8Array => message(MESSAGE.peerUp, (w) => {
  header(w, peer);
  address(w, up.localAddress);
  w.u16(up.localPort);
  w.u16(up.remotePort);
  w.bytes(up.sentOpen);
  w.bytes(up.receivedOpen);
});

export const peerDown = (peer: MonitoredPeer, reason: PeerDownReason): Uint8Array => message(MESSAGE.peerDown, (w) => {
  header(w, peer);
  switch (reason.type) {
    case 'local-notification': w.u8(1); w.bytes(reason.notification); return;
    case 'local-event': w.u8(2); w.u16(reason.event); return;
    case 'remote-notification': w.u8(3); w.bytes(reason.notification); return;
    case 'remote-closed': w.u8(4); return;
    case 'no-longer-monitored': w.u8(5); return;
  }
});

/** `update`: a whole UPDATE message, in the encoding that the OPENs of Peer Up agree on. */
export const routeMonitoring = (peer: MonitoredPeer, update: Uint8Array): Uint8Array => message(MESSAGE.routeMonitoring, (w) => {
  header(w, peer);
  w.bytes(update);
});

/** All values are 64-bit gauges (types 7 to 10). */
export const statisticsReport = (peer: MonitoredPeer, statistics: readonly Statistic[]): Uint8Array => message(MESSAGE.statistics, (w) => {
  header(w, peer);
  w.u32(statistics.length);
  for (const { type, afi, value } of statistics) {
    w.u16(type);
    w.withLength16(() => {
      if (afi !== undefined) { w.u16(afi); w.u8(SAFI_UNICAST); }
      w.u64(BigInt(value));
    });
  }
});

function message(type: number, body: (w: ByteWriter) => void): Uint8Array {
  const w = new ByteWriter(256);
  w.u8(VERSION);
  w.u32(0);
  w.u8(type);
  body(w);
  const bytes = w.finish();
  new DataView(bytes.buffer).setUint32(1, bytes.length);
  return bytes;
}

/** AS_PATHs are always written with four octets an AS number: the A flag stays 0. */
function header(w: ByteWriter, peer: MonitoredPeer): void {
  const isLocRib = peer.type === 'loc-rib';
  w.u8(PEER_TYPE[peer.type]);
  w.u8(isLocRib ? 0 : (typeof peer.address === 'bigint' ? FLAG.ipv6 : 0) | (peer.postPolicy ? FLAG.postPolicy : 0));
  w.u64(0n);
  address(w, peer.address);
  w.u32(peer.asn);
  w.u32(peer.routerId);
  w.u32(Math.floor(peer.timeMs / 1000));
  w.u32(Math.floor(peer.timeMs % 1000) * 1000);
}

/** Sixteen octets; IPv4 stands in the last four. */
function address(w: ByteWriter, value: Ip | undefined): void {
  const bytes = value === undefined ? new Uint8Array(0) : ipToBytes(value);
  w.bytes(new Uint8Array(16 - bytes.length));
  w.bytes(bytes);
}

function information(w: ByteWriter, type: number, text: string): void {
  w.u16(type);
  w.withLength16(() => { w.bytes(new TextEncoder().encode(text)); });
}
