/** One peer over connections in memory and a clock that the test moves. */
import { beforeEach, describe, expect, test } from '@jest/globals';
import { Peer, type PeerCallbacks, type PeerOptions } from '../../../bgpd/peer.ts';
import { PeerRecord } from '../../../bgpd/peer-record.ts';
import type { RestartState } from '../../../bgpd/session/local-open.ts';
import { decodeMessage, encodeMessage } from '../../../bgpd/wire/codec.ts';
import { Framer } from '../../../bgpd/wire/framer.ts';
import { AttributeInterner } from '../../../bgpd/wire/interner.ts';
import type { Message, OpenMessage } from '../../../bgpd/wire/message.ts';
import type { GlobalSection, PeerConfig } from '../../../config/messages/speaker-config.ts';
import { silentLog } from '../../../lib/log.ts';
import { ip } from '../../../lib/ip/text.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { FakeConnection, FakeTransport } from '../../support/fake-transport.ts';
import { capabilities, restartCapability, wireContext } from '../../support/session-builders.ts';

const OURS = ip('10.0.0.1');
const THEIRS = ip('10.0.0.2');
const WIRE = wireContext({ external: true });

const global: GlobalSection = {
  asn: 65001, routerId: '10.0.0.1', listen: { port: 179, addresses: [] },
  gracefulRestart: { restartTimeSeconds: 120, staleRoutesCapSeconds: 120, selectionDeferralSeconds: 60 },
  kernel: { table: 254, metric: 1024, install: true, maximumPaths: 8 },
};
const config: PeerConfig = {
  name: 'two', origin: 'static', address: '10.0.0.2', port: 1179, asn: 65002, passive: false, families: ['ipv4', 'ipv6'],
  holdTimeSeconds: 90, connectRetrySeconds: 30, gracefulRestart: true, nextHop: 'auto', allowLocalAs: 0, importFilters: [], exportFilters: [],
};
const theirOpen: OpenMessage = {
  type: 'open', version: 4, asn: 65002, holdTimeSeconds: 30, routerId: 0x0a000002,
  capabilities: capabilities(),
};
const bytes = (...messages: Message[]): Uint8Array => Buffer.concat(messages.map((m) => encodeMessage(m, WIRE)));
const KEEPALIVE: Message = { type: 'keepalive' };
const END_OF_RIB = Buffer.from('ffffffffffffffffffffffffffffffff00170200000000', 'hex');
/** Attributes that claim more bytes than there are. */
const MALFORMED_UPDATE = Buffer.from('ffffffffffffffffffffffffffffffff0017020000ffff', 'hex');

const UPDATE_WITH_ORIGIN = Buffer.from('ffffffffffffffffffffffffffffffff001b020000000440010100', 'hex');

let clock: FakeClock;
let transport: FakeTransport;
let seen: string[];
let restart: RestartState;

beforeEach(() => {
  clock = new FakeClock();
  transport = new FakeTransport();
  seen = [];
  restart = { restarted: false, forwardingPreserved: [] };
});

function newPeer(change: Partial<PeerConfig> = {}, callbacks: Partial<PeerCallbacks> = {}, random = 1, interner = new AttributeInterner(), record?: PeerRecord): Peer {
  const options: PeerOptions = { config: { ...config, ...change }, global, restartState: () => restart, ...(record && { record }) };
  return new Peer({ clock, transport, log: silentLog, random: () => random, interner }, options, {
    up: (negotiated) => { seen.push(`up ${negotiated.holdTimeSeconds}`); },
    update: (message) => { seen.push(`update ${message.endOfRib ?? ''}`); },
    routeRefresh: (family, subtype) => { seen.push(`refresh ${family}${subtype === 'request' ? '' : ` ${subtype}`}`); },
    down: (reason) => { seen.push(`down ${reason.kind}`); },
    drained: () => { seen.push('drained'); },
    changed: () => undefined,
    ...callbacks,
  });
}

/** What a connection was sent since it was last asked, message by message. */
function sentOn(connection: FakeConnection): Message[] {
  const interner = new AttributeInterner();
  return [...new Framer().frames(connection.take())].map((f) => decodeMessage(f.type, f.body.slice(), WIRE, interner));
}
const types = (connection: FakeConnection): string[] =>
  sentOn(connection).map((m) => (m.type === 'notification' ? `notification ${m.code}/${m.subcode}` : m.type));

async function established(peer: Peer, open = theirOpen): Promise<FakeConnection> {
  peer.start();
  const connection = await transport.answer(OURS);
  connection.receive(bytes(open, KEEPALIVE));
  expect(peer.status().state).toBe('Established');
  connection.take();
  return connection;
}

