/** Two racks of two nodes with a pair of ToR routers each, as docs/bgp.md has them: one AS number for all, one for each rack, a mesh across, a router that dies. */
import { expect } from '@jest/globals';
import type { RoutesResult } from '../../config/messages/bgpd-control.ts';
import type { PodView } from '../../lab/kubelet.ts';
import type { Lab } from '../../lab/lab.ts';
import { racks } from '../../lab/topology.ts';
import { documented } from '../support/documented.ts';
import { eventually } from '../support/eventually.ts';
import { CONVERGED_MS, Stream, allPass, apply, blocksOf, gatewaysOf, scenariosOf, sessionsAre } from '../support/lab.ts';

const scenario = scenariosOf({ topology: racks([{ nodes: 2, asn: 65001 }, { nodes: 2, asn: 65002 }]) });
const { manifests, commands } = documented('### Racks with a pair of ToR routers');
const [SETTINGS] = manifests.filter((m) => m.kind === 'BGPConfiguration');
const [FILTER] = manifests.filter((m) => m.kind === 'BGPFilter');
const PEERS = manifests.filter((m) => m.kind === 'BGPPeer');
/** Both routers, both families. */
const TO_ROUTERS = { n1: 4, n2: 4, n3: 4, n4: 4 };
const AS_ANNOTATION = 'projectcalico.org/ASNumber';
const ROUTERS_OF_1 = { ipv4: ['10.99.1.1', '10.99.1.2'], ipv6: ['fd99:1::1', 'fd99:1::2'] };
const ROUTERS_OF_2 = { ipv4: ['10.99.2.1', '10.99.2.2'], ipv6: ['fd99:2::1', 'fd99:2::2'] };

const familyOf = (prefix: string): 'ipv4' | 'ipv6' => (prefix.includes(':') ? 'ipv6' : 'ipv4');

async function podsOf(lab: Lab): Promise<readonly PodView[]> {
  const there = (await lab.view()).pods;
  return there.length > 0 ? there : Promise.all([['a', 'n1'], ['b', 'n2'], ['c', 'n3'], ['d', 'n4']].map(([name, node]) => lab.pod(name!, { node: node! })));
}

async function pathsOf(lab: Lab, node: string, prefix: string): Promise<RoutesResult['routes'][number]['paths']> {
  const { status, stdout, stderr } = await lab.tortiectl('bgp', 'routes', prefix, '--node', node, '-o', 'json');
  if (status !== 0) throw new Error(stderr);
  return (JSON.parse(stdout) as RoutesResult).routes[0]?.paths ?? [];
}

/** The kernel of a node has each of these blocks by these gateways. */
const goesBy = (lab: Lab, node: string, blocks: readonly string[], gateways: { readonly ipv4: readonly string[]; readonly ipv6: readonly string[] }): Promise<void> =>
  eventually(CONVERGED_MS, async () => {
    for (const block of blocks) expect([node, block, await gatewaysOf(lab.node(node), block)]).toEqual([node, block, gateways[familyOf(block)]]);
  });

const since = async (lab: Lab, node: string): Promise<number[]> => ((await lab.status(node))?.peers ?? []).map((p) => p.sinceMs);

async function kubectl(lab: Lab, ...words: readonly string[]): Promise<void> {
  const { status, stderr } = await lab.kubectl(...words);
  if (status !== 0) throw new Error(stderr);
}

scenario('racks that share an AS number: nothing without numAllowedLocalASNumbers, every pair with it, by both routers', async (lab) => {
  const pods = await podsOf(lab);
  const strict = PEERS.map(({ spec: { numAllowedLocalASNumbers: _, ...spec }, ...peer }) => ({ ...peer, spec }));
  await apply(lab, SETTINGS!, ...strict);
  await sessionsAre(lab, TO_ROUTERS);
  const [rack1, rack2] = [await blocksOf(lab, 'n1'), await blocksOf(lab, 'n3')];
  expect([rack1.length, rack2.length]).toEqual([2, 2]);
  await eventually(CONVERGED_MS, async () => {
    for (const block of rack2) {
      const paths = await pathsOf(lab, 'n1', block);
      expect(paths.map((p) => [p.asPath, p.best, p.reason])).toEqual(Array(2).fill(['65001 65002 64512', false, 'own AS in AS_PATH']));
    }
  });
  for (const block of rack2) expect(await gatewaysOf(lab.node('n1'), block)).toBeUndefined();
  const up = await since(lab, 'n1');

  await apply(lab, ...PEERS);
  await goesBy(lab, 'n1', rack2, ROUTERS_OF_1);
  await goesBy(lab, 'n3', rack1, ROUTERS_OF_2);
  await goesBy(lab, 'n2', rack1, { ipv4: ['10.99.1.11'], ipv6: ['fd99:1::11'] });
  await allPass(lab, pods);
  expect(await since(lab, 'n1')).toEqual(up);
  // The routers go by both routers of the other rack, too.
  for (const block of rack2) {
    const [route] = (await lab.place('tor1a').kernelRoutes(familyOf(block))).filter((r) => r.dst === block);
    expect(route?.nexthops).toHaveLength(2);
  }
});

