/** What two speakers agree on beside routes, with BIRD and FRR: restarts, refreshes, roles, and what operators say. */
import { expect } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { PeersSection } from '../../config/messages/speaker-config.ts';
import { namespaces, program, root } from '../support/capabilities.ts';
import { OURS, THEIRS } from '../support/foreign-speaker.ts';
import { deletedIn, INTEROP_MS, kernelPrefixes, OUR_ASN, OUR_BLOCKS, ourConfig, THEIR_ASN, UP_MS } from '../support/interop.ts';
import { eventually, Namespaces, type Netns } from '../support/namespaces.ts';
import { OurSpeaker, type PeerSettings } from '../support/our-speaker.ts';
import { startBird, startFrr, type RawDaemon } from '../support/raw-daemons.ts';
import { skipUnless } from '../support/skip.ts';

const withBird = skipUnless(root, namespaces, program('bird'), program('birdc'));
const withFrr = skipUnless(root, namespaces, program('zebra'), program('bgpd'), program('vtysh'));
const ROUTE = '10.20.0.0/24';
const [BLOCK] = OUR_BLOCKS;

const peerWith = (some: Partial<PeerSettings> = {}): PeerSettings => ({ name: 'v4', address: THEIRS.ipv4, asn: THEIR_ASN, families: ['ipv4'], ...some });
const sectionOf = (some: Partial<PeerSettings>): PeersSection => ourConfig({ peers: [peerWith(some)] }).peers;

const birdConfig = (more = '', channel = '', delay = 1): string => `
router id ${THEIRS.ipv4};
protocol device {}
protocol static s4 { ipv4; route ${ROUTE} blackhole; }
protocol bgp v4 { local ${THEIRS.ipv4} as ${THEIR_ASN}; neighbor ${OURS.ipv4} as ${OUR_ASN}; hold time 6; debug { packets };
  connect delay time ${delay}; connect retry time 1; error wait time 1, 2; ${more}
  ipv4 { import all; export where source = RTS_STATIC; next hop self; ${channel} }; }
`;

const frrConfig = (more: string): string => `
router bgp ${THEIR_ASN}
 bgp router-id ${THEIRS.ipv4}
 no bgp ebgp-requires-policy
 no bgp network import-check
 timers bgp 2 6
 ${more}
 neighbor ${OURS.ipv4} remote-as ${OUR_ASN}
 neighbor ${OURS.ipv4} timers connect 1
 address-family ipv4 unicast
  network ${ROUTE}
 exit-address-family
`;

interface Both { readonly us: Netns; readonly them: Netns; readonly ours: OurSpeaker }

async function start(net: Namespaces, some: Partial<PeerSettings>, settings: Parameters<typeof ourConfig>[0] = {}): Promise<Both> {
  const [us, them] = [net.add('us'), net.add('them')];
  net.link(us, them, { addresses: [[`${OURS.ipv4}/24`], [`${THEIRS.ipv4}/24`]] });
  return { us, them, ours: await OurSpeaker.start(us, ourConfig({ peers: [peerWith(some)], ...settings })) };
}

const routesFlow = async ({ us, ours }: Both): Promise<void> => {
  await ours.established(UP_MS, 'v4');
  await eventually(UP_MS, () => { expect(kernelPrefixes(us, '84')).toContain(ROUTE); });
};
const pathsTo = async (ours: OurSpeaker): Promise<unknown> => (await ours.routes({ prefix: ROUTE })).routes.flatMap((r) => r.paths.map((p) => [p.stale, p.communities]));
const signal = (ns: Netns, daemon: 'bird' | 'bgpd', name: NodeJS.Signals): void => { process.kill(Number(readFileSync(join(ns.directory, `${daemon}.pid`), 'utf8')), name); };

const LLGR = 'graceful restart on; graceful restart time 2; long lived graceful restart on; long lived stale time 60;';

