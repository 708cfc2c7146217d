/** What BMP stations are told, as pmacct's collector reads it; tshark finds nothing malformed. A station that does not read costs nothing. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from '@jest/globals';
import type { BmpStation } from '../../config/messages/speaker-config.ts';
import { Bgpd } from '../support/bgpd.ts';
import { namespaces, program, root } from '../support/capabilities.ts';
import { eventually, Namespaces, sh, type Netns } from '../support/namespaces.ts';
import { skipUnless } from '../support/skip.ts';
import { peerConfig, speakerConfig } from '../support/speaker-config.ts';

const MS = 90_000;
const needs = skipUnless(root, namespaces, program('bird'), program('pmbmpd'), program('tshark'));

const STATION: BmpStation = { name: 'collector', address: '10.0.9.2', port: 1790, monitor: ['pre-policy', 'post-policy', 'loc-rib'], statisticsSeconds: 1 };

function startBird(ns: Netns): (...words: string[]) => string {
  const [conf, control] = [join(ns.directory, 'bird.conf'), join(ns.directory, 'bird.ctl')];
  writeFileSync(conf, `
log stderr all;
router id 10.0.0.2;
protocol device {}
protocol static s4 { ipv4; route 10.2.0.0/16 blackhole; route 10.3.0.0/24 blackhole; }
protocol static s6 { ipv6; route fd02::/64 blackhole; }
protocol bgp node { local 10.0.0.2 as 65001; neighbor 10.0.0.1 as 64512; connect delay time 1; connect retry time 1; error wait time 1, 2;
  ipv4 { add paths tx; import all; export where source = RTS_STATIC; next hop self; };
  ipv6 { import all; export where source = RTS_STATIC; next hop self; }; }
`);
  ns.spawn('bird', ['-f', '-c', conf, '-s', control]);
  return (...words) => sh('birdc', '-s', control, ...words);
}

interface Logged { readonly bmp_msg_type?: string; readonly log_type?: string; readonly ip_prefix?: string; readonly peer_type?: number; readonly is_post?: number; readonly is_loc?: number; readonly reason_type?: number; readonly counter_type?: number; readonly counter_value?: number }

async function lab() {
  const net = await Namespaces.create('bmp');
  const [us, bird, station] = [net.add('us'), net.add('bird'), net.add('station')];
  net.link(us, bird, { names: ['eth0', 'eth0'], addresses: [['10.0.0.1/24', 'fd00::1/64'], ['10.0.0.2/24', 'fd00::2/64']] });
  net.link(us, station, { names: ['eth1', 'eth0'], addresses: [['10.0.9.1/24'], ['10.0.9.2/24']] });
  const config = speakerConfig({
    global: { routerId: '10.0.0.1', bmp: { stations: [STATION] } }, originate: ['10.1.0.0/26'],
    filters: [{ name: 'no3', rules: [{ prefixes: [{ prefix: '10.3.0.0/24' }], action: 'reject' }], otherwise: 'next' }],
    peers: [peerConfig('10.0.0.2', { asn: 65001, families: ['ipv4', 'ipv6'], importFilters: ['no3'], addPath: { send: false, receive: true } })],
  });
  return { us, bird, station, config, [Symbol.asyncDispose]: () => net[Symbol.asyncDispose]() };
}

needs('a collector sees the peer and its routes before and after policy, Loc-RIB, withdrawals, and the end', async () => {
  await using net = await lab();
  const { us, station, config } = net;
  const log = join(station.directory, 'bmp.json');
  const capture = join(us.directory, 'bmp.pcap');
  station.spawn('pmbmpd', ['-L', '10.0.9.2', '-l', '1790', '-o', log]);
  const sniffer = us.spawn('tshark', ['-i', 'eth1', '-w', capture, '-q']);
  await eventually(10_000, () => { expect(sniffer.output).toContain('Capturing on'); });
  const birdc = startBird(net.bird);
  const bgpd = await Bgpd.start(us, config);
  const logged = (): Logged[] => readFileSync(log, 'utf8').split('\n').filter((l) => l !== '').map((l) => JSON.parse(l) as Logged);
  const routes = (which: (line: Logged) => boolean): string[] => {
    const held = new Set<string>();
    for (const line of logged().filter((l) => l.ip_prefix !== undefined && which(l))) if (line.log_type === 'update') held.add(line.ip_prefix!); else held.delete(line.ip_prefix!);
    return [...held].sort();
  };
  const [pre, post, loc] = [(l: Logged) => l.is_post === 0, (l: Logged) => l.is_post === 1, (l: Logged) => l.is_loc === 1];
  await eventually(30_000, () => {
    expect(routes(pre)).toEqual(['10.2.0.0/16', '10.3.0.0/24', 'fd02::/64']);
    expect(routes(post)).toEqual(['10.2.0.0/16', 'fd02::/64']);
    expect(routes(loc)).toEqual(['10.1.0.0/26', '10.2.0.0/16', 'fd02::/64']);
    expect(logged().filter((l) => l.counter_type === 7).at(-1)?.counter_value).toBe(3);
  });
  birdc('disable', 's6');
  await eventually(10_000, () => { expect([routes(pre), routes(post), routes(loc)].flat()).not.toContain('fd02::/64'); });
  birdc('disable', 'node');
  await eventually(10_000, () => {
    expect(logged().filter((l) => l.bmp_msg_type === 'peer_down').map((l) => l.reason_type)).toEqual([3]);
    expect(routes(loc)).toEqual(['10.1.0.0/26']);
  });
  await bgpd.client.call('stop', { mode: 'final' });
  await eventually(10_000, () => { expect(logged().map((l) => l.bmp_msg_type)).toContain('term'); });
  const decode = (filter: string): string => sh('tshark', '-r', capture, '-d', 'tcp.port==1790,bmp', '-Y', filter, '-T', 'fields', '-e', 'bmp.type');
  await eventually(20_000, () => { expect(new Set(decode('bmp').split(/[\s,]+/).filter((t) => t !== ''))).toEqual(new Set(['0', '1', '2', '3', '4', '5'])); });
  expect(decode('_ws.malformed')).toBe('');
}, MS);

needs('a collector that starts later, or again, gets everything', async () => {
  await using net = await lab();
  startBird(net.bird);
  const bgpd = await Bgpd.start(net.us, net.config);
  await eventually(30_000, async () => {
    const status = await bgpd.status();
    expect(status.peers[0]?.received).toBe(2);
    expect(status.problems.map((p) => p.message)).toContainEqual(expect.stringMatching(/^10\.0\.9\.2 port 1790: Connection refused/));
  });
  for (const name of ['first', 'second']) {
    const log = join(net.station.directory, name);
    const collector = net.station.spawn('pmbmpd', ['-L', '10.0.9.2', '-l', '1790', '-o', log]);
    await eventually(30_000, () => {
      const text = readFileSync(log, 'utf8');
      for (const prefix of ['10.2.0.0/16', '10.3.0.0/24', 'fd02::/64', '10.1.0.0/26']) expect(text).toContain(prefix);
    });
    await collector.kill();
  }
}, MS);

