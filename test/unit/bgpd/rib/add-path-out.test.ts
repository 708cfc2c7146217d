/** ADD-PATH to peers: every route that may be sent is, under its own identifier, whatever happened before and however slow they are. */
import { beforeEach, expect, test } from '@jest/globals';
import { ribOutFor } from '../../../../bgpd/rib/add-path-out.ts';
import type { ExportTarget } from '../../../../bgpd/rib/export.ts';
import type { RouteFilter } from '../../../../bgpd/rib/filter.ts';
import { LocRib } from '../../../../bgpd/rib/loc-rib.ts';
import { PeerGroup, type Member } from '../../../../bgpd/rib/peer-group.ts';
import type { Source } from '../../../../bgpd/rib/route.ts';
import { advertised } from '../../../../bgpd/rib/views.ts';
import type { Prefix } from '../../../../lib/ip/prefix.ts';
import { ip, prefix } from '../../../../lib/ip/text.ts';
import { attributes, nextHops, path, source } from '../../../support/rib-builders.ts';
import { Seeded } from '../../../support/seeded.ts';
import { wireContext } from '../../../support/session-builders.ts';
import { linesOf, RemoteView, updatesIn } from '../../../support/updates.ts';

const BOTH = { ipv4: true, ipv6: true };
const WIRE = wireContext({ external: true, addPathOut: BOTH });
/** How the other side reads what we write. */
const THEIRS = wireContext({ external: true, addPathIn: BOTH });
const TARGET: ExportTarget = {
  family: 'ipv4', localAsn: 64512, nextHop: 'keep', self: { address: ip('192.0.2.254') }, interfaceIndex: 0, wire: WIRE,
};
const [A, B] = ['10.0.1.0/24', '10.0.2.0/24'].map(prefix) as [Prefix, Prefix];

let rib: LocRib;
let group: PeerGroup;
let [x, y] = [source({ index: 80 }), source({ index: 81 })];
const hops = nextHops();

/** A peer that records what it is sent. */
class Remote {
  readonly source: Source;
  readonly chunks: Uint8Array[] = [];
  readonly view = new RemoteView();
  hasRoom = true;
  group = group;
  member: Member | undefined;

  constructor(index: number) { this.source = source({ index }); }
  join(to = group): this {
    this.group = to;
    this.member = to.join(this.source, (bytes) => { this.chunks.push(bytes); return this.hasRoom; });
    return this;
  }
  /** All that it waits for. */
  catchUp(): this { while (this.group.catchUp(this.member!)) { /* there is more */ } return this; }
  lines(): string[] {
    const updates = this.chunks.splice(0).flatMap((bytes) => updatesIn(bytes, THEIRS));
    this.view.take(updates);
    return linesOf(updates).sort();
  }
  get routes(): Map<string, string> { this.lines(); return new Map([...this.view.routes].sort()); }
}

const newGroup = (filter?: RouteFilter, target = TARGET): PeerGroup => {
  const made = new PeerGroup('', ribOutFor(target, filter, rib), rib);
  made.fill();
  return made;
};

beforeEach(() => {
  rib = new LocRib('ipv4');
  group = newGroup();
  [x, y] = [source({ index: 80 }), source({ index: 81 })];
});

function announce(from: Source, prefixes: readonly Prefix[], via: string, id = 0, asn = 65000): void {
  const nextHop = { address: ip(via) };
  const route = rib.routes.intern(from, sharedAttributes(asn), nextHop, hops.hop(nextHop, 0));
  rib.announce(from, prefixes, route, undefined, id === 0 ? undefined : prefixes.map(() => id));
}

/** As the codec does: equal attributes are one object. */
const sharedAttributes = (asn: number) => INTERNED[asn] ??= attributes({ asPath: path(asn) });
const INTERNED: Record<number, ReturnType<typeof attributes>> = {};

function flush(...groups: PeerGroup[]): void {
  const all = groups.length > 0 ? groups : [group];
  for (const id of rib.dirty.take(1_000_000)) {
    const best = rib.select(id, 1)?.best;
    for (const g of all) g.out.update(id, rib.table.prefixOf(id), best);
  }
  for (const g of all) g.flush();
}

test('all routes of a prefix are sent, each under the number of its path; a change of one is a change of that one alone', () => {
  const remote = new Remote(1).join().catchUp();
  announce(x, [A], '198.51.100.1');
  announce(y, [A], '198.51.100.2');
  flush();
  expect(remote.lines()).toEqual(['+10.0.1.0/24#1 via 198.51.100.1', '+10.0.1.0/24#2 via 198.51.100.2']);
  expect(group.out.advertisedTo(remote.source)).toBe(2);
  announce(y, [A], '198.51.100.3');
  flush();
  expect(remote.lines()).toEqual(['+10.0.1.0/24#2 via 198.51.100.3']);
  rib.withdraw(x, [A]);                          // the best one: nothing is said about the other
  flush();
  expect(remote.lines()).toEqual(['-10.0.1.0/24#1']);
  rib.withdraw(y, [A]);
  flush();
  expect([remote.lines(), group.out.advertisedTo(remote.source), remote.view.needless]).toEqual([['-10.0.1.0/24#2'], 0, 0]);
});

