/** Unnumbered peers: advertises us on their links and only there, and tells who is heard at the other end. */
import type { UnnumberedPeer } from '../config/messages/speaker-config.ts';
import type { Clock, TimerHandle } from '../lib/clock.ts';
import { messageOf, type Problem } from '../lib/errors.ts';
import type { Ip } from '../lib/ip/prefix.ts';
import { showIp } from '../lib/ip/text.ts';
import type { Log } from '../lib/log.ts';
import {
  ANSWER_MS, INITIAL_COUNT, INTERVAL_MS, NOBODY, SELDOM_MS, SHORTEST_GAP_MS, SOLICITATION_MS, heard, type Discovery,
} from './links/discovery.ts';
import type { RouterDiscoveryPort, RouterLink } from './ports.ts';

export interface UnnumberedPorts {
  readonly clock: Clock;
  readonly log: Log;
  readonly random: () => number;
  /** Absent: nothing can be discovered here. */
  readonly discovery: RouterDiscoveryPort | undefined;
  /** Who is at the other end of a peer's link; undefined: nobody. */
  readonly found: (name: string, address: Ip | undefined) => void;
  /** The peer's session is Established. */
  readonly hasSession: (name: string) => boolean;
}

/** Milliseconds until what could not be opened or sent is tried again. */
const RETRY_MS = 1_000;

export class Unnumbered implements Disposable {
  readonly #ports: UnnumberedPorts;
  readonly #links = new Map<string, PeerLink>();
  #watching: Disposable | undefined;

  constructor(ports: UnnumberedPorts) { this.#ports = ports; }

  get problems(): Problem[] {
    return [...this.#links].flatMap(([name, link]) => (link.problem === '' ? [] : [{ path: `peers/${name}.interface`, message: link.problem }]));
  }

  /** Listens on the links of these peers and on no others. */
  configure(peers: readonly UnnumberedPeer[]): void {
    const wanted = new Map(peers.map((peer) => [peer.name, peer.interface]));
    for (const [name, link] of this.#links) {
      if (wanted.get(name) === link.interface) continue;
      link[Symbol.dispose]();
      this.#links.delete(name);
      this.#ports.found(name, undefined);
    }
    for (const [name, link] of wanted) if (!this.#links.has(name)) this.#links.set(name, new PeerLink(this.#ports, name, link));
    if (wanted.size > 0) this.#watching ??= this.#ports.discovery?.onLinkChange((link) => { this.#onLinkChange(link); });
  }

  /** Ends in silence: nobody is lost by it. */
  [Symbol.dispose](): void {
    this.#watching?.[Symbol.dispose]();
    this.#watching = undefined;
    for (const link of this.#links.values()) link[Symbol.dispose]();
    this.#links.clear();
  }

  #onLinkChange(name: string): void {
    for (const link of this.#links.values()) if (link.interface === name) link.changed();
  }
}

/** One peer's link, there or not. */
class PeerLink implements Disposable {
  readonly interface: string;
  readonly #name: string;
  readonly #ports: UnnumberedPorts;
  #link: RouterLink | undefined;
  #discovery: Discovery = NOBODY;
  /** Why nothing can be said or heard; empty: it can. */
  #failure = '';
  #advertised = 0;
  #advertisedAtMs = -Infinity;
  /** When the next one is due, while its timer runs. */
  #advertiseAtMs = 0;
  #solicited = 0;
  readonly #timers = new Map<'advertise' | 'solicit' | 'open', TimerHandle>();

  constructor(ports: UnnumberedPorts, name: string, link: string) {
    this.#ports = ports;
    this.#name = name;
    this.interface = link;
    this.#open();
  }

  get problem(): string {
    if (this.#failure !== '') return `${this.interface}: ${this.#failure}`;
    return this.#discovery.neighbour === undefined ? `${this.interface}: no router advertisement has come yet` : '';
  }

  /** Its state changed, or it is another one under the same name. */
  changed(): void {
    const before = this.#link?.index;
    this.#close();
    this.#open();
    if (before !== undefined && before !== this.#link?.index) this.#take(NOBODY);
    this.#discovery = { ...this.#discovery, isDoubtful: true };
  }

  [Symbol.dispose](): void { this.#close(); }

  #open(): void {
    try {
      this.#link = this.#ports.discovery?.open(this.interface, (message, from) => { this.#onMessage(message, from); });
      this.#failure = this.#link === undefined ? 'there is no such interface' : '';
    } catch (error) {
      this.#failure = messageOf(error);
      this.#after('open', RETRY_MS, () => { this.#open(); });
    }
    if (this.#link === undefined) return;
    this.#advertised = 0;
    this.#solicited = 0;
    this.#advertiseSoon(0);
    this.#solicit();
  }

  #close(): void {
    for (const timer of this.#timers.values()) timer[Symbol.dispose]();
    this.#timers.clear();
    this.#link?.[Symbol.dispose]();
    this.#link = undefined;
  }

  #onMessage(message: 'solicitation' | 'advertisement', from: Ip): void {
    if (message === 'solicitation') { this.#advertiseSoon(ANSWER_MS * this.#ports.random()); return; }
    this.#take(heard(this.#discovery, from, this.#ports.clock.now(), this.#ports.hasSession(this.#name)));
  }

  /** A neighbour that has just appeared may not know us yet. */
  #take(next: Discovery): void {
    const before = this.#discovery.neighbour;
    this.#discovery = next;
    if (next.neighbour === before) return;
    this.#ports.log.info('unnumbered.neighbour', { peer: this.#name, interface: this.interface, address: next.neighbour === undefined ? null : showIp(next.neighbour) });
    if (next.neighbour !== undefined) this.#advertiseSoon(0);
    this.#ports.found(this.#name, next.neighbour);
  }

  /** An advertisement within so many milliseconds, but not sooner than the shortest gap after the one before. */
  #advertiseSoon(ms: number): void {
    const now = this.#ports.clock.now();
    const atMs = Math.max(now + ms, this.#advertisedAtMs + SHORTEST_GAP_MS);
    if (this.#timers.has('advertise') && this.#advertiseAtMs <= atMs) return;   // who asks again and again puts nothing off
    this.#advertiseAtMs = atMs;
    this.#after('advertise', atMs - now, () => { this.#advertise(); });
  }

  #advertise(): void {
    this.#timers.delete('advertise');
    this.#failure = this.#link?.advertise() ?? '';
    if (this.#failure !== '') { this.#advertiseSoon(RETRY_MS); return; }
    this.#advertisedAtMs = this.#ports.clock.now();
    const isInitial = ++this.#advertised < INITIAL_COUNT;
    this.#advertiseSoon(isInitial ? SHORTEST_GAP_MS : INTERVAL_MS * (0.75 + 0.25 * this.#ports.random()));
  }

  /** Asks while nobody is known. */
  #solicit(): void {
    if (this.#discovery.neighbour !== undefined && !this.#discovery.isDoubtful) return;
    const isSent = this.#link?.solicit() === '';
    if (isSent) this.#solicited++;
    this.#after('solicit', !isSent ? RETRY_MS : this.#solicited < INITIAL_COUNT ? SOLICITATION_MS : SELDOM_MS, () => { this.#solicit(); });
  }

  #after(timer: 'advertise' | 'solicit' | 'open', ms: number, work: () => void): void {
    this.#timers.get(timer)?.[Symbol.dispose]();
    this.#timers.set(timer, this.#ports.clock.after(ms, work));
  }
}
