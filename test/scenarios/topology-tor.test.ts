/** A ToR router that restarts, that withdraws everything, and that sends default routes. */
import { expect } from '@jest/globals';
import type { PodView } from '../../lab/kubelet.ts';
import type { Lab } from '../../lab/lab.ts';
import type { RouteLine } from '../../lab/lab-node.ts';
import { flat, type Topology } from '../../lab/topology.ts';
import { eventually } from '../support/eventually.ts';
import { CONVERGED_MS, RouteMonitor, Stream, allPass, scenariosOf, sessionsAre } from '../support/lab.ts';

const OWN_DEFAULTS = ['default via 10.99.0.1 metric 100', 'default via fd99::1 metric 100'];

/** The router restarts gracefully, and has defaults to announce when told; n1 has default routes of its own. */
function topology(): Topology {
  const { routers: [tor], nodes: [n1, n2], ...rest } = flat(2);
  const bird = tor!.bird.replace('log stderr all;', 'log stderr all;\ngraceful restart wait 60;')
    .replaceAll('merge paths on;', 'merge paths on; graceful restart on;').replace('hold time 90;', 'hold time 90; graceful restart on;')
    .replaceAll('export where source = RTS_DEVICE;', 'export where source ~ [RTS_DEVICE, RTS_STATIC];');
  const defaults = ['protocol static default4 { disabled; ipv4; route 0.0.0.0/0 unreachable; }', 'protocol static default6 { disabled; ipv6; route ::/0 unreachable; }'];
  return { ...rest, routers: [{ ...tor!, bird: [bird, ...defaults, ''].join('\n') }], nodes: [{ ...n1!, routes: OWN_DEFAULTS }, n2!] };
}

const scenario = scenariosOf({ topology: topology() });
const EACH = { n1: 4, n2: 4 };
const BEHIND = ['10.98.0.0/24', 'fd98::/64'];

async function podsOf(lab: Lab): Promise<readonly [PodView, PodView]> {
  const there = (await lab.view()).pods;
  const [a, b] = there.length > 0 ? ['a', 'b'].map((name) => there.find((p) => p.name === name)!) : await Promise.all([lab.pod('a', { node: 'n1' }), lab.pod('b', { node: 'n2' })]);
  return [a!, b!];
}

const since = async (lab: Lab): Promise<number[]> => (await Promise.all(lab.nodes.map(async (n) => (await n.speaker())!.peers.map((p) => p.sinceMs)))).flat();

/** Both pods reach the host behind the router, and it them. */
const reachesHost = (lab: Lab, pods: readonly PodView[], from: readonly string[] = ['a', 'b']): Promise<void> => eventually(CONVERGED_MS, async () => {
  for (const pod of from) {
    const answers = (await Promise.all(['10.98.0.2', 'fd98::2'].map((to) => lab.exec(pod, ['ping', '-c1', '-W1', to])))).map((r) => r.status);
    expect([pod, answers]).toEqual([pod, [0, 0]]);
  }
  const answers = await lab.ask('host', pods.flatMap((p) => p.addresses.map((address) => ({ proto: 'tcp' as const, address }))));
  expect(answers.filter((x) => !x.ok)).toEqual([]);
});

scenario('a router whose BGP restarts: no packet between nodes and through the router is lost, no route deleted', async (lab) => {
  const [a, b] = await podsOf(lab);
  await sessionsAre(lab, EACH);
  await allPass(lab, [a, b]);
  await reachesHost(lab, [a, b]);
  const before = await since(lab);
  const monitors = await Promise.all(['n1', 'n2', 'tor'].map((place) => RouteMonitor.start(lab, place)));
  const streams = await Promise.all([
    Stream.start(lab, 'host', a, 'ipv4'), Stream.start(lab, 'host', b, 'ipv6'), Stream.start(lab, 'a', b, 'ipv4'), Stream.start(lab, 'b', a, 'ipv6'),
  ]);

  await lab.signal('tor', 'bird', 'SIGKILL');
  await eventually(CONVERGED_MS, async () => {
    const after = await since(lab);
    expect(after.filter((ms) => !before.includes(ms))).toHaveLength(4);
    expect(await lab.birdc('show status')).not.toContain('Graceful restart');
  });
  await sessionsAre(lab, EACH);

  for (const stream of streams) expect(await stream.stop()).toMatchObject({ lost: 0, firstLost: [] });
  const deleted = (await Promise.all(monitors.map((m) => m.stop('')))).flat().filter((line) => /10\.244\.|fd00:10:244:|10\.98\.|fd98:/.test(line));
  expect(deleted).toEqual([]);
}, 180_000);

