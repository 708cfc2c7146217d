/** `tortie lab …`: the commands, each a line or two over the Lab class. */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { OperationError } from '../lib/errors.ts';
import { USAGE, commandIn, parseArguments, type Call } from './arguments.ts';
import { buildLab } from './building.ts';
import { demo } from './demo.ts';
import { PROGRAM, kubectlPath, tortiectl } from './installation.ts';
import { Lab } from './lab.ts';
import { isGood, measure, renderMatrix, table } from './matrix.ts';
import { BREAKAGES, type Breakage } from './messages.ts';
import { DEFAULT_NAME, checkNodeCount, topologyFile } from './plan.ts';
import { labNames, removeLab } from './removal.ts';
import { superviseUntilTold, type Told } from './supervisor.ts';
import { checkRackCount, flat, racks, type Topology } from './topology.ts';

const COMMANDS: Readonly<Record<string, (call: Call) => Promise<number>>> = {
  demo: (call) => demo(call.name, say),
  up, down, status, list, pod, exec, matrix, heal, kubeconfig, supervise,
  break: breakIt,
  kill: killDaemon,
  help: () => { process.stdout.write(USAGE); return Promise.resolve(0); },
};

/** Commands whose arguments are another program's. */
const PASSED_ON: Readonly<Record<string, () => readonly string[]>> = { kubectl: () => [kubectlPath()], tortiectl };

export async function main(args: string[]): Promise<void> {
  try {
    await run(args);
  } catch (error) {
    // What the supervisor refused comes with its own code and words.
    throw error instanceof OperationError && typeof error.details['said'] === 'string' ? new Error(error.details['said'], { cause: error }) : error;
  }
}

async function run(args: readonly string[]): Promise<void> {
  const { command, rest } = commandIn(args);
  const passed = Object.hasOwn(PASSED_ON, command) ? PASSED_ON[command] : undefined;
  if (passed !== undefined) { process.exitCode = await passOn(passed(), rest); return; }
  const known = Object.hasOwn(COMMANDS, command) ? COMMANDS[command] : undefined;
  if (known === undefined) throw new OperationError('LAB_USAGE', { command }, new Error(`unknown command\n${USAGE}`));
  process.exitCode = await patiently(args.join(' '), command, known(parseArguments(command, rest)));
}

/** Says every few seconds that a command of ours still waits; others' programs speak for themselves. */
async function patiently(what: string, command: string, done: Promise<number>): Promise<number> {
  if (!['pod', 'heal', 'matrix', 'break', 'down', 'status'].includes(command)) return done;
  const start = Date.now();
  const beat = setInterval(() => { process.stderr.write(`  ... ${what} (${((Date.now() - start) / 1000).toFixed(0)} s)\n`); }, BEAT_MS);
  return done.finally(() => { clearInterval(beat); });
}

const BEAT_MS = 4_000;

const say = (text: string): void => { process.stdout.write(`${text}\n`); };

const text = (call: Call, key: string): string | undefined => {
  const value = call.values[key];
  return typeof value === 'string' ? value : undefined;
};

async function up(call: Call): Promise<number> {
  const start = Date.now();
  const topology = topologyOf(call);
  const lab = await buildLab({ name: call.name, topology, port: Number(text(call, 'port') ?? 0), ...(call.values['source'] === true ? { source: true } : {}) }, say);
  say(`lab ${lab.name}: ${topology.nodes.length} nodes run after ${((Date.now() - start) / 1000).toFixed(1)} s; KUBECONFIG=${lab.kubeconfig}`);
  lab.close();
  return 0;
}

function topologyOf(call: Call): Topology {
  const count = text(call, 'racks');
  if (count === undefined) return flat(checkNodeCount(Number(text(call, 'nodes') ?? 3)));
  if (call.values['nodes'] !== undefined) throw new OperationError('LAB_USAGE', { expected: 'up --nodes N or up --racks N' });
  return racks(Array.from({ length: checkRackCount(Number(count)) }, (_, i) => ({ nodes: 2, asn: 65001 + i })));
}

async function down(call: Call): Promise<number> {
  for (const name of call.values['all'] === true ? await labNames() : [call.name]) {
    say(await removeLab(name) ? `lab ${name} is gone` : `there was no lab ${name}`);
  }
  return 0;
}

async function list(): Promise<number> {
  for (const name of await labNames()) say(`${name}\t${await Lab.find(name).then((lab) => { lab?.close(); return lab; }) ? 'runs' : 'left over from a crash: lab down removes it'}`);
  return 0;
}

async function status(call: Call): Promise<number> {
  using lab = closing(await Lab.open(call.name));
  const view = await lab.it.view();
  const peers = await Promise.all(view.nodes.map((n) => lab.it.status(n.name)));
  say(table([['machine', 'state', 'addresses', 'daemons', 'sessions', 'pods'],
    ...view.nodes.map((n, i) => [n.name, n.connected ? n.state : `${n.state}, cable out`, n.addresses.join(' '), daemons(n.daemons),
      peers[i] ? `${peers[i].peers.filter((p) => p.state === 'Established').length}/${peers[i].peers.length}` : '-',
      view.pods.filter((p) => p.node === n.name).map((p) => p.name).join(' ')]),
    ...view.machines.map((m) => [m.name, m.initPid === null ? 'down' : 'running', m.addresses.join(' '), daemons(m.daemons), '', '']),
  ]));
  say(`KUBECONFIG=${view.kubeconfig}`);
  return 0;
}

