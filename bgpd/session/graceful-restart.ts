/**
 * Graceful restart as the helper (RFC 4724 §4.2): what becomes of a peer's routes when its session ends and comes back.
 * Pure, one machine for each peer; the speaker carries out the effects on its Adj-RIB-In. Our own restart: restarting-speaker.ts.
 *
 * ```
 *            sessionUp              closed, and restart negotiated for some family:
 *   ┌──────┐ ─────────► ┌──────┐    markStale those, removeAll the others, arm restart and stale   ┌───────────┐
 *   │ down │            │  up  │ ────────────────────────────────────────────────────────────────► │ retaining │
 *   └──────┘ ◄───────── └──────┘                                                                    └───────────┘
 *     ▲  ▲    any other   ▲  ▲    sessionUp, no family stays stale: removeStale all                   │  │   ▲
 *     │  │    end:        │  └────────────────────────────────────────────────────────────────────────┘  │   │
 *     │  │    removeAll   │                                                                              │   │
 *     │  └────────────────┼── restart or stale expired: removeAll ◄──────────────────────────────────────┤   │
 *     │                   │                                                                              │   │
 *     │                   │ End-of-RIB of a family: removeStale it;        sessionUp, some family stays: │   │
 *     │                   │ of the last one, or stale expired              removeStale those not offered │   │
 *     │                   │   ┌────────────┐                               or with F = 0                 │   │
 *     │                   └── │ refreshing │ ◄───────────────────────────────────────────────────────────┘   │
 *     └────────────────────── └────────────┘ ───────────────────────────────────────────────────────────────┘
 *        any other end: removeAll             closed, restart negotiated: markStale again; stale runs on
 * ```
 * `removed` (the peer is no longer configured) leads from every state to `down` with removeAll.
 * Ignored: sessionDown in down and retaining (an attempt that failed ends nothing), sessionUp in up and refreshing,
 * End-of-RIB of a family that is not stale, timers that are not armed in the state.
 *
 * Where we differ from RFC 4724 §4.2: it deletes routes that are already stale when the peer restarts a second time, so
 * that they cannot live for ever. We keep them, and bound their life by the stale timer instead, which is armed at the
 * first loss and runs on through later ones: two restarts within one window lose nothing.
 * A hold timer that expired, or a NOTIFICATION from either side, is no restart (RFC 8538 is not implemented): removeAll.
 */
import type { Family } from '../../lib/ip/prefix.ts';
import type { GracefulRestartCapability } from '../wire/message.ts';
import type { DownReason, Negotiated } from './negotiated.ts';

export interface Helper {
  readonly state: 'down' | 'up' | 'retaining' | 'refreshing';
  /** What the peer said in its latest OPEN; undefined: no graceful restart with this peer. */
  readonly capability: GracefulRestartCapability | undefined;
  /** Families of the present or last session. */
  readonly families: readonly Family[];
  /** Families that (may) hold stale routes. */
  readonly stale: readonly Family[];
  /** Seconds that stale routes live at most, whatever the peer asks for (`staleRoutesCapSeconds`). */
  readonly capSeconds: number;
}

/** `restart`: the peer must be back by then. `stale`: its routes must be refreshed by then. */
export type HelperTimer = 'restart' | 'stale';

export type HelperEvent =
  | { readonly type: 'sessionUp'; readonly negotiated: Pick<Negotiated, 'families' | 'gracefulRestart'> }
  | { readonly type: 'sessionDown'; readonly reason: DownReason }
  | { readonly type: 'endOfRib'; readonly family: Family }
  | { readonly type: 'expired'; readonly timer: HelperTimer }
  | { readonly type: 'removed' };

export type HelperEffect =
  /** Every route of the peer in these families becomes stale: still used, less than fresh. */
  | { readonly type: 'markStale'; readonly families: readonly Family[] }
  /** Routes of these families that are still stale go. */
  | { readonly type: 'removeStale'; readonly families: readonly Family[] }
  /** All routes of the peer in these families go, stale or not. */
  | { readonly type: 'removeAll'; readonly families: readonly Family[] }
  | { readonly type: 'arm'; readonly timer: HelperTimer; readonly seconds: number }
  | { readonly type: 'disarm'; readonly timer: HelperTimer };

export type HelperStep = readonly [Helper, readonly HelperEffect[]];

export const newHelper = (capSeconds: number): Helper =>
  ({ state: 'down', capability: undefined, families: [], stale: [], capSeconds });

