/** The walk "A pod starts on node A, and node B's kernel has a route", and what follows: every pod reaches every other as itself. */
import { expect } from '@jest/globals';
import type { PodView } from '../../lab/kubelet.ts';
import type { Lab } from '../../lab/lab.ts';
import { FAMILIES, isGood, measure, type PairResult } from '../../lab/matrix.ts';
import { eventually } from '../support/eventually.ts';
import { CONVERGED_MS, established, scenariosOf } from '../support/lab.ts';

const scenario = scenariosOf({ nodes: 3 });
const PODS = [['ant', 'n1'], ['bee', 'n1'], ['cat', 'n2'], ['dog', 'n2'], ['elk', 'n3'], ['fox', 'n3']] as const;
const HEALED_MS = 20_000;

const failures = (results: readonly PairResult[]): string[] => results.filter((r) => !isGood(r)).map((r) =>
  `${r.from.name}→${r.to.name} ${r.family}: tcp ${r.tcp.ok ? r.tcp.source : r.tcp.reason}, ping ${r.ping.ok ? 'ok' : r.ping.reason}`);

async function podsOf(lab: Lab): Promise<readonly PodView[]> {
  const there = (await lab.view()).pods;
  return there.length > 0 ? there : Promise.all(PODS.map(([name, node]) => lab.pod(name, { node })));
}

scenario('all 30 ordered pairs of six pods on three nodes: TCP and ping, IPv4 and IPv6, each seen with its own address', async (lab) => {
  const pods = await podsOf(lab);
  await eventually(CONVERGED_MS, async () => { expect(failures(await measure(lab, pods, 1_000))).toEqual([]); });
  expect((await measure(lab, pods)).length).toBe(60);
});

scenario('every block of every node is a route on every other node', async (lab) => {
  await podsOf(lab);
  await eventually(CONVERGED_MS, async () => {
    const originated = await Promise.all(lab.nodes.map(async (n) => (await n.speaker())!.originated));
    const routes = await Promise.all(lab.nodes.map((n) => n.routes()));
    originated.forEach((blocks, i) => {
      expect(blocks.length).toBeGreaterThanOrEqual(2);
      routes.forEach((there, j) => { if (i !== j) expect(there).toEqual(expect.arrayContaining([...blocks])); });
    });
  });
});

scenario('with our routes flushed every pair across nodes breaks, and it heals by itself', async (lab) => {
  const pods = await podsOf(lab);
  await established(lab);
  await eventually(CONVERGED_MS, async () => { expect(failures(await measure(lab, pods, 1_000))).toEqual([]); });

  await Promise.all(lab.nodes.map((n) => n.signal('bgpd', 'SIGSTOP')));
  await Promise.all(lab.nodes.map((n) => n.flushRoutes()));
  const broken = await measure(lab, pods, 500);
  for (const r of broken) expect([r.from.name, r.to.name, r.tcp.ok, r.ping.ok]).toEqual([r.from.name, r.to.name, ...same(r)]);

  await Promise.all(lab.nodes.map((n) => n.signal('bgpd', 'SIGCONT')));
  await eventually(HEALED_MS, async () => { expect(failures(await measure(lab, pods, 500))).toEqual([]); });
});

const same = (r: PairResult): [boolean, boolean] => (r.from.node === r.to.node ? [true, true] : [false, false]);

scenario('the ToR router has every block, and the host behind it reaches every pod', async (lab) => {
  const pods = await podsOf(lab);
  await established(lab);
  await eventually(CONVERGED_MS, async () => {
    const there = (await Promise.all(FAMILIES.map((f) => lab.tor.kernelRoutes(f)))).flat();
    for (const node of lab.nodes) {
      const { originated } = (await node.speaker())!;
      const { addresses } = await node.view();
      // Straight to the node that has it, though every node announces it.
      const routes = there.filter((r) => originated.includes(r.dst));
      expect(routes.map((r) => r.dst).sort()).toEqual([...originated].sort());
      for (const r of routes) expect(addresses).toContain(r.gateway);
    }
  });
  await eventually(HEALED_MS, async () => {
    const answers = await lab.ask('host', pods.flatMap((p) => p.addresses.flatMap((address) => [{ proto: 'tcp' as const, address }, { proto: 'ping' as const, address }])));
    expect(answers.filter((a) => !a.ok)).toEqual([]);
    expect([...new Set(answers.map((a) => (a.ok ? a.source : '')))].sort()).toEqual(['10.98.0.2', 'fd98::2']);
  });
});

scenario('no node has a default route, and the switch has no address', async (lab) => {
  for (const node of lab.nodes) {
    for (const family of FAMILIES) expect((await node.kernelRoutes(family)).filter((r) => r.dst === 'default')).toEqual([]);
  }
});

scenario('a pod that is deleted leaves no link, no route and no address behind; its address answers no more', async (lab) => {
  const pods = await podsOf(lab);
  const state = async (): Promise<string> => (await lab.node('n1').execOrThrow(['sh', '-c', 'ip -br link | cut -d" " -f1 | sort; ip route; ip -6 route | sed "s/expires.*//"; ip netns']))
    .replaceAll(/ \(id: \d+\)/g, '');
  await established(lab);
  const before = await state();

  const gnu = await lab.pod('gnu', { node: 'n1' });
  await eventually(HEALED_MS, async () => { expect(await lab.reaches('elk', gnu, { proto: 'tcp', family: 'ipv4' })).toBe(pods.find((p) => p.name === 'elk')!.addresses[0]); });
  await lab.deletePod('gnu');

  await eventually(HEALED_MS, async () => { expect(await state()).toBe(before); });
  expect(await lab.reaches('elk', gnu, { proto: 'tcp', family: 'ipv4' })).toBeUndefined();
});
