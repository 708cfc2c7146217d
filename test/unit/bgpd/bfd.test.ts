/** BFD beside BGP (RFC 5882): which sessions peers ask for, and what a lost one does to their sessions and routes. */
import { describe, expect, test } from '@jest/globals';
import type { PeerBfd, PeerConfig } from '../../../config/messages/speaker-config.ts';
import { statusOf } from '../../../bgpd/status.ts';
import { bfdSessionFor } from '../../../bgpd/links/bfd-session.ts';
import { UNREACHABLE } from '../../../bgpd/ports.ts';
import { ip } from '../../../lib/ip/text.ts';
import { FakeBfd } from '../../support/fake-bfd.ts';
import { FakeKernel } from '../../support/fake-kernel.ts';
import { silentLog } from '../../../lib/log.ts';
import { SpeakerBench, type FakePeer } from '../../support/speaker-bench.ts';
import { peerConfig, speakerConfig } from '../../support/speaker-config.ts';

const [NEAR, FAR] = ['192.0.2.1', '198.51.100.1'];
const BFD: PeerBfd = { hops: 'auto', transmitMs: 300, receiveMs: 300, multiplier: 3 };
const DIRECT = { reachable: true, gateway: undefined, interfaceIndex: 2, metric: 0 };
const ROUTED = { ...DIRECT, gateway: ip('192.0.2.254') };

interface Bench { readonly bench: SpeakerBench; readonly bfd: FakeBfd }

async function start(peers: readonly PeerConfig[] = [peerConfig(NEAR, { bfd: BFD })]): Promise<Bench> {
  const bfd = new FakeBfd();
  const bench = new SpeakerBench(new FakeKernel(), silentLog, bfd);
  await bench.apply(speakerConfig({ peers }));
  return { bench, bfd };
}

async function established({ bench }: Bench, some: Parameters<FakePeer['up']>[0] = {}): Promise<FakePeer> {
  const peer = bench.peer(NEAR);
  peer.up(some);
  peer.announce(['10.2.0.0/26']);
  peer.endOfRib();
  await bench.settle();
  expect(installed(bench)).toBe(true);
  return peer;
}

const installed = (bench: SpeakerBench): boolean => bench.kernel.table.some((line) => line.startsWith('10.2.0.0/26'));
const problems = ({ bench }: Bench): string[] => statusOf(bench.speaker, []).problems.map((p) => p.message);

describe('which session', () => {
  const peer = (bfd: Partial<PeerBfd> = {}, more: Partial<PeerConfig> = {}) => peerConfig(NEAR, { bfd: { ...BFD, ...bfd }, ...more });
  test('by how the kernel reaches the peer, and by what is wanted', () => {
    expect(bfdSessionFor(peer(), DIRECT, undefined)).toEqual({ peer: NEAR, multihop: false, transmitMs: 300, receiveMs: 300, multiplier: 3 });
    expect(bfdSessionFor(peer(), ROUTED, undefined)).toMatchObject({ multihop: true });
    expect(bfdSessionFor(peer({ hops: 'multihop' }), DIRECT, undefined)).toMatchObject({ multihop: true });
    expect(bfdSessionFor(peer({ hops: 'direct-only' }), ROUTED, undefined)).toBe('it is not directly connected');
    expect(bfdSessionFor(peer({ hops: 'direct-only' }), DIRECT, undefined)).toMatchObject({ multihop: false });
    expect(bfdSessionFor(peer(), UNREACHABLE, undefined)).toBe('there is no route to it yet');
    expect(bfdSessionFor(peer({}, { sourceAddress: '192.0.2.9' }), DIRECT, undefined)).toMatchObject({ local: '192.0.2.9' });
    expect(bfdSessionFor(peer({}, { shutdown: { message: '' } }), DIRECT, undefined)).toBe('the session is held down');
    expect(bfdSessionFor(peer({}, { address: 'fe80::1', interface: 'eth0' }), UNREACHABLE, undefined)).toMatchObject({ peer: 'fe80::1', interface: 'eth0', multihop: false });
  });
  test('while it is Up, or the peer cannot be reached, hops are not decided anew: the route of a dead link goes first', () => {
    const session = { peer: NEAR, multihop: false, transmitMs: 300, receiveMs: 300, multiplier: 3 };
    expect(bfdSessionFor(peer(), ROUTED, { session, isUp: true })).toMatchObject({ multihop: false });
    expect(bfdSessionFor(peer(), ROUTED, { session, isUp: false })).toMatchObject({ multihop: true });
    expect(bfdSessionFor(peer(), UNREACHABLE, { session, isUp: false })).toMatchObject({ multihop: false });
    expect(bfdSessionFor(peer({ hops: 'direct-only' }), ROUTED, { session, isUp: true })).toMatchObject({ multihop: false });
  });
});