describe('coming up', () => {
  test('the first dial is at once, to the configured address and port, from the source address', () => {
    newPeer({ sourceAddress: '10.0.0.1' }).start();
    expect(transport.attempts[0]!.options).toMatchObject({ address: THEIRS, port: 1179, sourceAddress: OURS });
  });

  test('OPEN goes out, OPEN and KEEPALIVE come in, and the session is up', async () => {
    const peer = newPeer();
    peer.start();
    expect(peer.status().state).toBe('Connect');
    const connection = await transport.answer(OURS);
    expect(types(connection)).toEqual(['open']);
    connection.receive(bytes(theirOpen));
    expect(types(connection)).toEqual(['keepalive']);
    connection.receive(bytes(KEEPALIVE));
    expect(seen).toEqual(['up 30']);
    expect(peer.status()).toMatchObject({
      state: 'Established', families: ['ipv4', 'ipv6'], holdTimeSeconds: 30, keepaliveSeconds: 10, info: '', gracefulRestart: false,
      counters: { messagesIn: 2, messagesOut: 2, established: 1 },
    });
    expect(peer.negotiated?.peerRouterId).toBe(0x0a000002);
  });

  test('messages may be cut anywhere', async () => {
    const peer = newPeer();
    peer.start();
    const connection = await transport.answer(OURS);
    for (const byte of bytes(theirOpen, KEEPALIVE)) connection.receive(Uint8Array.of(byte));
    expect(peer.status().state).toBe('Established');
  });

  test('endpoints of the connection come with it', async () => {
    const ends: unknown[] = [];
    await established(newPeer({}, { up: (_negotiated, endpoints) => { ends.push(endpoints); } }));
    expect(ends).toEqual([{ local: OURS, remote: THEIRS }]);
  });

  test('a passive peer dials nobody and waits', () => {
    const peer = newPeer({ passive: true });
    peer.start();
    clock.advance(3_600_000);
    expect(transport.attempts).toHaveLength(0);
    const connection = new FakeConnection(OURS, THEIRS);
    peer.accept(connection);
    expect(types(connection)).toEqual(['open']);
    connection.receive(bytes(theirOpen, KEEPALIVE));
    expect(seen).toEqual(['up 30']);
  });

  test('a refused dial is tried again after a quarter of a second, spread by a quarter', async () => {
    const peer = newPeer({}, {}, 0);
    peer.start();
    await transport.refuse();
    expect(peer.status()).toMatchObject({ state: 'Active', info: 'Connection refused', lastError: 'Connection refused' });
    clock.advance(187);
    expect(transport.attempts).toHaveLength(0);
    clock.advance(1);
    expect(transport.attempts).toHaveLength(1);
  });

  test('a dial that hangs is given up and made again', () => {
    newPeer().start();
    clock.advance(4_000);
    expect(transport.attempts.map((a) => a.signal.aborted)).toEqual([true, false]);
  });

  test('a connection that comes after its dial was given up is destroyed', async () => {
    const peer = newPeer();
    peer.start();
    peer.stop('shutdown');
    expect((await transport.answer(OURS)).endedBy).toBe('destroy');
    expect(peer.status().state).toBe('Idle');
  });

  test('our OPEN carries the restart bits of the moment', async () => {
    restart = { restarted: true, forwardingPreserved: ['ipv4'] };
    newPeer().start();
    const [open] = sentOn(await transport.answer(OURS));
    expect((open as OpenMessage).capabilities.gracefulRestart).toEqual({
      restarted: true, notification: false, restartTimeSeconds: 120,
      families: [{ family: 'ipv4', forwardingPreserved: true }, { family: 'ipv6', forwardingPreserved: false }],
    });
  });
});

