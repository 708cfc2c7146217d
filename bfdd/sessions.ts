/** All sessions: who wants which, and whose packet one is. */
import { bfdSessionKey, type BfdSession, type BfdStatus } from '../config/messages/bfd-control.ts';
import { messageOf, OperationError, type Problem } from '../lib/errors.ts';
import { ip, showIp } from '../lib/ip/text.ts';
import { MAXIMUM_SESSIONS, quickest } from './settings/sessions.ts';
import type { Datagram } from './ports.ts';
import { Runner, timingOf, type RunnerPorts } from './runner.ts';
import { newSession, resumedSession, type Remote, type Session } from './session/session.ts';
import { FULL_TTL } from './wire/constants.ts';
import { readControlPacket, type ControlPacket, type Discard } from './wire/control-packet.ts';

/** Why a packet reached no session. */
export type Refusal = Discard | 'ttl' | 'no session' | 'wrong address';

/** A session that was Up, by its key: enough to go on with it. */
export interface Resumable { readonly discriminator: number; readonly remote: Remote }

/** What outlives this process. */
export interface Remembered {
  readonly clients: Readonly<Record<string, readonly BfdSession[]>>;
  readonly up: Readonly<Record<string, Resumable>>;
}

export interface SessionsPorts extends Omit<RunnerPorts, 'changed'> {
  /** A state, or what is wanted, is another one. */
  readonly changed: () => void;
  readonly problems?: () => readonly Problem[];
}

export class Sessions {
  readonly #ports: SessionsPorts;
  readonly #clients = new Map<string, readonly BfdSession[]>();
  readonly #runners = new Map<string, Runner>();
  readonly #byDiscriminator = new Map<number, Runner>();
  /** Address of a peer → its sessions. */
  readonly #byPeer = new Map<string, Runner[]>();
  readonly #discarded = new Map<Refusal, number>();
  readonly #ending = new Set<Promise<void>>();
  #revision: number;

  constructor(ports: SessionsPorts) {
    this.#ports = ports;
    this.#revision = ports.clock.wallTime(); // after a restart another one than before
  }

