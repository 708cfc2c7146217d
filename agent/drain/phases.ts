/** How a node is drained: a machine from "GRACEFUL_SHUTDOWN goes out" to "all sessions are down". Pure. */
import type { DrainPhase } from '../../config/messages/operator-annotations.ts';
import { isObject } from '../../config/schema/structure.ts';

/** What is to be done, whoever asks for it. */
export interface DrainOrder {
  /** Between GRACEFUL_SHUTDOWN and Cease. */
  readonly waitSeconds: number;
  /** For the neighbours' operators. */
  readonly message: string;
}

export interface DrainState {
  readonly phase: DrainPhase;
  /** Absent in phase `none`. */
  readonly order?: DrainOrder;
  /** Wall-clock milliseconds. */
  readonly sinceMs: number;
  /** bgpd has said yes to what the phase is about. */
  readonly isTold: boolean;
}

/** What outlives the agent. */
export interface KeptDrain { readonly phase: Exclude<DrainPhase, 'none'>; readonly sinceMs: number }

export type DrainEvent =
  | { readonly type: 'ordered'; readonly order: DrainOrder | undefined }
  /** bgpd has taken all that it was told. */
  | { readonly type: 'applied' }
  | { readonly type: 'expired' };

export type DrainEffect =
  | { readonly type: 'arm'; readonly ms: number }
  | { readonly type: 'disarm' }
  /** What bgpd is told has changed. */
  | { readonly type: 'tell' }
  | { readonly type: 'keep'; readonly kept: KeptDrain | undefined };

export type DrainStep = readonly [DrainState, readonly DrainEffect[]];

export const notDrained = (nowMs: number): DrainState => ({ phase: 'none', sinceMs: nowMs, isTold: true });

/** `kept`: what an agent before us had come to; it goes on from there, whoever asks now. */
export function stepDrain(state: DrainState, event: DrainEvent, nowMs: number, kept?: KeptDrain): DrainStep {
  switch (event.type) {
    case 'ordered':
      if (event.order === undefined) return state.phase === 'none' && kept === undefined ? [state, []] : [notDrained(nowMs), [{ type: 'disarm' }, { type: 'tell' }, { type: 'keep', kept: undefined }]];
      return state.order === undefined ? begin(event.order, nowMs, kept) : [{ ...state, order: event.order }, []];
    case 'applied': return applied(state, nowMs);
    case 'expired': return state.phase === 'announcing' ? close(state.order!, nowMs) : [state, []];
  }
}

/** The time runs from the start, so that a bgpd that does not answer does not hold it up; and anew from bgpd's answer. */
function begin(order: DrainOrder, nowMs: number, kept: KeptDrain | undefined): DrainStep {
  if (kept !== undefined && kept.phase !== 'announcing') return close(order, nowMs);
  const sinceMs = kept === undefined ? nowMs : Math.min(kept.sinceMs, nowMs);
  return [
    { phase: 'announcing', order, sinceMs, isTold: kept !== undefined },
    [{ type: 'arm', ms: Math.max(0, sinceMs + order.waitSeconds * 1000 - nowMs) }, { type: 'tell' }, keep('announcing', sinceMs)],
  ];
}

const close = (order: DrainOrder, nowMs: number): DrainStep =>
  [{ phase: 'closing', order, sinceMs: nowMs, isTold: false }, [{ type: 'disarm' }, { type: 'tell' }, keep('closing', nowMs)]];

function applied(state: DrainState, nowMs: number): DrainStep {
  if (state.phase === 'none' || state.isTold) return [state, []];
  const next = { ...state, isTold: true, sinceMs: nowMs };
  if (state.phase === 'announcing') return [next, [{ type: 'arm', ms: state.order!.waitSeconds * 1000 }, keep('announcing', nowMs)]];
  return [{ ...next, phase: 'drained' }, [keep('drained', nowMs)]];
}

const keep = (phase: KeptDrain['phase'], sinceMs: number): DrainEffect => ({ type: 'keep', kept: { phase, sinceMs } });

/** Reads what an agent has kept; undefined: that is no text of ours. */
export function decodeKeptDrain(text: string): KeptDrain | undefined {
  try {
    const value: unknown = JSON.parse(text);
    if (!isObject(value)) return undefined;
    const { phase, sinceMs } = value;
    const isGood = (phase === 'announcing' || phase === 'closing' || phase === 'drained') && typeof sinceMs === 'number' && Number.isFinite(sinceMs);
    return isGood ? { phase, sinceMs } : undefined;
  } catch {
    return undefined;
  }
}
