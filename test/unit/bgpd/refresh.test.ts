/** Route refresh seen from outside, both ways, with marks and without (RFC 2918, RFC 7313). */
import { expect, test } from '@jest/globals';
import { clear } from '../../../bgpd/clear.ts';
import { SpeakerBench, type FakePeer } from '../../support/speaker-bench.ts';
import { peerConfig, speakerConfig } from '../../support/speaker-config.ts';

const A = '192.0.2.1';

async function bench(enhanced: boolean): Promise<{ readonly bench: SpeakerBench; readonly a: FakePeer }> {
  const it = new SpeakerBench();
  await it.apply(speakerConfig({ peers: [peerConfig(A)], originate: ['10.1.0.0/26', '10.1.0.64/26'] }));
  const a = it.peer(A);
  a.up({ negotiated: { enhancedRouteRefresh: enhanced } });
  a.endOfRib();
  a.announce(['10.2.0.0/26', '10.3.0.0/26']);
  await it.settle();
  a.lines();
  it.kernel.takeLog();
  return { bench: it, a };
}

const OWN = ['+10.1.0.0/26 via 192.0.2.254', '+10.1.0.64/26 via 192.0.2.254'];

test('a family that is asked for again goes out between marks', async () => {
  const { bench: it, a } = await bench(true);
  a.refresh('ipv4');
  await it.settle();
  expect(a.allLines()).toEqual(['begin ipv4', ...OWN, 'end refresh ipv4']);
});

test('a peer that does not know marks gets none', async () => {
  const { bench: it, a } = await bench(false);
  a.refresh('ipv4');
  await it.settle();
  expect(a.allLines()).toEqual(OWN);
});

test('asked again amid a resend, there is one beginning and one end', async () => {
  const { bench: it, a } = await bench(true);
  a.hasRoom = false;
  a.refresh('ipv4');
  await it.settle();
  a.refresh('ipv4');
  a.drain();
  await it.settle();
  const lines = a.allLines();
  expect([lines[0], lines.at(-1), lines.filter((line) => !line.startsWith('+'))]).toEqual(['begin ipv4', 'end refresh ipv4', ['begin ipv4', 'end refresh ipv4']]);
});

test('asked a thousand times at once, a family goes out at once and once more a second later', async () => {
  for (const enhanced of [true, false]) {
    const { bench: it, a } = await bench(enhanced);
    for (let i = 0; i < 1_000; i++) a.refresh('ipv4');
    await it.settle();
    const once = enhanced ? ['begin ipv4', ...OWN, 'end refresh ipv4'] : OWN;
    expect(a.allLines()).toEqual(once);
    await it.advance(1_000);
    expect(a.allLines()).toEqual(once);
    await it.advance(60_000);
    expect(a.allLines()).toEqual([]);
  }
});

test('a beginning amid a refresh, or within a second of the one before, is not heeded, and costs no route', async () => {
  const { bench: it, a } = await bench(true);
  a.refresh('ipv4', 'begin');
  a.announce(['10.2.0.0/26']);
  a.refresh('ipv4', 'begin');
  a.announce(['10.3.0.0/26']);
  a.refresh('ipv4', 'end');
  a.refresh('ipv4', 'begin');
  a.refresh('ipv4', 'end');
  await it.settle();
  expect(it.kernel.takeLog()).toEqual([]);
  await it.advance(1_000);
  a.refresh('ipv4', 'begin');
  a.announce(['10.2.0.0/26']);
  a.refresh('ipv4', 'end');
  await it.settle();
  expect(it.kernel.takeLog()).toEqual(['remove 10.3.0.0/26']);
});

test('before our End-of-RIB a request is answered without marks', async () => {
  const it = new SpeakerBench();
  await it.apply(speakerConfig({ peers: [peerConfig(A)], originate: ['10.1.0.0/26', '10.1.0.64/26'] }));
  const a = it.peer(A);
  a.up({ negotiated: { enhancedRouteRefresh: true } });
  a.refresh('ipv4');
  await it.settle();
  expect(a.allLines()).toEqual([...OWN, 'end ipv4']);
});

test('what the peer does not send again between its marks goes at the end, and not before', async () => {
  const { bench: it, a } = await bench(true);
  a.refresh('ipv4', 'begin');
  a.announce(['10.2.0.0/26']);
  await it.settle();
  expect(it.kernel.takeLog()).toEqual([]);
  a.refresh('ipv4', 'end');
  await it.settle();
  expect(it.kernel.takeLog()).toEqual(['remove 10.3.0.0/26']);
});

test('a peer that never marks the end has ten minutes', async () => {
  const { bench: it, a } = await bench(true);
  a.refresh('ipv4', 'begin');
  a.announce(['10.2.0.0/26']);
  await it.advance(599_000);
  expect(it.kernel.takeLog()).toEqual([]);
  await it.advance(2_000);
  expect(it.kernel.takeLog()).toEqual(['remove 10.3.0.0/26']);
});

test('a session that ends amid a refresh is a restart like any other', async () => {
  const { bench: it, a } = await bench(true);
  a.refresh('ipv4', 'begin');
  a.down();
  await it.advance(100_000);
  expect(it.kernel.takeLog()).toEqual([]);
  a.up({ restarted: true });
  a.announce(['10.3.0.0/26']);
  a.endOfRib();
  await it.settle();
  expect(it.kernel.takeLog()).toEqual(['remove 10.2.0.0/26']);
});

test('an operator who clears softly asks the peer again, or sends it everything again between marks', async () => {
  const { bench: it, a } = await bench(true);
  clear(it.speaker, A, 'soft-in', 0);
  expect(a.asked).toEqual(['ipv4']);
  clear(it.speaker, A, 'soft-out', 0);
  await it.settle();
  expect([a.allLines(), a.stopped]).toEqual([['begin ipv4', ...OWN, 'end refresh ipv4'], undefined]);
});

test('a new session may be refreshed at once, whatever was asked for in the one before', async () => {
  const { bench: it, a } = await bench(true);
  a.refresh('ipv4');
  a.refresh('ipv4', 'begin');
  a.refresh('ipv4', 'end');
  a.down();
  a.up({ negotiated: { enhancedRouteRefresh: true } });
  a.announce(['10.2.0.0/26', '10.3.0.0/26']);
  a.endOfRib();
  await it.settle();
  a.allLines();
  it.kernel.takeLog();
  a.refresh('ipv4');
  a.refresh('ipv4', 'begin');
  a.announce(['10.2.0.0/26']);
  a.refresh('ipv4', 'end');
  await it.settle();
  expect([a.allLines(), it.kernel.takeLog()]).toEqual([['begin ipv4', ...OWN, 'end refresh ipv4'], ['remove 10.3.0.0/26']]);
});
