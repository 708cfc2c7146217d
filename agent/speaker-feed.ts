/** Keeps bgpd told: translates the cluster whenever it changes and sends the sections that differ, for ever. */
import type { ApplyResult, BgpdMethods, Sections } from '../config/messages/bgpd-control.ts';
import { CONTROL_VERSION } from '../config/messages/bgpd-control.ts';
import type { CalicoNode } from '../config/kinds/node.ts';
import type { SpeakerConfig } from '../config/messages/speaker-config.ts';
import { SectionRevisions } from '../config/translate/sections.ts';
import { SpeakerTranslation, TRANSLATED_KINDS } from '../config/translate/speaker.ts';
import { backoffMs } from '../lib/backoff.ts';
import type { Clock, TimerHandle } from '../lib/clock.ts';
import { messageOf, showProblem, type Problem } from '../lib/errors.ts';
import { stringifyJson } from '../lib/json.ts';
import type { Log } from '../lib/log.ts';
import { sleep } from '../sys/clock.ts';
import type { RpcClient } from '../sys/rpc.ts';
import type { ClusterSource } from './cluster.ts';

export interface FeedPorts {
  readonly cluster: ClusterSource;
  /** The node whose speaker is fed. */
  readonly node: string;
  /** One connection to bgpd's control socket: `() => connect<BgpdMethods>(path)`. */
  readonly connect: () => Promise<RpcClient<BgpdMethods>>;
  /** Different at every start: revisions of another sender say nothing. */
  readonly sender: string;
  readonly clock: Clock;
  /** 0 to 1. */
  readonly random: () => number;
  readonly log: Log;
  /** Has the last word on what bgpd is told; undefined: it keeps what it has. Absent: nobody has. */
  readonly adjust?: (node: CalicoNode | undefined, config: SpeakerConfig | undefined) => Partial<SpeakerConfig> | undefined;
  /** bgpd has taken all that it is to be told. */
  readonly applied?: () => void;
}

export interface SpeakerFeed extends Disposable {
  readonly connected: boolean;
  /** What is wrong with the cluster's resources for this node, and what bgpd did not take. */
  readonly problems: readonly Problem[];
  onProblems(listener: (problems: readonly Problem[]) => void): Disposable;
  /** `adjust` has something else to say. */
  again(): void;
}

/** Changes within this time are translated together. */
const SETTLE_MS = 50;
const BACKOFF = { firstMs: 100, maxMs: 5_000 };

/** Nothing is sent before the cluster is in sync: half a cluster would tear down sessions. */
export function startSpeakerFeed(ports: FeedPorts): SpeakerFeed { return new Feed(ports); }

class Feed implements SpeakerFeed {
  readonly #ports: FeedPorts;
  readonly #sections = new SectionRevisions();
  readonly #translation: SpeakerTranslation;
  /** Kinds that changed since the last translation. */
  #changed = new Set(TRANSLATED_KINDS);
  readonly #listeners = new Set<(problems: readonly Problem[]) => void>();
  readonly #subscription: Disposable;
  readonly #stop = new AbortController();
  #translated: readonly Problem[] = [];
  #refused: readonly { readonly sections: readonly string[]; readonly problems: readonly Problem[] }[] = [];
  #settling: TimerHandle | undefined;
  /** The first configuration waits for everything: it would take away what bgpd has from before. */
  #isBegun = false;
  /** Wakes the sender: there may be something to send. */
  #wake: () => void = () => {};
  /** Connections since something was applied. */
  #failures = 0;
  connected = false;

