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
  const control = new Control({ speaker: bench.speaker, save: (sections) => { saved.push(sections); }, stop: (mode) => { stops.push(mode); } });
  return { bench, control, saved, stops };
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
  expect([routes, truncated]).toEqual([[{ prefix: '10.2.0.0/26', paths: [
    { peer: 'Static_192_0_2_1', nextHop: A, asPath: '', origin: 'igp', localPref: 200, med: null, communities: ['65001:7'], best: true, installed: true, stale: false, reason: 'higher local preference' },
    { peer: 'Static_192_0_2_65', nextHop: TOR, asPath: '65001 65002', origin: 'incomplete', localPref: null, med: 5, communities: [], best: false, installed: false, stale: false, reason: 'lost to a route with higher local preference' },
  ] }], false]);
  expect((await client.call('routes', { peer: 'local' })).routes.map((r) => [r.prefix, r.paths[0]!.nextHop, r.paths[0]!.reason])).toEqual([['10.1.0.0/26', 'self', 'the only route']]);
  expect((await client.call('routes', { limit: 1 }))).toMatchObject({ truncated: true, routes: [{ prefix: '10.1.0.0/26' }] });
  expect((await client.call('routes', { family: 'ipv6' })).routes).toEqual([]);
  expect((await client.call('routes', { prefix: 'nonsense' })).routes).toEqual([]);
  expect((await client.call('routes', { peer: TOR })).routes.map((r) => r.prefix)).toEqual(['10.2.0.0/26', '172.16.0.0/12']);
  expect([await client.call('count', { peer: A }), await client.call('count', { peer: 'Static_192_0_2_65' })]).toEqual([{ accepted: 1 }, { accepted: 2 }]);
  await expect(client.call('count', { peer: 'nobody' })).rejects.toMatchObject({ code: 'NO_SUCH_PEER' });
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
  const mesh = Array.from({ length: 101 }, (_, i) => peerConfig(`192.0.2.${i + 1}`, { name: `Mesh_${i}`, origin: 'mesh' }));
  await control.applySections({ peers: { peers: mesh } });
  for (const peer of mesh.slice(0, 3)) bench.peer(peer.address).up();
  await bench.settle();
  const summed = (await control.handlers.metrics({})).text;
  expect(summed).toContain('tortie_bgp_peer_up{peer="mesh"} 3');
  expect(summed).not.toContain('Mesh_1');
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
