/** What groups of peers are sent: once encoded, never back to the sender, and nothing lost on slow peers. */
import { beforeEach, expect, test } from '@jest/globals';
import { AdjRibOut } from '../../../../bgpd/rib/adj-rib-out.ts';
import type { ExportTarget } from '../../../../bgpd/rib/export.ts';
import { LocRib } from '../../../../bgpd/rib/loc-rib.ts';
import { PeerGroup, type Member } from '../../../../bgpd/rib/peer-group.ts';
import type { Source } from '../../../../bgpd/rib/route.ts';
import type { RouteFilter } from '../../../../bgpd/rib/filter.ts';
import type { PathAttributes } from '../../../../bgpd/wire/message.ts';
import type { Prefix } from '../../../../lib/ip/prefix.ts';
import { ip, prefix } from '../../../../lib/ip/text.ts';
import { attributes, nextHops, path, source } from '../../../support/rib-builders.ts';
import { wireContext } from '../../../support/session-builders.ts';
import { linesOf, RemoteView, updatesIn } from '../../../support/updates.ts';

const EXTERNAL: ExportTarget = {
  family: 'ipv4', localAsn: 64512, nextHop: 'auto', self: { address: ip('192.0.2.254') }, interfaceIndex: 0, wire: wireContext({ external: true }),
};
const INTERNAL: ExportTarget = { ...EXTERNAL, wire: wireContext({ external: false }), reflection: { toClients: true, clusterId: 9 } };
const SELF = 'via 192.0.2.254';
const [A, B, C] = ['10.0.1.0/24', '10.0.2.0/24', '10.0.3.0/24'].map(prefix) as [Prefix, Prefix, Prefix];

let rib: LocRib;
let group: PeerGroup;
let feeder: Source;
const hops = nextHops();

/** A peer that records what it is sent. */
class Remote {
  readonly source: Source;
  readonly chunks: Uint8Array[] = [];
  readonly view = new RemoteView();
  hasRoom = true;
  member: Member | undefined;

  constructor(index: number) { this.source = source({ index }); }
  join(to = group): this { this.member = to.join(this.source, (bytes) => { this.chunks.push(bytes); return this.hasRoom; }); return this; }
  lines(): string[] {
    const updates = this.chunks.splice(0).flatMap((bytes) => updatesIn(bytes, EXTERNAL.wire));
    this.view.take(updates);
    return linesOf(updates);
  }
}

const newGroup = (filter?: RouteFilter, target = EXTERNAL): PeerGroup => new PeerGroup('', new AdjRibOut(target, filter, rib.routes), rib);

beforeEach(() => {
  rib = new LocRib('ipv4');
  group = newGroup();
  feeder = source({ index: 90 });
});

function announce(from: Source, prefixes: readonly Prefix[], asn = 65000 + from.index): void {
  const nextHop = { address: ip('198.51.100.1') };
  rib.announce(from, prefixes, rib.routes.intern(from, attributes({ asPath: path(asn) }), nextHop, hops.hop(nextHop, 0)), undefined);
}

function flush(...groups: PeerGroup[]): void {
  for (const id of rib.dirty.take(1_000_000)) {
    const best = rib.select(id, 1)?.best;
    for (const g of groups.length > 0 ? groups : [group]) g.out.update(id, rib.table.prefixOf(id), best);
  }
  for (const g of groups.length > 0 ? groups : [group]) g.flush();
}

/** Sends all that a lagging peer waits for, and End-of-RIB when it is due. */
function catchUp(remote: Remote, in_ = group): void {
  while (in_.catchUp(remote.member!)) { /* there is more */ }
  in_.endInitialUpdate(remote.member!);
}

test('a new peer gets everything, then End-of-RIB, then changes; peers with one policy get the very same bytes', () => {
  announce(feeder, [A, B]);
  flush();
  const [x, y] = [new Remote(1).join(), new Remote(2).join()];
  for (const remote of [x, y]) catchUp(remote);
  expect(x.lines()).toEqual([`+10.0.1.0/24 ${SELF}`, `+10.0.2.0/24 ${SELF}`, 'end ipv4']);
  y.lines();
  announce(feeder, [C]);
  rib.withdraw(feeder, [A]);
  flush();
  expect(x.chunks).toHaveLength(1);
  expect(x.chunks[0]).toBe(y.chunks[0]);
  expect(x.lines()).toEqual(expect.arrayContaining([`+10.0.3.0/24 ${SELF}`, '-10.0.1.0/24']));
  expect(y.lines()).toHaveLength(2);
  expect(group.endInitialUpdate(x.member!)).toBe(false);
});

