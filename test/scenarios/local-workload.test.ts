/** A pod that speaks BGP with its own node: BIRD in the pod dials the node at the address on its link, and its routes are forwarded to it. */
import { afterAll, expect } from '@jest/globals';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { spawn, type ChildProcess } from 'node:child_process';
import type { Lab } from '../../lab/lab.ts';
import { PROGRAM } from '../../lab/installation.ts';
import type { PodView } from '../../lab/kubelet.ts';
import { run } from '../../sys/exec.ts';
import { kubectlPath, pathOf } from '../support/capabilities.ts';
import { eventually } from '../support/eventually.ts';
import { CONVERGED_MS, established, scenariosOf } from '../support/lab.ts';

const scenario = scenariosOf({ nodes: 2 });
const CHANGED_MS = 15_000;
const [OWN4, OWN6] = ['169.254.20.1', 'fd00:20::1'];
/** Routes of the workload: one in a pool, so that it is passed on, one outside. */
const INSIDE = '10.244.200.0/24';
const [OUTSIDE, OUTSIDE6] = ['172.30.0.0/24', 'fd00:30::/64'];
const WORKLOAD_ASN = 64999;

const directory = mkdtempSync(join(tmpdir(), 'tortie-workload-'));
const children: ChildProcess[] = [];
afterAll(() => {
  for (const child of children) child.kill('SIGKILL');
  rmSync(directory, { recursive: true });
});

async function apply(lab: Lab, manifest: object): Promise<void> {
  const { status, stderr } = await run(kubectlPath(), ['--kubeconfig', lab.kubeconfig, 'apply', '-f', '-'], { stdin: JSON.stringify(manifest) });
  if (status !== 0) throw new Error(stderr);
}

const object = (kind: string, name: string, spec: object): object => ({ apiVersion: 'projectcalico.org/v3', kind, metadata: { name }, spec });
const settings = (more: object): object => object('BGPConfiguration', 'default', { asNumber: 64512, nodeToNodeMeshEnabled: true, ...more });

const birdConfiguration = (pod: PodView): string => {
  const [v4, v6] = [pod.addresses.find((a) => !a.includes(':'))!, pod.addresses.find((a) => a.includes(':'))!];
  const session = (name: string, from: string, to: string, family: string): string => `
protocol bgp ${name} { local ${from} as ${WORKLOAD_ASN}; neighbor ${to} as 64512; multihop; connect delay time 1; connect retry time 1; error wait time 1, 2;
  ${family} { import all; export where source = RTS_STATIC; next hop self; gateway recursive; }; }`;
  return `log stderr all;
router id ${v4};
protocol device { scan time 1; }
protocol kernel k4 { learn; scan time 1; ipv4 { import all; export none; }; }
protocol kernel k6 { learn; scan time 1; ipv6 { import all; export none; }; }
protocol static s4 { ipv4; route ${INSIDE} blackhole; route ${OUTSIDE} blackhole; }
protocol static s6 { ipv6; route ${OUTSIDE6} blackhole; }
${session('n4', v4, OWN4, 'ipv4')}${session('n6', v6, OWN6, 'ipv6')}
`;
};

interface Bird { readonly kill: () => void; readonly learned: (protocol: string) => Promise<string[]> }

async function startBird(lab: Lab, pod: PodView): Promise<Bird> {
  const [config, control] = [join(directory, `${pod.name}.conf`), join(directory, `${pod.name}.ctl`)];
  writeFileSync(config, birdConfiguration(pod));
  const child = spawn(PROGRAM, await lab.entering(pod.name, [pathOf('bird')!, '-f', '-c', config, '-s', control, '-P', join(directory, `${pod.name}.pid`)]), { stdio: 'ignore' });
  children.push(child);
  return {
    kill: () => { child.kill('SIGKILL'); },
    learned: async (protocol) => {
      const { stdout } = await run(pathOf('birdc')!, ['-s', control, 'show', 'route', 'protocol', protocol]);
      return stdout.split('\n').map((l) => l.split(/\s+/)[0]!).filter((w) => w.includes('/'));
    },
  };
}

