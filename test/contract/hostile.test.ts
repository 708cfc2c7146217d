import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { request } from 'node:https';
import { connect as connectPlain } from 'node:net';
import { connect } from 'node:tls';
import type { IncomingMessage } from 'node:http';
import { eventually } from '../support/eventually.ts';
import { Seeded } from '../support/seeded.ts';
import { JSON_PATCH, MERGE, STRATEGIC, type Api } from './api.ts';
import { configMap, created, defineWidgets, unique } from './builders.ts';
import { startEmbedded, type TestServer } from './server.ts';

let server: TestServer;
let api: Api;
beforeAll(async () => { server = await startEmbedded(); api = server.api; });
afterAll(async () => { await server[Symbol.asyncDispose](); });

const MAPS = '/api/v1/namespaces/default/configmaps';

/** It still answers, and is the server that was started. */
async function alive(): Promise<void> {
  expect((await api.get('/api/v1/namespaces/default')).body.status.phase).toBe('Active');
}

test('paths with bad escapes, zero bytes and dots lead nowhere', async () => {
  for (const path of ['/api/v1/namespaces/%zz/pods', '/api/v1/namespaces/default/configmaps/%00', '/api/v1/namespaces/..%2f..%2f/configmaps/a', '/api/v1/namespaces/default/configmaps/a%2Fb', '/api//v1', '//', '/apis/%', '/api/v1/namespaces/default/pods/a/b/c/d', '/api/v1/namespaces/__proto__/configmaps/constructor', '/api/v1/__proto__', '/apis/__proto__/v1/constructor']) {
    expect([path, (await api.get(path)).status]).toEqual([path, 404]);
  }
  await alive();
});

