/** TCP-MD5 (RFC 2385) with BIRD and FRR: both may dial, both families, live changes, wrong keys, keys of a prefix. */
import { expect } from '@jest/globals';
import type { DynamicPeers, PeersSection } from '../../config/messages/speaker-config.ts';
import { namespaces, program, root } from '../support/capabilities.ts';
import { INTEROP_MS, OUR_ASN, OUR_BLOCKS, THEIR_ASN, UP_MS, ourConfig } from '../support/interop.ts';
import { OURS, THEIRS } from '../support/foreign-speaker.ts';
import { eventually, Namespaces, type Netns } from '../support/namespaces.ts';
import { OurSpeaker, type PeerSettings } from '../support/our-speaker.ts';
import { startBird, startFrr, type RawDaemon } from '../support/raw-daemons.ts';
import { skipUnless } from '../support/skip.ts';

const withBird = skipUnless(root, namespaces, program('bird'), program('birdc'));
const withFrr = skipUnless(root, namespaces, program('zebra'), program('bgpd'), program('vtysh'));

const peers = (key: string, some: Partial<PeerSettings> = {}): PeerSettings[] => [
  { name: 'v4', address: THEIRS.ipv4, asn: THEIR_ASN, families: ['ipv4'], password: key, ...some },
  { name: 'v6', address: THEIRS.ipv6, asn: THEIR_ASN, families: ['ipv6'], password: key, ...some },
];

const sectionOf = (list: readonly PeerSettings[]): PeersSection => ourConfig({ peers: list }).peers;

const birdConfig = (key: string, mode: '' | 'passive on;' = ''): string => `
router id ${THEIRS.ipv4};
protocol device {}
protocol static s4 { ipv4; route 10.20.0.0/24 blackhole; }
protocol static s6 { ipv6; route fd20::/64 blackhole; }
template bgp common { local as ${THEIR_ASN}; hold time 6; password "${key}"; ${mode}
  connect delay time 1; connect retry time 1; error wait time 1, 2; graceful restart on; }
protocol bgp v4 from common { neighbor ${OURS.ipv4} as ${OUR_ASN}; ipv4 { import all; export where source = RTS_STATIC; next hop self; }; }
protocol bgp v6 from common { neighbor ${OURS.ipv6} as ${OUR_ASN}; ipv6 { import all; export where source = RTS_STATIC; next hop self; }; }
`;

const frrConfig = (key: string): string => `
router bgp ${THEIR_ASN}
 bgp router-id ${THEIRS.ipv4}
 no bgp ebgp-requires-policy
 no bgp default ipv4-unicast
 timers bgp 2 6
 ${[OURS.ipv4, OURS.ipv6].map((a) => `neighbor ${a} remote-as ${OUR_ASN}\n neighbor ${a} timers connect 1\n neighbor ${a} password ${key}`).join('\n ')}
 address-family ipv4 unicast
  neighbor ${OURS.ipv4} activate
 exit-address-family
 address-family ipv6 unicast
  neighbor ${OURS.ipv6} activate
 exit-address-family
`;

async function joined(net: Namespaces): Promise<{ us: Netns; them: Netns }> {
  const [us, them] = [net.add('us'), net.add('them')];
  net.link(us, them, { addresses: [[`${OURS.ipv4}/24`, `${OURS.ipv6}/64`], [`${THEIRS.ipv4}/24`, `${THEIRS.ipv6}/64`]] });
  return Promise.resolve({ us, them });
}

const birdIsUp = (bird: RawDaemon): void => {
  expect(bird.ask('show', 'protocols').match(/^v[46] .*Established/gm)).toHaveLength(2);
};

withBird.each([
  ['both dial', '', false], ['only we dial', 'passive on;', false], ['only BIRD dials', '', true],
] as const)('BIRD: %s with the key, and routes flow', async (_who, mode, passive) => {
  await using net = await Namespaces.create('md5 bird');
  const { us, them } = await joined(net);
  const ours = await OurSpeaker.start(us, ourConfig({ peers: peers('secret', { passive }) }));
  const bird = await startBird(them, birdConfig('secret', mode));
  await ours.established(UP_MS, 'v4', 'v6');
  await eventually(UP_MS, () => {
    birdIsUp(bird);
    for (const block of OUR_BLOCKS) expect(bird.ask('show', 'route', 'all')).toContain(block);
    expect([...us.routes(4, 'proto', '84'), ...us.routes(6, 'proto', '84')].map((r) => r.dst)).toEqual(expect.arrayContaining(['10.20.0.0/24', 'fd20::/64']));
  });
}, INTEROP_MS);

