/** Graceful restart seen from outside, both roles: what the kernel and the peers notice (RFC 4724 §4). */
import { expect, test } from '@jest/globals';
import { statusOf } from '../../../bgpd/status.ts';
import { FakeKernel } from '../../support/fake-kernel.ts';
import { path } from '../../support/rib-builders.ts';
import { capabilities, type negotiated } from '../../support/session-builders.ts';
import { SpeakerBench, type FakePeer } from '../../support/speaker-bench.ts';
import { peerConfig, speakerConfig } from '../../support/speaker-config.ts';

const [A, B, DEAD] = ['192.0.2.1', '192.0.2.2', '192.0.2.3'];
const CONFIG = speakerConfig({ peers: [peerConfig(A), peerConfig(B)], originate: ['10.1.0.0/26'] });

/** A speaker that starts where an earlier one left these routes. */
async function restarted(config = CONFIG): Promise<SpeakerBench> {
  const kernel = new FakeKernel();
  kernel.leave('10.1.0.0/26');
  kernel.leave('10.2.0.0/26', A);
  kernel.leave('10.3.0.0/26', B);
  const bench = new SpeakerBench(kernel);
  await bench.apply(config);
  return bench;
}

test('after a restart nothing is deleted or rewritten while the peers come back one by one', async () => {
  const bench = await restarted();
  const before = bench.kernel.table;
  const [a, b] = [bench.peer(A), bench.peer(B)];
  a.up();
  a.announce(['10.2.0.0/26']);
  a.endOfRib();
  await bench.settle();
  expect([bench.kernel.table, statusOf(bench.speaker, []).restarting]).toEqual([before, true]);
  b.up();
  b.announce(['10.3.0.0/26']);
  b.endOfRib();
  await bench.settle();
  expect([bench.kernel.table, bench.kernel.takeLog(), statusOf(bench.speaker, []).restarting]).toEqual([before, [], false]);
});

test('a final stop amid the restart takes the routes of the earlier life along', async () => {
  const bench = await restarted();
  await bench.speaker.shutdown();
  expect(bench.kernel.table).toEqual([]);
});

test('what the peers do not announce any more goes when the last End-of-RIB is there', async () => {
  const bench = await restarted();
  const [a, b] = [bench.peer(A), bench.peer(B)];
  for (const peer of [a, b]) peer.up();
  a.announce(['10.2.0.0/26'], {}, B);
  a.endOfRib();
  await bench.settle();
  expect(bench.kernel.takeLog()).toEqual([]);
  b.endOfRib();
  await bench.settle();
  expect(bench.kernel.takeLog()).toEqual(['put 10.2.0.0/26 via 192.0.2.2', 'remove 10.3.0.0/26']);
});

test('the deferral timer ends the wait for a peer that never comes', async () => {
  const bench = await restarted(speakerConfig({ peers: [peerConfig(A), peerConfig(DEAD)], originate: ['10.1.0.0/26'] }));
  const a = bench.peer(A);
  a.up();
  a.announce(['10.2.0.0/26']);
  a.endOfRib();
  await bench.advance(59_000);
  expect(bench.kernel.takeLog()).toEqual([]);
  await bench.advance(2_000);
  expect([bench.kernel.takeLog(), statusOf(bench.speaker, []).restarting]).toEqual([['remove 10.3.0.0/26'], false]);
});

test('meanwhile own blocks and prefixes that had no kernel route are not held up, but End-of-RIB is', async () => {
  const bench = await restarted();
  const a = bench.peer(A);
  a.up();
  await bench.settle();
  expect(a.lines()).toEqual(['+10.1.0.0/26 via 192.0.2.254']);
  a.announce(['10.2.0.0/26', '10.7.0.0/26']);
  await bench.apply({ originate: { routes: [...CONFIG.originate.routes, { prefix: '10.1.0.64/26', blackhole: true }] } });
  expect(bench.kernel.takeLog().sort()).toEqual(['put 10.1.0.64/26 blackhole', 'put 10.7.0.0/26 via 192.0.2.1']);
  expect(a.lines()).toEqual(['+10.1.0.64/26 via 192.0.2.254']);
  a.endOfRib();
  const b = bench.peer(B);
  b.up({ restarted: true });
  await bench.settle();
  expect([a.lines(), b.lines()]).toEqual([['end ipv4'], ['+10.1.0.0/26 via 192.0.2.254', '+10.1.0.64/26 via 192.0.2.254', 'end ipv4']]);
});