scenario('a mesh across the racks: its next hops lie behind the routers, by routes that the nodes have of their own', async (lab) => {
  const pods = await podsOf(lab);
  const filtered = PEERS.map((peer) => ({ ...peer, spec: { ...peer.spec, filters: [FILTER!.metadata.name] } }));
  await apply(lab, FILTER!, { ...SETTINGS!, spec: { ...SETTINGS!.spec, nodeToNodeMeshEnabled: true } }, ...filtered);
  await sessionsAre(lab, { n1: 10, n2: 10, n3: 10, n4: 10 });
  const block = (await blocksOf(lab, 'n3')).find((b) => !b.includes(':'))!;
  await eventually(CONVERGED_MS, async () => {
    const [best] = (await pathsOf(lab, 'n1', block)).filter((p) => p.best);
    expect(best).toMatchObject({ peer: 'Mesh_10_99_2_11', nextHop: '10.99.2.11', asPath: '', installed: true });
    const gateways = await gatewaysOf(lab.node('n1'), block);
    expect(gateways?.length).toBeGreaterThan(0);
    for (const gateway of gateways ?? []) expect(ROUTERS_OF_1.ipv4).toContain(gateway);
  });
  await allPass(lab, pods);

  await apply(lab, SETTINGS!, ...PEERS);
  await sessionsAre(lab, TO_ROUTERS);
  await allPass(lab, pods);
});

scenario('an AS number for each rack', async (lab) => {
  const pods = await podsOf(lab);
  await apply(lab, SETTINGS!, ...PEERS);
  await sessionsAre(lab, TO_ROUTERS);
  expect(commands.map((c) => c.at(-1))).toEqual([`${AS_ANNOTATION}=64601`, `${AS_ANNOTATION}=64602`]);
  for (const command of commands) await kubectl(lab, ...command);
  await eventually(CONVERGED_MS, async () => {
    expect(await Promise.all(lab.nodeNames.map(async (n) => (await lab.status(n))?.asn))).toEqual([64601, 64601, 64602, 64602]);
  });
  await sessionsAre(lab, TO_ROUTERS);
  const [mate, other] = await Promise.all(['n2', 'n3'].map(async (n) => (await blocksOf(lab, n)).find((b) => !b.includes(':'))!));
  await eventually(CONVERGED_MS, async () => {
    expect((await pathsOf(lab, 'n1', other!)).map((p) => p.asPath)).toEqual(Array(2).fill('65001 65002 64602'));
    expect((await pathsOf(lab, 'n1', mate!)).map((p) => p.asPath)).toEqual(Array(2).fill('65001 64601'));
  });
  await goesBy(lab, 'n1', [other!], ROUTERS_OF_1);
  expect(await lab.birdc(`show route all for ${other!} table master4`, 'tor1a')).toContain('BGP.as_path: 65002 64602');
  await allPass(lab, pods);
});

/** RACK_HOLD_SECONDS, and time to notice on a busy machine. */
const NOTICED_MS = 40_000;

scenario('a router dies: its share of the packets is lost until the hold time ends, then the other one carries all; it comes back', async (lab) => {
  const [a, b, c, d] = await podsOf(lab) as [PodView, PodView, PodView, PodView];
  await apply(lab, SETTINGS!, ...PEERS);
  await sessionsAre(lab, TO_ROUTERS);
  const [rack1, rack2] = [await blocksOf(lab, 'n1'), await blocksOf(lab, 'n3')];
  await goesBy(lab, 'n1', rack2, ROUTERS_OF_1);
  await allPass(lab, [a, b, c, d]);
  // In a rack nothing goes through a router: it does not matter that one dies.
  const inside = await Promise.all([Stream.start(lab, 'a', b, 'ipv4'), Stream.start(lab, 'c', d, 'ipv6')]);

  await lab.crashRouter('tor1a');
  await eventually(NOTICED_MS, async () => {
    for (const node of ['n1', 'n2']) {
      for (const block of rack2) expect(await gatewaysOf(lab.node(node), block)).toEqual([ROUTERS_OF_1[familyOf(block)][1]]);
    }
    for (const router of ['tor2a', 'tor2b']) {
      const via = (await lab.place(router).kernelRoutes('ipv4')).find((r) => r.dst === rack1.find((x) => !x.includes(':')));
      expect([via?.gateway, via?.nexthops]).toEqual(['10.97.0.12', undefined]);
    }
  });
  const across = await Promise.all([Stream.start(lab, 'a', c, 'ipv4'), Stream.start(lab, 'd', b, 'ipv6')]);
  await allPass(lab, [a, b, c, d]);
  for (const stream of [...inside, ...across]) expect((await stream.stop()).lost).toBe(0);
  expect((await lab.status('n1'))!.peers.filter((p) => p.state === 'Established').map((p) => p.address).sort()).toEqual(['10.99.1.2', 'fd99:1::2']);

  await lab.heal('tor1a');
  await sessionsAre(lab, TO_ROUTERS);
  await goesBy(lab, 'n1', rack2, ROUTERS_OF_1);
  await allPass(lab, [a, b, c, d]);
}, 180_000);