scenario('a router that withdraws everything: its routes leave the kernels, sessions and packets between nodes go on; they come back', async (lab) => {
  const [a, b] = await podsOf(lab);
  await sessionsAre(lab, EACH);
  await reachesHost(lab, [a, b]);
  const up = await since(lab);
  const streams = await Promise.all([Stream.start(lab, 'a', b, 'ipv4'), Stream.start(lab, 'b', a, 'ipv6')]);

  await lab.birdc('disable direct1');
  await eventually(CONVERGED_MS, async () => {
    for (const node of lab.nodes) for (const prefix of BEHIND) expect(await node.routes()).not.toContain(prefix);
  });
  expect((await lab.exec('b', ['ping', '-c1', '-W1', '10.98.0.2'])).status).not.toBe(0);
  await allPass(lab, [a, b]);

  await lab.birdc('enable direct1');
  await reachesHost(lab, [a, b]);
  for (const node of lab.nodes) expect(await node.routes()).toEqual(expect.arrayContaining(BEHIND));
  for (const stream of streams) expect((await stream.stop()).lost).toBe(0);
  expect(await since(lab)).toEqual(up);
});

const defaultsOf = async (lab: Lab, node: string): Promise<(readonly [string, string | undefined, number | undefined])[]> => {
  const all = (await Promise.all((['ipv4', 'ipv6'] as const).map((f) => lab.node(node).kernelRoutes(f)))).flat();
  return all.filter((r: RouteLine) => r.dst === 'default').map((r) => [r.protocol, r.gateway, r.metric] as const).sort((x, y) => x[2]! - y[2]!);
};

scenario('a router that sends default routes: nodes use them beside their own, and nothing between nodes changes', async (lab) => {
  const [a, b] = await podsOf(lab);
  await sessionsAre(lab, EACH);
  const up = await since(lab);
  const own = await defaultsOf(lab, 'n1');
  expect(own.map(([, gateway, metric]) => [gateway, metric])).toEqual([['10.99.0.1', 100], ['fd99::1', 100]]);
  const nodeRoutes = async (): Promise<string[]> => (await Promise.all(lab.nodes.map((n) => n.routes()))).flat().filter((r) => !BEHIND.includes(r) && r !== 'default').sort();
  const between = await nodeRoutes();
  const streams = await Promise.all([Stream.start(lab, 'a', b, 'ipv4'), Stream.start(lab, 'b', a, 'ipv6')]);

  for (const protocol of ['default4', 'default6']) await lab.birdc(`enable ${protocol}`);
  const learned = [['84', '10.99.0.1', 1024], ['84', 'fd99::1', 1024]];
  await eventually(CONVERGED_MS, async () => {
    expect(await defaultsOf(lab, 'n2')).toEqual(learned);
    expect(await defaultsOf(lab, 'n1')).toEqual([...own, ...learned]);
  });
  // Nothing but the defaults leads to the host now; n1 goes by its own.
  await lab.birdc('disable direct1');
  await eventually(CONVERGED_MS, async () => {
    for (const node of lab.nodes) for (const prefix of BEHIND) expect(await node.routes()).not.toContain(prefix);
  });
  await reachesHost(lab, [a, b]);
  expect(await lab.node('n1').execOrThrow(['ip', 'route', 'get', '203.0.113.1'])).toContain('via 10.99.0.1');
  await allPass(lab, [a, b]);
  expect(await nodeRoutes()).toEqual(between);

  for (const protocol of ['default4', 'default6']) await lab.birdc(`disable ${protocol}`);
  await lab.birdc('enable direct1');
  await eventually(CONVERGED_MS, async () => {
    expect(await defaultsOf(lab, 'n2')).toEqual([]);
    expect(await defaultsOf(lab, 'n1')).toEqual(own);
  });
  await reachesHost(lab, [a, b]);
  for (const stream of streams) expect((await stream.stop()).lost).toBe(0);
  expect(await since(lab)).toEqual(up);
});