test('before anybody has said who the peers are, the kernel routes wait', async () => {
  const kernel = new FakeKernel();
  kernel.leave('10.2.0.0/26', A);
  const bench = new SpeakerBench(kernel);
  await bench.apply({ global: CONFIG.global });
  await bench.advance(600_000);
  expect(bench.kernel.takeLog()).toEqual([]);
  await bench.apply({ peers: { peers: [] } });
  expect(bench.kernel.takeLog()).toEqual(['remove 10.2.0.0/26']);
});

test('R and F bits: only after a restart that found routes, and F also for what was never lost since', async () => {
  const bench = await restarted();
  const { restartState } = bench.peer(A).options;
  expect(restartState()).toEqual({ restarted: true, forwardingPreserved: ['ipv4'] });
  bench.peer(B).up();
  await bench.settle();
  expect(restartState()).toEqual({ restarted: true, forwardingPreserved: ['ipv4'] });
  for (const peer of [bench.peer(A), bench.peer(B)]) { peer.up(); peer.endOfRib(); }
  await bench.settle();
  expect(restartState()).toEqual({ restarted: false, forwardingPreserved: ['ipv4', 'ipv6'] });
  const fresh = new SpeakerBench();
  await fresh.apply(CONFIG);
  const first = fresh.peer(A);
  expect(first.options.restartState()).toEqual({ restarted: false, forwardingPreserved: [] });
  first.up();
  first.down();
  expect(first.options.restartState()).toEqual({ restarted: false, forwardingPreserved: ['ipv4', 'ipv6'] });
});

async function helper(agreed: Parameters<typeof negotiated>[0] = {}): Promise<{ readonly bench: SpeakerBench; readonly a: FakePeer; readonly tor: FakePeer }> {
  const bench = new SpeakerBench();
  await bench.apply(speakerConfig({ peers: [peerConfig(A), peerConfig('192.0.2.65', { asn: 65001 })] }));
  const [a, tor] = [bench.peer(A), bench.peer('192.0.2.65')];
  a.up({ negotiated: agreed });
  tor.up();
  a.announce(['10.2.0.0/26', '10.3.0.0/26']);
  await bench.settle();
  tor.lines();
  bench.kernel.takeLog();
  return { bench, a, tor };
}

test('as helper: routes of a peer that restarts stay, and only what it does not bring back goes at its End-of-RIB', async () => {
  const { bench, a, tor } = await helper();
  a.down();
  await bench.advance(10_000);
  expect([bench.kernel.takeLog(), tor.lines(), statusOf(bench.speaker, []).peers[0]!.stale]).toEqual([[], [], 2]);
  a.up({ restarted: true });
  a.announce(['10.2.0.0/26']);
  await bench.settle();
  expect([bench.kernel.takeLog(), statusOf(bench.speaker, []).peers[0]!.stale]).toEqual([[], 1]);
  a.endOfRib();
  await bench.settle();
  expect([bench.kernel.takeLog(), tor.lines()]).toEqual([['remove 10.3.0.0/26'], ['-10.3.0.0/26']]);
  expect(statusOf(bench.speaker, []).peers[0]).toMatchObject({ received: 1, stale: 0, endOfRib: ['ipv4'] });
});

test('as helper: routes go when the peer does not come back within its restart time', async () => {
  const { bench, a } = await helper();
  a.down();
  await bench.advance(119_000);
  expect(bench.kernel.takeLog()).toEqual([]);
  await bench.advance(2_000);
  expect(bench.kernel.takeLog()).toEqual(['remove 10.2.0.0/26', 'remove 10.3.0.0/26']);
});

