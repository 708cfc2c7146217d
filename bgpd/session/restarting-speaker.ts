/**
 * Graceful restart as the restarting speaker (RFC 4724 §4.1): when best paths may be chosen after our own restart.
 * Pure, one machine for the whole speaker; only made when we restarted and our kernel routes are still there.
 *
 * ```
 *   beginRestart(peers, deferral): arm deferral
 *        │
 *        ▼
 *   ┌──────────┐   the last awaited peer of a family sent End-of-RIB: select that family
 *   │ deferring│ ─────────────────────────────────────────────────┐
 *   └──────────┘   deferral expired: select all families           ▼ no family is left: disarm deferral
 *                                                              ┌──────────┐
 *                                                              │ selected │  (final; every event is ignored)
 *                                                              └──────────┘
 *   While deferring, a peer is awaited for a family when it is configured for it and
 *     its session is not up                      (it may still come, until the deferral timer ends)
 *     or is up, negotiated the family and graceful restart, R bit 0, and no End-of-RIB came
 *   A peer with R = 1 restarted as well and waits for us; one without the capability sends no marker: neither is awaited.
 *   Peers for which graceful restart is switched off are never awaited.
 * ```
 * While a family is deferred: no best path is chosen, nothing is sent to peers, and the kernel routes stay as they are.
 * `select` means: choose best paths, make the kernel match, send the routes and then End-of-RIB to every peer.
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
  /** Families whose selection is still deferred; empty: we are through, and R bits are 0 from now on. */
  readonly deferred: readonly Family[];
  /** Peer name → families that we wait for. */
  readonly awaited: ReadonlyMap<string, readonly Family[]>;
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
  | { readonly type: 'select'; readonly families: readonly Family[] }
  | { readonly type: 'arm'; readonly timer: 'deferral'; readonly seconds: number }
  | { readonly type: 'disarm'; readonly timer: 'deferral' };

export type RestartStep = readonly [RestartingSpeaker, readonly RestartEffect[]];

/** Starts deferring. With no peer to wait for, everything is selected at once. */
export function beginRestart(peers: readonly AwaitedPeer[], deferralSeconds: number): RestartStep {
  const begun: RestartingSpeaker = { deferred: FAMILIES, awaited: new Map(), settled: new Map() };
  const [next, effects] = stepRestart(begun, { type: 'configured', peers });
  return [next, [{ type: 'arm', timer: 'deferral', seconds: deferralSeconds }, ...effects]];
}

export function stepRestart(r: RestartingSpeaker, e: RestartEvent): RestartStep {
  if (r.deferred.length === 0) return [r, []];
  switch (e.type) {
    case 'configured': return concluded({ ...r, awaited: awaitedOf(r, e.peers) });
    case 'sessionUp': return concluded(settle(r, e.peer, notAwaitedOn(r, e.peer, e.negotiated)));
    case 'endOfRib': return concluded(settle(r, e.peer, [e.family]));
    case 'expired': return [{ ...r, deferred: [], awaited: new Map() }, [{ type: 'select', families: r.deferred }]];
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

function settle(r: RestartingSpeaker, peer: string, families: readonly Family[]): RestartingSpeaker {
  const open = r.awaited.get(peer)?.filter((family) => !families.includes(family)) ?? [];
  const awaited = new Map(r.awaited);
  if (open.length > 0) awaited.set(peer, open); else awaited.delete(peer);
  const settled = new Map(r.settled).set(peer, [...new Set([...r.settled.get(peer) ?? [], ...families])]);
  return { ...r, awaited, settled };
}

/** Selects the families that nobody is awaited for any more. */
function concluded(r: RestartingSpeaker): RestartStep {
  const deferred = r.deferred.filter((family) => [...r.awaited.values()].some((families) => families.includes(family)));
  const families = r.deferred.filter((family) => !deferred.includes(family));
  if (families.length === 0) return [r, []];
  return [{ ...r, deferred }, [
    { type: 'select', families },
    ...(deferred.length === 0 ? [{ type: 'disarm', timer: 'deferral' } as const] : []),
  ]];
}
