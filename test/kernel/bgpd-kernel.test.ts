/** The speaker's kernel in a real one: its routes beside those of others, and next hops that follow what happens. */
import { expect } from '@jest/globals';
import { openKernel, FOREIGN, type Kernel } from '../../bgpd/kernel.ts';
import type { FibPort, KernelRoute } from '../../bgpd/ports.ts';
import { ip, prefix, showIp, showPrefix } from '../../lib/ip/text.ts';
import { silentLog } from '../../lib/log.ts';
import { systemClock } from '../../sys/clock.ts';
import { linkByName } from '../../sys/netlink/links.ts';
import { namespaces, root } from '../support/capabilities.ts';
import { Namespaces, eventually, type Netns } from '../support/namespaces.ts';
import { skipUnless } from '../support/skip.ts';

const test = skipUnless(root, namespaces);
const PLACE = { table: 254, metric: 1024 };

interface Bench extends AsyncDisposable {
  readonly a: Netns; readonly b: Netns; readonly kernel: Kernel; readonly fib: FibPort; readonly oif: number;
  /** How often the speaker was told. */
  readonly told: { changed: number; disturbed: number };
}

/** `a` with the kernel under test, a neighbour at 10.9.0.2 and fd09::2 behind `to-b`. */
async function bench(purpose: string, prepare: (a: Netns) => void = () => { /* nothing */ }): Promise<Bench> {
  const net = await Namespaces.create(purpose);
  const [a, b] = [net.add('a'), net.add('b')];
  net.link(a, b, { addresses: [['10.9.0.1/24', 'fd09::1/64'], ['10.9.0.2/24', 'fd09::2/64']] });
  prepare(a);
  const kernel = a.within(() => openKernel({ clock: systemClock, log: silentLog }));
  const fib = kernel.fib(PLACE);
  const told = { changed: 0, disturbed: 0 };
  kernel.resolver.onChange(() => { told.changed += 1; });
  fib.onDisturbed?.(() => { told.disturbed += 1; });
  const oif = linkByName(a.netlink(), 'to-b')!.index;
  const dispose = async (): Promise<void> => { kernel[Symbol.dispose](); await net[Symbol.asyncDispose](); };
  return { a, b, kernel, fib, oif, told, [Symbol.asyncDispose]: dispose };
}

const unicast = (text: string, interfaceIndex: number, ...gateways: string[]): KernelRoute =>
  ({ kind: 'unicast', prefix: prefix(text), nextHops: gateways.map((g) => ({ gateway: ip(g), interfaceIndex })) });
const blackhole = (text: string): KernelRoute => ({ kind: 'blackhole', prefix: prefix(text) });

function show(kernel: Kernel, address: string): string {
  const r = kernel.resolver.resolve(ip(address));
  return r.reachable ? `${r.gateway === undefined ? 'direct' : showIp(r.gateway)} on ${r.interfaceIndex}` : 'unreachable';
}

test('what was put is listed again, with next hops, and removed', async () => {
  await using t = await bench('fib');
  const routes = [
    unicast('10.1.0.0/24', t.oif, '10.9.0.2'), unicast('10.2.0.0/24', t.oif, '10.9.0.2', '10.9.0.3'), blackhole('10.3.0.0/26'),
    unicast('fd01::/64', t.oif, 'fd09::2'), unicast('fd02::/64', t.oif, 'fd09::2', 'fd09::3'), blackhole('fd03::/122'),
    unicast('10.4.0.0/24', t.oif, 'fd09::2'),
  ];
  expect(await t.fib.put(routes)).toEqual([]);
  const listed = await t.fib.list();
  expect(listed).toHaveLength(routes.length);
  expect(listed).toEqual(expect.arrayContaining(routes));
  expect(t.a.routes(4, 'proto', '84').map((r) => [r.dst, r.metric])).toEqual(
    [['10.1.0.0/24', 1024], ['10.2.0.0/24', 1024], ['10.3.0.0/26', 1024], ['10.4.0.0/24', 1024]]);

  expect(await t.fib.remove([...routes, blackhole('10.77.0.0/16')])).toEqual([]);
  expect(await t.fib.list()).toEqual([]);
  expect([...t.a.routes(4, 'proto', '84'), ...t.a.routes(6, 'proto', '84')]).toEqual([]);
});

