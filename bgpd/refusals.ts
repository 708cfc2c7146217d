/** Says who is refused: the first time at once, and of what an address repeats one line a minute. */
import type { Clock, TimerHandle } from '../lib/clock.ts';
import type { Ip } from '../lib/ip/prefix.ts';
import { showIp } from '../lib/ip/text.ts';
import type { Log } from '../lib/log.ts';

const PERIOD_MS = 60_000;
/** More addresses than this at a time share a line: anybody may have a million of IPv6. */
const MAX_ADDRESSES = 256;
const OTHERS = 'others';

export class Refusals implements Disposable {
  readonly #ports: { readonly clock: Clock; readonly log: Log };
  /** By address: connections that no line has told of yet. */
  readonly #untold = new Map<string, number>();
  #why = '';
  #timer: TimerHandle | undefined;

  constructor(ports: { readonly clock: Clock; readonly log: Log }) { this.#ports = ports; }

  /** `why`: for people; of what an address repeats, the latest is told. */
  note(address: Ip, why = 'no such peer'): void {
    const from = showIp(address);
    const key = this.#untold.has(from) || this.#untold.size < MAX_ADDRESSES ? from : OTHERS;
    const untold = this.#untold.get(key);
    this.#why = why;
    if (untold === undefined) this.#say(key, 1);
    this.#untold.set(key, untold === undefined ? 0 : untold + 1);
    this.#timer ??= this.#ports.clock.after(PERIOD_MS, () => { this.#onPeriod(); });
  }

  [Symbol.dispose](): void {
    this.#timer?.[Symbol.dispose]();
    this.#timer = undefined;
  }

  /** Who was quiet for a whole period is forgotten. */
  #onPeriod(): void {
    this.#timer = undefined;
    for (const [key, untold] of this.#untold) {
      if (untold === 0) { this.#untold.delete(key); continue; }
      this.#say(key, untold);
      this.#untold.set(key, 0);
    }
    if (this.#untold.size > 0) this.#timer = this.#ports.clock.after(PERIOD_MS, () => { this.#onPeriod(); });
  }

  #say(from: string, count: number): void { this.#ports.log.info('connection.refused', { from, count, why: this.#why }); }
}
