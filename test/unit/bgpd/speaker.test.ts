/** The speaker as a whole: what comes in on one side, and what the kernel and the peers see of it. */
import { expect, test } from '@jest/globals';
import { routesOf } from '../../../bgpd/route-views.ts';
import { statusOf } from '../../../bgpd/status.ts';
import { ip, prefix } from '../../../lib/ip/text.ts';
import { path } from '../../support/rib-builders.ts';
import { SpeakerBench, type FakePeer } from '../../support/speaker-bench.ts';
import { globalSection, peerConfig, speakerConfig } from '../../support/speaker-config.ts';

const [MESH_A, MESH_B, TOR_A, TOR_B] = ['192.0.2.1', '192.0.2.2', '192.0.2.65', '192.0.2.66'];
const tor = (address: string, asn = 65001, some = {}) => peerConfig(address, { asn, ...some });

async function benchWith(peers = [peerConfig(MESH_A), tor(TOR_A)], originate: readonly string[] = ['10.1.0.0/26']): Promise<SpeakerBench> {
  const bench = new SpeakerBench();
  await bench.apply(speakerConfig({ peers, originate }));
  return bench;
}

async function up(bench: SpeakerBench, ...addresses: string[]): Promise<FakePeer[]> {
  const peers = addresses.map((a) => bench.peer(a));
  for (const peer of peers) peer.up();
  await bench.settle();
  return peers;
}

test('own blocks stand in the kernel as blackholes, and each new peer gets them, then End-of-RIB', async () => {
  const bench = await benchWith();
  expect(bench.kernel.table).toEqual(['10.1.0.0/26 blackhole']);
  const [mesh, external] = await up(bench, MESH_A, TOR_A) as [FakePeer, FakePeer];
  for (const peer of [mesh, external]) expect(peer.lines()).toEqual(['+10.1.0.0/26 via 192.0.2.254', 'end ipv4']);
  expect([mesh.view.routes, external.view.routes].map((r) => r.get('10.1.0.0/26'))).toEqual(['192.0.2.254 []', '192.0.2.254 [64512]']);
});

test('what this node originates is added and withdrawn while it runs', async () => {
  const bench = await benchWith();
  const [mesh] = await up(bench, MESH_A) as [FakePeer];
  mesh.lines();
  await bench.apply({ originate: { routes: [{ prefix: '10.1.0.64/26', blackhole: true }, { prefix: '10.9.0.1/32', blackhole: false }] } });
  expect(mesh.lines().sort()).toEqual(['+10.1.0.64/26 via 192.0.2.254', '+10.9.0.1/32 via 192.0.2.254', '-10.1.0.0/26']);
  expect(bench.kernel.table).toEqual(['10.1.0.64/26 blackhole']);
  await bench.apply({ originate: { routes: [{ prefix: '10.1.0.64/26', blackhole: false }, { prefix: '10.9.0.1/32', blackhole: true }] } });
  expect([mesh.lines(), bench.kernel.table]).toEqual([[], ['10.9.0.1/32 blackhole']]);
});

test('a learned route is installed, passed on to other peers by the rules, and withdrawn', async () => {
  const bench = await benchWith([peerConfig(MESH_A), peerConfig(MESH_B), tor(TOR_A), tor(TOR_B, 65002)], []);
  const [a, b, t, u] = await up(bench, MESH_A, MESH_B, TOR_A, TOR_B) as [FakePeer, FakePeer, FakePeer, FakePeer];
  for (const peer of [a, b, t, u]) peer.lines();
  a.announce(['10.2.0.0/26']);
  t.announce(['172.16.0.0/12'], { asPath: path(65001) });
  await bench.settle();
  expect(bench.kernel.table).toEqual(['10.2.0.0/26 via 192.0.2.1', '172.16.0.0/12 via 192.0.2.65']);
  expect(b.lines()).toEqual(['+172.16.0.0/12 via 192.0.2.65']);
  expect(t.lines()).toEqual(['+10.2.0.0/26 via 192.0.2.1']);
  expect(u.lines().sort()).toEqual(['+10.2.0.0/26 via 192.0.2.1', '+172.16.0.0/12 via 192.0.2.65']);
  expect([a.lines(), u.view.routes.get('172.16.0.0/12')]).toEqual([['+172.16.0.0/12 via 192.0.2.65'], '192.0.2.65 [64512 65001]']);
  a.withdraw('10.2.0.0/26');
  await bench.settle();
  expect(bench.kernel.table).toEqual(['172.16.0.0/12 via 192.0.2.65']);
  expect([b.lines(), t.lines(), u.lines()]).toEqual([[], ['-10.2.0.0/26'], ['-10.2.0.0/26']]);
});