test('several routes of one source are passed on, and none goes back to it', () => {
  const [remote, feeder] = [new Remote(1).join().catchUp(), new Remote(2).join().catchUp()];
  for (const id of [7, 8]) announce(feeder.source, [A], `198.51.100.${id}`, id);
  announce(x, [A], '198.51.100.1');
  flush();
  expect(remote.lines().map((line) => line.split(' ').at(-1))).toEqual(['198.51.100.7', '198.51.100.8', '198.51.100.1']);
  expect(feeder.lines()).toEqual(['+10.0.1.0/24#3 via 198.51.100.1']);
});

test('a path number that goes over to the receiver\'s own route is withdrawn from it', () => {
  const remote = new Remote(1).join().catchUp();
  announce(x, [A], '198.51.100.1');
  flush();
  remote.lines();
  rib.withdraw(x, [A]);
  announce(remote.source, [A], '198.51.100.9');  // takes the free slot
  flush();
  expect(remote.lines()).toEqual(['-10.0.1.0/24#1']);
});

test('what export rules or the filter keep back is not sent; the view says why', () => {
  group = newGroup((_prefix, route) => route.source !== y);
  const remote = new Remote(1).join().catchUp();
  announce(x, [A], '198.51.100.1');
  announce(y, [A], '198.51.100.2');
  announce(remote.source, [A], '198.51.100.3');
  const hidden = source({ index: 82 });
  rib.announce(hidden, [A], rib.routes.intern(hidden, attributes({ communities: [0xffffff01] }), { address: ip('198.51.100.4') }, hops.hop({ address: ip('198.51.100.4') }, 0)), undefined);
  flush();
  expect(remote.lines()).toEqual(['+10.0.1.0/24#1 via 198.51.100.1']);
  const told = advertised({ loc: rib, maximumPaths: 1 }, group, remote.member!, rib.table.find(A));
  expect(new Map(told.map((t) => [t.route.source.index, [t.pathId, t.reason]]))).toEqual(new Map([
    [80, [1, 'sent']], [81, [undefined, 'rejected by an export filter']],
    [1, [undefined, 'it came from this peer']], [82, [undefined, 'community NO_EXPORT']],
  ]));
});

test('a slow peer is told of each path that went, once, and of what is there', () => {
  const slow = new Remote(1).join().catchUp();
  announce(x, [A], '198.51.100.1');
  announce(y, [A], '198.51.100.2');
  slow.hasRoom = false;
  flush();
  rib.withdraw(x, [A]);
  flush();
  announce(source({ index: 83 }), [A], '198.51.100.5');     // takes the number of x's path
  announce(x, [A], '198.51.100.6');
  flush();
  rib.withdraw(y, [A]);
  flush();
  slow.lines();
  slow.hasRoom = true;
  slow.member!.isBlocked = false;
  expect(slow.catchUp().lines()).toEqual(['+10.0.1.0/24#1 via 198.51.100.5', '+10.0.1.0/24#3 via 198.51.100.6', '-10.0.1.0/24#2']);
  expect(slow.view.needless).toBe(0);
});

test('route refresh says everything again, and calls back when it is said', () => {
  announce(x, [A], '198.51.100.1');
  announce(y, [A], '198.51.100.2');
  flush();
  const remote = new Remote(1).join().catchUp();
  const first = remote.lines();
  let said = 0;
  group.resend(remote.member!, () => { said++; });
  expect(said).toBe(0);
  expect([remote.catchUp().lines(), said]).toEqual([first, 1]);
  group.resend(remote.member!);
  remote.catchUp();
  expect(said).toBe(1);
});

test('a next hop that is reached differently is said anew where that shows', () => {
  const [gateway, target] = [{ address: ip('198.51.100.1') }, { ...TARGET, nextHop: 'auto' as const, interfaceIndex: 7 }];
  const through = nextHops();
  const hop = through.hop(gateway, 0);
  group = newGroup(undefined, target);
  const remote = new Remote(1).join().catchUp();
  rib.announce(x, [A], rib.routes.intern(x, attributes({ asPath: path(1) }), gateway, hop), undefined);
  flush();
  expect(remote.lines()).toEqual(['+10.0.1.0/24#1 via 198.51.100.1']);
  hop.via = { gateway: ip('203.0.113.1'), interfaceIndex: 8 };
  rib.hopsChanged(new Set([hop]));
  group.out.hopsChanged(new Set([hop]));
  flush();
  group.out.settled();
  expect(remote.lines()).toEqual(['+10.0.1.0/24#1 via 192.0.2.254']);
  rib.hopsChanged(new Set([hop]));
  group.out.hopsChanged(new Set([hop]));
  flush();
  expect(remote.lines()).toEqual([]);
});

