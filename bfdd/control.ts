/** The control socket: who wants which sessions, and what became of them. */
import { BFD_CONTROL_VERSION, type BfddMethods, type BfdStatus } from '../config/messages/bfd-control.ts';
import type { Clock } from '../lib/clock.ts';
import { OperationError } from '../lib/errors.ts';
import type { Handlers } from '../sys/rpc.ts';
import type { Sessions } from './sessions.ts';
import { checkedSessions } from './settings/sessions.ts';

/** A watch that nothing happens to is answered then. */
const WATCH_MS = 30_000;
/** Longer names of askers are refused. */
const MAXIMUM_NAME = 64;

export class Control {
  readonly #sessions: Sessions;
  readonly #clock: Clock;
  readonly #waiting = new Set<() => void>();

  constructor(sessions: Sessions, clock: Clock) {
    this.#sessions = sessions;
    this.#clock = clock;
  }

  get handlers(): Handlers<BfddMethods> {
    return {
      apply: ({ version, client, sessions }) => {
        if (version !== BFD_CONTROL_VERSION) throw new OperationError('BFD_VERSION', { version, expected: BFD_CONTROL_VERSION });
        if (typeof client !== 'string' || client === '' || client.length > MAXIMUM_NAME) throw new OperationError('BFD_CLIENT', { client, expected: `a name of at most ${MAXIMUM_NAME} characters` });
        this.#sessions.apply(client, checkedSessions(sessions));
        return {};
      },
      status: () => this.#sessions.status,
      watch: ({ after }) => this.#watch(after),
    };
  }

  /** Something changed: whoever waits is answered. */
  changed(): void {
    for (const answer of this.#waiting) answer();
    this.#waiting.clear();
  }

  #watch(after: number): Promise<BfdStatus> | BfdStatus {
    if (after !== this.#sessions.revision) return this.#sessions.status;
    const { promise, resolve } = Promise.withResolvers<BfdStatus>();
    const answer = (): void => {
      timer[Symbol.dispose]();
      this.#waiting.delete(answer);
      resolve(this.#sessions.status);
    };
    const timer = this.#clock.after(WATCH_MS, answer);
    this.#waiting.add(answer);
    return promise;
  }
}
