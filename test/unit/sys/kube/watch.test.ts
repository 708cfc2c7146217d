import { expect, test } from '@jest/globals';
import type { KubeObject, Resource } from '../../../../sys/kube/client.ts';
import { openKube } from '../../../../sys/kube/https-client.ts';
import { systemClock } from '../../../../sys/clock.ts';
import { eventually } from '../../../support/eventually.ts';
import { FakeClock } from '../../../support/fake-clock.ts';
import { FakeKubeServer, type OpenWatch, type Reply } from '../../../support/fake-kube-server.ts';

const POOLS: Resource = { group: 'projectcalico.org', version: 'v3', plural: 'ippools', namespaced: false };
const pool = (name: string, resourceVersion: string): KubeObject => ({ apiVersion: 'projectcalico.org/v3', kind: 'IPPool', metadata: { name, resourceVersion } });
const bookmark = (resourceVersion: string, initialEnd = false): object => ({
  metadata: { resourceVersion, annotations: initialEnd ? { 'k8s.io/initial-events-end': 'true' } : {} },
});
const listOf = (resourceVersion: string, ...items: KubeObject[]): Reply => ({ status: 200, body: { kind: 'IPPoolList', apiVersion: 'projectcalico.org/v3', metadata: { resourceVersion }, items } });
const NO_STREAMING: Reply = { status: 422, body: { kind: 'Status', reason: 'Invalid', message: 'sendInitialEvents: Forbidden' } };
const EXPIRED = { kind: 'Status', code: 410, reason: 'Expired', message: 'too old resource version' };

/** What a handler was told, as short lines. */
function recorder(): { readonly told: string[]; readonly handler: Parameters<ReturnType<typeof openKube>['watch']>[2] } {
  const told: string[] = [];
  return { told, handler: {
    upsert: (o) => { told.push(`+${o.metadata.name}@${o.metadata.resourceVersion}`); },
    remove: (o) => { told.push(`-${o.metadata.name}`); },
    synced: () => { told.push('synced'); },
    disconnected: (away) => { told.push(away ? 'away' : 'back'); },
  } };
}

const ports = { clock: systemClock, random: () => 0 };
const watchNumber = (server: FakeKubeServer, n: number): Promise<OpenWatch> => eventually(10_000, () => {
  expect(server.watches.length).toBeGreaterThanOrEqual(n);
  return server.watches[n - 1]!;
});

test('the initial state as a stream, then changes, then on from the last bookmark after a reset', async () => {
  await using server = await FakeKubeServer.start(() => 'watch');
  using kube = openKube(server.access, ports);
  const { told, handler } = recorder();
  using _watch = kube.watch(POOLS, { fieldSelector: 'metadata.name!=x' }, handler);
  const first = await watchNumber(server, 1);
  expect(Object.fromEntries(first.query)).toEqual({
    watch: 'true', allowWatchBookmarks: 'true', sendInitialEvents: 'true', resourceVersionMatch: 'NotOlderThan', timeoutSeconds: '300', fieldSelector: 'metadata.name!=x',
  });
  first.send('ADDED', pool('a', '1'));
  first.send('ADDED', pool('b', '2'));
  first.send('BOOKMARK', bookmark('5', true));
  first.send('MODIFIED', pool('a', '6'));
  first.send('DELETED', pool('b', '7'));
  first.send('BOOKMARK', bookmark('9'));
  await eventually(5_000, () => { expect(told).toEqual(['+a@1', '+b@2', 'synced', '+a@6', '-b']); });
  first.reset();
  const second = await watchNumber(server, 2);
  expect(second.query.get('resourceVersion')).toBe('9');
  second.send('ADDED', pool('c', '10'));
  await eventually(5_000, () => { expect(told.slice(5)).toEqual(['away', 'back', '+c@10']); });
});

test('a server without streaming lists: list, watch from its version; synced once', async () => {
  await using server = await FakeKubeServer.start(({ query }) =>
    (query.has('sendInitialEvents') ? NO_STREAMING : query.has('watch') ? 'watch' : listOf('20', pool('a', '1'), pool('b', '2'))));
  using kube = openKube(server.access, ports);
  const { told, handler } = recorder();
  using _watch = kube.watch(POOLS, {}, handler);
  const first = await watchNumber(server, 1);
  expect(first.query.get('resourceVersion')).toBe('20');
  expect(told).toEqual(['+a@1', '+b@2', 'synced']);
});

test('a server whose storage cannot stream says so in the stream: list instead, at once', async () => {
  await using server = await FakeKubeServer.start(({ query }) => (query.has('watch') ? 'watch' : listOf('20', pool('a', '1'))));
  const clock = new FakeClock();
  using kube = openKube(server.access, { clock, random: () => 0 });
  const { told, handler } = recorder();
  using _watch = kube.watch(POOLS, {}, handler);
  const first = await watchNumber(server, 1);
  first.send('ERROR', { kind: 'Status', metadata: {}, code: 500, reason: 'InternalError', message: 'the required storage feature RequestWatchProgress is disabled' });
  const second = await watchNumber(server, 2);
  expect(second.query.get('resourceVersion')).toBe('20');
  expect(told).toEqual(['+a@1', 'synced']);
});

