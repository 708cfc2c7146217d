/** Traffic and route events of a lab while a speaker of it is taken away and comes back. */
import { expect } from '@jest/globals';
import { readFileSync } from 'node:fs';
import type { PodView } from '../../lab/kubelet.ts';
import type { Lab } from '../../lab/lab.ts';
import { eventually } from './eventually.ts';
import { RouteMonitor, Stream, established, type StreamResult } from './lab.ts';

export const BACK_MS = 60_000;
/** Prefixes of pods' blocks and of what the ToR router announces. */
const OURS = /10\.244\.|fd00:10:244:|10\.98\.|fd98:/;

export interface Seen {
  /** By the stream's name, `a→b ipv4`. */
  readonly streams: ReadonlyMap<string, StreamResult>;
  /** Routes to pods and hosts that a kernel lost, with the machine's name. */
  readonly deleted: readonly string[];
  /** Packets that this machine dropped meanwhile because a CPU did not come to its backlog: no route is to blame for those. */
  readonly overrun: number;
  /** Datagrams that reached a pod and were dropped there, because its responder was not scheduled in time to read them. */
  readonly unread: number;
}

/** Drops of all UDP sockets of a pod so far. */
async function unreadAt(lab: Lab, pod: string): Promise<number> {
  const { stdout } = await lab.exec(pod, ['ss', '-Hanum']);
  return [...stdout.matchAll(/skmem:\([^)]*\bd(\d+)\)/g)].reduce((sum, [, drops]) => sum + Number(drops), 0);
}

const overruns = (): number => readFileSync('/proc/net/softnet_stat', 'utf8').trim().split('\n').reduce((sum, line) => sum + Number.parseInt(line.split(' ')[1]!, 16), 0);

export interface Flow { readonly place: string; readonly to: PodView; readonly family: 'ipv4' | 'ipv6' }

/** From these places to a pod, both families. */
export const underTraffic = (lab: Lab, from: readonly string[], to: PodView, rate: number, run: () => Promise<void>): Promise<Seen> =>
  underFlows(lab, from.flatMap((place) => (['ipv4', 'ipv6'] as const).map((family) => ({ place, to, family }))), rate, run);

/** At `rate` packets a second each, while `run` runs; kernels of all machines are watched. */
export async function underFlows(lab: Lab, flows: readonly Flow[], rate: number, run: () => Promise<void>): Promise<Seen> {
  await eventually(BACK_MS, async () => {
    for (const { place, to, family } of flows) expect(await lab.reaches(place, to, { proto: 'udp', family })).toBeDefined();
  });
  const routers = (await lab.view()).machines.filter((m) => m.daemons.some((d) => d.name === 'bird')).map((m) => m.name);
  const places = [...lab.nodeNames, ...routers];
  const monitors = await Promise.all(places.map((place) => RouteMonitor.start(lab, place)));
  const streams: Stream[] = [];
  const pods = (await lab.view()).pods.map((p) => p.name);
  const unread = async (): Promise<number> => (await Promise.all(pods.map((pod) => unreadAt(lab, pod)))).reduce((a, b) => a + b, 0);
  const [overrunBefore, unreadBefore] = [overruns(), await unread()];
  for (const { place, to, family } of flows) streams.push(await Stream.start(lab, place, to, family, rate));
  let results: StreamResult[] = [];
  let lines: string[][] = [];
  try {
    await run();
  } finally {
    results = await Promise.all(streams.map((s) => s.stop()));
    lines = await Promise.all(monitors.map((m) => m.stop('')));
  }
  return {
    streams: new Map(flows.map(({ place, to, family }, i) => [`${place}→${to.name} ${family}`, results[i]!])),
    overrun: overruns() - overrunBefore, unread: await unread() - unreadBefore,
    deleted: lines.flatMap((of, i) => of.filter((line) => OURS.test(line)).map((line) => `${places[i]!}: ${line}`)),
  };
}

/** Not one packet was lost on its way, and no kernel was without a route. What came and was not read in time has had its route. */
export function expectNothingLost(seen: Seen): void {
  expect(seen.deleted).toEqual([]);
  const lost = [...seen.streams.values()].reduce((sum, r) => sum + r.lost, 0);
  if (lost > 0) process.stdout.write(`${lossIn(seen)}\n`);
  if (lost > seen.unread) throw new Error(`packets were lost:\n${lossIn(seen)}`);
  for (const r of seen.streams.values()) expect(r.sent).toBeGreaterThan(1_000);
}

/** For people: what was lost of what was sent. */
export const lossIn = ({ streams, overrun, unread }: Seen): string => [
  ...[...streams].map(([name, r]) => `${name}: ${r.lost} of ${r.sent} lost, longest gap ${r.longestGapMs.toFixed(1)} ms${r.lost > 0 ? `, from number ${r.firstLost[0]!} on` : ''}`),
  `${overrun} packets dropped by CPUs that were behind, ${unread} that had come to a pod and were not read in time`,
].join('\n');

/** The new process runs, its sessions are Established, nobody holds its routes as stale any more. */
export async function isBack(lab: Lab, node: string, startedBefore: number): Promise<void> {
  await eventually(BACK_MS, async () => {
    const status = await lab.status(node);
    expect(status?.startedAtMs ?? 0).toBeGreaterThan(startedBefore);
    expect(status?.restarting).toBe(false);
  });
  await established(lab, BACK_MS);
  await eventually(BACK_MS, async () => {
    for (const n of lab.nodes) expect((await n.speaker())!.peers.filter((p) => p.stale > 0)).toEqual([]);
  });
}

/** Two pods on the first two nodes, made once. */
export async function podPair(lab: Lab): Promise<readonly [PodView, PodView]> {
  const there = (await lab.view()).pods;
  const pod = async (name: string, node: string): Promise<PodView> => there.find((p) => p.name === name) ?? lab.pod(name, { node });
  return [await pod('a', 'n1'), await pod('b', 'n2')];
}