test('an external peer on the link of a next hop is told that one, another one is told to come through us', async () => {
  const bench = await benchWith([peerConfig(MESH_A), tor(TOR_A), tor(TOR_B)], []);
  bench.kernel.setResolution(TOR_B, { gateway: ip('192.0.2.99') });
  const [a, near, far] = await up(bench, MESH_A, TOR_A, TOR_B) as [FakePeer, FakePeer, FakePeer];
  a.announce(['10.2.0.0/26']);
  await bench.settle();
  expect([near, far].map((peer) => peer.lines().at(-1))).toEqual(['+10.2.0.0/26 via 192.0.2.1', '+10.2.0.0/26 via 192.0.2.254']);
});

test('prefixes that make no sense are ignored, the others of the message are not', async () => {
  const bench = await benchWith([tor(TOR_A)], []);
  const [t] = await up(bench, TOR_A) as [FakePeer];
  t.announce(['127.0.0.0/8', '172.16.0.0/12', '224.0.0.0/4', '0.0.0.0/0'], { asPath: path(65001) });
  await bench.settle();
  expect(bench.kernel.table).toEqual(['0.0.0.0/0 via 192.0.2.65', '172.16.0.0/12 via 192.0.2.65']);
});

test('the host route of a neighbour that would go another way than to itself is ignored, also when it was not always there', async () => {
  const bench = await benchWith([tor(TOR_A), tor(TOR_B)], []);
  bench.kernel.setResolution(TOR_B, { interfaceIndex: 8, gateway: ip('192.0.2.1') });
  const [a, b] = await up(bench, TOR_A, TOR_B) as [FakePeer, FakePeer];
  const host = (address: string): string => `${address}/32`;
  const some = { asPath: path(65001) };
  a.announce([host(TOR_A), host(TOR_B), host('192.0.2.77')], some);
  await bench.settle();
  expect(bench.kernel.table).toEqual([host('192.0.2.77'), host(TOR_A), host(TOR_B)].map((p) => `${p} via ${TOR_A}`).sort());

  bench.kernel.setResolution(TOR_B, { interfaceIndex: 8 });
  a.announce([host(TOR_A), host(TOR_B), host('192.0.2.77'), '192.0.2.64/26'], some);
  await bench.settle();
  expect(bench.kernel.table).toEqual([host('192.0.2.77'), host(TOR_A), '192.0.2.64/26'].map((p) => `${p} via ${TOR_A}`).sort());
  b.announce([host(TOR_B)], some);
  await bench.settle();
  expect(bench.kernel.table).not.toContain(`${host(TOR_B)} via ${TOR_A}`);
});

test('many changes within one turn are one write and one message', async () => {
  const bench = await benchWith([peerConfig(MESH_A), tor(TOR_A)], []);
  const [a, t] = await up(bench, MESH_A, TOR_A) as [FakePeer, FakePeer];
  t.lines();
  for (const med of [1, 2, 3]) a.announce(['10.2.0.0/26'], { med });
  a.announce(['10.3.0.0/26']);
  a.withdraw('10.3.0.0/26');
  await bench.settle();
  expect(bench.kernel.takeLog()).toEqual(['put 10.2.0.0/26 via 192.0.2.1']);
  expect(t.lines()).toEqual(['+10.2.0.0/26 via 192.0.2.1']);
});

