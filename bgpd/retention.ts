/** Keeps a peer's routes while it restarts: performs on the tables what the helper's machine decides (RFC 4724, RFC 9494). */
import type { Clock } from '../lib/clock.ts';
import { assertNever } from '../lib/errors.ts';
import type { Family } from '../lib/ip/prefix.ts';
import type { Log } from '../lib/log.ts';
import type { Neighbour } from './neighbour.ts';
import type { FamilyRib } from './rib/family-rib.ts';
import { stepHelper, type HelperEffect, type HelperEvent } from './session/graceful-restart.ts';

export interface RetentionPorts {
  readonly clock: Clock;
  readonly log: Log;
  readonly ribs: Readonly<Record<Family, FamilyRib>>;
  /** What is kept of the neighbour changed. */
  readonly changed: (neighbour: Neighbour) => void;
}

export class Retention {
  readonly #ports: RetentionPorts;

  constructor(ports: RetentionPorts) { this.#ports = ports; }

  step(neighbour: Neighbour, event: HelperEvent): void {
    const [next, effects] = stepHelper(neighbour.helper, event);
    neighbour.helper = next;
    for (const effect of effects) this.#perform(neighbour, effect);
    if (effects.length > 0) this.#ports.changed(neighbour);
  }

  #perform(neighbour: Neighbour, effect: HelperEffect): void {
    const { config, source, timers } = neighbour;
    switch (effect.type) {
      case 'markStale': case 'markLongLived':
        this.#ports.log.info(effect.type === 'markStale' ? 'routes.stale' : 'routes.longLivedStale', { peer: config.name, families: effect.families });
        for (const family of effect.families) {
          const { loc } = this.#ports.ribs[family];
          if (effect.type === 'markStale') loc.adjIn.markStale(source); else loc.markLongLived(source);
        }
        return;
      case 'removeStale': for (const family of effect.families) this.#ports.ribs[family].loc.removeAll(source, 'stale'); return;
      case 'removeAll': for (const family of effect.families) this.#ports.ribs[family].loc.removeAll(source, 'all'); return;
      case 'arm':
        timers.get(effect.timer)?.[Symbol.dispose]();
        timers.set(effect.timer, this.#ports.clock.after(effect.seconds * 1000, () => { this.step(neighbour, { type: 'expired', timer: effect.timer }); }));
        return;
      case 'disarm': timers.get(effect.timer)?.[Symbol.dispose](); timers.delete(effect.timer); return;
      default: assertNever(effect);
    }
  }
}
