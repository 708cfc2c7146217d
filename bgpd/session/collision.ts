/**
 * The two connections that one peer can have at a time, and which of them survives (RFC 4271 §6.8, RFC 6286 §2.3,
 * RFC 4724 §4.2). Pure: steps the machine that an event is for, and resolves the collision when an OPEN arrives.
 *
 * ```
 *   main ── the machine that dials and restarts; always there
 *   second ─ an incoming connection beside it; only ever in OpenSent. It wins and becomes main, or it is gone
 *
 *   incoming connection while main is      an acceptable OPEN on one, the other being
 *     Idle          refused                  Connect, Active, Idle     the other gives up
 *     Active        main takes it            OpenSent, OpenConfirm     the one that the speaker with the greater BGP
 *     other         second takes it;                                   identifier (then AS) dialed survives;
 *                   an older second goes                               dialed by the same side: the one with the OPEN
 *                                            Established               the Established one survives, unless it is
 *                                                                      steady and graceful restart was negotiated:
 *                                                                      then the peer has restarted, and it is lost
 * ```
 * Two choices that the RFCs leave open, or make differently:
 * - OpenSent counts as a collision as well: the OPEN has just told us the peer's identifier. Waiting for OpenConfirm lets
 *   each side close the connection that the other one keeps. The survivor has `COLLISION_HOLD_SECONDS` to show its OPEN.
 * - RFC 4724 gives the session up as soon as TCP connects. We wait for an acceptable OPEN, so that nobody on the peer's
 *   machine can end a session by connecting to our port.
 */
import type { OpenMessage } from '../wire/message.ts';
import { step } from './fsm.ts';
import { isRefusal, negotiate } from './negotiate.ts';
import { newSession, TIMERS, type Effect, type Event, type Session } from './session.ts';
import type { SessionSettings } from './settings.ts';

/** Seconds that a connection which survived in OpenSent gets for its OPEN to arrive. */
export const COLLISION_HOLD_SECONDS = 10;

/** Place of a connection and all that belongs to it; the numbers mean nothing else. */
export type Slot = 0 | 1;
export const SLOTS = [0, 1] as const satisfies readonly Slot[];

export interface Pair {
  readonly sessions: readonly [Session | undefined, Session | undefined];
  readonly main: Slot;
}

/** Effects in order, in groups by the slot that they act on. */
export type PairEffects = readonly (readonly [Slot, readonly Effect[]])[];
export type PairStep = readonly [Pair, PairEffects];

export const newPair = (settings: SessionSettings): Pair => ({ sessions: [newSession(settings), undefined], main: 0 });

export const mainOf = (pair: Pair): Session => pair.sessions[pair.main] as Session;

const otherSlot = (slot: Slot): Slot => (slot === 0 ? 1 : 0);

/** Where an incoming connection goes; undefined: it is refused. Run the effects, attach it there, then step `accepted`. */
export function placeIncoming(pair: Pair): readonly [Pair, Slot | undefined, PairEffects] {
  const main = mainOf(pair);
  if (main.state === 'Idle' && main.isRestarting && main.oscillations === 0) {
    const [awake, effects] = stepOne(pair, pair.main, { type: 'expired', timer: 'idleHold' });
    const [placed, slot, more] = placeIncoming(awake);
    return [placed, slot, [[pair.main, [{ type: 'disarm', timer: 'idleHold' }]], ...effects, ...more]];
  }
  if (main.state === 'Idle') return [pair, undefined, []];
  if (main.state === 'Active') return [pair, pair.main, []];
  const slot = otherSlot(pair.main);
  const [cleared, effects] = pair.sessions[slot] ? dump(pair, slot, { type: 'collisionDump' }) : [pair, []];
  return [withSession(cleared, slot, { ...newSession(main.settings), state: 'Active', withheld: main.withheld }), slot, effects];
}

export function stepPair(pair: Pair, slot: Slot, event: Event): PairStep {
  const session = pair.sessions[slot];
  const other = pair.sessions[otherSlot(slot)];
  if (session?.state === 'OpenSent' && other && event.type === 'open' && !isRefusal(negotiate(session.settings, event.open, event.ours))) {
    return resolve(pair, slot, event);
  }
  return stepOne(pair, slot, event);
}

