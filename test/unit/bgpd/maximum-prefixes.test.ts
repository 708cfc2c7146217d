/** Limits on prefixes: warned of once, sessions ended with RFC 4486's data, held down as long as is said. */
import { expect, test } from '@jest/globals';
import { clear } from '../../../bgpd/clear.ts';
import { maximumPrefixesReached } from '../../../bgpd/session/cease.ts';
import type { PeerConfig } from '../../../config/messages/speaker-config.ts';
import { silentLog, type Log } from '../../../lib/log.ts';
import { SpeakerBench } from '../../support/speaker-bench.ts';
import { peerConfig, speakerConfig } from '../../support/speaker-config.ts';

const TOR = '192.0.2.65';
const prefixes = (from: number, to: number): string[] => Array.from({ length: to - from }, (_, i) => `20.${(from + i) >> 8}.${(from + i) & 255}.0/24`);

async function withLimit(maximumPrefixes: PeerConfig['maximumPrefixes'], importFilters: readonly string[] = []) {
  const bench = new SpeakerBench();
  const config = (limit: PeerConfig['maximumPrefixes']) => speakerConfig({
    peers: [peerConfig(TOR, { asn: 65001, importFilters, ...limit !== undefined && { maximumPrefixes: limit } })],
    filters: [{ name: 'none', rules: [], otherwise: 'reject' }],
  });
  await bench.apply(config(maximumPrefixes));
  const peer = bench.peer(TOR);
  peer.up();
  return { bench, peer, config, problems: () => bench.speaker.problems.map((p) => p.message) };
}

test('from the warning share on it is a problem in the status; below it is none any more', async () => {
  const { peer, problems } = await withLimit({ limit: 100, action: 'close', warningPercent: 50 });
  peer.announce(prefixes(0, 49));
  expect(problems()).toEqual([]);
  peer.announce(prefixes(49, 50));
  expect(problems()).toEqual(['50 ipv4 prefixes received: 50 % of the limit of 100']);
  peer.withdraw(...prefixes(0, 10));
  expect([problems(), peer.held]).toEqual([[], undefined]);
});

test('one more than the limit ends the session, also when an import filter refuses all of them', async () => {
  const { bench, peer, problems } = await withLimit({ limit: 100, action: 'close', restartSeconds: 30 }, ['none']);
  peer.announce(prefixes(0, 100));
  expect(peer.held).toBeUndefined();
  peer.announce(prefixes(100, 101));
  expect(peer.held).toEqual({ notification: maximumPrefixesReached('ipv4', 100), restartSeconds: 30 });
  expect(problems()).toEqual(['the session was closed because of 101 ipv4 prefixes: expected at most 100; it stays down for 30 s']);
  await bench.settle();
  expect(bench.speaker.routing.ribs.ipv4.loc.adjIn.paths).toBe(0);
});

test('without a restart time it stays down until somebody clears it', async () => {
  const { bench, peer, problems } = await withLimit({ limit: 10, action: 'close' });
  peer.announce(prefixes(0, 11));
  expect(peer.held?.restartSeconds).toBeUndefined();
  expect(problems()).toEqual([expect.stringContaining('it stays down until it is cleared by hand')]);
  clear(bench.speaker, TOR, 'hard', 0);
  expect([problems(), peer.started]).toEqual([[], 2]);
});

test('with the action `warn` nothing but the problem happens', async () => {
  const { peer, problems } = await withLimit({ limit: 10, action: 'warn' });
  peer.announce(prefixes(0, 500));
  expect([peer.held, problems()]).toEqual([undefined, ['500 ipv4 prefixes received: expected at most 10']]);
});

test('a limit that is set below what a peer has sent counts at once', async () => {
  const { bench, peer, config } = await withLimit(undefined);
  peer.announce(prefixes(0, 50));
  await bench.apply(config({ limit: 20, action: 'close' }));
  expect(peer.held?.notification.subcode).toBe(1);
});

test('who is kept out is let in when the limit is raised or gone, and not before', async () => {
  const { bench, peer, config, problems } = await withLimit({ limit: 10, action: 'close' });
  peer.announce(prefixes(0, 11));
  await bench.apply(config({ limit: 10, action: 'close' }));
  expect([peer.started, problems()]).toEqual([1, [expect.stringContaining('was closed')]]);
  await bench.apply(config({ limit: 20, action: 'close' }));
  expect([peer.started, problems()]).toEqual([2, []]);
});

test('a warning is logged once, and again when the count has been below in between', async () => {
  const warned: unknown[] = [];
  const log: Log = { ...silentLog, warn: (event, fields) => { if (event === 'peer.prefixes') warned.push(fields?.['prefixes']); }, child: () => log };
  const bench = new SpeakerBench(undefined, log);
  await bench.apply(speakerConfig({ peers: [peerConfig(TOR, { asn: 65001, maximumPrefixes: { limit: 10, action: 'warn', warningPercent: 50 } })] }));
  const peer = bench.peer(TOR);
  peer.up();
  peer.announce(prefixes(0, 5));
  peer.announce(prefixes(5, 7));
  expect(warned).toEqual([5]);
  peer.withdraw(...prefixes(0, 3));
  peer.announce(prefixes(0, 2));
  expect(warned).toEqual([5, 6]);
});