test('while the kernel is busy there is one write at a time, and what changes meanwhile is written once, in its last form', async () => {
  const bench = await benchWith([peerConfig(MESH_A), peerConfig(MESH_B)], []);
  const [a] = await up(bench, MESH_A, MESH_B) as [FakePeer];
  bench.kernel.hold();
  a.announce(['10.2.0.0/26']);
  await bench.settle();
  for (const via of ['192.0.2.11', '192.0.2.12', '192.0.2.13']) { a.announce(['10.2.0.0/26'], {}, via); await bench.settle(); }
  bench.kernel.release();
  await bench.settle();
  expect(bench.kernel.takeLog()).toEqual(['put 10.2.0.0/26 via 192.0.2.1', 'put 10.2.0.0/26 via 192.0.2.13']);
  expect(bench.kernel.mostAtOnce).toBe(1);
});

test('ECMP: equal paths of two ToR routers are one kernel route, and one of them is enough', async () => {
  const bench = await benchWith([tor(TOR_A), tor(TOR_B, 65002)], []);
  const [t, u] = await up(bench, TOR_A, TOR_B) as [FakePeer, FakePeer];
  t.announce(['0.0.0.0/0'], { asPath: path(65001) });
  u.announce(['0.0.0.0/0'], { asPath: path(65002) });
  await bench.settle();
  expect(bench.kernel.table).toEqual(['0.0.0.0/0 via 192.0.2.65 192.0.2.66']);
  expect((await routesOf(bench.speaker, {}, () => Promise.resolve())).routes[0]!.paths.map((p) => [p.peer, p.best, p.installed])).toEqual([
    ['Static_192_0_2_65', true, true], ['Static_192_0_2_66', false, true],
  ]);
  bench.kernel.takeLog();
  t.down('hold-timer');
  await bench.settle();
  expect(bench.kernel.takeLog()).toEqual(['put 0.0.0.0/0 via 192.0.2.66']);
  await bench.apply({ global: globalSection({ kernel: { maximumPaths: 1 } }) });
  t.up();
  t.announce(['0.0.0.0/0'], { asPath: path(65001) });
  await bench.settle();
  expect(bench.kernel.table).toEqual(['0.0.0.0/0 via 192.0.2.65']);
});

test('a next hop that is lost takes its routes along, another path takes over, and it comes back', async () => {
  const bench = await benchWith([peerConfig(MESH_A), peerConfig(MESH_B), tor(TOR_A)], []);
  const [a, b, t] = await up(bench, MESH_A, MESH_B, TOR_A) as [FakePeer, FakePeer, FakePeer];
  a.announce(['10.2.0.0/26', '10.3.0.0/26'], { localPref: 200 });
  b.announce(['10.2.0.0/26']);
  await bench.settle();
  t.lines();
  bench.kernel.takeLog();
  bench.kernel.setUnreachable(MESH_A);
  await bench.settle();
  expect(bench.kernel.table).toEqual(['10.2.0.0/26 via 192.0.2.2']);
  expect(bench.kernel.takeLog()).toEqual(['put 10.2.0.0/26 via 192.0.2.2', 'remove 10.3.0.0/26']);
  expect(t.lines().sort()).toEqual(['+10.2.0.0/26 via 192.0.2.2', '-10.3.0.0/26']);
  expect((await routesOf(bench.speaker, { prefix: '10.3.0.0/26' }, () => Promise.resolve())).routes[0]!.paths[0]!.reason).toBe('next hop unreachable');
  bench.kernel.setReachable(MESH_A);
  await bench.settle();
  expect(bench.kernel.table).toEqual(['10.2.0.0/26 via 192.0.2.1', '10.3.0.0/26 via 192.0.2.1']);
});

test('a distant next hop is installed by the gateway of its own route, which may change', async () => {
  const bench = await benchWith([peerConfig(MESH_A)], []);
  bench.kernel.setResolution('203.0.113.1', { gateway: undefined, metric: 5 });
  const [a] = await up(bench, MESH_A) as [FakePeer];
  a.announce(['10.2.0.0/26'], {}, '203.0.113.1');
  await bench.settle();
  expect(bench.kernel.table).toEqual(['10.2.0.0/26 via 203.0.113.1']);
  bench.kernel.takeLog();
  bench.kernel.setResolution('203.0.113.1', { gateway: 0xc0000209 as never });
  await bench.settle();
  expect(bench.kernel.takeLog()).toEqual(['put 10.2.0.0/26 via 192.0.2.9']);
});

