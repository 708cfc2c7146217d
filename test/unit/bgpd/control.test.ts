/** The control socket's answers: sections applied and remembered, status, routes with reasons, metrics. */
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from '@jest/globals';
import type { BgpdMethods, Sections } from '../../../config/messages/bgpd-control.ts';
import { Control, type StopMode } from '../../../bgpd/control.ts';
import { StateFile } from '../../../bgpd/state-file.ts';
import { silentLog, type Log } from '../../../lib/log.ts';
import { connect, serve } from '../../../sys/rpc.ts';
import { path } from '../../support/rib-builders.ts';
import { SpeakerBench } from '../../support/speaker-bench.ts';
import { globalSection, peerConfig, speakerConfig } from '../../support/speaker-config.ts';

const directory = mkdtempSync(join(tmpdir(), 'bgpd-control-'));
afterAll(() => { rmSync(directory, { recursive: true }); });

const [A, TOR] = ['192.0.2.1', '192.0.2.65'];
const CONFIG = speakerConfig({ peers: [peerConfig(A), peerConfig(TOR, { asn: 65001 })], originate: ['10.1.0.0/26'] });

function controlled() {
  const bench = new SpeakerBench();
  const saved: unknown[] = [];
  const stops: StopMode[] = [];
  const messages: string[] = [];
  const control = new Control({ speaker: bench.speaker, save: (sections) => { saved.push(sections); }, stop: (mode, message) => { stops.push(mode); messages.push(message); } });
  return { bench, control, saved, stops, messages };
}

const sections = (some: Readonly<Record<string, unknown>>, revision = 1): Sections =>
  Object.fromEntries(Object.entries(some).map(([name, value]) => [name, { revision, value }]));

test('sections are applied and remembered; what is wrong is answered and stays in the status until it is right', async () => {
  const { bench, control, saved } = controlled();
  const bad = { ...CONFIG, peers: { peers: [...CONFIG.peers.peers, peerConfig('192.0.2.3', { asn: 0 })] } };
  const result = await control.handlers.apply({ version: 1, sender: 's', sections: sections(bad, 7) });
  expect(result.revisions).toEqual({ global: 7, filters: 7, originate: 7, peers: 7 });
  expect(result.problems.map((p) => p.path)).toEqual(['peers/Static_192_0_2_3.asn']);
  expect([saved.at(-1), bench.made.length]).toEqual([CONFIG, 2]);
  await control.handlers.apply({ version: 1, sender: 's', sections: sections({ originate: { routes: [] } }, 8) });
  const status = await control.handlers.status({});
  expect([status.problems.map((p) => p.path), status.originated]).toEqual([['peers/Static_192_0_2_3.asn'], []]);
  await control.handlers.apply({ version: 1, sender: 's', sections: sections({ peers: CONFIG.peers }, 9) });
  expect((await control.handlers.status({})).problems).toEqual([]);
});

test('what was remembered is not replaced at start by what a stricter version leaves of it, but by what the agent says', async () => {
  const { control, saved } = controlled();
  await control.applySections({ ...CONFIG, peers: { peers: [peerConfig('127.0.0.1'), peerConfig(A)] } });
  expect(saved).toEqual([]);
  await control.handlers.apply({ version: 1, sender: 's', sections: sections({ peers: CONFIG.peers }) });
  expect(saved).toEqual([CONFIG]);
});

test('a bad global section leaves the one before in force', async () => {
  const { bench, control } = controlled();
  await control.applySections({ ...CONFIG });
  expect((await control.applySections({ global: { ...globalSection(), asn: 0 } })).map((p) => p.path)).toEqual(['global.asn']);
  expect(bench.speaker.config.global?.asn).toBe(64512);
});