test('our routes have our table, and the metric of the place or one of their own', async () => {
  await using t = await bench('place');
  const fib = t.kernel.fib({ table: 1000, metric: 77 });
  t.a.ip('route', 'add', '10.8.0.0/16', 'via', '10.9.0.2', 'proto', '84', 'metric', '5');
  await fib.put([unicast('10.1.0.0/24', t.oif, '10.9.0.2')]);
  expect(t.a.routes(4, 'table', '1000')).toMatchObject([{ dst: '10.1.0.0/24', metric: 77 }]);
  expect((await fib.list()).map((r) => showPrefix(r.prefix))).toEqual(['10.1.0.0/24']);
  expect(await t.fib.list()).toEqual([{ ...unicast('10.8.0.0/16', t.oif, '10.9.0.2'), metric: 5 }]);

  const own = [{ ...unicast('10.1.0.0/24', t.oif, '10.9.0.2'), metric: 512 }, { ...unicast('fd01::/64', t.oif, 'fd09::2'), metric: 512 }];
  expect(await t.fib.put(own)).toEqual([]);
  expect(await t.fib.list()).toEqual(expect.arrayContaining(own));
  expect([...t.a.routes(4, 'proto', '84', '10.1.0.0/24'), ...t.a.routes(6, 'proto', '84')]).toMatchObject([{ metric: 512 }, { metric: 512 }]);
  expect(await t.fib.remove([unicast('10.1.0.0/24', t.oif, '10.9.0.2')])).toEqual([]);       // another metric: another route
  expect(t.a.routes(4, 'proto', '84', '10.1.0.0/24')).toHaveLength(1);
  expect(await t.fib.remove(own)).toEqual([]);
  expect([...t.a.routes(4, 'proto', '84', '10.1.0.0/24'), ...t.a.routes(6, 'proto', '84')]).toEqual([]);
});

test('IPv6 routes have a metric of their own where the place says so', async () => {
  await using t = await bench('metric6');
  const fib = t.kernel.fib({ table: 254, metric: 1024, metric6: 900 });
  const routes = [unicast('10.1.0.0/24', t.oif, '10.9.0.2'), unicast('fd01::/64', t.oif, 'fd09::2')];
  await fib.put(routes);
  expect([...t.a.routes(4, 'proto', '84'), ...t.a.routes(6, 'proto', '84')]).toMatchObject([{ metric: 1024 }, { metric: 900 }]);
  expect(await fib.list()).toEqual(routes);
  await fib.remove(routes);
  expect(await fib.list()).toEqual([]);
});

test('the routes of others are followed as candidates', async () => {
  await using t = await bench('candidates', (a) => { a.ip('route', 'add', '10.5.0.0/16', 'via', '10.9.0.2'); });
  const seen: string[] = [];
  using _following = t.kernel.foreign.follow((changes) => {
    for (const [p, c] of changes) if (showPrefix(p).startsWith('10.')) seen.push(`${showPrefix(p)} ${c?.kind ?? 'gone'}`);
  });
  await eventually(5_000, () => { expect([...seen].sort()).toEqual(expect.arrayContaining(['10.5.0.0/16 static', '10.9.0.0/24 connected'])); });
  seen.length = 0;
  t.a.ip('route', 'add', '10.6.0.0/16', 'dev', 'to-b', 'proto', '85');
  await eventually(5_000, () => { expect(seen).toEqual(['10.6.0.0/16 static']); });
  t.a.ip('route', 'del', '10.5.0.0/16');
  await eventually(5_000, () => { expect(seen).toEqual(['10.6.0.0/16 static', '10.5.0.0/16 gone']); });
  await t.fib.put([unicast('10.7.0.0/16', t.oif, '10.9.0.2')]);
  t.kernel.foreign.ignoreInterfaces(['to-*']);
  await eventually(5_000, () => { expect(seen.slice(2)).toEqual(expect.arrayContaining(['10.9.0.0/24 gone', '10.6.0.0/16 gone'])); });
  expect(seen.some((s) => s.startsWith('10.7'))).toBe(false);
  expect(show(t.kernel, '10.9.0.2')).toBe('unreachable');
});

