/** The process as it starts: a second one on a node leaves the first alone. */
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { listenUnix } from '../../../sys/unix-listener.ts';

let directory: string;
beforeEach(() => { directory = mkdtempSync(join(tmpdir(), 'tortie-bgpd-')); });
afterEach(() => { rmSync(directory, { recursive: true }); });

test('while another process answers at the control socket, bgpd ends before it reads, says or writes anything', async () => {
  const [socket, state] = [join(directory, 'bgpd.sock'), join(directory, 'bgpd.state')];
  writeFileSync(state, 'reading this would leave a line in the log');
  await using _first = await listenUnix(socket, () => undefined);
  const { code, said } = await new Promise<{ code: unknown; said: string }>((resolve) => {
    execFile(process.execPath, ['main.ts', 'bgpd', '--socket', socket, '--state', state], (error, _out, stderr) => { resolve({ code: error?.code, said: stderr }); });
  });
  expect(code).toBe(1);
  expect(said).toContain(`SOCKET_IN_USE (path=${socket})`);
  expect(said).not.toContain('state.unreadable');
}, 30_000);