test('prefixes of one route share a message', () => {
  const remote = new Remote(1).join();
  catchUp(remote);
  remote.lines();
  announce(feeder, [A, B]);
  announce(feeder, [C], 65123);
  flush();
  expect(updatesIn(remote.chunks[0]!).map((u) => u.announced4.length)).toEqual([2, 1]);
});

test('a peer is not sent its own route, and loses another\'s when its own becomes the best', () => {
  const [x, y] = [new Remote(1).join(), new Remote(2).join()];
  for (const remote of [x, y]) { catchUp(remote); remote.lines(); }
  announce(x.source, [A]);
  flush();
  expect([x.lines(), y.lines()]).toEqual([[], [`+10.0.1.0/24 ${SELF}`]]);
  announce(y.source, [A], 65001);                 // the lower router ID of x wins still
  flush();
  expect([x.lines(), y.lines()]).toEqual([[], []]);
  rib.withdraw(x.source, [A]);                    // now y's is the best: x gets it, y loses x's
  flush();
  expect([x.lines(), y.lines()]).toEqual([[`+10.0.1.0/24 ${SELF}`], ['-10.0.1.0/24']]);
  rib.withdraw(y.source, [A]);
  flush();
  expect([x.lines(), y.lines()]).toEqual([['-10.0.1.0/24'], []]);
  expect([group.out.advertisedTo(x.source), x.view.needless, y.view.needless]).toEqual([0, 0, 0]);
});

/** What a peer that is level, one that lags, and one that comes later are each sent, and what a view says. */
function threeWays(some: Partial<PathAttributes>, via: string, target: ExportTarget): { readonly level: string[]; readonly other: string[]; readonly lagging: string[]; readonly why: string | undefined } {
  const [x, y, slow] = [new Remote(1), new Remote(2), new Remote(1)];
  const [first, second] = [newGroup(undefined, target), newGroup(undefined, target)];
  x.join(first);
  y.join(first);
  for (const remote of [x, y]) { catchUp(remote, first); remote.lines(); }
  announce(feeder, [A]);
  flush(first, second);
  for (const remote of [x, y]) remote.lines();
  const nextHop = { address: ip(via) };
  rib.announce(feeder, [A], rib.routes.intern(feeder, attributes({ asPath: path(65090), ...some }), nextHop, hops.hop(nextHop, 0)), undefined);
  flush(first, second);
  slow.join(second);
  catchUp(slow, second);
  return { level: x.lines(), other: y.lines(), lagging: slow.lines(), why: second.out.whyKept(rib.best(rib.table.find(A))!, slow.source) };
}

test.each<[string, Partial<PathAttributes>, string, ExportTarget, string]>([
  ['is its next hop (RFC 4271 §5.1.3)', {}, '192.0.2.1', { ...EXTERNAL, interfaceIndex: 7 }, 'its next hop is this peer'],
  ['is its originator (RFC 4456 §8)', { originatorId: 1 }, '198.51.100.7', INTERNAL, 'this peer is its originator'],
])('a peer is not sent a route, and loses what it had, when it %s', (_name, some, via, target, why) => {
  expect(threeWays(some, via, target)).toEqual({ level: ['-10.0.1.0/24'], other: [`+10.0.1.0/24 via ${via}`], lagging: ['end ipv4'], why });
});

test('a peer whose address we replace by our own as next hop gets the route, and so does an external one that is its originator', () => {
  expect(threeWays({ originatorId: 1 }, '192.0.2.1', EXTERNAL)).toMatchObject({ level: [`+10.0.1.0/24 ${SELF}`], lagging: [`+10.0.1.0/24 ${SELF}`, 'end ipv4'], why: undefined });
});

test('counts of what was sent leave out a peer\'s own routes', () => {
  const [x, y] = [new Remote(1).join(), new Remote(2).join()];
  announce(x.source, [A, B]);
  announce(y.source, [C]);
  flush();
  expect([x, y].map((r) => group.out.advertisedTo(r.source))).toEqual([1, 2]);
});

test('what an export filter rejects is not sent, and withdrawn once it is rejected', () => {
  group = newGroup((p) => p !== B);
  const remote = new Remote(1).join();
  announce(feeder, [A, B]);
  flush();
  catchUp(remote);
  expect(remote.lines()).toEqual([`+10.0.1.0/24 ${SELF}`, 'end ipv4']);
  expect(group.out.refusal(B, rib.best(rib.table.find(B))!)).toBe('rejected by an export filter');
});