test('a body over the limit is refused, and so is one that ends early', async () => {
  const big = await api.post(MAPS, configMap('big', { key: 'x'.repeat(4 * 1024 * 1024) }));
  expect([big.status, big.body.reason]).toEqual([413, 'RequestEntityTooLarge']);
  await new Promise<void>((resolve) => {
    const { port, token, authority } = api.access;
    const outgoing = request({ host: '127.0.0.1', port, ca: authority, method: 'POST', path: MAPS, headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json', 'content-length': 1000 } });
    outgoing.on('error', () => { resolve(); });
    outgoing.write('{"kind":', () => { outgoing.destroy(new Error('gone')); });
  });
  await alive();
});

test('who still writes a body that was refused reads the answer, and no reset', async () => {
  const { port, token, authority } = api.access;
  const socket = connect({ port, host: '127.0.0.1', ca: authority });
  const seen = { text: '', errors: [] as string[] };
  const over = new Promise((resolve) => { socket.on('close', resolve); });
  const answered = new Promise<void>((resolve) => { socket.on('data', (chunk) => { seen.text += chunk.toString(); if (seen.text.includes('RequestEntityTooLarge')) resolve(); }); });
  socket.on('error', (error) => { seen.errors.push(error.message); });
  const part = Buffer.alloc(1024 * 1024, 'x');
  socket.write(`POST ${MAPS} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${token}\r\nContent-Type: application/json\r\nContent-Length: ${10 * part.length}\r\n\r\n`);
  for (let i = 0; i < 4; i += 1) socket.write(part);
  await answered;
  for (let i = 4; i < 10; i += 1) await new Promise<void>((resolve) => { socket.write(part, () => { resolve(); }); });
  await over;
  expect([seen.text.split('\r\n')[0], seen.errors]).toEqual(['HTTP/1.1 413 Payload Too Large', []]);
  await alive();
});

test('who goes on writing without end is cut off', async () => {
  const { port, token, authority } = api.access;
  const outgoing = request({ host: '127.0.0.1', port, ca: authority, method: 'POST', path: MAPS, agent: false, headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json', 'transfer-encoding': 'chunked' } });
  const part = Buffer.alloc(1024 * 1024, 'x');
  let [written, over] = [0, false];
  for (const event of ['error', 'close']) outgoing.on(event, () => { over = true; });
  outgoing.on('response', (response) => { response.on('error', () => { /* it is cut */ }).resume(); });
  while (!over && written < 200) {
    await new Promise<void>((resolve) => { outgoing.write(part, () => { resolve(); }); outgoing.once('close', resolve); });
    written += 1;
  }
  outgoing.destroy();
  expect(written).toBeLessThan(200);
  await alive();
});

test('JSON nested without end is refused in every kind of body', async () => {
  const deep = `{"metadata":${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}}`;
  await created(api, MAPS, configMap('deep'));
  expect((await api.post(MAPS, deep)).status).toBe(400);
  for (const type of [MERGE, STRATEGIC]) expect((await api.patch(`${MAPS}/deep`, type, deep)).status).toBe(400);
  expect((await api.patch(`${MAPS}/deep`, JSON_PATCH, `[{"op":"add","path":"/data","value":${'['.repeat(100_000)}${']'.repeat(100_000)}}]`)).status).toBe(400);
  expect((await api.send('DELETE', `${MAPS}/deep`, { body: deep })).status).toBe(400);
  await alive();
});

test('fields called like parts of JavaScript are just fields', async () => {
  const widgets = await defineWidgets(api);
  const text = `{"apiVersion":"${widgets.apiVersion}","kind":"Widget","metadata":{"name":"w","labels":{"constructor":"a","toString":"b"}},"spec":{"__proto__":{"polluted":true},"hasOwnProperty":1}}`;
  expect((await api.post(widgets.collection, text)).status).toBe(201);
  const stored = (await api.get(`${widgets.collection}/w`)).text;
  expect(stored).toContain('"__proto__":{"polluted":true}');
  expect((await api.patch(`${widgets.collection}/w`, MERGE, '{"spec":{"__proto__":{"more":1}}}')).text).toContain('"__proto__":{"polluted":true,"more":1}');
  expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  expect((await api.get(`${widgets.collection}?labelSelector=constructor%3Da`)).body.items).toHaveLength(1);
  expect((await api.get(`${widgets.collection}?labelSelector=valueOf`)).body.items).toHaveLength(0);
});

test('random requests are answered, never with a failure of ours', async () => {
  const random = new Seeded(7);
  const pick = <T>(items: readonly T[]): T => random.pick(items);
  const sometimes = (percent: number): boolean => random.below(100) < percent;
  const noise = (length: number): string => Array.from({ length }, () => String.fromCharCode(32 + random.below(95))).join('');
  const values = ['null', '1', '-1.5', '1795478244535960815', '"x"', '""', '[]', '{}', '[null]', '{"a":null}', 'true', '"2020-01-01T00:00:00Z"'];
  const fragments = ['metadata', 'spec', 'data', 'status', 'containers', 'name', 'labels', 'finalizers', 'ports', 'ownerReferences', 'versions', 'names', '$patch', '$setElementOrder/ports', 'generateName', 'resourceVersion', 'uid'];
  const json = (depth: number): string => (depth === 0 || sometimes(30) ? pick(values) : sometimes(30) ? `[${json(depth - 1)},${json(depth - 1)}]` : `{${Array.from({ length: 3 }, () => `"${pick(fragments)}":${json(depth - 1)}`).join(',')}}`);
  const collections = ['/api/v1/namespaces/default/pods', '/api/v1/namespaces/default/services', '/api/v1/nodes', MAPS, '/apis/apiextensions.k8s.io/v1/customresourcedefinitions', '/apis/networking.k8s.io/v1/namespaces/default/networkpolicies', '/apis/apps/v1/namespaces/default/deployments', '/apis/discovery.k8s.io/v1/namespaces/default/endpointslices'];
  await Promise.all(collections.map((path) => api.post(path, { metadata: { name: 'target' }, spec: { containers: [{ name: 'c', image: 'i' }], ports: [{ port: 1 }] }, addressType: 'IPv4', endpoints: [] })));
  for (let i = 0; i < 600; i += 1) {
    const method = pick(['GET', 'POST', 'PUT', 'PATCH', 'PATCH', 'DELETE', 'HEAD', 'OPTIONS']);
    const path = pick(collections) + (sometimes(70) ? '/target' : '') + (sometimes(20) ? '/status' : '') + (sometimes(30) ? `?${pick(['limit', 'labelSelector', 'fieldSelector', 'resourceVersion', 'continue', 'dryRun', 'fieldValidation', 'propagationPolicy', 'gracePeriodSeconds'])}=${encodeURIComponent(noise(6))}` : '');
    const body = sometimes(10) ? noise(30) : json(4);
    const reply = await api.send(method, path, { ...(method === 'GET' || method === 'HEAD' ? {} : { body }), type: pick(['application/json', MERGE, STRATEGIC, JSON_PATCH, 'application/vnd.kubernetes.protobuf']) });
    expect([method, path, body, reply.status < 500 || reply.status === 504 || reply.text.includes('resourceVersion should not be set') ? 0 : reply.text]).toEqual([method, path, body, 0]);
  }
  await alive();
}, 60_000);

test('protocol buffers cut short or made of noise: 400', async () => {
  const random = new Seeded(11);
  const { port, token, authority } = api.access;
  const send = (bytes: Buffer): Promise<number> => new Promise((resolve, reject) => {
    const outgoing = request({ host: '127.0.0.1', port, ca: authority, method: 'POST', path: '/api/v1/namespaces', headers: { authorization: `Bearer ${token}`, 'content-type': 'application/vnd.kubernetes.protobuf' } }, (response) => { response.resume(); resolve(response.statusCode!); });
    outgoing.on('error', reject);
    outgoing.end(bytes);
  });
  const whole = Buffer.concat([Buffer.from('k8s\0\x0a\x0f\x0a\x02v1\x12\x09Namespace\x12\x0b\x0a\x09\x0a\x07', 'latin1'), Buffer.from(unique('n').slice(0, 7).replace(/-$/, 'x'))]);
  for (let length = 0; length < whole.length; length += 1) expect(await send(whole.subarray(0, length))).toBeGreaterThanOrEqual(400);
  for (let i = 0; i < 60; i += 1) expect([400, 422]).toContain(await send(Buffer.concat([Buffer.from('k8s\0', 'latin1'), random.bytes(40)])));
  await alive();
});

test('what is no TLS, or no HTTP, ends that connection only', async () => {
  const { port, authority } = api.access;
  const spoken = (socket: ReturnType<typeof connectPlain>, text: string): Promise<void> => new Promise((resolve) => {
    socket.on('close', () => { resolve(); });
    socket.on('error', () => { /* it is cut */ });
    socket.resume();
    socket.write(text);
  });
  await spoken(connectPlain(port, '127.0.0.1'), 'GET / HTTP/1.1\r\n\r\n');
  await spoken(connect({ port, host: '127.0.0.1', ca: authority }), '\x00\x01\x02 garbage\r\n\r\n');
  await spoken(connect({ port, host: '127.0.0.1', ca: authority }), `GET / HTTP/1.1\r\nx: ${'y'.repeat(100_000)}\r\n\r\n`);
  await alive();
});

test('a watcher that does not read is dropped with 410 and delays nobody', async () => {
  const { port, token, authority } = api.access;
  const { body } = await api.get(MAPS);
  const slow = await new Promise<IncomingMessage>((resolve, reject) => {
    const outgoing = request({ host: '127.0.0.1', port, ca: authority, path: `${MAPS}?watch=1&resourceVersion=${body.metadata.resourceVersion}`, headers: { authorization: `Bearer ${token}` }, agent: false }, resolve);
    outgoing.on('error', reject);
    outgoing.end();
  });
  slow.pause();
  slow.socket.pause();
  for (let i = 0; i < 60; i += 1) await created(api, MAPS, configMap(`large-${i}`, { key: 'x'.repeat(400_000) }));
  const seen = { text: '', ended: false };
  slow.on('data', (chunk: Buffer) => { seen.text = (seen.text + chunk.toString()).slice(-2_000); });
  for (const event of ['end', 'close', 'error']) slow.on(event, () => { seen.ended = true; });
  slow.socket.resume();
  slow.resume();
  await eventually(15_000, () => { expect(seen.ended).toBe(true); });
  expect(seen.text).not.toContain('"name":"large-59"');
  await alive();
}, 60_000);

test('watches whose clients do not read share a budget: those that stood still longest are closed, and a new one is served', async () => {
  await using small = await startEmbedded({ watchBudget: 16 * 1024 * 1024 });
  const { port, token, authority } = small.api.access;
  for (let i = 0; i < 30; i += 1) await created(small.api, MAPS, configMap(`large-${i}`, { key: 'x'.repeat(400_000) }));
  const open = (): Promise<IncomingMessage> => new Promise((resolve, reject) => {
    const outgoing = request({ host: '127.0.0.1', port, ca: authority, agent: false, headers: { authorization: `Bearer ${token}` }, path: `${MAPS}?watch=1&allowWatchBookmarks=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan` }, (response) => {
      response.pause();
      response.socket.pause();
      resolve(response);
    });
    outgoing.on('error', reject);
    outgoing.end();
  });
  const read = (response: IncomingMessage): { text: string; ended: boolean } => {
    const seen = { text: '', ended: false };
    for (const event of ['end', 'close', 'error']) response.on(event, () => { seen.ended = true; });
    response.on('data', (chunk: Buffer) => { seen.text = (seen.text + chunk.toString()).slice(-2_000); });
    response.socket.resume();
    response.resume();
    return seen;
  };
  const first = await open();
  const others: IncomingMessage[] = [];
  for (let i = 0; i < 7; i += 1) others.push(await open());
  const [dropped, last] = [read(first), read(await open())];
  await eventually(15_000, () => { expect([dropped.ended, last.text.includes('initial-events-end')]).toEqual([true, true]); });
  expect([dropped.text.includes('initial-events-end'), last.ended]).toEqual([false, false]);
  for (const response of others) response.on('error', () => { /* it is cut */ }).socket.destroy();
}, 60_000);
