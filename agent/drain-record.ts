/** How far a drain has come, on disk: an agent that starts again, even after a reboot, goes on from there. */
import { readFileSync } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { messageOf } from '../lib/errors.ts';
import type { Log } from '../lib/log.ts';
import { readTextIfExists, writeAtomic } from '../sys/files.ts';
import { decodeKeptDrain, type KeptDrain } from './drain/phases.ts';

export interface DrainRecord {
  /** As it was when the record was opened. */
  readonly kept: KeptDrain | undefined;
  /** Soon on disk, in this order; a failure is logged. Undefined: nothing is kept. */
  keep(kept: KeptDrain | undefined): Promise<void>;
}

export const kernelBootId = (): string => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();

/** A file that cannot be read is logged and counts as absent. */
export async function openDrainRecord(path: string, log: Log): Promise<DrainRecord> {
  let last: Promise<void> = Promise.resolve();
  const write = async (kept: KeptDrain | undefined): Promise<void> => {
    try {
      if (kept === undefined) { await rm(path, { force: true }); return; }
      await mkdir(dirname(path), { recursive: true, mode: 0o700 });
      await writeAtomic(path, JSON.stringify(kept), 0o600);
    } catch (error) {
      log.error('drain.unwritten', { path, reason: messageOf(error) });
    }
  };
  return {
    kept: await load(path, log),
    keep: (kept) => { last = last.then(() => write(kept)); return last; },
  };
}

async function load(path: string, log: Log): Promise<KeptDrain | undefined> {
  try {
    const text = await readTextIfExists(path);
    const kept = text === undefined ? undefined : decodeKeptDrain(text);
    if (text !== undefined && kept === undefined) log.warn('drain.unreadable', { path });
    return kept;
  } catch (error) {
    log.warn('drain.unreadable', { path, reason: messageOf(error) });
    return undefined;
  }
}
