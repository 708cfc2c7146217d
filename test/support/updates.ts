/** Reads what the speaker sent to a peer: the UPDATE messages in some bytes, as text. */
import { decodeMessage } from '../../bgpd/wire/codec.ts';
import { wireContext } from '../../bgpd/wire/context.ts';
import { Framer } from '../../bgpd/wire/framer.ts';
import { AttributeInterner } from '../../bgpd/wire/interner.ts';
import type { PathAttributes, UpdateMessage, WireContext } from '../../bgpd/wire/message.ts';
import type { Prefix } from '../../lib/ip/prefix.ts';
import { showIp, showPrefix } from '../../lib/ip/text.ts';

export function updatesIn(bytes: Uint8Array, context: WireContext = wireContext()): UpdateMessage[] {
  const interner = new AttributeInterner();
  const messages: UpdateMessage[] = [];
  for (const frame of new Framer().frames(bytes)) {
    const message = decodeMessage(frame.type, frame.body, context, interner);
    if (message.type === 'update') messages.push(message);
  }
  return messages;
}

/** One line a prefix, in order: `+10.0.0.0/24 via 192.0.2.1`, `-10.0.0.0/24`, or `end ipv4`. With path identifiers: `10.0.0.0/24#7`. */
export function linesOf(updates: readonly UpdateMessage[]): string[] {
  return updates.flatMap((u) => [
    ...withdrawnIn(u).map((p) => `-${p}`),
    ...announcedIn(u).map(([p, nextHop]) => `+${p} via ${nextHop}`),
    ...(u.endOfRib === undefined ? [] : [`end ${u.endOfRib}`]),
  ]);
}

const named = (prefixes: readonly Prefix[], ids: readonly number[] | undefined): string[] =>
  prefixes.map((p, i) => (ids === undefined ? showPrefix(p) : `${showPrefix(p)}#${ids[i]!}`));

const withdrawnIn = (u: UpdateMessage): string[] => [...named(u.withdrawn4, u.withdrawnIds4), ...named(u.withdrawn6, u.withdrawnIds6)];

const announcedIn = (u: UpdateMessage): [string, string][] => [
  ...named(u.announced4, u.announcedIds4).map((p): [string, string] => [p, showIp(u.nextHop4!.address)]),
  ...named(u.announced6, u.announcedIds6).map((p): [string, string] => [p, showIp(u.nextHop6!.address)]),
];

/** A peer's view: prefix → next hop and AS path, after all these messages. */
export class RemoteView {
  readonly routes = new Map<string, string>();
  readonly endOfRib: string[] = [];
  /** Withdrawals of what was never announced: harmless, and a waste. */
  needless = 0;

  take(updates: readonly UpdateMessage[]): void {
    for (const u of updates) {
      for (const p of withdrawnIn(u)) if (!this.routes.delete(p)) this.needless++;
      for (const [p, nextHop] of announcedIn(u)) this.routes.set(p, described(nextHop, u.attributes!));
      if (u.endOfRib !== undefined) this.endOfRib.push(u.endOfRib);
    }
  }
}

const described = (nextHop: string, { asPath }: PathAttributes): string =>
  `${nextHop} [${asPath.flatMap((s) => s.asns).join(' ')}]`;
