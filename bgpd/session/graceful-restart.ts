/**
 * Graceful restart as the helper (RFC 4724 §4.2, RFC 8538 §4, RFC 9494 §4.2): what becomes of a peer's routes when its
 * session ends and comes back. Pure, one machine for each peer; the speaker carries out the effects on its Adj-RIB-In.
 * Our own restart: restarting-speaker.ts.
 *
 * ```
 *            sessionUp              a restart, and negotiated for some family:
 *   ┌──────┐ ─────────► ┌──────┐    markStale those, removeAll the others, arm restart and stale    ┌───────────┐
 *   │ down │            │  up  │ ─────────────────────────────────────────────────────────────────► │ retaining │ ──┐
 *   └──────┘ ◄───────── └──────┘                                                                    └───────────┘   │
 *     ▲  ▲    any other   ▲  ▲    sessionUp, no family stays stale: removeStale all                   │  │   ▲    ▲  │
 *     │  │    end:        │  └────────────────────────────────────────────────────────────────────────┘  │   │    └──┘
 *     │  │    removeAll   │                                                                              │   │  restart or
 *     │  └────────────────┼── restart, stale or long-lived timers ended:                                 │   │  stale expired:
 *     │                   │   no family is left: removeAll ◄─────────────────────────────────────────────┤   │  markLongLived
 *     │                   │                                                                              │   │  those with a
 *     │                   │ End-of-RIB of a family, or its time ended:     sessionUp, some family stays: │   │  stale time,
 *     │                   │ removeStale it. The last one:                  removeStale those not offered │   │  arm a timer
 *     │                   │   ┌────────────┐                               or with F = 0                 │   │  for each;
 *     │                   └── │ refreshing │ ◄───────────────────────────────────────────────────────────┘   │  removeAll
 *     └────────────────────── └────────────┘ ────────────────────────────────────────────────────────────────┘  the others
 *        any other end: removeAll             a restart, negotiated: markStale again; timers run on
 * ```
 * A restart is: the connection was lost without a NOTIFICATION. Where both sides said N, also: the hold timer expired, or a
 * NOTIFICATION went either way that is no Hard Reset (RFC 8538 §4). Never: an end that we wanted ourselves.
 *
 * Each stale family is in one of two phases. First it is `plain` (RFC 4724): the restart and stale timers count, both no
 * longer than `staleRoutesCapSeconds`, and the F bits of the graceful restart capability. Then, if the peer offers a
 * long-lived stale time for it, it is long-lived (RFC 9494): only its own timer and the F bits of that capability count, and
 * our cap does not. A restart time of 0, or a family that only the long-lived capability names, skips the first phase.
 *
 * `removed` (the peer is no longer configured) leads from every state to `down` with removeAll.
 * Ignored: sessionDown in down and retaining (an attempt that failed ends nothing), sessionUp in up and refreshing,
 * End-of-RIB of a family that is not stale, timers that are not armed in the state.
 *
 * Where we differ from RFC 4724 §4.2: it deletes routes that are already stale when the peer restarts a second time, so
 * that they cannot live for ever. We keep them, as RFC 8538 §4.1 has it where N was agreed, and bound their life by the
 * timers instead, which are armed at the first loss and run on through later ones: two restarts within one window lose
 * nothing. The same holds for a long-lived timer: it is not armed anew before End-of-RIB.
 */
import type { Family } from '../../lib/ip/prefix.ts';
import { CEASE, ERROR } from '../wire/constants.ts';
import type { GracefulRestartCapability, LongLivedFamily } from '../wire/message.ts';
import type { DownReason, Negotiated } from './negotiated.ts';

export interface Helper {
  readonly state: 'down' | 'up' | 'retaining' | 'refreshing';
  /** What the peer said in its latest OPEN; undefined: no graceful restart with this peer. */
  readonly capability: GracefulRestartCapability | undefined;
  readonly longLived: readonly LongLivedFamily[];
  /** N on both sides. */
  readonly notificationRestart: boolean;
  /** Families of the present or last session. */
  readonly families: readonly Family[];
  /** Families that (may) hold stale routes. */
  readonly stale: readonly Family[];
  /** Those of them that are in the first phase: while there is one, `stale` runs, and in retaining `restart`. */
  readonly plain: readonly Family[];
  /** Those of them whose long-lived timer runs. */
  readonly aged: readonly Family[];
  /** Seconds of the first phase at most, whatever the peer asks for (`staleRoutesCapSeconds`). */
  readonly capSeconds: number;
}

/** `restart`: the peer must be back by then. `stale`, and one for each long-lived family: its routes must be refreshed by then. */
export type HelperTimer = 'restart' | 'stale' | LongLivedTimer;
export type LongLivedTimer = `longLived ${Family}`;

export type HelperNegotiated = Pick<Negotiated, 'families' | 'gracefulRestart' | 'longLived' | 'notificationRestart'>;

