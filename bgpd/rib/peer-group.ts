/**
 * Peers that are sent the same routes: who has them already, who lags behind, and who waits for End-of-RIB.
 *
 * ```
 *            join                         all pending sent
 *   ───────────────────►  lagging  ─────────────────────────►  level     gets every change as it is flushed
 *    pending = all sent      ▲  changes are added to pending      │
 *                            └────────────────────────────────────┘
 *                                     `send` said: enough
 * ```
 * A slow peer costs memory for one id a changed prefix, however often it changes, and holds nobody else up. One that speaks
 * ADD-PATH costs the path identifiers that it has of those prefixes too, because each must be withdrawn by itself.
 */
import type { Prefix } from '../../lib/ip/prefix.ts';
import { endOfRib } from '../wire/pack.ts';
import type { AdjRibOut, Change } from './adj-rib-out.ts';
import { IdQueue } from './id-queue.ts';
import type { LocRib } from './loc-rib.ts';
import { PathSets } from './path-sets.ts';
import type { Source } from './route.ts';
import { isFor, packChanges, packState } from './update-packing.ts';

/** One peer of a group, and how far it is. */
export interface Member {
  readonly source: Source;
  /** Queues whole messages; false: no more until `resume`. */
  readonly send: (bytes: Uint8Array, updates: number) => boolean;
  /** Prefixes that the peer must be told about; undefined: it is level with the group. */
  pending: IdQueue | undefined;
  /** ADD-PATH: what the peer has for each of those prefixes. For others, it has what the group was sent. */
  held: PathSets | undefined;
  isBlocked: boolean;
  owesEndOfRib: boolean;
  /** Called once, when the peer is level again. */
  onLevel: (() => void) | undefined;
}

/** Prefixes packed for one lagging peer at a time. */
const SLICE = 8192;

export class PeerGroup {
  readonly key: string;
  readonly out: AdjRibOut;
  readonly members = new Map<Source, Member>();
  readonly #rib: LocRib;

  constructor(key: string, out: AdjRibOut, rib: LocRib) {
    this.key = key;
    this.out = out;
    this.#rib = rib;
  }

