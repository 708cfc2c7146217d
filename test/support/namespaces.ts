/**
 * Network namespaces for tests: made with a unique prefix, joined by veth pairs, with processes in them, and removed
 * with everything in them at the end of the test. What a killed run left behind is removed by the next one.
 *
 * ```
 * await using net = await Namespaces.create('two routers');
 * const [a, b] = [net.add('a'), net.add('b')];
 * net.link(a, b, { addresses: [['10.0.0.1/24'], ['10.0.0.2/24']] });
 * await eventually(5_000, () => { expect(a.routes()).toContainEqual(…); });
 * ```
 */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { NetlinkSocket } from '../../sys/netlink/socket.ts';
import { inNetns } from '../../sys/netns.ts';
import { writeSysctl } from '../../sys/sysctl.ts';
import { eventually } from './eventually.ts';

export { eventually };

const DIRECTORY = '/run/netns';
/** `tt<pid>x<number>-<name>`. */
const OURS = /^tt(\d+)x\d+-/;
let created = 0;

/** Runs a command to its end; throws with its output unless it succeeds. */
export function sh(program: string, ...args: string[]): string {
  const r = spawnSync(program, args, { encoding: 'utf8', maxBuffer: 256 << 20 });
  if (r.status !== 0) throw new Error(`${program} ${args.join(' ')}: ${r.error?.message ?? `status ${r.status ?? 'none'}`}\n${r.stderr ?? ''}${r.stdout ?? ''}`);
  return r.stdout;
}

export class Namespaces implements AsyncDisposable {
  readonly prefix: string;
  /** A directory of its own for files of this test; removed with it. */
  readonly directory: string;
  readonly #members: Netns[] = [];
  readonly #atExit = (): void => { this.#removeNow(); };

