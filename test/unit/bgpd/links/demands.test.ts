/** Which demand concerns an address, and which keys a listener must have. */
import { expect, test } from '@jest/globals';
import { Demands, minimumTtlOf, placeOf } from '../../../../bgpd/links/demands.ts';
import type { LinkDemand } from '../../../../bgpd/ports.ts';
import { containsAddress, lengthOf } from '../../../../lib/ip/prefix.ts';
import { ip, prefix, showPrefix } from '../../../../lib/ip/text.ts';

const demand = (text: string, some: Partial<LinkDemand> = {}): LinkDemand =>
  ({ name: text, prefix: prefix(text), interface: undefined, key: undefined, hops: undefined, patienceMs: 1, ...some });

test('a neighbour of its own comes before the longest prefix, and that before shorter ones', () => {
  const demands = new Demands([demand('10.0.0.0/8'), demand('10.1.0.0/16'), demand('10.1.0.1/32'), demand('fd00::/8')]);
  const found = (text: string): string | undefined => demands.find(ip(text), undefined)?.name;
  expect(['10.1.0.1', '10.1.0.2', '10.2.0.1', '11.0.0.1', 'fd00::1'].map(found)).toEqual(['10.1.0.1/32', '10.1.0.0/16', '10.0.0.0/8', undefined, 'fd00::/8']);
});

test('one link-local address on two links is two neighbours; the kernel has one key for both', () => {
  const demands = new Demands([
    demand('fe80::1/128', { name: 'a', interface: 'eth0', key: 'first' }), demand('fe80::1/128', { name: 'b', interface: 'eth1', key: 'second' }),
  ]);
  expect([demands.find(ip('fe80::1'), 'eth0')?.name, demands.find(ip('fe80::1'), 'eth1')?.name, demands.find(ip('fe80::1'), undefined)]).toEqual(['a', 'b', undefined]);
  expect([...demands.keys('ipv6').values()].map((d) => d.key)).toEqual(['first']);
});

test('keys are of one family, and those without one are not there', () => {
  const demands = new Demands([demand('10.0.0.1/32', { key: 'k' }), demand('10.0.0.2/32'), demand('fd00::/64', { key: 'six' })]);
  expect([...demands.keys('ipv4').keys()].map(showPrefix)).toEqual(['10.0.0.1/32']);
  expect([...demands.keys('ipv6').keys()].map(showPrefix)).toEqual(['fd00::/64']);
});

test('a thousand neighbours with one key share few prefixes, which hold nobody who has another key or none', () => {
  const nodes = Array.from({ length: 1_000 }, (_, i) => demand(`10.0.${i >> 8}.${i & 255}/32`, { key: 'mesh' }));
  const keysOf = (...more: readonly LinkDemand[]): string[] => [...new Demands([...nodes, ...more]).keys('ipv4')].map(([p, d]) => `${showPrefix(p)} ${d.key}`).sort();
  expect(keysOf()).toEqual(['0.0.0.0/0 mesh']);
  const [tor, other] = [demand('10.0.9.1/32'), demand('10.0.0.1/32', { key: 'other' })];
  const range = demand('10.1.0.0/16', { key: 'racks' });
  const demands = new Demands([other, ...nodes.filter((n) => n.name !== other.name), tor, range]);
  const keys = [...demands.keys('ipv4')];
  expect(keys.length).toBeLessThan(30);
  /** As the kernel finds it: the longest prefix. */
  const keyOf = (text: string): string | undefined => keys.filter(([p]) => containsAddress(p, ip(text))).sort(([a], [b]) => lengthOf(b) - lengthOf(a))[0]?.[1].key;
  expect(['10.0.0.0', '10.0.0.2', '10.0.3.231', '10.0.0.1', '10.0.9.1', '10.1.2.3'].map(keyOf)).toEqual(['mesh', 'mesh', 'mesh', 'other', undefined, 'racks']);
});

test('the least TTL is 255 for one hop and one less for each more (RFC 5082 section 3)', () => {
  expect([1, 2, 254].map((hops) => minimumTtlOf(demand('10.0.0.1/32', { hops })))).toEqual([255, 254, 2]);
  expect([minimumTtlOf(demand('10.0.0.1/32')), minimumTtlOf(undefined)]).toEqual([0, 0]);
});

test('only of a link-local address is the interface a part', () => {
  expect([placeOf(ip('10.0.0.1'), 'eth0'), placeOf(ip('fe80::1'), 'eth0') === placeOf(ip('fe80::1'), 'eth1')]).toEqual([ip('10.0.0.1'), false]);
});