withBird('BIRD: with another key the sessions stay down and say why; the right key brings them up without a restart', async () => {
  await using net = await Namespaces.create('md5 wrong');
  const { us, them } = await joined(net);
  const ours = await OurSpeaker.start(us, ourConfig({ peers: peers('wrong') }));
  const bird = await startBird(them, birdConfig('secret'));
  await eventually(UP_MS, async () => {
    for (const name of ['v4', 'v6']) expect(await ours.peer(name)).toMatchObject({ state: expect.not.stringMatching('Established') as unknown, info: expect.stringMatching(/MD5 key mismatch\?/) as unknown });
  });
  await ours.apply({ peers: sectionOf(peers('secret')) });
  await ours.established(UP_MS, 'v4', 'v6');
  birdIsUp(bird);
}, INTEROP_MS);

withBird('a key that both sides change within the hold time costs no session, and other sessions do not notice', async () => {
  await using net = await Namespaces.create('md5 change');
  const { us, them } = await joined(net);
  const ours = await OurSpeaker.start(us, ourConfig({ peers: peers('first') }));
  const theirPeers = (key: string): PeersSection => sectionOf([
    { name: 'v4', address: OURS.ipv4, asn: OUR_ASN, families: ['ipv4'], password: key },
    { name: 'v6', address: OURS.ipv6, asn: OUR_ASN, families: ['ipv6'], password: 'first' },
  ]);
  const config = ourConfig({ asn: THEIR_ASN, routerId: THEIRS.ipv4, originate: ['10.20.0.0/24'] });
  const theirs = await OurSpeaker.start(them, { ...config, peers: theirPeers('first') });
  await ours.established(UP_MS, 'v4', 'v6');
  const before = await Promise.all(['v4', 'v6'].map((name) => ours.peer(name)));
  const [four, six] = [peers('second')[0]!, peers('first')[1]!];
  await ours.apply({ peers: sectionOf([four, six]) });
  await theirs.apply({ peers: theirPeers('second') });
  await theirs.apply({ originate: { routes: [{ prefix: '10.20.9.0/24', blackhole: true }] } });
  await eventually(UP_MS, () => { expect(us.routes(4, 'proto', '84').map((r) => r.dst)).toContain('10.20.9.0/24'); });
  // Longer than the hold time: keepalives passed under the new key.
  const end = performance.now() + 8_000;
  await eventually(20_000, () => { expect(performance.now()).toBeGreaterThan(end); });
  const after = await Promise.all(['v4', 'v6'].map((name) => ours.peer(name)));
  expect(after.map((p) => [p.state, p.sinceMs, p.counters.established])).toEqual(before.map((p) => ['Established', p.sinceMs, 1]));
}, INTEROP_MS);

