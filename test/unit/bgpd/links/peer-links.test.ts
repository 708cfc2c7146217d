/** Peers that are not configured one by one. */
import { expect, test } from '@jest/globals';
import { awaitedPeers, demandsOf, dynamicPeer, keyConflicts, Ranges, unnumberedPeer } from '../../../../bgpd/links/peer-links.ts';
import type { DynamicPeers, PeerTemplate } from '../../../../config/messages/speaker-config.ts';
import { ip, showPrefix } from '../../../../lib/ip/text.ts';
import { peerConfig } from '../../../support/speaker-config.ts';

const template = (some: Partial<PeerTemplate> = {}): PeerTemplate => {
  const { name: _n, address: _a, ...rest } = peerConfig('192.0.2.1');
  return { ...rest, ...some };
};
const range = (name: string, prefix: string, some: Partial<PeerTemplate> = {}): DynamicPeers => ({ name, prefix, maximumPeers: 2, template: template(some) });

test('the most specific range wins, whatever the order', () => {
  const ranges = new Ranges([range('wide', '10.0.0.0/8'), range('narrow', '10.1.0.0/16'), range('six', 'fd00::/8')]);
  expect(['10.1.2.3', '10.2.0.1', 'fd00::1', '192.0.2.1'].map((a) => ranges.find(ip(a))?.name)).toEqual(['narrow', 'wide', 'six', undefined]);
});

test('a dynamic peer waits, under the name of its range and its address; a link-local one also under that of its link', () => {
  expect(dynamicPeer(range('racks', '10.0.0.0/8', { asn: 'external' }), ip('10.0.0.2'), undefined))
    .toMatchObject({ name: 'racks_10.0.0.2', address: '10.0.0.2', passive: true, asn: 'external' });
  expect(dynamicPeer(range('links', 'fe80::/10'), ip('fe80::2'), 'eth0'))
    .toMatchObject({ name: 'links_fe80::2%eth0', address: 'fe80::2', interface: 'eth0' });
  expect(unnumberedPeer({ name: 'up', interface: 'eth1', template: template() }, 'fe80::9')).toMatchObject({ name: 'up', address: 'fe80::9', interface: 'eth1' });
});

test('a range demands of its prefix what a peer demands of its address; patience is eight minutes or two hold times (RFC 9687)', () => {
  const demands = demandsOf([peerConfig('192.0.2.1', { password: 'k', ttlSecurityHops: 1, holdTimeSeconds: 90 })], [range('r', '10.0.0.0/8', { password: 'p', holdTimeSeconds: 600 })]);
  expect(demands.map((d) => [showPrefix(d.prefix), d.key, d.hops, d.patienceMs])).toEqual([['192.0.2.1/32', 'k', 1, 480_000], ['10.0.0.0/8', 'p', undefined, 1_200_000]]);
});

test('a restart waits for unnumbered peers and for ranges, too', () => {
  const section = { peers: [peerConfig('192.0.2.1')], dynamic: [range('r', '10.0.0.0/8')], unnumbered: [{ name: 'up', interface: 'eth0', template: template() }] };
  expect(awaitedPeers(section).map((p) => p.name)).toEqual(['Static_192_0_2_1', 'up', 'r']);
  const down = { shutdown: { message: 'drained' } };
  expect(awaitedPeers({ peers: section.peers.map((p) => ({ ...p, ...down })), unnumbered: [], dynamic: [{ ...range('r', '10.0.0.0/8', down) }] })).toEqual([]);
});

test('keys that the kernel cannot hold as they are meant are told', () => {
  const ranges = new Ranges([range('r', '10.0.0.0/8', { password: 'p' })]);
  expect(keyConflicts([peerConfig('10.0.0.1')], ranges)[0]?.message).toContain('ours work, unless it has a password for us');
  expect(keyConflicts([peerConfig('10.0.0.1'), peerConfig('10.0.0.2', { password: 'own' }), peerConfig('192.0.2.1')], ranges).map((p) => p.path)).toEqual(['peers/Static_10_0_0_1.password']);
  const twins = ['eth0', 'eth1'].map((link, i) => peerConfig('fe80::1', { name: link, interface: link, password: `key ${i}` }));
  expect(keyConflicts(twins, new Ranges([])).map((p) => p.path)).toEqual(['peers/eth1.password']);
});
