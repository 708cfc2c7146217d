import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { listenUnix } from '../../../sys/unix-listener.ts';

let directory: string;
let path: string;
beforeEach(() => { directory = mkdtempSync(join(tmpdir(), 'listener-')); path = join(directory, 'sub', 's.sock'); });
afterEach(() => { rmSync(directory, { recursive: true }); });

/** Connects; resolves when the other side has closed. */
const closed = (): Promise<void> => new Promise((resolve) => { connect(path).on('error', () => undefined).on('close', () => { resolve(); }).resume(); });

test('the socket is root\'s alone before anybody could connect, whatever the umask; the umask is as before', async () => {
  const before = process.umask(0);
  try {
    const listening = listenUnix(path, (socket) => { socket.end(); });
    expect(statSync(path).mode & 0o777).toBe(0o600);
    await using _server = await listening;
    expect(process.umask()).toBe(0);
  } finally {
    process.umask(before);
  }
});

test('what an earlier process left is replaced; further connections than allowed are closed; the end closes them all', async () => {
  await (await listenUnix(path, () => undefined))[Symbol.asyncDispose]();
  writeFileSync(path, 'left behind');
  let accepted = 0;
  const { promise: first, resolve } = Promise.withResolvers<void>();
  const server = await listenUnix(path, () => { accepted++; resolve(); }, 1);
  const one = closed();
  await first;
  await closed();
  expect(accepted).toBe(1);
  await server[Symbol.asyncDispose]();
  await one;
});
