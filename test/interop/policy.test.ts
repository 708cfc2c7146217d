/**
 * Policy beside FRR, with BIRD as the source of routes:
 *
 * ```
 *   BIRD, AS 65001, 10.9.1.2 ─── ours, AS 64512 ─── FRR, AS 65001, 10.9.2.2
 * ```
 */
import { expect } from '@jest/globals';
import type { PathView } from '../../config/messages/bgpd-control.ts';
import type { PeerConfig } from '../../config/messages/speaker-config.ts';
import { namespaces, program, root } from '../support/capabilities.ts';
import { INTEROP_MS, UP_MS } from '../support/interop.ts';
import { eventually, Namespaces } from '../support/namespaces.ts';
import { OurSpeaker, speakerConfig } from '../support/our-speaker.ts';
import { startBird, startFrr, type RawBird, type RawFrr } from '../support/route-daemons.ts';
import { skipUnless } from '../support/skip.ts';

const test = skipUnless(root, namespaces, program('bird'), program('bgpd'), program('zebra'), program('vtysh'));

/** What BIRD does with each route that it sends. */
const SOURCE = `
  if net = 10.1.0.0/24 then bgp_path.prepend(64999);
  if net = 10.2.0.0/24 then bgp_community.add((65535, 65281));
  if net = 10.3.0.0/24 then bgp_community.add((65535, 65282));
  if net = 10.4.0.0/24 then { bgp_community.add((65000, 7)); bgp_large_community.add((65000, 1, 2)); bgp_ext_community.add((rt, 65000, 9)); }
  if net = 10.5.0.0/24 then bgp_community.add((65535, 0));
  if net = 10.6.0.0/24 then bgp_community.add((65535, 666));`;

const bird = (session = ''): string => `
log stderr all;
router id 10.9.1.2;
filter outgoing { if source != RTS_STATIC then reject; ${SOURCE} accept; }
protocol device { scan time 1; }
protocol static { ipv4; ${[1, 2, 3, 4, 5, 6].map((n) => `route 10.${n}.0.0/24 blackhole;`).join(' ')} }
protocol bgp ours {
  local 10.9.1.2 as 65001; neighbor 10.9.1.1 as 64512; ${session}
  hold time 6; connect delay time 1; connect retry time 1; error wait time 1, 2;
  ipv4 { import all; export filter outgoing; next hop self; };
}`;

const frrConfig = (session = '', family = ''): string => `
router bgp 65001
 bgp router-id 10.9.2.2
 no bgp ebgp-requires-policy
 no bgp network import-check
 timers bgp 2 6
 neighbor 10.9.2.1 remote-as 64512
 neighbor 10.9.2.1 timers connect 1
 ${session}
 address-family ipv4 unicast
  neighbor 10.9.2.1 soft-reconfiguration inbound
  ${family}
 exit-address-family
`;

type Sessions = Readonly<Record<'bird' | 'frr', Partial<PeerConfig>>>;
interface Scene { readonly ours: OurSpeaker; readonly frr: RawFrr; readonly bird: RawBird; readonly set: (some: Sessions) => Promise<void> }

async function scene(net: Namespaces, some: Sessions, theirs: { readonly bird?: string; readonly frr?: string; readonly family?: string } = {}): Promise<Scene> {
  const us = net.add('us');
  const [birdSpace, frrSpace] = [net.add('bird'), net.add('frr')];
  net.link(us, birdSpace, { addresses: [['10.9.1.1/24'], ['10.9.1.2/24']] });
  net.link(us, frrSpace, { addresses: [['10.9.2.1/24'], ['10.9.2.2/24']] });
  const config = (now: Sessions): ReturnType<typeof speakerConfig> => speakerConfig({
    asn: 64512, routerId: '10.9.0.1', originate: ['10.244.0.0/26'],
    peers: [
      { name: 'bird', address: '10.9.1.2', asn: 65001, families: ['ipv4'], ...now.bird },
      { name: 'frr', address: '10.9.2.2', asn: 65001, families: ['ipv4'], ...now.frr },
    ],
  });
  const [foreign, frr] = await Promise.all([startBird(birdSpace, bird(theirs.bird)), startFrr(frrSpace, frrConfig(theirs.frr, theirs.family))]);
  const ours = await OurSpeaker.start(us, config(some));
  await ours.established(UP_MS, 'bird', 'frr');
  return { ours, frr, bird: foreign, set: (now) => ours.apply({ peers: config(now).peers }) };
}

const pathsTo = (frr: RawFrr, prefix: string): (string | undefined)[] => frr.paths(prefix).map((path) => path.aspath?.string);
const ourPaths = async (ours: OurSpeaker, prefix: string): Promise<readonly PathView[]> => (await ours.routes({ prefix })).routes[0]?.paths ?? [];
const stillTheSameSessions = async (ours: OurSpeaker): Promise<void> => {
  expect((await ours.status()).peers.map((peer) => peer.counters.established)).toEqual([1, 1]);
};