describe('staying up', () => {
  test('keepalives go out at a third of the hold time, also while the speaker sends and the peer does not read', async () => {
    const peer = newPeer();
    const connection = await established(peer);
    connection.hasRoom = false;
    expect(peer.send(new Uint8Array(100_000))).toBe(false);
    connection.take();
    for (let i = 0; i < 3; i++) {
      clock.advance(10_000);
      expect(types(connection)).toEqual(['keepalive']);
      connection.receive(bytes(KEEPALIVE));
    }
    expect(seen).toEqual(['up 30']);
  });

  test('jitter makes the interval 75 % of it at the least', async () => {
    const connection = await established(newPeer({}, {}, 0));
    clock.advance(7_499);
    expect(types(connection)).toEqual([]);
    clock.advance(1);
    expect(types(connection)).toEqual(['keepalive']);
  });

  test('updates are delivered and keep the session alive', async () => {
    const connection = await established(newPeer());
    for (let i = 0; i < 5; i++) {
      clock.advance(20_000);
      connection.receive(END_OF_RIB);
    }
    expect(seen).toEqual(['up 30', ...Array<string>(5).fill('update ipv4')]);
  });

  test('a KEEPALIVE that lay in the socket while this process was stalled counts', async () => {
    const connection = await established(newPeer());
    clock.advance(30_000);
    connection.receive(bytes(KEEPALIVE));
    clock.advance(29_999);
    expect(seen).toEqual(['up 30']);
  });

  test('a peer without 4-octet AS numbers is read with two octets', async () => {
    const paths: unknown[] = [];
    const peer = newPeer({}, { update: (m) => { paths.push(m.attributes?.asPath); } });
    const connection = await established(peer, { ...theirOpen, capabilities: { ...theirOpen.capabilities, fourOctetAs: false } });
    connection.receive(Buffer.from(
      'ffffffffffffffffffffffffffffffff' + '002f02' + '0000' + '0014' + '400101' + '00' + '400206' + '0202fdeafdeb' + '400304' + '0a000002' + '18c00002', 'hex'));
    expect(paths).toEqual([[{ type: 'sequence', asns: [65002, 65003] }]]);
  });

  test('a route refresh reaches the speaker', async () => {
    (await established(newPeer())).receive(bytes({ type: 'route-refresh', family: 'ipv6', subtype: 'request' }));
    expect(seen).toEqual(['up 30', 'refresh ipv6']);
  });

  test('send passes on what TCP says, and drained follows', async () => {
    const peer = newPeer();
    const connection = await established(peer);
    expect(peer.send(END_OF_RIB)).toBe(true);
    connection.hasRoom = false;
    expect(peer.send(END_OF_RIB, 1)).toBe(false);
    connection.drain();
    expect(seen).toEqual(['up 30', 'drained']);
    expect(peer.status().counters.updatesOut).toBe(2);
  });

  test('before Established, drained is no business of the speaker', async () => {
    newPeer().start();
    (await transport.answer(OURS)).drain();
    expect(seen).toEqual([]);
  });

  test('without a session, send drops and says so by true', () => {
    const peer = newPeer();
    peer.start();
    expect(peer.send(END_OF_RIB)).toBe(true);
    expect(peer.status().counters.updatesOut).toBe(0);
  });

  test('what the speaker sends from within `up` goes out', async () => {
    const peer: Peer = newPeer({}, { up: () => { peer.send(END_OF_RIB); } });
    peer.start();
    const connection = await transport.answer(OURS);
    connection.receive(bytes(theirOpen, KEEPALIVE));
    expect(types(connection)).toEqual(['open', 'keepalive', 'update']);
  });
});

