/** GTSM (RFC 5082) with BIRD and FRR, on the link and behind a router; both next hops of our own IPv6 routes (RFC 2545). */
import { expect } from '@jest/globals';
import { namespaces, program, root } from '../support/capabilities.ts';
import { OURS, THEIRS } from '../support/foreign-speaker.ts';
import { INTEROP_MS, OUR_ASN, OUR_BLOCKS, THEIR_ASN, UP_MS, ourConfig } from '../support/interop.ts';
import { eventually, Namespaces, type Netns } from '../support/namespaces.ts';
import { OurSpeaker, type PeerSettings } from '../support/our-speaker.ts';
import { startBird, startFrr } from '../support/raw-daemons.ts';
import { skipUnless } from '../support/skip.ts';

const withBird = skipUnless(root, namespaces, program('bird'), program('birdc'));
const withFrr = skipUnless(root, namespaces, program('zebra'), program('vtysh'));

const peers = (hops?: number): PeerSettings[] => (['ipv4', 'ipv6'] as const).map((family) => ({
  name: family === 'ipv4' ? 'v4' : 'v6', address: THEIRS[family], asn: THEIR_ASN, families: [family],
  ...(hops !== undefined && { ttlSecurityHops: hops }),
}));

const birdConfig = (how: string): string => `
router id ${THEIRS.ipv4};
protocol device {}
template bgp common { local as ${THEIR_ASN}; hold time 6; connect delay time 1; connect retry time 1; error wait time 1, 2; ${how} }
protocol bgp v4 from common { neighbor ${OURS.ipv4} as ${OUR_ASN}; ipv4 { import all; export none; }; }
protocol bgp v6 from common { neighbor ${OURS.ipv6} as ${OUR_ASN}; ipv6 { import all; export none; }; }
`;

/** From the address that the other side expects, although another is on the link. */
const sourced = (hops?: number): PeerSettings[] => peers(hops).map((p) => ({ ...p, sourceAddress: p.name === 'v4' ? OURS.ipv4 : OURS.ipv6 }));

const farBird = (how: string): string => (['ipv4', 'ipv6'] as const).reduce((text, family) =>
  text.replace(`neighbor ${OURS[family]}`, `local ${THEIRS[family]}; neighbor ${OURS[family]}`), birdConfig(how));

/** We and they on one link, or with a router between that makes the distance two hops. */
function place(net: Namespaces, isFar: boolean): { us: Netns; them: Netns } {
  const [us, them] = [net.add('us'), net.add('them')];
  if (!isFar) {
    net.link(us, them, { addresses: [[`${OURS.ipv4}/24`, `${OURS.ipv6}/64`], [`${THEIRS.ipv4}/24`, `${THEIRS.ipv6}/64`]] });
    return { us, them };
  }
  const router = net.add('router');
  router.exec('sysctl', '-qw', 'net.ipv4.ip_forward=1', 'net.ipv6.conf.all.forwarding=1');
  for (const [end, four, six, net4, net6] of [[us, OURS.ipv4, OURS.ipv6, '10.8.1', 'fd81'], [them, THEIRS.ipv4, THEIRS.ipv6, '10.8.2', 'fd82']] as const) {
    net.link(end, router, { addresses: [[`${net4}.1/24`, `${net6}::1/64`], [`${net4}.9/24`, `${net6}::9/64`]] });
    end.address('lo', `${four}/32`);
    end.address('lo', `${six}/128`);
    end.ip('route', 'add', 'default', 'via', `${net4}.9`, 'src', four);
    end.ip('-6', 'route', 'add', 'default', 'via', `${net6}::9`, 'src', six);
    router.ip('route', 'add', `${four}/32`, 'via', `${net4}.1`);
    router.ip('route', 'add', `${six}/128`, 'via', `${net6}::1`);
  }
  return { us, them };
}

withBird('BIRD: both demand one hop on a link: up; with a router between and the distance that is allowed on both sides: up', async () => {
  await using near = await Namespaces.create('gtsm near');
  const link = place(near, false);
  await startBird(link.them, birdConfig('ttl security on;'));
  const ours = await OurSpeaker.start(link.us, ourConfig({ peers: peers(1) }));
  await ours.established(UP_MS, 'v4', 'v6');

  await using far = await Namespaces.create('gtsm far');
  const routed = place(far, true);
  await startBird(routed.them, farBird('multihop 2; ttl security on;'));
  const two = await OurSpeaker.start(routed.us, ourConfig({ peers: sourced(2) }));
  await two.established(UP_MS, 'v4', 'v6');

  // Nearer than it is: what comes now is dropped, the sessions end with the hold time and do not come back.
  await two.apply({ peers: ourConfig({ peers: sourced(1) }).peers });
  await eventually(UP_MS, async () => {
    for (const name of ['v4', 'v6']) {
      const { state, info } = await two.peer(name);
      expect(state).not.toBe('Established');
      expect(info).toMatch(/TTL 254 was refused: expected at least 255|more than 1 hops away/);
    }
  });
  await two.apply({ peers: ourConfig({ peers: sourced(2) }).peers });
  await two.established(60_000, 'v4', 'v6');
}, INTEROP_MS);

withFrr('FRR: ttl-security hops 1 on both sides', async () => {
  await using net = await Namespaces.create('gtsm frr');
  const { us, them } = place(net, false);
  await startFrr(them, { bgpd: `
router bgp ${THEIR_ASN}
 bgp router-id ${THEIRS.ipv4}
 no bgp ebgp-requires-policy
 no bgp default ipv4-unicast
 timers bgp 2 6
 ${[OURS.ipv4, OURS.ipv6].map((a) => `neighbor ${a} remote-as ${OUR_ASN}\n neighbor ${a} timers connect 1\n neighbor ${a} ttl-security hops 1`).join('\n ')}
 address-family ipv4 unicast
  neighbor ${OURS.ipv4} activate
 exit-address-family
 address-family ipv6 unicast
  neighbor ${OURS.ipv6} activate
 exit-address-family` });
  const ours = await OurSpeaker.start(us, ourConfig({ peers: peers(1) }));
  await ours.established(UP_MS, 'v4', 'v6');
}, INTEROP_MS);

withBird('BIRD: our IPv6 routes name our global and our link-local address on a link, and only the global one across a router', async () => {
  await using near = await Namespaces.create('next hops near');
  const link = place(near, false);
  const bird = await startBird(link.them, birdConfig(''));
  const ours = await OurSpeaker.start(link.us, ourConfig({ peers: peers() }));
  await ours.established(UP_MS, 'v4', 'v6');
  await eventually(UP_MS, () => { expect(bird.ask('show', 'route', OUR_BLOCKS[1]!, 'all')).toMatch(new RegExp(`BGP.next_hop: ${OURS.ipv6} fe80::`)); });

  await using far = await Namespaces.create('next hops far');
  const routed = place(far, true);
  const distant = await startBird(routed.them, farBird('multihop;'));
  const two = await OurSpeaker.start(routed.us, ourConfig({ peers: sourced() }));
  await two.established(UP_MS, 'v4', 'v6');
  await eventually(UP_MS, () => { expect(distant.ask('show', 'route', OUR_BLOCKS[1]!, 'all')).toMatch(new RegExp(`BGP.next_hop: ${OURS.ipv6}\\s*\n`)); });
}, INTEROP_MS);
