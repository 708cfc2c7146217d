/** Sessions over a fake network: who wants them, whose packet one is, what time does, what is remembered. */
import { expect, test } from '@jest/globals';
import type { BfdSession } from '../../../config/messages/bfd-control.ts';
import type { Datagram, PacketPort } from '../../../bfdd/ports.ts';
import { Sessions, type Remembered } from '../../../bfdd/sessions.ts';
import { readControlPacket, writeControlPacket, type ControlPacket } from '../../../bfdd/wire/control-packet.ts';
import { ip } from '../../../lib/ip/text.ts';
import { silentLog } from '../../../lib/log.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { Seeded } from '../../support/seeded.ts';

const PEER = '192.0.2.2';
const WANTED: BfdSession = { peer: PEER, multihop: false, transmitMs: 300, receiveMs: 300, multiplier: 3 };

class Bench {
  readonly clock: FakeClock;
  readonly sent: { readonly peer: string; readonly atMs: number; readonly packet: ControlPacket }[] = [];
  readonly sessions: Sessions;
  /** What `drain` finds. */
  waiting: Datagram[] = [];
  trouble = '';
  opened = 0;
  closed = 0;
  changes = 0;

  constructor(clock = new FakeClock(), remembered?: Remembered) {
    this.clock = clock;
    const random = new Seeded(1);
    const packets: PacketPort = {
      open: ({ peer }) => {
        this.opened++;
        return {
          send: (bytes) => {
            if (this.trouble === '') this.sent.push({ peer, atMs: clock.now(), packet: readControlPacket(bytes) as ControlPacket });
            return this.trouble;
          },
          [Symbol.dispose]: () => { this.closed++; },
        };
      },
      drain: () => { for (const datagram of this.waiting.splice(0)) this.sessions.receive(datagram); },
      interfaceName: (index) => `eth${index}`,
    };
    this.sessions = new Sessions({ clock, log: silentLog, random: () => random.below(2 ** 20) / 2 ** 20, packets, changed: () => { this.changes++; } });
    for (const [client, wanted] of Object.entries(remembered?.clients ?? {})) this.sessions.apply(client, wanted, remembered?.up);
  }

  get only() { return this.sessions.status.sessions[0]!; }
  take(): ControlPacket[] { return this.sent.splice(0).map((s) => s.packet); }

  /** The peer says something; it knows our discriminator unless it is 0. */
  hear(some: Partial<ControlPacket> = {}, over: Partial<Datagram> = {}): void { this.sessions.receive(this.datagram(some, over)); }
  datagram(some: Partial<ControlPacket> = {}, over: Partial<Datagram> = {}): Datagram {
    const bytes = writeControlPacket({
      diagnostic: 0, state: 'Up', poll: false, final: false, controlPlaneIndependent: false, demand: false, multiplier: 3, myDiscriminator: 9,
      yourDiscriminator: this.only.discriminator, desiredTxUs: 300_000, requiredRxUs: 300_000, requiredEchoRxUs: 0, ...some,
    });
    return { bytes, from: ip(PEER), to: ip('192.0.2.1'), ttl: 255, interfaceIndex: 0, multihop: false, ...over };
  }

  up(): void {
    this.hear({ state: 'Down', yourDiscriminator: 0 });
    this.hear();
    this.hear({ final: true }); // confirms the poll with which Up begins
    expect(this.only.state).toBe('Up');
  }
}

function bench(wanted: Partial<BfdSession> = {}): Bench {
  const made = new Bench();
  made.sessions.apply('test', [{ ...WANTED, ...wanted }]);
  return made;
}

