/** One family's table as a whole: after any history, FIB and peers hold what the present routes alone would give. */
import { expect, test } from '@jest/globals';
import { UNREACHABLE, type Resolution } from '../../../../bgpd/ports.ts';
import { FamilyRib } from '../../../../bgpd/rib/family-rib.ts';
import type { ExportTarget } from '../../../../bgpd/rib/export.ts';
import { KERNEL, type Source } from '../../../../bgpd/rib/route.ts';
import type { PathAttributes } from '../../../../bgpd/wire/message.ts';
import type { Ip } from '../../../../lib/ip/prefix.ts';
import { ip, prefix, showIp, showPrefix } from '../../../../lib/ip/text.ts';
import { attributes, originated, path, source } from '../../../support/rib-builders.ts';
import { wireContext } from '../../../support/session-builders.ts';
import { linesOf, updatesIn } from '../../../support/updates.ts';

const POLICY = { install: true, filter: undefined, maximumPaths: 4 };

class World {
  readonly unreachable = new Set<string>();
  readonly rib: FamilyRib;
  readonly #kernel = new Map<string, string>();

  constructor(resolve: (address: Ip) => Resolution = (address) =>
    ({ reachable: !this.unreachable.has(showIp(address)), gateway: undefined, interfaceIndex: 7, metric: 0 })) {
    this.rib = new FamilyRib('ipv4', originated(), resolve);
    this.rib.setPolicy(POLICY);
  }

  announce(from: Source, p: string, of: PathAttributes, via: string, id = 0): void {
    this.rib.announce(from, [prefix(p)], of, { address: ip(via) }, undefined, undefined, [id]);
  }

  /** Flushes to the end and writes the kernel; answers what it holds. */
  settle(): Map<string, string> {
    while (this.rib.flush(3)) { /* small slices, so that they matter */ }
    for (let batch = this.rib.fib.nextBatch(2); batch !== undefined; batch = this.rib.fib.nextBatch(2)) {
      for (const route of batch.put) {
        this.#kernel.set(showPrefix(route.prefix), route.kind === 'blackhole' ? 'blackhole' : route.nextHops.map((h) => showIp(h.gateway!)).sort().join(' '));
      }
      for (const route of batch.remove) this.#kernel.delete(showPrefix(route.prefix));
      this.rib.fib.written(batch, []);
    }
    this.rib.releaseIdle(this.rib.fib.takeEmptied());
    return this.#kernel;
  }
}

test('the way does not matter: any history ends where a fresh table with the same routes begins', () => {
  let seed = 99;
  const random = (n: number): number => { seed = (Math.imul(seed, 1103515245) + 12345) >>> 0; return (seed >>> 8) % n; };
  const sources = [1, 2, 3].map((index) => source({ index, kind: index === 3 ? 'ebgp' : 'ibgp' }));
  const sets = [attributes(), attributes({ localPref: 50 }), attributes({ asPath: path(1, 2) }), attributes({ asPath: path(1), med: 9 })];
  const vias = ['198.51.100.1', '198.51.100.2', '198.51.100.3'];
  const pool = Array.from({ length: 10 }, (_, i) => `10.0.${i}.0/24`);
  const world = new World();
  const model = new Map<string, readonly [Source, string, PathAttributes, string, number]>();
  const own = new Map<string, boolean>();
  for (let i = 0; i < 1500; i++) {
    const [from, p] = [sources[random(3)]!, pool[random(10)]!];
    const id = from.index === 3 ? random(3) : 0;                      // one of them speaks ADD-PATH
    const key = `${from.index} ${p} ${id}`;
    switch (random(6)) {
      case 0: world.rib.loc.withdraw(from, [prefix(p)], [id]); model.delete(key); break;
      case 1: {
        const via = vias[random(3)]!;
        if (!world.unreachable.delete(via)) world.unreachable.add(via);
        world.rib.resolveAgain();
        break;
      }
      case 2:
        if (!own.delete(p)) own.set(p, random(2) === 0);
        world.rib.originate(new Map([...own].map(([text, blackhole]) => [prefix(text), { blackhole }])));
        break;
      case 3: if (random(20) === 0) { world.rib.loc.removeAll(from, 'all'); for (const other of model.keys()) if (other.startsWith(`${from.index} `)) model.delete(other); } break;
      default: {
        const entry = [from, p, sets[random(4)]!, vias[random(3)]!, id] as const;
        world.announce(...entry);
        model.set(key, entry);
      }
    }
    if (random(5) === 0) world.settle();
    if (random(100) === 0) world.rib.sweep();
  }
  const fresh = new World();
  for (const via of world.unreachable) fresh.unreachable.add(via);
  for (const entry of model.values()) fresh.announce(...entry);
  fresh.rib.originate(new Map([...own].map(([text, blackhole]) => [prefix(text), { blackhole }])));
  const expected = fresh.settle();
  expect(new Map([...world.settle()].sort())).toEqual(new Map([...expected].sort()));
  expect(world.rib.loc.table.size).toBe(fresh.rib.loc.table.size);
  expect(world.rib.fib.installed).toBe(expected.size);
});