describe('going down', () => {
  test('silence for the hold time: NOTIFICATION 4, down, and a new start', async () => {
    const peer = newPeer();
    const connection = await established(peer);
    clock.advance(30_050);
    expect(types(connection).at(-1)).toBe('notification 4/0');
    expect(connection.endedBy).toBe('end');
    expect(seen).toEqual(['up 30', 'down hold-timer']);
    expect(peer.status()).toMatchObject({ state: 'Idle', info: 'sent: Hold timer expired', lastError: 'sent: Hold timer expired' });
    clock.advance(250);
    expect(peer.status().state).toBe('Connect');
  });

  test('a connection that closes: down without NOTIFICATION, and a new dial', async () => {
    const peer = newPeer();
    const connection = await established(peer);
    connection.lose();
    expect(types(connection)).toEqual([]);
    expect(seen).toEqual(['up 30', 'down closed']);
    expect(peer.status().lastError).toBe('Connection closed by the peer');
    clock.advance(250);
    expect(transport.pending).toBe(1);
  });

  test('a NOTIFICATION: down, no answer, and it is remembered after the next session is up', async () => {
    const peer = newPeer();
    const connection = await established(peer);
    connection.receive(bytes({ type: 'notification', code: 6, subcode: 4, data: new Uint8Array(0) }));
    expect(types(connection)).toEqual([]);
    expect(seen).toEqual(['up 30', 'down notified']);
    clock.advance(250);
    (await transport.answer(OURS)).receive(bytes(theirOpen, KEEPALIVE));
    expect(peer.status()).toMatchObject({ state: 'Established', info: '', lastError: 'received: Cease: administrative reset', counters: { established: 2 } });
  });

  test('the record of an earlier peer goes on', async () => {
    const record = new PeerRecord(clock);
    record.down({ kind: 'notified', text: 'Cease: administrative shutdown ("fibre")' });
    const peer = newPeer({}, {}, 1, undefined, record);
    peer.start();
    await transport.refuse();
    expect(peer.status().info).toBe('Connection refused (last: Cease: administrative shutdown ("fibre"), by the peer)');
    expect(peer.detail().errors.map((e) => e.text)).toEqual(['received: Cease: administrative shutdown ("fibre")', 'Connection refused']);
  });

  test('after a NOTIFICATION, a refused dial says that one too, until a session was up', async () => {
    const peer = newPeer();
    const untilDialed = (): void => { while (transport.pending === 0) clock.advance(250); };
    peer.start();
    (await transport.answer(OURS)).receive(bytes({ type: 'notification', code: 2, subcode: 2, data: new Uint8Array(0) }));
    expect(peer.status().info).toBe('received: OPEN message error: bad peer AS');
    for (let i = 0; i < 2; i++) {
      untilDialed();
      await transport.refuse();
      expect(peer.status()).toMatchObject({ info: 'Connection refused (last: OPEN message error: bad peer AS, by the peer)', lastError: 'Connection refused' });
    }
    untilDialed();
    (await transport.answer(OURS)).receive(bytes(theirOpen, KEEPALIVE));
    expect(peer.status().info).toBe('');
    clock.advance(30_050);
    untilDialed();
    await transport.refuse();
    expect(peer.status().info).toBe('Connection refused (last: Hold timer expired, by us)');
  });

  test.each([['shutdown', 2], ['deconfigured', 3], ['reset', 4], ['configuration-changed', 6]] as const)('stop(%s) says Cease/%i and stays down', async (reason, subcode) => {
    const peer = newPeer();
    const connection = await established(peer);
    peer.stop(reason);
    expect(types(connection)).toEqual([`notification 6/${subcode}`]);
    expect(seen).toEqual(['up 30', 'down administrative']);
    clock.advance(3_600_000);
    expect(transport.attempts).toHaveLength(0);
    expect(clock.timers).toBe(0);
    peer.start();
    expect(transport.attempts).toHaveLength(1);
  });

  test('close ends TCP without a word and calls nothing back', async () => {
    const peer = newPeer();
    const connection = await established(peer);
    peer.close();
    expect(types(connection)).toEqual([]);
    expect(connection.endedBy).toBe('destroy');
    expect(seen).toEqual(['up 30']);
    expect(clock.timers).toBe(0);
    const late = new FakeConnection(OURS, THEIRS);
    peer.accept(late);
    expect(late.endedBy).toBe('destroy');
  });

  test('a closed connection that does not drain is destroyed after five seconds', async () => {
    const connection = await established(newPeer());
    let destroyed = false;
    connection.destroy = () => { destroyed = true; };
    connection.receive(MALFORMED_UPDATE);
    clock.advance(4_999);
    expect(destroyed).toBe(false);
    clock.advance(1);
    expect(destroyed).toBe(true);
  });

  test('fail ends the session with the NOTIFICATION of the speaker, and it starts again', async () => {
    const peer = newPeer();
    const connection = await established(peer);
    peer.fail({ type: 'notification', code: 6, subcode: 1, data: new Uint8Array(0) }, '1001 prefixes');
    expect(types(connection)).toEqual(['notification 6/1']);
    expect(peer.status().lastError).toBe('sent: Cease: maximum number of prefixes reached (1001 prefixes)');
    clock.advance(250);
    expect(transport.pending).toBe(1);
  });

  test('the speaker may stop the peer from within a callback; what follows in the same bytes is void', async () => {
    const peer: Peer = newPeer({}, { update: () => { seen.push('update'); peer.stop('shutdown'); } });
    const connection = await established(peer);
    connection.receive(Buffer.concat([END_OF_RIB, END_OF_RIB]));
    expect(seen).toEqual(['up 30', 'update', 'down administrative']);
    expect(peer.status().counters.messagesIn).toBe(3);
  });
});

describe('changed', () => {
  test('comes with every change of state, and with every new failure, but not with the same one again', async () => {
    let changes: string[] = [];
    const peer: Peer = newPeer({}, { changed: () => { changes.push(`${peer.status().state} ${peer.status().info}`); } });
    peer.start();
    await transport.refuse();
    expect(changes).toEqual(['Connect ', 'Active Connection refused', 'Active Connection refused']);
    clock.advance(250);
    changes = [];
    await transport.refuse();
    expect(changes).toEqual(['Active Connection refused']);       // the state alone
    clock.advance(500);
    changes = [];
    await transport.refuse('No route to host');
    expect(changes).toEqual(['Active No route to host', 'Active No route to host']);
  });
});