test('a session sends once a second at most, then at its own pace with jitter', () => {
  const b = bench();
  b.clock.advance(10_000);
  expect(b.sent.length).toBeGreaterThanOrEqual(11);
  expect(b.sent.length).toBeLessThanOrEqual(14);
  b.up();
  b.sent.length = 0;
  for (let i = 0; i < 100; i++) { b.clock.advance(100); b.hear(); }
  const gaps = b.sent.slice(1).map((s, i) => s.atMs - b.sent[i]!.atMs);
  expect(Math.min(...gaps)).toBeGreaterThanOrEqual(225);
  expect(Math.max(...gaps)).toBeLessThanOrEqual(300);
  expect(new Set(gaps.map(Math.round)).size).toBeGreaterThan(10);
});

test('silence for the detection time is a failure; one packet less is not', () => {
  const b = bench();
  b.up();
  b.clock.advance(899);
  b.hear();
  b.clock.advance(899);
  expect(b.only).toMatchObject({ state: 'Up', failures: 0 });
  b.clock.advance(2);
  expect(b.only).toMatchObject({ state: 'Down', failures: 1, losses: 1, diagnostic: 'control detection time expired' });
});

test('what waits to be read counts: a process that stood still declares nobody down', () => {
  const b = bench();
  b.up();
  b.waiting = [b.datagram()];
  b.clock.advance(901);
  expect(b.only.state).toBe('Up');
});

test('AdminDown of the peer ends it without a failure', () => {
  const b = bench();
  b.up();
  b.hear({ state: 'AdminDown' });
  expect(b.only).toMatchObject({ state: 'Down', losses: 1, failures: 0, remoteState: 'AdminDown' });
});

test('a Poll is answered at once', () => {
  const b = bench();
  b.up();
  b.take();
  b.hear({ poll: true });
  expect(b.take()).toEqual([expect.objectContaining({ final: true, poll: false })]);
});

test('a peer that demands hears no periodic packets', () => {
  const b = bench();
  b.up();
  b.hear({ demand: true });
  b.take();
  b.clock.advance(800);
  expect(b.take()).toEqual([]);
  b.hear();
  b.clock.advance(301);
  expect(b.take().length).toBeGreaterThan(0);
});

test('whose packet it is: by our discriminator and its address, else by its address, interface and ours', () => {
  const b = bench({ local: '192.0.2.1', interface: 'eth1' });
  const first = { state: 'Down', yourDiscriminator: 0 } as const;
  const on1 = { interfaceIndex: 1 };
  for (const [some, over, why] of [
    [first, { interfaceIndex: 2 }, 'no session'],
    [first, { ...on1, to: ip('192.0.2.77') }, 'no session'],
    [first, { ...on1, from: ip('192.0.2.99') }, 'no session'],
    [first, { ...on1, multihop: true }, 'no session'],
    [first, { ...on1, ttl: 254 }, 'ttl'],
    [{ yourDiscriminator: b.only.discriminator ^ 1 }, on1, 'no session'],
    [{}, { ...on1, from: ip('192.0.2.99') }, 'wrong address'],
    [{}, { ...on1, multihop: true }, 'wrong address'],
    [{ multiplier: 0 }, on1, 'multiplier'],
  ] as const) {
    const before = b.sessions.status.discarded[why] ?? 0;
    b.hear(some, over);
    expect([why, b.sessions.status.discarded[why]]).toEqual([why, before + 1]);
  }
  expect(b.only).toMatchObject({ packetsIn: 0, state: 'Down' });
  b.hear(first, on1);
  expect(b.only).toMatchObject({ packetsIn: 1, state: 'Init' });
});

test('over several hops the TTL may be less, down to a minimum', () => {
  const b = bench({ multihop: true, minimumTtl: 250 });
  b.hear({ state: 'Down' }, { multihop: true, ttl: 249 });
  expect(b.only.state).toBe('Down');
  b.hear({ state: 'Down' }, { multihop: true, ttl: 250 });
  expect(b.only.state).toBe('Init');
});

test('a session that is no longer wanted says AdminDown, more than once, and is gone at once', () => {
  const b = bench();
  b.up();
  b.take();
  b.sessions.apply('test', []);
  expect(b.sessions.status.sessions).toEqual([]);
  b.clock.advance(5_000);
  expect(b.take().map((p) => [p.state, p.diagnostic])).toEqual([['AdminDown', 7], ['AdminDown', 7], ['AdminDown', 7]]);
  expect(b.clock.timers).toBe(0);
});

