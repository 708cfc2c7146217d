/** What the kernel demands of BGP neighbours: keys (RFC 2385) and hop limits (RFC 5082), on live sockets, between namespaces. */
import { expect } from '@jest/globals';
import type { Connection, LinkDemand, TransportPort } from '../../bgpd/ports.ts';
import { tcpTransport } from '../../bgpd/transport.ts';
import type { Ip } from '../../lib/ip/prefix.ts';
import { ip, prefix, showIp } from '../../lib/ip/text.ts';
import { getsockopt, close } from '../../sys/native.ts';
import { openTcp, setUserTimeout } from '../../sys/tcp.ts';
import { namespaces, root } from '../support/capabilities.ts';
import { eventually, Namespaces, type Netns } from '../support/namespaces.ts';
import { skipUnless } from '../support/skip.ts';

const test = skipUnless(root, namespaces);
const PORT = 1790;

const demand = (text: string, some: Partial<LinkDemand> = {}): LinkDemand => ({
  name: text, prefix: prefix(text), interface: undefined, key: undefined, hops: undefined, patienceMs: 480_000, ...some,
});

/** A transport whose sockets are in a namespace; what it accepts is kept, and echoed. */
class Place {
  readonly transport: TransportPort = tcpTransport();
  readonly accepted: Connection[] = [];
  readonly #ns: Netns;
  readonly #closing: AsyncDisposable[] = [];