/** An acceptable OPEN arrived on `slot` while the other slot has a machine too. */
function resolve(pair: Pair, slot: Slot, event: Event & { readonly type: 'open' }): PairStep {
  const fresh = pair.sessions[slot] as Session;
  const older = pair.sessions[otherSlot(slot)] as Session;
  if (isFreshPreferred(fresh, older, event.open)) {
    const [alone, dumped] = dump(pair, otherSlot(slot), reasonToEnd(older));
    const [next, effects] = stepOne(promote(alone, slot, older), slot, event);
    return [next, [...dumped, ...effects]];
  }
  const [alone, dumped] = dump(pair, slot, { type: 'collisionDump' });
  if (slot !== pair.main) return [alone, dumped];
  const hold = { type: 'arm', timer: 'hold', seconds: COLLISION_HOLD_SECONDS } as const;
  return [promote(alone, otherSlot(slot), fresh), [...dumped, [otherSlot(slot), [hold]]]];
}

/** Does the connection on which the OPEN just came survive? */
function isFreshPreferred(fresh: Session, older: Session, open: OpenMessage): boolean {
  switch (older.state) {
    case 'Idle': case 'Connect': case 'Active': return true;
    case 'Established': return older.isSteady && (older.negotiated?.gracefulRestart?.families.length ?? 0) > 0;
    case 'OpenSent': case 'OpenConfirm':
      return fresh.initiator === older.initiator || fresh.initiator === dominant(fresh.settings, open);
  }
}

/** The speaker whose dial counts: the greater BGP identifier, as unsigned; of equal ones the greater AS number (RFC 6286 §2.3). */
function dominant(settings: SessionSettings, open: OpenMessage): Session['initiator'] {
  const isLocal = settings.routerId === open.routerId ? settings.localAsn > open.asn : settings.routerId > open.routerId;
  return isLocal ? 'local' : 'remote';
}

function reasonToEnd(older: Session): Event {
  return older.state === 'Established'
    ? { type: 'tcpFailed', text: 'the peer opened a new connection: it has restarted' }
    : { type: 'collisionDump' };
}

/** Steps one machine; a second one that left OpenSent is gone. */
function stepOne(pair: Pair, slot: Slot, event: Event): PairStep {
  const session = pair.sessions[slot];
  if (!session) return [pair, []];
  const [next, effects] = step(session, event);
  const isGone = slot !== pair.main && next.state !== 'OpenSent';
  if (isGone) return [withSession(pair, slot, undefined), [[slot, [...effects, ...DISCARD]]]];
  return [next === session ? pair : withSession(pair, slot, next), effects.length > 0 ? [[slot, effects]] : []];
}

/** Ends one machine for the sake of the other, with a Cease where an OPEN is out. A collision is no failure to report. */
function dump(pair: Pair, slot: Slot, event: Event): PairStep {
  const session = pair.sessions[slot] as Session;
  const isOpen = session.state === 'OpenSent' || session.state === 'OpenConfirm' || session.state === 'Established';
  const effects = isOpen ? step(session, event)[1].filter((effect) => effect.type !== 'failed') : [];
  return [withSession(pair, slot, undefined), [[slot, [...effects, ...DISCARD]]]];
}

/** The survivor dials and restarts from now on, and inherits what the peer has on its record. */
function promote(pair: Pair, slot: Slot, { attempts, oscillations, withheld }: Session): Pair {
  const survivor = pair.sessions[slot] as Session;
  return { ...withSession(pair, slot, { ...survivor, attempts, oscillations, withheld }), main: slot };
}

const DISCARD: readonly Effect[] = [
  { type: 'abandon' }, { type: 'close' }, ...TIMERS.map((timer) => ({ type: 'disarm', timer } as const)),
];

const withSession = (pair: Pair, slot: Slot, session: Session | undefined): Pair =>
  ({ ...pair, sessions: slot === 0 ? [session, pair.sessions[1]] : [pair.sessions[0], session] });