export type HelperEvent =
  | { readonly type: 'sessionUp'; readonly negotiated: HelperNegotiated }
  | { readonly type: 'sessionDown'; readonly reason: DownReason }
  | { readonly type: 'endOfRib'; readonly family: Family }
  | { readonly type: 'expired'; readonly timer: HelperTimer }
  | { readonly type: 'removed' };

export type HelperEffect =
  /** Every route of the peer in these families becomes stale: still used, less than fresh. */
  | { readonly type: 'markStale'; readonly families: readonly Family[] }
  /** Every route of the peer in these families becomes long-lived stale: used when there is no other; NO_LLGR ones go. */
  | { readonly type: 'markLongLived'; readonly families: readonly Family[] }
  /** Routes of these families that are still stale go. */
  | { readonly type: 'removeStale'; readonly families: readonly Family[] }
  /** All routes of the peer in these families go, stale or not. */
  | { readonly type: 'removeAll'; readonly families: readonly Family[] }
  | { readonly type: 'arm'; readonly timer: HelperTimer; readonly seconds: number }
  | { readonly type: 'disarm'; readonly timer: HelperTimer };

export type HelperStep = readonly [Helper, readonly HelperEffect[]];

export const newHelper = (capSeconds: number): Helper => ({
  state: 'down', capability: undefined, longLived: [], notificationRestart: false, families: [], stale: [], plain: [], aged: [], capSeconds,
});

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
  switch (e.type) {
    case 'sessionUp': return returned(h, e.negotiated);
    case 'expired': return e.timer === 'restart' || e.timer === 'stale' ? outlived(h) : outdated(h, familyOfTimer(e.timer));
    case 'sessionDown': case 'endOfRib': return [h, []];
  }
}

function refreshing(h: Helper, e: SteppedEvent): HelperStep {
  switch (e.type) {
    case 'sessionDown': return lost(h, e.reason);
    case 'endOfRib': return refreshed(h, [e.family]);
    case 'expired':
      if (e.timer === 'restart') return [h, []];
      return refreshed(h, e.timer === 'stale' ? h.plain : [familyOfTimer(e.timer)], e.timer);
    case 'sessionUp': return [h, []];
  }
}

/** The session ended: is it a restart, and for which families? */
function lost(h: Helper, reason: DownReason): HelperStep {
  const restartSeconds = h.capability?.restartTimeSeconds ?? 0;
  const isPlain = (family: Family): boolean => restartSeconds > 0 && names(h.capability, family);
  const isKept = (family: Family): boolean => isPlain(family) || (h.capability !== undefined && staleSecondsOf(h, family) > 0);
  const kept = isRestart(h, reason) ? h.families.filter(isKept) : [];
  if (kept.length === 0) return forget(h);
  const gone = h.families.filter((family) => !kept.includes(family));
  const plain = kept.filter(isPlain);
  const longLived = kept.filter((family) => !isPlain(family));
  const next: Helper = { ...h, state: 'retaining', stale: kept, plain, aged: kept.filter((f) => h.aged.includes(f) || longLived.includes(f)) };
  return [next, [
    { type: 'markStale', families: kept },
    ...over('removeAll', gone),
    ...over('markLongLived', longLived),
    ...(plain.length > 0 ? [{ type: 'arm', timer: 'restart', seconds: Math.min(restartSeconds, h.capSeconds) } as const] : []),
    ...(plain.length > 0 && h.plain.length === 0 ? [{ type: 'arm', timer: 'stale', seconds: h.capSeconds } as const] : []),
    ...(plain.length === 0 && h.plain.length > 0 ? [{ type: 'disarm', timer: 'stale' } as const] : []),
    ...armLongLived(h, longLived),
    ...disarmLongLived(h.aged.filter((family) => !kept.includes(family))),
  ]];
}

/** The first phase is over. */
function outlived(h: Helper): HelperStep {
  const longLived = h.plain.filter((family) => staleSecondsOf(h, family) > 0);
  const gone = h.plain.filter((family) => !longLived.includes(family));
  const stale = h.stale.filter((family) => !gone.includes(family));
  if (stale.length === 0) return forget(h);
  return [{ ...h, stale, plain: [], aged: stale }, [
    ...over('markLongLived', longLived),
    ...over('removeAll', gone),
    { type: 'disarm', timer: 'restart' }, { type: 'disarm', timer: 'stale' },
    ...armLongLived(h, longLived),
    ...disarmLongLived(h.aged.filter((family) => gone.includes(family))),
  ]];
}

/** The time of a long-lived family is over while the peer is away. */
function outdated(h: Helper, family: Family): HelperStep {
  if (!h.aged.includes(family)) return [h, []];
  const [stale, plain, aged] = [h.stale, h.plain, h.aged].map((list) => list.filter((f) => f !== family)) as [Family[], Family[], Family[]];
  if (stale.length === 0) return forget(h);
  return [{ ...h, stale, plain, aged }, [
    { type: 'removeAll', families: [family] },
    ...(plain.length === 0 && h.plain.length > 0 ? [{ type: 'disarm', timer: 'restart' }, { type: 'disarm', timer: 'stale' }] as const : []),
  ]];
}

