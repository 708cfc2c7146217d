import { mkdirSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { createConnection, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { OperationError } from '../../../lib/errors.ts';
import { FrameReader, connect, frame, serve } from '../../../sys/rpc.ts';

interface Calls {
  add: { readonly params: { readonly a: number; readonly b: number }; readonly result: { readonly sum: number } };
  echo: { readonly params: { readonly value: unknown }; readonly result: { readonly value: unknown } };
  fail: { readonly params: object; readonly result: object };
}
const handlers = {
  add: ({ a, b }: { a: number; b: number }) => ({ sum: a + b }),
  echo: ({ value }: { value: unknown }) => ({ value }),
  fail: () => { throw new OperationError('SOME_CODE', { field: 'x' }); },
};

let directory: string;
let path: string;
beforeEach(() => { directory = mkdtempSync(join(tmpdir(), 'rpc-')); path = join(directory, 'sub', 's.sock'); });
afterEach(() => { rmSync(directory, { recursive: true }); });

test('requests are answered, in order, and only root may connect', async () => {
  await using _server = await serve<Calls>(path, handlers);
  using client = await connect<Calls>(path);
  expect(await Promise.all([client.call('add', { a: 1, b: 2 }), client.call('add', { a: 3, b: 4 })])).toEqual([{ sum: 3 }, { sum: 7 }]);
  expect(statSync(path).mode & 0o777).toBe(0o600);
});

test('a 64-bit integer and a large value pass unharmed', async () => {
  await using _server = await serve<Calls>(path, handlers);
  using client = await connect<Calls>(path);
  const value = { n: 1795478244535960815n, text: 'x'.repeat(3_000_000) };
  expect(await client.call('echo', { value })).toEqual({ value });
});

test('an error keeps its code; an unknown method is named; the connection goes on', async () => {
  await using _server = await serve<Calls>(path, handlers);
  using client = await connect<Calls>(path);
  await expect(client.call('fail', {})).rejects.toMatchObject({ code: 'SOME_CODE', message: 'SOME_CODE (field=x)', details: { said: 'SOME_CODE (field=x)' } });
  await expect(client.call('toString' as 'fail', {})).rejects.toMatchObject({ code: 'RPC_METHOD' });
  expect(await client.call('add', { a: 1, b: 1 })).toEqual({ sum: 2 });
});

test('nobody listening is RPC_CONNECT; a server that goes ends waiting calls with RPC_CLOSED', async () => {
  await expect(connect<Calls>(path)).rejects.toMatchObject({ code: 'RPC_CONNECT' });
  let release = (): void => {};
  const server = await serve<Calls>(path, { ...handlers, add: () => new Promise((resolve) => { release = () => { resolve({ sum: 0 }); }; }) });
  using client = await connect<Calls>(path);
  const call = client.call('add', { a: 1, b: 1 });
  const outcome = expect(call).rejects.toMatchObject({ code: 'RPC_CLOSED' });
  await server[Symbol.asyncDispose]();
  await outcome;
  release();
  await client.closed;
});

test('a socket at which another process answers is not taken: the first goes on, the second is refused', async () => {
  await using _first = await serve<Calls>(path, handlers);
  await expect(serve<Calls>(path, { ...handlers, add: () => ({ sum: 0 }) })).rejects.toMatchObject({ code: 'SOCKET_IN_USE' });
  using client = await connect<Calls>(path);
  expect(await client.call('add', { a: 1, b: 2 })).toEqual({ sum: 3 });
});

test('garbage ends that connection and no other', async () => {
  await using _server = await serve<Calls>(path, handlers);
  using good = await connect<Calls>(path);
  const bad = createConnection(path);
  const closed = new Promise((resolve) => { bad.once('close', resolve); });
  bad.write(Buffer.from('ffffffff00', 'hex'));
  await closed;
  expect(await good.call('add', { a: 2, b: 2 })).toEqual({ sum: 4 });
});

test('an answer that is no JSON ends the connection, not the process', async () => {
  const liar = createServer((socket) => { socket.once('data', () => { socket.write(frame('{')); }); });
  mkdirSync(join(directory, 'sub'));
  await new Promise<void>((resolve) => { liar.listen(path, resolve); });
  using client = await connect<Calls>(path);
  await expect(client.call('add', { a: 1, b: 1 })).rejects.toMatchObject({ code: 'RPC_CLOSED' });
  liar.close();
});

test('frames are found wherever the stream is cut', () => {
  const bytes = Buffer.concat([frame('one'), frame(''), frame('three')]);
  for (let cut = 0; cut <= bytes.length; cut++) {
    const reader = new FrameReader();
    const got = [...reader.push(bytes.subarray(0, cut)), ...reader.push(bytes.subarray(cut))].map(String);
    expect(got).toEqual(['one', '', 'three']);
  }
});

test('a request that is none is answered with what was expected, however it is nested, and the connection goes on', async () => {
  await using _server = await serve<Calls>(path, handlers);
  const socket = createConnection(path);
  const reader = new FrameReader();
  let answered: (text: string) => void = () => undefined;
  socket.on('data', (chunk) => { for (const bytes of reader.push(chunk)) answered(bytes.toString()); });
  const ask = (text: string): Promise<string> => new Promise((resolve) => { answered = resolve; socket.write(frame(text)); });
  const deep = `${'['.repeat(200_000)}${']'.repeat(200_000)}`;
  expect(await ask('null')).toContain('RPC_REQUEST');
  expect(await ask('{"id":1,"method":{"toString":1},"params":{}}')).toContain('RPC_METHOD');
  expect(await ask('{"id":2,"method":"add","params":7}')).toContain('"id":2,"error":{"code":"RPC_PARAMS"');
  expect(await ask(`{"id":${deep},"method":"add","params":{"a":1,"b":2}}`)).toBe('{"id":0,"result":{"sum":3}}');
  expect(await ask(`{"id":3,"method":"echo","params":{"value":${deep}}}`)).toMatch(/^{"id":3,"error":/);
  expect(await ask('{"id":4,"method":"add","params":{"a":1,"b":2}}')).toBe('{"id":4,"result":{"sum":3}}');
  socket.destroy();
});

test('a long frame whose first octets come one by one is not copied again with each piece', () => {
  const reader = new FrameReader();
  const head = frame(Buffer.alloc(32 * 1024 * 1024));
  expect(reader.push(head.subarray(0, 3))).toEqual([]);
  const concat = jest.spyOn(Buffer, 'concat');
  let frames: Buffer[] = [];
  for (let at = 3; at < head.length; at += 4_096) frames = reader.push(head.subarray(at, at + 4_096));
  expect([frames.length, frames[0]!.length]).toEqual([1, 32 * 1024 * 1024]);
  const copied = concat.mock.results.reduce((sum, { value }) => sum + (value as Buffer).length, 0);
  concat.mockRestore();
  expect(copied).toBeLessThan(2 * head.length);
});
