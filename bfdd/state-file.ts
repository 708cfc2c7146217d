/** What bfdd was asked for and which sessions were Up, kept for the next start: nobody has to ask again. */
import { readFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { messageOf } from '../lib/errors.ts';
import type { Log } from '../lib/log.ts';
import { readTextIfExists, writeAtomic } from '../sys/files.ts';
import type { Remembered } from './sessions.ts';
import { checkedSessions } from './settings/sessions.ts';

const FORMAT = 1;

export interface StateFileOptions {
  readonly path: string;
  /** Changes with every boot of the machine. */
  readonly bootId: string;
  readonly log: Log;
}

export const kernelBootId = (): string => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();

export class StateFile {
  readonly #options: StateFileOptions;
  #latest: (() => Remembered) | undefined;
  #writing: Promise<void> | undefined;

  constructor(options: StateFileOptions) { this.#options = options; }

  /** Undefined when there is none, none of this boot, or none that can be read; the last is logged. */
  async load(): Promise<Remembered | undefined> {
    const { path, bootId, log } = this.#options;
    try {
      const text = await readTextIfExists(path);
      if (text === undefined) return undefined;
      const state = JSON.parse(text) as Remembered & { readonly format: number; readonly bootId: string };
      if (state.format !== FORMAT) throw new Error(`format ${String(state.format)}: expected ${FORMAT}`);
      if (state.bootId !== bootId) return undefined;
      const clients = Object.fromEntries(Object.entries(state.clients).map(([name, sessions]) => [name, checkedSessions(sessions)]));
      return { clients, up: Object.fromEntries(Object.entries(state.up).filter(([, s]) => isResumable(s))) };
    } catch (error) {
      log.warn('state.unreadable', { path, message: messageOf(error) });
      return undefined;
    }
  }

  /** Writes soon what `remembered` says then; of several in a row, the last. */
  save(remembered: () => Remembered): void {
    this.#latest = remembered;
    this.#writing ??= this.#write();
  }

  /** Resolves when all that was saved is on disk, or has failed and was logged. */
  async saved(): Promise<void> { await this.#writing; }

  async #write(): Promise<void> {
    const { path, bootId, log } = this.#options;
    try {
      await mkdir(dirname(path), { recursive: true, mode: 0o755 });
      while (this.#latest !== undefined) {
        const remembered = this.#latest();
        this.#latest = undefined;
        await writeAtomic(path, JSON.stringify({ format: FORMAT, bootId, ...remembered }), 0o600);
      }
    } catch (error) {
      log.error('state.unwritten', { path, message: messageOf(error) });
    } finally {
      this.#writing = undefined;
    }
  }
}

/** Our own file: it is enough to see that it is not of another make. */
function isResumable(value: unknown): boolean {
  const { discriminator, remote } = value as { readonly discriminator?: unknown; readonly remote?: Readonly<Record<string, unknown>> };
  return typeof discriminator === 'number' && typeof remote === 'object'
    && ['discriminator', 'desiredTxUs', 'requiredRxUs', 'multiplier'].every((field) => typeof remote[field] === 'number');
}
