/**
 * BFD as BGP uses it (RFC 5882): which sessions its peers ask for, and what a lost one means for their sessions and routes.
 *
 * A session that was Up and failed ends the peer's BGP session at once, with Cease, subcode 10 (RFC 9384). What becomes
 * of the routes depends on the C bit that the peer last set (RFC 5882 §4.3). Set: its BFD does not share the fate of its
 * control plane, so forwarding failed; nothing is kept for a restart, and what is being kept goes. Clear: it may just be
 * restarting; what is kept stays until its timers end. AdminDown is no failure, nor is a BFD process that is away.
 */
import { bfdSessionKey, type BfdSession, type BfdSessionStatus, type BfdStatus } from '../config/messages/bfd-control.ts';
import type { Clock, TimerHandle } from '../lib/clock.ts';
import type { Problem } from '../lib/errors.ts';
import { showIp } from '../lib/ip/text.ts';
import type { Log } from '../lib/log.ts';
import { bfdSessionFor } from './links/bfd-session.ts';
import type { Neighbour } from './neighbour.ts';
import type { BfdPort, ResolverPort } from './ports.ts';
import type { Retention } from './retention.ts';
import { ceaseFor } from './session/cease.ts';

export interface BfdPorts {
  readonly clock: Clock;
  readonly log: Log;
  readonly resolver: ResolverPort;
  /** Absent: nobody runs BFD here. */
  readonly bfd: BfdPort | undefined;
  readonly neighbours: Iterable<Neighbour>;
  readonly retention: Retention;
}

/** Sessions of an earlier run that no peer asks for yet are kept so long: unnumbered and dynamic peers have to be found first. */
const ADOPTION_MS = 120_000;

export class Bfd implements Disposable {
  readonly #ports: BfdPorts;
  readonly #following: Disposable | undefined;
  #status: BfdStatus | undefined;
  /** Sessions that were there when we came, by key. */
  #adopted = new Map<string, BfdSession>();
  #adoption: TimerHandle | undefined;
  #isConfigured = false;
  /** Session → as it was when we last heard of it. */
  #known = new Map<string, BfdSessionStatus>();
  /** Address of a peer → keys of the sessions with it. */
  #byPeer = new Map<string, readonly string[]>();
  #wanted = '';
  readonly #sessions = new Map<Neighbour, BfdSession>();
  readonly #ended = new Map<string, number>();

  constructor(ports: BfdPorts) {
    this.#ports = ports;
    this.#following = ports.bfd?.follow((status) => { this.#told(status); });
  }

