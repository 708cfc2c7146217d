/** The real executable against an agent of the test's own. */
import { afterEach, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { execFileSync, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { FrameReader, frame } from '../../../sys/rpc.ts';
import { decodeOutput, decodeRequest, encodeExecution, encodeResult, type ExecutionOutput, type ShimRequest } from '../../../cni/protocol/frames.ts';

const SHIM = resolve('build/tortie-cni');
let directory: string;
let server: Server | undefined;

beforeAll(() => { execFileSync('sh', ['scripts/build-shim.sh']); });
beforeEach(() => { directory = mkdtempSync(join(tmpdir(), 'tortie-shim-')); });
afterEach(() => {
  server?.close();
  server = undefined;
  rmSync(directory, { recursive: true, force: true });
});

interface Outcome { readonly status: number | null; readonly stdout: string }

function run(command: string, input: string | Buffer = '{}', extra: Record<string, string> = {}, program = SHIM): Promise<Outcome> {
  const child = spawn(program, [], {
    env: {
      CNI_COMMAND: command, CNI_CONTAINERID: 'c1', CNI_IFNAME: 'eth0', HOME: '/', TORTIE_AGENT_SOCKET: join(directory, 'agent.sock'),
      TORTIE_QUEUE_DIRECTORY: join(directory, 'queue'), ...extra,
    },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  let stdout = '';
  child.stdout.on('data', (chunk: Buffer) => { stdout += chunk.toString(); });
  child.stdin.on('error', () => { /* it does not read everything we write */ });
  child.stdin.end(input);
  return new Promise((done) => { child.on('close', (status) => { done({ status, stdout }); }); });
}

/** An agent that passes each frame to `answer`. */
async function agent(answer: (payload: Buffer, socket: Socket) => void): Promise<void> {
  const listening = createServer((socket) => {
    const reader = new FrameReader();
    socket.on('error', () => { socket.destroy(); });
    socket.on('data', (chunk) => { for (const payload of reader.push(chunk)) answer(payload, socket); });
  });
  server = listening;
  await new Promise<void>((done) => { listening.listen(join(directory, 'agent.sock'), done); });
}

test('the agent gets the program, the CNI_ variables and standard input; its answer comes out', async () => {
  const requests: ShimRequest[] = [];
  await agent((payload, socket) => { requests.push(decodeRequest(payload)); socket.write(frame(Buffer.from(encodeResult(3, 'hello')))); });
  symlinkSync(SHIM, join(directory, 'tortie-ipam'));
  const outcome = await run('ADD', '{"a":1}', {}, join(directory, 'tortie-ipam'));
  expect(outcome).toEqual({ status: 3, stdout: 'hello' });
  expect(requests).toEqual([{
    program: 'tortie-ipam', input: '{"a":1}',
    environment: new Map([['CNI_COMMAND', 'ADD'], ['CNI_CONTAINERID', 'c1'], ['CNI_IFNAME', 'eth0']]),
  }]);
});

test('VERSION is answered without an agent', async () => {
  const { status, stdout } = await run('VERSION');
  expect([status, JSON.parse(stdout)]).toEqual([0, { cniVersion: '1.1.0', supportedVersions: ['0.3.1', '0.4.0', '1.0.0', '1.1.0'] }]);
});

test.each([['ADD', 11], ['CHECK', 11], ['GC', 11], ['STATUS', 50]])('without an agent %s is error %i', async (command, code) => {
  const { status, stdout } = await run(command);
  expect([status, JSON.parse(stdout)]).toEqual([1, expect.objectContaining({ code, details: expect.stringContaining('No such file') })]);
});

test('without an agent a DEL is queued once and succeeds', async () => {
  expect(await run('DEL', '{"x":1}')).toEqual({ status: 0, stdout: '' });
  expect(await run('DEL', '{"x":1}')).toEqual({ status: 0, stdout: '' });
  const files = readdirSync(join(directory, 'queue'));
  expect(files).toEqual([expect.stringMatching(/^[0-9a-f]{16}\.del$/)]);
  const queued = decodeRequest(readFileSync(join(directory, 'queue', files[0]!)));
  expect([queued.environment.get('CNI_COMMAND'), queued.input]).toEqual(['DEL', '{"x":1}']);
});

test('an agent that dies on a DEL leaves it queued; on an ADD it is error 11', async () => {
  await agent((_payload, socket) => { socket.destroy(); });
  expect((await run('DEL')).status).toBe(0);
  expect(readdirSync(join(directory, 'queue'))).toHaveLength(1);
  expect(JSON.parse((await run('ADD')).stdout)).toMatchObject({ code: 11 });
});

test('a full queue is error 11, not a lost DEL', async () => {
  mkdirSync(join(directory, 'queue'));
  for (let i = 0; i < 4100; i++) writeFileSync(join(directory, 'queue', `${i}.del`), '');
  const { status, stdout } = await run('DEL');
  expect([status, JSON.parse(stdout)]).toEqual([1, expect.objectContaining({ code: 11 })]);
});

test('a program is run with the given environment and input, and its output goes back', async () => {
  const script = join(directory, 'delegate');
  writeFileSync(script, '#!/bin/sh\ncat; echo " $CNI_COMMAND ${HOME-none}"; exit 7\n', { mode: 0o755 });
  const outputs: ExecutionOutput[] = [];
  await agent((payload, socket) => {
    if (payload[0] === 0x6f) {
      outputs.push(decodeOutput(payload));
      socket.write(frame(Buffer.from(encodeResult(0, 'done'))));
    } else {
      socket.write(frame(Buffer.from(encodeExecution({ path: script, environment: new Map([['CNI_COMMAND', 'ADD']]), input: 'x'.repeat(300_000) }))));
    }
  });
  expect(await run('ADD')).toEqual({ status: 0, stdout: 'done' });
  expect(outputs).toEqual([{ started: true, status: 7, output: `${'x'.repeat(300_000)} ADD none\n` }]);
});

test('a program that is not there is reported with the reason', async () => {
  const outputs: ExecutionOutput[] = [];
  await agent((payload, socket) => {
    if (payload[0] === 0x6f) { outputs.push(decodeOutput(payload)); socket.write(frame(Buffer.from(encodeResult(0, '')))); return; }
    socket.write(frame(Buffer.from(encodeExecution({ path: '/nowhere', environment: new Map(), input: '' }))));
  });
  await run('ADD');
  expect(outputs).toEqual([{ started: false, status: 0, output: 'No such file or directory' }]);
});

test.each([
  ['a frame longer than the limit', Buffer.from('ffffffff', 'hex')],
  ['an empty frame', Buffer.from('00000000', 'hex')],
  ['an unknown kind', frame(Buffer.from('zzz'))],
  ['a result cut short', frame(Buffer.from('7200000000ff41', 'hex'))],
  ['an execution with a million variables', frame(Buffer.from('7800000001' + '41' + '000fffff', 'hex'))],
])('%s is error 11', async (_what, bytes) => {
  await agent((_payload, socket) => { socket.write(bytes); });
  const { status, stdout } = await run('ADD');
  expect([status, JSON.parse(stdout)]).toEqual([1, expect.objectContaining({ code: 11 })]);
});

test('input of more than 1 MiB is refused', async () => {
  const { status, stdout } = await run('ADD', Buffer.alloc((1 << 20) + 1, 0x20));
  expect([status, JSON.parse(stdout)]).toEqual([1, expect.objectContaining({ code: 6 })]);
});

test('1 MiB of input is passed on', async () => {
  let length = 0;
  await agent((payload, socket) => { length = decodeRequest(payload).input.length; socket.write(frame(Buffer.from(encodeResult(0, '')))); });
  expect((await run('ADD', Buffer.alloc(1 << 20, 0x20))).status).toBe(0);
  expect(length).toBe(1 << 20);
});

test('a socket path that is too long is an error that names it', async () => {
  const { stdout } = await run('ADD', '{}', { TORTIE_AGENT_SOCKET: `/${'long'.repeat(50)}` });
  expect(JSON.parse(stdout)).toMatchObject({ code: 11, details: expect.stringMatching(/file ?name too long/i) });
});
