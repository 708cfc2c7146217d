/** The connection to bfdd: says what is wanted, hears what becomes of it, and comes back when bfdd does. */
import { BFD_CONTROL_VERSION, type BfddMethods, type BfdSession, type BfdStatus } from '../config/messages/bfd-control.ts';
import { backoffMs } from '../lib/backoff.ts';
import type { Clock } from '../lib/clock.ts';
import { messageOf } from '../lib/errors.ts';
import type { Log } from '../lib/log.ts';
import { sleep } from '../sys/clock.ts';
import { connect, type RpcClient } from '../sys/rpc.ts';
import type { BfdPort } from './ports.ts';

export interface BfdClientPorts {
  readonly clock: Clock;
  readonly log: Log;
  readonly random: () => number;
  readonly socket: string;
}

const BACKOFF = { firstMs: 100, maxMs: 5_000 };
/** By which bfdd knows us, whichever run of ours it is. */
const CLIENT = 'bgpd';

export function bfdClient(ports: BfdClientPorts): BfdPort { return new Client(ports); }

class Client implements BfdPort {
  readonly #ports: BfdClientPorts;
  #rpc: RpcClient<BfddMethods> | undefined;
  /** What is still to be said. */
  #wanted: readonly BfdSession[] | undefined;
  trouble = 'not connected to bfdd yet';

  constructor(ports: BfdClientPorts) { this.#ports = ports; }

  follow(listener: (status: BfdStatus | undefined) => void): Disposable {
    const ending = new AbortController();
    void this.#run(listener, ending.signal);
    return { [Symbol.dispose]: () => { ending.abort(); } };
  }

  want(sessions: readonly BfdSession[]): void {
    const isBusy = this.#wanted !== undefined;
    this.#wanted = sessions;
    if (!isBusy) void this.#say();
  }

  /** One after the other; of several in a row the last. */
  async #say(): Promise<void> {
    while (this.#wanted !== undefined) {
      const sessions = this.#wanted;
      try {
        await this.#rpc?.call('apply', { version: BFD_CONTROL_VERSION, client: CLIENT, sessions });
      } catch (error) {
        this.#ports.log.warn('bfd.apply', { message: messageOf(error) });
      }
      if (this.#wanted === sessions) this.#wanted = undefined;
    }
  }

  async #run(listener: (status: BfdStatus | undefined) => void, signal: AbortSignal): Promise<void> {
    const { clock, random, socket } = this.#ports;
    for (let attempt = 0; !signal.aborted; attempt++) {
      try {
        using watching = await connect<BfddMethods>(socket);
        using rpc = await connect<BfddMethods>(socket);
        const end = (): void => { watching[Symbol.dispose](); rpc[Symbol.dispose](); };
        signal.addEventListener('abort', end, { once: true });
        this.#rpc = rpc;
        this.trouble = '';
        attempt = -1;
        for (let after = -1; !signal.aborted;) {
          const status = await watching.call('watch', { after });
          after = status.revision;
          if (!signal.aborted) listener(status);
        }
      } catch (error) {
        const wasThere = this.#rpc !== undefined;
        this.#rpc = undefined;
        this.trouble = messageOf(error);
        if (wasThere && !signal.aborted) listener(undefined);
      }
      await sleep(clock, backoffMs(attempt + 1, random(), BACKOFF), signal);
    }
  }
}