test('nothing is wanted before bfdd answers, then what the peers ask for; changes are followed', async () => {
  const b = await start([peerConfig(NEAR, { bfd: BFD }), peerConfig(FAR)]);
  expect(b.bfd.wanted).toBeUndefined();
  b.bfd.connect();
  expect(b.bfd.wanted).toMatchObject([{ peer: NEAR, multihop: false, multiplier: 3 }]);
  await b.bench.apply({ peers: { peers: [peerConfig(NEAR, { bfd: { ...BFD, multiplier: 5 } }), peerConfig(FAR, { bfd: { ...BFD, hops: 'multihop' } })] } });
  expect(b.bfd.wanted).toMatchObject([{ peer: NEAR, multiplier: 5 }, { peer: FAR, multihop: true }]);
  await b.bench.apply({ peers: { peers: [peerConfig(NEAR)] } });
  expect(b.bfd.wanted).toEqual([]);
  expect(statusOf(b.bench.speaker, []).peers[0]!.bfd).toBeUndefined();
});

test('a failure while Established ends the session with Cease, subcode 10, and the routes go', async () => {
  const b = await start();
  b.bfd.connect();
  b.bfd.up(NEAR);
  const peer = await established(b);
  b.bfd.fail(NEAR);
  await b.bench.settle();
  expect(peer.failed).toMatchObject({ code: 6, subcode: 10 });
  expect(installed(b.bench)).toBe(false);
  expect(statusOf(b.bench.speaker, []).peers[0]!.bfd).toMatchObject({ state: 'Down', info: 'nothing was heard from the peer', ended: 1 });
});

test.each<[string, Parameters<FakeBfd['change']>[1]]>([
  ['AdminDown of the peer', { state: 'Down', remoteState: 'AdminDown', losses: 1 }],
  ['a session that never was Up', {}],
  ['another session than before', { state: 'Down', discriminator: 99, failures: 7, losses: 7 }],
])('%s is no failure', async (_name, change) => {
  const b = await start();
  b.bfd.connect();
  b.bfd.up(NEAR);
  const peer = await established(b);
  b.bfd.change(NEAR, change);
  await b.bench.settle();
  expect([peer.failed, installed(b.bench)]).toEqual([undefined, true]);
});

describe('beside graceful restart', () => {
  test.each([[true, false], [false, true]])('the peer restarts, then BFD fails: with its C bit %s its routes stay: %s', async (remoteControlPlaneIndependent, stays) => {
    const b = await start();
    b.bfd.connect();
    b.bfd.up(NEAR, { remoteControlPlaneIndependent });
    const peer = await established(b);
    peer.down('closed');
    await b.bench.settle();
    expect(installed(b.bench)).toBe(true);
    b.bfd.fail(NEAR);
    await b.bench.settle();
    expect(installed(b.bench)).toBe(stays);
  });
  test.each([[true, false], [false, true]])('BFD fails while Established, N was agreed: with the C bit %s its routes stay: %s', async (remoteControlPlaneIndependent, stays) => {
    const b = await start();
    b.bfd.connect();
    b.bfd.up(NEAR, { remoteControlPlaneIndependent });
    await established(b, { negotiated: { notificationRestart: true } });
    b.bfd.fail(NEAR);
    await b.bench.settle();
    expect(installed(b.bench)).toBe(stays);
  });
});

test('bfdd away: BGP goes on, and a problem says so; what it finds Down afterwards is no failure; then it counts again', async () => {
  const b = await start();
  expect(problems(b).join()).toContain('nobody listens');
  b.bfd.connect();
  b.bfd.up(NEAR);
  const peer = await established(b);
  expect(problems(b)).toEqual([]);
  b.bfd.lose();
  await b.bench.settle();
  expect([peer.failed, installed(b.bench), problems(b).join()]).toEqual([undefined, true, expect.stringContaining('it went')]);
  expect(statusOf(b.bench.speaker, []).peers[0]!.bfd).toMatchObject({ state: 'none', info: 'it went' });
  b.bfd.sessions.clear();
  b.bfd.connect();
  expect(b.bfd.wanted).toMatchObject([{ peer: NEAR }]);
  expect([peer.failed, problems(b)]).toEqual([undefined, []]);
  b.bfd.up(NEAR);
  b.bfd.fail(NEAR);
  await b.bench.settle();
  expect(peer.failed).toMatchObject({ subcode: 10 });
});

test('what an earlier run asked for goes on while its peers may still be found, and no longer', async () => {
  const bfd = new FakeBfd();
  bfd.want([{ peer: 'fe80::9', interface: 'eth7', multihop: false, transmitMs: 300, receiveMs: 300, multiplier: 3 }]);
  const bench = new SpeakerBench(new FakeKernel(), silentLog, bfd);
  bfd.connect();
  await bench.apply(speakerConfig({ peers: [peerConfig(NEAR, { bfd: BFD })] }));
  expect(bfd.wanted).toMatchObject([{ peer: NEAR }, { peer: 'fe80::9' }]);
  await bench.advance(121_000);
  expect(bfd.wanted).toMatchObject([{ peer: NEAR }]);
});

test('the end for good ends all sessions', async () => {
  const b = await start();
  b.bfd.connect();
  await b.bench.speaker.shutdown();
  expect(b.bfd.wanted).toEqual([]);
});
