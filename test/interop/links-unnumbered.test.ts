/** Unnumbered peers: found by router advertisements, sessions between link-local addresses, IPv4 over IPv6 next hops (RFC 8950). */
import { expect } from '@jest/globals';
import type { PeersSection, SpeakerConfig } from '../../config/messages/speaker-config.ts';
import { namespaces, program, root } from '../support/capabilities.ts';
import { INTEROP_MS, OUR_ASN, OUR_BLOCKS, THEIR_ASN, UP_MS } from '../support/interop.ts';
import { eventually, Namespaces, type Netns } from '../support/namespaces.ts';
import { OurSpeaker, speakerConfig } from '../support/our-speaker.ts';
import { startBird, startFrr } from '../support/raw-daemons.ts';
import { skipUnless } from '../support/skip.ts';

const withBird = skipUnless(root, namespaces, program('bird'), program('birdc'));
const withFrr = skipUnless(root, namespaces, program('zebra'), program('bgpd'), program('vtysh'));
const withUs = skipUnless(root, namespaces);

const THEIR_ROUTES = { 4: '10.20.0.0/24', 6: 'fd20::/64' } as const;

const section = (interfaces: Readonly<Record<string, string>> = { up: 'eth0' }): PeersSection => {
  const { name: _n, address: _a, ...template } = speakerConfig({
    asn: OUR_ASN, routerId: '10.9.0.1',
    peers: [{ name: 'x', address: 'fe80::1', asn: 'external', families: ['ipv4', 'ipv6'], extendedNextHop: true }],
  }).peers.peers[0]!;
  return { peers: [], unnumbered: Object.entries(interfaces).map(([name, link]) => ({ name, interface: link, template })) };
};

const config = (asn = OUR_ASN, routerId = '10.9.0.1', originate: readonly string[] = OUR_BLOCKS): SpeakerConfig =>
  ({ ...speakerConfig({ asn, routerId, originate, peers: [] }), peers: section() });

function joined(net: Namespaces): { us: Netns; them: Netns } {
  const [us, them] = [net.add('us'), net.add('them')];
  net.link(us, them, { names: ['eth0', 'eth0'] });
  for (const ns of [us, them]) ns.exec('sysctl', '-qw', 'net.ipv6.conf.eth0.accept_ra=0');
  return { us, them };
}

const linkLocalOf = (ns: Netns, link = 'eth0'): string =>
  (ns.json('address', 'show', 'dev', link, 'scope', 'link') as { addr_info: { local: string }[] }[])[0]!.addr_info[0]!.local;

const ours = (ns: Netns, family: 4 | 6): unknown => ns.routes(family, 'proto', '84').find((r) => r.dst === THEIR_ROUTES[family]);

/** Both routes go through the neighbour's link-local address. */
function weForward(us: Netns, them: Netns): void {
  const gateway = linkLocalOf(them);
  expect(ours(us, 4)).toMatchObject({ via: { family: 'inet6', host: gateway }, dev: 'eth0' });
  expect(ours(us, 6)).toMatchObject({ gateway, dev: 'eth0' });
}

function theyForward(us: Netns, them: Netns, protocol: string): void {
  const gateway = linkLocalOf(us);
  expect(them.routes(4, 'proto', protocol).find((r) => r.dst === OUR_BLOCKS[0])).toMatchObject({ via: { family: 'inet6', host: gateway } });
  expect(them.routes(6, 'proto', protocol).find((r) => r.dst === OUR_BLOCKS[1])).toMatchObject({ gateway });
}

const FRR = `
router bgp ${THEIR_ASN}
 bgp router-id 10.20.0.1
 no bgp ebgp-requires-policy
 no bgp network import-check
 timers bgp 2 6
 neighbor eth0 interface remote-as external
 neighbor eth0 timers connect 1
 address-family ipv4 unicast
  network ${THEIR_ROUTES[4]}
 exit-address-family
 address-family ipv6 unicast
  neighbor eth0 activate
  network ${THEIR_ROUTES[6]}
 exit-address-family
`;

withFrr.each([['FRR', true], ['we', false]])('FRR, %s first: a session by interface, and routes of both families both ways into both kernels', async (_who, isFrrFirst) => {
  await using net = await Namespaces.create('unnumbered frr');
  const { us, them } = joined(net);
  const frr = isFrrFirst ? await startFrr(them, { bgpd: FRR }) : undefined;
  const speaker = await OurSpeaker.start(us, config());
  if (frr === undefined) await startFrr(them, { bgpd: FRR });
  await speaker.established(UP_MS, 'up');
  expect((await speaker.peer('up')).asn).toBe(THEIR_ASN);
  await eventually(UP_MS, () => { weForward(us, them); theyForward(us, them, 'bgp'); });
  expect(them.routes(6, 'default')).toEqual([]);
}, INTEROP_MS);

withFrr('FRR: the link goes away and comes back, and so does the neighbour with another MAC address: the session follows', async () => {
  await using net = await Namespaces.create('unnumbered link');
  const { us, them } = joined(net);
  await startFrr(them, { bgpd: FRR });
  const speaker = await OurSpeaker.start(us, config());
  await eventually(UP_MS, () => { weForward(us, them); });
  us.ip('link', 'set', 'eth0', 'down');
  await eventually(UP_MS, () => { expect([ours(us, 4), ours(us, 6)]).toEqual([undefined, undefined]); });
  us.ip('link', 'set', 'eth0', 'up');
  await eventually(60_000, () => { weForward(us, them); });

  const before = linkLocalOf(them);
  them.ip('link', 'set', 'eth0', 'down');
  them.ip('link', 'set', 'eth0', 'address', '02:00:00:00:00:77');
  them.ip('link', 'set', 'eth0', 'up');
  await eventually(60_000, () => {
    expect(linkLocalOf(them)).not.toBe(before);
    weForward(us, them);
    theyForward(us, them, 'bgp');
  });

  us.ip('link', 'delete', 'eth0');
  await eventually(UP_MS, async () => {
    expect((await speaker.status()).problems.map((p) => p.message)).toContainEqual(expect.stringContaining('eth0: there is no such interface'));
  });
  net.link(us, them, { names: ['eth0', 'eth0'] });
  await eventually(60_000, () => { weForward(us, them); });
}, INTEROP_MS * 2);

