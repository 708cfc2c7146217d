/**
 * Graceful restart as the restarting speaker (RFC 4724 §4.1): when best paths may be chosen after our own restart.
 * Pure, one machine for the whole speaker; only made when we restarted and our kernel routes are still there.
 *
 * ```
 *   beginRestart(peers, deferral): arm deferral
 *        │
 *        ▼
 *   ┌──────────┐   the last awaited peer of a family sent End-of-RIB: select that family; release it, unless a peer
 *   │ deferring│   that restarted as well is late. Once that one has sent End-of-RIB: release the family
 *   └──────────┘ ─────────────────────────────────────────────────┐
 *        │         deferral expired: select and release the rest   ▼ no family is left: disarm deferral
 *        │                                                     ┌──────────┐
 *        └───────────────────────────────────────────────────► │ released │  (final; every event is ignored)
 *                                                              └──────────┘
 *   While deferring, a peer is awaited for a family when it is configured for it and
 *     its session is not up                      (it may still come, until the deferral timer ends)
 *     or is up, negotiated the family and graceful restart, R bit 0, and no End-of-RIB came
 *   A peer with R = 1 restarted as well and waits for us: it is late, not awaited. One without the capability sends no
 *   marker: it is neither. Peers for which graceful restart is switched off are never awaited.
 * ```
 * While a family is deferred: kernel routes from before the restart stay as they are, no best path is chosen for their
 * prefixes, and no End-of-RIB is sent. Prefixes without such a route, and our own, have nothing to lose and are not held up.
 * `select` means: choose best paths, make the kernel match where there is one, send the routes and then End-of-RIB to
 * every peer. `release` means: kernel routes from before that nothing stands behind go. RFC 4724 has both at once, and
 * when two neighbours restart together each would remove the other's routes, to learn them a moment later.
 */
import { FAMILIES, type Family } from '../../lib/ip/prefix.ts';
import type { Negotiated } from './negotiated.ts';

export interface AwaitedPeer {
  readonly name: string;
  readonly families: readonly Family[];
  /** Graceful restart is configured for it. */
  readonly gracefulRestart: boolean;
}

export interface RestartingSpeaker {
  /** Families whose selection is still deferred; empty: R bits are 0 from now on. */
  readonly deferred: readonly Family[];
  /** Families whose kernel routes from before are not released; empty: we are through. */
  readonly kept: readonly Family[];
  /** Peer name → families that we wait for. */
  readonly awaited: ReadonlyMap<string, readonly Family[]>;
  /** Peer name → families of which a peer that restarted as well has not sent End-of-RIB. */
  readonly late: ReadonlyMap<string, readonly Family[]>;
  /** Peers whose End-of-RIB or exemption is already counted; a later list of peers does not bring them back. */
  readonly settled: ReadonlyMap<string, readonly Family[]>;
}

export type RestartEvent =
  /** The whole list, whenever the configuration changed. */
  | { readonly type: 'configured'; readonly peers: readonly AwaitedPeer[] }
  | { readonly type: 'sessionUp'; readonly peer: string; readonly negotiated: Pick<Negotiated, 'families' | 'gracefulRestart'> }
  | { readonly type: 'endOfRib'; readonly peer: string; readonly family: Family }
  | { readonly type: 'expired'; readonly timer: 'deferral' };

export type RestartEffect =
  | { readonly type: 'select' | 'release'; readonly families: readonly Family[] }
  | { readonly type: 'arm'; readonly timer: 'deferral'; readonly seconds: number }
  | { readonly type: 'disarm'; readonly timer: 'deferral' };

export type RestartStep = readonly [RestartingSpeaker, readonly RestartEffect[]];

/** Starts deferring. With no peer to wait for, everything is selected at once. */
export function beginRestart(peers: readonly AwaitedPeer[], deferralSeconds: number): RestartStep {
  const begun: RestartingSpeaker = { deferred: FAMILIES, kept: FAMILIES, awaited: new Map(), late: new Map(), settled: new Map() };
  const [next, effects] = stepRestart(begun, { type: 'configured', peers });
  return [next, [{ type: 'arm', timer: 'deferral', seconds: deferralSeconds }, ...effects]];
}

