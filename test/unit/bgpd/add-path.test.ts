/** ADD-PATH seen from outside (RFC 7911): what comes in with path identifiers is used, kept over a restart, and passed on. */
import { expect, test } from '@jest/globals';
import { statusOf } from '../../../bgpd/status.ts';
import type { Prefix4 } from '../../../lib/ip/prefix.ts';
import { ip, prefix } from '../../../lib/ip/text.ts';
import { attributes, path } from '../../support/rib-builders.ts';
import { SpeakerBench, type FakePeer } from '../../support/speaker-bench.ts';
import { peerConfig, speakerConfig } from '../../support/speaker-config.ts';

const [A, B] = ['192.0.2.1', '192.0.2.2'] as const;
const P = prefix('10.2.0.0/26') as Prefix4;
const BOTH = { ipv4: true, ipv6: true };
const WIRE = { addPathIn: BOTH, addPathOut: BOTH };
const ATTRIBUTES = attributes({ asPath: path(64513) });

/** An external and an internal peer that speak ADD-PATH. */
async function bench(): Promise<{ readonly it: SpeakerBench; readonly a: FakePeer; readonly b: FakePeer }> {
  const it = new SpeakerBench();
  await it.apply(speakerConfig({ peers: [peerConfig(A, { asn: 64513 }), peerConfig(B)] }));
  const [a, b] = [it.peer(A), it.peer(B)];
  a.up({ negotiated: { wire: { ...WIRE, external: true } } });
  b.up({ negotiated: { wire: WIRE } });
  await it.settle();
  b.lines();
  return { it, a, b };
}

const announce = (from: FakePeer, id: number, via: string): void => {
  from.update({ announced4: [P], announcedIds4: [id], attributes: ATTRIBUTES, nextHop4: { address: ip(via) } });
};

test('several ways of one peer forward together, each is passed on under an identifier of ours, and each goes by itself', async () => {
  const { it, a, b } = await bench();
  announce(a, 70, '192.0.2.71');
  announce(a, 80, '192.0.2.72');
  await it.settle();
  expect(it.kernel.table).toEqual(['10.2.0.0/26 via 192.0.2.71 192.0.2.72']);
  expect(b.lines().sort()).toEqual(['+10.2.0.0/26#1 via 192.0.2.71', '+10.2.0.0/26#2 via 192.0.2.72']);
  announce(a, 70, '192.0.2.73');
  await it.settle();
  expect([it.kernel.table, b.lines()]).toEqual([['10.2.0.0/26 via 192.0.2.72 192.0.2.73'], ['+10.2.0.0/26#1 via 192.0.2.73']]);
  a.update({ withdrawn4: [P], withdrawnIds4: [80] });
  await it.settle();
  expect([it.kernel.table, b.lines()]).toEqual([['10.2.0.0/26 via 192.0.2.73'], ['-10.2.0.0/26#2']]);
  b.refresh('ipv4');
  await it.settle();
  expect(b.lines()).toEqual(['+10.2.0.0/26#1 via 192.0.2.73']);
  expect(statusOf(it.speaker, []).peers.map((p) => [p.received, p.advertised])).toEqual([[1, 0], [0, 1]]);
});

test('a message that must be treated as a withdrawal withdraws the path that it names, and no other', async () => {
  const { it, a } = await bench();
  announce(a, 1, '192.0.2.71');
  announce(a, 2, '192.0.2.72');
  a.update({ announced4: [P], announcedIds4: [1], attributes: ATTRIBUTES, nextHop4: { address: ip('192.0.2.73') }, outcome: 'withdraw' });
  await it.settle();
  expect(it.kernel.table).toEqual(['10.2.0.0/26 via 192.0.2.72']);
});

test('a peer that restarts may choose other identifiers: nothing is lost, and the old paths go with End-of-RIB', async () => {
  const { it, a, b } = await bench();
  announce(a, 1, '192.0.2.71');
  announce(a, 2, '192.0.2.72');
  a.endOfRib();
  await it.settle();
  a.down();
  await it.settle();
  a.up({ negotiated: { wire: { ...WIRE, external: true } } });
  announce(a, 11, '192.0.2.71');
  await it.settle();
  expect(it.kernel.table).toEqual(['10.2.0.0/26 via 192.0.2.71 192.0.2.72']);
  a.endOfRib();
  await it.settle();
  expect(it.kernel.table).toEqual(['10.2.0.0/26 via 192.0.2.71']);
  b.lines();
  expect([...b.view.routes.keys()]).toEqual(['10.2.0.0/26#3']);
});

test('who sends paths without end for one prefix is heard up to a limit, which is a problem that people see', async () => {
  const { it, a } = await bench();
  for (let id = 1; id <= 300; id++) announce(a, id, '192.0.2.71');
  await it.settle();
  expect(statusOf(it.speaker, []).problems).toEqual([
    { path: 'peers/Static_192_0_2_1.addPath', message: '44 ipv4 announcements ignored: expected at most 256 paths for one prefix' },
  ]);
});
