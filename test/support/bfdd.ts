/** Runs the real `tortie bfdd` in a namespace and talks to its control socket. */
import { join } from 'node:path';
import { BFD_CONTROL_VERSION, type BfddMethods, type BfdSession, type BfdSessionStatus, type BfdStatus } from '../../config/messages/bfd-control.ts';
import { connect, type RpcClient } from '../../sys/rpc.ts';
import { eventually, type Netns, type Process } from './namespaces.ts';

const MAIN = join(import.meta.dirname, '../../main.ts');

export class Bfdd {
  readonly process: Process;
  readonly client: RpcClient<BfddMethods>;

  private constructor(process: Process, client: RpcClient<BfddMethods>) {
    this.process = process;
    this.client = client;
  }

  static socket(ns: Netns): string { return join(ns.directory, 'bfdd.sock'); }

  /** With the state file of an earlier run in this namespace, if there was one. */
  static async start(ns: Netns): Promise<Bfdd> {
    const started = ns.spawn(process.execPath, ['--disable-warning=ExperimentalWarning', MAIN, 'bfdd', '--socket', Bfdd.socket(ns), '--state', join(ns.directory, 'bfdd.state')]);
    const client = await eventually(20_000, () => {
      if (!started.running) throw new Error(`bfdd ended: ${started.output}`);
      return connect<BfddMethods>(Bfdd.socket(ns));
    });
    return new Bfdd(started, client);
  }

  async apply(...sessions: readonly BfdSession[]): Promise<void> { await this.client.call('apply', { version: BFD_CONTROL_VERSION, client: 'test', sessions }); }
  status(): Promise<BfdStatus> { return this.client.call('status', {}); }

  async session(peer: string): Promise<BfdSessionStatus> {
    const found = (await this.status()).sessions.find((s) => s.peer === peer);
    if (found === undefined) throw new Error(`bfdd has no session with ${peer}`);
    return found;
  }

  /** Ends it with a signal and waits until it is gone. */
  async kill(signal: NodeJS.Signals): Promise<void> {
    this.process.child.kill(signal);
    await this.process.ended;
  }
}

export const singleHop = (peer: string, intervalMs: number, more: Partial<BfdSession> = {}): BfdSession =>
  ({ peer, multihop: false, transmitMs: intervalMs, receiveMs: intervalMs, multiplier: 3, ...more });
export const multihop = (peer: string, intervalMs: number, more: Partial<BfdSession> = {}): BfdSession =>
  ({ ...singleHop(peer, intervalMs), multihop: true, ...more });
