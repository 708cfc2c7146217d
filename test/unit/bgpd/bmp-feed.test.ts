/** What a BMP station is told, when it reads, when it is slow, when it is dead. The station is a connection in memory. */
import { expect, test } from '@jest/globals';
import { BmpFeed, MAXIMUM_PENDING } from '../../../bgpd/bmp-feed.ts';
import { BmpStation, type StationFeed } from '../../../bgpd/bmp-station.ts';
import type { Connection, DialOptions } from '../../../bgpd/ports.ts';
import type { BmpStation as StationConfig } from '../../../config/messages/speaker-config.ts';
import { silentLog } from '../../../lib/log.ts';
import { ip, prefix } from '../../../lib/ip/text.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import type { FakeConnection} from '../../support/fake-transport.ts';
import { FakeTransport } from '../../support/fake-transport.ts';
import { SpeakerBench } from '../../support/speaker-bench.ts';
import { peerConfig, speakerConfig } from '../../support/speaker-config.ts';

const CONFIG: StationConfig = { name: 's', address: '192.0.2.200', port: 1790, monitor: ['pre-policy', 'post-policy', 'loc-rib'], statisticsSeconds: 0 };
const TYPES = ['routes', 'statistics', 'down', 'up', 'initiation', 'termination'];

/** Type of each message, of route monitoring with peer type and the L flag: `routes loc-rib`, `routes post`. */
function typesIn(messages: readonly Uint8Array[]): string[] {
  return messages.map((m) => {
    const type = TYPES[m[5]!]!;
    return type !== 'routes' ? type : `routes ${m[6] === 3 ? 'loc-rib' : (m[7]! & 0x40) === 0 ? 'pre' : 'post'}`;
  });
}

async function fed() {
  const bench = new SpeakerBench();
  await bench.apply(speakerConfig({ originate: ['10.1.0.0/26'], peers: [peerConfig('192.0.2.1', { asn: 65001 })] }));
  const { speaker } = bench;
  const feed = new BmpFeed({ clock: bench.clock, ribs: speaker.routing.ribs, neighbours: speaker.neighbours, global: () => speaker.config.global!, software: 'x' }, CONFIG);
  const peer = bench.peer('192.0.2.1');
  peer.opens = (() => ({ sent: new Uint8Array(29), received: new Uint8Array(29) })) as never;
  const [neighbour] = speaker.neighbours;
  const said = (): string[] => {
    const all: string[] = [];
    for (let next = feed.next(); next !== undefined; next = feed.next()) all.push(...typesIn(next));
    return all;
  };
  return { bench, feed, peer, neighbour: neighbour!, said };
}

test('a station that comes later is told of the peers that are up, then of all routes, then that these were all', async () => {
  const { bench, feed, peer, said } = await fed();
  peer.up();
  peer.announce(['10.2.0.0/16', '10.3.0.0/16']);
  await bench.settle();
  feed.begin();
  expect(said()).toEqual(['initiation', 'up', 'up', 'routes pre', 'routes post', 'routes pre', 'routes post', 'routes loc-rib', 'routes loc-rib', 'routes loc-rib', 'routes loc-rib']);
});

test('what an import filter refuses is shown before policy and withdrawn after it, also when the filter changes', async () => {
  const { bench, feed, peer, neighbour } = await fed();
  feed.begin();
  peer.up();
  peer.announce(['10.2.0.0/16']);
  await bench.settle();
  feed.up(neighbour);
  const flags = (): string[] => {
    const all: string[] = [];
    for (let next = feed.next(); next !== undefined; next = feed.next()) {
      for (const m of next) if (m[5] === 0 && m[6] === 0) all.push(`${typesIn([m])[0]!} ${m[48 + 19] === 0 && m[48 + 20] === 0 ? 'announces' : 'withdraws'}`);
    }
    return all;
  };
  flags();
  feed.changed(neighbour, prefix('10.2.0.0/16'), 0);
  expect(flags()).toEqual(['routes pre announces', 'routes post announces']);
  await bench.apply({
    filters: { filters: [{ name: 'none', rules: [], otherwise: 'reject' }] },
    peers: { peers: [peerConfig('192.0.2.1', { asn: 65001, importFilters: ['none'] })] },
  });
  feed.judged(neighbour);
  expect(flags()).toEqual(['routes pre announces', 'routes post withdraws']);
});

test('a change is told as what holds when it is told; what a peer that went down has said is not told any more', async () => {
  const { bench, feed, peer, neighbour, said } = await fed();
  feed.begin();
  said();
  peer.up();
  await bench.settle();
  feed.up(neighbour);
  for (let i = 0; i < 1000; i++) feed.changed(neighbour, prefix('10.2.0.0/16'), 0);
  expect(said()).toEqual(['up', 'routes pre', 'routes post']);
  feed.changed(neighbour, prefix('10.2.0.0/16'), 0);
  feed.down(neighbour, { type: 'remote-closed' });
  expect(said()).toEqual(['down']);
});