  constructor(ports: FeedPorts) {
    this.#ports = ports;
    this.#translation = new SpeakerTranslation(ports.node);
    this.#subscription = ports.cluster.onChange((change) => {
      if (change.type === 'upsert' || change.type === 'remove') {
        if (!TRANSLATED_KINDS.has(change.kind)) return;
        this.#changed.add(change.kind);
      } else if (change.type === 'problems' && change.about !== undefined) this.#changed.add(change.about); // unreadable is not absent
      this.#schedule();
    });
    this.#schedule();
    void this.#run();
  }

  get problems(): readonly Problem[] { return [...this.#translated, ...this.#refused.flatMap((r) => r.problems)]; }

  again(): void { this.#schedule(); }

  onProblems(listener: (problems: readonly Problem[]) => void): Disposable {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => { this.#listeners.delete(listener); } };
  }

  [Symbol.dispose](): void {
    this.#stop.abort();
    this.#subscription[Symbol.dispose]();
    this.#settling?.[Symbol.dispose]();
    this.#wake();
  }

  #schedule(): void {
    if (this.#settling !== undefined || this.#stop.signal.aborted || !this.#ports.cluster.inSync) return;
    this.#settling = this.#ports.clock.after(SETTLE_MS, () => {
      this.#settling = undefined;
      this.#translate();
    });
  }

  #translate(): void {
    const { cluster } = this.#ports;
    if (!this.#isBegun && !cluster.complete) return;
    this.#isBegun = true;
    const snapshot = cluster.snapshot();
    const { value, problems } = this.#translation.update(snapshot, this.#changed);
    this.#changed = new Set();
    const { awaitsSecrets } = cluster;
    if (!awaitsSecrets) this.#noteTranslated([...snapshot.problems, ...problems]);
    const { adjust, node } = this.#ports;
    const wanted = adjust === undefined ? value : adjust(snapshot.Node.get(node), value);
    if (wanted === undefined) return;
    this.#sections.update(awaitsSecrets ? withoutPeers(wanted) : wanted);
    if (this.connected && this.#sections.pending() === undefined) this.#ports.applied?.();
    this.#wake();
  }

  #noteTranslated(problems: readonly Problem[]): void {
    if (stringifyJson(problems) === stringifyJson(this.#translated)) return;
    const before = new Set(this.#translated.map(showProblem));
    this.#translated = problems;
    for (const text of problems.map(showProblem)) {
      if (!before.has(text)) this.#ports.log.warn('feed.problem', { problem: text });
    }
    this.#tellProblems();
  }

  #tellProblems(): void {
    for (const listener of this.#listeners) listener(this.problems);
  }

  /** Connect, send what is pending, wait for more; on a lost connection again from the start. */
  async #run(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      try {
        using client = await this.#ports.connect();
        this.#setConnected(true, '');
        this.#sections.forget();
        await this.#serve(client);
        this.#setConnected(false, 'bgpd closed the connection');
      } catch (error) {
        this.#setConnected(false, messageOf(error));
      }
      await sleep(this.#ports.clock, backoffMs(this.#failures++, this.#ports.random(), BACKOFF), this.#stop.signal);
    }
  }

  async #serve(client: RpcClient<BgpdMethods>): Promise<void> {
    let open = true;
    void client.closed.then(() => { open = false; this.#wake(); });
    while (open && !this.#stop.signal.aborted) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#wake = resolve;
      const sections = this.#sections.pending();
      if (sections === undefined) await promise;
      else await this.#send(client, sections);
    }
  }

  async #send(client: RpcClient<BgpdMethods>, sections: Sections): Promise<void> {
    const result = await client.call('apply', { version: CONTROL_VERSION, sender: this.#ports.sender, sections });
    this.#sections.confirm(sections, result.revisions);
    this.#noteRefused(Object.keys(sections), result);
    this.#ports.log.info('feed.applied', { sections: Object.keys(sections), problems: result.problems.length });
    if (Object.entries(sections).some(([name, { revision }]) => result.revisions[name as keyof Sections] !== revision)) {
      throw new Error('bgpd did not confirm what it was sent');
    }
    this.#failures = 0;
    if (this.#sections.pending() === undefined) this.#ports.applied?.();
  }

  #noteRefused(sections: readonly string[], { problems }: ApplyResult): void {
    const kept = this.#refused.filter((r) => !r.sections.every((s) => sections.includes(s)));
    const now = problems.length === 0 ? kept : [...kept, { sections, problems }];
    if (now.length === 0 && this.#refused.length === 0) return;
    this.#refused = now;
    for (const problem of problems) this.#ports.log.warn('feed.refused', { problem: showProblem(problem) });
    this.#tellProblems();
  }

  #setConnected(connected: boolean, reason: string): void {
    if (this.connected === connected) return;
    this.connected = connected;
    if (connected) this.#ports.log.info('feed.connected');
    else if (!this.#stop.signal.aborted) this.#ports.log.warn('feed.disconnected', { reason });
  }
}

/** While it is not known whether a password exists no session may come or go for it; what is announced and filtered goes on. */
function withoutPeers({ peers: _held, ...others }: Partial<SpeakerConfig>): Partial<SpeakerConfig> { return others; }
