/** One machine of the lab: network, mount, PID, UTS and IPC namespaces whose init, when it dies, takes everything along. */
import { randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { spawn, type ChildProcess, type StdioOptions } from 'node:child_process';
import { dirname, join } from 'node:path';
import { OperationError } from '../lib/errors.ts';
import { run, runOrThrow, type ExecOptions, type ExecResult } from '../sys/exec.ts';
import { PROGRAM } from './installation.ts';
import { directoryOf, machineDirectory, namespaceOf } from './plan.ts';
import { noteMadeDirectory } from './removal.ts';
import { forgetProcess, recordProcess, signal, ended, type ProcessIdentity } from './process.ts';

/** Folder inside → folder of the machine's own directory; what a node keeps over a reboot. */
export const DISKS: Readonly<Record<string, string>> = {
  '/var/lib/tortie': 'disk/var-lib-tortie',
  '/var/lib/cni': 'disk/var-lib-cni',
  '/opt/cni/bin': 'disk/cni-bin',
  '/etc/cni/net.d': 'disk/cni-conf',
};

export class Machine {
  readonly lab: string;
  readonly name: string;
  #init: ProcessIdentity | undefined;
  readonly #withDisks: boolean;

  constructor(lab: string, name: string, options: { readonly disks: boolean }) {
    this.lab = lab;
    this.name = name;
    this.#withDisks = options.disks;
  }

  get namespace(): string { return namespaceOf(this.lab, this.name); }
  get directory(): string { return machineDirectory(this.lab, this.name); }
  get init(): ProcessIdentity | undefined { return this.#init; }
  /** Where the outside sees a path of the inside. */
  outside(path: string): string { return `/proc/${this.#pid()}/root${path}`; }

  /** Makes the network namespace, still empty. */
  async makeNamespace(): Promise<void> { await runOrThrow('ip', ['netns', 'add', this.namespace]); }

  /** Starts the init: from here on commands can run inside. Its boot ID is new each time. */
  async boot(): Promise<void> {
    const disks = this.#withDisks ? DISKS : {};
    mkdirSync(join(this.directory, 'shared'), { recursive: true });
    mkdirSync(join(this.directory, 'log'), { recursive: true });
    for (const [inside, own] of Object.entries(disks)) {
      mkdirSync(join(this.directory, own), { recursive: true });
      makeMountPoint(inside);
    }
    writeFileSync(join(this.directory, 'boot-id'), `${randomUUID()}\n`);
    const binds = [['/run/lab', 'shared'] as const, ...Object.entries(disks)];
    const pid = await runOrThrow(PROGRAM, [
      'machine', '--net', `/run/netns/${this.namespace}`, '--name', this.name, '--boot-id', join(this.directory, 'boot-id'),
      ...binds.flatMap(([inside, own]) => ['--bind', `${join(this.directory, own)}:${inside}`]),
    ]);
    this.#init = recordProcess(directoryOf(this.lab), this.name, Number(pid));
    if (this.#init === undefined) throw new OperationError('MACHINE_BOOT', { machine: this.name });
  }

  /** Kills the init and with it every process inside; the network namespace goes as well. */
  async kill(): Promise<void> {
    const init = this.#init;
    this.#init = undefined;
    if (init === undefined) return;
    signal(init, 'SIGKILL');
    await ended(init, 10_000);
    forgetProcess(directoryOf(this.lab), this.name);
    await run('ip', ['netns', 'del', this.namespace]);
  }

  /** Arguments of our program that run `command` inside; `net` is a namespace file inside. */
  entering(command: readonly string[], net?: string): string[] {
    return ['enter', String(this.#pid()), ...(net === undefined ? [] : ['--net', net]), '--', ...command];
  }

  exec(command: readonly string[], options: ExecOptions & { readonly net?: string } = {}): Promise<ExecResult> {
    return run(PROGRAM, this.entering(command, options.net), options);
  }

  /** As `exec`; rejects unless the status is 0, and resolves with standard output. */
  execOrThrow(command: readonly string[], options: ExecOptions & { readonly net?: string } = {}): Promise<string> {
    return runOrThrow(PROGRAM, this.entering(command, options.net), options);
  }

  /** Starts something that outlives us; resolves with the child that waits for it and its pid as seen from here. */
  async start(command: readonly string[], stdio: { readonly log: number; readonly net?: string }): Promise<Started> {
    const net = stdio.net === undefined ? [] : ['--net', stdio.net];
    const streams: StdioOptions = ['ignore', stdio.log, stdio.log, 'pipe'];
    const child = spawn(PROGRAM, ['enter', String(this.#pid()), ...net, '--report', '3', '--', ...command], { stdio: streams, detached: true });
    child.unref();
    const pid = await reported(child);
    return { child, pid };
  }

  #pid(): number {
    if (this.#init === undefined) throw new OperationError('MACHINE_DOWN', { machine: this.name });
    return this.#init.pid;
  }
}

export interface Started { readonly child: ChildProcess; readonly pid: number }

function reported(child: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    let text = '';
    const pipe = child.stdio[3] as NodeJS.ReadableStream;
    pipe.on('data', (bytes: Buffer) => { text += bytes.toString(); });
    pipe.on('end', () => {
      if (/^\d+\n$/.test(text)) resolve(Number(text));
      else reject(new OperationError('MACHINE_START', { command: child.spawnargs.join(' ') }));
    });
    child.once('error', (error) => { reject(new OperationError('MACHINE_START', { command: child.spawnargs.join(' ') }, error)); });
  });
}

/** A folder to mount on must exist on this machine; those we make are noted and go with the last lab. */
function makeMountPoint(path: string): void {
  if (existsSync(path)) return;
  makeMountPoint(dirname(path));
  mkdirSync(path);
  noteMadeDirectory(path);
}