  get revision(): number { return this.#revision; }

  get status(): BfdStatus {
    return {
      revision: this.#revision, sessions: [...this.#runners.values()].map((r) => r.status),
      discarded: Object.fromEntries(this.#discarded), problems: this.#ports.problems?.() ?? [],
    };
  }

  get remembered(): Remembered {
    const up = [...this.#runners].filter(([, { session }]) => session.state === 'Up');
    return {
      clients: Object.fromEntries(this.#clients),
      up: Object.fromEntries(up.map(([key, { session: { discriminator, remote } }]) => [key, { discriminator, remote }])),
    };
  }

  /** Replaces what one asker wants. Throws OperationError when all together want too many. */
  apply(client: string, sessions: readonly BfdSession[], resumable: Remembered['up'] = {}): void {
    const before = this.#clients.get(client);
    if (sessions.length > 0) this.#clients.set(client, sessions); else this.#clients.delete(client);
    const wanted = this.#wanted();
    if (wanted.size > MAXIMUM_SESSIONS) {
      if (before === undefined) this.#clients.delete(client); else this.#clients.set(client, before);
      throw new OperationError('BFD_SESSIONS', { sessions: wanted.size, expected: `at most ${MAXIMUM_SESSIONS} sessions of all askers together` });
    }
    for (const [key, runner] of this.#runners) if (!wanted.has(key)) this.#end(key, runner);
    for (const [key, session] of wanted) {
      const runner = this.#runners.get(key);
      if (runner === undefined) this.#begin(key, session, resumable[key]);
      else if (JSON.stringify(runner.wanted) !== JSON.stringify(session)) runner.retime(session);
    }
    this.#changed();
  }

  /** A datagram from the network: to its session, or counted. */
  receive(datagram: Datagram): void {
    const packet = readControlPacket(datagram.bytes);
    const runner = typeof packet === 'string' ? packet : this.#runnerOf(packet, datagram);
    if (typeof packet === 'string' || typeof runner === 'string') this.#discard(runner as Refusal);
    else runner.receive(packet);
  }

  /** Tells every peer AdminDown; resolves when all of it is said. What is wanted stays remembered. */
  async end(): Promise<void> {
    for (const runner of this.#runners.values()) this.#ending.add(runner.end());
    await Promise.all(this.#ending);
  }

  #wanted(): Map<string, BfdSession> {
    const wanted = new Map<string, BfdSession>();
    for (const session of [...this.#clients.values()].flat()) {
      const key = bfdSessionKey(session);
      const other = wanted.get(key);
      wanted.set(key, other === undefined ? session : quickest(other, session));
    }
    return wanted;
  }

  #begin(key: string, wanted: BfdSession, resumable: Resumable | undefined): void {
    const runner = new Runner({ ...this.#ports, changed: () => { this.#changed(); } }, wanted, this.#newSession(wanted, resumable));
    this.#runners.set(key, runner);
    this.#byDiscriminator.set(runner.session.discriminator, runner);
    const others = this.#byPeer.get(wanted.peer);
    if (others === undefined) this.#byPeer.set(wanted.peer, [runner]); else others.push(runner);
  }

  #newSession(wanted: BfdSession, resumable: Resumable | undefined): Session {
    if (resumable !== undefined && !this.#byDiscriminator.has(resumable.discriminator)) {
      return resumedSession(resumable.discriminator, timingOf(wanted), resumable.remote);
    }
    let discriminator = 0;
    while (discriminator === 0 || this.#byDiscriminator.has(discriminator)) discriminator = Math.floor(this.#ports.random() * 2 ** 32);
    return newSession(discriminator, timingOf(wanted));
  }

  #end(key: string, runner: Runner): void {
    this.#runners.delete(key);
    this.#byDiscriminator.delete(runner.session.discriminator);
    const others = this.#byPeer.get(runner.wanted.peer)!.filter((r) => r !== runner);
    if (others.length > 0) this.#byPeer.set(runner.wanted.peer, others); else this.#byPeer.delete(runner.wanted.peer);
    const ended = runner.end().catch((error: unknown) => { this.#ports.log.error('bfd.end', { message: messageOf(error) }); });
    this.#ending.add(ended);
    void ended.then(() => this.#ending.delete(ended));
  }

  /** By our discriminator when the peer knows it, else by where the packet came from and to (RFC 5880 §6.8.6, RFC 5881 §3). */
  #runnerOf(packet: ControlPacket, datagram: Datagram): Runner | Refusal {
    if (!datagram.multihop && datagram.ttl !== FULL_TTL) return 'ttl';
    const candidates = this.#byPeer.get(showIp(datagram.from)) ?? [];
    const known = packet.yourDiscriminator === 0 ? undefined : this.#byDiscriminator.get(packet.yourDiscriminator);
    if (packet.yourDiscriminator !== 0 && known === undefined) return 'no session';
    if (known !== undefined && !candidates.includes(known)) return 'wrong address';
    const runner = (known === undefined ? candidates : [known]).find((r) => this.#fits(r.wanted, datagram));
    if (runner === undefined) return known === undefined ? 'no session' : 'wrong address';
    return datagram.multihop && datagram.ttl < (runner.wanted.minimumTtl ?? 1) ? 'ttl' : runner;
  }

  #fits({ multihop, local, interface: link }: BfdSession, datagram: Datagram): boolean {
    return multihop === datagram.multihop && (local === undefined || ip(local) === datagram.to)
      && (link === undefined || link === this.#ports.packets.interfaceName(datagram.interfaceIndex));
  }

  #discard(reason: Refusal): void { this.#discarded.set(reason, (this.#discarded.get(reason) ?? 0) + 1); }

  #changed(): void {
    this.#revision++;
    this.#ports.changed();
  }
}