/** The peer is back: for which families did it keep forwarding meanwhile? */
function returned(h: Helper, negotiated: HelperNegotiated): HelperStep {
  const kept = h.stale.filter((family) => negotiated.families.includes(family)
    && isPreserved(h.plain.includes(family) ? negotiated.gracefulRestart?.families : negotiated.longLived, family));
  const gone = h.stale.filter((family) => !kept.includes(family));
  const next = { ...established(h, negotiated, kept), plain: h.plain.filter((f) => kept.includes(f)), aged: h.aged.filter((f) => kept.includes(f)) };
  return [next, [
    ...(h.plain.length > 0 ? [{ type: 'disarm', timer: 'restart' } as const] : []),
    ...over('removeStale', gone),
    ...(h.plain.length > 0 && next.plain.length === 0 ? [{ type: 'disarm', timer: 'stale' } as const] : []),
    ...disarmLongLived(h.aged.filter((family) => !kept.includes(family))),
  ]];
}

/** These families have no stale routes any more. `expired`: the timer that said so. */
function refreshed(h: Helper, families: readonly Family[], expired?: HelperTimer): HelperStep {
  const done = families.filter((family) => h.stale.includes(family));
  if (done.length === 0) return [h, []];
  const [stale, plain, aged] = [h.stale, h.plain, h.aged].map((list) => list.filter((f) => !done.includes(f))) as [Family[], Family[], Family[]];
  const idle: HelperTimer[] = [
    ...(plain.length === 0 && h.plain.length > 0 ? ['stale' as const] : []),
    ...h.aged.filter((family) => done.includes(family)).map(longLivedTimer),
  ];
  return [{ ...h, state: stale.length > 0 ? 'refreshing' : 'up', stale, plain, aged }, [
    { type: 'removeStale', families: done },
    ...idle.filter((timer) => timer !== expired).map((timer) => ({ type: 'disarm', timer } as const)),
  ]];
}

function forget(h: Helper): HelperStep {
  const families = [...new Set([...h.families, ...h.stale])];
  const isArmed = h.state === 'retaining' || h.state === 'refreshing';
  return [{ ...newHelper(h.capSeconds) }, [
    ...over('removeAll', families),
    ...(isArmed ? [{ type: 'disarm', timer: 'restart' }, { type: 'disarm', timer: 'stale' }] as const : []),
    ...disarmLongLived(h.aged),
  ]];
}

function isRestart(h: Helper, { kind, notification }: DownReason): boolean {
  switch (kind) {
    case 'closed': return true;
    case 'administrative': return false;
    case 'hold-timer': case 'error': case 'notified':
      return h.notificationRestart && !(notification?.code === ERROR.cease && notification.subcode === CEASE.hardReset);
  }
}

const names = (capability: GracefulRestartCapability | undefined, family: Family): boolean =>
  capability?.families.some((f) => f.family === family) === true;

const staleSecondsOf = (h: Helper, family: Family): number => h.longLived.find((f) => f.family === family)?.staleSeconds ?? 0;

/** RFC 4724 §4.2, RFC 9494 §4.2: the family is named again, and the peer kept forwarding for it meanwhile (F bit). */
const isPreserved = (families: readonly { readonly family: Family; readonly forwardingPreserved: boolean }[] | undefined, family: Family): boolean =>
  families?.some((f) => f.family === family && f.forwardingPreserved) === true;

const established = (h: Helper, n: HelperNegotiated, stale: readonly Family[]): Helper => ({
  ...h, state: stale.length > 0 ? 'refreshing' : 'up', capability: n.gracefulRestart, longLived: n.longLived ?? [],
  notificationRestart: n.notificationRestart, families: n.families, stale,
});

const longLivedTimer = (family: Family): LongLivedTimer => `longLived ${family}`;
const familyOfTimer = (timer: LongLivedTimer): Family => (timer === 'longLived ipv4' ? 'ipv4' : 'ipv6');

const over = (type: 'markLongLived' | 'removeStale' | 'removeAll', families: readonly Family[]): HelperEffect[] =>
  (families.length > 0 ? [{ type, families }] : []);

/** Timers that run already run on. */
const armLongLived = (h: Helper, families: readonly Family[]): HelperEffect[] => families.filter((f) => !h.aged.includes(f))
  .map((family) => ({ type: 'arm', timer: longLivedTimer(family), seconds: staleSecondsOf(h, family) }));

const disarmLongLived = (families: readonly Family[]): HelperEffect[] =>
  families.map((family) => ({ type: 'disarm', timer: longLivedTimer(family) }));
