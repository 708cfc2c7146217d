/** Kernel routes of other owners go out as the filter says, and a peer behind a gateway is reached by a static route; BIRD is the peer. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from '@jest/globals';
import type { PrefixMatch, SpeakerConfig } from '../../config/messages/speaker-config.ts';
import { bird } from '../support/bird.ts';
import { namespaces, root } from '../support/capabilities.ts';
import { OURS, THEIRS } from '../support/foreign-speaker.ts';
import { ourConfig, pair, theyHave, weHave, INTEROP_MS, OUR_ASN, OUR_BLOCKS, THEIR_ASN, THEIR_ROUTES, UP_MS } from '../support/interop.ts';
import { Namespaces, eventually, sh } from '../support/namespaces.ts';
import { OurSpeaker } from '../support/our-speaker.ts';
import { skipUnless } from '../support/skip.ts';

const test = skipUnless(root, namespaces, ...bird.needs);

const POOL = { prefix: '10.244.0.0/16', maxLength: 32 };
const POOL6 = { prefix: 'fd00:244::/64', maxLength: 128 };

function redistributing(config: SpeakerConfig, more: Partial<SpeakerConfig['global']['kernel']> = {}, prefixes: readonly PrefixMatch[] = [POOL, POOL6]): Pick<SpeakerConfig, 'global' | 'filters'> {
  return {
    global: { ...config.global, kernel: { ...config.global.kernel, redistribute: 'pools', ...more } },
    filters: { filters: [{ name: 'pools', rules: [{ prefixes, action: 'accept' }], otherwise: 'reject' }] },
  };
}

test('kernel routes inside a pool are announced while they are there, and none outside', async () => {
  await using p = await pair(bird);
  p.us.ip('route', 'add', '10.244.7.7/32', 'dev', 'to-them', 'proto', '85');
  p.us.ip('-6', 'route', 'add', 'fd00:244::77/128', 'dev', 'to-them', 'proto', '85');
  p.us.ip('route', 'add', '10.77.0.0/16', 'via', THEIRS.ipv4);
  await theyHave(p, OUR_BLOCKS);
  await p.ours.apply(redistributing(p.config));
  await theyHave(p, [...OUR_BLOCKS, '10.244.7.7/32', 'fd00:244::77/128']);
  expect(p.us.routes(4, 'proto', '84', '10.244.7.7')).toEqual([]);           // it is in the kernel already
  expect((await p.ours.routes({ prefix: '10.244.7.7/32' })).routes[0]?.paths[0]).toMatchObject({ peer: 'kernel', best: true, installed: false });

  p.us.ip('route', 'del', '10.244.7.7/32');
  p.us.ip('route', 'add', '10.244.8.8/32', 'dev', 'to-them');
  await theyHave(p, [...OUR_BLOCKS, '10.244.8.8/32', 'fd00:244::77/128']);

  await p.ours.apply(redistributing(p.config, {}, [POOL6, { prefix: '10.77.0.0/16' }]));
  await theyHave(p, [...OUR_BLOCKS, '10.77.0.0/16', 'fd00:244::77/128']);
  await p.ours.apply({ global: p.config.global });
  await theyHave(p, OUR_BLOCKS);
}, INTEROP_MS);

test('LOCAL_PREF says the metric of a kernel route to an internal peer, and the metric that ours get', async () => {
  await using p = await pair(bird, { ours: { peers: [{ name: 'v4', address: THEIRS.ipv4, asn: OUR_ASN, families: ['ipv4'] }] }, theirs: { asn: OUR_ASN } });
  p.us.ip('route', 'add', '10.244.7.7/32', 'dev', 'to-them', 'metric', '512');
  p.us.ip('route', 'add', '10.244.8.8/32', 'dev', 'to-them');
  const settings = redistributing(p.config, { metricFromLocalPref: true });
  await p.ours.apply(settings);
  const preferenceOf = (prefix: string): string | undefined => /BGP\.local_pref: (\d+)/.exec(sh('birdc', '-s', join(p.them.directory, 'bird.ctl'), 'show', 'route', 'all', prefix))?.[1];
  await eventually(UP_MS, () => {
    expect([preferenceOf('10.244.7.7/32'), preferenceOf('10.244.8.8/32')]).toEqual([String(2_147_483_647 - 512), String(2_147_483_647 - 1024)]);
  });
  const raise = { name: 'raise', rules: [{ prefixes: [{ prefix: THEIR_ROUTES[0]! }], set: { localPref: 2_147_483_647 - 300 }, action: 'accept' as const }], otherwise: 'accept' as const };
  await p.ours.apply({
    filters: { filters: [...settings.filters.filters, raise] },
    peers: { peers: p.config.peers.peers.map((peer) => ({ ...peer, importFilters: ['raise'] })) },
  });
  const metrics = (): (readonly [string, number | undefined])[] => p.us.routes(4, 'proto', '84').filter((r) => r.type !== 'blackhole').map((r) => [r.dst, r.metric] as const);
  await eventually(UP_MS, () => { expect(metrics()).toEqual(expect.arrayContaining([[THEIR_ROUTES[0]!, 300], [THEIR_ROUTES[1]!, 1024]])); });
  expect(metrics()).toHaveLength(2);
}, INTEROP_MS);

test('another metric for all routes: each stands with the new one before the old one goes', async () => {
  await using p = await pair(bird);
  await weHave(p, THEIR_ROUTES);
  const { kernel } = p.config.global;
  const metrics = (): (number | undefined)[] => ([4, 6] as const).flatMap((family) => p.us.routes(family, 'proto', '84').map((r) => r.metric));
  const count = metrics().length;
  const monitor = await p.us.monitorRoutes();
  await p.ours.apply({ global: { ...p.config.global, kernel: { ...kernel, metric: 700, metric6: 800 } } });
  await eventually(UP_MS, () => { expect(metrics().sort()).toEqual([700, 700, 700, 800, 800, 800]); });
  expect(count).toBe(6);
  const lines = await monitor.read();
  for (const prefix of [...THEIR_ROUTES, ...OUR_BLOCKS]) {
    const about = lines.filter((line) => line.includes(`${prefix} `));
    expect(about.map((line) => line.startsWith('Deleted'))).toEqual([false, true]);
  }
}, INTEROP_MS);

test('connected networks of an ignored interface are not announced, nor next hops reached through them', async () => {
  await using p = await pair(bird);
  const settings = (ignoredInterfaces: readonly string[]): Pick<SpeakerConfig, 'global' | 'filters'> =>
    redistributing(p.config, { ignoredInterfaces }, [{ prefix: '10.9.0.0/24' }]);
  await p.ours.apply(settings([]));
  await theyHave(p, [...OUR_BLOCKS, '10.9.0.0/24']);
  await weHave(p, THEIR_ROUTES);
  await p.ours.apply(settings(['to-*']));
  await theyHave(p, OUR_BLOCKS);
  await weHave(p, []);
  await p.ours.apply(settings(['eth*']));
  await theyHave(p, [...OUR_BLOCKS, '10.9.0.0/24']);
  await weHave(p, THEIR_ROUTES);
}, INTEROP_MS);

test('a peer behind a gateway: the host route stands in the kernel, leads next hops, and is told to nobody', async () => {
  await using net = await Namespaces.create('static route to a peer');
  const [us, gateway, them] = [net.add('us'), net.add('gw'), net.add('them')];
  net.link(us, gateway, { addresses: [['10.8.0.1/24'], ['10.8.0.2/24']] });
  net.link(gateway, them, { addresses: [['10.9.0.3/24'], [`${THEIRS.ipv4}/24`]] });
  gateway.exec('sysctl', '-qw', 'net.ipv4.ip_forward=1');
  gateway.ip('route', 'add', '10.244.0.0/16', 'via', '10.8.0.1');
  them.ip('route', 'add', `${OURS.ipv4}/32`, 'via', '10.9.0.3');
  us.ip('addr', 'add', `${OURS.ipv4}/32`, 'dev', 'lo');
  gateway.ip('route', 'add', `${OURS.ipv4}/32`, 'via', '10.8.0.1');
  writeFileSync(join(them.directory, 'bird.conf'), `
log stderr all;
router id ${THEIRS.ipv4};
protocol device {}
protocol static { ipv4; route ${THEIR_ROUTES[0]!} blackhole; }
protocol bgp node { local ${THEIRS.ipv4} as ${THEIR_ASN}; neighbor ${OURS.ipv4} as ${OUR_ASN}; multihop; connect retry time 1; ipv4 { import all; export where source = RTS_STATIC; next hop self; }; }
`);
  them.spawn('bird', ['-f', '-c', join(them.directory, 'bird.conf'), '-s', join(them.directory, 'bird.ctl')]);
  const config = ourConfig({ peers: [{ name: 'v4', address: THEIRS.ipv4, sourceAddress: OURS.ipv4, asn: THEIR_ASN, families: ['ipv4'] }] });
  const ours = await OurSpeaker.start(us, config);
  expect(us.routes(4, 'proto', '84').filter((r) => r.type !== 'blackhole')).toEqual([]);
  await ours.apply({ originate: { ...config.originate, statics: [{ prefix: `${THEIRS.ipv4}/32`, via: '10.8.0.2' }] } });
  await eventually(UP_MS, () => { expect(us.routes(4, 'proto', '84')).toEqual(expect.arrayContaining([expect.objectContaining({ dst: THEIRS.ipv4, gateway: '10.8.0.2' })])); });
  await ours.established(UP_MS, 'v4');
  await eventually(UP_MS, () => { expect(us.routes(4, 'proto', '84')).toEqual(expect.arrayContaining([expect.objectContaining({ dst: THEIR_ROUTES[0], gateway: '10.8.0.2' })])); });
  await eventually(UP_MS, () => {
    const table = sh('birdc', '-s', join(them.directory, 'bird.ctl'), 'show', 'route', 'protocol', 'node');
    expect([table.includes(OUR_BLOCKS[0]!), table.includes(`${THEIRS.ipv4}/32`)]).toEqual([true, false]);
  });
  await ours.apply({ originate: config.originate });
  await eventually(UP_MS, () => { expect(us.routes(4, 'proto', '84').filter((r) => r.type !== 'blackhole')).toEqual([]); });
}, INTEROP_MS);
