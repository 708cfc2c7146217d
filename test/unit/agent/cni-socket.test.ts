/** The agent's end of the CNI executable: its socket, and the DELs that were queued for it. */
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startCniServer } from '../../../agent/cni-server.ts';
import { makeQueue, replayQueue } from '../../../agent/del-queue.ts';
import { encodeRequest, type ShimRequest } from '../../../cni/protocol/frames.ts';
import { silentLog } from '../../../lib/log.ts';
import { FrameReader, frame } from '../../../sys/rpc.ts';

let directory: string;
beforeEach(() => { directory = mkdtempSync(join(tmpdir(), 'tortie-socket-')); });
afterEach(() => { rmSync(directory, { recursive: true, force: true }); });

const request = (command: string, id = 'c1'): ShimRequest => ({
  program: 'tortie', environment: new Map([['CNI_COMMAND', command], ['CNI_CONTAINERID', id]]), input: '{}',
});

/** What comes back for these bytes, until the other side closes. */
function say(path: string, bytes: Uint8Array): Promise<Buffer[]> {
  return new Promise((resolve) => {
    const reader = new FrameReader();
    const frames: Buffer[] = [];
    const socket = connect(path);
    socket.on('data', (chunk) => { frames.push(...reader.push(chunk)); });
    socket.on('error', () => { /* it was closed on us */ });
    socket.on('close', () => { resolve(frames); });
    socket.write(bytes);
  });
}

test('a request is answered once, on a socket that is root\'s alone', async () => {
  const path = join(directory, 'agent.sock');
  const asked: string[] = [];
  await using _server = await startCniServer(path, { log: silentLog, answer: (r) => { asked.push(r.environment.get('CNI_COMMAND')!); return Promise.resolve({ status: 1, output: 'x' }); } });
  expect(statSync(path).mode & 0o777).toBe(0o600);
  const bytes = frame(Buffer.from(encodeRequest(request('ADD'))));
  expect(await say(path, Buffer.concat([bytes, bytes]))).toEqual([Buffer.from('7201' + '00000001' + '78', 'hex')]);
  expect(asked).toEqual(['ADD']);
});

test('nonsense is answered with CNI error 6, what is too long with nothing, and the next request works', async () => {
  const path = join(directory, 'agent.sock');
  await using _server = await startCniServer(path, { log: silentLog, answer: () => Promise.resolve({ status: 0, output: '' }) });
  const [said] = await say(path, frame(Buffer.from('nonsense')));
  expect(said!.toString('latin1')).toContain('"code":6');
  expect(await say(path, Buffer.from('7fffffff', 'hex'))).toEqual([]);
  expect(await say(path, frame(Buffer.from(encodeRequest(request('DEL')))))).toHaveLength(1);
});

test('a socket file that a dead agent left is replaced', async () => {
  const path = join(directory, 'agent.sock');
  writeFileSync(path, '');
  await using _server = await startCniServer(path, { log: silentLog, answer: () => Promise.resolve({ status: 0, output: '' }) });
  expect(await say(path, frame(Buffer.from(encodeRequest(request('DEL')))))).toHaveLength(1);
});

test('queued DELs are carried out and forgotten; one that fails stays; what is none, or will never be carried out, is removed', async () => {
  const queue = join(directory, 'queue');
  makeQueue(queue);
  writeFileSync(join(queue, 'a.del'), encodeRequest(request('DEL', 'good')));
  writeFileSync(join(queue, 'b.del'), encodeRequest(request('DEL', 'bad')));
  writeFileSync(join(queue, 'c.del'), encodeRequest(request('ADD', 'no del')));
  writeFileSync(join(queue, 'd.del'), 'garbage');
  writeFileSync(join(queue, 'e.del'), encodeRequest(request('DEL', 'senseless')));
  mkdirSync(join(queue, 'a-folder.del'));
  writeFileSync(join(queue, '.7.tmp'), 'half written');
  const asked: string[] = [];
  await replayQueue({ directory: queue, log: silentLog, answer: (r) => {
    const id = r.environment.get('CNI_CONTAINERID')!;
    asked.push(id);
    const code = { bad: 101, senseless: 7 }[id] ?? 0;
    return Promise.resolve({ status: code === 0 ? 0 : 1, code, output: '' });
  } });
  expect([asked, readdirSync(queue).sort()]).toEqual([['good', 'bad', 'senseless'], ['.7.tmp', 'a-folder.del', 'b.del']]);
  makeQueue(queue);
  expect(readdirSync(queue).sort()).toEqual(['a-folder.del', 'b.del']);
});