test('a slow peer holds nobody up, is told the last state of what changed meanwhile, and only of that', () => {
  const [slow, quick] = [new Remote(1).join(), new Remote(2).join()];
  for (const remote of [slow, quick]) { catchUp(remote); remote.lines(); }
  slow.hasRoom = false;
  announce(feeder, [A]);
  flush();
  expect(slow.lines()).toEqual([`+10.0.1.0/24 ${SELF}`]);
  announce(feeder, [B], 65001);
  flush();
  announce(feeder, [B], 65002);
  announce(feeder, [C]);
  rib.withdraw(feeder, [A]);
  flush();
  rib.withdraw(feeder, [C]);
  flush();
  expect([slow.lines(), quick.lines().length, group.isAwaited(rib.table.find(A))]).toEqual([[], 6, true]);
  expect(group.catchUp(slow.member!)).toBe(false);
  expect(slow.lines()).toEqual([]);
  slow.hasRoom = true;
  slow.member!.isBlocked = false;
  catchUp(slow);
  expect(slow.lines().sort()).toEqual([`+10.0.2.0/24 ${SELF}`, '-10.0.1.0/24', '-10.0.3.0/24'].sort());
  quick.lines();
  expect(slow.view.routes).toEqual(quick.view.routes);
  expect(group.isAwaited(rib.table.find(A))).toBe(false);
});

test('a long initial table stops when the peer is slow, and End-of-RIB waits for the rest', () => {
  const many = Array.from({ length: 20_000 }, (_, i) => prefix(`10.${i >> 8}.${i & 255}.0/24`));
  announce(feeder, many);
  flush();
  const remote = new Remote(1).join();
  remote.hasRoom = false;
  catchUp(remote);
  const first = remote.lines();
  expect(first.length).toBeLessThan(many.length);
  expect(first).not.toContain('end ipv4');
  remote.hasRoom = true;
  remote.member!.isBlocked = false;
  catchUp(remote);
  remote.lines();
  expect([remote.view.routes.size, remote.view.endOfRib]).toEqual([many.length, ['ipv4']]);
});

test('route refresh sends everything again, without another End-of-RIB', () => {
  announce(feeder, [A, B]);
  flush();
  const remote = new Remote(1).join();
  catchUp(remote);
  remote.lines();
  group.resend(remote.member!);
  catchUp(remote);
  expect(remote.lines()).toEqual([`+10.0.1.0/24 ${SELF}`, `+10.0.2.0/24 ${SELF}`]);
});

test('a peer that changes its group is told the difference alone, or all when the routes look different', () => {
  announce(feeder, [A, B]);
  flush();
  const remote = new Remote(1).join();
  catchUp(remote);
  remote.lines();
  const narrower = newGroup((p) => p !== B);
  narrower.fill();
  narrower.adopt(remote.member!, group);
  catchUp(remote, narrower);
  expect([remote.lines(), group.members.size]).toEqual([['-10.0.2.0/24'], 0]);
  const keeping = newGroup(undefined, { ...EXTERNAL, nextHop: 'keep' });
  keeping.fill();
  keeping.adopt(remote.member!, narrower);
  catchUp(remote, keeping);
  expect(remote.lines()).toEqual(['+10.0.1.0/24 via 198.51.100.1', '+10.0.2.0/24 via 198.51.100.1']);
});

test('whatever happens in whatever order, level and slow peers end with what a fresh peer gets', () => {
  let seed = 7;
  const random = (n: number): number => { seed = (Math.imul(seed, 1103515245) + 12345) >>> 0; return (seed >>> 8) % n; };
  const remotes = [1, 2, 3].map((index) => new Remote(index).join());
  const pool = Array.from({ length: 12 }, (_, i) => prefix(`10.9.${i}.0/24`));
  const sources = [...remotes.map((r) => r.source), feeder];
  for (let i = 0; i < 2000; i++) {
    const from = sources[random(sources.length)]!;
    const p = pool[random(pool.length)]!;
    if (random(3) === 0) rib.withdraw(from, [p]); else announce(from, [p], 65000 + random(3));
    const remote = remotes[random(remotes.length)]!;
    if (random(8) === 0) { remote.hasRoom = !remote.hasRoom; if (remote.hasRoom) remote.member!.isBlocked = false; }
    if (random(4) === 0) flush();
    if (random(4) === 0) group.catchUp(remote.member!);
  }
  for (const remote of remotes) { remote.hasRoom = true; remote.member!.isBlocked = false; }
  flush();
  for (const remote of remotes) {
    catchUp(remote);
    remote.lines();
    const fresh = new Remote(remote.source.index);
    const own = newGroup();
    own.fill();
    Object.assign(fresh.source, remote.source);
    const member = own.join(remote.source, (bytes) => { fresh.chunks.push(bytes); return true; });
    while (own.catchUp(member)) { /* more */ }
    fresh.lines();
    expect(remote.view.routes).toEqual(fresh.view.routes);
    expect(remote.view.routes.size).toBe(own.out.advertisedTo(remote.source));
  }
});