export function stepRestart(r: RestartingSpeaker, e: RestartEvent): RestartStep {
  if (r.kept.length === 0) return [r, []];
  switch (e.type) {
    case 'configured': return concluded({ ...r, awaited: awaitedOf(r, e.peers), late: onlyOf(r.late, e.peers) });
    case 'sessionUp': return concluded(settle(withLate(r, e.peer, e.negotiated), e.peer, notAwaitedOn(r, e.peer, e.negotiated)));
    case 'endOfRib': return concluded(settle({ ...r, late: without(r.late, e.peer, [e.family]) }, e.peer, [e.family]));
    case 'expired': return concluded({ ...r, awaited: new Map(), late: new Map() });
  }
}

function awaitedOf(r: RestartingSpeaker, peers: readonly AwaitedPeer[]): Map<string, readonly Family[]> {
  const awaited = new Map<string, readonly Family[]>();
  for (const peer of peers) {
    const settled = r.settled.get(peer.name) ?? [];
    const open = peer.families.filter((family) => r.deferred.includes(family) && !settled.includes(family));
    if (peer.gracefulRestart && open.length > 0) awaited.set(peer.name, open);
  }
  return awaited;
}

/** Families of which this session will bring no End-of-RIB that we should wait for. */
function notAwaitedOn(r: RestartingSpeaker, peer: string, n: Pick<Negotiated, 'families' | 'gracefulRestart'>): readonly Family[] {
  const awaited = r.awaited.get(peer) ?? [];
  const sendsMarker = n.gracefulRestart !== undefined && !n.gracefulRestart.restarted;
  return sendsMarker ? awaited.filter((family) => !n.families.includes(family)) : awaited;
}

/** A peer that restarted as well: its routes are on their way, although it is not awaited. */
function withLate(r: RestartingSpeaker, peer: string, n: Pick<Negotiated, 'families' | 'gracefulRestart'>): RestartingSpeaker {
  const families = n.gracefulRestart?.restarted === true ? n.families.filter((family) => r.kept.includes(family)) : [];
  return { ...r, late: put(r.late, peer, families) };
}

function settle(r: RestartingSpeaker, peer: string, families: readonly Family[]): RestartingSpeaker {
  const settled = new Map(r.settled).set(peer, [...new Set([...r.settled.get(peer) ?? [], ...families])]);
  return { ...r, awaited: without(r.awaited, peer, families), settled };
}

type Waiting = ReadonlyMap<string, readonly Family[]>;

const without = (waiting: Waiting, peer: string, families: readonly Family[]): Waiting =>
  put(waiting, peer, waiting.get(peer)?.filter((family) => !families.includes(family)) ?? []);

function put(waiting: Waiting, peer: string, families: readonly Family[]): Waiting {
  const next = new Map(waiting);
  if (families.length > 0) next.set(peer, families); else next.delete(peer);
  return next;
}

const onlyOf = (waiting: Waiting, peers: readonly AwaitedPeer[]): Waiting =>
  new Map([...waiting].filter(([name]) => peers.some((p) => p.name === name)));

const isIn = (waiting: Waiting, family: Family): boolean => [...waiting.values()].some((families) => families.includes(family));

/** Selects the families that nobody is awaited for any more, and releases those of them that nobody is late with. */
function concluded(r: RestartingSpeaker): RestartStep {
  const deferred = r.deferred.filter((family) => isIn(r.awaited, family));
  const kept = r.kept.filter((family) => deferred.includes(family) || isIn(r.late, family));
  const selected = r.deferred.filter((family) => !deferred.includes(family));
  const released = r.kept.filter((family) => !kept.includes(family));
  return [{ ...r, deferred, kept }, [
    ...(selected.length > 0 ? [{ type: 'select', families: selected } as const] : []),
    ...(released.length > 0 ? [{ type: 'release', families: released } as const] : []),
    ...(released.length > 0 && kept.length === 0 ? [{ type: 'disarm', timer: 'deferral' } as const] : []),
  ]];
}
