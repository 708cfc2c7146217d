/** DELs that the CNI executable has stored while the agent was away: carried out, then forgotten. */
import { mkdirSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { CNI_CODE } from '../cni/protocol/errors.ts';
import { FRAME_LIMIT, decodeRequest, type ShimRequest } from '../cni/protocol/frames.ts';
import { messageOf } from '../lib/errors.ts';
import type { Log } from '../lib/log.ts';

export interface DelQueuePorts {
  readonly directory: string;
  readonly log: Log;
  readonly answer: (request: ShimRequest) => Promise<{ readonly status: number; readonly output: string; readonly code: number }>;
}

/** Answers that stay the same however often the request is repeated: what is wrong is the request. */
const SENSELESS: readonly number[] = [CNI_CODE.incompatibleVersion, CNI_CODE.unsupportedField, CNI_CODE.badEnvironment, CNI_CODE.undecodable, CNI_CODE.badConfiguration];

/** The executable makes only the last folder of the path by itself. What one that was killed has half written is removed. */
export function makeQueue(directory: string): void {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  for (const name of readdirSync(directory)) if (name.endsWith('.tmp')) rmSync(join(directory, name), { force: true });
}

/** Carries out what is queued. One that fails stays for the next time; one that makes no sense is reported and removed. */
export async function replayQueue(ports: DelQueuePorts): Promise<void> {
  const { directory, log } = ports;
  for (const entry of readdirSync(directory, { withFileTypes: true })) {
    if (!entry.isFile() || !entry.name.endsWith('.del')) continue;
    const path = join(directory, entry.name);
    const request = readQueued(path);
    if (typeof request === 'string' || request.environment.get('CNI_COMMAND') !== 'DEL') {
      log.warn('queue.removed', { path, reason: typeof request === 'string' ? request : 'it is no DEL' });
      rmSync(path, { force: true });
      continue;
    }
    const { status, code, output } = await ports.answer(request);
    log.info('queue.replayed', { container: request.environment.get('CNI_CONTAINERID'), status, output });
    if (status === 0 || SENSELESS.includes(code)) rmSync(path, { force: true });
  }
}

/** The request, or what is wrong with the file. */
function readQueued(path: string): ShimRequest | string {
  try {
    const bytes = readFileSync(path);
    return bytes.length > FRAME_LIMIT ? `${bytes.length} bytes: expected at most ${FRAME_LIMIT}` : decodeRequest(bytes);
  } catch (error) {
    return messageOf(error);
  }
}