  private constructor(prefix: string, directory: string) {
    this.prefix = prefix;
    this.directory = directory;
    process.once('exit', this.#atExit);
  }

  /** `purpose` is shown when something goes wrong; it has no other meaning. */
  static create(purpose: string): Promise<Namespaces> {
    sweep();
    const prefix = `tt${process.pid}x${created++}-`;
    const directory = mkdtempSync(join(tmpdir(), `${prefix}${purpose.replaceAll(/\W+/g, '-').slice(0, 30)}-`));
    return Promise.resolve(new Namespaces(prefix, directory));
  }

  /** A namespace with loopback up and IPv6 addresses usable at once. The name is short and unique within the test. */
  add(name: string): Netns {
    const full = `${this.prefix}${name}`;
    sh('ip', 'netns', 'add', full);
    const member = new Netns(name, full, join(this.directory, name));
    this.#members.push(member);
    member.within(() => { for (const which of ['all', 'default']) writeSysctl(`net/ipv6/conf/${which}/accept_dad`, 0); });
    member.ip('link', 'set', 'lo', 'up');
    return member;
  }

  /** Joins two by a veth pair; its ends are named after the other side unless said, and come up. */
  link(a: Netns, b: Netns, options: LinkOptions = {}): void {
    const [nameA, nameB] = options.names ?? [`to-${b.name}`, `to-${a.name}`];
    a.ip('link', 'add', nameA, 'type', 'veth', 'peer', 'name', nameB, 'netns', b.full);
    for (const [end, name, addresses] of [[a, nameA, options.addresses?.[0]], [b, nameB, options.addresses?.[1]]] as const) {
      for (const address of addresses ?? []) end.address(name, address);
      end.ip('link', 'set', name, 'up');
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const member of this.#members) await member[Symbol.asyncDispose]();
    this.#removeNow();
    process.off('exit', this.#atExit);
  }

  #removeNow(): void {
    for (const member of this.#members.splice(0)) remove(member.full);
    rmSync(this.directory, { recursive: true, force: true });
  }
}

export interface LinkOptions {
  readonly names?: readonly [string, string];
  /** `address/length` texts of each end. */
  readonly addresses?: readonly [readonly string[], readonly string[]];
}

/** A route as `ip -j route` prints it; `nexthops` of a multipath one. */
export interface IpRoute {
  readonly dst: string;
  readonly type?: string;
  readonly gateway?: string;
  readonly via?: { readonly family: string; readonly host: string };
  readonly dev?: string;
  readonly protocol?: string;
  readonly metric?: number;
  readonly scope?: string;
  readonly flags: readonly string[];
  readonly nexthops?: readonly { readonly gateway?: string; readonly dev: string; readonly weight: number; readonly flags: readonly string[] }[];
}

export class Netns implements AsyncDisposable {
  /** Short name, within the test. */
  readonly name: string;
  /** Name for `ip netns`. */
  readonly full: string;
  readonly path: string;
  /** For files of what runs here. */
  readonly directory: string;
  readonly #processes: Process[] = [];
  readonly #sockets: NetlinkSocket[] = [];

  constructor(name: string, full: string, directory: string) {
    this.name = name;
    this.full = full;
    this.path = join(DIRECTORY, full);
    this.directory = directory;
    mkdirSync(directory, { recursive: true });
  }

  /** `ip ARGS` in this namespace. */
  ip(...args: string[]): string { return sh('ip', '-n', this.full, ...args); }

  json(...args: string[]): unknown { return JSON.parse(this.ip('-j', ...args) || '[]') as unknown; }

  address(link: string, address: string): void {
    this.ip('address', 'add', address, 'dev', link, ...(address.includes(':') ? ['nodad'] : []));
  }

  /** Routes of table main: `routes()` IPv4, `routes(6)` IPv6; further arguments select, such as `proto`, `84`. */
  routes(family: 4 | 6 = 4, ...selector: string[]): IpRoute[] {
    return this.json(`-${family}`, '-details', 'route', 'show', ...selector) as IpRoute[];
  }

  /** Runs a command to its end in this namespace; throws unless it succeeds. */
  exec(program: string, ...args: string[]): string { return sh('nsenter', `--net=${this.path}`, program, ...args); }

  /** Runs `body` on this thread inside; it must be synchronous. */
  within<T>(body: () => T): T { return inNetns(this.path, body); }

  /** A netlink socket of this namespace, closed at the end of the test. */
  netlink(): NetlinkSocket {
    const socket = this.within(() => NetlinkSocket.open());
    this.#sockets.push(socket);
    return socket;
  }

  /** Starts a program here. It is killed at the end of the test, and when the test process dies. */
  spawn(program: string, args: readonly string[], env: Readonly<Record<string, string>> = {}): Process {
    const child = spawn('nsenter', [`--net=${this.path}`, 'setpriv', '--pdeathsig', 'KILL', program, ...args], {
      cwd: this.directory, env: { ...process.env, ...env }, stdio: ['pipe', 'pipe', 'pipe'],
    });
    const started = new Process(`${this.name}: ${program}`, child);
    this.#processes.push(started);
    return started;
  }

  /** Follows `ip monitor route` (both families) from now on. */
  async monitorRoutes(): Promise<RouteMonitor> {
    const monitor = new RouteMonitor(this, this.spawn('stdbuf', ['-oL', 'ip', '-o', '-d', 'monitor', 'route']));
    await monitor.read();
    return monitor;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const p of this.#processes.splice(0)) await p.stop();
    for (const s of this.#sockets.splice(0)) s[Symbol.dispose]();
  }
}

/** The lines of `ip monitor route`, one an event. */
export class RouteMonitor {
  readonly #ns: Netns;
  readonly #process: Process;
  #marks = 0;

  constructor(ns: Netns, process: Process) {
    this.#ns = ns;
    this.#process = process;
  }

  /**
   * Every line since the last call, complete up to this moment: a mark route is added and removed until it is printed.
   * Deletions start with `Deleted`.
   */
  async read(): Promise<string[]> {
    const mark = `203.0.113.${this.#marks++ % 250}`;
    const isMark = (line: string): boolean => line.includes('203.0.113.');
    const isEnd = (line: string): boolean => line.includes(`${mark} `) && line.startsWith('Deleted');
    await eventually(10_000, () => {
      this.#ns.ip('route', 'replace', 'blackhole', mark);
      this.#ns.ip('route', 'del', 'blackhole', mark);
      if (!this.#process.lines.some(isEnd)) throw new Error(`ip monitor does not print ${mark}`);
    });
    const end = this.#process.lines.findIndex(isEnd);
    return this.#process.lines.splice(0, end + 1).filter((line) => !isMark(line));
  }
}

/** A process that a test started. */
export class Process {
  readonly title: string;
  readonly child: ChildProcess;
  /** Lines of standard output and error, in order of arrival. */
  readonly lines: string[] = [];
  /** Resolves with exit status or signal. */
  readonly ended: Promise<number | NodeJS.Signals>;
  #running = true;

  constructor(title: string, child: ChildProcess) {
    this.title = title;
    this.child = child;
    for (const stream of [child.stdout, child.stderr]) {
      let rest = '';
      stream?.setEncoding('utf8').on('data', (chunk: string) => {
        const parts = (rest + chunk).split('\n');
        rest = parts.pop() ?? '';
        this.lines.push(...parts);
      });
    }
    child.stdin?.on('error', () => { /* it ended */ });
    this.ended = new Promise((resolve) => {
      child.once('error', (error) => { this.lines.push(String(error)); this.#running = false; resolve(127); });
      child.once('close', (status, signal) => { this.#running = false; resolve(signal ?? status ?? 0); });
    });
  }

  get pid(): number { return this.child.pid ?? 0; }
  get running(): boolean { return this.#running; }
  get output(): string { return this.lines.join('\n'); }

  signal(signal: NodeJS.Signals): void { this.child.kill(signal); }

  /** Ends it at once and waits for the end. */
  async kill(): Promise<void> {
    this.child.kill('SIGKILL');
    await this.ended;
  }

  /** SIGTERM, then SIGKILL after two seconds. */
  async stop(): Promise<void> {
    if (!this.#running) return;
    this.child.kill('SIGCONT');
    this.child.kill('SIGTERM');
    const timer = setTimeout(() => { this.child.kill('SIGKILL'); }, 2_000);
    await this.ended;
    clearTimeout(timer);
  }
}

/** Kills what is still in a namespace of ours, and removes it. */
function remove(full: string): void {
  for (const pid of spawnSync('ip', ['netns', 'pids', full], { encoding: 'utf8' }).stdout.split('\n').map(Number)) {
    if (pid > 1 && pid !== process.pid) try { process.kill(pid, 'SIGKILL'); } catch { /* gone already */ }
  }
  spawnSync('ip', ['netns', 'delete', full]);
}

/** Removes namespaces and directories of test processes that no longer live. */
function sweep(): void {
  for (const name of namesIn(DIRECTORY).filter(isLeftOver)) remove(name);
  for (const name of namesIn(tmpdir()).filter(isLeftOver)) rmSync(join(tmpdir(), name), { recursive: true, force: true });
}

const namesIn = (directory: string): string[] => (existsSync(directory) ? readdirSync(directory) : []);

function isLeftOver(name: string): boolean {
  const pid = OURS.exec(name)?.[1];
  return pid !== undefined && !existsSync(`/proc/${pid}`);
}