describe('hostile bytes', () => {
  test.each<[string, Uint8Array, string]>([
    ['a marker that is none', new Uint8Array(19), 'notification 1/1'],
    ['a length beyond 4096', Buffer.from('ffffffffffffffffffffffffffffffff100104', 'hex'), 'notification 1/2'],
    ['a message type that does not exist', Buffer.from('ffffffffffffffffffffffffffffffff001309', 'hex'), 'notification 1/3'],
    ['an UPDATE whose lengths overrun it', MALFORMED_UPDATE, 'notification 3/1'],
    ['a second OPEN', bytes(theirOpen), 'notification 5/3'],
  ])('%s ends an Established session with the right NOTIFICATION', async (_name, garbage, sent) => {
    const peer = newPeer();
    const connection = await established(peer);
    connection.receive(garbage);
    expect(types(connection)).toEqual([sent]);
    expect(seen).toEqual(['up 30', 'down error']);
    expect(peer.status().lastError).toMatch(/^sent: /);
  });

  test.each<[string, Uint8Array, string]>([
    ['another AS', bytes({ ...theirOpen, asn: 65099 }), 'notification 2/2'],
    ['hold time 2', bytes({ ...theirOpen, holdTimeSeconds: 2 }), 'notification 2/6'],
    ['version 3', bytes({ ...theirOpen, version: 3 }), 'notification 2/1'],
    ['BGP identifier 0', bytes({ ...theirOpen, routerId: 0 }), 'notification 2/3'],
    ['a KEEPALIVE', bytes(KEEPALIVE), 'notification 5/1'],
    ['an UPDATE, malformed or not', MALFORMED_UPDATE, 'notification 5/1'],
  ])('%s instead of an acceptable OPEN is answered', async (_name, first, sent) => {
    const peer = newPeer();
    peer.start();
    const connection = await transport.answer(OURS);
    connection.take();
    connection.receive(first);
    expect(types(connection)).toEqual([sent]);
    expect(peer.status().state).toBe('Idle');
    expect(seen).toEqual([]);
  });

  test('a fault of our own decoder is a Cease, not a crash', async () => {
    class BrokenInterner extends AttributeInterner { override intern(): never { throw new TypeError('bug'); } }
    const peer = newPeer({}, {}, 1, new BrokenInterner());
    const connection = await established(peer);
    connection.receive(UPDATE_WITH_ORIGIN);
    expect(types(connection)).toEqual(['notification 6/0']);
    expect(seen).toEqual(['up 30', 'down error']);
    expect(peer.status().lastError).toBe('sent: Cease (internal error)');
  });

  test('two thousand chunks of random and of damaged bytes: nothing is thrown, every session ends with a NOTIFICATION or goes on', () => {
    let seed = 84;
    const random = (below: number): number => { seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0; return (seed >>> 8) % below; };
    const good = bytes(theirOpen, KEEPALIVE, { type: 'route-refresh', family: 'ipv4', subtype: 'request' }, { type: 'notification', code: 6, subcode: 2, data: new Uint8Array(3) });
    const peer = newPeer({ passive: true });
    peer.start();
    for (let i = 0; i < 2_000; i++) {
      const connection = new FakeConnection(OURS, THEIRS);
      clock.advance(61_000);
      peer.accept(connection);
      const chunk = random(4) === 0 ? new Uint8Array(random(200)).map(() => random(256)) : Uint8Array.from([...good, ...END_OF_RIB, ...UPDATE_WITH_ORIGIN]);
      for (let flips = random(4); flips > 0; flips--) chunk[random(chunk.length || 1)] = random(256);
      connection.receive(chunk.subarray(0, random(chunk.length + 1)));
      const last = types(connection).at(-1);
      expect(last).toMatch(/^(open|keepalive|notification \d\/\d+)$/);
      connection.lose();
    }
  });

  test('garbage on a second connection leaves an Established session alone', async () => {
    const peer = newPeer();
    const connection = await established(peer);
    const second = new FakeConnection(OURS, THEIRS);
    peer.accept(second);
    second.receive(Buffer.from('GET / HTTP/1.1\r\nHost: 10.0.0.1\r\n\r\n'));
    expect(types(second)).toEqual(['open', 'notification 1/1']);
    expect(second.endedBy).toBe('end');
    expect(peer.status().state).toBe('Established');
    connection.receive(END_OF_RIB);
    expect(seen).toEqual(['up 30', 'update ipv4']);
  });
});

