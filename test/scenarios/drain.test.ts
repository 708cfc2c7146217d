/**
 * A node is drained and comes back, under traffic: to pods of other nodes, to an address that two nodes have (what can move), and
 * to a pod of the node itself (what cannot). The ToR router honours GRACEFUL_SHUTDOWN, as routers are told to.
 */
import { expect } from '@jest/globals';
import type { PodView } from '../../lab/kubelet.ts';
import type { Lab } from '../../lab/lab.ts';
import { flat } from '../../lab/topology.ts';
import { eventually } from '../support/eventually.ts';
import { apply, established, gatewaysOf, scenariosOf } from '../support/lab.ts';
import { BACK_MS, lossIn, underFlows, type Flow } from '../support/traffic.ts';

const plain = flat(3);
const HONOURED = 'import filter { if (65535, 0) ~ bgp_community then bgp_local_pref = 0; accept; };';
const scenario = scenariosOf({ topology: { ...plain, routers: plain.routers.map((r) => ({ ...r, bird: r.bird.replaceAll('import all;', HONOURED) })) } });
const RATE = 1_000;
const LONG_MS = 240_000;
const ANYCAST = '10.244.200.200';
const [N2, N3] = ['10.99.0.12', '10.99.0.13'];

/** What the command prints; throws with all it said when it fails. */
async function node(lab: Lab, ...words: string[]): Promise<string> {
  const { status, stdout, stderr } = await lab.tortiectl('node', ...words);
  if (status !== 0) throw new Error(`tortiectl node ${words.join(' ')}: status ${String(status)}\n${stdout}${stderr}`);
  return stdout;
}

/** A pod has one more address, which it answers with; its node has a route there, and announces it. */
async function giveAnycast(lab: Lab, pod: PodView): Promise<void> {
  const own = pod.addresses.find((a) => !a.includes(':'))!;
  const place = lab.place(pod.name);
  await place.execOrThrow(['ip', 'addr', 'add', `${ANYCAST}/32`, 'dev', 'lo']);
  const [route] = (await place.execOrThrow(['ip', 'route', 'show', 'default'])).trim().split('\n');
  await place.execOrThrow(['ip', 'route', 'replace', ...route!.trim().split(/\s+/).filter((w) => w !== 'onlink'), 'onlink', 'src', ANYCAST]);
  const [, link] = / dev (\S+)/.exec(await lab.node(pod.node).execOrThrow(['ip', 'route', 'get', own]))!;
  await lab.node(pod.node).execOrThrow(['ip', 'route', 'add', `${ANYCAST}/32`, 'dev', link!, 'proto', 'static']);
}

const phase = async (lab: Lab): Promise<string> => {
  const pod = (await lab.kubectl('get', 'pods', '-n', 'kube-system', '--field-selector', 'spec.nodeName=n2', '-o', 'jsonpath={.items[0].metadata.name}')).stdout;
  return (JSON.parse((await lab.kubectl('get', '--raw', `/api/v1/namespaces/kube-system/pods/${pod}:9098/proxy/v1/drain`)).stdout) as { phase: string }).phase;
};

const statesOf = async (lab: Lab, name: string): Promise<string[]> => [...new Set((await lab.status(name))?.peers.map((p) => p.state) ?? [])];

