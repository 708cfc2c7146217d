/**
 * Enhanced route refresh as the receiver (RFC 7313 §4.1): what the peer does not send again between its two marks is gone.
 * Pure, one machine for each session; the speaker carries out the effects on its Adj-RIB-In.
 *
 * ```
 *   of each family:     begin: markForRefresh, arm
 *   ┌─────────┐ ─────────────────────────────────────────────────────► ┌────────────┐ ──┐ begin: markForRefresh, arm
 *   │ settled │                                                        │ refreshing │   │ (the peer starts over)
 *   └─────────┘ ◄───────────────────────────────────────────────────── └────────────┘ ◄─┘
 *                end, expired: removeUnrefreshed;  sessionDown: disarm
 * ```
 * Ignored: `end` without `begin`; `begin` of a family whose initial update is not over, when the peer promised to mark the
 * end of that with End-of-RIB (it sent the graceful restart capability): routes kept from before belong to that marker.
 * After sessionDown the marks on the routes mean nothing any more: graceful restart decides what becomes of them.
 */
import type { Family } from '../../lib/ip/prefix.ts';
import type { Negotiated } from './negotiated.ts';

/** Seconds that a peer has between its marks. */
export const REFRESH_SECONDS = 600;

export interface Refreshing {
  /** Families whose End-of-RIB is awaited. */
  readonly initial: readonly Family[];
  /** Families between `begin` and `end`. */
  readonly families: readonly Family[];
}

export type RefreshEvent =
  | { readonly type: 'sessionUp'; readonly negotiated: Pick<Negotiated, 'families' | 'capabilities'> }
  | { readonly type: 'sessionDown' }
  | { readonly type: 'endOfRib' | 'begin' | 'end' | 'expired'; readonly family: Family };

export type RefreshEffect =
  /** All routes of the peer in this family are marked, until they come again. */
  | { readonly type: 'markForRefresh'; readonly family: Family }
  /** Those that still are marked go. */
  | { readonly type: 'removeUnrefreshed'; readonly family: Family }
  | { readonly type: 'arm'; readonly family: Family; readonly seconds: number }
  | { readonly type: 'disarm'; readonly family: Family };

export type RefreshStep = readonly [Refreshing, readonly RefreshEffect[]];

export const NOT_REFRESHING: Refreshing = { initial: [], families: [] };

export function stepRefresh(r: Refreshing, e: RefreshEvent): RefreshStep {
  switch (e.type) {
    case 'sessionUp': return [{ initial: promised(e.negotiated), families: [] }, []];
    case 'sessionDown': return [NOT_REFRESHING, r.families.map((family) => ({ type: 'disarm', family }))];
    case 'endOfRib': return [{ ...r, initial: r.initial.filter((family) => family !== e.family) }, []];
    case 'begin': return begun(r, e.family);
    case 'end': return ended(r, e.family, [{ type: 'disarm', family: e.family }]);
    case 'expired': return ended(r, e.family, []);
  }
}

const promised = ({ families, capabilities }: Pick<Negotiated, 'families' | 'capabilities'>): readonly Family[] =>
  (capabilities.remote.gracefulRestart === undefined ? [] : families);

function begun(r: Refreshing, family: Family): RefreshStep {
  if (r.initial.includes(family)) return [r, []];
  const families = r.families.includes(family) ? r.families : [...r.families, family];
  return [{ ...r, families }, [{ type: 'markForRefresh', family }, { type: 'arm', family, seconds: REFRESH_SECONDS }]];
}

function ended(r: Refreshing, family: Family, more: readonly RefreshEffect[]): RefreshStep {
  if (!r.families.includes(family)) return [r, []];
  return [{ ...r, families: r.families.filter((f) => f !== family) }, [{ type: 'removeUnrefreshed', family }, ...more]];
}