test('while deferring, a prefix with a kernel route from before is not selected, any other is', () => {
  const { rib } = new World();
  const from = source({ index: 1 });
  rib.fib.setActual([{ kind: 'blackhole', prefix: prefix('10.0.1.0/24') }], true);
  rib.isDeferring = true;
  rib.announce(from, ['10.0.1.0/24', '10.0.2.0/24'].map(prefix), attributes(), { address: ip('198.51.100.1') }, undefined, undefined);
  rib.flush(100);
  expect(['10.0.1.0/24', '10.0.2.0/24'].map((p) => rib.loc.best(rib.loc.table.find(prefix(p)))?.source)).toEqual([undefined, from]);
  rib.endDeferral();
  rib.flush(100);
  expect(rib.loc.best(rib.loc.table.find(prefix('10.0.1.0/24')))?.source).toBe(from);
});

test('own routes win against all others, and give way when they are not originated any more', () => {
  const world = new World();
  const from = source({ index: 1 });
  world.announce(from, '10.0.1.0/24', attributes({ localPref: 900 }), '198.51.100.1');
  world.rib.originate(new Map([[prefix('10.0.1.0/24'), { blackhole: true }]]));
  expect(world.settle().get('10.0.1.0/24')).toBe('blackhole');
  world.rib.originate(new Map());
  expect(world.settle().get('10.0.1.0/24')).toBe('198.51.100.1');
});

const INTERNAL: ExportTarget = {
  family: 'ipv4', localAsn: 64512, nextHop: 'auto', self: { address: ip('192.0.2.254') }, interfaceIndex: 0, wire: wireContext({ external: false }),
};

test('several routes of one peer for a prefix forward together, and one by one as they go', () => {
  const world = new World();
  const from = source({ index: 5 });
  for (const id of [1, 2, 3]) world.announce(from, '10.0.1.0/24', attributes({ asPath: path(1) }), `198.51.100.${id}`, id);
  expect(world.settle().get('10.0.1.0/24')).toBe('198.51.100.1 198.51.100.2 198.51.100.3');
  world.rib.loc.withdraw(from, [prefix('10.0.1.0/24')], [2]);
  expect(world.settle().get('10.0.1.0/24')).toBe('198.51.100.1 198.51.100.3');
  world.unreachable.add('198.51.100.1');
  world.rib.resolveAgain();
  expect(world.settle().get('10.0.1.0/24')).toBe('198.51.100.3');
});