withBird('BIRD: its routes outlive its restart time as long-lived stale ones, and are fresh when it is back (RFC 9494)', async () => {
  await using net = await Namespaces.create('llgr helper');
  const both = await start(net, { longLivedStaleSeconds: 60 });
  await startBird(both.them, birdConfig(LLGR));
  await routesFlow(both);
  expect(await pathsTo(both.ours)).toEqual([[false, []]]);
  const monitor = await both.us.monitorRoutes();
  signal(both.them, 'bird', 'SIGKILL');
  await eventually(UP_MS, async () => { expect(await pathsTo(both.ours)).toEqual([[true, ['65535:6']]]); });
  expect(deletedIn(await monitor.read(), [ROUTE])).toEqual([]);
  await startBird(both.them, birdConfig(LLGR));
  await eventually(UP_MS, async () => { expect(await pathsTo(both.ours)).toEqual([[false, []]]); });
}, INTEROP_MS);

withBird('BIRD: keeps ours as long-lived stale ones when we stay away, until we are back', async () => {
  await using net = await Namespaces.create('llgr restarting');
  const both = await start(net, { longLivedStaleSeconds: 60, restartTimeSeconds: 2 });
  const bird = await startBird(both.them, birdConfig(LLGR));
  await routesFlow(both);
  both.ours.process.signal('SIGKILL');
  const shown = (): string => bird.ask('show', 'route', 'all', BLOCK!);
  await eventually(UP_MS, () => { expect(shown()).toContain('(65535,6)'); });
  await both.ours.startAgain();
  await both.ours.established(UP_MS, 'v4');
  await eventually(UP_MS, () => {
    expect(shown()).toContain('BGP.as_path: 64512');
    expect(shown()).not.toContain('(65535,6)');
  });
}, INTEROP_MS);

withBird('BIRD: what it asks for again goes out between marks, and what it sends again loses nothing (RFC 7313)', async () => {
  await using net = await Namespaces.create('refresh');
  const both = await start(net, {});
  const bird = await startBird(both.them, birdConfig());
  await routesFlow(both);
  await eventually(UP_MS, () => { expect(bird.ask('show', 'route', BLOCK!)).toContain(BLOCK); });
  const monitor = await both.us.monitorRoutes();
  bird.ask('reload', 'in', 'v4');
  await eventually(UP_MS, () => { expect(bird.output).toMatch(/Got BEGIN-OF-RR[^]*Got END-OF-RR/); });
  expect(bird.ask('show', 'route', BLOCK!)).toContain(BLOCK);
  await both.ours.clear('v4', 'soft-in');
  await eventually(UP_MS, () => { expect(bird.output).toMatch(/Sending BEGIN-OF-RR[^]*Sending END-OF-RR/); });
  await eventually(UP_MS, async () => { expect((await both.ours.detail('v4')).messages.in.routeRefresh).toBe(3); });
  expect(await pathsTo(both.ours)).toEqual([[false, []]]);
  expect([deletedIn(await monitor.read(), [ROUTE]), bird.output]).toEqual([[], expect.not.stringContaining('ignoring')]);
}, INTEROP_MS);

withBird('BIRD: roles that fit come up, roles that do not are refused by whichever side sees it (RFC 9234)', async () => {
  await using net = await Namespaces.create('roles');
  const both = await start(net, { role: { local: 'provider', strict: true } });
  const bird = await startBird(both.them, birdConfig('local role customer; require roles on;'));
  await routesFlow(both);
  expect((await both.ours.detail('v4')).capabilities!.remote).toContain('role: customer');
  await both.ours.apply({ peers: sectionOf({ role: { local: 'peer', strict: false } }) });
  await eventually(UP_MS, async () => { expect((await both.ours.peer('v4')).lastError).toMatch(/OPEN message error: role mismatch/); });
  expect(both.ours.log).toContain('"fields":["role"],"event":"session.reset"');
  bird.configure(birdConfig());
  await both.ours.established(UP_MS, 'v4');
  await both.ours.apply({ peers: sectionOf({ role: { local: 'peer', strict: true } }) });
  await eventually(UP_MS, async () => { expect((await both.ours.peer('v4')).lastError).toMatch(/peer says no role: expected peer/); });
}, INTEROP_MS);

