/** Turns changed prefixes into UPDATE messages: those that share a route share messages, encoded once for all peers. */
import type { Prefix } from '../../lib/ip/prefix.ts';
import { packUpdates, packWithdrawals } from '../wire/pack.ts';
import type { AdjRibOut, Change } from './adj-rib-out.ts';
import type { PathSets } from './path-sets.ts';
import type { PrefixTable } from './prefix-table.ts';
import type { Route, Source } from './route.ts';

/** Messages back to back, for some of a group's peers. */
export interface Parcel {
  readonly bytes: Uint8Array;
  /** UPDATE messages in `bytes`. */
  readonly updates: number;
  /** The peer that does not get it, because it is where the routes come from. */
  readonly except: Source | undefined;
  /** The only peer that gets it; undefined: all. */
  readonly only: Source | undefined;
}

/** Whether a peer is among those a parcel is for. */
export const isFor = (parcel: Parcel, peer: Source): boolean =>
  parcel.except !== peer && (parcel.only === undefined || parcel.only === peer);

/** Prefixes for one route or, without one, to withdraw; with the path identifier of each when ADD-PATH is spoken. */
interface Bucket { readonly route: Route | undefined; readonly prefixes: Prefix[]; readonly pathIds: number[] }

/** Prefixes gathered by route; runs of the same route are the common case and cost no look-up. */
class Buckets {
  readonly #byRoute = new Map<Route | undefined, Bucket>();
  #last: Bucket | undefined;

  add(route: Route | undefined, prefix: Prefix, pathId: number): void {
    if (this.#last === undefined || this.#last.route !== route) {
      let bucket = this.#byRoute.get(route);
      if (bucket === undefined) this.#byRoute.set(route, bucket = { route, prefixes: [], pathIds: [] });
      this.#last = bucket;
    }
    this.#last.prefixes.push(prefix);
    if (pathId !== 0) this.#last.pathIds.push(pathId);
  }

  messages(out: AdjRibOut): Uint8Array[] {
    const { family, wire: context } = out.target;
    const messages: Uint8Array[] = [];
    for (const { route, prefixes, pathIds } of this.#byRoute.values()) {
      const what = { family, prefixes, context, ...(out.isAddPath && { ids: pathIds }) };
      const outbound = route === undefined ? undefined : out.outbound(route);
      const packed = outbound === undefined ? packWithdrawals(what) : packUpdates({ ...what, ...outbound });
      for (const message of packed) messages.push(message);
    }
    return messages;
  }
}

/** The changes as messages for `peers`, who are level with their group. Nothing is encoded that nobody would get. */
export function packChanges(changes: readonly Change[], out: AdjRibOut, table: PrefixTable, peers: ReadonlySet<Source>): Parcel[] {
  const forAll = new Map<Source | undefined, Buckets>();
  const forOne = new Map<Source, Buckets>();
  const peerOf = (route: Route | undefined): Source | undefined =>
    (route !== undefined && peers.has(route.source) ? route.source : undefined);
  const strangers = new Strangers(out, peers);
  for (const { prefixId, pathId, before, now } of changes) {
    const prefix = table.prefixOf(prefixId);
    const sender = peerOf(now);
    const oldSender = peerOf(before);
    const kept = strangers.of(now);
    if (kept.length > 0) {
      for (const peer of peers) {
        const isKept = peer === sender || kept.includes(peer);
        if (isKept && (before === undefined || peer === oldSender)) continue;
        bucketsOf(forOne, peer).add(isKept ? undefined : now, prefix, pathId);
      }
      continue;
    }
    // Nobody is told to forget what it was never told: the old sender of a route that goes.
    const except = now === undefined ? oldSender : sender;
    if (except === undefined || peers.size > 1) bucketsOf(forAll, except).add(now, prefix, pathId);
    // The new sender had another's route and loses it.
    if (sender !== undefined && before !== undefined && oldSender !== sender) bucketsOf(forOne, sender).add(undefined, prefix, pathId);
  }
  return [
    ...[...forAll].map(([except, buckets]) => parcel(buckets.messages(out), except, undefined)),
    ...[...forOne].map(([only, buckets]) => parcel(buckets.messages(out), undefined, only)),
  ];
}

/** Peers from which a route is kept although they did not send it: the few that it leads to, or began at. */
class Strangers {
  readonly #out: AdjRibOut;
  readonly #peers: ReadonlySet<Source>;
  #last: Route | undefined;
  #kept: readonly Source[] = [];

  constructor(out: AdjRibOut, peers: ReadonlySet<Source>) {
    this.#out = out;
    this.#peers = peers;
  }

  of(route: Route | undefined): readonly Source[] {
    if (route === this.#last) return this.#kept;
    this.#last = route;
    return this.#kept = route === undefined || !mayBeKept(route) ? [] : [...this.#peers].filter((p) => p !== route.source && this.#out.whyKept(route, p) !== undefined);
  }
}

/** Most routes have their sender as next hop and as originator. */
const mayBeKept = ({ source, nextHop, attributes: { originatorId } }: Route): boolean =>
  (nextHop !== undefined && nextHop.address !== source.address) || (originatorId !== undefined && originatorId !== source.routerId);

/** What one peer is to have for each of these prefixes, whatever it has now; `held`: path identifiers that it may have. */
export function packState(prefixIds: Iterable<number>, out: AdjRibOut, table: PrefixTable, peer: Source, held?: PathSets): Parcel {
  const buckets = new Buckets();
  let prefix: Prefix;
  const tell = (route: Route | undefined, pathId: number): void => { buckets.add(route, prefix, pathId); };
  for (const id of prefixIds) {
    prefix = table.prefixOf(id);
    out.tell(peer, id, held, tell);
  }
  return parcel(buckets.messages(out), undefined, peer);
}

function bucketsOf<K>(map: Map<K, Buckets>, key: K): Buckets {
  let buckets = map.get(key);
  if (buckets === undefined) map.set(key, buckets = new Buckets());
  return buckets;
}

function parcel(messages: readonly Uint8Array[], except: Source | undefined, only: Source | undefined): Parcel {
  if (messages.length === 1) return { bytes: messages[0]!, updates: 1, except, only };
  const bytes = new Uint8Array(messages.reduce((sum, message) => sum + message.length, 0));
  let at = 0;
  for (const message of messages) { bytes.set(message, at); at += message.length; }
  return { bytes, updates: messages.length, except, only };
}
