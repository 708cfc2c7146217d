/** T1 to T6: one run each of one daemon; every figure is measured from outside, except T1's count of accepted routes. */
import { execFileSync, spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { createConnection } from 'node:net';
import { join } from 'node:path';
import { Feeder, acceptFor } from './feeder.ts';
import { FibCounter, pause, until } from './fib.ts';
import { cpuMs, memoryMiB } from './process.ts';
import type { Target, TargetConfig } from './targets.ts';
import { FEEDER, FEEDER_AS, PROBES, RECEIVER, RECEIVER_AS, TARGET_A, TARGET_AS, TARGET_B, TARGET_MESH, meshAddress, type Topology } from './topology.ts';
import { END_OF_RIB, announcement, announcements, attributes, blocks, message, withdrawals, type Shape } from './updates.ts';
import { RouteEvents, countVia, setLink } from './kernel.ts';

/** Figures of one run: name → value, in the unit the name ends with (Ms, MiB, Percent) or a count. */
export type Figures = Readonly<Record<string, number>>;

export interface Bed {
  readonly topology: Topology;
  readonly target: Target;
  /** A folder of this run. */
  readonly directory: string;
}

const config = (bed: Partial<TargetConfig>, second: boolean): TargetConfig => ({
  asn: TARGET_AS, routerId: TARGET_A, holdTimeSeconds: 90, kernel: false, gracefulRestart: false, networks: [], transit: true, ...bed,
  neighbours: [
    { address: FEEDER, asn: FEEDER_AS, local: TARGET_A, passive: true },
    ...(second ? [{ address: RECEIVER, asn: RECEIVER_AS, local: TARGET_B, passive: true }] : []),
  ],
});

const feeder = (more: { readonly holdTimeSeconds?: number; readonly restartTimeSeconds?: number } = {}): Feeder =>
  new Feeder({ local: FEEDER, remote: TARGET_A, asn: FEEDER_AS, holdTimeSeconds: 90, ...more });

function fail(what: string): never { throw new Error(what); }

async function establish(...feeders: Feeder[]): Promise<void> {
  for (const f of feeders) if (f.state === 'idle') f.dial();
  if (!await until(() => feeders.every((f) => f.state === 'up'), 30_000)) {
    fail(`not established: ${feeders.map((f) => `${f.options.local} ${f.state} ${f.why}`).join(', ')}`);
  }
}

/** Dials from an address no daemon knows until the target accepts. */
async function listening(address: string): Promise<void> {
  const end = performance.now() + 20_000;
  while (performance.now() < end) {
    const ok = await new Promise<boolean>((resolve) => {
      const socket = createConnection({ host: address, port: 179, localAddress: PROBES[address]! });
      socket.once('connect', () => { socket.destroy(); resolve(true); });
      socket.once('error', () => { resolve(false); });
    });
    if (ok) return;
    await pause(5);
  }
  fail('the target does not listen');
}

/** Waits until the daemon uses less than 2 % of a core for 200 ms. */
async function settled(target: Target): Promise<void> {
  for (let i = 0; i < 100; i++) {
    const before = cpuMs(target.pids());
    await pause(200);
    if (cpuMs(target.pids()) - before < 4) return;
  }
}

/** T1: Established until the daemon itself counts N accepted routes. */
export async function t1(bed: Bed, n: number, shape: Shape): Promise<Figures> {
  const stream = announcements(n, FEEDER, FEEDER_AS, shape);
  bed.target.start(bed.topology.target, bed.directory, config({ transit: false }, false));
  const f = feeder();
  let cpuBefore = 0;
  f.onUp = () => { cpuBefore = cpuMs(bed.target.pids()); f.send(stream); };
  await establish(f);
  let done = 0;
  while (done === 0) {
    const asked = performance.now();
    if (await bed.target.accepted(FEEDER) >= n) done = performance.now();
    else if (asked - f.upAt > 300_000) fail('not all routes were accepted');
    else await pause(Math.max(1, Math.min(9 * (performance.now() - asked), 500, 0.03 * (asked - f.upAt))));
  }
  await settled(bed.target);
  const memory = memoryMiB(bed.target.pids());
  f.close();
  return { wallMs: done - f.upAt, cpuMs: cpuMs(bed.target.pids()) - cpuBefore, rssMiB: memory.rss, pssMiB: memory.pss };
}

/** T2: Established until a second peer has all N. */
export async function t2(bed: Bed, n: number, shape: Shape): Promise<Figures> {
  const stream = announcements(n, FEEDER, FEEDER_AS, shape);
  bed.target.start(bed.topology.target, bed.directory, config({}, true));
  const receiver = new Feeder({ local: RECEIVER, remote: TARGET_B, asn: RECEIVER_AS, holdTimeSeconds: 90, step: blocks(n).step });
  await establish(receiver);
  await pause(2_000);
  const f = feeder();
  let cpuBefore = 0;
  f.onUp = () => { cpuBefore = cpuMs(bed.target.pids()); f.send(stream); };
  await establish(f);
  if (!await until(() => receiver.different >= n, 300_000)) fail(`the receiver has ${receiver.different} of ${n}`);
  const wallMs = receiver.lastRouteAt - f.upAt;
  await settled(bed.target);
  const figures = { wallMs, cpuMs: cpuMs(bed.target.pids()) - cpuBefore, rssMiB: memoryMiB(bed.target.pids()).rss, updates: receiver.updates };
  f.close();
  receiver.close();
  return figures;
}

/** T3: Established until N routes are in the kernel; then withdrawal until they are gone. */
export async function t3(bed: Bed, n: number, shape: Shape): Promise<Figures> {
  const stream = announcements(n, FEEDER, FEEDER_AS, shape);
  const gone = withdrawals(n);
  using fib = new FibCounter(bed.topology.target);
  bed.target.start(bed.topology.target, bed.directory, config({ kernel: true, transit: false }, false));
  await listening(TARGET_A);
  await pause(500);
  const f = feeder();
  await establish(f);
  const base = fib.read();
  const timed = async (bytes: Buffer, goal: (count: number) => boolean): Promise<{ wall: number; cpu: number }> => {
    const cpuBefore = cpuMs(bed.target.pids());
    const start = performance.now();
    f.send(bytes);
    const end = await fib.wait(goal, 240_000) ?? fail('the kernel did not get there');
    return { wall: end - start, cpu: cpuMs(bed.target.pids()) - cpuBefore };
  };
  const install = await timed(stream, (count) => count >= base + n);
  await settled(bed.target);
  const { rss } = memoryMiB(bed.target.pids());
  const withdraw = await timed(gone, (count) => count <= base);
  f.close();
  return { installMs: install.wall, installCpuMs: install.cpu, withdrawMs: withdraw.wall, withdrawCpuMs: withdraw.cpu, rssMiB: rss };
}

export type Loss = 'fin' | 'cease' | 'linkdown';

/** T4: two feeders offer the same N, the better one is lost; until all N go through the other. */
export async function t4(bed: Bed, n: number, how: Loss): Promise<Figures> {
  using fib = new FibCounter(bed.topology.target);
  bed.target.start(bed.topology.target, bed.directory, config({ kernel: true, holdTimeSeconds: 9 }, true));
  await listening(TARGET_A);
  const a = feeder({ holdTimeSeconds: 9 });
  const b = new Feeder({ local: RECEIVER, remote: TARGET_B, asn: RECEIVER_AS, holdTimeSeconds: 9 });
  await establish(a, b);
  const base = fib.read();
  a.send(announcements(n, FEEDER, FEEDER_AS, 'packed'));
  if (await fib.wait((count) => count >= base + n, 120_000) === undefined) fail('the first feeder\'s routes are not in the kernel');
  b.send(announcements(n, RECEIVER, RECEIVER_AS, 'packed', 3));
  await pause(1_000);
  await settled(bed.target);
  if (countVia(bed.topology.target, 't1') < n) fail('not all routes go through the first feeder');
  using events = new RouteEvents(bed.topology.target);
  const start = performance.now();
  a.redial = false;
  if (how === 'linkdown') setLink(bed.topology.peers, 'p1', false);
  else a.drop(how === 'cease' ? message(3, Buffer.from([6, 2])) : undefined);
  let fewest = Infinity;
  let end = 0;
  while (end === 0) {
    const looked = performance.now();
    fewest = Math.min(fewest, fib.read() - base);
    if (countVia(bed.topology.target, 't2') >= n) end = performance.now();
    else if (looked - start > 60_000) fail('the routes did not move');
    await pause(Math.max(1, 2 * (performance.now() - looked)));
  }
  a.close();
  b.close();
  return { wallMs: end - start, fewestRoutes: fewest, deleted: events.deleted };
}

export type Direction = 'dialled' | 'dialling';

/** T5: N iBGP peers, a block each; from process start until all are up, in the kernel, and have our own block. */
export async function t5(bed: Bed, n: number, direction: Direction): Promise<Figures> {
  const own = '10.255.255.192/26';
  const nlri = blocks(n).nlri;
  using fib = new FibCounter(bed.topology.target);
  const peers = Array.from({ length: n }, (_, i) => new Feeder({ local: meshAddress(i), remote: TARGET_MESH, asn: TARGET_AS, holdTimeSeconds: 90 }));
  peers.forEach((peer, i) => {
    const block = announcement(attributes({ nextHop: meshAddress(i), path: [], localPref: 100 }), nlri.subarray(i * 5, i * 5 + 5));
    peer.onUp = () => { peer.send(Buffer.concat([block, END_OF_RIB])); };
    peer.redial = direction === 'dialled';
  });
  const server = direction === 'dialling' ? await acceptFor(peers) : undefined;
  const start = performance.now();
  bed.target.start(bed.topology.target, bed.directory, {
    asn: TARGET_AS, routerId: TARGET_MESH, holdTimeSeconds: 90, kernel: true, gracefulRestart: false, networks: [own], transit: false,
    neighbours: peers.map((p) => ({ address: p.options.local, asn: TARGET_AS, local: TARGET_MESH, passive: direction === 'dialled' })),
  });
  if (direction === 'dialled') {
    await listening(TARGET_MESH);
    for (const peer of peers) peer.dial();
  }
  if (!await until(() => peers.every((p) => p.upAt > 0), 120_000)) fail(`${peers.filter((p) => p.upAt > 0).length} of ${n} peers came up`);
  const inKernel = await fib.wait((count) => count >= fib.base + n, 60_000) ?? fail('not all blocks are in the kernel');
  if (!await until(() => peers.every((p) => p.nlri >= 1), 60_000)) fail('not every peer has our own block');
  await pause(3_000);
  const cpuStart = cpuMs(bed.target.pids());
  const idleFrom = performance.now();
  await pause(20_000);
  const idlePercent = 100 * (cpuMs(bed.target.pids()) - cpuStart) / (performance.now() - idleFrom);
  const memory = memoryMiB(bed.target.pids());
  const figures = {
    allUpMs: Math.max(...peers.map((p) => p.upAt)) - start, inKernelMs: inKernel - start,
    ownEverywhereMs: Math.max(...peers.map((p) => p.lastRouteAt)) - start, startCpuMs: cpuStart, idlePercent, pssMiB: memory.pss, rssMiB: memory.rss,
  };
  for (const peer of peers) peer.close();
  server?.close();
  return figures;
}

export type Ending = 'kill' | 'term';

/** T6: N routes, restart agreed; the daemon ends and starts again 200 ms later under 2,000 probes a second. */
export async function t6(bed: Bed, n: number, how: Ending): Promise<Figures> {
  using fib = new FibCounter(bed.topology.target);
  bed.target.start(bed.topology.target, bed.directory, config({ kernel: true, transit: false, gracefulRestart: true }, false));
  await listening(TARGET_A);
  const f = feeder({ restartTimeSeconds: 120 });
  const stream = Buffer.concat([announcements(n, FEEDER, FEEDER_AS, 'packed'), END_OF_RIB]);
  f.onUp = () => { f.send(stream); };
  await establish(f);
  if (await fib.wait((count) => count >= fib.base + n, 60_000) === undefined) fail('the routes are not in the kernel');
  await pause(1_000);
  await settled(bed.target);
  using events = new RouteEvents(bed.topology.target);
  const probe = startProbe(bed.topology.target, n);
  await pause(500);
  await bed.target.end(how === 'kill' ? 'SIGKILL' : 'SIGTERM');
  await pause(200);
  const restarted = performance.now();
  bed.target.restart();
  if (!await until(() => f.state === 'up' && f.upAt > restarted, 60_000)) fail('the session did not come back');
  await pause(6_000);
  const { sent, received } = await probe.end();
  f.close();
  return { sent, lost: sent - received, deleted: events.deleted, backMs: f.upAt - restarted };
}

/** UDP from the target's namespace to addresses behind the routes, all of which the peers' namespace answers for. */
function startProbe(target: string, n: number): { end(): Promise<{ sent: number; received: number }> } {
  execFileSync('ip', ['route', 'add', 'local', '10.0.0.0/8', 'dev', 'lo']);
  let received = 0;
  const sink = createSocket({ type: 'udp4', recvBufferSize: 1 << 24 });
  sink.on('message', () => { received++; });
  sink.bind(9_999);
  const sender = spawn('ip', ['netns', 'exec', target, process.execPath, join(import.meta.dirname, 'probe.ts'), String(n), '2000'], { stdio: ['pipe', 'pipe', 'inherit'] });
  let text = '';
  sender.stdout.on('data', (chunk: Buffer) => { text += chunk.toString(); });
  return {
    end: async () => {
      const ended = new Promise((resolve) => { sender.once('exit', resolve); });
      sender.stdin.end();
      await ended;
      await pause(300);
      sink.close();
      return { sent: Number(text), received };
    },
  };
}