test('a treat-as-withdraw UPDATE withdraws what it announces, and families that were not negotiated are ignored', async () => {
  const bench = await benchWith([peerConfig(MESH_A)], []);
  const [a] = await up(bench, MESH_A) as [FakePeer];
  a.announce(['10.2.0.0/26', '10.3.0.0/26']);
  a.announce(['fd00:2::/64'], {}, 'fd00::1');
  await bench.settle();
  expect(bench.kernel.table).toEqual(['10.2.0.0/26 via 192.0.2.1', '10.3.0.0/26 via 192.0.2.1']);
  a.update({ announced4: [(0x0a020000 * 64 + 26) as never], outcome: 'withdraw', faults: ['ORIGIN: value 9'] });
  await bench.settle();
  expect(bench.kernel.table).toEqual(['10.3.0.0/26 via 192.0.2.1']);
});

test('looped routes are kept but not used, until the configuration allows them', async () => {
  const bench = await benchWith([tor(TOR_A)], []);
  const [t] = await up(bench, TOR_A) as [FakePeer];
  t.announce(['172.16.0.0/12'], { asPath: path(65001, 64512) });
  await bench.settle();
  expect([bench.kernel.table, statusOf(bench.speaker, []).peers[0]!.received]).toEqual([[], 0]);
  expect((await routesOf(bench.speaker, {}, () => Promise.resolve())).routes[0]!.paths[0]!.reason).toBe('own AS in AS_PATH');
  await bench.apply({ peers: { peers: [tor(TOR_A, 65001, { allowLocalAs: 1 })] } });
  expect(bench.kernel.table).toEqual(['172.16.0.0/12 via 192.0.2.65']);
  expect([t.stopped, bench.made.length, statusOf(bench.speaker, []).peers[0]!.received]).toEqual([undefined, 1, 1]);
});

test('route refresh brings everything again', async () => {
  const bench = await benchWith();
  const [a] = await up(bench, MESH_A) as [FakePeer];
  a.lines();
  a.refresh('ipv4');
  await bench.settle();
  expect(a.lines()).toEqual(['+10.1.0.0/26 via 192.0.2.254']);
});

test('a slow peer gets the last state once it reads again, and others do not wait for it', async () => {
  const bench = await benchWith([tor(TOR_A), tor(TOR_B, 65002)], []);
  const [slow, quick] = await up(bench, TOR_A, TOR_B) as [FakePeer, FakePeer];
  for (const peer of [slow, quick]) peer.lines();
  slow.hasRoom = false;
  const block = (n: number) => ({ originate: { routes: [{ prefix: `10.1.${n}.0/26`, blackhole: true }] } });
  for (const n of [1, 2, 3]) await bench.apply(block(n));
  expect(slow.lines()).toEqual(['+10.1.1.0/26 via 192.0.2.254']);
  expect(quick.lines()).toHaveLength(5);
  slow.drain();
  await bench.settle();
  expect(slow.lines().sort()).toEqual(['+10.1.3.0/26 via 192.0.2.254', '-10.1.1.0/26', '-10.1.2.0/26']);
});

test('IPv6 routes go the same way', async () => {
  const bench = await benchWith([peerConfig('fd00::1'), tor('fd00::65')], ['fd00:1::/122']);
  const [a, t] = await up(bench, 'fd00::1', 'fd00::65') as [FakePeer, FakePeer];
  expect(t.lines()).toEqual(['+fd00:1::/122 via fd00::254', 'end ipv6']);
  a.announce(['fd00:2::/122']);
  await bench.settle();
  expect(bench.kernel.table).toEqual(['fd00:1::/122 blackhole', 'fd00:2::/122 via fd00::1']);
  expect(t.lines()).toEqual(['+fd00:2::/122 via fd00::1']);
  a.announce(['fd00:2::/122'], {}, 'fe80::1');      // on the link of the session, whatever it is
  await bench.settle();
  expect(bench.kernel.table).toEqual(['fd00:1::/122 blackhole', 'fd00:2::/122 via fe80::1']);
});