test('where the best route is the kernel\'s own, nothing of ours is installed; it is announced with its preference', () => {
  const world = new World();
  const p = prefix('10.0.1.0/24');
  const sent: string[] = [];
  const group = world.rib.groupFor('internal', INTERNAL, undefined);
  group.join(source({ index: 6, kind: 'ibgp' }), (bytes) => {
    for (const update of updatesIn(bytes)) sent.push(...linesOf([update]).map((line) => `${line} ${update.attributes?.localPref ?? ''}`));
    return true;
  });
  for (const member of group.members.values()) group.catchUp(member);
  world.announce(source({ index: 5 }), '10.0.1.0/24', attributes({ asPath: path(1) }), '198.51.100.1');
  expect(world.settle().get('10.0.1.0/24')).toBe('198.51.100.1');
  const via = { gateway: undefined, interfaceIndex: 9 };
  const isOnNine = (_prefix: unknown, route: { readonly hop: { readonly via: unknown } | undefined }): boolean => route.hop?.via === via;
  sent.length = 0;
  world.rib.redistribute(new Map([[p, { via, localPref: 2_147_482_623 }], [prefix('10.0.9.0/24'), { via: { gateway: undefined, interfaceIndex: 8 } }]]), isOnNine);
  expect([world.settle().get('10.0.1.0/24'), world.rib.loc.best(world.rib.loc.table.find(p))?.source]).toEqual([undefined, KERNEL]);
  expect(sent).toEqual(['+10.0.1.0/24 via 192.0.2.254 2147482623']);
  world.rib.redistribute(new Map([[p, undefined]]), isOnNine);
  expect(world.settle().get('10.0.1.0/24')).toBe('198.51.100.1');
  world.rib.redistribute(new Map([[p, { via, localPref: 50 }]]), isOnNine);
  world.rib.endRedistribution();
  expect([world.settle().get('10.0.1.0/24'), world.rib.loc.adjIn.countsOf(KERNEL).received]).toEqual(['198.51.100.1', 0]);
});

test('an own route carries its LOCAL_PREF, which may change alone', () => {
  const world = new World();
  const p = prefix('10.0.1.0/24');
  const localPref = (): number | undefined => { world.settle(); return world.rib.loc.best(world.rib.loc.table.find(p))?.localPref; };
  world.rib.originate(new Map([[p, { blackhole: true, localPref: 300 }]]));
  expect(localPref()).toBe(300);
  world.rib.originate(new Map([[p, { blackhole: true, localPref: 200 }]]));
  expect(localPref()).toBe(200);
  world.rib.originate(new Map([[p, { blackhole: true }]]));
  expect(localPref()).toBe(100);
});

test('prefixes that only a slow peer waited for are forgotten when it is told, and when it goes', () => {
  const world = new World();
  const group = world.rib.groupFor('internal', INTERNAL, undefined);
  const member = group.join(source({ index: 6, kind: 'ibgp' }), () => false);
  const from = source({ index: 5 });
  const flood = (): void => {
    for (let i = 0; i < 100; i++) world.announce(from, `10.1.${i}.0/24`, attributes({ asPath: path(1) }), '198.51.100.1');
    world.settle();
    world.rib.loc.removeAll(from, 'all');
    world.settle();
  };
  flood();
  expect(world.rib.loc.table.size).toBe(100);
  group.catchUp(member, (ids) => { world.rib.releaseIdle(ids); });
  expect(world.rib.loc.table.size).toBe(0);
  flood();
  expect(world.rib.loc.table.size).toBe(100);
  group.members.delete(member.source);
  world.rib.leaveGroup(group, member);
  expect(world.rib.loc.table.size).toBe(0);
});

test('when a next hop moves to or from the link that we share with a peer, the peer is told the other next hop', () => {
  let gateway = '198.51.100.1';
  const rib = new FamilyRib('ipv4', originated(), () => ({ reachable: true, gateway: ip(gateway), interfaceIndex: 7, metric: 0 }));
  const target = { ...INTERNAL, interfaceIndex: 7, wire: wireContext({ external: true }) };
  const group = rib.groupFor('', target, undefined);
  const sent: string[] = [];
  const member = group.join(source({ index: 6 }), (bytes) => { sent.push(...linesOf(updatesIn(bytes, target.wire))); return true; });
  group.catchUp(member);
  rib.announce(source({ index: 5 }), [prefix('10.0.1.0/24')], attributes({ asPath: path(1) }), { address: ip('198.51.100.1') }, undefined, undefined);
  rib.flush(100);
  gateway = '198.51.100.9';
  rib.resolveAgain();
  rib.flush(100);
  gateway = '198.51.100.8';                 // it shows no difference
  rib.resolveAgain();
  rib.flush(100);
  expect(sent).toEqual(['+10.0.1.0/24 via 198.51.100.1', '+10.0.1.0/24 via 192.0.2.254']);
});