test('what waits for a station is bounded: past the bound it is lost, and begins anew', async () => {
  const { bench, feed, peer, neighbour } = await fed();
  feed.begin();
  peer.up();
  await bench.settle();
  feed.up(neighbour);
  for (let i = 0; i < MAXIMUM_PENDING - 1; i++) feed.changed(neighbour, (i + 1) * 64 + 32 as never, 0);
  expect(feed.isLost).toBe(false);
  for (let i = 0; i < 10; i++) feed.changed(neighbour, (i + MAXIMUM_PENDING) * 64 + 32 as never, 0);
  expect(feed.isLost).toBe(true);
  feed.begin();
  expect(feed.isLost).toBe(false);
});

interface Told extends StationFeed { begun: number; ended: number; queue: Uint8Array[] }

function stationed(some: Partial<StationConfig> = {}) {
  const clock = new FakeClock();
  const transport = new FakeTransport();
  const turns: (() => void)[] = [];
  const feed: Told = {
    begun: 0, ended: 0, queue: [],
    begin() { this.begun++; }, end() { this.ended++; this.queue.length = 0; },
    next() { const m = this.queue.shift(); return m === undefined ? undefined : [m]; },
    statistics: () => [Uint8Array.of(7)],
  };
  const ports = { clock, log: silentLog, random: () => 1, soon: (work: () => void) => { turns.push(work); }, transport: transport as { dial: (o: DialOptions, s: AbortSignal) => Promise<Connection> } };
  const station = new BmpStation(ports, { ...CONFIG, ...some }, feed);
  const run = (): void => { while (turns.length > 0) turns.shift()!(); };
  return { clock, transport, feed, station, run, connected: (): Promise<FakeConnection> => transport.answer(ip('192.0.2.254')) };
}

test('a station that is away is dialled again, later each time, and is a problem meanwhile', async () => {
  const { clock, transport, station } = stationed();
  for (const wait of [1_000, 2_000, 4_000]) {
    await transport.refuse();
    expect(station.problems).toEqual([{ path: 'global.bmp.stations/s', message: '192.0.2.200 port 1790: Connection refused' }]);
    clock.advance(wait - 1);
    expect(transport.pending).toBe(0);
    clock.advance(1);
    expect(transport.pending).toBe(1);
  }
});

test('a slow station is sent no more until it reads; one that reads nothing for a minute is given up and dialled again', async () => {
  const { clock, transport, feed, station, run, connected } = stationed();
  const connection = await connected();
  expect([feed.begun, station.problems]).toEqual([1, []]);
  connection.hasRoom = false;
  feed.queue.push(Uint8Array.of(1), Uint8Array.of(2));
  station.wake();
  run();
  expect([...connection.take()]).toEqual([1]);
  station.wake();
  run();
  expect(connection.take()).toHaveLength(0);
  connection.hasRoom = true;
  connection.drain();
  run();
  expect([...connection.take()]).toEqual([2]);
  connection.hasRoom = false;
  feed.queue.push(Uint8Array.of(3));
  station.wake();
  run();
  clock.advance(60_000);
  expect([connection.endedBy, feed.ended, station.problems[0]?.message]).toEqual(['destroy', 1, '192.0.2.200 port 1790: nothing was taken for 60 s']);
  clock.advance(2_000);
  expect(transport.pending).toBe(1);
});

test('statistics come as often as is said; at the end there is a Termination', async () => {
  const { clock, station, connected } = stationed({ statisticsSeconds: 10 });
  const connection = await connected();
  clock.advance(30_000);
  expect([...connection.take()]).toEqual([7, 7, 7]);
  station.close();
  expect(typesIn([connection.take()])).toEqual(['termination']);
  clock.advance(100_000);
  expect(connection.endedBy).toBe('end');
});

test('before policy a route is shown as it came, after it as filters left it', async () => {
  const { bench, feed, peer, neighbour } = await fed();
  await bench.apply({
    filters: { filters: [{ name: 'marks', rules: [{ set: { addCommunities: ['65000:7'] }, action: 'accept' }], otherwise: 'reject' }] },
    peers: { peers: [peerConfig('192.0.2.1', { asn: 65001, importFilters: ['marks'] })] },
  });
  feed.begin();
  peer.up();
  peer.announce(['10.2.0.0/16']);
  await bench.settle();
  feed.up(neighbour);
  feed.next();
  feed.changed(neighbour, prefix('10.2.0.0/16'), 0);
  const marked = (feed.next() ?? []).filter((m) => m[6] === 0).map((m) => [typesIn([m])[0], Buffer.from(m).includes(Buffer.from('fde80007', 'hex'))]);
  expect(marked).toEqual([['routes pre', false], ['routes post', true]]);
});
