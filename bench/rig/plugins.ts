/** Times CNI plugins inside one node: ADD and DEL one at a time, then eight in parallel; plugins take turns. Prints JSON. */
import { execFileSync, spawn } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';

export interface PluginArguments {
  readonly pods: number;
  readonly rounds: number;
  /** Pods that exist in the API, for the plugin that writes their annotations. */
  readonly namespace: string;
}

/** Milliseconds of each call, by plugin and verb; and calls a second with eight in parallel. */
export interface PluginFigures {
  readonly [plugin: string]: { readonly addMs: number[]; readonly delMs: number[]; readonly addsPerSecond: number[]; readonly delsPerSecond: number[] };
}

interface Plugin { readonly name: string; readonly path: string; readonly configuration: Readonly<Record<string, unknown>> }

const DATA = '/run/bench-host-local';
const args = JSON.parse(process.argv[2] ?? '{}') as PluginArguments;
const ours = (JSON.parse(readFileSync('/etc/cni/net.d/10-tortie.conflist', 'utf8')) as { name: string; cniVersion: string; plugins: [Record<string, unknown>] });
const PLUGINS: readonly Plugin[] = [
  { name: 'tortie', path: '/opt/cni/bin/tortie', configuration: { cniVersion: ours.cniVersion, name: ours.name, ...ours.plugins[0] } },
  ...['ptp', 'bridge'].map((type) => ({
    name: type, path: `/usr/lib/cni/${type}`, configuration: {
      cniVersion: '1.0.0', name: `bench-${type}`, type, ...(type === 'bridge' ? { bridge: 'benchbr0', isGateway: true } : {}),
      ipam: { type: 'host-local', subnet: '10.250.0.0/16', dataDir: DATA },
    },
  })),
];

const netnsOf = (pod: number): string => `/run/netns/bench-${pod}`;

function call(plugin: Plugin, command: 'ADD' | 'DEL', pod: number, round: number): Promise<number> {
  const start = performance.now();
  return new Promise((resolve, reject) => {
    const child = spawn(plugin.path, [], {
      stdio: ['pipe', 'pipe', 'pipe'],
      env: {
        PATH: process.env['PATH'], CNI_COMMAND: command, CNI_CONTAINERID: `bench${round}x${pod}x${plugin.name}`, CNI_NETNS: netnsOf(pod), CNI_IFNAME: 'eth0',
        CNI_PATH: '/usr/lib/cni:/opt/cni/bin', CNI_ARGS: `IgnoreUnknown=1;K8S_POD_NAMESPACE=${args.namespace};K8S_POD_NAME=bench-${pod}`,
      },
    });
    let said = '';
    child.stdout.on('data', (chunk: Buffer) => { said += chunk.toString(); });
    child.stderr.on('data', (chunk: Buffer) => { said += chunk.toString(); });
    child.once('error', reject);
    child.once('exit', () => { ended = performance.now() - start; });
    let ended = 0;
    child.once('close', (code) => { if (code === 0) resolve(ended); else reject(new Error(`${plugin.name} ${command}: ${said}`)); });
    child.stdin.end(JSON.stringify(plugin.configuration));
  });
}

async function inParallel(plugin: Plugin, command: 'ADD' | 'DEL', round: number): Promise<number> {
  const start = performance.now();
  let next = 0;
  const worker = async (): Promise<void> => { while (next < args.pods) await call(plugin, command, next++, round); };
  await Promise.all(Array.from({ length: 8 }, worker));
  return args.pods / ((performance.now() - start) / 1000);
}

async function one(plugin: Plugin, round: number, figures: PluginFigures[string]): Promise<void> {
  for (let pod = 0; pod < args.pods; pod++) figures.addMs.push(await call(plugin, 'ADD', pod, round));
  for (let pod = 0; pod < args.pods; pod++) figures.delMs.push(await call(plugin, 'DEL', pod, round));
  figures.addsPerSecond.push(await inParallel(plugin, 'ADD', round + 1_000));
  figures.delsPerSecond.push(await inParallel(plugin, 'DEL', round + 1_000));
}

const figures: PluginFigures = Object.fromEntries(PLUGINS.map((p) => [p.name, { addMs: [], delMs: [], addsPerSecond: [], delsPerSecond: [] }]));
for (let pod = 0; pod < args.pods; pod++) execFileSync('ip', ['netns', 'add', `bench-${pod}`]);
for (const plugin of PLUGINS) { await call(plugin, 'ADD', 0, -1); await call(plugin, 'DEL', 0, -1); }
for (let round = 0; round < args.rounds; round++) {
  for (const plugin of PLUGINS) await one(plugin, round, figures[plugin.name]!);
}
for (let pod = 0; pod < args.pods; pod++) execFileSync('ip', ['netns', 'del', `bench-${pod}`]);
rmSync(DATA, { recursive: true, force: true });
writeFileSync(1, JSON.stringify(figures));