test('the end of the process says AdminDown to all and forgets nothing', async () => {
  const b = bench();
  b.up();
  b.take();
  const ended = b.sessions.end();
  b.clock.advance(1_000);
  await ended;
  expect(b.take().map((p) => p.state)).toEqual(['AdminDown', 'AdminDown', 'AdminDown']);
  expect(b.sessions.remembered).toEqual({ clients: { test: [WANTED] }, up: {} });
  expect(b.closed).toBe(b.opened);
});

test('other timings do not make another session', () => {
  const b = bench();
  b.up();
  const { discriminator } = b.only;
  b.sessions.apply('test', [{ ...WANTED, transmitMs: 50, receiveMs: 50 }]);
  b.hear({ final: true, requiredRxUs: 50_000, desiredTxUs: 50_000 });
  expect(b.only).toMatchObject({ discriminator, state: 'Up', intervalMs: 50, detectionMs: 150 });
});

test('two askers share a session, at the pace of the quicker one; it ends with the last', () => {
  const b = bench();
  b.sessions.apply('other', [{ ...WANTED, transmitMs: 100 }, { ...WANTED, peer: '192.0.2.3' }]);
  expect(b.sessions.status.sessions.map((s) => [s.peer, s.transmitMs])).toEqual([[PEER, 100], ['192.0.2.3', 300]]);
  b.sessions.apply('test', []);
  expect(b.sessions.status.sessions).toHaveLength(2);
  b.sessions.apply('other', []);
  expect(b.sessions.status.sessions).toHaveLength(0);
});

test('after a crash, sessions that were Up go on as Up with their discriminators, and have one detection time to prove it', () => {
  const before = bench();
  before.up();
  const remembered = JSON.parse(JSON.stringify(before.sessions.remembered)) as Remembered;
  const b = new Bench(before.clock, remembered);
  expect(b.take()).toEqual([expect.objectContaining({ state: 'Up', myDiscriminator: before.only.discriminator, yourDiscriminator: 9, poll: false })]);
  b.hear();
  b.clock.advance(600);
  expect(b.only.state).toBe('Up');
  b.clock.advance(600);
  expect(b.only).toMatchObject({ state: 'Down', failures: 1 });
});

test('a session that cannot send says why, and tries again with another socket', () => {
  const b = bench();
  b.trouble = 'ENETUNREACH';
  b.clock.advance(1_000);
  expect(b.only).toMatchObject({ trouble: 'ENETUNREACH' });
  b.trouble = '';
  b.clock.advance(1_000);
  expect(b.only.trouble).toBeUndefined();
  expect(b.closed).toBeGreaterThan(0);
});

test('whatever comes from the network, sessions live on', () => {
  const b = bench();
  b.up();
  const random = new Seeded(5881);
  for (let i = 0; i < 5_000; i++) {
    const valid = b.datagram({ state: random.pick(['AdminDown', 'Down', 'Init', 'Up']), poll: random.below(2) === 1, requiredRxUs: random.pick([0, 1, 0xffffffff]), desiredTxUs: random.below(2 ** 31) });
    const bytes = valid.bytes.slice();
    if (random.below(2) === 1) bytes[random.below(bytes.length)] = random.below(256);
    b.sessions.receive({ ...valid, bytes: random.below(9) === 0 ? bytes.subarray(0, random.below(25)) : bytes });
    if (random.below(50) === 0) b.clock.advance(random.below(2_000));
  }
  expect(b.clock.timers).toBeLessThanOrEqual(2);
  b.hear({ state: 'AdminDown' });
  b.hear({ state: 'Down', yourDiscriminator: 0 });
  b.hear({ state: 'Init', final: true });
  expect(b.only.state).toBe('Up');
});
