/** A bfdd in memory: the test says what becomes of the sessions that the speaker wants. */
import { bfdSessionKey, type BfdSession, type BfdSessionStatus, type BfdStatus } from '../../config/messages/bfd-control.ts';
import type { BfdPort } from '../../bgpd/ports.ts';

export class FakeBfd implements BfdPort {
  trouble = 'nobody listens';
  /** What was wanted last; undefined: nothing was said since the connection stands. */
  wanted: readonly BfdSession[] | undefined;
  readonly sessions = new Map<string, BfdSessionStatus>();
  #listener: (status: BfdStatus | undefined) => void = () => undefined;
  #revision = 0;

  follow(listener: (status: BfdStatus | undefined) => void): Disposable {
    this.#listener = listener;
    return { [Symbol.dispose]: () => { this.#listener = () => undefined; } };
  }

  want(sessions: readonly BfdSession[]): void {
    this.wanted = sessions;
    const keys = new Set(sessions.map(bfdSessionKey));
    for (const key of this.sessions.keys()) if (!keys.has(key)) this.sessions.delete(key);
    for (const s of sessions) this.sessions.set(bfdSessionKey(s), { ...this.sessions.get(bfdSessionKey(s)) ?? fresh(this.sessions.size + 1), ...s });
  }

  // ---- what the test does

  connect(): void { this.trouble = ''; this.wanted = undefined; this.tell(); }
  lose(): void { this.trouble = 'it went'; this.#listener(undefined); }
  tell(): void {
    this.#listener({ revision: ++this.#revision, sessions: [...this.sessions.values()].map((s) => ({ ...s })), discarded: {}, problems: [] });
  }

  /** Changes the only session with a peer, and tells. */
  change(peer: string, change: Partial<BfdSessionStatus>): void {
    const [key, session] = [...this.sessions].find(([, s]) => s.peer === peer)!;
    this.sessions.set(key, { ...session, ...change });
    this.tell();
  }

  up(peer: string, more: Partial<BfdSessionStatus> = {}): void { this.change(peer, { state: 'Up', remoteState: 'Up', ...more }); }
  fail(peer: string): void {
    const before = [...this.sessions.values()].find((s) => s.peer === peer)!;
    this.change(peer, { state: 'Down', diagnostic: 'control detection time expired', losses: before.losses + 1, failures: before.failures + 1 });
  }
}

const fresh = (discriminator: number): Omit<BfdSessionStatus, keyof BfdSession> => ({
  state: 'Down', remoteState: 'Down', diagnostic: 'no diagnostic', remoteDiagnostic: 'no diagnostic', remoteControlPlaneIndependent: false,
  sinceMs: 0, intervalMs: 1000, detectionMs: 0, packetsIn: 0, packetsOut: 0, losses: 0, failures: 0, discriminator,
});
