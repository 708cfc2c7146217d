/** Neighbours that nobody named: who gets in, under which settings, and when they are forgotten. */
import { expect, test } from '@jest/globals';
import type { DynamicPeers, PeerTemplate, PeersSection } from '../../../config/messages/speaker-config.ts';
import { statusOf } from '../../../bgpd/status.ts';
import { ip, showPrefix } from '../../../lib/ip/text.ts';
import { FakeConnection } from '../../support/fake-transport.ts';
import { SpeakerBench } from '../../support/speaker-bench.ts';
import { peerConfig, speakerConfig } from '../../support/speaker-config.ts';

const { name: _n, address: _a, ...base } = peerConfig('192.0.2.1', { asn: 'external' });
const range = (name: string, prefix: string, some: Partial<PeerTemplate> = {}, maximumPeers = 2): DynamicPeers =>
  ({ name, prefix, maximumPeers, template: { ...base, ...some } });
const section = (...dynamic: readonly DynamicPeers[]): { peers: PeersSection } => ({ peers: { peers: [], dynamic } });

async function bench(...dynamic: readonly DynamicPeers[]) {
  const made = new SpeakerBench();
  await made.apply({ ...speakerConfig(), ...section(...dynamic) });
  const dial = (address: string): FakeConnection => {
    const connection = new FakeConnection(ip('10.0.0.254'), ip(address));
    made.accept(connection);
    return connection;
  };
  const names = (): string[] => statusOf(made.speaker, []).peers.map((p) => p.name);
  return { made, dial, names };
}

test('whoever dials from the range gets a session that waits, until there are as many as may be', async () => {
  const { made, dial, names } = await bench(range('racks', '10.0.0.0/24'));
  expect([dial('10.0.0.1'), dial('10.0.0.2'), dial('10.0.0.3'), dial('10.0.1.1')].map((c) => c.endedBy)).toEqual([undefined, undefined, 'destroy', 'destroy']);
  expect(names()).toEqual(['racks_10.0.0.1', 'racks_10.0.0.2']);
  expect(made.peer('10.0.0.1').config).toMatchObject({ passive: true, asn: 'external', address: '10.0.0.1' });
  expect(made.made.map((p) => p.accepted.length)).toEqual([1, 1]);
});

test('a neighbour that leaves is forgotten: at once without graceful restart, with it when its routes are gone', async () => {
  const { made, dial, names } = await bench(range('racks', '10.0.0.0/24'));
  for (const address of ['10.0.0.1', '10.0.0.2']) { dial(address); made.peer(address).up({ restart: address === '10.0.0.2' }); }
  made.peer('10.0.0.1').announce(['10.7.0.0/24']);
  made.peer('10.0.0.2').announce(['10.8.0.0/24']);
  await made.settle();
  made.peer('10.0.0.1').down();
  made.peer('10.0.0.2').down();
  await made.settle();
  expect([names(), made.kernel.table]).toEqual([['racks_10.0.0.2'], ['10.8.0.0/24 via 10.0.0.2']]);
  await made.advance(121_000);
  expect([names(), made.kernel.table]).toEqual([[], []]);
  dial('10.0.0.2');
  expect(names()).toEqual(['racks_10.0.0.2']);
});

test('a peer that is named takes its address from the range', async () => {
  const { made, dial, names } = await bench(range('racks', '10.0.0.0/24'));
  dial('10.0.0.1');
  made.peer('10.0.0.1').up();
  await made.apply({ peers: { peers: [peerConfig('10.0.0.1')], dynamic: [range('racks', '10.0.0.0/24')] } });
  expect([names(), made.made[0]!.stopped]).toEqual([['Static_10_0_0_1'], 'deconfigured']);
  dial('10.0.0.1');
  expect(made.peer('10.0.0.1').accepted).toHaveLength(1);
});

test('changes of a range reach its sessions: settings live, an AS number by a new session, another range or none by an end', async () => {
  const { made, dial, names } = await bench(range('racks', '10.0.0.0/24'));
  for (const address of ['10.0.0.1', '10.0.0.2']) { dial(address); made.peer(address).up(); }
  await made.apply(section(range('racks', '10.0.0.0/24', { password: 'new', importFilters: ['none'] })));
  expect(made.made.map((p) => p.stopped)).toEqual([undefined, undefined]);
  expect(made.demands.map((d) => [showPrefix(d.prefix), d.key])).toEqual([['10.0.0.1/32', 'new'], ['10.0.0.2/32', 'new'], ['10.0.0.0/24', 'new']]);
  await made.apply(section(range('racks', '10.0.0.0/24'), range('few', '10.0.0.2/31')));
  expect([names(), made.made.map((p) => p.stopped)]).toEqual([['racks_10.0.0.1'], [undefined, 'deconfigured']]);
  await made.apply(section(range('racks', '10.0.0.0/24', { asn: 65001 })));
  expect([names(), made.made[0]!.stopped]).toEqual([[], 'configuration-changed']);
});

test('neighbours that never had a session use nothing up; the numbers of those that had one are not given away', async () => {
  const { made, dial } = await bench(range('racks', '10.0.0.0/24', {}, 100));
  const indexes = (): number[] => [...made.speaker.neighbours].map((n) => n.source.index);
  for (let i = 1; i <= 20; i++) dial(`10.0.0.${i}`);
  const [first = 0] = indexes();
  made.peer('10.0.0.1').up();
  made.speaker.neighbours.tidy();
  expect(indexes()).toEqual([first]);
  for (let i = 1; i <= 19; i++) dial(`10.0.0.${100 + i}`);
  expect(Math.max(...indexes())).toBe(first + 19);
  made.peer('10.0.0.1').up();
  made.peer('10.0.0.1').down();
  made.speaker.neighbours.tidy();
  for (let i = 1; i <= 20; i++) dial(`10.0.0.${200 + i}`);
  expect([indexes().includes(first), new Set(indexes()).size]).toEqual([false, 20]);
});

test('the kernel knows what to demand of a neighbour before its peer is made', async () => {
  const made = new SpeakerBench();
  await made.apply(speakerConfig({ peers: [peerConfig('192.0.2.1', { password: 'hush' })] }));
  expect(made.peer('192.0.2.1').demandsBefore.map((d) => [d.name, d.key])).toEqual([['Static_192_0_2_1', 'hush']]);
});