describe('two connections', () => {
  test('the one dialed by the greater identifier survives; updates come through it', async () => {
    const peer = newPeer();
    peer.start();
    const incoming = new FakeConnection(OURS, THEIRS);
    peer.accept(incoming);
    const dialed = await transport.answer(OURS);
    dialed.receive(bytes(theirOpen));           // theirs is greater: their dial counts
    expect(types(dialed)).toEqual(['open', 'notification 6/7']);
    incoming.receive(bytes(theirOpen, KEEPALIVE));
    incoming.receive(END_OF_RIB);
    expect(seen).toEqual(['up 30', 'update ipv4']);
    expect(peer.status()).toMatchObject({ state: 'Established', info: '', lastError: null });
    peer.send(END_OF_RIB);
    expect(types(incoming)).toEqual(['open', 'keepalive', 'update']);
  });

  test('a restarted peer that dials again replaces its old session, with graceful restart', async () => {
    const able: OpenMessage = { ...theirOpen, capabilities: { ...theirOpen.capabilities, gracefulRestart: restartCapability({ restarted: true, restartTimeSeconds: 60 }) } };
    const peer = newPeer();
    const old = await established(peer, able);
    clock.advance(10_000);
    old.take();
    const fresh = new FakeConnection(OURS, THEIRS);
    peer.accept(fresh);
    fresh.receive(bytes(able, KEEPALIVE));
    expect(types(old)).toEqual([]);
    expect(old.endedBy).toBe('end');
    expect(seen).toEqual(['up 30', 'down closed', 'up 30']);
    expect(peer.status()).toMatchObject({ state: 'Established', gracefulRestart: true });
  });

  test('a speaker that closes the peer when the old session is lost leaves nothing behind', async () => {
    const able: OpenMessage = { ...theirOpen, capabilities: { ...theirOpen.capabilities, gracefulRestart: restartCapability({ restarted: true, restartTimeSeconds: 60 }) } };
    const peer: Peer = newPeer({}, { down: () => { peer.close(); } });
    await established(peer, able);
    clock.advance(10_000);
    const fresh = new FakeConnection(OURS, THEIRS);
    peer.accept(fresh);
    fresh.receive(bytes(able, KEEPALIVE));
    expect(types(fresh)).toEqual(['open']);
    expect(fresh.endedBy).toBe('destroy');
    clock.advance(5_000);         // the old connection may linger
    expect(clock.timers).toBe(0);
  });

  test('two ends that dial each other at the same moment agree, whichever bytes come first', async () => {
    for (const order of [[0, 1], [1, 0]] as const) {
      seen = [];
      transport = new FakeTransport();
      const here = newPeer();
      const otherTransport = new FakeTransport();
      const there = new Peer({ clock, transport: otherTransport, log: silentLog, random: () => 1, interner: new AttributeInterner() }, {
        config: { ...config, address: '10.0.0.1', asn: 65001 }, global: { ...global, asn: 65002, routerId: '10.0.0.2' }, restartState: () => restart,
      }, { up: () => { seen.push('up there'); }, update: () => undefined, routeRefresh: () => undefined, down: () => { seen.push('down there'); }, drained: () => undefined, changed: () => undefined });
      here.start();
      there.start();
      const wires = [
        { dialer: await transport.answer(OURS), listener: new FakeConnection(THEIRS, OURS) },
        { dialer: await otherTransport.answer(THEIRS), listener: new FakeConnection(OURS, THEIRS) },
      ] as const;
      there.accept(wires[0].listener);
      here.accept(wires[1].listener);
      for (let i = 0; i < 6; i++) {
        for (const index of order) {
          const { dialer, listener } = wires[index];
          listener.receive(dialer.take());
          dialer.receive(listener.take());
        }
      }
      expect(seen.sort()).toEqual(['up 90', 'up there']);
      here.close();
      there.close();
    }
  });
});

// ---- what an operator asks for, and what is shown

const notificationsOn = (connection: FakeConnection): string[] =>
  sentOn(connection).filter((m) => m.type === 'notification').map((m) => `${m.code}/${m.subcode} ${Buffer.from(m.data).toString('hex')}`);
const withN: OpenMessage = { ...theirOpen, capabilities: capabilities({ enhancedRouteRefresh: true, gracefulRestart: restartCapability({ notification: true }) }) };

describe('held down by an operator', () => {
  test('from the start: nothing is dialed, nothing accepted, and the status says why', () => {
    const peer = newPeer({ shutdown: { message: 'maintenance' } });
    peer.start();
    clock.advance(3_600_000);
    const connection = new FakeConnection(OURS, THEIRS);
    peer.accept(connection);
    expect([transport.attempts.length, connection.endedBy, peer.status()]).toMatchObject([0, 'destroy', { state: 'Idle', info: 'held down by an operator ("maintenance")' }]);
  });

  test('while Established: the message goes to the peer (RFC 9003), and lifting it dials again', async () => {
    const peer = newPeer();
    const connection = await established(peer);
    peer.holdDown('back at noon');
    expect([notificationsOn(connection), connection.endedBy]).toEqual([['6/2 0c6261636b206174206e6f6f6e'], 'end']);
    expect([seen, peer.status().info]).toEqual([['up 30', 'down administrative'], 'held down by an operator ("back at noon")']);
    peer.start();
    peer.stop('reset');
    peer.start();
    clock.advance(3_600_000);
    expect([transport.attempts.length, peer.status().info]).toEqual([0, 'held down by an operator ("back at noon")']);
    peer.holdDown(undefined);
    expect(transport.attempts).toHaveLength(1);
  });

  test('the same message again says nothing again', async () => {
    const peer = newPeer();
    peer.holdDown(undefined);
    const connection = await established(peer);
    peer.holdDown('x');
    connection.take();
    peer.holdDown('x');
    expect(seen).toEqual(['up 30', 'down administrative']);
  });
});

