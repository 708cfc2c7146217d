/** Runs the real `tortie bgpd` in a namespace and talks to its control socket. */
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { BgpdMethods, SpeakerStatus } from '../../config/messages/bgpd-control.ts';
import type { SpeakerConfig } from '../../config/messages/speaker-config.ts';
import { connect, type RpcClient } from '../../sys/rpc.ts';
import { eventually, type Netns, type Process } from './namespaces.ts';

const MAIN = join(import.meta.dirname, '../../main.ts');

export class Bgpd {
  readonly process: Process;
  readonly client: RpcClient<BgpdMethods>;

  private constructor(process: Process, client: RpcClient<BgpdMethods>) {
    this.process = process;
    this.client = client;
  }

  /** Starts with a configuration file, or with what the state file of an earlier run in this namespace says. */
  static async start(ns: Netns, config?: Partial<SpeakerConfig>, ...more: readonly string[]): Promise<Bgpd> {
    const [file, socket, state] = ['config.json', 'bgpd.sock', 'bgpd.state'].map((name) => join(ns.directory, name));
    const args = [MAIN, 'bgpd', '--socket', socket!, '--state', state!, ...more];
    if (config !== undefined) {
      writeFileSync(file!, JSON.stringify(config));
      args.push('--config', file!);
    }
    const started = ns.spawn(process.execPath, args);
    const client = await eventually(20_000, () => connect<BgpdMethods>(socket!));
    // What a test kills at once must come back by itself.
    if (config !== undefined) await eventually(10_000, () => { if (!existsSync(state!)) throw new Error('no state file yet'); });
    return new Bgpd(started, client);
  }

  status(): Promise<SpeakerStatus> { return this.client.call('status', {}); }

  /** The states of all sessions, by peer address. */
  async states(): Promise<Record<string, string>> {
    return Object.fromEntries((await this.status()).peers.map((p) => [p.address, p.state]));
  }

  /** Ends it with a signal and waits until it is gone. */
  async kill(signal: NodeJS.Signals): Promise<void> {
    this.process.child.kill(signal);
    await this.process.ended;
  }
}
