/**
 * The decision process (RFC 4271 §9.1.2.2, RFC 4456 §9, RFC 9494 §4.3) as a table of steps.
 *
 * ```
 *  candidates ─► last resorts, LOCAL steps, AS path, origin ─► MED, within one neighbouring AS ─► external, IGP cost ─► paths for ECMP
 *                                                                                         │
 *                                                            router ID, cluster list, address ─► best
 * ```
 * Each step drops the candidates that are worse than another one; the name of the step is the reason.
 * Stale routes (RFC 4724 §4.2) count like fresh ones: treating them worse would move traffic off a path that works. Only
 * long-lived ones are a last resort.
 *
 * Of this node's own routes, what it originates comes first, then what the kernel has on its links: nobody else knows the
 * way better. Other routes of the kernel come after all of BGP, as routes that BIRD inherits do: what the node reaches
 * by a tunnel, it does not claim from those whose routes say so themselves.
 */
import { isReachable, type Route } from './route.ts';

/** A step's name, and its order: negative when `a` is better. */
export type TieBreaker = readonly [step: string, compare: (a: Route, b: Route) => number];

/** Steps before MED. */
const FIRST_STEPS = [
  ['not long-lived stale',    (a, b) => Number(a.isLongLivedStale) - Number(b.isLongLivedStale)],
  ['locally originated',      (a, b) => Number(b.source.kind === 'originated') - Number(a.source.kind === 'originated')],
  ['directly connected',      (a, b) => Number(isConnected(b)) - Number(isConnected(a))],
  ['learned by BGP',          (a, b) => Number(a.source.kind === 'kernel') - Number(b.source.kind === 'kernel')],
  ['higher local preference', (a, b) => b.localPref - a.localPref],
  ['shorter AS path',         (a, b) => a.attributes.asPathLength - b.attributes.asPathLength],
  ['lower origin',            (a, b) => a.attributes.origin - b.attributes.origin],
] as const satisfies readonly TieBreaker[];

/** Steps after MED that tell paths apart by quality: what is left after them is equal enough for ECMP. */
const QUALITY_STEPS = [
  ['external over internal',  (a, b) => Number(a.source.kind === 'ibgp') - Number(b.source.kind === 'ibgp')],
  ['lower IGP cost',          (a, b) => igpCost(a) - igpCost(b)],
] as const satisfies readonly TieBreaker[];

/** Steps that merely choose one of equals. */
const LAST_STEPS = [
  ['lower router ID',         (a, b) => originatorOf(a) - originatorOf(b)],
  ['shorter cluster list',    (a, b) => a.attributes.clusterList.length - b.attributes.clusterList.length],
  ['lower peer address',      (a, b) => compareAddresses(a, b)],
] as const satisfies readonly TieBreaker[];

const LOWER_MED = 'lower MED';

/** The whole table in order; MED is applied group by group where its row stands. */
export const TIE_BREAKERS: readonly TieBreaker[] = [
  ...FIRST_STEPS,
  [LOWER_MED, (a, b) => (a.neighbourAsn === b.neighbourAsn ? medOf(a) - medOf(b) : 0)],
  ...QUALITY_STEPS,
  ...LAST_STEPS,
];

/** Paths that no row before this one tells apart may forward together. */
const EQUAL_FROM = TIE_BREAKERS.length - LAST_STEPS.length;

export interface Decision {
  readonly best: Route;
  /** Best first: what forwards when ECMP is on. */
  readonly multipath: readonly Route[];
}

/** Told of each candidate that loses, and of the step that dropped it. */
export type Explain = (loser: Route, step: string) => void;

const silent: Explain = () => undefined;

/** Chooses among candidates that are all eligible; the array is used up. `maximumPaths` is at least 1. */
export function decide(candidates: Route[], maximumPaths: number, explain: Explain = silent): Decision | undefined {
  if (candidates.length === 2) return decidePair(candidates[0]!, candidates[1]!, maximumPaths, explain);
  for (const step of FIRST_STEPS) keepBest(candidates, step, explain);
  keepLowestMed(candidates, explain);
  for (const step of QUALITY_STEPS) keepBest(candidates, step, explain);
  if (candidates.length > 1 && maximumPaths > 1) candidates.sort(compareLast);
  const equal = candidates.slice(0, maximumPaths);
  for (const step of LAST_STEPS) keepBest(candidates, step, explain);
  const best = candidates[0];
  return best === undefined ? undefined : { best, multipath: maximumPaths > 1 ? equal : [best] };
}

/** The same for the common case of two: the first row that tells them apart decides, groups need not be formed. */
function decidePair(a: Route, b: Route, maximumPaths: number, explain: Explain): Decision {
  for (let i = 0; i < TIE_BREAKERS.length; i++) {
    const [step, compare] = TIE_BREAKERS[i]!;
    const order = compare(a, b);
    if (order === 0) continue;
    const [best, loser] = order < 0 ? [a, b] : [b, a];
    explain(loser, step);
    return { best, multipath: i >= EQUAL_FROM && maximumPaths > 1 ? [best, loser] : [best] };
  }
  return { best: a, multipath: maximumPaths > 1 ? [a, b] : [a] };
}

/** Why a route may not even be a candidate; undefined: it may. */
export function ineligible(route: Route): string | undefined {
  return route.refusal ?? (isReachable(route) ? undefined : 'next hop unreachable');
}

function keepBest(candidates: Route[], [step, compare]: TieBreaker, explain: Explain): void {
  if (candidates.length < 2) return;
  let best = candidates[0]!;
  for (const candidate of candidates) if (compare(candidate, best) < 0) best = candidate;
  keep(candidates, (candidate) => compare(candidate, best) <= 0, step, explain);
}

/** RFC 4271 §9.1.2.2 c: a route goes when another of the same neighbouring AS has a lower MED. */
function keepLowestMed(candidates: Route[], explain: Explain): void {
  if (candidates.length < 2) return;
  const all = [...candidates];
  keep(candidates, (c) => !all.some((o) => o.neighbourAsn === c.neighbourAsn && medOf(o) < medOf(c)), LOWER_MED, explain);
}

function keep(candidates: Route[], isKept: (candidate: Route) => boolean, step: string, explain: Explain): void {
  let kept = 0;
  for (const candidate of candidates) {
    if (isKept(candidate)) candidates[kept++] = candidate;
    else explain(candidate, step);
  }
  candidates.length = kept;
}

function compareLast(a: Route, b: Route): number {
  for (const [, compare] of LAST_STEPS) {
    const order = compare(a, b);
    if (order !== 0) return order;
  }
  return 0;
}

/** The kernel reaches it on a link, through nobody. */
const isConnected = ({ source, hop }: Route): boolean => source.kind === 'kernel' && hop?.via?.gateway === undefined;

/** A missing MED counts as 0, the lowest (RFC 4271 §9.1.2.2 c). */
const medOf = (route: Route): number => route.attributes.med ?? 0;
const igpCost = (route: Route): number => route.hop?.metric ?? 0;
/** RFC 4456 §9: ORIGINATOR_ID stands in for the router ID. */
const originatorOf = (route: Route): number => route.attributes.originatorId ?? route.source.routerId;

function compareAddresses(a: Route, b: Route): number {
  const [x, y] = [a.source.address, b.source.address];
  if (typeof x !== typeof y) return typeof x === 'number' ? -1 : 1;
  return x < y ? -1 : x > y ? 1 : 0;
}