describe('a session that is stopped for a while', () => {
  test('starts again after exactly that time, without jitter, and no earlier for a connection of the peer', async () => {
    const peer = newPeer({}, {}, 0);
    const connection = await established(peer);
    peer.hold({ type: 'notification', code: 6, subcode: 1, data: Uint8Array.of(0, 1, 1, 0, 0, 0, 5) }, 'more than 5 prefixes', 60);
    expect(notificationsOn(connection)).toEqual(['6/1 00010100000005']);
    clock.advance(59_999);
    const early = new FakeConnection(OURS, THEIRS);
    peer.accept(early);
    expect([transport.attempts.length, early.endedBy, peer.status().info]).toEqual([0, 'destroy', 'sent: Cease: maximum number of prefixes reached (more than 5 prefixes)']);
    clock.advance(1);
    expect(transport.attempts).toHaveLength(1);
  });

  test('without a time stays down until it is started', async () => {
    const peer = newPeer();
    await established(peer);
    peer.stop('reset');
    clock.advance(86_400_000);
    expect([transport.attempts.length, peer.status().state]).toEqual([0, 'Idle']);
    peer.start();
    expect(transport.attempts).toHaveLength(1);
  });
});

test('where N was agreed, what ends routes goes out as Hard Reset, and comes in as what it holds (RFC 8538)', async () => {
  const peer = newPeer({ notificationRestart: true });
  const connection = await established(peer, withN);
  peer.stop('shutdown', { message: 'hi' });
  expect(notificationsOn(connection)).toEqual(['6/9 0602026869']);
  peer.start();
  const next = await transport.answer(OURS);
  next.receive(bytes(withN, KEEPALIVE, { type: 'notification', code: 6, subcode: 9, data: Uint8Array.of(6, 2, 2, 104, 105) }));
  expect(peer.status().lastError).toBe('received: Cease: hard reset (Cease: administrative shutdown ("hi"))');
  clock.advance(1_000);
  const last = await transport.answer(OURS);
  last.receive(bytes(withN, KEEPALIVE));
  peer.stop('configuration-changed');
  expect(notificationsOn(last)).toEqual(['6/6 ']);
});

describe('route refresh', () => {
  const refreshes = (connection: FakeConnection): string[] =>
    sentOn(connection).filter((m) => m.type === 'route-refresh').map((m) => `${m.subtype} ${m.family}`);

  test('is asked for where the peer understands it, of families of the session', async () => {
    const peer = newPeer();
    expect(peer.requestRefresh('ipv4')).toBe(false);
    const connection = await established(peer, { ...theirOpen, capabilities: capabilities({ families: ['ipv4'] }) });
    expect([peer.requestRefresh('ipv4'), peer.requestRefresh('ipv6'), refreshes(connection)]).toEqual([true, false, ['request ipv4']]);
    const deaf = newPeer();
    const other = await established(deaf, { ...theirOpen, capabilities: capabilities({ routeRefresh: false }) });
    expect([deaf.requestRefresh('ipv4'), refreshes(other)]).toEqual([false, []]);
  });

  test('is marked only where both sides know the marks', async () => {
    const peer = newPeer();
    const connection = await established(peer, withN);
    peer.markRefresh('ipv4', 'begin');
    peer.markRefresh('ipv4', 'end');
    connection.receive(bytes({ type: 'route-refresh', family: 'ipv6', subtype: 'begin' }));
    expect([refreshes(connection), seen.at(-1)]).toEqual([['begin ipv4', 'end ipv4'], 'refresh ipv6 begin']);
    const plain = newPeer();
    const other = await established(plain);
    plain.markRefresh('ipv4', 'begin');
    other.receive(bytes({ type: 'route-refresh', family: 'ipv6', subtype: 'begin' }));
    expect([refreshes(other), seen.at(-1)]).toEqual([[], 'refresh ipv6']);
  });
});

test('messages of 65,535 octets are read where both sides offered them (RFC 8654), and end the session elsewhere', async () => {
  const LONG = Buffer.alloc(5_000, 0xff);
  LONG.writeUInt16BE(5_000, 16);
  LONG[18] = 2;
  LONG.writeUInt16BE(0, 19);
  LONG.writeUInt16BE(0, 21);
  LONG.fill(0, 23);      // 4,977 default routes without attributes: treated as withdrawn
  const able = await established(newPeer(), { ...theirOpen, capabilities: capabilities({ extendedMessages: true }) });
  able.receive(LONG);
  expect(seen.at(-1)).toMatch(/^update/);
  const unable = await established(newPeer());
  unable.receive(LONG);
  expect([notificationsOn(unable), seen.at(-1)]).toEqual([['1/2 1388'], 'down error']);
  const unwilling = await established(newPeer({ extendedMessages: false }), { ...theirOpen, capabilities: capabilities({ extendedMessages: true }) });
  unwilling.receive(LONG);
  expect(notificationsOn(unwilling)).toEqual(['1/2 1388']);
});