withBird('BIRD: operators tell one another why a session is held down, and it comes back when it is let go (RFC 9003)', async () => {
  await using net = await Namespaces.create('shutdown');
  const both = await start(net, {});
  const bird = await startBird(both.them, birdConfig());
  await routesFlow(both);
  await both.ours.apply({ peers: sectionOf({ shutdown: { message: 'back at noon, für sicher' } }) });
  await eventually(UP_MS, () => { expect(bird.output).toContain('"back at noon, für sicher"'); });
  expect(await both.ours.peer('v4')).toMatchObject({ state: 'Idle', info: 'held down by an operator ("back at noon, für sicher")' });
  await both.ours.apply({ peers: sectionOf({}) });
  await routesFlow(both);
  bird.ask('disable', 'v4', '"line card"');
  await eventually(UP_MS, async () => { expect((await both.ours.peer('v4')).lastError).toBe('received: Cease: administrative shutdown ("line card")'); });
  expect((await both.ours.detail('v4')).errors.at(-1)!.bytes).toBe(`060209${Buffer.from('line card').toString('hex')}`);
}, INTEROP_MS);

const N = 'bgp graceful-restart\n bgp graceful-restart notification\n bgp graceful-restart preserve-fw-state';
const lastReset = (frr: RawDaemon): unknown => (JSON.parse(frr.ask(`show bgp neighbors ${OURS.ipv4} json`)) as Record<string, unknown>)[OURS.ipv4];

withFrr('FRR: a Cease that is no Hard Reset is a restart, and a Hard Reset is not (RFC 8538)', async () => {
  await using net = await Namespaces.create('n bit');
  const both = await start(net, { notificationRestart: true });
  const frr = await startFrr(both.them, { bgpd: frrConfig(`${N}\n no bgp hard-administrative-reset`) });
  await routesFlow(both);
  expect((await both.ours.detail('v4')).capabilities!.remote.join()).toContain('also after a NOTIFICATION');
  const monitor = await both.us.monitorRoutes();
  frr.ask('clear bgp *');
  await eventually(UP_MS, async () => { expect((await both.ours.peer('v4')).lastError).toBe('received: Cease: administrative reset'); });
  await routesFlow(both);
  await eventually(UP_MS, async () => { expect(await both.ours.peer('v4')).toMatchObject({ state: 'Established', stale: 0, received: 1, counters: { established: 2 } }); });
  expect(deletedIn(await monitor.read(), [ROUTE])).toEqual([]);
  frr.configure(`router bgp ${THEIR_ASN}\n bgp hard-administrative-reset`);
  frr.ask('clear bgp *');
  await eventually(UP_MS, async () => { expect(deletedIn(await monitor.read(), [ROUTE])).not.toEqual([]); });
  expect((await both.ours.peer('v4')).lastError).toBe('received: Cease: hard reset (Cease: administrative reset)');
  await routesFlow(both);
}, INTEROP_MS);

withFrr('FRR: takes our shutdown for a Hard Reset with the message inside, and drops our routes', async () => {
  await using net = await Namespaces.create('hard reset');
  const both = await start(net, { notificationRestart: true });
  const frr = await startFrr(both.them, { bgpd: frrConfig(N) });
  await routesFlow(both);
  await eventually(UP_MS, () => { expect(frr.ask(`show bgp ipv4 unicast ${BLOCK!}`)).toContain('64512'); });
  await both.ours.apply({ peers: sectionOf({ notificationRestart: true, shutdown: { message: 'gone' } }) });
  await eventually(UP_MS, () => { expect(lastReset(frr)).toMatchObject({ lastNotificationHardReset: true, lastErrorCodeSubcode: '0602', lastShutdownDescription: 'gone' }); });
  await eventually(UP_MS, () => { expect(frr.ask(`show bgp ipv4 unicast ${BLOCK!}`)).toContain('not in table'); });
}, INTEROP_MS);

withFrr('FRR: silence for the hold time is a restart where N was agreed: nothing leaves the kernel', async () => {
  await using net = await Namespaces.create('silence');
  const both = await start(net, { notificationRestart: true });
  await startFrr(both.them, { bgpd: frrConfig(N) });
  await routesFlow(both);
  const monitor = await both.us.monitorRoutes();
  signal(both.them, 'bgpd', 'SIGSTOP');
  await eventually(UP_MS, async () => { expect(await both.ours.peer('v4')).toMatchObject({ lastError: 'sent: Hold timer expired', stale: 1 }); });
  signal(both.them, 'bgpd', 'SIGCONT');
  await eventually(UP_MS, async () => { expect(await both.ours.peer('v4')).toMatchObject({ state: 'Established', stale: 0, received: 1, endOfRib: ['ipv4'] }); });
  expect(deletedIn(await monitor.read(), [ROUTE])).toEqual([]);
}, INTEROP_MS);