export function stepHelper(helper: Helper, event: HelperEvent): HelperStep {
  if (event.type === 'removed') return forget(helper);
  switch (helper.state) {
    case 'down': return down(helper, event);
    case 'up': return up(helper, event);
    case 'retaining': return retaining(helper, event);
    case 'refreshing': return refreshing(helper, event);
  }
}

type SteppedEvent = Exclude<HelperEvent, { readonly type: 'removed' }>;

function down(h: Helper, e: SteppedEvent): HelperStep {
  return e.type === 'sessionUp' ? [established(h, e.negotiated, []), []] : [h, []];
}

function up(h: Helper, e: SteppedEvent): HelperStep {
  return e.type === 'sessionDown' ? lost(h, e.reason) : [h, []];
}

function retaining(h: Helper, e: SteppedEvent): HelperStep {
  if (e.type === 'expired') return forget(h);
  if (e.type !== 'sessionUp') return [h, []];
  const kept = h.stale.filter((family) => isPreserved(e.negotiated, family));
  const gone = h.stale.filter((family) => !kept.includes(family));
  return [established(h, e.negotiated, kept), [
    { type: 'disarm', timer: 'restart' },
    ...(gone.length > 0 ? [{ type: 'removeStale', families: gone } as const] : []),
    ...(kept.length === 0 ? [{ type: 'disarm', timer: 'stale' } as const] : []),
  ]];
}

function refreshing(h: Helper, e: SteppedEvent): HelperStep {
  switch (e.type) {
    case 'sessionDown': return lost(h, e.reason);
    case 'endOfRib': return refreshed(h, e.family);
    case 'expired': return e.timer === 'stale'
      ? [{ ...h, state: 'up', stale: [] }, [{ type: 'removeStale', families: h.stale }]]
      : [h, []];
    case 'sessionUp': return [h, []];
  }
}

function refreshed(h: Helper, family: Family): HelperStep {
  if (!h.stale.includes(family)) return [h, []];
  const stale = h.stale.filter((f) => f !== family);
  const removal = { type: 'removeStale', families: [family] } as const;
  return stale.length > 0
    ? [{ ...h, stale }, [removal]]
    : [{ ...h, state: 'up', stale }, [removal, { type: 'disarm', timer: 'stale' }]];
}

/** The session ended: is it a restart, and for which families? */
function lost(h: Helper, reason: DownReason): HelperStep {
  const restartSeconds = h.capability?.restartTimeSeconds ?? 0;
  const kept = reason.kind === 'closed' && restartSeconds > 0 ? restartable(h) : [];
  if (kept.length === 0) return forget(h);
  const gone = h.families.filter((family) => !kept.includes(family));
  const isFirst = h.state !== 'refreshing';
  return [{ ...h, state: 'retaining', stale: kept }, [
    { type: 'markStale', families: kept },
    ...(gone.length > 0 ? [{ type: 'removeAll', families: gone } as const] : []),
    { type: 'arm', timer: 'restart', seconds: Math.min(restartSeconds, h.capSeconds) },
    ...(isFirst ? [{ type: 'arm', timer: 'stale', seconds: h.capSeconds } as const] : []),
  ]];
}

/** Families of the session that the peer's capability names. */
const restartable = (h: Helper): Family[] =>
  h.families.filter((family) => h.capability?.families.some((f) => f.family === family));

/** RFC 4724 §4.2: the family is offered again, and the peer kept forwarding for it meanwhile (F bit). */
const isPreserved = (negotiated: Pick<Negotiated, 'families' | 'gracefulRestart'>, family: Family): boolean =>
  negotiated.families.includes(family)
  && negotiated.gracefulRestart?.families.some((f) => f.family === family && f.forwardingPreserved) === true;

const established = (h: Helper, n: Pick<Negotiated, 'families' | 'gracefulRestart'>, stale: readonly Family[]): Helper =>
  ({ ...h, state: stale.length > 0 ? 'refreshing' : 'up', capability: n.gracefulRestart, families: n.families, stale });

function forget(h: Helper): HelperStep {
  const families = [...new Set([...h.families, ...h.stale])];
  const isArmed = h.state === 'retaining' || h.state === 'refreshing';
  return [{ ...newHelper(h.capSeconds) }, [
    ...(families.length > 0 ? [{ type: 'removeAll', families } as const] : []),
    ...(isArmed ? [{ type: 'disarm', timer: 'restart' }, { type: 'disarm', timer: 'stale' }] as const : []),
  ]];
}