test('many routes with identifiers share messages', () => {
  const remote = new Remote(1).join().catchUp();
  announce(x, Array.from({ length: 1000 }, (_, i) => prefix(`10.${i >> 8}.${i & 255}.0/24`)), '198.51.100.1');
  flush();
  expect(updatesIn(remote.chunks[0]!, THEIRS).map((u) => u.announced4.length)).toEqual([506, 494]);
  expect(remote.routes.size).toBe(1000);
});

test('routes that were sent outlive a sweep', () => {
  const remote = new Remote(1).join().catchUp();
  announce(x, [A], '198.51.100.1');
  announce(y, [A], '198.51.100.2', 0, 65001);
  flush();
  rib.withdraw(x, [A]);
  rib.withdraw(y, [A]);
  rib.sweep([group.out.routeIds]);
  for (let asn = 1; asn < 10; asn++) announce(source({ index: 90 + asn }), [B], '198.51.100.9', 0, asn);   // would take their ids
  remote.lines();
  flush();
  expect(remote.lines().filter((line) => line.startsWith('-'))).toEqual(['-10.0.1.0/24#1', '-10.0.1.0/24#2']);
});

/** The last one is a peer's own address: it does not get such a route. */
const VIAS = ['198.51.100.1', '198.51.100.2', '198.51.100.3', '192.0.2.1'];

test('whatever happens in whatever order, a peer ends with the set computed from nothing, under the identifiers it was told', () => {
  for (let seed = 1; seed <= 6; seed++) {
    const seeded = new Seeded(seed);
    const random = (limit: number): number => seeded.below(limit);
    rib = new LocRib('ipv4');
    const rejecting = (index: number): RouteFilter => (_prefix, route) => route.source.index !== index;
    const groups = [newGroup(), newGroup(rejecting(80)), newGroup(undefined, { ...TARGET, nextHop: 'self' })];
    const remotes = [1, 2, 3, 4].map((index) => new Remote(index).join(groups[index % 2]));
    [x, y] = [source({ index: 80 }), source({ index: 81 })];
    const sources = [...remotes.map((r) => r.source), x, y];
    const pool = Array.from({ length: 8 }, (_, i) => prefix(`10.9.${i}.0/24`));
    for (let i = 0; i < 800; i++) {
      const [from, p, id] = [sources[random(sources.length)]!, pool[random(pool.length)]!, random(4)];
      if (random(3) === 0) rib.withdraw(from, [p], [id]); else announce(from, [p], VIAS[random(4)]!, id, 65000 + random(2));
      const remote = remotes[random(remotes.length)]!;
      switch (random(24)) {
        case 0: case 1: remote.hasRoom = !remote.hasRoom; if (remote.hasRoom) remote.member!.isBlocked = false; break;
        case 2: { const to = groups[random(groups.length)]!; if (to !== remote.group) { to.adopt(remote.member!, remote.group); remote.group = to; } break; }
        case 3: remote.group.resend(remote.member!); break;
        case 4: rib.sweep(groups.map((g) => g.out.routeIds)); break;
        case 5: case 6: case 7: remote.group.catchUp(remote.member!); break;
        case 8: if (random(4) === 0) rib.removeAll(from, 'all'); break;
        case 9: case 10: case 11: case 12: flush(...groups); break;
      }
    }
    flush(...groups);
    for (const remote of remotes) {
      remote.hasRoom = true;
      remote.member!.isBlocked = false;
      remote.catchUp();
      const fresh = new Remote(remote.source.index);
      Object.assign(fresh.source, remote.source);
      const own = new PeerGroup('', ribOutFor(remote.group.out.target, remote.group === groups[1] ? rejecting(80) : undefined, rib), rib);
      own.fill();
      fresh.group = own;
      fresh.member = own.join(remote.source, (bytes) => { fresh.chunks.push(bytes); return true; });
      fresh.catchUp();
      expect(remote.routes).toEqual(fresh.routes);
      if (remote.source.index !== 1) expect([remote.view.needless, remote.view.routes.size]).toEqual([0, remote.group.out.advertisedTo(remote.source)]);
      const expected = new Set<string>();
      for (const p of pool) {
        const id = rib.table.find(p);
        if (id < 0) continue;
        for (const { path: slot, route } of rib.candidates(id)) {
          const isOwn = route.source === remote.source || (remote.group !== groups[2] && route.nextHop?.address === remote.source.address);
          if (!isOwn && (remote.group !== groups[1] || route.source.index !== 80)) expected.add(`${id}#${slot}`);
        }
      }
      expect(remote.view.routes.size).toBe(expected.size);
    }
  }
});