const daemons = (all: readonly { name: string; pid: number | null; restarts: number; lastEnd: string | null }[]): string =>
  all.map((d) => `${d.name} ${d.pid ?? 'DOWN'}${d.restarts > 0 ? ` (${d.restarts} restarts, last: ${d.lastEnd ?? '?'})` : ''}`).join(', ');

async function pod(call: Call): Promise<number> {
  const [verb, name] = call.words;
  if (name === undefined || (verb !== 'add' && verb !== 'del')) throw new OperationError('LAB_USAGE', { expected: 'pod add|del NAME' });
  using lab = closing(await Lab.open(call.name));
  const namespace = text(call, 'namespace') ?? 'default';
  const node = text(call, 'node');
  if (verb === 'del') {
    await lab.it.deletePod(name, namespace);
    say(`pod ${namespace}/${name} is gone`);
    return 0;
  }
  const added = await lab.it.pod(name, { namespace, ...(node === undefined ? {} : { node }) });
  say(`pod ${namespace}/${name} runs on ${added.node}: ${added.addresses.join(', ')}`);
  return 0;
}

async function exec(call: Call): Promise<number> {
  const [place] = call.words;
  if (place === undefined || call.rest.length === 0) throw new OperationError('LAB_USAGE', { expected: 'exec NODE|POD|tor|host|control -- COMMAND' });
  using lab = closing(await Lab.open(call.name));
  return passOn([PROGRAM], await lab.it.entering(place, call.rest));
}

async function matrix(call: Call): Promise<number> {
  using lab = closing(await Lab.open(call.name));
  const results = await measure(lab.it, (await lab.it.view()).pods);
  say(results.length === 0 ? 'there are no two pods: npm run lab -- pod add NAME' : renderMatrix(results));
  return results.every(isGood) ? 0 : 1;
}

async function breakIt(call: Call): Promise<number> {
  const [what, node] = call.words;
  if (node === undefined || !BREAKAGES.includes(what as Breakage)) throw new OperationError('LAB_USAGE', { expected: `break ${BREAKAGES.join('|')} NODE` });
  using lab = closing(await Lab.open(call.name));
  await lab.it.break(what as Breakage, node);
  say(`${node}: ${what === 'link' ? 'its cable is out' : what === 'kill' ? 'it has crashed' : 'its daemons stand still'}; "heal" puts it right`);
  return 0;
}

async function killDaemon(call: Call): Promise<number> {
  const [machine, daemon, signal = 'SIGKILL'] = call.words;
  if (machine === undefined || daemon === undefined) throw new OperationError('LAB_USAGE', { expected: 'kill MACHINE DAEMON [SIGNAL]' });
  using lab = closing(await Lab.open(call.name));
  say(`${signal} to ${daemon} of ${machine}, pid ${await lab.it.signal(machine, daemon, signal as NodeJS.Signals)}; if it ends, it is started again after a second`);
  return 0;
}

async function heal(call: Call): Promise<number> {
  using lab = closing(await Lab.open(call.name));
  const healed = await lab.it.heal(call.words[0]);
  say(healed.length === 0 ? 'nothing was broken' : healed.join('\n'));
  return 0;
}

async function kubeconfig(call: Call): Promise<number> {
  using lab = closing(await Lab.open(call.name));
  say(lab.it.kubeconfig);
  return 0;
}

/** Not for people: the process that `up` starts. */
async function supervise(call: Call): Promise<number> {
  let ready = false;
  const tell = (message: Told): void => {
    if ('ready' in message) ready = true;
    if (ready && !process.connected) goAway();
    else if (process.connected) process.send!(message, () => { /* it went in this moment: 'disconnect' follows */ });
  };
  const goAway = (): void => { void removeLab(call.name).finally(() => { process.exit(0); }); };
  // Who started us is gone: half a lab, or one that was its own, goes too; half a one when nothing is being made any more.
  process.once('disconnect', () => { if (ready && call.values['owned'] === true) goAway(); });
  try {
    await superviseUntilTold({
      name: call.name, topology: JSON.parse(readFileSync(topologyFile(call.name), 'utf8')) as Topology, source: call.values['source'] === true, port: Number(text(call, 'port') ?? 0),
    }, tell);
  } catch (error) {
    if (!process.connected) await removeLab(call.name);
    throw error;
  }
  process.exit(0);
}

const closing = (it: Lab): Disposable & { readonly it: Lab } => ({ it, [Symbol.dispose]: () => { it.close(); } });

/** Runs another program on our terminal. */
async function passOn(program: readonly string[], args: readonly string[]): Promise<number> {
  const found = args[0] === '--name' ? { name: args[1]!, args: args.slice(2) } : { name: DEFAULT_NAME, args };
  const running = program[0] === PROGRAM ? undefined : await Lab.open(found.name);
  const env = running === undefined ? process.env : { ...process.env, KUBECONFIG: running.kubeconfig };
  running?.close();
  return new Promise((resolve, reject) => {
    const child = spawn(program[0]!, [...program.slice(1), ...found.args], { stdio: 'inherit', env });
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => { child.kill(signal); });
    child.once('error', reject);
    child.once('close', (code, signal) => { resolve(code ?? 128 + (signal === 'SIGINT' ? 2 : 15)); });
  });
}