test.each([['event', true], ['status', false]])('410 as %s: list again, and only the differences are told', async (_how, asEvent) => {
  let lists = 0;
  let refuse = false;
  await using server = await FakeKubeServer.start(({ query }) => {
    if (query.has('sendInitialEvents')) return NO_STREAMING;
    if (query.has('watch')) return refuse ? (refuse = false, { status: 410, body: EXPIRED }) : 'watch';
    return ++lists === 1 ? listOf('20', pool('a', '1'), pool('b', '2'), pool('c', '3')) : listOf('30', pool('a', '1'), pool('b', '25'), pool('d', '26'));
  });
  using kube = openKube(server.access, ports);
  const { told, handler } = recorder();
  using _watch = kube.watch(POOLS, {}, handler);
  const first = await watchNumber(server, 1);
  refuse = !asEvent;
  if (asEvent) first.send('ERROR', EXPIRED); else first.end();
  const second = await watchNumber(server, 2);
  expect(second.query.get('resourceVersion')).toBe('30');
  expect(told.filter((t) => t !== 'away' && t !== 'back')).toEqual(['+a@1', '+b@2', '+c@3', 'synced', '+b@25', '+d@26', '-c']);
});

test('a streamed initial state after 410 tells differences too', async () => {
  await using server = await FakeKubeServer.start(() => 'watch');
  using kube = openKube(server.access, ports);
  const { told, handler } = recorder();
  using _watch = kube.watch(POOLS, {}, handler);
  const first = await watchNumber(server, 1);
  first.send('ADDED', pool('a', '1'));
  first.send('ADDED', pool('b', '2'));
  first.send('BOOKMARK', bookmark('5', true));
  first.send('ERROR', EXPIRED);
  const second = await watchNumber(server, 2);
  expect(second.query.has('resourceVersion')).toBe(false);
  second.send('ADDED', pool('b', '2'));
  second.send('ADDED', pool('c', '7'));
  second.send('BOOKMARK', bookmark('9', true));
  await eventually(5_000, () => { expect(told.filter((t) => t !== 'away' && t !== 'back')).toEqual(['+a@1', '+b@2', 'synced', '+c@7', '-a']); });
});

test('a connection that breaks within the initial state begins again', async () => {
  await using server = await FakeKubeServer.start(() => 'watch');
  using kube = openKube(server.access, ports);
  const { told, handler } = recorder();
  using _watch = kube.watch(POOLS, {}, handler);
  const first = await watchNumber(server, 1);
  first.send('ADDED', pool('a', '1'));
  await eventually(5_000, () => { expect(told).toContain('+a@1'); });
  first.reset();
  const second = await watchNumber(server, 2);
  expect(second.query.get('sendInitialEvents')).toBe('true');
  second.send('BOOKMARK', bookmark('3', true));
  await eventually(5_000, () => { expect(told).toEqual(['+a@1', 'away', 'back', '-a', 'synced']); });
});

test('lines may be cut anywhere, also inside a character; half a line at the end is none', async () => {
  await using server = await FakeKubeServer.start(({ query }) => (query.has('sendInitialEvents') ? NO_STREAMING : query.has('watch') ? 'watch' : listOf('1')));
  using kube = openKube(server.access, ports);
  const { told, handler } = recorder();
  using _watch = kube.watch(POOLS, {}, handler);
  const first = await watchNumber(server, 1);
  const bytes = Buffer.from(`${JSON.stringify({ type: 'ADDED', object: pool('ä', '2') })}\n\n${JSON.stringify({ type: 'ADDED', object: pool('b', '3') })}\n{"type":"ADD`);
  for (const byte of bytes) first.raw(Buffer.of(byte) as unknown as string);
  await eventually(5_000, () => { expect(told).toEqual(['synced', '+ä@2', '+b@3']); });
  first.end();
  expect((await watchNumber(server, 2)).query.get('resourceVersion')).toBe('3');
});

test('a line that is no event: list again', async () => {
  await using server = await FakeKubeServer.start(({ query }) => (query.has('sendInitialEvents') ? NO_STREAMING : query.has('watch') ? 'watch' : listOf('1', pool('a', '1'))));
  using kube = openKube(server.access, ports);
  const { handler } = recorder();
  using _watch = kube.watch(POOLS, {}, handler);
  for (const [i, junk] of ['not json\n', 'null\n', '{"type":"ADDED","object":{"metadata":null}}\n', '{"type":"NOVEL","object":{"metadata":{"name":"x"}}}\n'].entries()) {
    (await watchNumber(server, i + 1)).raw(junk);
  }
  await watchNumber(server, 5);
  expect(server.asked.filter((a) => !a.query.has('watch'))).toHaveLength(5);
});