test('status, routes and counts over a real socket', async () => {
  const { bench, control, stops } = controlled();
  await control.applySections({ ...CONFIG });
  const [a, tor] = [bench.peer(A), bench.peer(TOR)];
  for (const peer of [a, tor]) peer.up();
  a.announce(['10.2.0.0/26'], { localPref: 200, communities: [(65001 << 16 | 7) >>> 0] });
  tor.announce(['10.2.0.0/26', '172.16.0.0/12'], { asPath: path(65001, 65002), med: 5, origin: 2 });
  tor.endOfRib();
  await bench.settle();
  const socket = join(directory, 'bgpd.sock');
  await using _server = await serve<BgpdMethods>(socket, control.handlers);
  using client = await connect<BgpdMethods>(socket);
  const status = await client.call('status', {});
  expect(status).toMatchObject({
    version: 1, routerId: '192.0.2.254', asn: 64512, restarting: false, originated: ['10.1.0.0/26'], problems: [],
    routes: { ipv4: { prefixes: 3, paths: 4, installed: 3 }, ipv6: { prefixes: 0, paths: 0, installed: 0 } },
  });
  expect(status.peers.map((p) => [p.address, p.state, p.received, p.advertised, p.endOfRib])).toEqual([[A, 'Established', 1, 2, []], [TOR, 'Established', 2, 2, ['ipv4']]]);
  const { routes, truncated } = await client.call('routes', { prefix: '10.2.0.0/26' });
  expect([routes, truncated]).toMatchObject([[{ prefix: '10.2.0.0/26', paths: [
    { peer: 'Static_192_0_2_1', nextHop: A, asPath: '', origin: 'igp', localPref: 200, med: null, communities: ['65001:7'], best: true, installed: true, stale: false, reason: 'higher local preference' },
    { peer: 'Static_192_0_2_65', nextHop: TOR, asPath: '65001 65002', origin: 'incomplete', localPref: null, med: 5, communities: [], best: false, installed: false, stale: false, reason: 'lost to a route with higher local preference' },
  ] }], false]);
  expect((await client.call('routes', { peer: 'local' })).routes.map((r) => [r.prefix, r.paths[0]!.nextHop, r.paths[0]!.reason])).toEqual([['10.1.0.0/26', 'self', 'the only route']]);
  expect((await client.call('routes', { limit: 1 }))).toMatchObject({ truncated: true, routes: [{ prefix: '10.1.0.0/26' }] });
  expect((await client.call('routes', { family: 'ipv6' })).routes).toEqual([]);
  await expect(client.call('routes', { prefix: 'nonsense' })).rejects.toThrow(/ROUTES.*prefix=nonsense.*expected=ADDRESS\/LENGTH or an address/);
  expect((await client.call('routes', { peer: TOR })).routes.map((r) => r.prefix)).toEqual(['10.2.0.0/26', '172.16.0.0/12']);
  expect([await client.call('count', { peer: A }), await client.call('count', { peer: 'Static_192_0_2_65' })]).toEqual([{ accepted: 1 }, { accepted: 2 }]);
  await expect(client.call('count', { peer: 'nobody' })).rejects.toMatchObject({ code: 'NO_PEER' });
  for (const peer of [null, undefined, 7, {}] as never[]) {
    await expect(client.call('count', { peer })).rejects.toThrow(/expected=.*a peer's name or address/);
  }
  for (const bad of [{ peer: null }, { prefix: null }, { prefix: 7 }] as never[]) await expect(client.call('routes', bad)).rejects.toMatchObject({ code: 'ROUTES' });
  await expect(client.call('routes', { limit: -1 })).rejects.toMatchObject({ code: 'ROUTES' });
  await expect(client.call('apply', { version: 1, sender: 's', sections: null as never })).rejects.toMatchObject({ code: 'APPLY' });
  await expect(client.call('stop', { mode: 'now' as never })).rejects.toMatchObject({ code: 'STOP_MODE' });
  await client.call('stop', { mode: 'restart' });
  expect(stops).toEqual(['restart']);
});

test('metrics name peers; a large mesh is summed', async () => {
  const { bench, control } = controlled();
  await control.applySections({ ...CONFIG });
  bench.peer(A).up();
  await bench.settle();
  const { text } = await control.handlers.metrics({});
  expect(text).toContain('tortie_bgp_peer_up{peer="Static_192_0_2_1"} 1');
  expect(text).toContain('tortie_bgp_peer_up{peer="Static_192_0_2_65"} 0');
  expect(text).toContain('tortie_bgp_installed{family="ipv4"} 1');
  expect(text).toContain('tortie_bgp_peer_state{peer="Static_192_0_2_1"} 6');
  expect(text).toContain('tortie_bgp_peer_prefixes_advertised{peer="Static_192_0_2_1",family="ipv4"} 1');
  expect(text).toContain('tortie_bgp_peer_messages_total{peer="Static_192_0_2_1",direction="in",type="update"} 0');
  expect(text).toContain('tortie_bgp_peer_last_error{peer="Static_192_0_2_65"} 0');
  const mesh = Array.from({ length: 101 }, (_, i) => peerConfig(`192.0.2.${i + 1}`, { name: `Mesh_${i}`, origin: 'mesh' }));
  await control.applySections({ peers: { peers: mesh } });
  for (const peer of mesh.slice(0, 3)) bench.peer(peer.address).up();
  await bench.settle();
  const summed = (await control.handlers.metrics({})).text;
  expect(summed).toContain('tortie_bgp_peer_up{peer="mesh"} 3');
  expect(summed).not.toContain('Mesh_1');
});

test('every view of a table: as a peer sent it, as filters left it, as another peer is sent it', async () => {
  const { bench, control } = controlled();
  const filters = [
    { name: 'in', rules: [{ prefixes: [{ prefix: '10.9.0.0/16' }], action: 'reject' as const }, { set: { addCommunities: ['64512:1'] }, action: 'accept' as const }], otherwise: 'accept' as const },
    { name: 'out', rules: [{ set: { addCommunities: ['64512:2'] }, action: 'accept' as const }], otherwise: 'accept' as const },
  ];
  const peers = [peerConfig(A, { exportFilters: ['out'] }), peerConfig(TOR, { asn: 65001, importFilters: ['in'] })];
  await control.applySections({ ...CONFIG, filters: { filters }, peers: { peers } });
  for (const address of [A, TOR]) bench.peer(address).up();
  bench.peer(TOR).announce(['10.8.0.0/16', '10.9.0.0/16'], { asPath: path(65001) });
  await bench.settle();
  const routes = async (request: BgpdMethods['routes']['params']) => (await control.handlers.routes(request)).routes.flatMap((r) => r.paths.map((p) => `${r.prefix} ${p.communities.join()} ${p.reason}`));
  expect(await routes({ peer: TOR, view: 'received' })).toEqual(['10.8.0.0/16  the only route', '10.9.0.0/16  rejected by an import filter']);
  expect(await routes({ peer: TOR, view: 'accepted' })).toEqual(['10.8.0.0/16 64512:1 the only route']);
  expect(await routes({ peer: A, view: 'advertised' })).toEqual(['10.1.0.0/26 64512:2 sent', '10.8.0.0/16 64512:1,64512:2 sent']);
  expect(await routes({ peer: TOR, view: 'advertised' })).toEqual(['10.1.0.0/26  sent']);
  // Asked about one prefix, it says why it is not sent.
  expect(await routes({ peer: TOR, view: 'advertised', prefix: '10.8.0.0/16' })).toEqual(['10.8.0.0/16 64512:1 it came from this peer']);
  const [kept] = (await control.handlers.routes({ peer: TOR, view: 'advertised', prefix: '10.8.0.1' })).routes;
  expect(kept?.paths.map((p) => p.unsent)).toEqual([true]);
  expect(await routes({ peer: TOR, view: 'advertised', prefix: '10.0.0.0/8', longer: true })).toEqual(['10.1.0.0/26  sent']);
  expect(await routes({ prefix: '10.8.3.4' })).toEqual(['10.8.0.0/16 64512:1 the only route']);
  expect(await routes({ prefix: '10.0.0.0/8', longer: true, best: true })).toEqual(['10.1.0.0/26  the only route', '10.8.0.0/16 64512:1 the only route']);
  expect(await routes({ prefix: '10.0.0.0/8' })).toEqual([]);
});

test('a walk through a large table lets others have their turn, and holds no more than it answers', async () => {
  const bench = new SpeakerBench();
  let pauses = 0;
  const control = new Control({ speaker: bench.speaker, save: () => undefined, stop: () => undefined, pause: () => { pauses++; return Promise.resolve(); } });
  await control.applySections({ ...CONFIG });
  bench.peer(A).up();
  bench.peer(A).announce(Array.from({ length: 40_000 }, (_, i) => `20.${255 - (i >> 8)}.${i & 255}.0/24`));
  await bench.settle();
  const { routes, truncated } = await control.handlers.routes({ limit: 3, peer: A });
  expect([routes.map((r) => r.prefix), truncated]).toEqual([['20.99.0.0/24', '20.99.1.0/24', '20.99.2.0/24'], true]);
  expect(pauses).toBeGreaterThanOrEqual(4);
  expect((await control.handlers.routes({ limit: 2, peer: A, after: '20.99.2.0/24' })).routes.map((r) => r.prefix)).toEqual(['20.99.3.0/24', '20.99.4.0/24']);
  expect((await control.handlers.routes({ peer: A, after: '20.255.255.0/24' })).routes).toEqual([]);
  expect((await control.handlers.routes({ peer: A, after: 'fd00::/64' })).routes).toEqual([]);
});

test('a peer in detail; one that is not known is an error that names those that are', async () => {
  const { bench, control } = controlled();
  const filters = { filters: [{ name: 'f', rules: [], otherwise: 'accept' }] };
  await control.applySections({ ...CONFIG, filters, peers: { peers: [peerConfig(A, { password: 'secret', importFilters: ['f'], maximumPrefixes: { limit: 9, action: 'warn' } }), peerConfig(TOR, { asn: 65001 })] } });
  bench.peer(A).up();
  bench.peer(A).announce(['10.2.0.0/26']);
  bench.peer(A).endOfRib();
  await bench.settle();
  expect(await control.handlers.peer({ peer: A })).toMatchObject({
    name: 'Static_192_0_2_1', received: 1, advertised: 1, maximumPrefixes: { limit: 9, warningPercent: 75 }, md5: true, ttlSecurityHops: null, interface: null, importFilters: ['f'], exportFilters: [],
    perFamily: { ipv4: { received: 1, accepted: 1, stale: 0, advertised: 1, endOfRib: true } },
  });
  expect(() => control.handlers.peer({ peer: 'nobody' })).toThrow(/NO_PEER.*expected=Static_192_0_2_1, Static_192_0_2_65/);
  expect(() => control.handlers.peer({ peer: 7 as never })).toThrow(/PEER.*expected=a peer's name or address/);
});

test('clear: a new start, or routes once more without one; the status shows that it was done', async () => {
  const { bench, control } = controlled();
  await control.applySections({ ...CONFIG });
  const [a, tor] = [bench.peer(A), bench.peer(TOR)];
  for (const peer of [a, tor]) peer.up();
  tor.announce(['10.2.0.0/26'], { asPath: path(65001) });
  await bench.settle();
  for (const peer of [a, tor]) peer.lines();
  expect(await control.handlers.clear({ peer: A, mode: 'soft-out' })).toEqual({ peers: ['Static_192_0_2_1'] });
  await bench.settle();
  expect(a.lines().map((l) => l.split(' ')[0])).toHaveLength(2);
  expect([tor.lines(), a.stopped]).toEqual([[], undefined]);
  expect(await control.handlers.clear({ peer: '*', mode: 'soft-in' })).toEqual({ peers: ['Static_192_0_2_1', 'Static_192_0_2_65'] });
  expect([a.asked, tor.asked, a.stopped]).toEqual([['ipv4'], ['ipv4'], undefined]);
  expect((await control.handlers.status({})).peers.map((p) => p.cleared?.mode)).toEqual(['soft-in', 'soft-in']);
  await control.handlers.clear({ peer: 'Static_192_0_2_1', mode: 'hard' });
  expect([a.stopped, a.started, tor.stopped]).toEqual(['reset', 2, undefined]);
  expect(() => control.handlers.clear({ peer: 'nobody', mode: 'hard' })).toThrow('NO_PEER');
  expect(() => control.handlers.clear({ peer: A, mode: 'soft' as never })).toThrow(/CLEAR.*mode=soft.*expected=hard, soft-in, soft-out/);
});

test('stop passes on a message for the peers, within the length that RFC 9003 allows', async () => {
  const { control, stops, messages } = controlled();
  await control.handlers.stop({ mode: 'final', message: 'moved to rack 7' });
  expect([stops, messages]).toEqual([['final'], ['moved to rack 7']]);
  expect(() => control.handlers.stop({ mode: 'final', message: 'ü'.repeat(128) })).toThrow(/STOP_MESSAGE.*at most 255 octets/);
  expect(() => control.handlers.stop({ mode: 'final', message: 7 as never })).toThrow('STOP_MESSAGE');
});

const logging = (events: string[]): Log => ({ ...silentLog, info: (e) => { events.push(e); }, warn: (e) => { events.push(e); }, error: (e) => { events.push(e); } });

test('the state file brings the sections back after a crash, and all but what is originated after a reboot', async () => {
  const file = join(directory, 'deep', 'bgpd.state');
  const events: string[] = [];
  const stateOf = (bootId: string) => new StateFile({ path: file, bootId, log: logging(events) });
  expect(await stateOf('one').load()).toBeUndefined();
  const state = stateOf('one');
  state.save({ global: globalSection() });
  state.save({ peers: { peers: [] } });
  state.save(CONFIG);
  await state.saved();
  expect(statSync(file).mode & 0o777).toBe(0o600);
  expect(await stateOf('one').load()).toEqual(CONFIG);
  expect(await stateOf('two').load()).toEqual({ ...CONFIG, originate: undefined });
  expect(events).toEqual(['state.rebooted']);
});

test('a state file that cannot be read or written is logged, and that is all', async () => {
  const events: string[] = [];
  const file = join(directory, 'broken.state');
  const state = new StateFile({ path: file, bootId: 'one', log: logging(events) });
  for (const text of ['{', 'null', '{"format":2}', '{"format":1,"bootId":"one","sections":null}', '{"format":1,"sections":7}']) {
    writeFileSync(file, text);
    expect(await state.load()).toBeUndefined();
  }
  expect(events).toEqual(Array.from({ length: 5 }, () => 'state.unreadable'));
  const unwritable = new StateFile({ path: join(file, 'below', 'a-file'), bootId: 'one', log: logging(events) });
  unwritable.save(CONFIG);
  await unwritable.saved();
  expect([events.at(-1), readFileSync(file, 'utf8')]).toEqual(['state.unwritten', '{"format":1,"sections":7}']);
});
