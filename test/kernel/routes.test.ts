/** Routes in a real kernel: what `ip` shows after each call, and what it saw happen. */
import { expect } from '@jest/globals';
import { ip, prefix, showPrefix } from '../../lib/ip/text.ts';
import { createRoutes, deleteRoutes, listRoutes, putRoute, putRoutes, writeRoute, type Route, type RouteNextHop } from '../../sys/netlink/routes.ts';
import { linkByName } from '../../sys/netlink/links.ts';
import { NLM_F_CREATE, NLM_F_REPLACE, type NetlinkSocket } from '../../sys/netlink/socket.ts';
import { namespaces, root } from '../support/capabilities.ts';
import { Namespaces, type IpRoute, type Netns } from '../support/namespaces.ts';
import { skipUnless } from '../support/skip.ts';

const test = skipUnless(root, namespaces);

interface Bed extends AsyncDisposable { readonly a: Netns; readonly socket: NetlinkSocket; readonly oif: number }

/** One namespace with a neighbour behind `to-b`: 10.9.0.2..4 and fd09::2..4. */
async function bed(purpose: string): Promise<Bed> {
  const net = await Namespaces.create(purpose);
  const [a, b] = [net.add('a'), net.add('b')];
  net.link(a, b, { addresses: [['10.9.0.1/24', 'fd09::1/64'], ['10.9.0.2/24', 'fd09::2/64']] });
  const socket = a.netlink();
  return { a, socket, oif: linkByName(socket, 'to-b')!.index, [Symbol.asyncDispose]: () => net[Symbol.asyncDispose]() };
}

const route = (text: string, nextHops: readonly RouteNextHop[], more: Partial<Route> = {}): Route =>
  ({ prefix: prefix(text), type: 'unicast', table: 254, protocol: 84, metric: 1024, nextHops, ...more });
const via = (gateway: string, interfaceIndex: number): RouteNextHop => ({ gateway: ip(gateway), interfaceIndex });
const find = (routes: IpRoute[], dst: string): IpRoute | undefined => routes.find((r) => r.dst === dst);

test('routes of every shape arrive as `ip` would have written them', async () => {
  await using bench = await bed('route shapes');
  const { a, socket, oif } = bench;

  expect(putRoutes(socket, [
    route('10.1.0.0/24', [via('10.9.0.2', oif)]),
    route('10.2.0.0/24', [via('10.9.0.2', 0)]),
    route('10.3.0.0/24', [via('10.9.0.2', oif), { ...via('10.9.0.3', oif), weight: 5 }]),
    route('10.4.0.0/24', [], { type: 'blackhole' }),
    route('10.5.0.7/32', [{ interfaceIndex: oif }], { protocol: 85 }),
    route('10.6.0.0/24', [via('fd09::2', oif)]),
    route('10.7.0.0/24', [{ ...via('192.0.2.1', oif), onlink: true }]),
    route('fd01::/64', [via('fd09::2', oif)]),
    route('fd03::/64', [via('fd09::2', oif), via('fd09::3', oif)]),
    route('fd04::/64', [], { type: 'blackhole' }),
    route('fd05::7/128', [{ interfaceIndex: oif }], { protocol: 85 }),
  ])).toEqual([]);

  const v4 = a.routes(4);
  expect(find(v4, '10.1.0.0/24')).toMatchObject({ gateway: '10.9.0.2', dev: 'to-b', protocol: '84', metric: 1024 });
  expect(find(v4, '10.2.0.0/24')).toMatchObject({ gateway: '10.9.0.2', dev: 'to-b' });
  expect(find(v4, '10.3.0.0/24')?.nexthops).toMatchObject([{ gateway: '10.9.0.2', weight: 1 }, { gateway: '10.9.0.3', weight: 5 }]);
  expect(find(v4, '10.4.0.0/24')).toMatchObject({ type: 'blackhole', protocol: '84' });
  expect(find(v4, '10.5.0.7')).toMatchObject({ dev: 'to-b', scope: 'link', protocol: '85' });
  expect(find(v4, '10.6.0.0/24')).toMatchObject({ via: { family: 'inet6', host: 'fd09::2' }, dev: 'to-b' });
  expect(find(v4, '10.7.0.0/24')).toMatchObject({ gateway: '192.0.2.1', flags: ['onlink'] });
  const v6 = a.routes(6);
  expect(find(v6, 'fd01::/64')).toMatchObject({ gateway: 'fd09::2', dev: 'to-b', protocol: '84', metric: 1024 });
  expect(find(v6, 'fd03::/64')?.nexthops).toMatchObject([{ gateway: 'fd09::2' }, { gateway: 'fd09::3' }]);
  expect(find(v6, 'fd04::/64')).toMatchObject({ type: 'blackhole' });
  expect(find(v6, 'fd05::7')).toMatchObject({ dev: 'to-b', protocol: '85' });
});

