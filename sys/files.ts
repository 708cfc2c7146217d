/** Small files that must survive a crash: read if there, replaced as a whole. */
import { open, readFile, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { OperationError } from '../lib/errors.ts';

let counter = 0;

/** The text of a file; undefined when it does not exist. Throws OperationError FILE_READ otherwise. */
export async function readTextIfExists(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new OperationError('FILE_READ', { path }, error);
  }
}

/**
 * Replaces a file: written beside it, flushed to disk, renamed over it, and the rename flushed too.
 * A reader, or a crash at any moment, finds the old text or the new one, never a mixture.
 *
 * @param mode permission bits, 0o600 unless said, whatever the umask.
 * @throws {OperationError} FILE_WRITE
 */
export async function writeAtomic(path: string, content: string | Uint8Array, mode = 0o600): Promise<void> {
  const temporary = `${path}.${process.pid}.${counter++}.tmp`;
  try {
    const file = await open(temporary, 'wx', mode);
    try {
      await file.chmod(mode);
      await file.writeFile(content);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
    await syncDirectory(dirname(path));
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => undefined);
    throw new OperationError('FILE_WRITE', { path }, error);
  }
}

async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}