test.each(['hold-timer', 'notified', 'error', 'administrative'] as const)('as helper: an end by %s is no restart', async (kind) => {
  const { bench, a, tor } = await helper();
  a.down(kind);
  await bench.settle();
  expect([bench.kernel.table, tor.lines().sort()]).toEqual([[], ['-10.2.0.0/26', '-10.3.0.0/26']]);
});

test('as helper: a peer that lost its forwarding state loses its stale routes when it is back', async () => {
  const { bench, a } = await helper();
  a.down();
  await bench.settle();
  a.up({ preserved: false });
  await bench.settle();
  expect(bench.kernel.table).toEqual([]);
});

test('a peer that is no longer configured leaves no stale routes and no timer', async () => {
  const { bench, a } = await helper();
  a.down();
  await bench.settle();
  const timers = bench.clock.timers;
  await bench.apply({ peers: { peers: [peerConfig('192.0.2.65', { asn: 65001 })] } });
  expect([bench.kernel.table, bench.clock.timers]).toEqual([[], timers - 2]);
});

test('as helper: where both said N, an end by hold timer or NOTIFICATION is a restart, and a Hard Reset is not', async () => {
  for (const kind of ['hold-timer', 'notified', 'error'] as const) {
    const { bench, a } = await helper({ notificationRestart: true });
    a.down(kind, { code: 6, subcode: 4, data: new Uint8Array(0) });
    await bench.advance(100_000);
    expect([bench.kernel.takeLog(), statusOf(bench.speaker, []).peers[0]!.stale]).toEqual([[], 2]);
  }
  const { bench, a } = await helper({ notificationRestart: true });
  a.down('notified', { code: 6, subcode: 9, data: Uint8Array.of(6, 4) });
  await bench.settle();
  expect(bench.kernel.table).toEqual([]);
});

const LONG = [{ family: 'ipv4', forwardingPreserved: true, staleSeconds: 3600 }] as const;

test('as helper: a peer that stays away longer keeps its routes as a last resort, for its long-lived stale time (RFC 9494)', async () => {
  const { bench, a } = await helper({ longLived: LONG });
  a.down();
  await bench.advance(121_000);
  expect([bench.kernel.takeLog(), statusOf(bench.speaker, []).peers[0]!.stale]).toEqual([[], 2]);
  const b = bench.peer('192.0.2.65');
  b.announce(['10.2.0.0/26'], { asPath: path(65001, 65002, 65003, 65004) });
  await bench.settle();
  expect(bench.kernel.takeLog()).toEqual(['put 10.2.0.0/26 via 192.0.2.65']);
  await bench.advance(3_590_000);
  expect(bench.kernel.takeLog()).toEqual([]);
  await bench.advance(20_000);
  expect(bench.kernel.takeLog()).toEqual(['remove 10.3.0.0/26']);
});

test('as helper: what is long-lived stale goes only to peers that understand it, and becomes an ordinary route when it comes again', async () => {
  const { bench, a, tor } = await helper({ longLived: LONG });
  a.down();
  await bench.advance(121_000);
  expect(tor.lines().sort()).toEqual(['-10.2.0.0/26', '-10.3.0.0/26']);
  tor.down('notified');
  tor.up({ negotiated: { longLived: LONG, capabilities: { local: capabilities(), remote: capabilities({ longLived: LONG }) } } });
  await bench.settle();
  expect(tor.lines().sort()).toEqual(['+10.2.0.0/26 via 192.0.2.1', '+10.3.0.0/26 via 192.0.2.1', 'end ipv4']);
  a.up({ restarted: true, negotiated: { longLived: LONG } });
  a.announce(['10.2.0.0/26']);
  a.endOfRib();
  await bench.settle();
  expect([bench.kernel.table, statusOf(bench.speaker, []).peers[0]!.stale]).toEqual([['10.2.0.0/26 via 192.0.2.1'], 0]);
});

test('as helper: routes that say so do not become long-lived (NO_LLGR)', async () => {
  const { bench, a } = await helper({ longLived: LONG });
  a.announce(['10.2.0.0/26'], { communities: [0xffff0007] });
  a.down();
  await bench.advance(121_000);
  expect(bench.kernel.table).toEqual(['10.3.0.0/26 via 192.0.2.1']);
});
