/** Passwords of the mesh and filters of peers, changed while the cluster runs. */
import { expect } from '@jest/globals';
import type { Lab } from '../../lab/lab.ts';
import { addressOf } from '../../lab/matrix.ts';
import { eventually } from '../support/eventually.ts';
import { kubectlPath } from '../support/capabilities.ts';
import { run } from '../../sys/exec.ts';
import { CONVERGED_MS, established, scenariosOf } from '../support/lab.ts';

const scenario = scenariosOf({ nodes: 3 });
const HOLD_MS = 120_000;

async function apply(lab: Lab, ...manifests: readonly object[]): Promise<void> {
  for (const manifest of manifests) {
    const { status, stderr } = await run(kubectlPath(), ['--kubeconfig', lab.kubeconfig, 'apply', '-f', '-'], { stdin: JSON.stringify(manifest) });
    if (status !== 0) throw new Error(stderr);
  }
}

const V3 = 'projectcalico.org/v3';
const settings = (more: object = {}): object => ({
  apiVersion: V3, kind: 'BGPConfiguration', metadata: { name: 'default' }, spec: { asNumber: 64512, nodeToNodeMeshEnabled: true, ...more },
});
const WITH_PASSWORD = { nodeMeshPassword: { secretKeyRef: { name: 'mesh', key: 'password' } } };
const secret = (password: string): object => ({ apiVersion: 'v1', kind: 'Secret', metadata: { name: 'mesh', namespace: 'kube-system' }, stringData: { password } });

/** Names of mesh sessions of a node with their state. */
async function mesh(lab: Lab, node: string): Promise<string[]> {
  const status = await lab.status(node);
  return (status?.peers ?? []).filter((p) => p.origin === 'mesh').map((p) => p.state);
}

const EACH = ['Established', 'Established', 'Established', 'Established'];
const meshIs = (lab: Lab, states: readonly string[], ms = CONVERGED_MS): Promise<void> => eventually(ms, async () => {
  for (const name of lab.nodeNames) expect(await mesh(lab, name)).toEqual(states);
});

/** How many BGP connections of a node carry segments that are signed with a password (RFC 2385), as the kernel says. */
async function signed(lab: Lab, node: string, password: string): Promise<number> {
  const { stdout } = await lab.node(node).exec(['ss', '-Htni', 'state', 'established', '( sport = :179 or dport = :179 )']);
  // It prints the keys ahead of the lines that they belong to.
  return Math.min(stdout.split('md5keys:').length, stdout.split(password).length) - 1;
}

const signedIs = (lab: Lab, password: string): Promise<void> => eventually(HOLD_MS, async () => {
  for (const name of lab.nodeNames) expect([name, await signed(lab, name, password)]).toEqual([name, EACH.length]);
});

/** When each session of a node came up. */
const since = async (lab: Lab, node: string, origin: string): Promise<number[]> =>
  ((await lab.status(node))?.peers ?? []).filter((p) => p.origin === origin).map((p) => p.sinceMs);

scenario('a mesh gets a password, another one, and none again; sessions of other peers stay up', async (lab) => {
  await established(lab);
  const others = await since(lab, 'n1', 'global');
  expect(others).toHaveLength(2);

  const before = await since(lab, 'n1', 'mesh');
  await apply(lab, secret('swordfish'), settings(WITH_PASSWORD));
  await signedIs(lab, 'swordfish');
  await meshIs(lab, EACH, HOLD_MS);

  await apply(lab, secret('marlin'));
  await signedIs(lab, 'marlin');
  await meshIs(lab, EACH, HOLD_MS);
  // Keys are changed on the connections as they are: both sides do so within a few retransmissions, and nobody notices.
  expect(await since(lab, 'n1', 'mesh')).toEqual(before);

  expect((await lab.kubectl('-n', 'kube-system', 'delete', 'secret', 'mesh')).status).toBe(0);
  await eventually(CONVERGED_MS, async () => {
    const { stdout } = await lab.kubectl('get', 'events', '-o', 'jsonpath={.items[*].message}');
    expect(stdout).toContain('there is no Secret "mesh"');
    expect(stdout).not.toMatch(/swordfish|marlin/);
  });
  await signedIs(lab, 'marlin');       // what was known stays in force
  expect(await since(lab, 'n1', 'mesh')).toEqual(before);
  await apply(lab, settings());
  await meshIs(lab, EACH, HOLD_MS);
  expect(await since(lab, 'n1', 'global')).toEqual(others);
}, 600_000);

/** Behind the router. */
const HOST_NETWORK = '10.98.0.0/24';

