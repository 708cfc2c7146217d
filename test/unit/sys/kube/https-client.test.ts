import { expect, test } from '@jest/globals';
import type { KubeObject, Resource } from '../../../../sys/kube/client.ts';
import { openKube } from '../../../../sys/kube/https-client.ts';
import { systemClock } from '../../../../sys/clock.ts';
import { stringifyJson } from '../../../../lib/json.ts';
import { eventually } from '../../../support/eventually.ts';
import { FakeClock } from '../../../support/fake-clock.ts';
import { FakeKubeServer, type Reply } from '../../../support/fake-kube-server.ts';

const PODS: Resource = { group: '', version: 'v1', plural: 'pods', namespaced: true };
const BLOCKS: Resource = { group: 'crd.projectcalico.org', version: 'v1', plural: 'ipamblocks', namespaced: false };
const ports = { clock: systemClock, random: () => 0 };
const block = (more: object = {}): KubeObject => ({ apiVersion: 'crd.projectcalico.org/v1', kind: 'IPAMBlock', metadata: { name: 'b', resourceVersion: '7' }, ...more });
const refused = (status: number, reason: string, more: object = {}): Reply =>
  ({ status, body: { kind: 'Status', status: 'Failure', code: status, reason, message: `it is ${reason}`, ...more } });

test('get: an object with its 64-bit numbers, an absent one, a path that is not served', async () => {
  await using server = await FakeKubeServer.start(({ path }) => {
    if (path.endsWith('/ipamblocks/b')) return { status: 200, body: stringifyJson(block({ spec: { sequenceNumber: 1785578400000000001n } })) };
    if (path.endsWith('/ipamblocks/none')) return refused(404, 'NotFound', { details: { name: 'none', kind: 'ipamblocks' } });
    return { status: 404, body: '404 page not found', headers: { 'content-type': 'text/plain' } };
  });
  using kube = openKube(server.access, ports);
  expect((await kube.get(BLOCKS, 'b'))?.['spec']).toEqual({ sequenceNumber: 1785578400000000001n });
  expect(await kube.get(BLOCKS, 'none')).toBeUndefined();
  await expect(kube.get(PODS, 'x', 'default')).rejects.toMatchObject({ code: 'KUBE_REFUSED', details: { status: 404, said: '404 page not found', request: 'GET /api/v1/namespaces/default/pods/x' } });
  expect(server.asked[0]?.headers['authorization']).toBe('Bearer secret');
});

test('list: page after page; a continue token that expired starts it again as one', async () => {
  await using server = await FakeKubeServer.start(({ query }) => {
    const page = (names: string[], next?: string): Reply => ({ status: 200, body: {
      apiVersion: 'v1', kind: 'PodList', metadata: { resourceVersion: '9', ...(next === undefined ? {} : { continue: next }) },
      items: names.map((name) => ({ metadata: { name } })),
    } });
    if (query.get('continue') === 'two') return refused(410, 'Expired');
    return query.has('limit') ? page(['a', 'b'], 'two') : page(['a', 'b', 'c']);
  });
  using kube = openKube(server.access, ports);
  const list = await kube.list(PODS, { namespace: 'ns', labelSelector: 'a=b' });
  expect(list.resourceVersion).toBe('9');
  expect(list.items.map((p) => [p.kind, p.apiVersion, p.metadata.name])).toEqual([['Pod', 'v1', 'a'], ['Pod', 'v1', 'b'], ['Pod', 'v1', 'c']]);
  expect(server.asked.map((a) => a.query.toString())).toEqual(['labelSelector=a%3Db&limit=500', 'labelSelector=a%3Db&limit=500&continue=two', 'labelSelector=a%3Db']);
  expect(server.lines[0]).toBe('GET /api/v1/namespaces/ns/pods');
});