test('a route of somebody else in our place is refused and stays; BIRD’s are replaced', async () => {
  await using t = await bench('foreign', (a) => {
    a.ip('route', 'add', '10.1.0.0/24', 'via', '10.9.0.2', 'proto', 'static', 'metric', '1024');
    a.ip('-6', 'route', 'add', 'fd01::/64', 'via', 'fd09::2', 'proto', 'static', 'metric', '1024');
    a.ip('route', 'add', '10.2.0.0/24', 'via', '10.9.0.2', 'proto', 'static', 'metric', '7');
    a.ip('route', 'add', '10.3.0.0/24', 'via', '10.9.0.2', 'proto', 'bird', 'metric', '1024');
    a.ip('route', 'add', 'blackhole', '10.4.0.0/26', 'proto', 'bird', 'metric', '1024');
    a.ip('-6', 'route', 'add', 'fd03::/64', 'proto', 'bird', 'metric', '1024', 'nexthop', 'via', 'fd09::2', 'nexthop', 'via', 'fd09::3');
  });
  t.a.ip('route', 'add', '10.5.0.0/24', 'via', '10.9.0.2', 'proto', 'static', 'metric', '1024'); // after the start
  const monitor = await t.a.monitorRoutes();

  const refusals = await t.fib.put([
    unicast('10.1.0.0/24', t.oif, '10.9.0.3'), unicast('fd01::/64', t.oif, 'fd09::3'), unicast('10.2.0.0/24', t.oif, '10.9.0.3'),
    unicast('10.3.0.0/24', t.oif, '10.9.0.3'), blackhole('10.4.0.0/26'), unicast('fd03::/64', t.oif, 'fd09::4'),
    unicast('10.5.0.0/24', t.oif, '10.9.0.3'), unicast('10.6.0.0/24', t.oif, '10.9.0.3'),
  ]);

  expect(refusals.map((r) => [showPrefix(r.prefix), r.code])).toEqual([['10.1.0.0/24', FOREIGN], ['fd01::/64', FOREIGN], ['10.5.0.0/24', FOREIGN]]);
  expect(refusals[0]?.message).toBe('10.1.0.0/24 metric 1024 in table 254 belongs to route protocol 4');
  expect((await monitor.read()).filter((line) => line.startsWith('Deleted'))).toEqual([]);
  expect(t.a.routes(4, 'proto', 'static').map((r) => [r.dst, r.gateway])).toEqual([['10.1.0.0/24', '10.9.0.2'], ['10.2.0.0/24', '10.9.0.2'], ['10.5.0.0/24', '10.9.0.2']]);
  expect([...t.a.routes(4, 'proto', 'bird'), ...t.a.routes(6, 'proto', 'bird')]).toEqual([]);
  expect(t.a.routes(4, 'proto', '84').map((r) => r.dst)).toEqual(['10.2.0.0/24', '10.3.0.0/24', '10.4.0.0/26', '10.6.0.0/24']);
  expect(t.a.routes(6, 'proto', '84')).toMatchObject([{ dst: 'fd03::/64', gateway: 'fd09::4' }]);

  // Adopted once, ours for good: replaced and removed as any other.
  expect(await t.fib.put([unicast('10.3.0.0/24', t.oif, '10.9.0.4')])).toEqual([]);
  expect(await t.fib.remove([unicast('10.1.0.0/24', t.oif), unicast('10.3.0.0/24', t.oif), unicast('fd01::/64', t.oif)])).toEqual([]);
  expect(t.a.routes(4).map((r) => r.dst)).toContain('10.1.0.0/24');
  expect(t.a.routes(4).map((r) => r.dst)).not.toContain('10.3.0.0/24');

  // The place becomes free: the speaker hears of it, and gets it.
  const before = t.told.disturbed;
  t.a.ip('route', 'del', '10.1.0.0/24', 'proto', 'static');
  await eventually(5_000, () => { expect(t.told.disturbed).toBeGreaterThan(before); });
  expect(await t.fib.put([unicast('10.1.0.0/24', t.oif, '10.9.0.3')])).toEqual([]);
});

test('what the kernel refuses is named, and the rest is written', async () => {
  await using t = await bench('refused');
  const refusals = await t.fib.put([unicast('10.1.0.0/24', t.oif, '8.8.8.8'), unicast('10.2.0.0/24', t.oif, '10.9.0.2')]);
  expect(refusals).toEqual([{ prefix: prefix('10.1.0.0/24'), code: 'ENETUNREACH', message: 'Nexthop has invalid gateway' }]);
  expect((await t.fib.list()).map((r) => showPrefix(r.prefix))).toEqual(['10.2.0.0/24']);
});