test('silence for two minutes: the connection is replaced, and nothing is left open', async () => {
  await using server = await FakeKubeServer.start(({ query }) => (query.has('sendInitialEvents') ? NO_STREAMING : query.has('watch') ? 'watch' : listOf('1')));
  const clock = new FakeClock();
  using kube = openKube(server.access, { clock, random: () => 0 });
  const { told, handler } = recorder();
  using _watch = kube.watch(POOLS, {}, handler);
  const first = await watchNumber(server, 1);
  first.send('ADDED', pool('z', '2'));
  await eventually(5_000, () => { expect(told).toContain('+z@2'); });     // from here on the client counts the silence
  clock.advance(119_000);
  first.send('BOOKMARK', bookmark('4'));
  first.send('ADDED', pool('a', '5'));
  await eventually(5_000, () => { expect(told).toContain('+a@5'); });
  clock.advance(119_000);
  first.send('ADDED', pool('b', '6'));
  await eventually(5_000, () => { expect(told).toContain('+b@6'); });
  clock.advance(119_999);
  expect(server.watches).toHaveLength(1);
  clock.advance(1);
  await eventually(5_000, () => { clock.advance(100); expect(server.watches).toHaveLength(2); expect(first.closed).toBe(true); });
  expect(server.watches[1]!.query.get('resourceVersion')).toBe('6');
  await eventually(5_000, () => { expect(told).toEqual(['synced', '+z@2', '+a@5', '+b@6', 'away', 'back']); });
});

test('a server that says when to ask again is not asked sooner', async () => {
  await using server = await FakeKubeServer.start(() => ({ status: 429, headers: { 'retry-after': '7' }, body: { kind: 'Status', reason: 'TooManyRequests', message: 'busy' } }));
  const clock = new FakeClock();
  using kube = openKube(server.access, { clock, random: () => 0 });
  const { told, handler } = recorder();
  using _watch = kube.watch(POOLS, {}, handler);
  await eventually(5_000, () => { expect([told, server.asked.length, clock.timers]).toEqual([['away'], 1, 1]); });
  clock.advance(6_999);
  expect(clock.timers).toBe(1);
  clock.advance(1);
  await eventually(5_000, () => { expect(server.asked).toHaveLength(2); });
});

test.each([['lists', false], ['streams', true]])('a server that %s and then always says 410 is asked ever more seldom', async (_how, streams) => {
  await using server = await FakeKubeServer.start(({ query }) => {
    if (query.has('sendInitialEvents')) return streams ? 'watch' : NO_STREAMING;
    return query.has('watch') ? { status: 410, body: EXPIRED } : listOf('1');
  });
  const clock = new FakeClock();
  using kube = openKube(server.access, { clock, random: () => 1 });
  using _watch = kube.watch(POOLS, {}, recorder().handler);
  const states = (): number => (streams ? server.watches.length : server.asked.filter((a) => !a.query.has('watch')).length);
  const at: number[] = [];
  while (at.length < 4) {
    await eventually(10_000, () => { expect(states()).toBeGreaterThan(at.length); });
    at.push(clock.now());
    const open = server.watches[at.length - 1];
    open?.send('ADDED', pool('a', '1'));
    open?.send('BOOKMARK', bookmark('5', true));
    open?.send('ERROR', EXPIRED);
    await eventually(10_000, () => {
      if (states() === at.length) clock.advance(100);
      expect(states()).toBeGreaterThan(at.length);
    });
  }
  const pauses = at.slice(1).map((t, n) => t - at[n]!);
  for (const [n, leastMs] of [200, 400, 800].entries()) expect(pauses[n]).toBeGreaterThanOrEqual(leastMs);
});

test('the API goes away and comes back: told once each, state kept, differences told', async () => {
  let up = true;
  let items = [pool('a', '1')];
  await using server = await FakeKubeServer.start(({ query }) => {
    if (!up) return { status: 503, body: { kind: 'Status', reason: 'ServiceUnavailable', message: 'starting' } };
    return query.has('sendInitialEvents') ? NO_STREAMING : query.has('watch') ? 'watch' : listOf('1', ...items);
  });
  using kube = openKube(server.access, ports);
  const { told, handler } = recorder();
  using _watch = kube.watch(POOLS, {}, handler);
  const first = await watchNumber(server, 1);
  up = false;
  items = [pool('b', '2')];
  first.send('ERROR', EXPIRED);
  await eventually(10_000, () => { expect(told).toContain('away'); });
  expect(told).toEqual(['+a@1', 'synced', 'away']);
  up = true;
  await watchNumber(server, 2);
  await eventually(10_000, () => { expect(told).toEqual(['+a@1', 'synced', 'away', '+b@2', '-a', 'back']); });
});

test('a disposed watch says nothing more, in any state, and closes its connection', async () => {
  await using server = await FakeKubeServer.start(() => 'watch');
  using kube = openKube(server.access, ports);
  const { told, handler } = recorder();
  const watch = kube.watch(POOLS, {}, handler);
  const first = await watchNumber(server, 1);
  first.send('ADDED', pool('a', '1'));
  await eventually(5_000, () => { expect(told).toEqual(['+a@1']); });
  watch[Symbol.dispose]();
  first.send('ADDED', pool('b', '2'));
  await eventually(5_000, () => { expect(server.connections).toBe(0); });
  expect(told).toEqual(['+a@1']);
  expect(server.watches).toHaveLength(1);
});
