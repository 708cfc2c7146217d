/**
 * One BFD session (RFC 5880 §6): what each event makes of it. Pure; `bfdd/runner.ts` keeps its time and sends its packets.
 *
 * ```
 *                                 received Down                     An arrow from any state, not drawn:
 *              ┌────────────────────────────┐                       stop ──► AdminDown; start, from AdminDown ──► Down.
 *              │                            │
 *         ┌────┴───┐  received Down     ┌───▼──┐  received Init, Up   ┌──────┐
 *    ┌───►│  Down  │ ─────────────────► │ Init │ ───────────────────► │  Up  │ ──┐ received
 *    │    └───┬────┘                    └───┬──┘                      └──┬───┘ ◄─┘ Init, Up
 *    │        │ received Init               │ received AdminDown,        │ received AdminDown, Down,
 *    │        └─────────────────────────────┼ detection time ended       │ detection time ended
 *    │                                      │        ▲                   │
 *    └──────────────────────────────────────┴────────┼───────────────────┘
 *                                                    └─ (Down + received Init goes to Up)
 * ```
 * Timers (§6.8.2..6.8.4): what we want now and what is in force are two things. While Up, a slower transmission or a
 * shorter detection counts only once the peer has confirmed it by a packet with F (§6.8.3); all else counts at once.
 * While not Up nobody sends more often than once a second. Demand mode we never ask for; the peer's is honoured: we stop
 * sending periodically while both are Up, but for Poll Sequences (§6.6). Echo is not offered.
 *
 * Deliberately ignored: in AdminDown, all packets (§6.8.6), detection, and a second stop; elsewhere a second start.
 */
import type { BfdState } from '../../config/messages/bfd-control.ts';
import { DIAGNOSTIC } from '../wire/constants.ts';
import type { ControlPacket } from '../wire/control-packet.ts';

/** While a session is not Up, at least this much lies between packets (§6.8.3), microseconds. */
export const SLOW_US = 1_000_000;

/** What somebody wants of the session. */
export interface Timing {
  /** Microseconds. */
  readonly transmitUs: number;
  readonly receiveUs: number;
  /** 1..255. */
  readonly multiplier: number;
}

/** The other end, as its latest packet said. */
export interface Remote {
  readonly state: BfdState;
  readonly diagnostic: number;
  /** 0: not known. */
  readonly discriminator: number;
  readonly desiredTxUs: number;
  /** 0: it wants no periodic packets. */
  readonly requiredRxUs: number;
  readonly multiplier: number;
  readonly demand: boolean;
  /** Stays known when the peer is silent. */
  readonly controlPlaneIndependent: boolean;
}

export interface Session {
  readonly state: BfdState;
  readonly diagnostic: number;
  /** Ours, not 0. */
  readonly discriminator: number;
  readonly timing: Timing;
  /** bfd.DesiredMinTxInterval and bfd.RequiredMinRxInterval: what our packets say. */
  readonly desiredTxUs: number;
  readonly requiredRxUs: number;
  /** What governs our transmission and our detection meanwhile. */
  readonly pacedTxUs: number;
  readonly expectedRxUs: number;
  /** A Poll Sequence of ours is under way. */
  readonly isPolling: boolean;
  readonly remote: Remote;
}

export type Event =
  /** Valid, and meant for this session. */
  | { readonly type: 'received'; readonly packet: ControlPacket }
  | { readonly type: 'detectionExpired' }
  | { readonly type: 'retimed'; readonly timing: Timing }
  | { readonly type: 'stop' | 'start' };

export type Effect =
  /** A packet at once, beside the periodic ones. `final`: the answer to a Poll. */
  | { readonly type: 'send'; readonly final: boolean }
  /** `failed`: it was Up, and neither side ended it on purpose (RFC 5882 §3.2: AdminDown is no failure). */
  | { readonly type: 'changed'; readonly from: BfdState; readonly failed: boolean };

export type Step = readonly [Session, readonly Effect[]];

const UNKNOWN: Remote = {
  state: 'Down', diagnostic: DIAGNOSTIC.none, discriminator: 0, desiredTxUs: 0, requiredRxUs: 1, multiplier: 0, demand: false, controlPlaneIndependent: false,
};

export function newSession(discriminator: number, timing: Timing): Session {
  const desiredTxUs = Math.max(timing.transmitUs, SLOW_US);
  return {
    state: 'Down', diagnostic: DIAGNOSTIC.none, discriminator, timing, desiredTxUs, requiredRxUs: timing.receiveUs,
    pacedTxUs: desiredTxUs, expectedRxUs: timing.receiveUs, isPolling: false, remote: UNKNOWN,
  };
}

/** A session that was Up when its process ended without a word, and that the peer may still hold for Up. */
export const resumedSession = (discriminator: number, timing: Timing, remote: Remote): Session =>
  ({ ...newSession(discriminator, timing), state: 'Up', desiredTxUs: timing.transmitUs, pacedTxUs: timing.transmitUs, remote });

export function step(session: Session, event: Event): Step {
  switch (event.type) {
    case 'received': return received(session, event.packet);
    case 'detectionExpired': return silent(session);
    case 'retimed': return [retimed({ ...session, timing: event.timing }), []];
    case 'stop': return session.state === 'AdminDown' ? [session, []] : moved(session, 'AdminDown', DIAGNOSTIC.administrativelyDown, false);
    case 'start': return session.state === 'AdminDown' ? moved(session, 'Down', DIAGNOSTIC.none, false) : [session, []];
  }
}