  constructor(ns: Netns) { this.#ns = ns; }

  async listen(...addresses: readonly string[]): Promise<void> {
    for (const address of addresses.length === 0 ? [undefined] : addresses.map(ip)) {
      const listening: Promise<AsyncDisposable>[] = [];
      this.#ns.within(() => { listening.push(this.transport.listen(address, PORT, (c) => { this.accepted.push(c); echo(c); })); });
      this.#closing.push(...await Promise.all(listening));
    }
  }

  demand(...demands: readonly LinkDemand[]): void { this.#ns.within(() => { this.transport.demand!(demands); }); }

  suspicion(address: string): string | undefined { return this.#ns.within(() => this.transport.suspicion!(ip(address), undefined)); }

  dial(address: string, timeoutMs = 1_500, sourceAddress?: Ip): Promise<Connection> {
    const dialing: Promise<Connection>[] = [];
    this.#ns.within(() => { dialing.push(this.transport.dial({ address: ip(address), port: PORT, sourceAddress, timeoutMs }, new AbortController().signal)); });
    return dialing[0]!;
  }

  async close(): Promise<void> {
    for (const c of this.accepted) c.destroy();
    for (const l of this.#closing) await l[Symbol.asyncDispose]();
  }
}

function echo(connection: Connection): void {
  connection.listen({ data: (chunk) => { connection.write(new Uint8Array(chunk)); }, drained: () => undefined, closed: () => undefined });
}

/** Counts the bytes that come back. */
function chatting(connection: Connection): { say: () => void; heard: () => number } {
  let heard = 0;
  connection.listen({ data: (chunk) => { heard += chunk.length; }, drained: () => undefined, closed: () => undefined });
  return { say: () => { connection.write(Uint8Array.of(1)); }, heard: () => heard };
}

const refused = async (dialing: Promise<Connection>): Promise<string> => {
  const error = await dialing.then((c) => { c.destroy(); return 'it came up'; }, (e: unknown) => String((e as { details?: { reason?: string } }).details?.reason));
  return error;
};

async function pair(net: Namespaces): Promise<{ us: Place; them: Place }> {
  const [a, b] = [net.add('us'), net.add('them')];
  net.link(a, b, { addresses: [['10.0.0.1/24', '10.0.0.9/24', 'fd00::1/64'], ['10.0.0.2/24', '10.0.0.3/24', '10.0.0.66/24', 'fd00::2/64']] });
  const [us, them] = [new Place(a), new Place(b)];
  await us.listen();
  return { us, them };
}

test('sockets send at once, with TTL 255, and give up after what they are told', () => {
  const fd = openTcp('ipv4');
  expect(getsockopt(fd, 6, 1)).toBe(1);
  expect(getsockopt(fd, 0, 2)).toBe(255);
  expect(setUserTimeout(fd, 12_345)).toBe(0);
  expect(getsockopt(fd, 6, 18)).toBe(12_345);
  close(fd);
});

test.each([
  ['IPv4', '10.0.0.1', '10.0.0.2/32', '10.0.0.1/32'],
  ['IPv6', 'fd00::1', 'fd00::2/128', 'fd00::1/128'],
])('over %s a neighbour with the key gets in, and one without it or with another does not', async (_family, ourAddress, theirs, ours) => {
  await using net = await Namespaces.create('md5');
  const { us, them } = await pair(net);
  us.demand(demand(theirs, { key: 'secret' }));
  us.suspicion(ourAddress);
  expect(await refused(them.dial(ourAddress))).toBe('Connection timed out');
  await eventually(5_000, () => { expect(us.suspicion(theirs.split('/')[0]!)).toMatch(/MD5 key mismatch\? Segments without a key/); });
  them.demand(demand(ours, { key: 'wrong' }));
  expect(await refused(them.dial(ourAddress))).toBe('Connection timed out');
  await eventually(5_000, () => { expect(us.suspicion(theirs.split('/')[0]!)).toMatch(/MD5 key mismatch\? Segments signed with another/); });
  them.demand(demand(ours, { key: 'secret' }));
  const { say, heard } = chatting(await them.dial(ourAddress));
  say();
  await eventually(5_000, () => { expect(heard()).toBe(1); });
  await us.close();
}, 60_000);

test('keys are added, changed and removed while others are connected, who notice nothing', async () => {
  await using net = await Namespaces.create('live keys');
  const { us, them } = await pair(net);
  const plain = chatting(await them.dial('10.0.0.9', 5_000, ip('10.0.0.3')));
  us.demand(demand('10.0.0.2/32', { key: 'first' }));
  them.demand(demand('10.0.0.1/32', { key: 'first' }));
  const keyed = chatting(await them.dial('10.0.0.1', 5_000, ip('10.0.0.2')));
  keyed.say();
  plain.say();
  await eventually(5_000, () => { expect([keyed.heard(), plain.heard()]).toEqual([1, 1]); });

  // Both ends change: the connection goes on with the new key, and so does a new one.
  us.demand(demand('10.0.0.2/32', { key: 'second' }));
  us.suspicion('10.0.0.2');
  keyed.say();
  await eventually(10_000, () => { expect(us.suspicion('10.0.0.2')).toMatch(/signed with another key/); });
  expect(keyed.heard()).toBe(1);
  them.demand(demand('10.0.0.1/32', { key: 'second' }));
  await eventually(10_000, () => { expect(keyed.heard()).toBe(2); });
  const again = chatting(await them.dial('10.0.0.1', 5_000, ip('10.0.0.2')));
  again.say();
  await eventually(5_000, () => { expect(again.heard()).toBe(1); });

  us.demand(demand('10.0.0.2/32'));
  them.demand(demand('10.0.0.1/32'));
  const without = chatting(await them.dial('10.0.0.1', 5_000, ip('10.0.0.2')));
  for (const chat of [without, plain, keyed]) chat.say();
  await eventually(10_000, () => { expect([without.heard(), plain.heard(), keyed.heard()]).toEqual([1, 2, 3]); });
  await us.close();
}, 60_000);

test('a prefix has a key for all of it, and the most specific one counts', async () => {
  await using net = await Namespaces.create('prefix keys');
  const { us, them } = await pair(net);
  us.demand(demand('10.0.0.0/24', { key: 'all' }), demand('10.0.0.64/26', { key: 'some' }), demand('fd00::/64', { key: 'six' }));
  them.demand(demand('10.0.0.1/32', { key: 'all' }), demand('fd00::1/128', { key: 'six' }));
  for (const [to, from] of [['10.0.0.1', '10.0.0.2'], ['10.0.0.1', '10.0.0.3'], ['fd00::1', 'fd00::2']] as const) {
    const connection = await them.dial(to, 5_000, ip(from));
    expect(showIp(connection.local)).toBe(from);
    connection.destroy();
  }
  expect(await refused(them.dial('10.0.0.1', 1_500, ip('10.0.0.66')))).toBe('Connection timed out');
  them.demand(demand('10.0.0.1/32', { key: 'some' }));
  (await them.dial('10.0.0.1', 5_000, ip('10.0.0.66'))).destroy();
  await us.close();
}, 60_000);

test('a neighbour that is farther away than it may be gets in neither by its dial nor by ours', async () => {
  await using net = await Namespaces.create('gtsm');
  const [a, r, b] = [net.add('us'), net.add('router'), net.add('them')];
  net.link(a, r, { addresses: [['10.0.1.1/24', 'fd01::1/64'], ['10.0.1.9/24', 'fd01::9/64']] });
  net.link(r, b, { addresses: [['10.0.2.9/24', 'fd02::9/64'], ['10.0.2.2/24', 'fd02::2/64']] });
  r.exec('sysctl', '-qw', 'net.ipv4.ip_forward=1', 'net.ipv6.conf.all.forwarding=1');
  a.ip('route', 'add', '10.0.2.0/24', 'via', '10.0.1.9');
  a.ip('route', 'add', 'fd02::/64', 'via', 'fd01::9');
  b.ip('route', 'add', '10.0.1.0/24', 'via', '10.0.2.9');
  b.ip('route', 'add', 'fd01::/64', 'via', 'fd02::9');
  const [us, them] = [new Place(a), new Place(b)];
  await us.listen();
  await them.listen();
  for (const [ours, theirs, host] of [['10.0.1.1', '10.0.2.2', '/32'], ['fd01::1', 'fd02::2', '/128']] as const) {
    (await them.dial(ours, 5_000)).destroy();
    us.demand(demand(`${theirs}${host}`, { hops: 1 }));
    const before = us.accepted.length;
    const far = await them.dial(ours, 5_000);
    const gone = new Promise<string>((resolve) => { far.listen({ data: () => undefined, drained: () => undefined, closed: resolve }); });
    await gone;
    expect(us.accepted.length).toBe(before);
    expect(us.suspicion(theirs)).toMatch(/TTL 254 was refused: expected at least 255/);
    expect(await refused(us.dial(theirs))).toBe('Connection timed out');
    us.demand(demand(`${theirs}${host}`, { hops: 2 }));
    for (const dialing of [them.dial(ours, 5_000), us.dial(theirs, 5_000)]) {
      const { say, heard } = chatting(await dialing);
      say();
      await eventually(5_000, () => { expect(heard()).toBe(1); });
    }
  }
  await us.close();
  await them.close();
}, 60_000);

test('on a connection that stands, what suddenly comes from farther away is dropped, until more hops are allowed', async () => {
  await using net = await Namespaces.create('gtsm later');
  const [a, b] = [net.add('us'), net.add('them')];
  net.link(a, b, { addresses: [['10.0.0.1/24', 'fd00::1/64'], ['10.0.0.2/24', 'fd00::2/64']] });
  const [us, them] = [new Place(a), new Place(b)];
  await us.listen();
  const both = (hops: number): readonly LinkDemand[] => ['10.0.0.2/32', 'fd00::2/128'].map((p) => demand(p, { hops }));
  us.demand(...both(1));
  const chats = [chatting(await them.dial('10.0.0.1', 5_000)), chatting(await them.dial('fd00::1', 5_000))];
  for (const { say } of chats) say();
  await eventually(5_000, () => { expect(chats.map((c) => c.heard())).toEqual([1, 1]); });
  b.exec('nft', 'add table inet far { chain out { type filter hook output priority 0; ip ttl set 250; ip6 nexthdr tcp ip6 hoplimit set 250; }; }');
  us.suspicion('10.0.0.2');
  for (const { say } of chats) say();
  await eventually(10_000, () => { expect(Number(/TCPMinTTLDrop\s+(\d+)/.exec(a.exec('nstat', '-asz', 'TcpExtTCPMinTTLDrop'))?.[1])).toBeGreaterThanOrEqual(2); });
  expect(chats.map((c) => c.heard())).toEqual([1, 1]);
  us.demand(...both(6));
  await eventually(10_000, () => { expect(chats.map((c) => c.heard())).toEqual([2, 2]); });
  await us.close();
}, 60_000);

test('a kernel that lets too few peers wait is reported', async () => {
  await using net = await Namespaces.create('backlog');
  const ns = net.add('us');
  const us = new Place(ns);
  await us.listen();
  const problems = (): string[] => ns.within(() => us.transport.problems!.map((p) => p.message));
  expect(problems()).toEqual([]);
  ns.exec('sysctl', '-qw', 'net.core.somaxconn=512');
  expect(problems()).toEqual([expect.stringMatching(/somaxconn is 512.*at least 1024/)]);
  await us.close();
});

test('a mesh of a thousand with one key has room, and takes in its members only', async () => {
  await using net = await Namespaces.create('mesh key');
  const { us, them } = await pair(net);
  const mesh = Array.from({ length: 1_000 }, (_, i) => demand(`10.7.${i >> 8}.${i & 255}/32`, { key: 'mesh' }));
  us.demand(demand('10.0.0.2/32', { key: 'mesh' }), demand('10.0.0.3/32'), demand('10.0.0.66/32', { key: 'own' }), ...mesh);
  expect(us.transport.problems).toEqual([]);
  const got: string[] = [];
  for (const [from, key] of [['10.0.0.2', 'mesh'], ['10.0.0.3', undefined], ['10.0.0.66', 'own'], ['10.0.0.66', 'mesh']] as const) {
    them.demand(demand('10.0.0.1/32', { key }));
    got.push(await refused(them.dial('10.0.0.1', 1_500, ip(from))));
  }
  expect(got).toEqual(['it came up', 'it came up', 'it came up', 'Connection timed out']);
  await us.close();
}, 60_000);

test('more keys than the kernel has room for are reported with the remedy; those before go on', async () => {
  await using net = await Namespaces.create('key room');
  const { us, them } = await pair(net);
  us.demand(demand('10.0.0.2/32', { key: 'k' }), ...Array.from({ length: 2_000 }, (_, i) => demand(`10.7.${i >> 8}.${i & 255}/32`, { key: `k${i}` })));
  them.demand(demand('10.0.0.1/32', { key: 'k' }));
  expect(us.transport.problems!.map((p) => p.message)).toContainEqual(expect.stringMatching(/no room for more TCP-MD5 keys: raise net.core.optmem_max/));
  (await them.dial('10.0.0.1', 5_000, ip('10.0.0.2'))).destroy();
  us.demand(demand('10.0.0.2/32', { key: 'k' }));
  expect(us.transport.problems).toEqual([]);
  await us.close();
});

test('a thousand neighbours that dial at once all come in', async () => {
  await using net = await Namespaces.create('thousand');
  const ns = net.add('us');
  const us = new Place(ns);
  await us.listen('127.0.0.1');
  const dialing = Array.from({ length: 1_000 }, (_, i) => us.dial('127.0.0.1', 20_000, ip(`127.1.${i >> 8}.${i & 255}`)));
  const connections = await Promise.all(dialing);
  await eventually(10_000, () => { expect(new Set(us.accepted.map((c) => c.remote)).size).toBe(1_000); });
  expect(ns.exec('nstat', '-az', 'TcpExtListenOverflows')).toMatch(/TcpExtListenOverflows\s+0\b/);
  for (const connection of connections) connection.destroy();
  await us.close();
}, 60_000);
