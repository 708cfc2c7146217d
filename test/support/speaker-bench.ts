/** A speaker with a fake clock, a fake kernel and fake peers: the test plays the other side of every session. */
import type { PeerConfig, SpeakerConfig } from '../../config/messages/speaker-config.ts';
import type { Family, Ip } from '../../lib/ip/prefix.ts';
import { ip, prefix } from '../../lib/ip/text.ts';
import { silentLog, type Log } from '../../lib/log.ts';
import type { PeerLike } from '../../bgpd/neighbour.ts';
import type { PeerCallbacks, PeerOptions, StopReason } from '../../bgpd/peer.ts';
import type { BfdPort, Connection, LinkDemand, TransportPort } from '../../bgpd/ports.ts';
import type { DownReason, Negotiated } from '../../bgpd/session/negotiated.ts';
import { startSpeaker, type Speaker } from '../../bgpd/speaker.ts';
import { decodeMessage, encodeMessage } from '../../bgpd/wire/codec.ts';
import { Framer } from '../../bgpd/wire/framer.ts';
import { AttributeInterner } from '../../bgpd/wire/interner.ts';
import type { NotificationMessage, PathAttributes, UpdateMessage } from '../../bgpd/wire/message.ts';
import { FakeClock } from './fake-clock.ts';
import { FakeKernel } from './fake-kernel.ts';
import { attributes } from './rib-builders.ts';
import { linesOf, RemoteView, updatesIn } from './updates.ts';
import { negotiated, restartCapability, wireContext } from './session-builders.ts';

/** Stands for `Peer`; what the neighbour sends and gets is in the test's hands. */
export class FakePeer implements PeerLike {
  readonly options: PeerOptions;
  readonly view = new RemoteView();
  readonly accepted: Connection[] = [];
  /** What the kernel had been told to demand when it was made. */
  demandsBefore: readonly LinkDemand[] = [];
  /** What `send` answers. */
  hasRoom = true;
  started = 0;
  stopped: StopReason | undefined;
  closed = false;
  /** What `hold` and `holdDown` were last given, and the families that were asked for again. */
  held: { readonly notification: NotificationMessage; readonly restartSeconds: number | undefined } | undefined;
  shutdown: string | undefined;
  failed: NotificationMessage | undefined;
  readonly asked: Family[] = [];
  readonly #callbacks: PeerCallbacks;
  readonly #chunks: Uint8Array[] = [];
  #negotiated: Negotiated | undefined;

  constructor(options: PeerOptions, callbacks: PeerCallbacks) {
    this.options = options;
    this.#callbacks = callbacks;
  }

  get config(): PeerConfig { return this.options.config; }

  /** The neighbour's: the one that is configured, or one that the wildcard allows. */
  get asn(): number {
    const { config, global } = this.options;
    return typeof config.asn === 'number' ? config.asn : config.asn === 'internal' ? config.localAsn ?? global.asn : 64999;
  }

  // ---- what the speaker calls

