/** One family's table as a whole: after any history, FIB and peers hold what the present routes alone would give. */
import { expect, test } from '@jest/globals';
import type { Resolution } from '../../../../bgpd/ports.ts';
import { FamilyRib } from '../../../../bgpd/rib/family-rib.ts';
import type { Source } from '../../../../bgpd/rib/route.ts';
import type { PathAttributes } from '../../../../bgpd/wire/message.ts';
import { ip, prefix, showIp, showPrefix } from '../../../../lib/ip/text.ts';
import { attributes, originated, path, source } from '../../../support/rib-builders.ts';

const POLICY = { install: true, filter: undefined, maximumPaths: 4 };

class World {
  readonly unreachable = new Set<string>();
  readonly rib: FamilyRib;
  readonly #kernel = new Map<string, string>();

  constructor() {
    this.rib = new FamilyRib('ipv4', originated(), (address): Resolution =>
      ({ reachable: !this.unreachable.has(showIp(address)), gateway: undefined, interfaceIndex: 7, metric: 0 }));
    this.rib.setPolicy(POLICY);
  }

  announce(from: Source, p: string, of: PathAttributes, via: string): void {
    this.rib.announce(from, [prefix(p)], of, { address: ip(via) }, undefined, undefined);
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
  const model = new Map<string, readonly [Source, string, PathAttributes, string]>();
  const own = new Map<string, boolean>();
  for (let i = 0; i < 1500; i++) {
    const [from, p] = [sources[random(3)]!, pool[random(10)]!];
    switch (random(6)) {
      case 0: world.rib.loc.withdraw(from, [prefix(p)]); model.delete(`${from.index} ${p}`); break;
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
      case 3: if (random(20) === 0) { world.rib.loc.removeAll(from, 'all'); for (const key of model.keys()) if (key.startsWith(`${from.index} `)) model.delete(key); } break;
      default: {
        const entry = [from, p, sets[random(4)]!, vias[random(3)]!] as const;
        world.announce(...entry);
        model.set(`${from.index} ${p}`, entry);
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
