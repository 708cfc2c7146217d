/** Processes by pid and start time, so that a pid used again by a stranger is never taken for ours. */
import { mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export interface ProcessIdentity {
  readonly pid: number;
  /** Clock ticks since boot (field 22 of /proc/PID/stat). */
  readonly startTicks: string;
  /** /proc/sys/kernel/random/boot_id: ticks of another boot say nothing. */
  readonly bootId: string;
}

/** Undefined when there is no such process, or only its corpse. */
export function identify(pid: number): ProcessIdentity | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    if (fields[0] === 'Z' || fields[0] === 'X') return undefined;
    return { pid, startTicks: fields[19]!, bootId: readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim() };
  } catch {
    return undefined;
  }
}

export function isAlive(identity: ProcessIdentity): boolean {
  const now = identify(identity.pid);
  return now?.startTicks === identity.startTicks && now.bootId === identity.bootId;
}

/** Signals that very process; false when it is gone. */
export function signal(identity: ProcessIdentity, name: NodeJS.Signals): boolean {
  if (!isAlive(identity)) return false;
  try {
    process.kill(identity.pid, name);
    return true;
  } catch {
    return false;
  }
}

/** True when it has ended within `ms`. */
export async function ended(identity: ProcessIdentity, ms: number): Promise<boolean> {
  const end = Date.now() + ms;
  while (isAlive(identity)) {
    if (Date.now() > end) return false;
    await pause(10);
  }
  return true;
}

export const pause = (ms: number): Promise<void> => new Promise((resolve) => { setTimeout(resolve, ms); });

/** What must be ended when the lab goes, one file a process. */
export function recordProcess(directory: string, what: string, pid: number): ProcessIdentity | undefined {
  const identity = identify(pid);
  if (identity === undefined) return undefined;
  mkdirSync(join(directory, 'processes'), { recursive: true });
  writeFileSync(join(directory, 'processes', what), JSON.stringify(identity));
  return identity;
}

export function recordedProcess(directory: string, what: string): ProcessIdentity | undefined {
  try {
    return JSON.parse(readFileSync(join(directory, 'processes', what), 'utf8')) as ProcessIdentity;
  } catch {
    return undefined;
  }
}

export function recordedProcesses(directory: string): { readonly what: string; readonly identity: ProcessIdentity }[] {
  let names: string[];
  try {
    names = readdirSync(join(directory, 'processes'));
  } catch {
    return [];
  }
  return names.flatMap((what) => {
    const identity = recordedProcess(directory, what);
    return identity === undefined ? [] : [{ what, identity }];
  });
}

export const forgetProcess = (directory: string, what: string): void => { rmSync(join(directory, 'processes', what), { force: true }); };
