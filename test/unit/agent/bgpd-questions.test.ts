/** What the agent answers while bgpd does not. */
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { tmpdir } from 'node:os';
import { expect, test } from '@jest/globals';
import { askBgpd } from '../../../agent/bgpd-questions.ts';
import type { BgpdMethods } from '../../../config/messages/bgpd-control.ts';
import type { RpcClient } from '../../../sys/rpc.ts';
import { FakeClock } from '../../support/fake-clock.ts';

const status = (bgpd: RpcClient<BgpdMethods>): Promise<unknown> => bgpd.call('status', {});

test('a bgpd that takes connections and says nothing is given up; one that is away is named', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'bgpd-'));
  const path = join(folder, 'bgpd.sock');
  const asked = Promise.withResolvers<undefined>();
  const left = Promise.withResolvers<undefined>();
  const server = createServer((socket) => {
    socket.on('data', () => { asked.resolve(undefined); });
    socket.on('close', () => { left.resolve(undefined); });
  });
  await new Promise<void>((resolve) => { server.listen(path, resolve); });
  try {
    const clock = new FakeClock();
    const answer = expect(askBgpd(path, clock, status)).rejects.toThrow(`BGPD_SILENT (path=${path}): bgpd has not answered within 4 s`);
    await asked.promise;
    clock.advance(4_000);
    await answer;
    await left.promise;
    await expect(askBgpd(join(folder, 'none.sock'), clock, status)).rejects.toThrow(/^RPC_CONNECT .*none\.sock/);
  } finally {
    server.close();
    rmSync(folder, { recursive: true });
  }
});
