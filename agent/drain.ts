/** Takes the node's BGP out of service while its Node says so, or is gone: GRACEFUL_SHUTDOWN, some time, then Cease to all. */
import type { CalicoNode } from '../config/kinds/node.ts';
import { DRAIN_WAIT_SECONDS, MAXIMUM_SHUTDOWN_MESSAGE, type DrainStatus } from '../config/messages/operator-annotations.ts';
import type { SpeakerConfig } from '../config/messages/speaker-config.ts';
import { drainedConfig } from '../config/translate/drain.ts';
import type { Clock, TimerHandle } from '../lib/clock.ts';
import type { Log } from '../lib/log.ts';
import type { DrainRecord } from './drain-record.ts';
import { notDrained, stepDrain, type DrainEffect, type DrainEvent, type DrainOrder, type DrainState, type KeptDrain } from './drain/phases.ts';

export interface DrainPorts {
  readonly node: string;
  readonly bootId: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly record: DrainRecord;
  /** `adjust` would say something else now. */
  readonly changed: () => void;
}

export const NOT_DRAINED: DrainStatus = { phase: 'none', sinceMs: 0 };

/** Nothing for a configuration that is not known any more. */
const NOTHING: Partial<SpeakerConfig> = { peers: { peers: [] }, originate: { routes: [] } };

export class Drain implements Disposable {
  readonly #ports: DrainPorts;
  #state: DrainState;
  /** Until the first look at the cluster. */
  #kept: KeptDrain | undefined;
  #timer: TimerHandle | undefined;
  /** The node's configuration as it was last known: of a node that is gone there is none. */
  #last: SpeakerConfig | undefined;
  #isAdjusting = false;
  /** What the phase is about has been handed out to be told. */
  #isSaid = true;

  constructor(ports: DrainPorts) {
    this.#ports = ports;
    this.#kept = ports.record.kept;
    this.#state = notDrained(ports.clock.wallTime());
  }

  get status(): DrainStatus {
    const { phase, order, sinceMs } = this.#state;
    const leftMs = order === undefined ? 0 : Math.max(0, sinceMs + order.waitSeconds * 1000 - this.#ports.clock.wallTime());
    return { phase, sinceMs, ...(phase === 'announcing' && { leftMs }), ...(order !== undefined && { message: order.message }) };
  }

  /** The configuration that bgpd is to have; undefined: it keeps what it has. Called when the cluster is known. */
  adjust(node: CalicoNode | undefined, config: SpeakerConfig | undefined): Partial<SpeakerConfig> | undefined {
    this.#isAdjusting = true;
    this.#step({ type: 'ordered', order: this.#orderOf(node) });
    this.#isAdjusting = false;
    this.#isSaid = true;
    this.#last = config ?? this.#last;
    const { phase, order } = this.#state;
    if (phase === 'none') return config;
    const message = phase === 'announcing' ? undefined : order!.message;
    if (this.#last !== undefined) return drainedConfig(this.#last, message);
    return message === undefined ? undefined : NOTHING;
  }

  /** bgpd has taken all that it was told. */
  applied(): void { if (this.#isSaid) this.#step({ type: 'applied' }); }

  [Symbol.dispose](): void { this.#timer?.[Symbol.dispose](); }

  /** A node that was never seen is none that is gone: its name may be wrong. */
  #orderOf(node: CalicoNode | undefined): DrainOrder | undefined {
    const { node: name, bootId } = this.#ports;
    if (node === undefined) {
      const isGone = this.#last !== undefined || this.#kept !== undefined || this.#state.phase !== 'none';
      return isGone ? { waitSeconds: DRAIN_WAIT_SECONDS, message: `node ${name} was deleted`.slice(0, MAXIMUM_SHUTDOWN_MESSAGE) } : undefined;
    }
    const request = node.actions.drain;
    if (request === undefined || (request.bootId !== undefined && request.bootId !== bootId)) return undefined;
    return { waitSeconds: request.waitSeconds, message: request.message ?? `drain of node ${name}`.slice(0, MAXIMUM_SHUTDOWN_MESSAGE) };
  }

  #step(event: DrainEvent): void {
    const { clock, log } = this.#ports;
    const before = this.#state.phase;
    const [next, effects] = stepDrain(this.#state, event, clock.wallTime(), this.#kept);
    this.#state = next;
    if (event.type === 'ordered') this.#kept = undefined;
    if (next.phase !== before) log.info(`drain.${next.phase}`, { message: next.order?.message, waitSeconds: next.order?.waitSeconds });
    for (const effect of effects) this.#perform(effect);
  }

  #perform(effect: DrainEffect): void {
    switch (effect.type) {
      case 'arm':
        this.#timer?.[Symbol.dispose]();
        this.#timer = this.#ports.clock.after(effect.ms, () => { this.#step({ type: 'expired' }); });
        break;
      case 'disarm': this.#timer?.[Symbol.dispose](); break;
      case 'tell':
        this.#isSaid = false;
        if (!this.#isAdjusting) this.#ports.changed();
        break;
      case 'keep': void this.#ports.record.keep(effect.kept); break;
    }
  }
}
