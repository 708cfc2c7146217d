/** Two of our speakers: what must hold when both ends have the same habits. */
import { expect } from '@jest/globals';
import { namespaces, root } from '../support/capabilities.ts';
import { OURS, THEIRS } from '../support/foreign-speaker.ts';
import { INTEROP_MS, OUR_ASN, OUR_BLOCKS, UP_MS, deletedIn, kernelPrefixes } from '../support/interop.ts';
import { Namespaces, eventually } from '../support/namespaces.ts';
import { OurSpeaker, speakerConfig } from '../support/our-speaker.ts';
import { skipUnless } from '../support/skip.ts';

const test = skipUnless(root, namespaces);
const THEIR_BLOCKS = ['10.244.2.0/26', 'fd00:244:0:2::/122'];

test('both restart at the same time, again and again: neither kernel loses a route', async () => {
  await using net = await Namespaces.create('two of ours');
  const [a, b] = [net.add('a'), net.add('b')];
  net.link(a, b, { addresses: [[`${OURS.ipv4}/24`, `${OURS.ipv6}/64`], [`${THEIRS.ipv4}/24`, `${THEIRS.ipv6}/64`]] });
  const configOf = (routerId: string, originate: string[], peer: { ipv4: string; ipv6: string }) => speakerConfig({
    asn: OUR_ASN, routerId, originate,
    peers: (['ipv4', 'ipv6'] as const).map((f) => ({ name: f, address: peer[f], asn: OUR_ASN, families: [f] })),
  });
  const speakers = await Promise.all([
    OurSpeaker.start(a, configOf(OURS.ipv4, OUR_BLOCKS, THEIRS)), OurSpeaker.start(b, configOf(THEIRS.ipv4, THEIR_BLOCKS, OURS)),
  ]);
  const exchanged = async (): Promise<void> => {
    for (const s of speakers) await s.established(UP_MS, 'ipv4', 'ipv6');
    await eventually(UP_MS, async () => {
      expect([kernelPrefixes(a, '84'), kernelPrefixes(b, '84')]).toEqual([[...THEIR_BLOCKS].sort(), [...OUR_BLOCKS].sort()]);
      for (const s of speakers) {
        const status = await s.status();
        expect([status.restarting, status.peers.map((p) => [p.received, p.stale, p.endOfRib.length])]).toEqual([false, [[1, 0, 1], [1, 0, 1]]]);
      }
    });
  };
  await exchanged();
  const monitors = await Promise.all([a.monitorRoutes(), b.monitorRoutes()]);
  for (const signal of ['SIGKILL', 'SIGTERM', 'SIGKILL'] as const) {
    for (const s of speakers) s.process.signal(signal);
    await Promise.all(speakers.map((s) => s.startAgain()));
    await exchanged();
    for (const m of monitors) expect(deletedIn(await m.read(), [...OUR_BLOCKS, ...THEIR_BLOCKS])).toEqual([]);
  }
}, INTEROP_MS);

test('nodes of two racks, each with nothing but a default route to the other, forward to each other\'s blocks', async () => {
  await using net = await Namespaces.create('two racks');
  const [a, router, b] = [net.add('a'), net.add('router'), net.add('b')];
  net.link(a, router, { addresses: [['192.0.2.2/24', '2001:db8:1::2/64'], ['192.0.2.1/24', '2001:db8:1::1/64']] });
  net.link(b, router, { addresses: [['198.51.100.2/24', '2001:db8:2::2/64'], ['198.51.100.1/24', '2001:db8:2::1/64']] });
  router.exec('sysctl', '-qw', 'net.ipv4.ip_forward=1', 'net.ipv6.conf.all.forwarding=1');
  for (const [ns, v4, v6] of [[a, '192.0.2.1', '2001:db8:1::1'], [b, '198.51.100.1', '2001:db8:2::1']] as const) {
    ns.ip('route', 'add', 'default', 'via', v4);
    ns.ip('-6', 'route', 'add', 'default', 'via', v6);
  }
  const configOf = (routerId: string, originate: readonly string[], v4: string, v6: string) => speakerConfig({
    asn: OUR_ASN, routerId, originate,
    peers: [{ name: 'v4', address: v4, asn: OUR_ASN, families: ['ipv4'] }, { name: 'v6', address: v6, asn: OUR_ASN, families: ['ipv6'] }],
  });
  await OurSpeaker.start(a, configOf('192.0.2.2', OUR_BLOCKS, '198.51.100.2', '2001:db8:2::2'));
  await OurSpeaker.start(b, configOf('198.51.100.2', THEIR_BLOCKS, '192.0.2.2', '2001:db8:1::2'));
  await eventually(UP_MS, () => {
    const gateways = [a, b].map((ns) => ([4, 6] as const).flatMap((f) => ns.routes(f, 'proto', '84').filter((r) => r.gateway !== undefined).map((r) => `${r.dst} via ${r.gateway}`)));
    expect(gateways).toEqual([
      THEIR_BLOCKS.map((block, i) => `${block} via ${['192.0.2.1', '2001:db8:1::1'][i]}`),
      OUR_BLOCKS.map((block, i) => `${block} via ${['198.51.100.1', '2001:db8:2::1'][i]}`),
    ]);
  });
}, INTEROP_MS);
