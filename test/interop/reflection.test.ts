/**
 * Our speaker as a route reflector (RFC 4456) between daemons that know nothing of it:
 *
 * ```
 *   BIRD, client 10.9.1.2 ─┐
 *                          ├─ ours, AS 64512 ─── BIRD, no client 10.9.3.2
 *   FRR,  client 10.9.2.2 ─┘
 * ```
 */
import { expect } from '@jest/globals';
import { namespaces, program, root } from '../support/capabilities.ts';
import { INTEROP_MS, UP_MS } from '../support/interop.ts';
import { eventually, Namespaces, type Netns } from '../support/namespaces.ts';
import { OurSpeaker, speakerConfig } from '../support/our-speaker.ts';
import { startBird, startFrr, type RawBird } from '../support/route-daemons.ts';
import { skipUnless } from '../support/skip.ts';

const test = skipUnless(root, namespaces, program('bird'), program('bgpd'), program('zebra'), program('vtysh'));

const bird = (n: number): string => `
log stderr all;
router id 10.9.${n}.2;
protocol device { scan time 1; }
protocol static { ipv4; route 10.${n}0.0.0/24 blackhole { bgp_med = 7; bgp_local_pref = 300; }; route 10.9.0.0/16 via 10.9.${n}.1; }
protocol bgp ours {
  local 10.9.${n}.2 as 64512; neighbor 10.9.${n}.1 as 64512;
  hold time 6; connect delay time 1; connect retry time 1; error wait time 1, 2;
  ipv4 { import all; export where net ~ [ 10.10.0.0/24, 10.30.0.0/24 ]; next hop self; };
}`;

const FRR = `
router bgp 64512
 bgp router-id 10.9.2.2
 no bgp network import-check
 timers bgp 2 6
 neighbor 10.9.2.1 remote-as 64512
 neighbor 10.9.2.1 timers connect 1
 address-family ipv4 unicast
  network 10.20.0.0/24
 exit-address-family
`;

interface Scene { readonly ours: OurSpeaker; readonly client: RawBird; readonly other: RawBird; readonly frr: Awaited<ReturnType<typeof startFrr>>; readonly config: ReturnType<typeof speakerConfig> }

async function scene(net: Namespaces): Promise<Scene> {
  const us = net.add('us');
  const spaces = [1, 2, 3].map((n): Netns => {
    const ns = net.add(`p${n}`);
    net.link(us, ns, { addresses: [[`10.9.${n}.1/24`], [`10.9.${n}.2/24`]] });
    return ns;
  });
  const config = speakerConfig({
    asn: 64512, routerId: '10.9.0.1',
    peers: [1, 2, 3].map((n) => ({ name: `p${n}`, address: `10.9.${n}.2`, asn: 64512, families: ['ipv4'], reflectorClient: n < 3 })),
  });
  const withCluster = { ...config, global: { ...config.global, clusterId: '1.1.1.1' } };
  const [client, other, frr] = await Promise.all([startBird(spaces[0]!, bird(1)), startBird(spaces[2]!, bird(3)), startFrr(spaces[1]!, FRR)]);
  const ours = await OurSpeaker.start(us, withCluster);
  await ours.established(UP_MS, 'p1', 'p2', 'p3');
  return { ours, client, other, frr, config: withCluster };
}

test('clients get each other\'s routes and those of others, with originator and cluster, and nothing else changed', async () => {
  await using net = await Namespaces.create('reflection');
  const { client, other, frr, ours, config } = await scene(net);
  await eventually(UP_MS, () => {
    expect(client.route('10.20.0.0/24')).toMatch(/BGP\.next_hop: 10\.9\.2\.2[\s\S]*BGP\.originator_id: 10\.9\.2\.2[\s\S]*BGP\.cluster_list: 1\.1\.1\.1/);
    expect(client.route('10.30.0.0/24')).toMatch(/BGP\.originator_id: 10\.9\.3\.2/);
    expect(other.route('10.10.0.0/24')).toMatch(/BGP\.next_hop: 10\.9\.1\.2[\s\S]*BGP\.med: 7[\s\S]*BGP\.local_pref: 300[\s\S]*BGP\.originator_id: 10\.9\.1\.2[\s\S]*BGP\.cluster_list: 1\.1\.1\.1/);
    expect(other.route('10.20.0.0/24')).toMatch(/BGP\.originator_id: 10\.9\.2\.2/);
    expect(frr.paths('10.10.0.0/24')).toMatchObject([{ originatorId: '10.9.1.2', clusterList: { list: ['1.1.1.1'] }, locPrf: 300, nexthops: [{ ip: '10.9.1.2' }] }]);
    expect(frr.paths('10.30.0.0/24')).toMatchObject([{ originatorId: '10.9.3.2' }]);
  });
  await ours.apply({ peers: { peers: config.peers.peers.map((peer) => ({ ...peer, reflectorClient: peer.name === 'p2' })) } });
  await eventually(UP_MS, () => {
    expect([client.route('10.30.0.0/24'), other.route('10.10.0.0/24')]).toEqual(['', '']);
    expect([client.route('10.20.0.0/24'), other.route('10.20.0.0/24')]).toEqual([expect.stringContaining('cluster_list'), expect.stringContaining('cluster_list')]);
  });
  expect((await ours.status()).peers.map((peer) => peer.counters.established)).toEqual([1, 1, 1]);
}, INTEROP_MS);