  /** What goes wrong, in words for people; nothing where no peer asks for BFD. */
  get problems(): Problem[] {
    const asking = [...this.#ports.neighbours].filter((n) => n.config.bfd !== undefined).length;
    if (asking === 0) return [];
    const { bfd } = this.#ports;
    if (bfd === undefined || this.#status === undefined) {
      return [{ path: 'bfd', message: `${bfd?.trouble ?? 'bgpd was started without it'}: expected a running bfdd; BFD watches over no session (${asking} ask for it), BGP goes on` }];
    }
    const troubles = this.#status.sessions.filter((s) => s.trouble !== undefined).map((s) => ({ path: `bfd/${s.peer}`, message: s.trouble! }));
    return [...this.#status.problems, ...troubles];
  }

  /** Peers, links or routes changed: the sessions are those that the peers ask for now. */
  arrange(): void {
    this.#isConfigured = true;
    if (this.#status === undefined) { for (const n of this.#ports.neighbours) this.#show(n); return; }
    const present = new Map(this.#status.sessions.map((s) => [bfdSessionKey(s), s]));
    this.#byPeer = Map.groupBy(present.keys(), (key) => present.get(key)!.peer);
    this.#sessions.clear();
    const wanted = new Map<string, BfdSession>();
    for (const neighbour of this.#ports.neighbours) {
      const session = this.#sessionFor(neighbour, present);
      if (session === undefined) continue;
      this.#sessions.set(neighbour, session);
      wanted.set(bfdSessionKey(session), session);
    }
    for (const [key, session] of this.#adopted) if (wanted.has(key)) this.#adopted.delete(key); else wanted.set(key, session);
    const list = [...wanted.values()];
    if (JSON.stringify(list) !== this.#wanted) this.#ports.bfd?.want(list);
    this.#wanted = JSON.stringify(list);
  }

  /** Ends all sessions, with AdminDown: BGP ends for good here. */
  shutdown(): void { this.#ports.bfd?.want([]); }

  [Symbol.dispose](): void {
    this.#following?.[Symbol.dispose]();
    this.#adoption?.[Symbol.dispose]();
  }

  #sessionFor(neighbour: Neighbour, present: ReadonlyMap<string, BfdSessionStatus>): BfdSession | undefined {
    const { config, address } = neighbour;
    if (config.bfd === undefined) { delete neighbour.bfd; return undefined; }
    const before = this.#presentFor(showIp(address), config.interface, present);
    const found = bfdSessionFor(config, this.#ports.resolver.resolve(address), before && { session: before, isUp: before.state === 'Up' });
    this.#show(neighbour, typeof found === 'string' ? found : present.get(bfdSessionKey(found)));
    return typeof found === 'string' ? undefined : found;
  }

  /** Over one hop or several, whichever there is. */
  #presentFor(peer: string, link: string | undefined, present: ReadonlyMap<string, BfdSessionStatus>): BfdSessionStatus | undefined {
    return this.#byPeer.get(peer)?.map((key) => present.get(key)).find((s) => s !== undefined && (s.interface === undefined || s.interface === link));
  }

  #told(status: BfdStatus | undefined): void {
    const before = this.#status;
    this.#status = status;
    if (status === undefined) {
      this.#ports.log.warn('bfd.away', { trouble: this.#ports.bfd?.trouble });
      this.#wanted = '';
      for (const neighbour of this.#ports.neighbours) this.#show(neighbour);
      return;
    }
    if (before === undefined) this.#adopt(status);
    for (const [neighbour, session] of this.#sessions) this.#judge(neighbour, bfdSessionKey(session), status);
    this.#known = new Map(status.sessions.map((s) => [bfdSessionKey(s), s]));
    if (this.#isConfigured) this.arrange();
  }

  /** An earlier run of ours asked for these; only the first time, and not for ever. */
  #adopt(status: BfdStatus): void {
    if (this.#adoption !== undefined) return;
    this.#adopted = new Map(status.sessions.map((s) => [bfdSessionKey(s), wishOf(s)]));
    this.#adoption = this.#ports.clock.after(ADOPTION_MS, () => {
      this.#adopted.clear();
      if (this.#isConfigured) this.arrange();
    });
  }

  #judge(neighbour: Neighbour, key: string, status: BfdStatus): void {
    const now = status.sessions.find((s) => bfdSessionKey(s) === key);
    const before = this.#known.get(key);
    if (now === undefined || before?.discriminator !== now.discriminator || now.failures <= before.failures) return;
    this.#failed(neighbour, now);
  }

  #failed(neighbour: Neighbour, { diagnostic, remoteControlPlaneIndependent }: BfdSessionStatus): void {
    const { name } = neighbour.config;
    const isEstablished = neighbour.session !== undefined;
    this.#ports.log.warn('bfd.down', { peer: name, diagnostic, established: isEstablished, forwardingLost: remoteControlPlaneIndependent });
    if (isEstablished) {
      this.#ended.set(name, (this.#ended.get(name) ?? 0) + 1);
      neighbour.peer.fail(ceaseFor('bfd-down'), `BFD: ${diagnostic}`);
    }
    if (remoteControlPlaneIndependent) this.#ports.retention.step(neighbour, { type: 'removed' });
  }

  /** Why there is no session, or the session as it is. */
  #show(neighbour: Neighbour, found: string | BfdSessionStatus | undefined = this.#ports.bfd?.trouble ?? 'bgpd was started without BFD'): void {
    if (neighbour.config.bfd === undefined) return;
    const ended = this.#ended.get(neighbour.config.name) ?? 0;
    if (found === undefined || typeof found === 'string') {
      neighbour.bfd = { state: 'none', info: found, ended };
      return;
    }
    const { state, multihop, remoteState, diagnostic, remoteDiagnostic, remoteControlPlaneIndependent, sinceMs, intervalMs, detectionMs, losses, failures } = found;
    neighbour.bfd = {
      state, info: found.trouble ?? (state === 'Up' ? '' : whyDown(found)), ended,
      session: { multihop, remoteState, diagnostic, remoteDiagnostic, remoteControlPlaneIndependent, sinceMs, intervalMs, detectionMs, losses, failures },
    };
  }
}

const wishOf = ({ peer, local, interface: link, multihop, minimumTtl, transmitMs, receiveMs, multiplier }: BfdSession): BfdSession => ({
  peer, multihop, transmitMs, receiveMs, multiplier,
  ...local !== undefined && { local }, ...link !== undefined && { interface: link }, ...minimumTtl !== undefined && { minimumTtl },
});

function whyDown({ packetsIn, remoteState, diagnostic }: BfdSessionStatus): string {
  if (remoteState === 'AdminDown') return 'the peer has switched it off (AdminDown)';
  return packetsIn === 0 ? 'nothing was heard from the peer' : diagnostic;
}