test('routes that the kernel refuses are a problem, and are tried again with growing pauses', async () => {
  const bench = await benchWith([peerConfig(MESH_A)], []);
  const [a] = await up(bench, MESH_A) as [FakePeer];
  bench.kernel.refusals.set(prefix('10.2.0.0/26'), 'FOREIGN');
  a.announce(['10.2.0.0/26', '10.3.0.0/26']);
  await bench.settle();
  expect(bench.kernel.table).toEqual(['10.3.0.0/26 via 192.0.2.1']);
  expect(statusOf(bench.speaker, []).problems).toEqual([{ path: 'kernel/10.2.0.0/26', message: 'FOREIGN: 10.2.0.0/26 is refused' }]);
  const before = bench.kernel.calls.put;
  for (let second = 0; second < 30; second++) await bench.advance(1_000);
  const tries = bench.kernel.calls.put - before;
  expect(tries).toBeGreaterThan(3);
  expect(tries).toBeLessThan(12);
  bench.kernel.refusals.clear();
  await bench.advance(60_000);
  expect([bench.kernel.table.length, statusOf(bench.speaker, []).problems]).toEqual([2, []]);
});

test('routes that somebody removed come back at once when the kernel tells, and within a minute when it does not', async () => {
  const bench = await benchWith([peerConfig(MESH_A)]);
  const [a] = await up(bench, MESH_A) as [FakePeer];
  a.announce(['10.2.0.0/26']);
  await bench.settle();
  const all = bench.kernel.table;
  bench.kernel.steal(true, '10.1.0.0/26', '10.2.0.0/26');
  await bench.settle();
  expect(bench.kernel.table).toEqual(all);
  for (let minute = 0; minute < 2; minute++) {
    bench.kernel.steal(false, '10.2.0.0/26');
    await bench.settle();
    expect(bench.kernel.table).not.toEqual(all);
    await bench.advance(60_000);
    expect(bench.kernel.table).toEqual(all);
  }
});

test('what the kernel refused is tried again as soon as it tells of a change, for the place may be free now', async () => {
  const bench = await benchWith([peerConfig(MESH_A)], []);
  const [a] = await up(bench, MESH_A) as [FakePeer];
  bench.kernel.refusals.set(prefix('10.2.0.0/26'), 'FOREIGN');
  a.announce(['10.2.0.0/26']);
  await bench.settle();
  bench.kernel.refusals.clear();
  bench.kernel.steal(true);
  await bench.settle();
  expect(bench.kernel.table).toEqual(['10.2.0.0/26 via 192.0.2.1']);
});

test('close leaves kernel routes and says nothing to peers; shutdown ends both', async () => {
  const bench = await benchWith();
  const [a] = await up(bench, MESH_A) as [FakePeer];
  await bench.speaker.close();
  expect([a.closed, a.stopped, bench.kernel.table.length, bench.listening.size]).toEqual([true, undefined, 1, 0]);
  const other = await benchWith();
  const [b] = await up(other, MESH_A) as [FakePeer];
  b.announce(['10.2.0.0/26']);
  await other.settle();
  await other.speaker.shutdown();
  expect([b.stopped, other.kernel.table]).toEqual(['shutdown', []]);
});

test('prefixes that come and go leave nothing behind', async () => {
  const bench = await benchWith([peerConfig(MESH_A), tor(TOR_A)], []);
  const [a] = await up(bench, MESH_A, TOR_A) as [FakePeer];
  for (let round = 0; round < 30; round++) {
    const prefixes = Array.from({ length: 100 }, (_, i) => `10.${round}.${i}.0/24`);
    a.announce(prefixes);
    await bench.settle();
    a.withdraw(...prefixes);
    await bench.settle();
  }
  const { table, adjIn } = bench.speaker.routing.ribs.ipv4.loc;
  expect([table.size, adjIn.paths, bench.kernel.table.length]).toEqual([0, 0, 0]);
  expect(table.limit).toBeLessThanOrEqual(200);
});
