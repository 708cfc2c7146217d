/**
 * Attachments on disk, a file each, replaced by rename: the end of this process at any moment leaves the old text or the new.
 *
 * They are not flushed, for that takes longer than everything else an ADD does: what a power failure may lose is a
 * container that has died with it, and whose DEL the runtime will send after the boot, knowing it from its own disk.
 */
import { mkdirSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { OperationError } from '../lib/errors.ts';
import type { Log } from '../lib/log.ts';
import { decodeAttachment, encodeAttachment, keyOfAttachment, type Attachment } from './endpoints/attachment.ts';
import type { RecordPort } from './ports.ts';

const SUFFIX = '.json';

/** Throws OperationError RECORD_WRITE or RECORD_REMOVE; a file that cannot be read is reported and left where it is. */
export function openRecords(directory: string, log: Log): RecordPort {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const pathOf = (a: Attachment): string => join(directory, `${keyOfAttachment(a)}${SUFFIX}`);
  return {
    load: () => {
      const attachments: Attachment[] = [];
      for (const entry of readdirSync(directory, { withFileTypes: true })) {
        const path = join(directory, entry.name);
        if (entry.isFile() && entry.name.endsWith('.tmp')) { rmSync(path, { force: true }); continue; }
        const attachment = entry.isFile() && entry.name.endsWith(SUFFIX) ? decodeAttachment(readFileSync(path, 'utf8')) : undefined;
        if (attachment === undefined) log.warn('record.unreadable', { path });
        else attachments.push(attachment);
      }
      return attachments;
    },
    put: (attachment) => {
      const path = pathOf(attachment);
      try {
        writeFileSync(`${path}.tmp`, encodeAttachment(attachment), { mode: 0o600 });
        renameSync(`${path}.tmp`, path);
      } catch (error) {
        throw new OperationError('RECORD_WRITE', { path }, error);
      }
    },
    remove: (attachment) => {
      const path = pathOf(attachment);
      try {
        rmSync(path, { force: true });
      } catch (error) {
        throw new OperationError('RECORD_REMOVE', { path }, error);
      }
    },
  };
}