scenario('what can move loses nothing; the node stays down over restarts of bgpd and agent; undrain brings all back', async (lab) => {
  const [a, b, c] = await Promise.all([lab.pod('a', { node: 'n1' }), lab.pod('b', { node: 'n2' }), lab.pod('c', { node: 'n3' })]);
  const [b2, c2] = await Promise.all([lab.pod('b2', { node: 'n2' }), lab.pod('c2', { node: 'n3' })]);
  await established(lab);
  await Promise.all([giveAnycast(lab, b2), giveAnycast(lab, c2)]);
  await eventually(BACK_MS, async () => {
    expect(await gatewaysOf(lab.node('n1'), ANYCAST)).toEqual([N2, N3]);
    expect(await lab.birdc(`show route ${ANYCAST}/32`)).toMatch(/n2_v4[^]*n3_v4|n3_v4[^]*n2_v4/);
  });
  const any: PodView = { ...b2, name: 'anycast', addresses: [ANYCAST] };
  const moves: Flow[] = [
    { place: 'a', to: any, family: 'ipv4' }, { place: 'host', to: any, family: 'ipv4' }, { place: 'a', to: c, family: 'ipv4' }, { place: 'a', to: c, family: 'ipv6' },
    { place: 'c', to: a, family: 'ipv4' }, { place: 'host', to: c, family: 'ipv6' },
  ];
  const stays: Flow[] = [{ place: 'a', to: b, family: 'ipv4' }, { place: 'host', to: b, family: 'ipv6' }];

  const seen = await underFlows(lab, [...moves, ...stays], RATE, async () => {
    const draining = node(lab, 'drain', 'n2', '--wait', '10', '--message', 'rack 7 moves');
    await eventually(BACK_MS, async () => {
      expect(await phase(lab)).toBe('announcing');
      expect(await gatewaysOf(lab.node('n1'), ANYCAST)).toEqual([N3]);
      expect((await lab.tor.kernelRoutes('ipv4')).filter((r) => r.dst === ANYCAST).map((r) => r.gateway)).toEqual([N3]);
    });
    expect(await statesOf(lab, 'n2')).toEqual(['Established']);
    expect(await draining).toMatch(/^(.* yet\n)?node n2: routes go out with GRACEFUL_SHUTDOWN\n(node n2: sessions are being closed\n)?node n2 is drained; neighbours were told "rack 7 moves"\n$/);
    expect(await statesOf(lab, 'n2')).toEqual(['Idle']);
    expect(await lab.birdc('show protocols all n2_v4')).toMatch(/Received: Administrative shutdown/);
    await eventually(5_000, async () => { expect(await gatewaysOf(lab.node('n1'), (await lab.status('n2'))!.originated[0]!)).toBeUndefined(); });
  });
  process.stdout.write(`from the start of the drain until it is over\n${lossIn(seen)}\n`);
  for (const { place, to, family } of moves) expect([place, to.name, family, seen.streams.get(`${place}→${to.name} ${family}`)!.lost]).toEqual([place, to.name, family, 0]);
  for (const { place, to, family } of stays) expect(seen.streams.get(`${place}→${to.name} ${family}`)!.lost).toBeGreaterThan(0);

  expect(await node(lab, 'drain', 'n2')).toMatch(/^node n2 is being drained already\nnode n2 is drained/);
  for (const daemon of ['bgpd', 'agent'] as const) {
    const before = (await lab.node('n2').view()).daemons.find((d) => d.name === daemon)!.restarts;
    await lab.node('n2').signal(daemon, 'SIGKILL');
    await eventually(BACK_MS, async () => {
      expect((await lab.node('n2').view()).daemons.find((d) => d.name === daemon)!.restarts).toBeGreaterThan(before);
      expect([await phase(lab), await statesOf(lab, 'n2'), (await lab.status('n2'))!.restarting]).toEqual(['drained', ['Idle'], false]);
    });
  }
  expect((await lab.kubectl('get', 'node', 'n2', '-o', 'jsonpath={.metadata.annotations.tortie\\.io/drain}')).stdout).toContain('"waitSeconds":10');

  expect(await node(lab, 'undrain', 'n2')).toBe('node n2 takes part again\n');
  await established(lab);
  await eventually(BACK_MS, async () => {
    expect(await gatewaysOf(lab.node('n1'), ANYCAST)).toEqual([N2, N3]);
    for (const { place, to, family } of [...moves, ...stays]) expect(await lab.reaches(place, to, { proto: 'udp', family })).toBeDefined();
  });
  expect(await node(lab, 'undrain', 'n2')).toBe('node n2 is not drained\n');
}, LONG_MS);

scenario('what is wrong is said: a node, an option; what it does not do stands in its help', async (lab) => {
  const failed = async (...words: string[]): Promise<readonly [number | undefined, string]> => {
    const { status, stderr } = await lab.tortiectl('node', ...words);
    return [status, stderr];
  };
  expect(await failed('drain', 'n9')).toEqual([1, 'resource does not exist: Node(n9)\n']);
  expect(await failed('undrain', 'n9')).toEqual([1, 'resource does not exist: Node(n9)\n']);
  expect(await failed('drain', 'n1', '--wait', 'long')).toEqual([2, '--wait long: expected 0..3600 seconds\n']);
  expect((await lab.tortiectl('node', 'drain', '--help')).stdout).toContain('Pods are not evicted');
});

scenario('a Node that is deleted: its router hears GRACEFUL_SHUTDOWN, then Cease; the Node comes back, and so do the sessions', async (lab) => {
  await established(lab);
  const { stdout } = await lab.kubectl('get', 'node', 'n3', '-o', 'json');
  const { metadata, spec } = JSON.parse(stdout) as { metadata: { name: string; labels: object; annotations: object }; spec: object };
  await lab.kubectl('delete', 'node', 'n3');
  await eventually(BACK_MS, async () => { expect(await lab.birdc('show route all protocol n3_v4')).toContain('(65535,0)'); });
  await eventually(BACK_MS, async () => { expect(await lab.birdc('show protocols all n3_v4')).toMatch(/Received: Administrative shutdown/); });
  const { name, labels, annotations } = metadata;
  await apply(lab, { apiVersion: 'v1', kind: 'Node', metadata: { name, labels, annotations }, spec });
  await established(lab);
}, LONG_MS);
