/** Takes a lab away by what is on record and by its names, whether or not anything of it still works. */
import { appendFileSync, existsSync, mkdirSync, readFileSync, readdirSync, readlinkSync, rmSync, rmdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { run } from '../sys/exec.ts';
import { LABS_DIRECTORY, directoryOf, namespacePrefix } from './plan.ts';
import { ended, identify, isAlive, recordedProcess, recordedProcesses, signal, type ProcessIdentity } from './process.ts';

export const SUPERVISOR = 'supervisor';
const MADE = join(LABS_DIRECTORY, 'made-directories');

/** Remembers a folder of this machine that did not exist before the labs. */
export function noteMadeDirectory(path: string): void {
  mkdirSync(LABS_DIRECTORY, { recursive: true });
  appendFileSync(MADE, `${path}\n`);
}

/** Labs that have left anything behind: a folder or a namespace. */
export async function labNames(): Promise<string[]> {
  const folders = existsSync(LABS_DIRECTORY)
    ? readdirSync(LABS_DIRECTORY, { withFileTypes: true }).filter((e) => e.isDirectory()).map((e) => e.name) : [];
  const spaces = (await namespaces()).map((n) => /^tl-([a-z0-9]+)-/.exec(n)?.[1]).filter((n) => n !== undefined);
  return [...new Set([...folders, ...spaces])].sort();
}

/** Ends the supervisor, then removes everything. Safe to repeat; true when there was something. */
export async function removeLab(lab: string): Promise<boolean> {
  const found = (await labNames()).includes(lab);
  const supervisor = recordedProcess(directoryOf(lab), SUPERVISOR);
  if (supervisor !== undefined && supervisor.pid !== process.pid && signal(supervisor, 'SIGTERM') && !(await ended(supervisor, 5_000))) {
    signal(supervisor, 'SIGKILL');
    await ended(supervisor, 5_000);
  }
  await endProcesses(lab);
  for (const name of (await namespaces()).filter((n) => n.startsWith(namespacePrefix(lab)))) await run('ip', ['netns', 'del', name]);
  rmSync(directoryOf(lab), { recursive: true, force: true });
  if ((await labNames()).length === 0) removeLabsDirectory();
  return found;
}

/** The inits on record, then whatever else lives in a namespace of ours. */
async function endProcesses(lab: string): Promise<void> {
  const inits = recordedProcesses(directoryOf(lab)).filter(({ what }) => what !== SUPERVISOR).map(({ identity }) => identity);
  await kill(inits);
  await kill(await strays(lab));
}

async function kill(processes: readonly ProcessIdentity[]): Promise<void> {
  for (const p of processes) {
    // A stopped process dies of SIGKILL too.
    if (isAlive(p)) signal(p, 'SIGKILL');
  }
  await Promise.all(processes.map((p) => ended(p, 10_000)));
}

/** Processes whose network namespace is one of the lab's named ones. */
async function strays(lab: string): Promise<ProcessIdentity[]> {
  const inodes = new Set<string>();
  for (const name of (await namespaces()).filter((n) => n.startsWith(namespacePrefix(lab)))) {
    try {
      inodes.add(`net:[${statSync(`/run/netns/${name}`).ino}]`);
    } catch { /* it went meanwhile */ }
  }
  if (inodes.size === 0) return [];
  return readdirSync('/proc').filter((entry) => /^\d+$/.test(entry)).flatMap((entry) => {
    const identity = inodes.has(networkOf(entry)) && Number(entry) !== process.pid ? identify(Number(entry)) : undefined;
    return identity === undefined ? [] : [identity];
  });
}

function networkOf(pid: string): string {
  try {
    return readlinkSync(`/proc/${pid}/ns/net`);
  } catch {
    return '';
  }
}

async function namespaces(): Promise<string[]> {
  const { stdout } = await run('ip', ['netns', 'list']);
  return stdout.split('\n').map((line) => line.split(' ')[0]!).filter((name) => name.startsWith('tl-'));
}

function removeLabsDirectory(): void {
  const made = existsSync(MADE) ? readFileSync(MADE, 'utf8').trim().split('\n').filter(Boolean) : [];
  rmSync(LABS_DIRECTORY, { recursive: true, force: true });
  for (const path of made.reverse()) {
    try {
      rmdirSync(path);
    } catch { /* somebody has put something there: it is theirs now */ }
  }
}