test('a dump gives back what was put, of the table and protocol asked for and no other', async () => {
  await using bench = await bed('route dumps');
  const { a, socket, oif } = bench;
  const ours = [
    route('10.1.0.0/24', [via('10.9.0.2', oif)]),
    route('10.3.0.0/24', [via('10.9.0.2', oif), { ...via('10.9.0.3', oif), weight: 5 }]),
    route('10.4.0.0/24', [], { type: 'blackhole' }),
    route('10.6.0.0/24', [via('fd09::2', oif)]),
  ];
  putRoutes(socket, [...ours, route('10.8.0.0/24', [via('10.9.0.2', oif)], { table: 1000 })]);
  a.ip('route', 'add', '10.66.0.0/16', 'via', '10.9.0.2');

  expect(listRoutes(socket, { family: 'ipv4', table: 254, protocol: 84 })).toEqual(ours.map((r) => ({ ...r, scope: 0 })));
  expect(listRoutes(socket, { family: 'ipv4', table: 1000 }).map((r) => [showPrefix(r.prefix), r.table])).toEqual([['10.8.0.0/24', 1000]]);
  expect(listRoutes(socket, { family: 'ipv4', table: 254 }).map((r) => showPrefix(r.prefix))).toContain('10.66.0.0/16');
  expect(listRoutes(socket, { family: 'ipv6', table: 254, protocol: 84 })).toEqual([]);
  expect(listRoutes(socket, { family: 'ipv4', table: 4711 })).toEqual([]);
});

const shapes = (family: 4 | 6, oif: number): Route[] => {
  const target = family === 4 ? '10.1.0.0/24' : 'fd01::/64';
  const [g2, g3, g4] = family === 4 ? ['10.9.0.2', '10.9.0.3', '10.9.0.4'] as const : ['fd09::2', 'fd09::3', 'fd09::4'] as const;
  return [
    route(target, [via(g2, oif)]),
    route(target, [via(g3, oif)]),
    route(target, [via(g2, oif), via(g3, oif), via(g4, oif)]),
    route(target, [via(g3, oif), via(g4, oif)]),
    route(target, [], { type: 'blackhole' }),
    route(target, [{ interfaceIndex: oif }]),
  ];
};

for (const family of [4, 6] as const) {
  test(`an IPv${family} route changes from any shape to any other without ever being absent`, async () => {
    await using bench = await bed('replace');
    const { a, socket, oif } = bench;
    const all = shapes(family, oif);
    const target = showPrefix(all[0]!.prefix);
    const show = (r: Route): object => {
      expect(deleteRoutes(socket, [r])).toEqual([]);
      putRoute(socket, r);
      return find(a.routes(family), target)!;
    };
    const expected = all.map(show);

    const monitor = await a.monitorRoutes();
    for (const [from, fromRoute] of all.entries()) {
      for (const [to, toRoute] of all.entries()) {
        putRoute(socket, fromRoute);
        await monitor.read();
        putRoute(socket, toRoute);
        const events = await monitor.read();
        expect(from === to || events.some((line) => line.includes(target))).toBe(true);
        expect({ from, to, deleted: events.filter((line) => line.startsWith('Deleted')) }).toEqual({ from, to, deleted: [] });
        const now = a.routes(family).filter((r) => r.dst === target);
        expect({ from, to, now }).toEqual({ from, to, now: [expected[to]] });
      }
    }
  });
}

test('a delete takes all next hops of ours and leaves what has another protocol or metric', async () => {
  await using bench = await bed('delete');
  const { a, socket, oif } = bench;
  a.ip('route', 'add', '10.1.0.0/24', 'via', '10.9.0.2', 'metric', '1024', 'proto', 'static');
  a.ip('route', 'add', '10.2.0.0/24', 'via', '10.9.0.2', 'metric', '7', 'proto', '84');
  a.ip('-6', 'route', 'add', 'fd01::/64', 'via', 'fd09::2', 'metric', '1024', 'proto', 'static');
  const multipath = [
    route('10.3.0.0/24', [via('10.9.0.2', oif), via('10.9.0.3', oif)]),
    route('fd03::/64', [via('fd09::2', oif), via('fd09::3', oif), via('fd09::4', oif)]),
  ];
  putRoutes(socket, multipath);

  expect(deleteRoutes(socket, [route('10.1.0.0/24', []), route('10.2.0.0/24', []), route('fd01::/64', []), ...multipath, ...multipath])).toEqual([]);

  expect(a.routes(4, 'proto', 'static').map((r) => r.dst)).toEqual(['10.1.0.0/24']);
  expect(a.routes(4, 'proto', '84').map((r) => [r.dst, r.metric])).toEqual([['10.2.0.0/24', 7]]);
  expect(a.routes(6, 'proto', 'static').map((r) => r.dst)).toEqual(['fd01::/64']);
  expect(a.routes(6, 'proto', '84')).toEqual([]);
});

