/** A daemon under test: started in a namespace, metered by the scheduler's own counters, ended by its id. */
import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, openSync, readFileSync, readdirSync } from 'node:fs';

export class Daemon {
  readonly #child: ChildProcess;
  readonly #ended: Promise<void>;

  constructor(namespace: string, command: readonly string[], logFile: string, environment: NodeJS.ProcessEnv = {}) {
    const log = openSync(logFile, 'a');
    this.#child = spawn('ip', ['netns', 'exec', namespace, ...command], {
      stdio: ['ignore', log, log], env: { ...process.env, ...environment },
    });
    closeSync(log);
    this.#ended = new Promise((resolve) => { this.#child.once('exit', () => { resolve(); }); });
  }

  /** `ip netns exec` replaces itself by the command, so this is the daemon's own id. */
  get pid(): number { return this.#child.pid ?? 0; }
  get alive(): boolean { return this.#child.exitCode === null && this.#child.signalCode === null; }

  async end(signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM'): Promise<void> {
    if (!this.alive) return;
    const pids = descendants(this.pid);
    this.#child.kill(signal);
    const timer = setTimeout(() => { for (const pid of pids) kill(pid); }, 5_000);
    await this.#ended;
    clearTimeout(timer);
  }
}

function kill(pid: number): void {
  try { process.kill(pid, 'SIGKILL'); } catch { /* it has ended by itself */ }
}

/** The process and all its children. */
export function descendants(pid: number): number[] {
  const found = [pid];
  for (let i = 0; i < found.length; i++) {
    try {
      for (const task of readdirSync(`/proc/${found[i]}/task`)) {
        const children = readFileSync(`/proc/${found[i]}/task/${task}/children`, 'utf8').trim();
        if (children !== '') found.push(...children.split(' ').map(Number));
      }
    } catch { /* it has ended */ }
  }
  return found;
}

/** CPU time in milliseconds, user and system, of these processes with their threads. */
export function cpuMs(pids: readonly number[]): number {
  let nanoseconds = 0;
  for (const pid of pids.flatMap(descendants)) {
    try {
      for (const task of readdirSync(`/proc/${pid}/task`)) {
        nanoseconds += Number(readFileSync(`/proc/${pid}/task/${task}/schedstat`, 'utf8').split(' ')[0]);
      }
    } catch { /* it has ended */ }
  }
  return nanoseconds / 1e6;
}

/** Memory in MiB: proportional set size (shared pages divided) and resident set size. */
export function memoryMiB(pids: readonly number[]): { readonly pss: number; readonly rss: number } {
  const sum = { pss: 0, rss: 0 };
  for (const pid of pids.flatMap(descendants)) {
    try {
      const text = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
      sum.pss += Number(/^Pss:\s+(\d+)/m.exec(text)?.[1] ?? 0) / 1024;
      sum.rss += Number(/^Rss:\s+(\d+)/m.exec(text)?.[1] ?? 0) / 1024;
    } catch { /* it has ended */ }
  }
  return sum;
}
