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
 * A slow peer costs memory for one id a changed prefix, however often it changes, and holds nobody else up.
 */
import type { Prefix } from '../../lib/ip/prefix.ts';
import { endOfRib } from '../wire/pack.ts';
import type { AdjRibOut } from './adj-rib-out.ts';
import { IdQueue } from './id-queue.ts';
import type { LocRib } from './loc-rib.ts';
import type { Source } from './route.ts';
import { isFor, packChanges, packState } from './update-packing.ts';

/** One peer of a group, and how far it is. */
export interface Member {
  readonly source: Source;
  /** Queues whole messages; false: no more until `resume`. */
  readonly send: (bytes: Uint8Array, updates: number) => boolean;
  /** Prefixes that the peer must be told about; undefined: it is level with the group. */
  pending: IdQueue | undefined;
  isBlocked: boolean;
  owesEndOfRib: boolean;
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
      const best = this.#rib.best(id);
      if (best !== undefined) this.out.update(id, table.prefixOf(id), best);
    }
    const own = this.out.ownPrefix;
    if (own !== undefined) this.#ensure(own);
    this.out.takeChanges();
  }

  #ensure(prefix: Prefix): void {
    const id = this.#rib.table.add(prefix);
    this.out.update(id, prefix, this.#rib.best(id));
  }

  /** The peer will be sent everything, then End-of-RIB. Its session has been sent nothing yet. */
  join(source: Source, send: Member['send']): Member {
    const member: Member = { source, send, pending: new IdQueue(), isBlocked: false, owesEndOfRib: true };
    this.members.set(source, member);
    this.resend(member);
    return member;
  }

  /** The peer comes from a group whose policy was another: it is told the difference. */
  adopt(member: Member, from: PeerGroup): void {
    from.members.delete(member.source);
    this.members.set(member.source, member);
    const pending = member.pending ??= new IdQueue();
    const saysTheSame = JSON.stringify(targetOf(this)) === JSON.stringify(targetOf(from));
    for (let id = 0; id < this.#rib.table.limit; id++) {
      const [before, now] = [from.out.routeFor(member.source, id), this.out.routeFor(member.source, id)];
      if (before !== now || (now !== undefined && !saysTheSame)) pending.add(id);
    }
  }

  /** Everything is sent to the peer, once more if need be (RFC 2918). */
  resend(member: Member): void {
    const pending = member.pending ??= new IdQueue();
    const { values } = this.out.sent;
    for (let id = 0; id < values.length; id++) {
      if (values[id] !== 0 && this.out.routeFor(member.source, id) !== undefined) pending.add(id);
    }
  }

  /** Sends what changed since the last flush to the peers that are level, and notes it for the others. */
  flush(): void {
    const changes = this.out.takeChanges();
    if (changes.length === 0) return;
    const level: Member[] = [];
    for (const member of this.members.values()) {
      if (member.pending === undefined) level.push(member);
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

  /** Sends a slice of what a lagging peer waits for. True: there is more, and the peer takes more. */
  catchUp(member: Member): boolean {
    const { pending } = member;
    if (pending === undefined || member.isBlocked) return false;
    if (pending.size > 0) {
      const { bytes, updates } = packState(pending.take(SLICE), this.out, this.#rib.table, member.source);
      if (updates > 0 && !member.send(bytes, updates)) member.isBlocked = true;
    }
    if (pending.size > 0) return !member.isBlocked;
    if (!member.isBlocked) member.pending = undefined;
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
}

/** What is said about a route, in a form that compares. */
const targetOf = ({ out: { target } }: PeerGroup): unknown =>
  [target.localAsn, target.nextHop, String(target.self?.address ?? ''), target.wire.external, target.wire.fourOctetAs];