withBird('BIRD: a prefix with a key: whoever dials from it gets in with the key, up to the maximum, and is forgotten when it leaves', async () => {
  await using net = await Namespaces.create('dynamic');
  const { us, them } = await joined(net);
  const third = net.add('third');
  net.link(us, third, { addresses: [['10.10.0.1/24'], ['10.10.0.2/24']] });
  const { name: _name, address: _address, ...template } = sectionOf(peers('shared', { asn: 'external' })).peers[0]!;
  const range = (name: string, prefix: string, maximumPeers: number, password = 'shared'): DynamicPeers =>
    ({ name, prefix, maximumPeers, template: { ...template, password, gracefulRestart: false } });
  const section = (...dynamic: readonly DynamicPeers[]): PeersSection => ({ peers: [], dynamic });
  const config = ourConfig({ peers: [] });
  const ours = await OurSpeaker.start(us, { ...config, peers: section(range('wide', '10.0.0.0/8', 1), range('rack', '10.9.0.0/16', 4)) });
  const bird = await startBird(them, birdConfig('shared'));
  const name = `rack_${THEIRS.ipv4}`;
  await ours.established(UP_MS, name);
  expect((await ours.peer(name)).asn).toBe(THEIR_ASN);
  await eventually(UP_MS, () => { expect(us.routes(4, 'proto', '84').map((r) => r.dst)).toContain('10.20.0.0/24'); });

  const other = await startBird(third, birdConfig('shared').replaceAll(OURS.ipv4, '10.10.0.1').replaceAll(THEIRS.ipv4, '10.10.0.2'));
  await ours.established(UP_MS, 'wide_10.10.0.2');
  await ours.apply({ peers: section(range('wide', '10.0.0.0/8', 1), range('rack', '10.9.0.0/16', 4, 'changed')) });
  expect((await ours.peer('wide_10.10.0.2')).counters.established).toBe(1);
  bird.configure(birdConfig('changed'));
  await ours.established(UP_MS, name);

  bird.ask('disable', 'v4');
  await eventually(UP_MS, async () => { expect((await ours.status()).peers.map((p) => p.name)).toEqual(['wide_10.10.0.2']); });
  await eventually(UP_MS, () => { expect(us.routes(4, 'proto', '84', 'via', THEIRS.ipv4)).toEqual([]); });
  bird.ask('enable', 'v4');
  await ours.established(UP_MS, name);
  await ours.apply({ peers: section(range('wide', '10.0.0.0/8', 1)) });
  await eventually(UP_MS, async () => { expect((await ours.status()).peers.map((p) => p.name)).toEqual(['wide_10.10.0.2']); });
  other.ask('disable', 'v4');
  bird.configure(birdConfig('shared'));
  await ours.established(UP_MS, `wide_${THEIRS.ipv4}`);
  other.ask('enable', 'v4');
  await eventually(UP_MS, () => { expect(ours.log).toContain('wide has its 1 peers'); });
}, INTEROP_MS);

withBird('BIRD: our restart takes no route of a dynamic peer from the kernel, although nobody knows beforehand who will come back', async () => {
  await using net = await Namespaces.create('dynamic restart');
  const { us, them } = await joined(net);
  const { name: _name, address: _address, ...template } = sectionOf(peers('shared', { asn: 'external' })).peers[0]!;
  const config = ourConfig({ peers: [] });
  const ours = await OurSpeaker.start(us, { ...config, peers: { peers: [], dynamic: [{ name: 'rack', prefix: '10.9.0.0/16', maximumPeers: 4, template }] } });
  await startBird(them, birdConfig('shared'));
  const learned = (): string[] => us.routes(4, 'proto', '84').map((r) => r.dst);
  await eventually(UP_MS, () => { expect(learned()).toContain('10.20.0.0/24'); });
  const monitor = await us.monitorRoutes();
  ours.process.signal('SIGKILL');
  await ours.startAgain();
  await eventually(UP_MS, async () => { expect((await ours.status()).restarting).toBe(true); });
  await ours.established(UP_MS, `rack_${THEIRS.ipv4}`);
  await eventually(60_000, async () => { expect((await ours.status()).restarting).toBe(false); });
  expect(learned()).toContain('10.20.0.0/24');
  expect((await monitor.read()).filter((line) => line.startsWith('Deleted') && line.includes('proto 84'))).toEqual([]);
}, INTEROP_MS);

withFrr('FRR: sessions of both families with the key; with another they stay down', async () => {
  await using net = await Namespaces.create('md5 frr');
  const { us, them } = await joined(net);
  const ours = await OurSpeaker.start(us, ourConfig({ peers: peers('wrong') }));
  const frr = await startFrr(them, { bgpd: frrConfig('secret') });
  await eventually(UP_MS, async () => {
    for (const name of ['v4', 'v6']) expect((await ours.peer(name)).info).toMatch(/MD5 key mismatch\?/);
  });
  await ours.apply({ peers: sectionOf(peers('secret')) });
  await ours.established(UP_MS, 'v4', 'v6');
  await eventually(UP_MS, () => { expect(frr.ask('show bgp summary')).toContain(String(OUR_ASN)); });
}, INTEROP_MS);
