/** Real sockets on the loopback addresses. */
import { afterEach, expect, test } from '@jest/globals';
import { connect, createServer, type AddressInfo } from 'node:net';
import type { Connection, ConnectionCallbacks } from '../../../bgpd/ports.ts';
import { tcpTransport } from '../../../bgpd/transport.ts';
import { OperationError } from '../../../lib/errors.ts';
import type { Ip } from '../../../lib/ip/prefix.ts';
import { ip, showIp } from '../../../lib/ip/text.ts';
import { eventually } from '../../support/eventually.ts';

const open: (Connection | AsyncDisposable)[] = [];
afterEach(async () => {
  for (const item of open.splice(0)) {
    if ('destroy' in item) item.destroy(); else await item[Symbol.asyncDispose]();
  }
});

const LOOPBACK = ip('127.0.0.1');
const never = new AbortController().signal;

/** A port that was free a moment ago. */
async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', () => { resolve(); }); });
  const { port } = server.address() as AddressInfo;
  await new Promise<void>((resolve) => { server.close(() => { resolve(); }); });
  return port;
}

const dial = async (address: Ip, port: number, signal = never, timeoutMs = 5_000, sourceAddress: Ip | undefined = undefined): Promise<Connection> => {
  const connection = await tcpTransport().dial({ address, port, sourceAddress, timeoutMs }, signal);
  open.push(connection);
  return connection;
};

async function joined(listenOn: Ip | undefined, dialTo: Ip, sourceAddress?: Ip): Promise<{ dialed: Connection; accepted: Connection }> {
  const port = await freePort();
  let taken: (c: Connection) => void = () => undefined;
  const accepting = new Promise<Connection>((resolve) => { taken = resolve; });
  const server = await tcpTransport().listen(listenOn, port, (c) => { taken(c); });
  const dialed = await dial(dialTo, port, never, 5_000, sourceAddress);
  const accepted = await accepting;
  open.push(accepted, server);
  return { dialed, accepted };
}

/** Collects what a connection calls back. */
function listening(connection: Connection): { text: () => string; bytes: () => number; closed: Promise<string>; drained: Promise<void> } {
  const chunks: Buffer[] = [];
  let closed: (error: string) => void = () => undefined;
  let drained: () => void = () => undefined;
  const result = {
    text: () => Buffer.concat(chunks).toString(),
    bytes: () => chunks.reduce((sum, chunk) => sum + chunk.length, 0),
    closed: new Promise<string>((resolve) => { closed = resolve; }),
    drained: new Promise<void>((resolve) => { drained = resolve; }),
  };
  const callbacks: ConnectionCallbacks = { data: (chunk) => { chunks.push(Buffer.from(chunk)); }, drained, closed };
  connection.listen(callbacks);
  return result;
}

test('both ends know both addresses, and bytes go both ways', async () => {
  const { dialed, accepted } = await joined(LOOPBACK, LOOPBACK);
  expect(showIp(dialed.remote)).toBe('127.0.0.1');
  expect(showIp(accepted.remote)).toBe('127.0.0.1');
  const there = listening(accepted);
  const here = listening(dialed);
  dialed.write(Buffer.from('ping'));
  accepted.write(Buffer.from('pong'));
  await eventually(10_000, () => { expect(there.text() === 'ping' && here.text() === 'pong').toBe(true); });
});

test('chunks are plain arrays, so that whoever slices one has a copy', async () => {
  const { dialed, accepted } = await joined(LOOPBACK, LOOPBACK);
  const kinds: boolean[] = [];
  for (const connection of [dialed, accepted]) {
    connection.listen({ data: (chunk) => { kinds.push(Buffer.isBuffer(chunk)); }, drained: () => undefined, closed: () => undefined });
    connection.write(Buffer.from('x'));
  }
  await eventually(10_000, () => { expect(kinds).toEqual([false, false]); });
});

test('a listener without an address takes IPv4 and IPv6; an IPv4-mapped address is IPv4', async () => {
  const four = await joined(undefined, LOOPBACK);
  expect([showIp(four.accepted.local), showIp(four.accepted.remote)]).toEqual(['127.0.0.1', '127.0.0.1']);
  const six = await joined(undefined, ip('::1'));
  expect(showIp(six.accepted.remote)).toBe('::1');
});

test('a dial comes from the source address asked for', async () => {
  const { accepted } = await joined(LOOPBACK, LOOPBACK, ip('127.0.0.77'));
  expect(showIp(accepted.remote)).toBe('127.0.0.77');
});

