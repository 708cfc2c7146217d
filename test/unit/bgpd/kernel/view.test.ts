/** How next hops are resolved against routes, links and addresses, and how events change them. */
import { expect, test } from '@jest/globals';
import { ip, prefix, showIp, showPrefix } from '../../../../lib/ip/text.ts';
import { KernelView, type ForeignNextHop, type ForeignRoute } from '../../../../bgpd/kernel/view.ts';

const UP = { name: 'eth', up: true, carrier: true };

function view(more: { allowDefault?: boolean } = {}): KernelView {
  const v = new KernelView({ mainTable: 254, allowDefault: more.allowDefault ?? false });
  for (const index of [2, 3]) v.setLink(index, UP);
  return v;
}

const via = (gateway: string, interfaceIndex = 2): ForeignNextHop => ({ gateway: ip(gateway), interfaceIndex });
const dev = (interfaceIndex: number): ForeignNextHop => ({ interfaceIndex });
const route = (text: string, nextHops: ForeignNextHop[], more: Partial<ForeignRoute> = {}): ForeignRoute =>
  ({ prefix: prefix(text), type: 'unicast', table: 254, protocol: 2, metric: 0, nextHops, ...more });

function show(v: KernelView, address: string): string {
  const r = v.resolve(ip(address));
  return r.reachable ? `${r.gateway === undefined ? 'direct' : showIp(r.gateway)} on ${r.interfaceIndex} cost ${r.metric}` : 'unreachable';
}

test('the longest prefix decides, then the lowest metric; a gateway of the kernel is followed', () => {
  const v = view();
  v.add(route('10.0.0.0/8', [via('192.0.2.1')], { metric: 20 }), false);
  v.add(route('10.1.0.0/16', [via('192.0.2.2', 3)], { metric: 10 }), false);
  v.add(route('10.1.0.0/16', [via('192.0.2.3')], { metric: 5 }), false);
  v.add(route('192.0.2.0/24', [dev(2)]), false);
  expect(show(v, '10.9.0.1')).toBe('192.0.2.1 on 2 cost 20');
  expect(show(v, '10.1.0.1')).toBe('192.0.2.3 on 2 cost 5');
  expect(show(v, '192.0.2.77')).toBe('direct on 2 cost 0');
  expect(show(v, '198.51.100.1')).toBe('unreachable');
});

test('IPv6 is resolved in the same way, and a gateway may be of the other family', () => {
  const v = view();
  v.add(route('fd00::/64', [dev(2)], { metric: 256 }), false);
  v.add(route('fd01::/48', [via('fd00::9')], { metric: 1024 }), false);
  v.add(route('10.0.0.0/8', [via('fd00::9')]), false);
  expect(show(v, 'fd00::5')).toBe('direct on 2 cost 0');
  expect(show(v, 'fd01:0:0:7::1')).toBe('fd00::9 on 2 cost 1024');
  expect(show(v, '10.1.2.3')).toBe('fd00::9 on 2 cost 0');
  expect(show(v, 'fd02::1')).toBe('unreachable');
});

test('a default route counts only where it is allowed', () => {
  for (const [allowDefault, v4, v6] of [[false, 'unreachable', 'unreachable'], [true, '192.0.2.1 on 2 cost 0', 'fd00::1 on 2 cost 1024']] as const) {
    const v = view({ allowDefault });
    v.add(route('0.0.0.0/0', [via('192.0.2.1')]), false);
    v.add(route('::/0', [via('fd00::1')], { metric: 1024 }), false);
    expect([show(v, '8.8.8.8'), show(v, '2001:db8::1')]).toEqual([v4, v6]);
  }
});

test('an own address is unreachable as a next hop, until it has left all interfaces', () => {
  const v = view();
  v.add(route('192.0.2.0/24', [dev(2)]), false);
  v.addAddress(ip('192.0.2.1'), 2);
  v.addAddress(ip('192.0.2.1'), 3);
  expect(show(v, '192.0.2.1')).toBe('unreachable');
  expect(v.removeAddress(ip('192.0.2.1'), 2)).toBe(false);
  expect(show(v, '192.0.2.1')).toBe('unreachable');
  expect(v.removeAddress(ip('192.0.2.1'), 3)).toBe(true);
  expect(show(v, '192.0.2.1')).toBe('direct on 2 cost 0');
});