const sessionsOf = async (lab: Lab, node: string): Promise<string[]> =>
  ((await lab.node(node).speaker())?.peers ?? []).filter((p) => p.name.startsWith('Local_Workload_')).map((p) => `${p.name} ${p.state}`).sort();

scenario('a selected pod becomes a peer of its own node, and of no other; its routes lead to it, and go on as the pools say', async (lab) => {
  await established(lab);
  const [router, plain] = await Promise.all([lab.pod('router', { node: 'n1' }), lab.pod('plain', { node: 'n2' })]);
  expect(plain.addresses).toHaveLength(2);
  await apply(lab, settings({ localWorkloadPeeringIPV4: OWN4, localWorkloadPeeringIPV6: OWN6 }));
  await apply(lab, object('BGPPeer', 'workloads', { localWorkloadSelector: "app == 'router'", asNumber: WORKLOAD_ASN }));
  const bird = await startBird(lab, router);
  const [v4, v6] = [router.addresses.find((a) => !a.includes(':'))!, router.addresses.find((a) => a.includes(':'))!];
  const names = [v4, v6].map((a) => `Local_Workload_${a.replaceAll(/[.:]/g, '_')}`);
  await eventually(CONVERGED_MS, async () => { expect(await sessionsOf(lab, 'n1')).toEqual(names.map((n) => `${n} Established`).sort()); });
  expect(await sessionsOf(lab, 'n2')).toEqual([]);

  await eventually(CHANGED_MS, async () => {
    const routes = (await Promise.all((['ipv4', 'ipv6'] as const).map((f) => lab.node('n1').kernelRoutes(f, 84)))).flat();
    const of = (dst: string): string | undefined => { const r = routes.find((x) => x.dst === dst); return r && `${r.gateway} ${r.dev?.slice(0, 4)}`; };
    expect([of(INSIDE), of(OUTSIDE), of(OUTSIDE6)]).toEqual([`${v4} cali`, `${v4} cali`, `${v6} cali`]);
  });
  await eventually(CHANGED_MS, async () => {
    const there = await lab.node('n2').routes();
    expect(there).toContain(INSIDE);
    expect(there).not.toContain(OUTSIDE);
  });
  // Through its node, also where the pod's own address is known by BGP alone.
  const [passed] = (await lab.node('n2').kernelRoutes('ipv4', 84)).filter((r) => r.dst === INSIDE);
  expect((await lab.node('n1').view()).addresses).toContain(passed?.gateway);
  await eventually(CHANGED_MS, async () => {
    const learned = [...await bird.learned('n4'), ...await bird.learned('n6')];
    const blocks = (await Promise.all(lab.nodes.map(async (n) => (await n.speaker())!.originated))).flat();
    expect(learned).toEqual(expect.arrayContaining(blocks));
  });

  await apply(lab, object('BGPFilter', 'inside-only', { importV4: [{ action: 'Reject', matchOperator: 'Equal', cidr: OUTSIDE }] }));
  await apply(lab, object('BGPPeer', 'workloads', { localWorkloadSelector: "app == 'router'", asNumber: WORKLOAD_ASN, filters: ['inside-only'] }));
  await eventually(CHANGED_MS, async () => {
    const there = await lab.node('n1').routes();
    expect(there).toContain(INSIDE);
    expect(there).not.toContain(OUTSIDE);
  });
});

scenario('a label taken away ends the session, and the address goes from the link', async (lab) => {
  const addresses = async (): Promise<string> => lab.node('n1').execOrThrow(['sh', '-c', 'ip -br addr']);
  expect(await addresses()).toContain(`${OWN4}/32`);
  const { status, stderr } = await lab.kubectl('label', 'pod', 'router', 'app=other', '--overwrite');
  expect([status, stderr]).toEqual([0, '']);
  await eventually(CHANGED_MS, async () => {
    expect(await sessionsOf(lab, 'n1')).toEqual([]);
    expect(await addresses()).not.toContain(OWN4);
    expect(await addresses()).not.toContain(OWN6);
    expect(await lab.node('n1').routes()).not.toContain(INSIDE);
  });
});