const OUTCOMES: readonly (readonly [string, Reply, (kube: ReturnType<typeof openKube>) => Promise<unknown>, unknown])[] = [
  ['create: exists', refused(409, 'AlreadyExists'), (k) => k.create(BLOCKS, block()), 'exists'],
  ['update: conflict', refused(409, 'Conflict'), (k) => k.update(BLOCKS, block()), 'conflict'],
  ['update: gone', refused(404, 'NotFound'), (k) => k.update(BLOCKS, block()), 'gone'],
  ['update: another object by that name', refused(409, 'Conflict', { message: 'Precondition failed: UID in precondition: a, UID in object meta: b' }), (k) => k.update(BLOCKS, block()), 'gone'],
  ['patch: conflict', refused(409, 'Conflict'), (k) => k.patch(PODS, 'p', {}, { namespace: 'n', type: 'merge' }), 'conflict'],
  ['patch: another object by that name', refused(422, 'Invalid', { details: { causes: [{ field: 'metadata.uid' }] } }), (k) => k.patch(PODS, 'p', {}, { namespace: 'n', type: 'strategic', subresource: 'status' }), 'gone'],
  ['patch: changed meanwhile', refused(422, 'Invalid', { details: { causes: [{ field: 'metadata.resourceVersion' }] } }), (k) => k.patch(PODS, 'p', [], { namespace: 'n', type: 'json' }), 'conflict'],
  ['delete: done', { status: 200, body: { kind: 'Status', status: 'Success' } }, (k) => k.delete(BLOCKS, 'b', { uid: 'u' }), 'deleted'],
  ['delete: gone', refused(404, 'NotFound'), (k) => k.delete(BLOCKS, 'b'), 'gone'],
  ['delete: another object by that name', refused(409, 'Conflict', { message: 'the UID in the precondition (a) does not match the UID in record (b)' }), (k) => k.delete(BLOCKS, 'b', { uid: 'u' }), 'gone'],
  ['delete: changed meanwhile', refused(409, 'Conflict', { message: 'the ResourceVersion in the precondition (1) does not match' }), (k) => k.delete(BLOCKS, 'b', { resourceVersion: '1' }), 'conflict'],
  ['update: done', { status: 200, body: block({ done: true }) }, (k) => k.update(BLOCKS, block(), 'status'), block({ done: true })],
];
test.each(OUTCOMES)('%s', async (_name, reply, act, expected) => {
  await using server = await FakeKubeServer.start(() => reply);
  using kube = openKube(server.access, ports);
  expect(await act(kube)).toEqual(expected);
});

test('what is sent: methods, paths, types, bodies', async () => {
  await using server = await FakeKubeServer.start(() => ({ status: 200, body: block() }));
  using kube = openKube(server.access, ports);
  await kube.create(BLOCKS, block({ n: 2n ** 60n }));
  await kube.update(BLOCKS, block(), 'status');
  await kube.patch(PODS, 'p', { a: 1 }, { namespace: 'n s', type: 'strategic', subresource: 'status' });
  await kube.delete(BLOCKS, 'b', { uid: 'u' });
  await kube.raw('POST', '/x?y=1', { z: 1 });
  expect(server.asked.map((a) => [a.method, a.path, a.headers['content-type'], a.body])).toEqual([
    ['POST', '/apis/crd.projectcalico.org/v1/ipamblocks', 'application/json', stringifyJson(block({ n: 2n ** 60n }))],
    ['PUT', '/apis/crd.projectcalico.org/v1/ipamblocks/b/status', 'application/json', stringifyJson(block())],
    ['PATCH', '/api/v1/namespaces/n%20s/pods/p/status', 'application/strategic-merge-patch+json', '{"a":1}'],
    ['DELETE', '/apis/crd.projectcalico.org/v1/ipamblocks/b', 'application/json', '{"apiVersion":"v1","kind":"DeleteOptions","preconditions":{"uid":"u"}}'],
    ['POST', '/x', 'application/json', '{"z":1}'],
  ]);
});

