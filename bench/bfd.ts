/**
 * How evenly bfdd sends under load: gaps between its packets, as the kernel of the other end stamps them, as a histogram.
 *
 * `node bench/bfd.ts [--seconds 60] [--interval 50] [--burners 2] [--json FILE]`; `--seconds 600` is the long run. Needs
 * root. The other end is a bfdd too. Load: `burners` processes that never wait, and one that takes full routes' worth of JSON
 * apart all the while, as a busy agent does. The gaps are counted by tcpdump's time stamps, not by either bfdd.
 */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { appendFileSync, mkdtempSync, rmSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { BFD_CONTROL_VERSION, type BfddMethods, type BfdStatus } from '../config/messages/bfd-control.ts';
import { connect } from '../sys/rpc.ts';

const MAIN = join(import.meta.dirname, '../main.ts');
const [US, THEM] = ['10.9.0.1', '10.9.0.2'];
const MULTIPLIER = 3;
/** Upper ends of the histogram's bars, as shares of the interval. */
const BARS = [0.75, 0.8, 0.9, 1, 1.05, 1.1, 1.2, 1.5, 2, 3];
const BUSY_AGENT = 'const t=JSON.stringify(Array.from({length:20000},(_,i)=>({p:`10.${i%256}.0.0/24`,a:[i,i+1],c:"x".repeat(40)})));for(;;)JSON.parse(t)';

const started: ChildProcess[] = [];

function sh(program: string, ...args: string[]): void {
  const { status, stderr } = spawnSync(program, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${program} ${args.join(' ')}: ${stderr}`);
}

/** In a network namespace; ended with the benchmark. */
function start(namespace: string | undefined, program: string, ...args: string[]): ChildProcess {
  const words = namespace === undefined ? [program, ...args] : ['nsenter', `--net=/run/netns/${namespace}`, program, ...args];
  const child = spawn('setpriv', ['--pdeathsig', 'KILL', ...words], { stdio: ['ignore', 'pipe', 'inherit'] });
  started.push(child);
  return child;
}

async function until<T>(attempt: () => Promise<T>): Promise<T> {
  const end = performance.now() + 60_000;
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      if (performance.now() > end) throw error;
      await new Promise((resolve) => { setTimeout(resolve, 100); });
    }
  }
}

async function bfdd(namespace: string, directory: string, peer: string, intervalMs: number): Promise<() => Promise<BfdStatus>> {
  const socket = join(directory, `${namespace}.sock`);
  start(namespace, process.execPath, '--disable-warning=ExperimentalWarning', MAIN, 'bfdd', '--socket', socket, '--state', join(directory, `${namespace}.state`));
  const client = await until(() => connect<BfddMethods>(socket));
  const session = { peer, multihop: false, transmitMs: intervalMs, receiveMs: intervalMs, multiplier: MULTIPLIER };
  await client.call('apply', { version: BFD_CONTROL_VERSION, client: 'bench', sessions: [session] });
  return () => client.call('status', {});
}

function histogram(gaps: readonly number[], intervalMs: number): string {
  let from = 0;
  return [...BARS, Infinity].map((bar) => {
    const count = gaps.filter((gap) => gap > from * intervalMs && gap <= bar * intervalMs).length;
    const line = `${bar === Infinity ? `    more than ${(from * intervalMs).toFixed(1)}` : `up to ${(bar * intervalMs).toFixed(1)}`.padStart(17)} ms  ${String(count).padStart(7)}  ${'#'.repeat(Math.ceil((60 * count) / gaps.length))}`;
    from = bar;
    return line;
  }).join('\n');
}

async function run(seconds: number, intervalMs: number, burners: number): Promise<object> {
  const directory = mkdtempSync(join(tmpdir(), 'tb-bfd-'));
  const [us, them] = ['us', 'them'].map((name) => `tb${process.pid}-${name}`) as [string, string];
  try {
    for (const namespace of [us, them]) sh('ip', 'netns', 'add', namespace);
    sh('ip', '-n', us, 'link', 'add', 'eth0', 'type', 'veth', 'peer', 'name', 'eth0', 'netns', them);
    for (const [namespace, address] of [[us, US], [them, THEM]] as const) {
      sh('ip', '-n', namespace, 'address', 'add', `${address}/24`, 'dev', 'eth0');
      sh('ip', '-n', namespace, 'link', 'set', 'eth0', 'up');
    }
    const statuses = [await bfdd(us, directory, THEM, intervalMs), await bfdd(them, directory, US, intervalMs)];
    await until(async () => {
      for (const status of statuses) if ((await status()).sessions[0]?.state !== 'Up' || (await status()).sessions[0]?.intervalMs !== intervalMs) throw new Error('not Up');
    });
    for (let i = 0; i < burners; i++) start(undefined, process.execPath, '-e', 'for(;;);');
    if (burners > 0) start(undefined, process.execPath, '-e', BUSY_AGENT);
    const dump = start(them, 'tcpdump', '-n', '-l', '-tt', '-B', '8192', '-i', 'eth0', `udp and src ${US}`);
    const gaps: number[] = [];
    let last = 0;
    createInterface(dump.stdout!).on('line', (line) => {
      const at = Number(line.split(' ', 1)[0]) * 1000;
      if (last !== 0 && Number.isFinite(at)) gaps.push(at - last);
      if (Number.isFinite(at)) last = at;
    });
    const before = await Promise.all(statuses.map((status) => status()));
    await new Promise((resolve) => { setTimeout(resolve, seconds * 1000); });
    const after = await Promise.all(statuses.map((status) => status()));
    const downs = after.map((status, i) => status.sessions[0]!.losses - before[i]!.sessions[0]!.losses);
    gaps.sort((a, b) => a - b);
    const at = (share: number): number => Number((gaps[Math.min(gaps.length - 1, Math.floor(gaps.length * share))] ?? NaN).toFixed(2));
    process.stdout.write(`${seconds} s, ${intervalMs} ms × ${MULTIPLIER}, ${burners} burners on ${cpus().length} cores: ${gaps.length} gaps\n${histogram(gaps, intervalMs)}\n`);
    return { seconds, intervalMs, burners, packets: gaps.length, p50: at(0.5), p99: at(0.99), p999: at(0.999), longest: at(1), falseDownsHere: downs[0], falseDownsThere: downs[1] };
  } finally {
    for (const child of started.splice(0)) child.kill('SIGKILL');
    for (const namespace of [us, them]) spawnSync('ip', ['netns', 'delete', namespace]);
    rmSync(directory, { recursive: true, force: true });
  }
}

const { values } = parseArgs({ options: { seconds: { type: 'string' }, interval: { type: 'string' }, burners: { type: 'string' }, json: { type: 'string' } } });
const [seconds, interval, burners] = [values.seconds ?? '60', values.interval ?? '50', values.burners ?? '2'].map(Number) as [number, number, number];
if (!(seconds >= 1 && seconds <= 3_600 && interval >= 10 && burners >= 0 && burners <= 64)) throw new Error('expected --seconds 1..3600, --interval from 10 on (milliseconds), --burners 0..64');
const figures = JSON.stringify(await run(seconds, interval, burners));
process.stdout.write(`${figures}\n`);
if (values.json !== undefined) appendFileSync(values.json, `${figures}\n`);
process.exit(0);
