/**
 * The BFD control packet (RFC 5880 §4.1), and why one is not taken (§6.8.6).
 *
 * ```
 *  0                   1                   2                   3
 * |Vers |  Diag   |Sta|P|F|C|A|D|M|  Detect Mult  |    Length     |
 * |                       My Discriminator                        |
 * |                      Your Discriminator                       |
 * |                    Desired Min TX Interval                    |   microseconds
 * |                   Required Min RX Interval                    |   microseconds
 * |                 Required Min Echo RX Interval                 |   microseconds
 * ```
 */
import type { BfdState } from '../../config/messages/bfd-control.ts';
import { ByteReader } from '../../lib/bytes/reader.ts';
import { ByteWriter } from '../../lib/bytes/writer.ts';
import { AUTHENTICATED_OCTETS, BFD_VERSION, CONTROL_PACKET_OCTETS, STATES } from './constants.ts';

export interface ControlPacket {
  /** 0..31. */
  readonly diagnostic: number;
  readonly state: BfdState;
  readonly poll: boolean;
  readonly final: boolean;
  readonly controlPlaneIndependent: boolean;
  readonly demand: boolean;
  /** Detect Mult, 1..255. */
  readonly multiplier: number;
  /** Not 0. */
  readonly myDiscriminator: number;
  /** 0: the sender does not know it yet; only in state Down or AdminDown. */
  readonly yourDiscriminator: number;
  /** Microseconds, unsigned 32-bit, as the next two. */
  readonly desiredTxUs: number;
  readonly requiredRxUs: number;
  readonly requiredEchoRxUs: number;
}

/** Why a packet is not taken: words that count as a label. */
export type Discard =
  | 'short' | 'version' | 'length' | 'multiplier' | 'multipoint' | 'my discriminator' | 'your discriminator' | 'authentication';

const FLAG = { poll: 0x20, final: 0x10, controlPlaneIndependent: 0x08, authentication: 0x04, demand: 0x02, multipoint: 0x01 } as const;

/**
 * The rules of RFC 5880 §6.8.6 that need no session, in its order. `bytes` is the whole UDP payload; what follows the
 * packet's own length is ignored. No session of ours uses authentication: a packet that does is not taken.
 */
export function readControlPacket(bytes: Uint8Array): ControlPacket | Discard {
  if (bytes.length < CONTROL_PACKET_OCTETS) return 'short';
  const r = new ByteReader(bytes);
  const first = r.u8();
  if (first >> 5 !== BFD_VERSION) return 'version';
  const second = r.u8();
  const has = (flag: number): boolean => (second & flag) !== 0;
  const [multiplier, length] = [r.u8(), r.u8()];
  if (length < (has(FLAG.authentication) ? AUTHENTICATED_OCTETS : CONTROL_PACKET_OCTETS) || length > bytes.length) return 'length';
  if (multiplier === 0) return 'multiplier';
  if (has(FLAG.multipoint)) return 'multipoint';
  const [myDiscriminator, yourDiscriminator] = [r.u32(), r.u32()];
  if (myDiscriminator === 0) return 'my discriminator';
  const state = STATES[second >> 6]!;
  if (yourDiscriminator === 0 && state !== 'Down' && state !== 'AdminDown') return 'your discriminator';
  if (has(FLAG.authentication)) return 'authentication';
  return {
    diagnostic: first & 0x1f, state, poll: has(FLAG.poll), final: has(FLAG.final),
    controlPlaneIndependent: has(FLAG.controlPlaneIndependent), demand: has(FLAG.demand),
    multiplier, myDiscriminator, yourDiscriminator, desiredTxUs: r.u32(), requiredRxUs: r.u32(), requiredEchoRxUs: r.u32(),
  };
}

export function writeControlPacket(p: ControlPacket): Uint8Array {
  const w = new ByteWriter(CONTROL_PACKET_OCTETS);
  w.u8((BFD_VERSION << 5) | p.diagnostic);
  w.u8((STATES.indexOf(p.state) << 6) | flagsOf(p));
  w.u8(p.multiplier);
  w.u8(CONTROL_PACKET_OCTETS);
  for (const word of [p.myDiscriminator, p.yourDiscriminator, p.desiredTxUs, p.requiredRxUs, p.requiredEchoRxUs]) w.u32(word);
  return w.finish();
}

const flagsOf = (p: ControlPacket): number => (['poll', 'final', 'controlPlaneIndependent', 'demand'] as const)
  .reduce((flags, name) => flags | (p[name] ? FLAG[name] : 0), 0);
