/** Routes as the UPDATE messages that a monitoring station is shown: those that share attributes share messages. */
import { familyOf, type Family, type Prefix } from '../../lib/ip/prefix.ts';
import { ip } from '../../lib/ip/text.ts';
import type { Route } from '../rib/route.ts';
import type { NextHop, PathAttributes, WireContext } from '../wire/message.ts';
import { packUpdates, packWithdrawals } from '../wire/pack.ts';

/** What this node originates has no next hop of its own: the unspecified address says so (RFC 9069 §5.4 leaves it open). */
const SELF: Readonly<Record<Family, NextHop>> = { ipv4: { address: ip('0.0.0.0') }, ipv6: { address: ip('::') } };

interface Bucket { readonly route: Pick<Route, 'attributes' | 'nextHop'>; readonly prefixes: Prefix[]; readonly pathIds: number[] }

/** Gathers routes of one family, then makes messages of them. */
export class RouteBatch {
  readonly #family: Family;
  readonly #context: WireContext;
  readonly #byAttributes = new Map<PathAttributes, Map<NextHop | undefined, Bucket>>();
  readonly #withdrawn: Prefix[] = [];
  readonly #withdrawnIds: number[] = [];

  /** @param context in which the messages are written: `addPathOut` says whether path identifiers stand in them. */
  constructor(family: Family, context: WireContext) {
    this.#family = family;
    this.#context = context;
  }

  announce(prefix: Prefix, route: Pick<Route, 'attributes' | 'nextHop'>, pathId: number): void {
    let byHop = this.#byAttributes.get(route.attributes);
    if (byHop === undefined) this.#byAttributes.set(route.attributes, byHop = new Map<NextHop | undefined, Bucket>());
    let bucket = byHop.get(route.nextHop);
    if (bucket === undefined) byHop.set(route.nextHop, bucket = { route, prefixes: [], pathIds: [] });
    bucket.prefixes.push(prefix);
    bucket.pathIds.push(pathId);
  }

  withdraw(prefix: Prefix, pathId: number): void {
    this.#withdrawn.push(prefix);
    this.#withdrawnIds.push(pathId);
  }

  /** Withdrawals first. */
  messages(): Uint8Array[] {
    const family = this.#family;
    const context = this.#context;
    const identified = (ids: readonly number[]): { ids?: readonly number[] } => (context.addPathOut[family] ? { ids } : {});
    const messages = packWithdrawals({ family, prefixes: this.#withdrawn, context, ...identified(this.#withdrawnIds) });
    for (const byHop of this.#byAttributes.values()) {
      for (const { route: { attributes, nextHop }, prefixes, pathIds } of byHop.values()) {
        messages.push(...packUpdates({ family, attributes, nextHop: sayable(nextHop, family, context), prefixes, context, ...identified(pathIds) }));
      }
    }
    return messages;
  }
}

/** IPv4 routes with IPv6 next hops can be shown where the session has agreed on them (RFC 8950). */
function sayable(nextHop: NextHop | undefined, family: Family, { extendedNextHop }: WireContext): NextHop {
  if (nextHop === undefined) return SELF[family];
  return familyOf(nextHop.address) === family || extendedNextHop ? nextHop : SELF[family];
}
