/** Turns changed prefixes into UPDATE messages: those that share a route share messages, encoded once for all peers. */
import type { Prefix } from '../../lib/ip/prefix.ts';
import { packUpdates, packWithdrawals } from '../wire/pack.ts';
import type { AdjRibOut, Change } from './adj-rib-out.ts';
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

/** Prefixes for one route or, without one, to withdraw. */
interface Bucket { readonly route: Route | undefined; readonly prefixes: Prefix[] }

/** Prefixes gathered by route; runs of the same route are the common case and cost no look-up. */
class Buckets {
  readonly #byRoute = new Map<Route | undefined, Bucket>();
  #last: Bucket | undefined;

  add(route: Route | undefined, prefix: Prefix): void {
    if (this.#last === undefined || this.#last.route !== route) {
      let bucket = this.#byRoute.get(route);
      if (bucket === undefined) this.#byRoute.set(route, bucket = { route, prefixes: [] });
      this.#last = bucket;
    }
    this.#last.prefixes.push(prefix);
  }

  messages(out: AdjRibOut): Uint8Array[] {
    const { family, wire: context } = out.target;
    const messages: Uint8Array[] = [];
    for (const { route, prefixes } of this.#byRoute.values()) {
      const packed = route === undefined
        ? packWithdrawals({ family, prefixes, context })
        : packUpdates({ family, prefixes, context, ...out.outbound(route) });
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
  for (const { prefixId, before, now } of changes) {
    const prefix = table.prefixOf(prefixId);
    const sender = peerOf(now);
    const oldSender = peerOf(before);
    // Nobody is told to forget what it was never told: the old sender of a route that goes.
    const except = now === undefined ? oldSender : sender;
    if (except === undefined || peers.size > 1) bucketsOf(forAll, except).add(now, prefix);
    // The new sender had another's route and loses it.
    if (sender !== undefined && before !== undefined && oldSender !== sender) bucketsOf(forOne, sender).add(undefined, prefix);
  }
  return [
    ...[...forAll].map(([except, buckets]) => parcel(buckets.messages(out), except, undefined)),
    ...[...forOne].map(([only, buckets]) => parcel(buckets.messages(out), undefined, only)),
  ];
}

/** What one peer is to have for each of these prefixes, whatever it has now. */
export function packState(prefixIds: Iterable<number>, out: AdjRibOut, table: PrefixTable, peer: Source): Parcel {
  const buckets = new Buckets();
  for (const id of prefixIds) buckets.add(out.routeFor(peer, id), table.prefixOf(id));
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
