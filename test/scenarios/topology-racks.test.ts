/** Two racks of two nodes with a pair of ToR routers each, as docs/bgp.md has them: one AS number for all, one for each rack, a mesh across, a router that dies. */
import { expect } from '@jest/globals';
import type { RoutesResult } from '../../config/messages/bgpd-control.ts';
import type { PodView } from '../../lab/kubelet.ts';
import type { Lab } from '../../lab/lab.ts';
import type { Place } from '../../lab/lab-node.ts';
import { racks } from '../../lab/topology.ts';
import { AGENT_ROUTE_PROTOCOL } from '../../lib/ownership.ts';
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
  const there = (await lab.view()).pods.toSorted((x, y) => (x.name < y.name ? -1 : 1));
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

/** Where a place sends IPv4 packets that came in by a device. */
async function gatewayAt(place: Place, from: string, to: string, device: string): Promise<string> {
  const [route] = JSON.parse(await place.execOrThrow(['ip', '-json', 'route', 'get', to, 'from', from, 'iif', device])) as [{ readonly gateway: string }];
  return route.gateway;
}

/** The routers of rack 1 that packets between two pods go through, there and back: hashing has chosen one of two. */
async function routersBetween(lab: Lab, in1: PodView, in2: PodView): Promise<readonly [string, string]> {
  const [from, to] = [in1.addresses[0]!, in2.addresses[0]!];
  const firstHop = async (pod: PodView, own: string, other: string): Promise<string> => {
    const link = (await lab.node(pod.node).kernelRoutes('ipv4', AGENT_ROUTE_PROTOCOL)).find((r) => r.dst === own)!.dev!;
    return gatewayAt(lab.node(pod.node), own, other, link);
  };
  const there = await firstHop(in1, from, to);
  const entry = await firstHop(in2, to, from) === '10.99.2.1' ? 'tor2a' : 'tor2b';
  const back = await gatewayAt(lab.place(entry), to, from, 'eth0');
  return [there === '10.99.1.1' ? 'tor1a' : 'tor1b', back === '10.97.0.11' ? 'tor1a' : 'tor1b'];
}

/** Two pods whose packets go by one router both ways, and which; more pods are made until there are. */
async function pairByOneRouter(lab: Lab, pods: PodView[]): Promise<{ readonly from: PodView; readonly to: PodView; readonly router: string }> {
  for (let more = 0; more < 20; more++) {
    const in1 = pods.filter((p) => ['n1', 'n2'].includes(p.node));
    for (const from of in1) {
      for (const to of pods.filter((p) => !in1.includes(p))) {
        const [there, back] = await routersBetween(lab, from, to);
        if (there === back) return { from, to, router: there };
      }
    }
    pods.push(await lab.pod(`more${more}`, { node: 'n1' }));
  }
  throw new Error('packets of no pair of pods go by one router both ways');
}

/** RACK_HOLD_SECONDS, and time to notice on a busy machine. */
const NOTICED_MS = 40_000;

scenario('a router dies: only its share of the packets is lost, until the hold time ends; then the other one carries all; it comes back', async (lab) => {
  const [a, b, c, d] = await podsOf(lab) as [PodView, PodView, PodView, PodView];
  await apply(lab, SETTINGS!, ...PEERS);
  await sessionsAre(lab, TO_ROUTERS);
  const [rack1, rack2] = [await blocksOf(lab, 'n1'), await blocksOf(lab, 'n3')];
  await goesBy(lab, 'n1', rack2, ROUTERS_OF_1);
  await allPass(lab, [a, b, c, d]);
  const spared = await pairByOneRouter(lab, [a, b, c, d]);
  const [dies, spineOfOther] = spared.router === 'tor1a' ? ['tor1b', '10.97.0.11'] : ['tor1a', '10.97.0.12'];
  const left = spared.router === 'tor1a' ? 0 : 1;
  // In a rack nothing goes through a router: it does not matter that one dies.
  const unhurt = await Promise.all([
    Stream.start(lab, 'a', b, 'ipv4'), Stream.start(lab, 'c', d, 'ipv6'), Stream.start(lab, spared.from.name, spared.to, 'ipv4'),
  ]);

  await lab.break('kill', dies);
  await eventually(NOTICED_MS, async () => {
    for (const node of ['n1', 'n2']) {
      for (const block of rack2) expect(await gatewaysOf(lab.node(node), block)).toEqual([ROUTERS_OF_1[familyOf(block)][left]]);
    }
    for (const router of ['tor2a', 'tor2b']) {
      const via = (await lab.place(router).kernelRoutes('ipv4')).find((r) => r.dst === rack1.find((x) => !x.includes(':')));
      expect([via?.gateway, via?.nexthops]).toEqual([spineOfOther, undefined]);
    }
  });
  const across = await Promise.all([Stream.start(lab, 'a', c, 'ipv4'), Stream.start(lab, 'd', b, 'ipv6')]);
  await allPass(lab, [a, b, c, d]);
  for (const stream of [...unhurt, ...across]) expect((await stream.stop()).lost).toBe(0);
  expect((await lab.status('n1'))!.peers.filter((p) => p.state === 'Established').map((p) => p.address).sort()).toEqual([ROUTERS_OF_1.ipv4[left], ROUTERS_OF_1.ipv6[left]]);

  await lab.heal(dies);
  await sessionsAre(lab, TO_ROUTERS);
  await goesBy(lab, 'n1', rack2, ROUTERS_OF_1);
  await allPass(lab, [a, b, c, d]);
}, 180_000);
