/** `npm run lab`: a lab with six pods, who reaches whom, what a node's peers say, and what to try next. */
import { existsSync, statSync } from 'node:fs';
import { buildLab } from './building.ts';
import { BUNDLE } from './installation.ts';
import { Lab } from './lab.ts';
import type { PodView } from './kubelet.ts';
import { isGood, measure, renderMatrix } from './matrix.ts';
import { DEFAULT_NAME } from './plan.ts';
import { pause } from './process.ts';

/** Two pods a node. */
const PODS = [['ant', 'n1'], ['bee', 'n1'], ['cat', 'n2'], ['dog', 'n2'], ['elk', 'n3'], ['fox', 'n3']] as const;
const ROUTES_WITHIN_MS = 30_000;

export async function demo(name: string, print: (text: string) => void): Promise<number> {
  const start = Date.now();
  const say = (text: string): void => { print(`- ${text}`); };
  const lab = await runningOrNew(name, say, print);
  const pods = await Promise.all(PODS.map(([name, node]) => podOf(lab, name, node, say)));
  say('asking from every pod to every other');
  const results = await untilGood(lab, pods);
  print(`\n${renderMatrix(results)}\n`);
  print(await nodeStatus(lab));
  const own = name === DEFAULT_NAME ? '' : ` --name ${name}`;
  print(`The lab runs (${((Date.now() - start) / 1000).toFixed(0)} s). Things to try:
  npm run lab -- exec${own} ant -- ping -c3 ${pods[5]!.addresses[0] ?? ''}       (ant is a pod; nodes, tor and host are places too)
  npm run lab -- exec${own} n1 -- ip route show proto 84       the routes that bgpd learned
  npm run lab -- break${own} kill n2                            a node crashes; then: npm run lab -- heal${own}
  npm run lab -- kubectl${own} run gnu --image=any              a seventh pod; the lab is scheduler and kubelet
  npm run lab -- down${own}                                    removes every trace`);
  lab.close();
  return results.every(isGood) ? 0 : 1;
}

/** The lab that runs, when it runs this build; otherwise a new one. */
async function runningOrNew(name: string, say: (text: string) => void, print: (text: string) => void): Promise<Lab> {
  const running = await Lab.find(name);
  if (running !== undefined) {
    const view = await running.view();
    if (view.bundleMs === statSync(BUNDLE).mtimeMs && existsSync(running.kubeconfig) && view.nodes.length >= 3) {
      say('a lab of this build runs already');
      for (const line of await running.heal()) say(line);
      return running;
    }
    say('a lab of another build runs: taking it down');
    await running.down();
  }
  return buildLab({ name }, print);
}

async function podOf(lab: Lab, name: string, node: string, say: (text: string) => void): Promise<PodView> {
  const there = (await lab.view()).pods.find((p) => p.namespace === 'default' && p.name === name);
  if (there !== undefined) return there;
  const pod = await lab.pod(name, { node });
  say(`pod ${name} on ${node}: ${pod.addresses.join(', ')}`);
  return pod;
}

/** Routes need a moment after the first pod of a node; the last result counts. */
async function untilGood(lab: Lab, pods: readonly PodView[]): Promise<Awaited<ReturnType<typeof measure>>> {
  const end = Date.now() + ROUTES_WITHIN_MS;
  for (;;) {
    const results = await measure(lab, pods, 1_000);
    if (results.every(isGood) || Date.now() > end) return results;
    await pause(200);
  }
}

async function nodeStatus(lab: Lab): Promise<string> {
  const { stdout, stderr } = await lab.tortiectl('node', 'status', 'n1');
  return `$ tortiectl node status n1\n${stdout}${stderr}`;
}