test('a neighbour that announces its own /128 is a gateway still, alone and beside others', async () => {
  await using t = await bench('own128');
  const own = unicast('fd09::9/128', t.oif, 'fd09::9');
  const routes = [unicast('fd94::/64', t.oif, 'fd09::9'), unicast('fd95::/64', t.oif, 'fd09::9', 'fd09::2'), unicast('10.4.0.0/24', t.oif, 'fd09::9')];
  expect(await t.fib.put([own])).toEqual([]);
  expect(await t.fib.put(routes)).toEqual([]);
  const before = t.a.routes(6, 'proto', '84');
  expect(await t.fib.put(routes)).toEqual([]); // replaced, not added to
  expect(t.a.routes(6, 'proto', '84')).toEqual(before);
  const listed = await t.fib.list();
  expect(listed).toHaveLength(4);
  expect(listed).toEqual(expect.arrayContaining([own, ...routes])); // no difference that would be written again

  // What an earlier version wrote without the flag is the same route.
  t.a.ip('-6', 'route', 'add', 'fd96::/64', 'via', 'fd09::2', 'dev', 'to-b', 'proto', '84', 'metric', '1024');
  expect(await t.fib.list()).toContainEqual(unicast('fd96::/64', t.oif, 'fd09::2'));
  expect(await t.fib.put([unicast('fd96::/64', t.oif, 'fd09::9')])).toEqual([]);
  expect(t.a.routes(6, 'proto', '84').filter((r) => r.dst === 'fd96::/64')).toMatchObject([{ gateway: 'fd09::9' }]);
});

test('a refusal without words of the kernel has ours', async () => {
  await using t = await bench('wordless');
  const [refusal] = await t.fib.put([unicast('fd94::/64', 0, 'fd77::9')]);
  expect(refusal).toMatchObject({ code: 'EHOSTUNREACH', message: 'no route to the gateway' });
});

test('the speaker is told of what others do to its routes, never of what it does itself', async () => {
  await using t = await bench('disturbed');
  const routes = [
    ...Array.from({ length: 3_000 }, (_, i) => unicast(`10.${64 + (i >> 8)}.${i & 255}.0/24`, t.oif, '10.9.0.2')),
    unicast('fd01::/64', t.oif, 'fd09::2', 'fd09::3'), unicast('fd02::/64', t.oif, 'fd09::2'),
  ];
  await t.fib.put(routes);
  await t.fib.put(routes.map((r) => unicast(showPrefix(r.prefix), t.oif, typeof r.prefix === 'number' ? '10.9.0.3' : 'fd09::3')));
  await t.fib.remove(routes.slice(1_000, 2_000));
  t.a.ip('route', 'add', '172.16.0.0/16', 'via', '10.9.0.2');
  await eventually(5_000, () => { expect(show(t.kernel, '172.16.0.1')).toBe(`10.9.0.2 on ${t.oif}`); });
  expect(t.told.disturbed).toBe(0);

  for (const disturb of [
    () => t.a.ip('route', 'del', '10.64.0.0/24'),
    () => t.a.ip('route', 'replace', '10.64.1.0/24', 'via', '10.9.0.9', 'metric', '1024'),
    () => t.a.ip('-6', 'route', 'del', 'fd02::/64'),
    () => t.a.ip('link', 'set', 'to-b', 'down'),
  ]) {
    const before = t.told.disturbed;
    disturb();
    await eventually(5_000, () => { expect(t.told.disturbed).toBeGreaterThan(before); });
  }
  expect(await t.fib.list()).toEqual([]);
});

test('a link that none of our routes uses may go without our being told', async () => {
  await using t = await bench('other link', (a) => { a.ip('link', 'add', 'other', 'type', 'veth', 'peer', 'name', 'rehto'); a.ip('link', 'set', 'other', 'up'); });
  await t.fib.put([unicast('10.1.0.0/24', t.oif, '10.9.0.2')]);
  const before = t.told.changed;
  t.a.ip('link', 'del', 'other');
  await eventually(5_000, () => { expect(t.told.changed).toBeGreaterThan(before); });
  expect(t.told.disturbed).toBe(0);
});

