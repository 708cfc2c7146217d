/** What bgpd was last told, kept for the next start: a crash need not wait for the agent. */
import { readFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { SpeakerConfig } from '../config/messages/speaker-config.ts';
import type { Clock, TimerHandle } from '../lib/clock.ts';
import { messageOf } from '../lib/errors.ts';
import { parseSecretJson } from '../lib/json.ts';
import type { Log } from '../lib/log.ts';
import { systemClock } from '../sys/clock.ts';
import { readTextIfExists, writeAtomic } from '../sys/files.ts';

const FORMAT = 1;
/** After a write that failed: the disk may have room again. */
const RETRY_MS = 10_000;

interface State {
  readonly format: number;
  readonly bootId: string;
  readonly sections: Partial<SpeakerConfig>;
}

export interface StateFileOptions {
  readonly path: string;
  /** Changes with every boot of the machine. */
  readonly bootId: string;
  readonly log: Log;
  /** Absent: the machine's. */
  readonly clock?: Clock;
}

export const kernelBootId = (): string => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();

export class StateFile {
  readonly #options: StateFileOptions;
  #latest: Partial<SpeakerConfig> | undefined;
  #writing: Promise<void> | undefined;
  #retry: TimerHandle | undefined;

  constructor(options: StateFileOptions) { this.#options = options; }

  /**
   * The sections as they were written, not validated. After a reboot without `originate`: by now the blocks may be
   * others'. Undefined when there is no file, or none that can be read; that is logged.
   */
  async load(): Promise<Readonly<Record<string, unknown>> | undefined> {
    const { path, bootId, log } = this.#options;
    try {
      const text = await readTextIfExists(path);
      if (text === undefined) return undefined;
      const state = parseSecretJson(text) as { readonly [K in keyof State]?: State[K] | null } | null;
      if (state?.format !== FORMAT) throw new Error(`format ${String(state?.format)}: expected ${FORMAT}`);
      if (typeof state.sections !== 'object' || state.sections === null) throw new Error('no sections');
      if (state.bootId === bootId) return state.sections;
      log.info('state.rebooted', { path });
      return { ...state.sections, originate: undefined };
    } catch (error) {
      log.warn('state.unreadable', { path, message: messageOf(error) });
      return undefined;
    }
  }

  /** Writes soon, and again until it is written; of several in a row, the last. The file holds MD5 keys: mode 0600. */
  save(sections: Partial<SpeakerConfig>): void {
    this.#latest = sections;
    this.#retry?.[Symbol.dispose]();
    this.#writing ??= this.#write();
  }

  /** Resolves when all that was saved is on disk, or has failed and was logged. */
  async saved(): Promise<void> { await this.#writing; }

  async #write(): Promise<void> {
    const { path, bootId, log, clock = systemClock } = this.#options;
    let unwritten = this.#latest;
    try {
      await mkdir(dirname(path), { recursive: true, mode: 0o755 });
      while (this.#latest !== undefined) {
        unwritten = this.#latest;
        this.#latest = undefined;
        const state: State = { format: FORMAT, bootId, sections: unwritten };
        await writeAtomic(path, JSON.stringify(state), 0o600);
      }
    } catch (error) {
      log.error('state.unwritten', { path, message: messageOf(error) });
      const again = this.#latest ?? unwritten;
      if (again !== undefined) this.#retry = clock.after(RETRY_MS, () => { this.save(again); });
    } finally {
      this.#writing = undefined;
    }
  }
}