test('AS override, private AS numbers and a default route, switched on and off on a live session', async () => {
  await using net = await Namespaces.create('policy-paths');
  const { ours, frr, set } = await scene(net, { bird: {}, frr: {} });
  await eventually(UP_MS, () => { expect(pathsTo(frr, '10.244.0.0/26')).toEqual(['64512']); });
  expect(pathsTo(frr, '10.1.0.0/24')).toEqual([]);                   // FRR finds its own AS number in the path
  await set({ bird: {}, frr: { asOverride: true } });
  await eventually(UP_MS, () => { expect(pathsTo(frr, '10.1.0.0/24')).toEqual(['64512 64512 64999']); });
  await set({ bird: {}, frr: { asOverride: true, removePrivateAs: true, defaultOriginate: ['ipv4'] } });
  await eventually(UP_MS, () => {
    expect([pathsTo(frr, '10.1.0.0/24'), pathsTo(frr, '0.0.0.0/0')]).toEqual([['64512 64512'], ['64512']]);
  });
  await set({ bird: {}, frr: { removePrivateAs: true } });
  await eventually(UP_MS, () => { expect([pathsTo(frr, '10.1.0.0/24'), pathsTo(frr, '0.0.0.0/0'), pathsTo(frr, '10.244.0.0/26')]).toEqual([[], [], ['64512']]); });
  await stillTheSameSessions(ours);
}, INTEROP_MS);

test('communities: all sorts are passed on, the well-known ones are honoured', async () => {
  await using net = await Namespaces.create('policy-communities');
  const { ours, frr } = await scene(net, { bird: {}, frr: { asOverride: true } });
  await eventually(UP_MS, () => {
    expect(frr.paths('10.4.0.0/24')).toMatchObject([{
      community: { string: '65000:7' }, largeCommunity: { string: '65000:1:2' }, extendedCommunity: { string: 'RT:65000:9' },
    }]);
  });
  expect(['10.2.0.0/24', '10.3.0.0/24', '10.6.0.0/24'].map((prefix) => pathsTo(frr, prefix))).toEqual([[], [], []]);
  for (const prefix of ['10.2.0.0/24', '10.3.0.0/24', '10.6.0.0/24']) expect(await ourPaths(ours, prefix)).toMatchObject([{ peer: 'bird', best: true }]);
}, INTEROP_MS);

test('graceful shutdown: what BIRD is about to take away loses to FRR\'s longer path; what we are about to take away, FRR likes least', async () => {
  await using net = await Namespaces.create('policy-gshut');
  const { ours, frr, set } = await scene(net, { bird: {}, frr: { asOverride: true } }, { family: 'network 10.5.0.0/24 route-map longer\n exit-address-family\nroute-map longer permit 10\n set as-path prepend 65001 65001 65001\n!\nrouter bgp 65001\n address-family ipv4 unicast' });
  await eventually(UP_MS, async () => {
    expect(await ourPaths(ours, '10.5.0.0/24')).toMatchObject([
      { peer: 'frr', best: true, reason: 'higher local preference' },
      { peer: 'bird', best: false, communities: ['65535:0'], reason: 'lost to a route with higher local preference' },
    ]);
  });
  const seen = (): (string | undefined)[] => frr.paths('10.244.0.0/26').map((path) => path.community?.string);
  await eventually(UP_MS, () => { expect(seen()).toEqual([undefined]); });
  await set({ bird: {}, frr: { asOverride: true, gracefulShutdown: true } });
  await eventually(UP_MS, () => {
    expect(seen()).toEqual(['graceful-shutdown']);
    expect(frr.paths('10.244.0.0/26')[0]!.locPrf).toBe(0);
  });
  await set({ bird: {}, frr: { asOverride: true } });
  await eventually(UP_MS, () => { expect(seen()).toEqual([undefined]); });
  await stillTheSameSessions(ours);
}, INTEROP_MS);

test('roles: what a provider sends is for customers only, and a customer may not send it back', async () => {
  await using net = await Namespaces.create('policy-roles');
  const customer = { role: { local: 'customer', strict: true } } as const;
  const provider = { role: { local: 'provider', strict: true } } as const;
  // BIRD is our provider; FRR is our customer, and leaks a route that its own provider marked.
  const { ours, frr, set } = await scene(net, { bird: customer, frr: { ...provider, asOverride: true } }, { bird: 'local role provider;', frr: 'neighbor 10.9.2.1 local-role customer' });
  await eventually(UP_MS, async () => {
    expect(await ourPaths(ours, '10.4.0.0/24')).toMatchObject([{ peer: 'bird', otc: 65001 }]);
    expect(pathsTo(frr, '10.4.0.0/24')).toEqual(['64512 64512']);
  });
  expect(frr.vtysh('show bgp ipv4 unicast 10.4.0.0/24')).toMatch(/otc 65001|OTC/i);
  // Towards another provider, nothing of it goes out, but what is our own does.
  await set({ bird: customer, frr: { role: { local: 'customer', strict: false }, asOverride: true } });
  frr.vtysh('configure terminal', 'router bgp 65001', 'neighbor 10.9.2.1 local-role provider');
  await eventually(UP_MS, () => { expect([pathsTo(frr, '10.4.0.0/24'), pathsTo(frr, '10.244.0.0/26')]).toEqual([[], ['64512']]); });
}, INTEROP_MS);