test('next hops follow routes, addresses and links', async () => {
  await using t = await bench('resolver');
  expect(show(t.kernel, '10.9.0.2')).toBe(`direct on ${t.oif}`);
  expect(show(t.kernel, 'fd09::2')).toBe(`direct on ${t.oif}`);
  expect([show(t.kernel, '10.9.0.1'), show(t.kernel, 'fd09::1')]).toEqual(['unreachable', 'unreachable']);
  expect([show(t.kernel, '172.16.0.1'), show(t.kernel, 'fd77::1')]).toEqual(['unreachable', 'unreachable']);

  const becomes = async (address: string, expected: string): Promise<void> => {
    await eventually(5_000, () => { expect(show(t.kernel, address)).toBe(expected); });
  };
  t.a.ip('route', 'add', '172.16.0.0/16', 'via', '10.9.0.7');
  await becomes('172.16.0.1', `10.9.0.7 on ${t.oif}`);
  expect(t.told.changed).toBeGreaterThan(0);
  t.a.ip('route', 'replace', '172.16.0.0/16', 'via', '10.9.0.8');
  await becomes('172.16.0.1', `10.9.0.8 on ${t.oif}`);
  t.a.ip('-6', 'route', 'add', 'fd77::/64', 'nexthop', 'via', 'fd09::7', 'nexthop', 'via', 'fd09::8');
  await becomes('fd77::1', `fd09::7 on ${t.oif}`);
  t.a.ip('-6', 'route', 'del', 'fd77::/64', 'via', 'fd09::7');
  await becomes('fd77::1', `fd09::8 on ${t.oif}`);
  t.a.ip('-6', 'route', 'replace', 'fd77::/64', 'nexthop', 'via', 'fd09::5', 'nexthop', 'via', 'fd09::6');
  await becomes('fd77::1', `fd09::5 on ${t.oif}`);
  t.a.ip('-6', 'route', 'del', 'fd77::/64');
  await becomes('fd77::1', 'unreachable');
  t.a.ip('route', 'add', 'blackhole', '172.16.5.0/24');
  await becomes('172.16.5.1', 'unreachable');
  t.a.ip('route', 'add', 'default', 'via', '10.9.0.2');
  t.a.ip('route', 'add', '172.20.0.0/16', 'via', '10.9.0.2');
  await becomes('172.20.0.1', `10.9.0.2 on ${t.oif}`);
  expect(show(t.kernel, '8.8.8.8')).toBe('unreachable');

  t.b.ip('link', 'set', 'to-a', 'down'); // carrier goes
  await becomes('10.9.0.2', 'unreachable');
  t.b.ip('link', 'set', 'to-a', 'up');
  await becomes('10.9.0.2', `direct on ${t.oif}`);
  await becomes('172.16.0.1', `10.9.0.8 on ${t.oif}`);
  t.a.ip('link', 'set', 'to-b', 'down'); // the kernel drops 172.16.0.0/16 and tells nobody
  await becomes('10.9.0.2', 'unreachable');
  t.a.ip('link', 'set', 'to-b', 'up');
  await becomes('10.9.0.2', `direct on ${t.oif}`);
  expect(t.a.routes(4).map((r) => r.dst)).not.toContain('172.16.0.0/16');
  expect(show(t.kernel, '172.16.0.1')).toBe('unreachable');

  t.a.ip('route', 'add', '172.16.0.0/16', 'via', '10.9.0.7');
  await becomes('172.16.0.1', `10.9.0.7 on ${t.oif}`);
  t.a.ip('address', 'del', '10.9.0.1/24', 'dev', 'to-b'); // the last address: again without a word
  await becomes('172.16.0.1', 'unreachable');
  t.a.ip('address', 'add', '10.9.0.2/24', 'dev', 'to-b');
  await becomes('10.9.0.1', `direct on ${t.oif}`);
  await becomes('10.9.0.2', 'unreachable');
});

test('other turns run while many routes are written', async () => {
  await using t = await bench('slices');
  const routes = Array.from({ length: 20_000 }, (_, i) => unicast(`10.${64 + (i >> 8)}.${i & 255}.0/24`, t.oif, '10.9.0.2'));
  let turns = 0;
  let done = false;
  const count = (): void => { turns += 1; if (!done) setImmediate(count); };
  setImmediate(count);
  const [refusals] = await Promise.all([t.fib.put(routes), t.fib.remove(routes.slice(0, 5_000))]);
  done = true;
  expect(refusals).toEqual([]);
  expect(turns).toBeGreaterThan(40);
  expect(await t.fib.list()).toHaveLength(15_000); // the removal waited for its turn
});