  /** Brings the group up to the present best routes without sending anything: for a group just made. */
  fill(): void {
    const { table } = this.#rib;
    for (let id = 0; id < table.limit; id++) {
      if (this.#rib.best(id) !== undefined) this.#update(id, table.prefixOf(id));
    }
    const own = this.out.ownPrefix;
    if (own !== undefined) this.#update(table.add(own), own);
    this.out.takeChanges();
  }

  /** The peer will be sent everything, then End-of-RIB. Its session has been sent nothing yet. */
  join(source: Source, send: Member['send']): Member {
    const pending = new IdQueue();
    const held = this.out.isAddPath ? new PathSets() : undefined;
    const member: Member = { source, send, pending, held, isBlocked: false, owesEndOfRib: true, onLevel: undefined };
    this.members.set(source, member);
    for (let id = 0; id < this.out.prefixLimit; id++) if (this.out.holdsFor(source, id)) pending.add(id);
    return member;
  }

  /** The peer comes from a group whose policy was another: it is told the difference. */
  adopt(member: Member, from: PeerGroup): void {
    from.members.delete(member.source);
    this.members.set(member.source, member);
    const saysTheSame = textOf(this.out.target) === textOf(from.out.target);
    for (let id = 0; id < this.#rib.table.limit; id++) {
      const isSame = this.out.isSameFor(member.source, id, from.out);
      if (!isSame || (!saysTheSame && this.out.holdsFor(member.source, id))) lag(member, from.out, id);
    }
    member.pending ??= new IdQueue();
  }

  /**
   * Everything is sent to the peer, once more if need be (RFC 2918). `then` is called once, when all of it is handed to
   * `send`; with one that waits already, it takes its place.
   */
  resend(member: Member, then?: () => void): void {
    member.pending ??= new IdQueue();
    member.onLevel = then ?? member.onLevel;
    for (let id = 0; id < this.out.prefixLimit; id++) {
      if (this.out.holdsFor(member.source, id)) lag(member, this.out, id);
    }
  }

  /** Sends what changed since the last flush to the peers that are level, and notes it for the others. */
  flush(): void {
    const changes = this.out.takeChanges();
    if (changes.length === 0) return;
    const level: Member[] = [];
    for (const member of this.members.values()) {
      if (member.pending === undefined) level.push(member);
      else if (this.out.isAddPath) this.#noteChanges(member, changes);
      else for (const change of changes) member.pending.add(change.prefixId);
    }
    if (level.length === 0) return;
    for (const parcel of packChanges(changes, this.out, this.#rib.table, new Set(level.map((m) => m.source)))) {
      for (const member of level) {
        if (isFor(parcel, member.source) && !member.send(parcel.bytes, parcel.updates)) member.isBlocked = true;
      }
    }
    for (const member of level) if (member.isBlocked) member.pending = new IdQueue();
  }

  /**
   * Sends a slice of what a lagging peer waits for; `told` gets the ids of its prefixes, which nobody may need any more.
   * True: there is more, and the peer takes more.
   */
  catchUp(member: Member, told?: (prefixIds: Iterable<number>) => void): boolean {
    const { pending, held } = member;
    if (pending === undefined || member.isBlocked) return false;
    if (pending.size > 0) {
      const ids = pending.take(SLICE);
      const { bytes, updates } = packState(ids, this.out, this.#rib.table, member.source, held);
      if (held !== undefined) for (const id of ids) held.clear(id);
      if (updates > 0 && !member.send(bytes, updates)) member.isBlocked = true;
      told?.(ids);
    }
    if (pending.size > 0) return !member.isBlocked;
    if (!member.isBlocked) {
      member.pending = undefined;
      member.held = undefined;
      const { onLevel } = member;
      member.onLevel = undefined;
      onLevel?.();
    }
    return false;
  }

  /** Sends End-of-RIB to a peer that is level and has not had it (RFC 4724 §3). True: it was sent now. */
  endInitialUpdate(member: Member): boolean {
    if (!member.owesEndOfRib || member.pending !== undefined || member.isBlocked) return false;
    member.owesEndOfRib = false;
    if (!member.send(endOfRib(this.out.target.family), 1)) { member.isBlocked = true; member.pending = new IdQueue(); }
    return true;
  }

  /** Whether some lagging peer must still be told about a prefix, so that its id must not be used again. */
  isAwaited(prefixId: number): boolean {
    for (const { pending } of this.members.values()) if (pending?.has(prefixId) === true) return true;
    return false;
  }

  #update(id: number, prefix: Prefix): void {
    this.out.update(id, prefix, this.#rib.best(id));
  }

  /** ADD-PATH: what a lagging peer has of the changed prefixes is at most what was sent before these changes. */
  #noteChanges(member: Member, changes: readonly Change[]): void {
    const { source } = member;
    const pending = member.pending!;
    let noting = -1;
    for (const { prefixId, pathId, before } of changes) {
      if (prefixId !== noting) {
        if (pending.has(prefixId)) continue;
        noting = prefixId;
        lag(member, this.out, prefixId);
      }
      const held = member.held ??= new PathSets();
      const isHeld = held.find(prefixId, pathId) !== 0;
      if (before === undefined || before.source === source) held.remove(prefixId, pathId);
      else if (!isHeld) held.add(prefixId, pathId, 1);
    }
  }
}

/** The peer must be told about a prefix anew; `has` says what it has now, unless that is noted already. */
function lag(member: Member, has: AdjRibOut, prefixId: number): void {
  const pending = member.pending ??= new IdQueue();
  if (pending.has(prefixId)) return;
  pending.add(prefixId);
  if (!has.isAddPath) return;
  const held = member.held ??= new PathSets();
  has.forEachFor(member.source, prefixId, (_route, pathId) => { held.add(prefixId, pathId, 1); });
}

/** What is said about a route follows from the route and from this. */
const textOf = (target: AdjRibOut['target']): string => JSON.stringify(target, (_key, value: unknown) => (typeof value === 'bigint' ? String(value) : value));
