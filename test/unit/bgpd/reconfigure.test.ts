/** Changes of configuration: what resets a session, what waits, and what takes effect at once without either. */
import { expect, test } from '@jest/globals';
import type { PeerConfig } from '../../../config/messages/speaker-config.ts';
import { statusOf } from '../../../bgpd/status.ts';
import { ip } from '../../../lib/ip/text.ts';
import { silentLog } from '../../../lib/log.ts';
import { FakeConnection } from '../../support/fake-transport.ts';
import { path } from '../../support/rib-builders.ts';
import { SpeakerBench, type FakePeer } from '../../support/speaker-bench.ts';
import { globalSection, peerConfig, speakerConfig, type GlobalSome } from '../../support/speaker-config.ts';

const [A, TOR] = ['192.0.2.1', '192.0.2.65'];

async function established(some: Partial<PeerConfig> = {}): Promise<{ readonly bench: SpeakerBench; readonly a: FakePeer; readonly tor: FakePeer }> {
  const bench = new SpeakerBench();
  await bench.apply(speakerConfig({ peers: [peerConfig(A, some), peerConfig(TOR, { asn: 65001 })], originate: ['10.1.0.0/26'] }));
  const [a, tor] = [bench.peer(A), bench.peer(TOR)];
  for (const peer of [a, tor]) peer.up();
  a.announce(['10.2.0.0/26', '10.3.0.0/26']);
  await bench.settle();
  for (const peer of [a, tor]) peer.lines();
  bench.kernel.takeLog();
  return { bench, a, tor };
}

const withPeer = (some: Partial<PeerConfig>) => ({ peers: { peers: [peerConfig(A, some), peerConfig(TOR, { asn: 65001 })] } });

test('the same configuration again does nothing at all', async () => {
  const { bench, a, tor } = await established();
  await bench.apply(speakerConfig({ peers: [peerConfig(A), peerConfig(TOR, { asn: 65001 })], originate: ['10.1.0.0/26'] }));
  expect([bench.kernel.takeLog(), a.lines(), tor.lines(), bench.made.length, a.started]).toEqual([[], [], [], 2, 1]);
});

test.each<[string, Partial<PeerConfig>]>([
  ['AS number', { asn: 65009 }], ['local AS number', { localAsn: 65009 }], ['families', { families: ['ipv4', 'ipv6'] }],
  ['hold time', { holdTimeSeconds: 30 }], ['source address', { sourceAddress: '192.0.2.254' }],
])('another %s resets the session', async (_name, some) => {
  const { bench, a, tor } = await established();
  await bench.apply(withPeer(some));
  expect([a.stopped, tor.stopped, bench.made.length, bench.peer(A).started]).toEqual(['configuration-changed', undefined, 3, 1]);
  expect(bench.peer(A).options.record).toBe(a.options.record);
  expect(bench.kernel.table).toEqual(['10.1.0.0/26 blackhole']);
});

test.each<[string, GlobalSome]>([['router ID', { routerId: '192.0.2.253' }], ['AS number', { asn: 64999 }]])('another global %s resets all sessions', async (_name, some) => {
  const { bench, a, tor } = await established();
  await bench.apply({ global: globalSection(some) });
  expect([a.stopped, tor.stopped, bench.made.length]).toEqual(['configuration-changed', 'configuration-changed', 4]);
});

test.each<[string, Partial<PeerConfig>]>([
  ['connect retry time', { connectRetrySeconds: 9 }], ['passive', { passive: true }], ['port', { port: 1790 }],
  ['keepalive interval', { keepaliveSeconds: 5 }], ['graceful restart', { gracefulRestart: false }], ['restart time', { restartTimeSeconds: 30 }],
])('another %s waits for the next session', async (_name, some) => {
  const { bench, a } = await established();
  await bench.apply(withPeer(some));
  expect([a.stopped, bench.made.length, bench.kernel.takeLog()]).toEqual([undefined, 2, []]);
  a.down();
  await bench.settle();
  expect([bench.made.length, bench.peer(A).started, bench.peer(A).config]).toEqual([3, 1, peerConfig(A, some)]);
  // Why the old session ended is remembered, and no Cease of ours takes its place.
  expect([bench.peer(A).options.record === a.options.record, a.stopped, a.closed]).toEqual([true, undefined, true]);
  await bench.apply(withPeer({ ...some, connectRetrySeconds: 77 }));
  expect([bench.made.length, bench.peer(A).config.connectRetrySeconds]).toEqual([4, 77]);
});