const FILTER = {
  apiVersion: V3, kind: 'BGPFilter', metadata: { name: 'tor' },
  spec: {
    importV4: [{ action: 'Reject', cidr: HOST_NETWORK, matchOperator: 'In' }],
    exportV4: [{ action: 'Accept', cidr: '10.244.0.0/16', matchOperator: 'In', operations: [{ addCommunity: { value: '64512:77' } }, { addCommunity: { value: '64512:7:8' } }] }],
  },
};

scenario('a BGPFilter refuses what a router sends, and marks what it is sent; without it all is as before', async (lab) => {
  await lab.pod('p', { node: 'n1' });
  await established(lab);
  const block = (await lab.status('n1'))!.originated.find((b) => !b.includes(':'))!;
  await eventually(CONVERGED_MS, async () => { expect(await lab.node('n1').routes()).toContain(HOST_NETWORK); });
  const up = await since(lab, 'n1', 'global');

  const tor = JSON.parse((await lab.kubectl('get', 'bgppeer', 'tor-v4', '-o', 'json')).stdout) as { spec: object };
  const peer = (more: object): object => ({ apiVersion: V3, kind: 'BGPPeer', metadata: { name: 'tor-v4' }, spec: { ...tor.spec, ...more } });
  await apply(lab, FILTER, peer({ filters: ['tor'] }));
  await eventually(CONVERGED_MS, async () => { expect(await lab.node('n1').routes()).not.toContain(HOST_NETWORK); });
  await eventually(CONVERGED_MS, async () => {
    const seen = await lab.birdc(`show route all protocol n1_v4 where net = ${block}`);
    expect(seen).toContain('(64512,77)');
    expect(seen).toContain('(64512, 7, 8)');
  });

  await apply(lab, peer({ filters: [] }));
  await eventually(CONVERGED_MS, async () => {
    expect(await lab.node('n1').routes()).toContain(HOST_NETWORK);
    expect(await lab.birdc(`show route all protocol n1_v4 where net = ${block}`)).not.toContain('(64512,77)');
  });
  expect(await since(lab, 'n1', 'global')).toEqual(up);
}, 300_000);

/** IPv4 prefixes that the router has from a node. */
const announced = async (lab: Lab, node: string): Promise<string[]> =>
  (await lab.birdc(`show route protocol ${node}_v4`)).split('\n').map((line) => line.split(/\s+/)[0]!).filter((p) => p.startsWith('10.244.')).sort();

scenario('of the kernel\'s routes in a pool those go out that the node\'s block does not stand for', async (lab) => {
  const pod = addressOf(await lab.pod('q', { node: 'n2' }), 'ipv4');
  await established(lab);
  const blocksOf = async (name: string): Promise<string[]> => (await lab.status(name))!.originated.filter((b) => !b.includes(':'));
  const [own] = await blocksOf('n2');
  // Routes of the mesh are passed on to routers: any node can be gone through.
  const blocks = (await Promise.all(lab.nodeNames.map(blocksOf))).flat().sort();
  await eventually(CONVERGED_MS, async () => { expect(await announced(lab, 'n2')).toEqual(blocks); });
  expect(await lab.node('n2').kernelRoutes('ipv4', 85)).toEqual([expect.objectContaining({ dst: pod })]);

  const route = (...words: readonly string[]): Promise<string> => lab.node('n2').execOrThrow(['ip', 'route', ...words]);
  const inside = own!.replace(/(\d+)\/26$/, (_all, last: string) => String(Number(last) + 33));
  await route('add', '10.244.250.9', 'dev', 'eth0');
  await route('add', inside, 'dev', 'eth0', 'metric', '1024');
  await route('add', '172.30.0.0/16', 'dev', 'eth0');
  await eventually(CONVERGED_MS, async () => { expect(await announced(lab, 'n2')).toEqual([...blocks, '10.244.250.9/32'].sort()); });
  await route('del', inside);
  await route('add', inside, 'dev', 'eth0', 'metric', '512');
  await eventually(CONVERGED_MS, async () => { expect(await announced(lab, 'n2')).toEqual([...blocks, '10.244.250.9/32', `${inside}/32`].sort()); });
  expect(await lab.birdc('show route')).not.toContain('172.30.0.0/16');
  await eventually(CONVERGED_MS, async () => { expect((await lab.node('n3').kernelRoutes('ipv4')).find((r) => r.dst === inside)?.metric).toBe(512); });
  for (const prefix of ['10.244.250.9', inside, '172.30.0.0/16']) await route('del', prefix);
  await eventually(CONVERGED_MS, async () => { expect(await announced(lab, 'n2')).toEqual(blocks); });
});
