/** Next hops: how the kernel reaches them, and what is noticed when that changes. */
import { expect, test } from '@jest/globals';
import { NextHops } from '../../../../bgpd/rib/next-hop.ts';
import { UNREACHABLE, type Resolution } from '../../../../bgpd/ports.ts';
import type { Ip, Ipv6 } from '../../../../lib/ip/prefix.ts';
import { ip } from '../../../../lib/ip/text.ts';

const connected = (interfaceIndex: number, metric = 0): Resolution => ({ reachable: true, gateway: undefined, interfaceIndex, metric });

function world(): { readonly hops: NextHops; readonly routes: Map<Ip, Resolution> } {
  const routes = new Map<Ip, Resolution>();
  return { routes, hops: new NextHops((address) => routes.get(address) ?? UNREACHABLE) };
}

test('a connected next hop is its own gateway; a distant one is reached through the gateway of its route', () => {
  const { hops, routes } = world();
  routes.set(ip('192.0.2.1'), connected(3));
  routes.set(ip('203.0.113.9'), { ...connected(4, 20), gateway: ip('192.0.2.254') });
  expect(hops.hop({ address: ip('192.0.2.1') }, 0)).toMatchObject({ via: { gateway: ip('192.0.2.1'), interfaceIndex: 3 }, metric: 0 });
  expect(hops.hop({ address: ip('203.0.113.9') }, 0)).toMatchObject({ via: { gateway: ip('192.0.2.254'), interfaceIndex: 4 }, metric: 20 });
  expect(hops.hop({ address: ip('198.51.100.1') }, 0).via).toBeUndefined();
});

test('one next hop is one object, and refresh tells only those that changed', () => {
  const { hops, routes } = world();
  for (const last of [1, 2, 3]) routes.set(ip(`192.0.2.${last}`), connected(3));
  const [a, b, c] = [1, 2, 3].map((last) => hops.hop({ address: ip(`192.0.2.${last}`) }, 0));
  expect(hops.hop({ address: ip('192.0.2.1') }, 9)).toBe(a);
  const viaOfA = a!.via;
  routes.delete(ip('192.0.2.2'));
  routes.set(ip('192.0.2.3'), connected(3, 5));
  expect(hops.refresh()).toEqual(new Set([b, c]));
  expect(b!.via).toBeUndefined();
  expect(c!.metric).toBe(5);
  expect(a!.via).toBe(viaOfA);
  expect(hops.refresh().size).toBe(0);
});

test('a link-local next hop is meant on the interface of the session, and nowhere without one', () => {
  const { hops, routes } = world();
  const [near, far] = [ip('2001:db8::3'), ip('2001:db8::4')];
  routes.set(ip('fe80::1'), connected(99)).set(near, connected(3)).set(far, connected(4));
  expect(hops.hop({ address: ip('fe80::1') }, 3, near).via).toEqual({ gateway: ip('fe80::1'), interfaceIndex: 3 });
  expect(hops.hop({ address: ip('fe80::1') }, 4, far).via).toEqual({ gateway: ip('fe80::1'), interfaceIndex: 4 });
  expect(hops.hop({ address: ip('fe80::1') }, 0, near).via).toBeUndefined();
});

test('the link-local half of an IPv6 next hop serves when the global one cannot be reached, while the link carries', () => {
  const { hops, routes } = world();
  const [neighbour, nextHop] = [ip('2001:db8::3'), { address: ip('2001:db8::1'), linkLocal: ip('fe80::1') as Ipv6 }];
  routes.set(neighbour, connected(3));
  const hop = hops.hop(nextHop, 3, neighbour);
  expect(hop.via).toEqual({ gateway: ip('fe80::1'), interfaceIndex: 3 });
  routes.set(ip('2001:db8::1'), connected(5));
  expect(hops.refresh()).toEqual(new Set([hop]));
  expect(hop.via).toEqual({ gateway: ip('2001:db8::1'), interfaceIndex: 5 });
  routes.clear();
  expect(hops.refresh()).toEqual(new Set([hop]));
  expect(hop.via).toBeUndefined();
  routes.set(neighbour, { ...connected(3), gateway: ip('2001:db8::9') });
  expect(hops.refresh().size).toBe(0);
});

test('hops that no route uses are forgotten', () => {
  const { hops } = world();
  const kept = hops.hop({ address: ip('192.0.2.1') }, 0);
  hops.hop({ address: ip('192.0.2.2') }, 0);
  hops.keepOnly(new Set([kept]));
  expect(hops.size).toBe(1);
  expect(hops.hop({ address: ip('192.0.2.1') }, 0)).toBe(kept);
});