test('bytes that arrive before anybody listens are kept', async () => {
  const { dialed, accepted } = await joined(LOOPBACK, LOOPBACK);
  const there = listening(accepted);
  accepted.write(Buffer.from('early'));
  dialed.write(Buffer.from('x'));
  await eventually(10_000, () => { expect(there.text() === 'x').toBe(true); });
  const here = listening(dialed);
  await eventually(10_000, () => { expect(here.text() === 'early').toBe(true); });
});

test('what is queued still arrives after end, and the other side sees an orderly close', async () => {
  const { dialed, accepted } = await joined(LOOPBACK, LOOPBACK);
  const there = listening(accepted);
  listening(dialed);
  dialed.write(Buffer.alloc(3_000_000));
  dialed.end();
  expect(await there.closed).toBe('');
  expect(there.bytes()).toBe(3_000_000);
});

test('after end, input is thrown away: unread bytes would turn our FIN into a reset, which takes our last words with it', async () => {
  const port = await freePort();
  let taken: (c: Connection) => void = () => undefined;
  const accepting = new Promise<Connection>((resolve) => { taken = resolve; });
  open.push(await tcpTransport().listen(LOOPBACK, port, (c) => { taken(c); }));
  const router = connect({ host: '127.0.0.1', port, allowHalfOpen: true });
  const accepted = await accepting;
  open.push(accepted);
  const flushed = new Promise<void>((resolve) => { router.write(Buffer.alloc(8_000_000), () => { resolve(); }); });
  accepted.write(Buffer.from('last words'));
  accepted.end();
  const chunks: Buffer[] = [];
  router.on('data', (chunk) => { chunks.push(chunk); });
  await flushed;
  expect(Buffer.concat(chunks).toString()).toBe('last words');
  router.destroy();
});

test('end calls nothing back', async () => {
  const { dialed, accepted } = await joined(LOOPBACK, LOOPBACK);
  let calls = 0;
  const count = (): void => { calls++; };
  dialed.listen({ data: count, drained: count, closed: count });
  const there = listening(accepted);
  dialed.end();
  accepted.write(Buffer.from('too late'));
  await there.closed;
  expect(calls).toBe(0);
});

test('the time limit of a dial does not touch the connection that it made', async () => {
  const port = await freePort();
  const start = performance.now();
  open.push(await tcpTransport().listen(LOOPBACK, port, (c) => { open.push(c); }));
  const here = listening(await dial(LOOPBACK, port, never, 200));
  let isClosed = false;
  void here.closed.then(() => { isClosed = true; });
  await eventually(10_000, () => { expect(performance.now()).toBeGreaterThan(start + 300); });
  expect(isClosed).toBe(false);
});

test('destroy ends the connection and calls nothing back', async () => {
  const { dialed, accepted } = await joined(LOOPBACK, LOOPBACK);
  let calls = 0;
  const count = (): void => { calls++; };
  dialed.listen({ data: count, drained: count, closed: count });
  const there = listening(accepted);
  dialed.destroy();
  await there.closed;
  expect(calls).toBe(0);
});

test('write says false when the reader does not read, and drained follows when it does', async () => {
  const { dialed, accepted } = await joined(LOOPBACK, LOOPBACK);
  const here = listening(dialed);
  const block = Buffer.alloc(1_000_000);
  let written = 0;
  for (;;) {
    written += block.length;
    if (!dialed.write(block)) break;
    await new Promise((resolve) => { setImmediate(resolve); });
  }
  const there = listening(accepted);
  await here.drained;
  await eventually(10_000, () => { expect(there.bytes() === written).toBe(true); });
});

test.each([
  ['a closed port', async () => dial(LOOPBACK, await freePort()), 'Connection refused'],
  ['a source address that is not ours', async () => dial(LOOPBACK, await freePort(), never, 5_000, ip('192.0.2.1')), 'Cannot assign requested address'],
  ['an abort', () => dial(LOOPBACK, 1, AbortSignal.abort()), 'aborted'],
])('%s rejects the dial with words', async (_name, attempt, reason) => {
  const error: unknown = await attempt().catch((e: unknown) => e);
  expect(error).toBeInstanceOf(OperationError);
  expect((error as OperationError).details['reason']).toBe(reason);
});

test('a port that is taken rejects the listener', async () => {
  const port = await freePort();
  open.push(await tcpTransport().listen(LOOPBACK, port, () => undefined));
  await expect(tcpTransport().listen(LOOPBACK, port, () => undefined)).rejects.toThrow(/BGP_LISTEN.*Address already in use/);
});
