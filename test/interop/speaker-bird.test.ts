/** Our speaker and BIRD 2: routes of both families both ways, into the kernel, withdrawn, kept through restarts. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { Bgpd } from '../support/bgpd.ts';
import { eventually, Namespaces, sh, type Netns } from '../support/namespaces.ts';
import { peerConfig, speakerConfig } from '../support/speaker-config.ts';

interface Pair { readonly us: Netns; readonly bird: Netns; readonly birdc: (...command: string[]) => string }

function bird(ns: Netns, asn: number): (...command: string[]) => string {
  const [conf, control] = [join(ns.directory, 'bird.conf'), join(ns.directory, 'bird.ctl')];
  writeFileSync(conf, `
log stderr all;
router id 10.0.0.2;
protocol device {}
protocol direct { ipv4; ipv6; }
protocol kernel { ipv4 { export all; import none; }; }
protocol kernel { ipv6 { export all; import none; }; }
protocol static s4 { ipv4; route 10.2.0.0/16 blackhole; route 10.3.0.0/24 via 10.0.0.2; }
protocol static s6 { ipv6; route fd00:2::/64 blackhole; }
template bgp common { local as ${asn}; graceful restart on; connect delay time 1; connect retry time 1; error wait time 1, 2; }
protocol bgp us4 from common { neighbor 10.0.0.1 as 64512; ipv4 { import all; export where source = RTS_STATIC; next hop self; }; }
protocol bgp us6 from common { neighbor fd00::1 as 64512; ipv6 { import all; export where source = RTS_STATIC; next hop self; }; }
`);
  ns.spawn('bird', ['-f', '-c', conf, '-s', control]);
  return (...command) => sh('birdc', '-s', control, ...command);
}

function pair(net: Namespaces, birdAsn: number): Pair {
  const [us, other] = [net.add('us'), net.add('bird')];
  net.link(us, other, { names: ['eth0', 'eth0'], addresses: [['10.0.0.1/24', 'fd00::1/64'], ['10.0.0.2/24', 'fd00::2/64']] });
  return { us, bird: other, birdc: bird(other, birdAsn) };
}

const config = (asn: number) => speakerConfig({
  global: { routerId: '10.0.0.1' },
  peers: [peerConfig('10.0.0.2', { asn }), peerConfig('fd00::2', { asn })],
  originate: ['10.1.0.0/26', 'fd00:1::/122'],
});

const ours = (ns: Netns, family: 4 | 6): string[] =>
  ns.routes(family, 'proto', '84').map((r) => `${r.type ?? 'unicast'} ${r.dst}${r.gateway === undefined ? '' : ` via ${r.gateway}`}`).sort();

const learned = (ns: Netns, family: 4 | 6): string[] => ns.routes(family, 'proto', 'bird').map((r) => r.dst).sort();

test.each([['internal', 64512], ['external', 65001]])('an %s session exchanges routes of both families, and withdraws them', async (_kind, asn) => {
  await using net = await Namespaces.create('speaker and bird');
  const { us, bird: other, birdc } = pair(net, asn);
  const bgpd = await Bgpd.start(us, config(asn));
  await eventually(20_000, async () => {
    expect(await bgpd.states()).toEqual({ '10.0.0.2': 'Established', 'fd00::2': 'Established' });
    expect(ours(us, 4)).toEqual(['blackhole 10.1.0.0/26', 'unicast 10.2.0.0/16 via 10.0.0.2', 'unicast 10.3.0.0/24 via 10.0.0.2']);
    expect(ours(us, 6)).toEqual(['blackhole fd00:1::/122', 'unicast fd00:2::/64 via fd00::2']);
    expect(learned(other, 4)).toContain('10.1.0.0/26');
    expect(learned(other, 6)).toContain('fd00:1::/122');
  });
  const { peers } = await bgpd.status();
  expect(peers.map((p) => [p.received, p.advertised, p.gracefulRestart])).toEqual([[2, 1, true], [1, 1, true]]);

  birdc('disable', 's4');
  await bgpd.client.call('apply', { version: 1, sender: 'test', sections: { originate: { revision: 2, value: { routes: [{ prefix: '10.1.0.64/26', blackhole: true }] } } } });
  await eventually(10_000, () => {
    expect(ours(us, 4)).toEqual(['blackhole 10.1.0.64/26']);
    expect(learned(other, 4)).toContain('10.1.0.64/26');
    expect(learned(other, 4)).not.toContain('10.1.0.0/26');
    expect(learned(other, 6)).not.toContain('fd00:1::/122');
  });
  await bgpd.client.call('stop', { mode: 'final' });
  await bgpd.process.ended;
  expect([...ours(us, 4), ...ours(us, 6)]).toEqual([]);
}, 60_000);

test.each(['SIGKILL', 'SIGTERM'] as const)('after %s no route is touched on either side, and the state file brings bgpd back', async (signal) => {
  await using net = await Namespaces.create(`restart by ${signal}`);
  const { us, bird: other } = pair(net, 64512);
  const first = await Bgpd.start(us, config(64512));
  await eventually(20_000, () => {
    expect([ours(us, 4).length, ours(us, 6).length]).toEqual([3, 2]);
    expect(learned(other, 4)).toContain('10.1.0.0/26');
    expect(learned(other, 6)).toContain('fd00:1::/122');
  });
  const monitors = [await us.monitorRoutes(), await other.monitorRoutes()];
  await first.kill(signal);
  const second = await Bgpd.start(us);
  await eventually(20_000, async () => {
    const status = await second.status();
    expect(status.peers.map((p) => [p.state, p.endOfRib.length, p.stale])).toEqual([['Established', 1, 0], ['Established', 1, 0]]);
    expect(status.restarting).toBe(false);
  });
  expect(ours(us, 4)).toEqual(['blackhole 10.1.0.0/26', 'unicast 10.2.0.0/16 via 10.0.0.2', 'unicast 10.3.0.0/24 via 10.0.0.2']);
  for (const monitor of monitors) expect((await monitor.read()).filter((line) => line.startsWith('Deleted'))).toEqual([]);
}, 60_000);

test('flushed routes come back by themselves, and a foreign route in the place of ours is reported, not overwritten', async () => {
  await using net = await Namespaces.create('flush');
  const { us } = pair(net, 64512);
  us.ip('route', 'add', '10.3.0.0/24', 'via', '10.0.0.77', 'metric', '1024', 'proto', 'static');
  const bgpd = await Bgpd.start(us, config(64512));
  await eventually(20_000, async () => {
    expect(ours(us, 4)).toEqual(['blackhole 10.1.0.0/26', 'unicast 10.2.0.0/16 via 10.0.0.2']);
    expect((await bgpd.status()).problems.map((p) => p.path)).toEqual(['kernel/10.3.0.0/24']);
  });
  us.ip('route', 'flush', 'proto', '84');
  us.ip('-6', 'route', 'flush', 'proto', '84');
  us.ip('route', 'del', '10.3.0.0/24', 'via', '10.0.0.77', 'metric', '1024');
  await eventually(10_000, async () => {
    expect([ours(us, 4).length, ours(us, 6).length]).toEqual([3, 2]);
    expect((await bgpd.status()).problems).toEqual([]);
  });
}, 60_000);

test('after a reboot the sessions come up, but nothing is originated before somebody says so', async () => {
  await using net = await Namespaces.create('reboot');
  const { us, bird: other } = pair(net, 64512);
  const first = await Bgpd.start(us, config(64512));
  await eventually(20_000, () => { expect(learned(other, 4)).toContain('10.1.0.0/26'); });
  await first.kill('SIGKILL');
  us.ip('route', 'flush', 'proto', '84');
  us.ip('-6', 'route', 'flush', 'proto', '84');
  const second = await Bgpd.start(us, undefined, '--boot-id', 'another');
  await eventually(20_000, async () => {
    expect(await second.states()).toEqual({ '10.0.0.2': 'Established', 'fd00::2': 'Established' });
    expect(ours(us, 4)).toEqual(['unicast 10.2.0.0/16 via 10.0.0.2', 'unicast 10.3.0.0/24 via 10.0.0.2']);
    expect(learned(other, 4)).not.toContain('10.1.0.0/26');
    expect(learned(other, 6)).not.toContain('fd00:1::/122');
  });
  expect((await second.status()).originated).toEqual([]);
  await second.client.call('apply', { version: 1, sender: 'agent', sections: { originate: { revision: 1, value: config(64512).originate } } });
  await eventually(10_000, () => { expect([learned(other, 4), learned(other, 6)].flat()).toEqual(expect.arrayContaining(['10.1.0.0/26', 'fd00:1::/122'])); });
}, 60_000);

test('a configuration that cannot be read ends the program with a message; a bad part of one is logged', async () => {
  await using net = await Namespaces.create('bad configuration');
  const ns = net.add('us');
  const file = join(ns.directory, 'bad.json');
  writeFileSync(file, '{');
  const broken = ns.spawn(process.execPath, [join(import.meta.dirname, '../../main.ts'), 'bgpd', '--config', file]);
  expect(await broken.ended).toBe(1);
  expect(broken.lines.join(' ')).toContain(`CONFIG_FILE (path=${file})`);
  const { peers, ...rest } = config(64512);
  const bgpd = await Bgpd.start(ns, { ...rest, peers: { peers: [...peers.peers, peerConfig('10.0.0.9', { asn: 0 })] } });
  expect((await bgpd.status()).peers).toHaveLength(2);
  expect((await bgpd.status()).problems.map((p) => p.path)).toEqual(['peers/Static_10_0_0_9.asn']);
  expect(bgpd.process.lines.filter((line) => line.includes('config.problem'))).toHaveLength(1);
}, 60_000);