/** Our state → the state in a packet → our next state (§6.8.6). */
const NEXT: Readonly<Record<BfdState, Readonly<Record<BfdState, BfdState>>>> = {
  AdminDown: { AdminDown: 'AdminDown', Down: 'AdminDown', Init: 'AdminDown', Up: 'AdminDown' },
  Down: { AdminDown: 'Down', Down: 'Init', Init: 'Up', Up: 'Down' },
  Init: { AdminDown: 'Down', Down: 'Init', Init: 'Up', Up: 'Up' },
  Up: { AdminDown: 'Down', Down: 'Down', Init: 'Up', Up: 'Up' },
};

function received(before: Session, p: ControlPacket): Step {
  const session = confirmed({ ...before, remote: remoteOf(p) }, p.final);
  if (session.state === 'AdminDown') return [session, []];
  const state = NEXT[session.state][p.state];
  const diagnostic = state === 'Down' ? DIAGNOSTIC.neighborSignaledDown : DIAGNOSTIC.none;
  const [next, effects] = state === session.state ? [session, []] : moved(session, state, diagnostic, p.state !== 'AdminDown');
  return [next, p.poll ? [...effects, { type: 'send', final: true }] : effects];
}

const remoteOf = (p: ControlPacket): Remote => ({
  state: p.state, diagnostic: p.diagnostic, discriminator: p.myDiscriminator, desiredTxUs: p.desiredTxUs, requiredRxUs: p.requiredRxUs,
  multiplier: p.multiplier, demand: p.demand, controlPlaneIndependent: p.controlPlaneIndependent,
});

/** F ends our Poll Sequence: the peer knows what we want, so it counts (§6.5). */
const confirmed = (s: Session, final: boolean): Session =>
  (final && s.isPolling ? { ...s, isPolling: false, pacedTxUs: s.desiredTxUs, expectedRxUs: s.requiredRxUs } : s);

/** A detection time passed without a packet (§6.8.4); the peer's discriminator is not known any more (§6.8.1). */
function silent(s: Session): Step {
  if (s.state === 'AdminDown') return [s, []];
  const forgotten = { ...s, isPolling: false, remote: { ...UNKNOWN, controlPlaneIndependent: s.remote.controlPlaneIndependent } };
  return s.state === 'Down' ? [forgotten, []] : moved(forgotten, 'Down', DIAGNOSTIC.detectionTimeExpired, true);
}

/** Into another state: the pace of that state, and a packet that says so at once (§6.8.7). */
function moved(s: Session, state: BfdState, diagnostic: number, unwanted: boolean): Step {
  const effects: Effect[] = [{ type: 'send', final: false }, { type: 'changed', from: s.state, failed: unwanted && s.state === 'Up' }];
  return [retimed({ ...s, state, diagnostic }), effects];
}

/** Makes the variables those that timing and state ask for; a change begins a Poll Sequence (§6.8.3). */
function retimed(s: Session): Session {
  const isUp = s.state === 'Up';
  const desiredTxUs = isUp ? s.timing.transmitUs : Math.max(s.timing.transmitUs, SLOW_US);
  const requiredRxUs = s.timing.receiveUs;
  if (desiredTxUs === s.desiredTxUs && requiredRxUs === s.requiredRxUs) return s;
  return {
    ...s, desiredTxUs, requiredRxUs,
    pacedTxUs: isUp && desiredTxUs > s.pacedTxUs ? s.pacedTxUs : desiredTxUs,
    expectedRxUs: isUp && requiredRxUs < s.expectedRxUs ? s.expectedRxUs : requiredRxUs,
    isPolling: s.remote.discriminator !== 0,
  };
}

/** Microseconds between our periodic packets, before jitter; 0: there are none (§6.8.7). */
export function transmitIntervalUs(s: Session): number {
  const { remote } = s;
  const isDemanded = remote.demand && s.state === 'Up' && remote.state === 'Up' && !s.isPolling;
  return isDemanded || remote.requiredRxUs === 0 ? 0 : Math.max(s.pacedTxUs, remote.requiredRxUs);
}

/** Microseconds of silence after which the peer counts as away; 0: it has not been heard (§6.8.4). */
export const detectionUs = ({ remote, expectedRxUs }: Session): number =>
  (remote.discriminator === 0 ? 0 : remote.multiplier * Math.max(expectedRxUs, remote.desiredTxUs));

/**
 * The interval shortened by 0..25 %, with multiplier 1 by 10..25 % (§6.8.7), so that sessions do not march in step.
 * `random` is in 0..1.
 */
export const jittered = (interval: number, multiplier: number, random: number): number =>
  interval * (multiplier === 1 ? 0.75 + 0.15 * random : 0.75 + 0.25 * random);

/** C is set: bfdd is a process of its own, which a restart of the control plane does not touch (RFC 5882 §4.3.1). */
export const packetOf = (s: Session, final: boolean): ControlPacket => ({
  diagnostic: s.diagnostic, state: s.state, poll: s.isPolling && !final, final, controlPlaneIndependent: true, demand: false,
  multiplier: s.timing.multiplier, myDiscriminator: s.discriminator, yourDiscriminator: s.remote.discriminator,
  desiredTxUs: s.desiredTxUs, requiredRxUs: s.requiredRxUs, requiredEchoRxUs: 0,
});
