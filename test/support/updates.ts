/** Reads what the speaker sent to a peer: the UPDATE messages in some bytes, as text. */
import { decodeMessage } from '../../bgpd/wire/codec.ts';
import { wireContext } from '../../bgpd/wire/context.ts';
import { Framer } from '../../bgpd/wire/framer.ts';
import { AttributeInterner } from '../../bgpd/wire/interner.ts';
import type { PathAttributes, UpdateMessage, WireContext } from '../../bgpd/wire/message.ts';
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

/** One line a prefix, in order: `+10.0.0.0/24 via 192.0.2.1`, `-10.0.0.0/24`, or `end ipv4`. */
export function linesOf(updates: readonly UpdateMessage[]): string[] {
  return updates.flatMap((u) => [
    ...[...u.withdrawn4, ...u.withdrawn6].map((p) => `-${showPrefix(p)}`),
    ...u.announced4.map((p) => `+${showPrefix(p)} via ${showIp(u.nextHop4!.address)}`),
    ...u.announced6.map((p) => `+${showPrefix(p)} via ${showIp(u.nextHop6!.address)}`),
    ...(u.endOfRib === undefined ? [] : [`end ${u.endOfRib}`]),
  ]);
}

/** A peer's view: prefix → next hop and AS path, after all these messages. */
export class RemoteView {
  readonly routes = new Map<string, string>();
  readonly endOfRib: string[] = [];
  /** Withdrawals of what was never announced: harmless, and a waste. */
  needless = 0;

  take(updates: readonly UpdateMessage[]): void {
    for (const u of updates) {
      for (const p of [...u.withdrawn4, ...u.withdrawn6]) if (!this.routes.delete(showPrefix(p))) this.needless++;
      for (const p of u.announced4) this.routes.set(showPrefix(p), described(showIp(u.nextHop4!.address), u.attributes!));
      for (const p of u.announced6) this.routes.set(showPrefix(p), described(showIp(u.nextHop6!.address), u.attributes!));
      if (u.endOfRib !== undefined) this.endOfRib.push(u.endOfRib);
    }
  }
}

const described = (nextHop: string, { asPath }: PathAttributes): string =>
  `${nextHop} [${asPath.flatMap((s) => s.asns).join(' ')}]`;
