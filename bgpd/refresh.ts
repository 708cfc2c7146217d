/** Route refresh with a peer, both ways: sends a family again, and follows the marks of one that is sent to us (RFC 2918, RFC 7313). */
import type { Clock } from '../lib/clock.ts';
import { assertNever } from '../lib/errors.ts';
import type { Family } from '../lib/ip/prefix.ts';
import type { Log } from '../lib/log.ts';
import type { Neighbour } from './neighbour.ts';
import type { FamilyRib } from './rib/family-rib.ts';
import { NOT_REFRESHING, stepRefresh, type RefreshEffect, type RefreshEvent, type Refreshing } from './session/route-refresh.ts';
import { Timers } from './timers.ts';

export interface RefreshPorts {
  readonly clock: Clock;
  readonly log: Log;
  readonly ribs: Readonly<Record<Family, FamilyRib>>;
  /** Routes changed, or are to be sent. */
  readonly changed: () => void;
}

/**
 * Milliseconds between two refreshes of a family with one neighbour, either way: each costs a walk over all routes, and a
 * neighbour may ask a thousand times in one segment.
 */
const GAP_MS = 1_000;

/** What is known of one neighbour's session. */
interface Watch {
  state: Refreshing;
  readonly timers: Timers<Family>;
  /** Until a family goes out once more that was asked for again too soon. */
  readonly again: Timers<Family>;
  /** When a family last began to go out, and to come in. */
  readonly sentAtMs: Map<Family, number>;
  readonly begunAtMs: Map<Family, number>;
}

export class Refresh {
  readonly #ports: RefreshPorts;
  readonly #watches = new WeakMap<Neighbour, Watch>();

  constructor(ports: RefreshPorts) { this.#ports = ports; }

  /**
   * Sends all routes of the family again, between marks where the peer understands them. Amid the initial update there
   * are none: End-of-RIB, which follows, says as much (RFC 7313 §4.1). What is asked for too soon after that, or amid it,
   * goes out once more a little later, however often it was asked for.
   */
  resend(neighbour: Neighbour, family: Family): void {
    const { peer, session } = neighbour;
    const place = session?.places.get(family);
    if (place === undefined) return;
    const { group, member } = place;
    const { again, sentAtMs } = this.#watchOf(neighbour);
    const now = this.#ports.clock.now();
    const leftMs = (sentAtMs.get(family) ?? -Infinity) + GAP_MS - now;
    if (leftMs > 0 || member.onLevel !== undefined) {
      if (!again.isArmed(family)) again.arm(family, Math.max(leftMs, GAP_MS / 2));
      return;
    }
    sentAtMs.set(family, now);
    const isMarked = session?.negotiated.enhancedRouteRefresh === true && !member.owesEndOfRib;
    if (isMarked) peer.markRefresh(family, 'begin');
    group.resend(member, isMarked ? () => { peer.markRefresh(family, 'end'); } : undefined);
    this.#ports.changed();
  }

  /** The peer asks for the family, or marks a resend of its own. */
  received(neighbour: Neighbour, family: Family, subtype: 'request' | 'begin' | 'end'): void {
    if (subtype === 'request') this.resend(neighbour, family);
    else if (subtype === 'end' || this.#mayBegin(neighbour, family)) this.step(neighbour, { type: subtype, family });
  }

  /** A beginning that is not heeded, and the end that follows, change nothing: what was announced and not withdrawn stays. */
  #mayBegin(neighbour: Neighbour, family: Family): boolean {
    const { state, begunAtMs } = this.#watchOf(neighbour);
    const now = this.#ports.clock.now();
    if (state.families.includes(family) || now < (begunAtMs.get(family) ?? -Infinity) + GAP_MS) return false;
    begunAtMs.set(family, now);
    return true;
  }

  step(neighbour: Neighbour, event: RefreshEvent): void {
    const watch = this.#watchOf(neighbour);
    const [next, effects] = stepRefresh(watch.state, event);
    watch.state = next;
    if (event.type === 'sessionDown') watch.again.disarmAll();
    if (event.type === 'sessionUp') for (const times of [watch.sentAtMs, watch.begunAtMs]) times.clear();
    for (const effect of effects) this.#perform(neighbour, watch, effect);
    if (effects.length > 0) this.#ports.changed();
  }

  #watchOf(neighbour: Neighbour): Watch {
    let watch = this.#watches.get(neighbour);
    if (watch === undefined) {
      const timers = new Timers<Family>(this.#ports.clock, (family) => {
        this.#ports.log.warn('refresh.unfinished', { peer: neighbour.config.name, family });
        this.step(neighbour, { type: 'expired', family });
      });
      const again = new Timers<Family>(this.#ports.clock, (family) => { this.resend(neighbour, family); });
      watch = { state: NOT_REFRESHING, timers, again, sentAtMs: new Map(), begunAtMs: new Map() };
      this.#watches.set(neighbour, watch);
    }
    return watch;
  }

  #perform({ source }: Neighbour, { timers }: Watch, effect: RefreshEffect): void {
    const { loc } = this.#ports.ribs[effect.family];
    switch (effect.type) {
      case 'markForRefresh': loc.adjIn.markForRefresh(source); return;
      case 'removeUnrefreshed': loc.removeAll(source, 'unrefreshed'); return;
      case 'arm': timers.arm(effect.family, effect.seconds * 1000); return;
      case 'disarm': timers.disarm(effect.family); return;
      default: assertNever(effect);
    }
  }
}
