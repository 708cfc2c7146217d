/** The network of another rack is known by a router's announcement alone: the nodes in it are next hops all the same. BIRD plays both. */
import { expect } from '@jest/globals';
import { namespaces, program, root } from '../support/capabilities.ts';
import { Namespaces, eventually } from '../support/namespaces.ts';
import { OurSpeaker, speakerConfig } from '../support/our-speaker.ts';
import { startBird } from '../support/raw-daemons.ts';
import { skipUnless } from '../support/skip.ts';

const test = skipUnless(root, namespaces, program('bird'), program('birdc'));
const MS = 30_000;

test('routes of an internal peer behind a router follow the router’s own route, and go with it', async () => {
  await using net = await Namespaces.create('recursive next hops');
  const [us, tor, far] = [net.add('node'), net.add('tor'), net.add('far')];
  net.link(us, tor, { addresses: [['10.9.0.1/24'], ['10.9.0.2/24']] });
  net.link(tor, far, { addresses: [['10.60.0.1/24'], ['10.60.0.9/24']] });
  tor.exec('sysctl', '-qw', 'net.ipv4.ip_forward=1');
  far.ip('route', 'add', '10.9.0.0/24', 'via', '10.60.0.1');
  const torConfig = (routes: string): string => `
router id 10.9.0.2;
protocol device {}
protocol static { ipv4; ${routes} }
protocol bgp node { local 10.9.0.2 as 65001; neighbor 10.9.0.1 as 64512; connect retry time 1; ipv4 { import all; export all; next hop self; }; }`;
  const router = await startBird(tor, torConfig('route 10.60.0.0/24 blackhole;'));
  await startBird(far, `
router id 10.60.0.9;
protocol device {}
protocol static { ipv4; route 10.244.9.0/26 blackhole; }
protocol bgp mesh { local 10.60.0.9 as 64512; neighbor 10.9.0.1 as 64512; multihop; connect retry time 1; ipv4 { import all; export all; next hop self; }; }`);
  const ours = await OurSpeaker.start(us, speakerConfig({
    asn: 64512, routerId: '10.9.0.1', originate: ['10.244.1.0/26'],
    peers: [{ name: 'tor', address: '10.9.0.2', asn: 65001, families: ['ipv4'] }, { name: 'far', address: '10.60.0.9', asn: 64512, families: ['ipv4'] }],
  }));
  await ours.established(MS, 'tor', 'far');
  const learned = (): (readonly [string, string | undefined])[] =>
    us.routes(4, 'proto', '84').filter((r) => r.type !== 'blackhole').map((r) => [r.dst, r.gateway] as const);
  await eventually(MS, () => { expect(learned()).toEqual([['10.60.0.0/24', '10.9.0.2'], ['10.244.9.0/26', '10.9.0.2']]); });
  router.configure(torConfig(''));
  await eventually(MS, () => { expect(learned()).toEqual([]); });
  expect((await ours.routes({ prefix: '10.244.9.0/26' })).routes[0]?.paths[0]?.reason ?? 'next hop unreachable').toBe('next hop unreachable');
  router.configure(torConfig('route 10.60.0.0/16 blackhole;'));
  await eventually(MS, () => { expect(learned()).toEqual([['10.60.0.0/16', '10.9.0.2'], ['10.244.9.0/26', '10.9.0.2']]); });
}, 120_000);
