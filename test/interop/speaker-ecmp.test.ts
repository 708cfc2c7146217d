/** Two ToR routers (BIRD 2) announce the same prefixes: one ECMP route in the kernel, which follows links and sessions. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { Bgpd } from '../support/bgpd.ts';
import { eventually, Namespaces, type Netns, type Process } from '../support/namespaces.ts';
import { peerConfig, speakerConfig } from '../support/speaker-config.ts';

function router(ns: Netns, n: number): Process {
  const conf = join(ns.directory, 'bird.conf');
  writeFileSync(conf, `
log stderr all;
router id 10.0.${n}.2;
protocol device {}
protocol static s4 { ipv4; route 172.16.0.0/12 blackhole; route 0.0.0.0/0 blackhole; }
protocol static s6 { ipv6; route 2001:db8::/32 blackhole; }
template bgp common { local as 6500${n}; connect delay time 1; connect retry time 1; error wait time 1, 2; }
protocol bgp us4 from common { neighbor 10.0.${n}.1 as 64512; ipv4 { import all; export where source = RTS_STATIC; }; }
protocol bgp us6 from common { neighbor fd00:${n}::1 as 64512; ipv6 { import all; export where source = RTS_STATIC; }; }
`);
  return ns.spawn('bird', ['-f', '-c', conf, '-s', join(ns.directory, 'bird.ctl')]);
}

/** `0.0.0.0/0 via 10.0.1.2 10.0.2.2`: our routes with all their gateways. */
const ours = (ns: Netns, family: 4 | 6): string[] => ns.routes(family, 'proto', '84').map((r) => {
  const gateways = r.nexthops?.map((h) => h.gateway) ?? [r.gateway];
  return `${r.dst} via ${gateways.sort().join(' ')}`;
}).sort();

test('both ways are used, one is enough, and no route is ever absent', async () => {
  await using net = await Namespaces.create('ecmp');
  const us = net.add('us');
  const routers = [1, 2].map((n) => {
    const ns = net.add(`tor${n}`);
    net.link(us, ns, { names: [`eth${n}`, 'eth0'], addresses: [[`10.0.${n}.1/24`, `fd00:${n}::1/64`], [`10.0.${n}.2/24`, `fd00:${n}::2/64`]] });
    return { ns, bird: router(ns, n) };
  });
  const peers = [1, 2].flatMap((n) => [peerConfig(`10.0.${n}.2`, { asn: 65000 + n }), peerConfig(`fd00:${n}::2`, { asn: 65000 + n })]);
  const bgpd = await Bgpd.start(us, speakerConfig({ global: { routerId: '10.0.1.1' }, peers }));
  await eventually(20_000, () => {
    expect(ours(us, 4)).toEqual(['172.16.0.0/12 via 10.0.1.2 10.0.2.2', 'default via 10.0.1.2 10.0.2.2']);
    expect(ours(us, 6)).toEqual(['2001:db8::/32 via fd00:1::2 fd00:2::2']);
  });
  const monitor = await us.monitorRoutes();
  routers[0]!.bird.child.kill('SIGTERM');           // BIRD says Cease: its routes go at once
  await eventually(10_000, () => {
    expect(ours(us, 4)).toEqual(['172.16.0.0/12 via 10.0.2.2', 'default via 10.0.2.2']);
    expect(ours(us, 6)).toEqual(['2001:db8::/32 via fd00:2::2']);
  });
  router(routers[0]!.ns, 1);
  await eventually(20_000, () => { expect([...ours(us, 4), ...ours(us, 6)].filter((r) => r.split(' ').length === 4)).toHaveLength(3); });
  expect((await monitor.read()).filter((line) => line.startsWith('Deleted'))).toEqual([]);
  us.ip('link', 'set', 'eth2', 'down');
  await eventually(10_000, async () => {
    expect(ours(us, 4)).toEqual(['172.16.0.0/12 via 10.0.1.2', 'default via 10.0.1.2']);
    expect(ours(us, 6)).toEqual(['2001:db8::/32 via fd00:1::2']);
    expect((await bgpd.status()).routes.ipv4.installed).toBe(2);
  });
  us.ip('link', 'set', 'eth2', 'up');
  us.address('eth2', 'fd00:2::1/64');               // the kernel forgot it with the link
  await eventually(30_000, () => { expect([...ours(us, 4), ...ours(us, 6)].filter((r) => r.split(' ').length === 4)).toHaveLength(3); });
}, 120_000);
