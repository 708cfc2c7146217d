/** From the mesh to a pair of route reflectors in the cluster, as docs/bgp.md has it, without losing a packet; then one of them dies. */
import { expect } from '@jest/globals';
import type { PathView, RoutesResult } from '../../config/messages/bgpd-control.ts';
import type { Lab } from '../../lab/lab.ts';
import { flat } from '../../lab/topology.ts';
import { documented } from '../support/documented.ts';
import { eventually } from '../support/eventually.ts';
import { CONVERGED_MS, RouteMonitor, Stream, allPass, apply, blocksOf, gatewaysOf, scenariosOf, sessionsAre } from '../support/lab.ts';

/** Nobody but the nodes: n4 and n5 become reflectors. */
const scenario = scenariosOf({ topology: { ...flat(5), routers: [], hosts: [], peers: {} } });
const { manifests: [PEER, SETTINGS], commands: [LABEL, ANNOTATE] } = documented('### Route reflectors in the cluster');
const CLUSTER_ID = '244.0.0.1';
const ADDRESS: Readonly<Record<string, string>> = { n2: '10.99.0.12', n3: '10.99.0.13' };
/** A dead reflector is noticed after this long; and time to notice it on a busy machine. */
const HOLD_SECONDS = 9;
const NOTICED_MS = 40_000;

async function kubectl(lab: Lab, words: readonly string[]): Promise<void> {
  const { status, stderr } = await lab.kubectl(...words);
  if (status !== 0) throw new Error(stderr);
}

/** What a client has of a prefix, by the reflector that it came from. */
async function pathsOf(lab: Lab, node: string, prefix: string): Promise<readonly PathView[]> {
  const { status, stdout, stderr } = await lab.tortiectl('bgp', 'routes', prefix, '--node', node, '-o', 'json');
  if (status !== 0) throw new Error(stderr);
  return (JSON.parse(stdout) as RoutesResult).routes[0]?.paths ?? [];
}

/** A client's route to another client's block: from these reflectors, with the originator's next hop and the reflectors' marks. */
async function isReflected(lab: Lab, to: string, reflectors: readonly string[]): Promise<void> {
  const block = (await blocksOf(lab, to)).find((b) => !b.includes(':'))!;
  const origin = ADDRESS[to];
  await eventually(CONVERGED_MS, async () => {
    const paths = await pathsOf(lab, 'n1', block);
    expect(paths.map((p) => [p.peer, p.nextHop, p.originatorId, p.clusterList]).sort())
      .toEqual(reflectors.map((r) => [r, origin, origin, [CLUSTER_ID]]));
    expect(await gatewaysOf(lab.node('n1'), block)).toEqual([origin]);
  });
}

/** When each session came up. */
const since = async (lab: Lab): Promise<number[]> => (await Promise.all(lab.nodes.map(async (n) => (await n.speaker())!.peers.map((p) => p.sinceMs)))).flat();

scenario('the mesh gives way to two reflectors without a packet lost; both serve; one dies, and all pairs pass', async (lab) => {
  const pods = await Promise.all([['a', 'n1'], ['b', 'n2'], ['c', 'n3'], ['d', 'n4'], ['e', 'n5']].map(([name, node]) => lab.pod(name!, { node: node! })));
  const [, b, c, d] = pods;
  await kubectl(lab, ['annotate', 'bgpconfiguration', 'default', `tortie.io/hold-time=${HOLD_SECONDS}s`]);
  await eventually(CONVERGED_MS, async () => {
    for (const node of lab.nodes) expect((await node.speaker())!.peers.map((p) => p.holdTimeSeconds)).toEqual(Array(8).fill(HOLD_SECONDS));
  });
  await sessionsAre(lab, { n1: 8, n2: 8, n3: 8, n4: 8, n5: 8 });
  await allPass(lab, pods);
  const prefixes = (await Promise.all(['n1', 'n2', 'n3', 'n4'].map((n) => blocksOf(lab, n)))).flat();
  const monitors = await Promise.all(['n1', 'n2', 'n3'].map((n) => RouteMonitor.start(lab, n)));
  const streams = await Promise.all([Stream.start(lab, 'a', b!, 'ipv4'), Stream.start(lab, 'b', c!, 'ipv6'), Stream.start(lab, 'a', d!, 'ipv4'), Stream.start(lab, 'd', b!, 'ipv6')]);

  const up = await since(lab);
  await kubectl(lab, LABEL!);
  await apply(lab, PEER!);
  await eventually(CONVERGED_MS, async () => {
    for (const node of ['n1', 'n2', 'n3']) expect((await lab.status(node))!.peers.filter((p) => p.origin === 'node' && p.state === 'Established')).toHaveLength(4);
  });
  await kubectl(lab, ANNOTATE!);
  await eventually(CONVERGED_MS, async () => {
    for (const block of await blocksOf(lab, 'n2')) expect((await pathsOf(lab, 'n1', block)).length).toBe(3);
  });
  await apply(lab, SETTINGS!);
  await sessionsAre(lab, { n1: 4, n2: 4, n3: 4, n4: 8, n5: 8 });

  await isReflected(lab, 'n2', ['Node_10_99_0_14', 'Node_10_99_0_15']);
  await isReflected(lab, 'n3', ['Node_10_99_0_14', 'Node_10_99_0_15']);
  await allPass(lab, pods);
  const deleted = (await Promise.all(monitors.map((m) => m.stop('')))).flat().filter((line) => prefixes.some((p) => line.includes(p)));
  expect(deleted).toEqual([]);
  for (const stream of streams) expect((await stream.stop()).lost).toBe(0);
  expect((await since(lab)).filter((ms) => !up.includes(ms))).toEqual([]);

  const left = pods.slice(0, 4);
  const [v4, v6] = await Promise.all([Stream.start(lab, 'a', b!, 'ipv4'), Stream.start(lab, 'b', c!, 'ipv6')]);
  await lab.node('n5').crash();
  await eventually(NOTICED_MS, async () => {
    for (const node of ['n1', 'n2', 'n3', 'n4']) {
      const peers = (await lab.status(node))!.peers.filter((p) => ['10.99.0.15', 'fd99::15'].includes(p.address));
      expect(peers.map((p) => [p.state === 'Established', p.received])).toEqual([[false, 0], [false, 0]]);
    }
  });
  await isReflected(lab, 'n2', ['Node_10_99_0_14']);
  await allPass(lab, left);
  for (const stream of [v4, v6]) expect((await stream.stop()).lost).toBe(0);

  await lab.heal('n5');
  await isReflected(lab, 'n2', ['Node_10_99_0_14', 'Node_10_99_0_15']);
}, 240_000);
