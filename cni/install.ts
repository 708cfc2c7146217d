/** Puts the executables and the configuration where runtimes look: whole files by rename, the configuration last. */
import { readFileSync, statSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { writeAtomic } from '../sys/files.ts';

export const EXECUTABLES = ['tortie', 'tortie-ipam'] as const;

/**
 * Copies the shim under both names, where it differs from what is there: a program that runs is never written to.
 * Throws OperationError FILE_WRITE.
 */
export async function installExecutables(shim: string, directory: string): Promise<void> {
  const content = readFileSync(shim);
  await mkdir(directory, { recursive: true });
  for (const name of EXECUTABLES) {
    const path = join(directory, name);
    if (!isSame(path, content, 0o755)) await writeAtomic(path, content, 0o755);
  }
}

/** Writes the network configuration list; true when it was not so already. Its presence tells runtimes that ADD works. */
export async function installConfiguration(text: string, path: string): Promise<boolean> {
  const content = Buffer.from(text);
  if (isSame(path, content, 0o600)) return false;
  await mkdir(dirname(path), { recursive: true });
  await writeAtomic(path, content, 0o600);
  return true;
}

function isSame(path: string, content: Buffer, mode: number): boolean {
  const found = statSync(path, { throwIfNoEntry: false });
  return found?.isFile() === true && found.size === content.length && (found.mode & 0o777) === mode && readFileSync(path).equals(content);
}