/** Nothing but 192.0.2.0/24 is on a link; `gateway`: a default route of the kernel's. */
function distantWorld(gateway?: string): World {
  return new World((address) => {
    if (showIp(address).startsWith('192.0.2.')) return { reachable: true, gateway: undefined, interfaceIndex: 7, metric: 0, length: 24 };
    return gateway === undefined ? UNREACHABLE : { reachable: true, gateway: ip(gateway), interfaceIndex: 7, metric: 10, length: 0 };
  });
}

test.each([undefined, '192.0.2.254'])('a route of BGP leads to the next hop of another, follows it, and goes with it (default route: %s)', (gateway) => {
  const world = distantWorld(gateway);
  const [router, node] = [source({ index: 3, kind: 'ebgp', address: '192.0.2.1' }), source({ index: 4, kind: 'ibgp', address: '10.60.0.9' })];
  world.announce(node, '10.244.9.0/26', attributes(), '10.60.0.9');
  const before = gateway === undefined ? undefined : '192.0.2.254';
  expect(world.settle().get('10.244.9.0/26')).toBe(before);
  world.announce(router, '10.60.0.0/16', attributes({ asPath: path(65001) }), '192.0.2.1');
  expect(world.settle().get('10.244.9.0/26')).toBe('192.0.2.1');
  world.announce(router, '10.60.0.0/24', attributes({ asPath: path(65001) }), '192.0.2.2');      // longer
  expect(world.settle().get('10.244.9.0/26')).toBe('192.0.2.2');
  world.rib.loc.withdraw(router, [prefix('10.60.0.0/24')]);
  expect(world.settle().get('10.244.9.0/26')).toBe('192.0.2.1');
  world.rib.loc.withdraw(router, [prefix('10.60.0.0/16')]);
  expect(world.settle().get('10.244.9.0/26')).toBe(before);
});

test('routes that would lead to each other, or to themselves, lead nowhere', () => {
  const world = distantWorld();
  const [a, b] = [source({ index: 3, kind: 'ibgp' }), source({ index: 4, kind: 'ibgp' })];
  world.announce(a, '10.1.0.0/16', attributes(), '10.2.0.1');
  world.announce(b, '10.2.0.0/16', attributes(), '10.1.0.1');
  world.announce(b, '10.3.0.0/16', attributes(), '10.3.0.1');
  expect([...world.settle()]).toEqual([]);
  world.announce(a, '10.1.0.0/16', attributes(), '192.0.2.1');
  expect([...world.settle()]).toEqual([['10.1.0.0/16', '192.0.2.1'], ['10.2.0.0/16', '192.0.2.1']]);
  world.announce(a, '10.4.0.0/16', attributes(), '10.2.0.1');      // one step of recursion, not two
  expect(world.settle().has('10.4.0.0/16')).toBe(false);
  world.announce(a, '10.1.0.0/16', attributes(), '10.2.0.1');      // what was reached is no reason to be reached
  expect([...world.settle()]).toEqual([]);
});

test('a next hop on a link of ours is reached on that link, whatever BGP says of its address', () => {
  const world = distantWorld();
  const peer = source({ index: 3, kind: 'ebgp' });
  world.announce(peer, '10.1.0.0/16', attributes(), '192.0.2.1');
  world.announce(peer, '192.0.2.1/32', attributes(), '192.0.2.9');
  expect(world.settle().get('10.1.0.0/16')).toBe('192.0.2.1');
});

test('a peer that changes one prefix again and again with many attributes makes nobody remember what it said before', () => {
  const world = new World();
  const target: ExportTarget = {
    family: 'ipv4', localAsn: 64512, nextHop: 'auto', self: { address: ip('192.0.2.254') }, interfaceIndex: 0, wire: wireContext({ external: true }),
  };
  const { out } = world.rib.groupFor('all', target, undefined);
  const from = source({ index: 3, kind: 'ebgp' });
  for (let i = 0; i < 300; i++) {
    const many = attributes({ asPath: path(65001), communities: Array.from({ length: 10_000 }, (_, n) => n + i) });
    world.announce(from, '10.1.0.0/16', many, '192.0.2.1');
    world.settle();
  }
  expect(world.rib.loc.routes.size).toBeLessThan(150);
  expect(out.remembered).toBeLessThan(150);
});