test('what a blackhole or its like covers is unreachable, other tables and odd types do not count', () => {
  const v = view();
  v.add(route('10.0.0.0/8', [dev(2)]), false);
  for (const [i, type] of (['blackhole', 'unreachable', 'prohibit', 'local'] as const).entries()) {
    v.add(route(`10.${i}.0.0/16`, [], { type }), false);
    expect(show(v, `10.${i}.0.1`)).toBe('unreachable');
  }
  v.add(route('10.9.0.0/16', [], { type: 'other' }), false);
  v.add(route('10.9.1.0/24', [via('192.0.2.9')], { table: 100 }), false);
  expect([show(v, '10.9.0.1'), show(v, '10.9.1.1')]).toEqual(['direct on 2 cost 0', 'direct on 2 cost 0']);
});

test('a link without carrier is not used, and comes back with it; one that goes down loses its routes', () => {
  const v = view();
  v.add(route('10.0.0.0/8', [via('192.0.2.1', 2)]), false);
  v.add(route('10.0.0.0/8', [via('192.0.2.2', 3)], { metric: 50 }), false);
  v.add(route('10.1.0.0/16', [via('192.0.2.1', 2), via('192.0.2.2', 3)]), false);
  expect(v.setLink(2, { name: 'eth', up: true, carrier: false })).toBe(true);
  expect([show(v, '10.9.0.1'), show(v, '10.1.0.1')]).toEqual(['192.0.2.2 on 3 cost 50', '192.0.2.2 on 3 cost 0']);
  v.setLink(2, UP);
  expect([show(v, '10.9.0.1'), show(v, '10.1.0.1')]).toEqual(['192.0.2.1 on 2 cost 0', '192.0.2.1 on 2 cost 0']);

  v.setLink(2, { name: 'eth', up: false, carrier: false });
  v.setLink(2, UP);
  expect([show(v, '10.9.0.1'), show(v, '10.1.0.1')]).toEqual(['192.0.2.2 on 3 cost 50', '192.0.2.1 on 2 cost 0']);

  v.setLink(2, { name: 'eth', up: false, carrier: false });
  v.removeLink(3);
  v.setLink(2, UP);
  v.setLink(3, UP);
  expect([show(v, '10.9.0.1'), show(v, '10.1.0.1')]).toEqual(['unreachable', 'unreachable']);
});

test('a replacing event takes the place of what was there, another metric stays', () => {
  const v = view();
  v.add(route('10.0.0.0/8', [via('192.0.2.1')], { metric: 5, protocol: 4 }), false);
  v.add(route('10.0.0.0/8', [via('192.0.2.2')], { metric: 9 }), false);
  expect(v.add(route('10.0.0.0/8', [via('192.0.2.3')], { metric: 5, protocol: 16 }), true)).toBe(true);
  expect(show(v, '10.0.0.1')).toBe('192.0.2.3 on 2 cost 5');
  expect(v.remove(route('10.0.0.0/8', [via('192.0.2.3')], { metric: 5, protocol: 16 }))).toBe(true);
  expect(show(v, '10.0.0.1')).toBe('192.0.2.2 on 2 cost 9');
});

test('IPv6 tells of next hops one by one: they join and leave one route', () => {
  const v = view();
  const at = (...gateways: string[]): ForeignRoute => route('fd01::/64', gateways.map((g) => via(g)), { metric: 1024, protocol: 4 });
  v.add(at('fd00::1'), false);
  expect(v.add(at('fd00::1', 'fd00::2'), false)).toBe(true);
  expect(v.add(at('fd00::2'), false)).toBe(false);
  expect(v.remove(at('fd00::1'))).toBe(true);
  expect(show(v, 'fd01::1')).toBe('fd00::2 on 2 cost 1024');
  expect(v.remove(at('fd00::7'))).toBe(false);
  expect(v.remove(at('fd00::2', 'fd00::3'))).toBe(true);
  expect([show(v, 'fd01::1'), v.size]).toEqual(['unreachable', 0]);
});

test('only what changes something says so', () => {
  const v = view();
  const r = route('10.0.0.0/8', [via('192.0.2.1')]);
  expect([v.add(r, false), v.add(r, false), v.add(r, true)]).toEqual([true, false, false]);
  expect([v.remove(r), v.remove(r)]).toEqual([true, false]);
  expect([v.setLink(2, UP), v.setLink(9, UP), v.removeLink(9), v.removeLink(9)]).toEqual([false, true, true, false]);
  expect([v.addAddress(ip('10.0.0.1'), 2), v.addAddress(ip('10.0.0.1'), 2)]).toEqual([true, false]);
});