  start(): void { this.started++; }
  stop(reason: StopReason): void { this.stopped = reason; this.down('administrative'); }
  close(): void { this.closed = true; this.#negotiated = undefined; }
  accept(connection: Connection): void { this.accepted.push(connection); }
  fail(notification: NotificationMessage): void {
    this.failed = notification;
    this.down('error', notification);
  }
  hold(notification: NotificationMessage, _text: string, restartSeconds?: number): void {
    this.held = { notification, restartSeconds };
    this.down('error', notification);
  }
  holdDown(message: string | undefined): void {
    if (message === this.shutdown) return;
    this.shutdown = message;
    if (message !== undefined) this.stop('shutdown'); else this.start();
  }
  requestRefresh(family: Family): boolean {
    this.asked.push(family);
    return this.#negotiated?.routeRefresh === true;
  }
  markRefresh(family: Family, subtype: 'begin' | 'end'): void {
    if (this.#negotiated?.enhancedRouteRefresh === true) this.#chunks.push(encodeMessage({ type: 'route-refresh', family, subtype }, this.#negotiated.wire));
  }
  send(bytes: Uint8Array): boolean {
    if (this.#negotiated === undefined) return true;
    this.#chunks.push(bytes);
    return this.hasRoom;
  }
  status(): ReturnType<PeerLike['status']> {
    const { config } = this;
    return {
      name: config.name, origin: config.origin, address: config.address, asn: this.asn,
      state: this.#negotiated !== undefined ? 'Established' : config.passive ? 'Active' : 'Idle', sinceMs: 0, info: '', families: this.#negotiated?.families ?? [],
      holdTimeSeconds: 90, keepaliveSeconds: 30, gracefulRestart: true, lastError: null,
      counters: { messagesIn: 0, messagesOut: 0, updatesIn: 0, updatesOut: 0, established: 0 },
    };
  }

  opens(): undefined { return undefined; }

  detail(): ReturnType<PeerLike['detail']> {
    const { config } = this;
    const none = { open: 0, update: 0, keepalive: 0, notification: 0, routeRefresh: 0, bytes: 0 };
    return {
      ...this.status(), port: config.port, localAsn: this.options.global.asn, localAddress: null,
      kind: 'ibgp', remoteRouterId: null, capabilities: null, passive: config.passive,
      timers: {}, messages: { in: none, out: none }, errors: [],
    };
  }

  // ---- what the neighbour does

  /** The session comes up. `restart`: the neighbour's capability says so much; false: it has none. */
  up(some: { readonly restarted?: boolean; readonly preserved?: boolean; readonly restart?: boolean; readonly families?: readonly Family[]; readonly local?: string; readonly negotiated?: Parameters<typeof negotiated>[0] } = {}): void {
    const { config, global } = this.options;
    const localAsn = config.localAsn ?? global.asn;
    const families = some.families ?? config.families;
    const remote = ip(config.address);
    this.#negotiated = negotiated({
      peerAsn: this.asn, localAsn, peerRouterId: typeof remote === 'number' ? remote : 1, families,
      gracefulRestart: some.restart === false ? undefined : restartCapability({
        restarted: some.restarted ?? false, families: families.map((family) => ({ family, forwardingPreserved: some.preserved ?? true })),
      }),
      ...some.negotiated,
    });
    this.#callbacks.up(this.#negotiated, { local: ip(some.local ?? (typeof remote === 'number' ? '192.0.2.254' : 'fd00::254')), remote });
  }

  down(kind: DownReason['kind'] = 'closed', notification?: DownReason['notification']): void {
    if (this.#negotiated === undefined) return;
    this.#negotiated = undefined;
    this.#chunks.length = 0;
    this.view.routes.clear();
    this.#callbacks.down({ kind, text: kind, ...(notification && { notification }) });
  }

  /** Announces prefixes with one attribute set; the next hop is the neighbour itself unless said. */
  announce(prefixes: readonly string[], some: Partial<PathAttributes> = {}, nextHop: string = this.config.address): void {
    this.#update(prefixes, [], { attributes: interned(some), hop: ip(nextHop) });
  }

  withdraw(...prefixes: readonly string[]): void { this.#update([], prefixes); }
  endOfRib(family: Family = this.config.families[0]!): void { this.#callbacks.update({ ...EMPTY, endOfRib: family }); }
  refresh(family: Family, subtype: 'request' | 'begin' | 'end' = 'request'): void { this.#callbacks.routeRefresh(family, subtype); }
  drain(): void { this.hasRoom = true; this.#callbacks.drained(); }
  update(message: Partial<UpdateMessage>): void { this.#callbacks.update({ ...EMPTY, ...message }); }

  /** What the neighbour was sent since the last call, one line a prefix. */
  lines(): string[] {
    const updates = updatesIn(Buffer.concat(this.#chunks.splice(0)), this.#negotiated?.wire);
    this.view.take(updates);
    return linesOf(updates);
  }

  /** As `lines`, with the marks of a refresh among them: `begin ipv4`, `end refresh ipv4`. */
  allLines(): string[] {
    return this.#chunks.splice(0).flatMap((chunk) => [...new Framer().frames(chunk)].flatMap((frame) => {
      const message = decodeMessage(frame.type, frame.body.slice(), this.#negotiated?.wire ?? wireContext(), new AttributeInterner());
      if (message.type !== 'route-refresh') return message.type === 'update' ? linesOf([message]) : [];
      return [`${message.subtype === 'end' ? 'end refresh' : message.subtype} ${message.family}`];
    }));
  }

  #update(announced: readonly string[], withdrawn: readonly string[], what?: { readonly attributes: PathAttributes; readonly hop: Ip }): void {
    const [a4, w4] = [announced, withdrawn].map((list) => list.map(prefix).filter((p) => typeof p === 'number'));
    const [a6, w6] = [announced, withdrawn].map((list) => list.map(prefix).filter((p) => typeof p === 'bigint'));
    const nextHop = what === undefined ? undefined : { address: what.hop };
    this.#callbacks.update({
      ...EMPTY, announced4: a4!, withdrawn4: w4!, announced6: a6!, withdrawn6: w6!,
      attributes: what?.attributes, nextHop4: nextHop, nextHop6: nextHop,
    });
  }
}

/** As the codec does: equal attributes are one object. */
function interned(some: Partial<PathAttributes>): PathAttributes {
  const key = JSON.stringify(some);
  let found = INTERNED.get(key);
  if (found === undefined) INTERNED.set(key, found = attributes(some));
  return found;
}
const INTERNED = new Map<string, PathAttributes>();

const EMPTY: UpdateMessage = {
  type: 'update', attributes: undefined, withdrawn4: [], announced4: [], withdrawn6: [], announced6: [],
  nextHop4: undefined, nextHop6: undefined, endOfRib: undefined, outcome: 'ok', faults: [],
};

export class SpeakerBench {
  readonly clock = new FakeClock();
  readonly kernel: FakeKernel;
  readonly speaker: Speaker;
  /** Every peer object made, in order. */
  readonly made: FakePeer[] = [];
  /** What `listen` was asked for: `[address]:port`; removed when closed. */
  readonly listening = new Set<string>();
  accept: (connection: Connection) => void = () => undefined;
  /** What the kernel was last told to demand. */
  demands: readonly LinkDemand[] = [];
  listenError: Error | undefined;
  #soon: (() => void)[] = [];

  constructor(kernel = new FakeKernel(), log: Log = silentLog, bfd?: BfdPort) {
    this.kernel = kernel;
    this.speaker = startSpeaker({
      clock: this.clock, log, random: () => 0.5, resolver: kernel.resolver, fib: () => kernel.fib,
      soon: (work) => { this.#soon.push(work); }, transport: this.#transport(), ...bfd !== undefined && { bfd },
      newPeer: (_ports, options, callbacks) => { const peer = new FakePeer(options, callbacks); peer.demandsBefore = this.demands; this.made.push(peer); return peer; },
    });
  }

  /** The peer object in use for an address. */
  peer(address: string): FakePeer {
    const found = this.made.findLast((p) => p.config.address === address);
    if (found === undefined) throw new Error(`no peer ${address}`);
    return found;
  }

  async apply(sections: Partial<SpeakerConfig>): Promise<void> {
    await this.speaker.apply(sections);
    await this.settle();
  }

  /** Lets turns pass until nothing is left to do but wait for time or for the network. */
  async settle(): Promise<void> {
    for (let quiet = 0; quiet < 5;) {
      const work = this.#soon.splice(0);
      for (const one of work) one();
      await new Promise((resolve) => { setImmediate(resolve); });
      quiet = work.length === 0 ? quiet + 1 : 0;
    }
  }

  async advance(ms: number): Promise<void> {
    this.clock.advance(ms);
    await this.settle();
  }

  #transport(): TransportPort {
    return {
      dial: () => new Promise(() => undefined),
      demand: (demands) => { this.demands = demands; },
      listen: (address, port, accept) => {
        if (this.listenError !== undefined) return Promise.reject(this.listenError);
        const place = `${address === undefined ? '*' : String(address)}:${port}`;
        this.listening.add(place);
        this.accept = accept;
        return Promise.resolve({ [Symbol.asyncDispose]: () => { this.listening.delete(place); return Promise.resolve(); } });
      },
    };
  }
}