test('a renewed peer whose old session ended as a restart keeps its stale routes', async () => {
  const { bench, a } = await established();
  await bench.apply(withPeer({ connectRetrySeconds: 9 }));
  a.down();
  await bench.settle();
  expect([bench.kernel.takeLog(), statusOf(bench.speaker, []).peers[0]!.stale]).toEqual([[], 2]);
  bench.peer(A).up({ restarted: true });
  bench.peer(A).announce(['10.2.0.0/26', '10.3.0.0/26']);
  bench.peer(A).endOfRib();
  await bench.settle();
  expect(bench.kernel.takeLog()).toEqual([]);
});

test('import filters apply to what was received before, and stop applying', async () => {
  const { bench, a, tor } = await established();
  const filters = { filters: [{ name: 'no-3', rules: [{ prefixes: [{ prefix: '10.3.0.0/26' }], action: 'reject' as const }], otherwise: 'next' as const }] };
  await bench.apply({ ...withPeer({ importFilters: ['no-3'] }), filters });
  expect([bench.kernel.takeLog(), tor.lines()]).toEqual([['remove 10.3.0.0/26'], ['-10.3.0.0/26']]);
  expect(statusOf(bench.speaker, []).peers[0]!.received).toBe(1);
  await bench.apply({ filters: { filters: [{ ...filters.filters[0]!, rules: [] }] } });
  expect([bench.kernel.takeLog(), tor.lines()]).toEqual([['put 10.3.0.0/26 via 192.0.2.1'], ['+10.3.0.0/26 via 192.0.2.1']]);
  expect([a.stopped, bench.made.length]).toEqual([undefined, 2]);
});

test('export filters apply to what was sent before: the peer is told the difference', async () => {
  const { bench, tor } = await established();
  const own = { name: 'own', rules: [{ sources: ['originated'] as const, action: 'accept' as const }], otherwise: 'reject' as const };
  const torWith = (exportFilters: string[]) => ({ peers: { peers: [peerConfig(A), peerConfig(TOR, { asn: 65001, exportFilters })] } });
  await bench.apply({ ...torWith(['own']), filters: { filters: [own] } });
  expect(tor.lines().sort()).toEqual(['-10.2.0.0/26', '-10.3.0.0/26']);
  await bench.apply({ filters: { filters: [{ ...own, rules: [...own.rules, { prefixes: [{ prefix: '10.2.0.0/26' }], action: 'accept' }] }] } });
  expect(tor.lines()).toEqual(['+10.2.0.0/26 via 192.0.2.1']);
  await bench.apply(torWith([]));
  expect([tor.lines(), tor.stopped, bench.speaker.routing.ribs.ipv4.groups.size]).toEqual([['+10.3.0.0/26 via 192.0.2.1'], undefined, 2]);
});

test('another next hop mode sends everything anew', async () => {
  const { bench, tor } = await established();
  await bench.apply({ peers: { peers: [peerConfig(A), peerConfig(TOR, { asn: 65001, nextHop: 'self' })] } });
  expect([tor.lines().sort(), tor.stopped]).toEqual([['+10.1.0.0/26 via 192.0.2.254', '+10.2.0.0/26 via 192.0.2.254', '+10.3.0.0/26 via 192.0.2.254'], undefined]);
});