withBird('BIRD: it advertises itself (radv), and takes our session from its range of link-local neighbours', async () => {
  await using net = await Namespaces.create('unnumbered bird');
  const { us, them } = joined(net);
  await startBird(them, `
router id 10.20.0.1;
protocol device {}
protocol kernel { ipv4 { export all; import none; }; }
protocol kernel { ipv6 { export all; import none; }; }
protocol static { ipv4; route ${THEIR_ROUTES[4]} blackhole; }
protocol static { ipv6; route ${THEIR_ROUTES[6]} blackhole; }
protocol radv { interface "eth0" { default lifetime 0; max ra interval 5; }; }
protocol bgp links {
  local as ${THEIR_ASN}; neighbor range fe80::/10 external; interface "eth0"; hold time 6; dynamic name "dyn";
  ipv4 { import all; export where source = RTS_STATIC; extended next hop on; };
  ipv6 { import all; export where source = RTS_STATIC; };
}`);
  const speaker = await OurSpeaker.start(us, config());
  await speaker.established(UP_MS, 'up');
  await eventually(UP_MS, () => { weForward(us, them); theyForward(us, them, 'bird'); });
}, INTEROP_MS);

withBird('BIRD: a peer that is named by its link-local address and interface, whoever dials; without the interface it says so', async () => {
  await using net = await Namespaces.create('link-local bird');
  const { us, them } = joined(net);
  const speaker = await OurSpeaker.start(us, { ...config(), peers: { peers: [] } });
  const peers = (passive: boolean, link = 'eth0') => speakerConfig({ asn: OUR_ASN, routerId: '10.9.0.1', peers: [
    { name: 'll', address: linkLocalOf(them), interface: link, asn: THEIR_ASN, families: ['ipv6'], passive },
  ] }).peers;
  await startBird(them, `
router id 10.20.0.1;
protocol device {}
protocol kernel { ipv6 { export all; import none; }; }
protocol static { ipv6; route ${THEIR_ROUTES[6]} blackhole; }
protocol bgp them {
  local as ${THEIR_ASN}; neighbor ${linkLocalOf(us)}%eth0 as ${OUR_ASN}; hold time 6;
  connect delay time 1; connect retry time 1; error wait time 1, 2;
  ipv6 { import all; export where source = RTS_STATIC; };
}`);
  await speaker.apply({ peers: peers(false, 'eth9') });
  await eventually(UP_MS, async () => { expect((await speaker.peer('ll')).info).toContain('there is no interface eth9'); });
  for (const passive of [false, true]) {
    await speaker.apply({ peers: { peers: [] } });
    await speaker.apply({ peers: peers(passive) });
    await speaker.established(UP_MS, 'll');
    await eventually(UP_MS, () => {
      expect(ours(us, 6)).toMatchObject({ gateway: linkLocalOf(them), dev: 'eth0' });
      expect(them.routes(6, 'proto', 'bird').find((r) => r.dst === OUR_BLOCKS[1])).toMatchObject({ gateway: linkLocalOf(us), dev: 'eth0' });
    });
  }
}, INTEROP_MS);

withUs('two of ours find each other, also with the same link-local address on two links', async () => {
  await using net = await Namespaces.create('unnumbered ours');
  const { us, them } = joined(net);
  const third = net.add('third');
  net.link(us, third, { names: ['eth1', 'eth0'] });
  const mac = (them.json('link', 'show', 'dev', 'eth0') as { address: string }[])[0]!.address;
  third.ip('link', 'set', 'eth0', 'down');
  third.ip('link', 'set', 'eth0', 'address', mac);
  third.ip('link', 'set', 'eth0', 'up');
  const speaker = await OurSpeaker.start(us, { ...config(), peers: section({ up: 'eth0', other: 'eth1' }) });
  await OurSpeaker.start(them, config(THEIR_ASN, '10.20.0.1', Object.values(THEIR_ROUTES)));
  await OurSpeaker.start(third, config(THEIR_ASN + 1, '10.30.0.1', ['10.30.0.0/24', 'fd30::/64']));
  await speaker.established(UP_MS, 'up', 'other');
  expect((await speaker.peer('up')).address).toBe((await speaker.peer('other')).address);
  await eventually(UP_MS, () => {
    weForward(us, them);
    theyForward(us, them, '84');
    expect(us.routes(4, 'proto', '84').find((r) => r.dst === '10.30.0.0/24')).toMatchObject({ dev: 'eth1' });
    expect(us.routes(6, 'proto', '84').find((r) => r.dst === 'fd30::/64')).toMatchObject({ dev: 'eth1' });
    expect(them.routes(4, 'proto', '84').map((r) => r.dst)).toContain('10.30.0.0/24');
  });
  // After a restart of ours nothing that was learned leaves the kernel.
  const monitor = await us.monitorRoutes();
  speaker.process.signal('SIGKILL');
  await speaker.startAgain();
  await speaker.established(UP_MS, 'up', 'other');
  await eventually(UP_MS, async () => { expect((await speaker.status()).restarting).toBe(false); });
  weForward(us, them);
  expect((await monitor.read()).filter((line) => line.startsWith('Deleted') && line.includes('proto 84'))).toEqual([]);
}, INTEROP_MS);
