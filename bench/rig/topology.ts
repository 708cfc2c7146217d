/**
 * Where a benchmark runs: two namespaces joined by three links, with no way out.
 *
 * ```
 *   tb<pid>-t (the daemon measured)              tb<pid>-p (feeder, receiver, mesh peers)
 *      t1 198.18.1.1/24 ───────────────────────── p1 198.18.1.2/24
 *      t2 198.18.2.1/24 ───────────────────────── p2 198.18.2.2/24
 *      tm 198.19.0.1/20 ───────────────────────── pm 198.19.1.1 … one address a mesh peer
 * ```
 */
import { execFileSync } from 'node:child_process';

export const TARGET_A = '198.18.1.1';
export const FEEDER = '198.18.1.2';
export const TARGET_B = '198.18.2.1';
export const RECEIVER = '198.18.2.2';
export const TARGET_MESH = '198.19.0.1';
export const TARGET_AS = 65000;
export const FEEDER_AS = 65001;
export const RECEIVER_AS = 65002;
/** Addresses no daemon knows: a probe from a peer's own address would count as a failed session of that peer. */
export const PROBES: Readonly<Record<string, string>> = {
  [TARGET_A]: '198.18.1.250', [TARGET_B]: '198.18.2.250', [TARGET_MESH]: '198.19.15.250',
};

export const meshAddress = (i: number): string => `198.19.${1 + Math.floor(i / 250)}.${1 + (i % 250)}`;

export interface Topology extends Disposable { readonly target: string; readonly peers: string }

export const run = (program: string, args: readonly string[], input?: string): string =>
  execFileSync(program, args, { encoding: 'utf8', maxBuffer: 1 << 28, ...(input === undefined ? {} : { input }) });

const ip = (batch: readonly string[], namespace?: string): string =>
  run('ip', [...(namespace === undefined ? [] : ['-n', namespace]), '-batch', '-'], `${batch.join('\n')}\n`);

/** Makes the namespaces `<prefix>-t` and `<prefix>-p`; `meshPeers` addresses stand on the mesh link. */
export function createTopology(prefix: string, meshPeers: number): Topology {
  const [target, peers] = [`${prefix}-t`, `${prefix}-p`];
  removeNamespaces([target, peers]);
  run('ip', ['netns', 'add', target]);
  run('ip', ['netns', 'add', peers]);
  ip([
    `link add t1 type veth peer name p1 netns ${peers}`, `link add t2 type veth peer name p2 netns ${peers}`,
    `link add tm type veth peer name pm netns ${peers}`,
    `addr add ${TARGET_A}/24 dev t1`, `addr add ${TARGET_B}/24 dev t2`, `addr add ${TARGET_MESH}/20 dev tm`,
    'link set lo up', 'link set t1 up', 'link set t2 up', 'link set tm up',
  ], target);
  const mesh = Array.from({ length: meshPeers }, (_, i) => `addr add ${meshAddress(i)}/20 dev pm`);
  ip([
    `addr add ${FEEDER}/24 dev p1`, `addr add ${RECEIVER}/24 dev p2`,
    `addr add ${PROBES[TARGET_A]!}/24 dev p1`, `addr add ${PROBES[TARGET_B]!}/24 dev p2`, `addr add ${PROBES[TARGET_MESH]!}/20 dev pm`,
    ...mesh, 'link set lo up', 'link set p1 up', 'link set p2 up', 'link set pm up',
  ], peers);
  return { target, peers, [Symbol.dispose]: () => { removeNamespaces([target, peers]); } };
}

function removeNamespaces(names: readonly string[]): void {
  const present = run('ip', ['netns', 'list']).split('\n').map((line) => line.split(' ')[0]);
  for (const name of names) if (present.includes(name)) run('ip', ['netns', 'del', name]);
}