test('peers come and go while others stay', async () => {
  const { bench, a, tor } = await established();
  await bench.apply({ peers: { peers: [peerConfig(TOR, { asn: 65001 }), peerConfig('192.0.2.9')] } });
  expect([a.stopped, tor.stopped, bench.peer('192.0.2.9').started, bench.kernel.table]).toEqual(['deconfigured', undefined, 1, ['10.1.0.0/26 blackhole']]);
  expect(tor.lines().sort()).toEqual(['-10.2.0.0/26', '-10.3.0.0/26']);
  bench.peer('192.0.2.9').up();
  bench.peer('192.0.2.9').announce(['10.4.0.0/26']);
  await bench.settle();
  expect(bench.kernel.table).toEqual(['10.1.0.0/26 blackhole', '10.4.0.0/26 via 192.0.2.9']);
  expect(statusOf(bench.speaker, []).peers.map((p) => [p.address, p.received])).toEqual([['192.0.2.9', 1], [TOR, 0]]);
});

test('a peer that another resource asks for has another name, and the same session and routes', async () => {
  const { bench, a, tor } = await established();
  const renamed = (some: Partial<PeerConfig> = {}) => withPeer({ name: 'Node_192_0_2_1', origin: 'node', ...some });
  await bench.apply(renamed());
  expect([a.stopped, bench.made.length, bench.kernel.takeLog(), a.lines(), tor.lines()]).toEqual([undefined, 2, [], [], []]);
  const status = statusOf(bench.speaker, []).peers;
  expect(status.map((p) => [p.name, p.origin, p.received]).sort()).toEqual([['Node_192_0_2_1', 'node', 2], [peerConfig(TOR).name, 'static', 0]]);
  expect([bench.speaker.neighbours.find('Node_192_0_2_1')?.source.name, bench.speaker.neighbours.find(peerConfig(A).name)]).toEqual(['Node_192_0_2_1', undefined]);

  await bench.apply(renamed({ importFilters: ['none'] }));
  expect([a.stopped, bench.made.length]).toEqual([undefined, 2]);
  a.down();
  await bench.settle();
  expect([bench.made.length, bench.peer(A).config.name]).toEqual([3, 'Node_192_0_2_1']);
  await bench.apply(withPeer({ holdTimeSeconds: 30 }));
  expect([bench.peer(A).config.name, bench.peer(A).config.holdTimeSeconds]).toEqual([peerConfig(A).name, 30]);
});

test('a peer that becomes external is another source: its routes lose the LOCAL_PREF that it gave them', async () => {
  const { bench } = await established();
  await bench.apply(withPeer({ asn: 65009 }));
  const again = bench.peer(A);
  again.up();
  again.announce(['10.2.0.0/26'], { localPref: 5, asPath: path(65009) });
  await bench.settle();
  const { loc } = bench.speaker.routing.ribs.ipv4;
  expect(loc.best(loc.table.find((0x0a020000 * 64 + 26) as never))).toMatchObject({ localPref: 100, source: { kind: 'ebgp' } });
});

test('the kernel filter and the install switch are followed at once', async () => {
  const { bench } = await established();
  const filters = { filters: [{ name: 'kernel', rules: [{ prefixes: [{ prefix: '10.2.0.0/26' }], action: 'reject' as const }], otherwise: 'accept' as const }] };
  await bench.apply({ filters, global: globalSection({ kernel: { filter: 'kernel' } }) });
  expect(bench.kernel.table).toEqual(['10.1.0.0/26 blackhole', '10.3.0.0/26 via 192.0.2.1']);
  await bench.apply({ global: globalSection({ kernel: { install: false } }) });
  expect(bench.kernel.table).toEqual([]);
  await bench.apply({ global: globalSection() });
  expect(bench.kernel.table).toHaveLength(3);
});

test('another table: everything stands in the new place before the old one is cleared', async () => {
  const { bench } = await established();
  const before = bench.kernel.table;
  await bench.apply({ global: globalSection({ kernel: { table: 100 } }) });
  const log = bench.kernel.takeLog();
  // One fake kernel plays both places: what counts is the order.
  expect(log.findIndex((line) => line.startsWith('remove'))).toBeGreaterThanOrEqual(log.findLastIndex((line) => line.startsWith('put')));
  expect(log.filter((line) => line.startsWith('remove'))).toHaveLength(before.length);
});

