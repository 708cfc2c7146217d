/** Runs another program to its end. */
import { spawn } from 'node:child_process';
import { OperationError } from '../lib/errors.ts';

export interface ExecOptions {
  /** The whole environment; the parent's unless said. */
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** Written to its standard input, which is then closed. */
  readonly stdin?: string | Uint8Array;
  /** SIGKILL after this; 30,000 unless said. */
  readonly timeoutMs?: number;
  /** Bytes kept of each stream; what is more is dropped. 4 MiB unless said. */
  readonly outputBytes?: number;
  readonly signal?: AbortSignal;
}

export interface ExecResult {
  /** Exit status; undefined when a signal ended it. */
  readonly status: number | undefined;
  readonly signal: NodeJS.Signals | undefined;
  readonly stdout: string;
  readonly stderr: string;
  readonly timedOut: boolean;
  /** Output was dropped. */
  readonly truncated: boolean;
}

/** Runs `program` and resolves when it has ended, however. Rejects with OperationError EXEC_START when it cannot start. */
export function run(program: string, args: readonly string[], options: ExecOptions = {}): Promise<ExecResult> {
  return new Promise((resolve, reject) => {
    const limit = options.outputBytes ?? 4 * 1024 * 1024;
    const child = spawn(program, args, {
      stdio: ['pipe', 'pipe', 'pipe'],
      ...(options.env ? { env: { ...options.env } } : {}), ...(options.cwd !== undefined ? { cwd: options.cwd } : {}),
    });
    let timedOut = false;
    const kill = (): void => {
      child.kill('SIGKILL');
      child.stdout.destroy(); // a grandchild may hold them open for ever
      child.stderr.destroy();
    };
    const timer = setTimeout(() => { timedOut = true; kill(); }, options.timeoutMs ?? 30_000);
    options.signal?.addEventListener('abort', kill, { once: true });
    if (options.signal?.aborted === true) kill();
    const out = new Kept(limit);
    const err = new Kept(limit);
    child.stdout.on('data', (chunk: Buffer) => { out.add(chunk); });
    child.stderr.on('data', (chunk: Buffer) => { err.add(chunk); });
    child.stdin.on('error', () => { /* it ended, or closed its input, without reading all: its status says what happened */ });
    child.stdin.end(options.stdin ?? '');
    const settle = (): void => {
      clearTimeout(timer);
      options.signal?.removeEventListener('abort', kill);
    };
    child.once('error', (error) => {
      settle();
      reject(new OperationError('EXEC_START', { program }, error));
    });
    child.once('close', (status, signal) => {
      settle();
      resolve({
        status: status ?? undefined, signal: signal ?? undefined, stdout: out.text(), stderr: err.text(),
        timedOut, truncated: out.truncated || err.truncated,
      });
    });
  });
}

/** As `run`, and rejects with OperationError EXEC_FAILED unless the status is 0. Resolves with standard output. */
export async function runOrThrow(program: string, args: readonly string[], options: ExecOptions = {}): Promise<string> {
  const r = await run(program, args, options);
  if (r.status === 0) return r.stdout;
  const how = r.timedOut ? 'timed out' : r.signal !== undefined ? `signal ${r.signal}` : `status ${r.status ?? '?'}`;
  throw new OperationError('EXEC_FAILED', { program, args: args.join(' '), how }, new Error(r.stderr.trim().slice(0, 2_000)));
}

/** The first `limit` bytes of a stream. */
class Kept {
  readonly #chunks: Buffer[] = [];
  readonly #limit: number;
  #length = 0;
  truncated = false;

  constructor(limit: number) { this.#limit = limit; }

  add(chunk: Buffer): void {
    const room = this.#limit - this.#length;
    if (chunk.length > room) this.truncated = true;
    if (room <= 0) return;
    const kept = chunk.subarray(0, room);
    this.#chunks.push(kept);
    this.#length += kept.length;
  }

  text(): string { return Buffer.concat(this.#chunks).toString('utf8'); }
}