test('what the kernel refuses is named by its place in the batch, and the rest is carried out', async () => {
  await using bench = await bed('refusals');
  const { a, socket, oif } = bench;
  const batch = Array.from({ length: 1_300 }, (_, i) => route(`10.${100 + (i >> 8)}.${i & 255}.0/24`, [via('10.9.0.2', oif)]));
  const bad = [0, 511, 512, 700, 1_299];
  for (const i of bad) batch[i] = { ...batch[i]!, nextHops: [via('8.8.8.8', oif)] };

  const refusals = putRoutes(socket, batch);

  expect(refusals.map((r) => r.index)).toEqual(bad);
  expect(refusals[0]).toEqual({ index: 0, code: 'ENETUNREACH', message: 'Nexthop has invalid gateway' });
  expect(a.routes(4, 'proto', '84')).toHaveLength(1_300 - bad.length);
  expect(createRoutes(socket, [batch[1]!])).toMatchObject([{ index: 0, code: 'EEXIST' }]);
  expect(() => { putRoute(socket, batch[0]!); }).toThrow(/ROUTE_PUT .*10\.100\.0\.0\/24.*ENETUNREACH.*Nexthop has invalid gateway/);
});

test('a thousand refusals in a row all arrive', async () => {
  await using bench = await bed('all refused');
  const { socket, oif } = bench;
  const bad = Array.from({ length: 1_100 }, (_, i) => route(`10.${100 + (i >> 8)}.${i & 255}.0/24`, [via('8.8.8.8', oif)]));
  expect(putRoutes(socket, bad).map((r) => r.index)).toEqual(bad.map((_, i) => i));
});

test('ten thousand routes of each family go in and out', async () => {
  await using bench = await bed('ten thousand');
  const { a, socket, oif } = bench;
  const v4 = Array.from({ length: 10_000 }, (_, i) => route(`172.${16 + (i >> 12)}.${(i >> 4) & 255}.${(i & 15) << 4}/28`, [via('10.9.0.2', oif)]));
  const v6 = Array.from({ length: 10_000 }, (_, i) => route(`fd01:0:0:${i.toString(16)}::/64`, [via('fd09::2', oif)]));

  expect(putRoutes(socket, [...v4, ...v6])).toEqual([]);
  expect(a.routes(4, 'proto', '84')).toHaveLength(10_000);
  expect(a.routes(6, 'proto', '84')).toHaveLength(10_000);
  expect(listRoutes(socket, { family: 'ipv4', table: 254, protocol: 84 })).toHaveLength(10_000);
  expect(listRoutes(socket, { family: 'ipv6', table: 254, protocol: 84 })).toHaveLength(10_000);
  expect(deleteRoutes(socket, [...v6, ...v4])).toEqual([]);
  expect(a.routes(4, 'proto', '84')).toEqual([]);
  expect(a.routes(6, 'proto', '84')).toEqual([]);
});

test('a batch from the pool is carried out but for what the kernel refuses, and outlives the socket', async () => {
  await using bench = await bed('pool batch');
  const { a, oif } = bench;
  const other = a.netlink();
  const routes = [
    route('10.1.0.0/24', [via('10.9.0.2', oif)]), route('10.2.0.0/24', [via('192.0.2.1', oif)]), route('10.3.0.0/24', [via('10.9.0.2', oif)]),
  ];
  const flags = NLM_F_CREATE | NLM_F_REPLACE;
  expect(await other.transactInPool(3, (w, i) => { writeRoute(w, flags, routes[i]!); })).toMatchObject([{ index: 1, code: 'ENETUNREACH' }]);

  const late = other.transactInPool(1, (w) => { writeRoute(w, flags, route('10.4.0.0/24', [via('10.9.0.2', oif)])); });
  other[Symbol.dispose]();
  await expect(late).rejects.toThrow('NETLINK_RECEIVE');
  const found = listRoutes(bench.socket, { family: 'ipv4', table: 254, protocol: 84 }).map((r) => showPrefix(r.prefix));
  expect(found.sort()).toEqual(['10.1.0.0/24', '10.3.0.0/24', '10.4.0.0/24']);
});
