/** The CNI plugin beside `ptp` and `bridge` with `host-local`, on one node of a lab, addresses written durably to the API. */
import { join } from 'node:path';
import { PODS, workloadPod } from '../lab/objects.ts';
import { Lab } from '../lab/lab.ts';
import { systemClock } from '../sys/clock.ts';
import { openKube } from '../sys/kube/https-client.ts';
import { accessFromFile } from '../sys/kube/kubeconfig.ts';
import { median, type FigureLine } from './figures.ts';
import type { PluginArguments, PluginFigures } from './rig/plugins.ts';

const POD_COUNT = 50;

export async function benchCni(rounds: number): Promise<FigureLine[]> {
  process.stderr.write('cni: a lab of one node … ');
  await using lab = await Lab.up({ name: 'bench', nodes: 1, owned: true });
  const [node] = lab.nodeNames as [string];
  using kube = openKube(accessFromFile(lab.kubeconfig), { clock: systemClock, random: Math.random });
  for (let i = 0; i < POD_COUNT; i++) await kube.create(PODS, hostPod(`bench-${i}`, node));
  process.stderr.write(`${rounds} rounds of ${POD_COUNT} pods … `);
  const args: PluginArguments = { pods: POD_COUNT, rounds, namespace: 'default' };
  const { stdout, stderr } = await lab.exec(node, [process.execPath, join(import.meta.dirname, 'rig', 'plugins.ts'), JSON.stringify(args)], 600_000);
  if (stdout === '') throw new Error(`the plugins were not measured: ${stderr}`);
  process.stderr.write('done\n');
  return lines(JSON.parse(stdout) as PluginFigures);
}

/** The API knows the pod, the lab's kubelet leaves it alone: we are its runtime. */
function hostPod(name: string, node: string): ReturnType<typeof workloadPod> {
  const pod = workloadPod(name, 'default', node);
  return { ...pod, spec: { ...pod.spec, hostNetwork: true } };
}

function lines(figures: PluginFigures): FigureLine[] {
  const ours = figures['tortie']!;
  return Object.entries(figures).filter(([name]) => name !== 'tortie').flatMap(([peerName, theirs]) =>
    ([['one at a time addMs', 'addMs', 'ms'], ['one at a time delMs', 'delMs', 'ms'], ['8 in parallel ADD', 'addsPerSecond', '/s'], ['8 in parallel DEL', 'delsPerSecond', '/s']] as const)
      .map(([what, key, unit]) => {
        const [a, b] = [median(ours[key]), median(theirs[key])];
        return { test: 'cni', what, n: POD_COUNT, ours: a, peer: b, peerName, unit, ratio: unit === '/s' ? b / a : a / b };
      }));
}