test('incoming connections go to the peer of their address; strangers are turned away', async () => {
  const { bench, a } = await established();
  const [known, stranger] = [A, '198.51.100.1'].map((text) => new FakeConnection(ip('192.0.2.254'), ip(text)));
  bench.accept(known!);
  bench.accept(stranger!);
  expect([a.accepted, known!.endedBy, stranger!.endedBy]).toEqual([[known], undefined, 'destroy']);
});

test('listening follows the configuration; a place that is taken is a problem, and tried again', async () => {
  const { bench } = await established();
  expect([...bench.listening]).toEqual(['*:179']);
  await bench.apply({ global: globalSection({ listen: { port: 1790, addresses: ['192.0.2.254'] } }) });
  expect([...bench.listening]).toEqual([`${ip('192.0.2.254')}:1790`]);
  bench.listenError = new Error('Address already in use');
  await bench.apply({ global: globalSection({ listen: { port: 1791 } }) });
  expect([[...bench.listening], statusOf(bench.speaker, []).problems]).toEqual([[], [{ path: 'global.listen', message: 'cannot listen on *:1791: Address already in use' }]]);
  bench.listenError = undefined;
  await bench.advance(1_000);
  expect([[...bench.listening], statusOf(bench.speaker, []).problems]).toEqual([['*:1791'], []]);
  await bench.apply({ global: globalSection({ listen: { port: 0 } }) });
  expect(bench.listening.size).toBe(0);
});

test('a family that a session cannot name a next hop for is a problem', async () => {
  const { bench, a } = await established({ families: ['ipv4', 'ipv6'] });
  expect(statusOf(bench.speaker, []).problems.map((p) => p.path)).toEqual(['peers/Static_192_0_2_1.families']);
  await bench.apply({ originate: { routes: [{ prefix: 'fd00:1::/122', blackhole: true }] } });
  expect(a.lines()).toEqual(['-10.1.0.0/26']);
});

test('an operator holds a session down and lets it go again, without another peer', async () => {
  const { bench, a, tor } = await established();
  await bench.apply(withPeer({ shutdown: { message: 'maintenance' } }));
  expect([a.shutdown, a.stopped, tor.stopped, bench.kernel.table]).toEqual(['maintenance', 'shutdown', undefined, ['10.1.0.0/26 blackhole']]);
  await bench.apply(withPeer({}));
  expect([a.shutdown, a.started, bench.made.length]).toEqual([undefined, 2, 2]);
});

test('a session that has to be reset says which fields demand it', async () => {
  const lines: unknown[] = [];
  const bench = new SpeakerBench(undefined, { ...silentLog, info: (event, fields) => { if (event === 'session.reset') lines.push(fields); } });
  await bench.apply(speakerConfig({ peers: [peerConfig(A), peerConfig(TOR)] }));
  await bench.apply({ peers: { peers: [peerConfig(A, { holdTimeSeconds: 30, addPath: { send: true, receive: true }, allowLocalAs: 1 }), peerConfig(TOR, { allowLocalAs: 1 })] } });
  expect(lines).toEqual([{ peer: 'Static_192_0_2_1', fields: ['holdTimeSeconds', 'addPath'] }]);
});

test('what waits for the next session is said while there is one', async () => {
  const lines: unknown[] = [];
  const bench = new SpeakerBench(undefined, { ...silentLog, info: (event, fields) => { if (event === 'session.outdated') lines.push(fields); } });
  await bench.apply(speakerConfig({ peers: [peerConfig(A), peerConfig(TOR)] }));
  bench.peer(A).up();
  await bench.apply({ peers: { peers: [A, TOR].map((address) => peerConfig(address, { notificationRestart: true })) } });
  expect(lines).toEqual([{ peer: bench.peer(A).config.name, fields: ['notificationRestart'] }]);
  expect(bench.peer(A).stopped).toBeUndefined();
});
