/** A daemon on a machine, kept running as a kubelet would: when it ends it is started again after a stated delay. */
import { closeSync, openSync, writeSync } from 'node:fs';
import type { Machine } from './machine.ts';
import { RESTART_DELAY_MS, daemonLog } from './plan.ts';
import { identify, signal, type ProcessIdentity } from './process.ts';

export interface DaemonView {
  readonly name: string;
  /** As this machine sees it; null while it is not running. */
  readonly pid: number | null;
  readonly restarts: number;
  /** How the last run ended; null when it is the first. */
  readonly lastEnd: string | null;
}

export class Daemon {
  readonly name: string;
  readonly #machine: Machine;
  readonly #command: readonly string[];
  #process: ProcessIdentity | undefined;
  #restarts = 0;
  #lastEnd: string | null = null;
  #wanted = false;

  constructor(machine: Machine, name: string, command: readonly string[]) {
    this.#machine = machine;
    this.name = name;
    this.#command = command;
  }

  get process(): ProcessIdentity | undefined { return this.#process; }
  get view(): DaemonView {
    return { name: this.name, pid: this.#process?.pid ?? null, restarts: this.#restarts, lastEnd: this.#lastEnd };
  }

  async start(): Promise<void> {
    this.#wanted = true;
    const log = openSync(daemonLog(this.#machine.lab, this.#machine.name, this.name), 'a');
    writeSync(log, `---- ${new Date().toISOString()} lab: starting ${this.#command.join(' ')}\n`);
    try {
      const { child, pid } = await this.#machine.start(this.#command, { log });
      this.#process = identify(pid);
      child.once('exit', (code) => { this.#ended(code); });
      if (child.exitCode !== null) this.#ended(child.exitCode);
    } finally {
      closeSync(log);
    }
  }

  /** It is not started again until `start`. The machine's end takes the process. */
  forget(): void {
    this.#wanted = false;
    this.#process = undefined;
  }

  kill(name: NodeJS.Signals): boolean { return this.#process !== undefined && signal(this.#process, name); }

  #ended(code: number | null): void {
    if (!this.#wanted || this.#process === undefined) return;
    this.#process = undefined;
    this.#lastEnd = code !== null && code > 128 ? `signal ${code - 128}` : `status ${code ?? '?'}`;
    setTimeout(() => { void this.#restart(); }, RESTART_DELAY_MS).unref();
  }

  async #restart(): Promise<void> {
    if (!this.#wanted || this.#machine.init === undefined || this.#process !== undefined) return;
    this.#restarts += 1;
    try {
      await this.start();
    } catch (error) {
      this.#lastEnd = String(error);
      setTimeout(() => { void this.#restart(); }, RESTART_DELAY_MS).unref();
    }
  }
}