test('the occupant of a place is known by prefix, table and metric', () => {
  const v = view();
  v.add(route('10.0.0.0/8', [via('192.0.2.1')], { metric: 1024, protocol: 4 }), false);
  expect(v.occupant(prefix('10.0.0.0/8'), { table: 254, metric: 1024 })?.protocol).toBe(4);
  expect(v.occupant(prefix('10.0.0.0/8'), { table: 254, metric: 7 })).toBeUndefined();
  expect(v.occupant(prefix('10.0.0.0/8'), { table: 100, metric: 1024 })).toBeUndefined();
  expect(v.occupant(prefix('10.0.0.0/9'), { table: 254, metric: 1024 })).toBeUndefined();
});

test('reading all again forgets what is not named', () => {
  const v = view();
  v.add(route('10.0.0.0/8', [dev(2)]), false);
  v.add(route('10.1.0.0/16', [dev(2)]), false);
  v.replaceRoutes('ipv4', [route('10.1.0.0/16', [dev(3)])]);
  v.replaceLinks([[3, UP]]);
  v.replaceAddresses([[ip('10.1.0.1'), 3]]);
  expect([show(v, '10.0.0.1'), show(v, '10.1.0.2'), show(v, '10.1.0.1'), v.size]).toEqual(['unreachable', 'direct on 3 cost 0', 'unreachable', 1]);
});

const candidates = (v: KernelView): string[] => [...v.takeCandidates()].map(([p, c]) =>
  `${showPrefix(p)} ${c === undefined ? 'gone' : `${c.kind} on ${c.interfaceIndex}${c.gateway === undefined ? '' : ` via ${showIp(c.gateway)}`} metric ${c.metric}`}`).sort();

test('routes of others are told of once each time they change, the lowest metric of the main table', () => {
  const v = view();
  v.add(route('192.0.2.0/24', [dev(2)]), false);
  v.add(route('10.1.0.0/16', [via('192.0.2.2')], { protocol: 4, metric: 20 }), false);
  v.add(route('10.2.0.0/16', [], { type: 'blackhole', protocol: 4 }), false);
  v.add(route('10.3.0.0/16', [dev(2)], { table: 100 }), false);
  expect(candidates(v)).toEqual([]);                       // nobody asked
  v.followCandidates();
  expect(candidates(v)).toEqual(['10.1.0.0/16 static on 2 via 192.0.2.2 metric 20', '10.2.0.0/16 gone', '10.3.0.0/16 gone', '192.0.2.0/24 connected on 2 metric 0']);
  expect(candidates(v)).toEqual([]);
  v.add(route('10.1.0.0/16', [dev(3)], { protocol: 85, metric: 5 }), false);
  expect(candidates(v)).toEqual(['10.1.0.0/16 static on 3 metric 5']);
  v.setLink(3, { name: 'eth', up: false, carrier: false });
  expect(candidates(v)).toEqual(['10.1.0.0/16 static on 2 via 192.0.2.2 metric 20']);
  v.replaceRoutes('ipv4', [route('192.0.2.0/24', [dev(2)])]);
  expect(candidates(v)).toEqual(['10.1.0.0/16 gone', '10.2.0.0/16 gone', '10.3.0.0/16 gone', '192.0.2.0/24 connected on 2 metric 0']);
  v.forgetCandidates();
  v.add(route('10.9.0.0/16', [dev(2)]), false);
  expect(candidates(v)).toEqual([]);
});

test('connected routes of an ignored interface count neither for next hops nor as candidates', () => {
  const v = view();
  v.setLink(3, { name: 'docker0', up: true, carrier: true });
  v.add(route('172.17.0.0/16', [dev(3)]), false);
  v.add(route('10.1.0.0/16', [via('172.17.0.9', 3)], { protocol: 4 }), false);
  v.followCandidates();
  v.takeCandidates();
  v.ignoreInterfaces(['docker*', 'virbr?']);
  expect([show(v, '172.17.0.5'), show(v, '10.1.2.3')]).toEqual(['unreachable', '172.17.0.9 on 3 cost 0']);
  expect(candidates(v)).toEqual(['10.1.0.0/16 static on 3 via 172.17.0.9 metric 0', '172.17.0.0/16 gone']);
  v.ignoreInterfaces([]);
  expect(show(v, '172.17.0.5')).toBe('direct on 3 cost 0');
  expect(v.nameOf(3)).toBe('docker0');
});