test('a refusal that is no outcome says what the server said', async () => {
  await using server = await FakeKubeServer.start(() => refused(422, 'Invalid', { message: 'spec.cidr: Required value' }));
  using kube = openKube(server.access, ports);
  await expect(kube.create(BLOCKS, block())).rejects.toMatchObject({
    code: 'KUBE_REFUSED', details: { status: 422, reason: 'Invalid', said: 'spec.cidr: Required value', request: 'POST /apis/crd.projectcalico.org/v1/ipamblocks' },
  });
});

test('a read is repeated after a reset and after "too many requests"; a write is not', async () => {
  let turn = 0;
  await using server = await FakeKubeServer.start(({ method }) => {
    if (method === 'POST') return 'reset';
    turn++;
    return turn === 1 ? 'reset' : turn === 2 ? { status: 429 } : { status: 200, body: block() };
  });
  using kube = openKube(server.access, ports);
  expect((await kube.get(BLOCKS, 'b'))?.metadata.name).toBe('b');
  expect(turn).toBe(3);
  await expect(kube.create(BLOCKS, block())).rejects.toMatchObject({ code: 'KUBE_UNREACHABLE' });
});

test('a write on a connection that the server had closed meanwhile is sent again', async () => {
  await using server = await FakeKubeServer.start(({ body }) => (body.includes('first') || server.lines.length > 2 ? { status: 201, body: block() } : 'reset'));
  using kube = openKube(server.access, ports);
  await kube.create(BLOCKS, block({ first: 1 }));
  await kube.create(BLOCKS, block({ second: 1 }));
  expect(server.lines).toHaveLength(3);
});

test('a server that never answers: the request ends by its time limit', async () => {
  await using server = await FakeKubeServer.start(() => 'silence');
  const clock = new FakeClock();
  using kube = openKube(server.access, { clock, random: () => 0 });
  const created = expect(kube.create(BLOCKS, block())).rejects.toMatchObject({ code: 'KUBE_TIMEOUT', details: { method: 'POST', ms: 30_000 } });
  await eventually(5_000, () => { expect(server.lines).toHaveLength(1); });
  clock.advance(30_000);
  await created;
  expect(clock.timers).toBe(0);
});

test('an unknown authority, and nobody there', async () => {
  await using server = await FakeKubeServer.start(() => ({ status: 200 }));
  const { ca: _ca, ...withoutCa } = server.access;
  using suspicious = openKube(withoutCa, ports);
  await expect(suspicious.create(BLOCKS, block())).rejects.toMatchObject({ code: 'KUBE_UNREACHABLE', message: expect.stringContaining('self-signed') as unknown as string });
  using careless = openKube({ ...withoutCa, insecure: true }, ports);
  expect(await careless.raw('GET', '/')).toEqual({});
  using lost = openKube({ ...server.access, server: 'https://127.0.0.1:1' }, ports);
  await expect(lost.create(BLOCKS, block())).rejects.toMatchObject({ code: 'KUBE_UNREACHABLE', message: expect.stringContaining('ECONNREFUSED') as unknown as string });
});

test('connections are shared and all closed in the end', async () => {
  await using server = await FakeKubeServer.start(() => ({ status: 200, body: block() }));
  {
    using kube = openKube(server.access, ports);
    await Promise.all(Array.from({ length: 100 }, () => kube.get(BLOCKS, 'b')));
    expect(server.connections).toBeLessThanOrEqual(16);
    expect(server.lines).toHaveLength(100);
  }
  await eventually(5_000, () => { expect(server.connections).toBe(0); });
});

test('raw: whoever waits in person says how often is tried', async () => {
  await using server = await FakeKubeServer.start(() => refused(503, 'ServiceUnavailable'));
  using kube = openKube(server.access, ports);
  await expect(kube.raw('GET', '/proxy', undefined, { timeoutMs: 5_000, attempts: 1 })).rejects.toThrow('503');
  expect(server.asked.length).toBe(1);
});