test('a peer that refuses a capability is dialed again without it', async () => {
  const peer = newPeer({ addPath: { send: true, receive: true } });
  peer.start();
  const first = await transport.answer(OURS);
  expect((sentOn(first)[0] as OpenMessage).capabilities.addPath).toHaveLength(2);
  first.receive(bytes({ type: 'notification', code: 2, subcode: 7, data: Uint8Array.of(69, 8, 0, 1, 1, 3, 0, 2, 1, 3) }));
  clock.advance(250);
  const second = await transport.answer(OURS);
  expect((sentOn(second)[0] as OpenMessage).capabilities).toMatchObject({ addPath: [], enhancedRouteRefresh: true });
  second.receive(bytes({ ...theirOpen, capabilities: capabilities({ addPath: [{ family: 'ipv4', send: true, receive: true }] }) }, KEEPALIVE));
  expect(peer.negotiated?.wire.addPathIn).toEqual({ ipv4: false, ipv6: false });
});

test('an AS wildcard takes what the peer says, and the status shows it', async () => {
  const peer = newPeer({ asn: 'external' });
  expect(peer.status().asn).toBe(0);
  await established(peer);
  expect([peer.status().asn, peer.negotiated?.external, peer.detail().kind]).toEqual([65002, true, 'ebgp']);
});

describe('detail', () => {
  test('tells timers, capabilities of both sides, the connection and its messages', async () => {
    const peer = newPeer();
    expect(peer.detail()).toMatchObject({ capabilities: null, localAddress: null, remoteRouterId: null, kind: 'ebgp', timers: {} });
    const connection = await established(peer);
    clock.advance(1_000);
    connection.receive(END_OF_RIB);
    peer.send(END_OF_RIB, 1);
    expect(peer.detail()).toMatchObject({
      state: 'Established', port: 1179, localAsn: 65001, localAddress: '10.0.0.1', remoteRouterId: '10.0.0.2', passive: false,
      timers: { hold: 30_000, keepalive: 9_000 },
      capabilities: { remote: ['address families: ipv4, ipv6', '4-octet AS numbers', 'route refresh'] },
      messages: { in: { open: 1, keepalive: 1, update: 1, notification: 0, routeRefresh: 0 }, out: { open: 1, keepalive: 1, update: 1 } },
    });
    expect(peer.detail().capabilities!.local).toContain('graceful restart: 120 s, ipv4, ipv6');
    const { messages } = peer.detail();
    expect(messages.in.bytes).toBe(bytes(theirOpen, KEEPALIVE).length + END_OF_RIB.length);
  });

  test('counts a dial that fails again and again as one error', async () => {
    const peer = newPeer();
    peer.start();
    for (let i = 0; i < 5; i++) {
      await transport.refuse();
      clock.advance(3_000);
    }
    expect(peer.detail().errors).toMatchObject([{ text: 'Connection refused', bytes: '' }]);
  });

  test('keeps the last eight errors with the bytes of their NOTIFICATIONs', () => {
    const peer = newPeer({ passive: true });
    peer.start();
    for (let i = 1; i <= 9; i++) {
      const connection = new FakeConnection(OURS, THEIRS);
      peer.accept(connection);
      connection.receive(bytes(theirOpen, KEEPALIVE, { type: 'notification', code: 6, subcode: 2, data: Uint8Array.of(1, 64 + i) }));
      clock.advance(60_000);
    }
    const { errors } = peer.detail();
    expect(errors.map((e) => e.bytes)).toEqual([2, 3, 4, 5, 6, 7, 8, 9].map((n) => `060201${(64 + n).toString(16)}`));
    expect(errors.at(-1)).toMatchObject({ text: 'received: Cease: administrative shutdown ("I")' });
    expect(errors.at(-1)!.atMs).toBeGreaterThan(errors[0]!.atMs);
  });
});

test('a NOTIFICATION whose data is longer than a message is cut, whatever made it', async () => {
  const peer = newPeer();
  const connection = await established(peer);
  peer.fail({ type: 'notification', code: 3, subcode: 5, data: new Uint8Array(5_000) }, 'an attribute of 5,000 octets');
  expect(sentOn(connection).map((m) => (m.type === 'notification' ? [m.code, m.subcode, m.data.length] : m.type))).toEqual([[3, 5, 4_075]]);
});
