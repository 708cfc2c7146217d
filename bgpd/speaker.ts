/** The speaker: takes configuration, what peers say and what the kernel does, changes the tables, and lets them flush. */
import type { GlobalSection, SpeakerConfig } from '../config/messages/speaker-config.ts';
import type { TimerHandle } from '../lib/clock.ts';
import { assertNever, type Problem } from '../lib/errors.ts';
import { FAMILIES, type Family, type Ip } from '../lib/ip/prefix.ts';
import { showPrefix } from '../lib/ip/text.ts';
import { Bfd } from './bfd.ts';
import { Bmp } from './bmp.ts';
import { Listeners } from './listeners.ts';
import { ignoredPaths, PrefixLimits } from './maximum-prefixes.ts';
import { groupFor, unsayable, type Neighbour, type NeighbourSession, type PeerLike } from './neighbour.ts';
import { Neighbourhood } from './neighbourhood.ts';
import { guardSettingsFor } from './peer-policy.ts';
import { Peer, type PeerCallbacks, type PeerOptions, type PeerPorts } from './peer.ts';
import { awaitedPeers } from './links/peer-links.ts';
import type { BfdPort, Connection, RouterDiscoveryPort, TransportPort } from './ports.ts';
import { Refresh } from './refresh.ts';
import { Refusals } from './refusals.ts';
import { Retention } from './retention.ts';
import { Guards } from './rib/guards.ts';
import type { WhyRefused } from './rib/loc-rib.ts';
import { unfitness } from './rib/loop.ts';
import { FIRST_PEER_INDEX } from './rib/route.ts';
import { NO_FILTERS, RouteSettings, type RouteSettingsPorts } from './route-settings.ts';
import { Routing, type RoutingPorts } from './routing.ts';
import type { RestartState } from './session/local-open.ts';
import type { DownReason, Endpoints, Negotiated } from './session/negotiated.ts';
import { beginRestart, stepRestart, type RestartEvent, type RestartingSpeaker, type RestartStep } from './session/restarting-speaker.ts';
import { Unnumbered } from './unnumbered.ts';
import { AttributeInterner } from './wire/interner.ts';
import { partOf } from './wire/update-part.ts';
import type { UpdateMessage } from './wire/message.ts';

/** Of prefixes that guards refuse, a peer's are told of this often. */
const GUARDED_MS = 60_000;

export interface SpeakerPorts extends RoutingPorts, RouteSettingsPorts {
  readonly transport: TransportPort;
  /** Who is at the other end of a link; absent: unnumbered peers find nobody. */
  readonly discovery?: RouterDiscoveryPort;
  /** Who watches over paths to peers; absent: nobody. */
  readonly bfd?: BfdPort;
  /** Makes the sessions of a peer; `Peer` unless a test gives its own. */
  readonly newPeer?: (ports: PeerPorts, options: PeerOptions, callbacks: PeerCallbacks) => PeerLike;
}

/** A speaker that waits to be told what to do: `apply`. */
export const startSpeaker = (ports: SpeakerPorts): Speaker => new Speaker(ports);

/** How we call ourselves. */
export const SOFTWARE = 'tortie bgpd';

export class Speaker {
  readonly routing: Routing;
  readonly neighbours: Neighbourhood;
  readonly #unnumbered: Unnumbered;
  readonly listeners: Listeners;
  readonly refresh: Refresh;
  readonly retention: Retention;
  /** How many prefixes peers may send. */
  readonly limits: PrefixLimits;
  readonly #guards = new Guards((address) => (this.neighbours.at(address) === undefined ? 0 : this.#linkOf(address)));
  readonly #bmp: Bmp;
  readonly #bfd: Bfd;
  readonly #routeSettings: RouteSettings;
  readonly #refusals: Refusals;
  readonly #watching: Disposable;
  readonly startedAtMs: number;
  readonly #ports: SpeakerPorts;
  readonly #interner = new AttributeInterner();
  #config: Partial<SpeakerConfig> = {};
  /** Our own restart (RFC 4724 §4.1): undefined until there is a configuration, and for ever when nothing was found. */
  #restart: RestartingSpeaker | undefined;
  #deferral: TimerHandle | undefined;
  #applying: Promise<void> = Promise.resolve();

  constructor(ports: SpeakerPorts) {
    this.#ports = ports;
    this.startedAtMs = ports.clock.wallTime();
    this.routing = new Routing(ports, this.#interner);
    this.#routeSettings = new RouteSettings(ports, this.routing);
    this.limits = new PrefixLimits({ ribs: this.routing.ribs, log: ports.log });
    const common = { clock: ports.clock, log: ports.log, ribs: this.routing.ribs };
    this.refresh = new Refresh({ ...common, changed: () => { this.routing.changed(); } });
    this.retention = new Retention({ ...common, changed: (neighbour) => { this.routing.changed(); this.#tidySoon(neighbour); } });
    this.neighbours = new Neighbourhood({
      clock: ports.clock, log: ports.log,
      ribs: this.routing.ribs,
      newPeer: (neighbour, global) => this.#newPeer(neighbour, global),
      guards: this.#guards,
      compile: (filters) => this.#routeSettings.compile(filters),
      judged: (neighbour) => { this.#bmp.judged(neighbour); },
      demand: (demands) => { ports.transport.demand?.(demands); },
      suspicion: (address, link) => ports.transport.suspicion?.(address, link),
      removed: (neighbour) => { this.limits.forget(neighbour); this.retention.step(neighbour, { type: 'removed' }); },
    });
    this.#bmp = new Bmp(ports, {
      clock: ports.clock, ribs: this.routing.ribs, neighbours: this.neighbours, global: () => this.#config.global!, software: SOFTWARE,
    });
    this.#unnumbered = new Unnumbered({
      ...ports, discovery: ports.discovery,
      found: (name, address) => { this.neighbours.found(name, address); this.#bfd.arrange(); },
      hasSession: (name) => this.neighbours.find(name)?.session !== undefined,
    });
    this.#bfd = new Bfd({ ...ports, bfd: ports.bfd, neighbours: this.neighbours, retention: this.retention });
    this.#watching = ports.resolver.onChange(() => { this.neighbours.linksChanged(); this.#bfd.arrange(); });
    this.#refusals = new Refusals(ports);
    this.listeners = new Listeners(ports, (connection) => { this.#onConnection(connection); });
  }

  get config(): Partial<SpeakerConfig> { return this.#config; }
  /** Wall-clock milliseconds. */
  get nowMs(): number { return this.#ports.clock.wallTime(); }
  get isRestarting(): boolean { return FAMILIES.some((family) => this.routing.ribs[family].isDeferring); }

  /** What guards have against a route; filters say no more than no. */
  readonly whyRefused: WhyRefused = (prefix, { source, nextHop }) =>
    (source.index < FIRST_PEER_INDEX ? undefined : this.#guards.refusal(prefix, source.interfaceIndex, nextHop?.address));

  /** What goes wrong at run time, in words for people. */
  get problems(): Problem[] {
    const refused = FAMILIES.flatMap((family) => [...this.routing.ribs[family].fib.refusals]);
    return [
      ...this.listeners.problems,
      ...this.#ports.transport.problems ?? [],
      ...this.neighbours.problems,
      ...this.#unnumbered.problems,
      ...refused.map((r) => ({ path: `kernel/${showPrefix(r.prefix)}`, message: `${r.code}: ${r.message}` })),
      ...[...this.neighbours].flatMap(unsayable),
      ...FAMILIES.flatMap((family) => ignoredPaths(this.neighbours, family, this.routing.ribs[family])),
      ...this.limits.problems(this.neighbours),
      ...this.#bmp.problems,
      ...this.#bfd.problems,
    ];
  }

  /** Replaces whole sections, which are valid. Nothing happens before there is a global one. */
  apply(sections: Partial<SpeakerConfig>): Promise<void> {
    const applied = this.#applying.then(() => this.#onConfig({ ...this.#config, ...sections }));
    this.#applying = applied.catch(() => undefined);
    return applied;
  }

  /** Ends like a crash that means to come back: peers keep our routes, and the kernel does. */
  async close(): Promise<void> {
    this.#watching[Symbol.dispose]();
    this.#unnumbered[Symbol.dispose]();
    this.#routeSettings[Symbol.dispose]();
    this.#bmp.close();
    this.#bfd[Symbol.dispose]();
    this.routing[Symbol.dispose]();
    for (const neighbour of this.neighbours) neighbour.peer.close();
    await this.listeners.close();
    this.#refusals[Symbol.dispose]();
  }

  /** Ends for good: Cease to every peer, with a message (RFC 9003), and our routes leave the kernel. */
  async shutdown(message = ''): Promise<void> {
    await this.listeners.close();
    this.#bfd.shutdown();
    for (const neighbour of this.neighbours) neighbour.peer.stop('shutdown', { message });
    for (const family of FAMILIES) {
      const rib = this.routing.ribs[family];
      rib.endDeferral();
      rib.endAdoption();
      rib.setPolicy({ install: false, filter: undefined, maximumPaths: 1 });
    }
    await this.routing.settle();
    await this.close();
  }

  async #onConfig(next: Partial<SpeakerConfig>): Promise<void> {
    const { global } = next;
    if (global === undefined) { this.#config = next; return; }
    await this.#routeSettings.apply(global, next);
    this.#config = next;
    if (next.peers !== undefined) {
      this.#unnumbered.configure(next.peers.unnumbered ?? []);
      const affected = this.#guards.configure(guardSettingsFor(global, next.originate));
      this.neighbours.reconfigure({ global, peers: next.peers, filters: next.filters ?? NO_FILTERS });
      if (affected !== undefined) for (const neighbour of this.neighbours) this.neighbours.judgeAgain(neighbour, affected);
      this.#onPeersConfigured(global, next.peers);
      for (const neighbour of this.neighbours) this.limits.reconfigured(neighbour);
      this.#bfd.arrange();
    }
    this.#bmp.configure(global);
    this.routing.changed();
    await this.listeners.listenOn(global.listen);
  }

  #onPeersConfigured(global: GlobalSection, section: SpeakerConfig['peers']): void {
    const peers = awaitedPeers(section);
    if (this.#restart !== undefined) this.#stepRestart({ type: 'configured', peers });
    else if (this.isRestarting) this.#followRestart(beginRestart(peers, global.gracefulRestart.selectionDeferralSeconds));
  }

  #onConnection(connection: Connection): void {
    const { remote, link } = connection;
    const found = this.neighbours.at(remote, link?.name) ?? this.neighbours.admit(remote, link?.name);
    if (typeof found !== 'string') { found.peer.accept(connection); if (found.range !== undefined) this.#bfd.arrange(); return; }
    this.#refusals.note(remote, found);
    connection.destroy();
  }

  #newPeer(neighbour: Neighbour, global: GlobalSection): PeerLike {
    const { clock, transport, random, log } = this.#ports;
    const make = this.#ports.newPeer ?? ((ports, options, callbacks) => new Peer(ports, options, callbacks));
    return make({ clock, transport, log, random, interner: this.#interner }, {
      config: neighbour.config, global, restartState: () => this.#restartState(neighbour), record: neighbour.record,
    }, {
      up: (negotiated, endpoints) => { this.#onUp(neighbour, negotiated, endpoints); },
      update: (message) => { this.#onUpdate(neighbour, message); },
      routeRefresh: (family, subtype) => { this.refresh.received(neighbour, family, subtype); },
      down: (reason) => { this.#onDown(neighbour, reason); },
      drained: () => { this.#onDrained(neighbour); },
      changed: () => { this.#tidySoon(neighbour); },
    });
  }

  /** F bits: our routes stood in the kernel when we started, or have not been lost since the last session. */
  #restartState(neighbour: Neighbour): RestartState {
    return {
      restarted: this.#restart !== undefined && this.#restart.deferred.length > 0,
      forwardingPreserved: neighbour.hasBeenUp ? FAMILIES : this.#routeSettings.preserved,
    };
  }

  #onUp(neighbour: Neighbour, negotiated: Negotiated, endpoints: Endpoints): void {
    const { source, config } = neighbour;
    this.limits.forget(neighbour);
    source.routerId = negotiated.peerRouterId;
    source.asn = negotiated.peerAsn;
    source.address = endpoints.remote;
    source.interfaceIndex = endpoints.interfaceIndex ?? this.#linkOf(endpoints.remote);
    const link = { ...endpoints, interfaceIndex: source.interfaceIndex, own6: this.#own6On(source.interfaceIndex) };
    const session: NeighbourSession = { negotiated, endpoints: link, places: new Map(), endOfRib: new Set() };
    neighbour.session = session;
    neighbour.hasBeenUp = true;
    this.retention.step(neighbour, { type: 'sessionUp', negotiated });
    this.refresh.step(neighbour, { type: 'sessionUp', negotiated });
    this.#stepRestart({ type: 'sessionUp', peer: config.name, negotiated });
    for (const family of negotiated.families) {
      const group = groupFor(this.routing.ribs[family], neighbour, session);
      const member = group.join(source, (bytes, updates) => neighbour.peer.send(bytes, updates));
      session.places.set(family, { group, member });
    }
    this.#bmp.up(neighbour);
    this.routing.changed();
  }

  /** The link on which an address is directly connected; 0: it is not. */
  #linkOf(address: Ip): number {
    const found = this.#ports.resolver.resolve(address);
    return found.reachable && found.gateway === undefined ? found.interfaceIndex : 0;
  }

  #own6On(interfaceIndex: number): Ip[] {
    return (this.#ports.resolver.ownAddresses?.(interfaceIndex) ?? []).filter((address) => typeof address === 'bigint');
  }

  #tidySoon({ range }: Neighbour): void {
    if (range !== undefined) this.#ports.soon(() => { this.neighbours.tidy(); this.#bfd.arrange(); });
  }

  #onUpdate(neighbour: Neighbour, message: UpdateMessage): void {
    if (message.endOfRib !== undefined) { this.#onEndOfRib(neighbour, message.endOfRib); this.#bmp.update(neighbour, message); return; }
    for (const family of FAMILIES) this.#absorb(neighbour, family, message);
    this.#tellGuarded(neighbour);
    this.limits.check(neighbour);
    this.#bmp.update(neighbour, message);
    this.routing.changed();
  }

  /** RFC 7606: with outcome `withdraw`, what is announced counts as withdrawn. */
  #absorb(neighbour: Neighbour, family: Family, message: UpdateMessage): void {
    const { withdrawn, announced, nextHop } = partOf(message, family);
    if (withdrawn.prefixes.length === 0 && announced.prefixes.length === 0) return;
    if (neighbour.session?.places.has(family) !== true) return;
    const rib = this.routing.ribs[family];
    const { source, policy } = neighbour;
    if (withdrawn.prefixes.length > 0) rib.loc.withdraw(source, withdrawn.prefixes, withdrawn.ids);
    if (announced.prefixes.length === 0) return;
    const { attributes, outcome } = message;
    if (outcome === 'withdraw' || attributes === undefined || nextHop === undefined) rib.loc.withdraw(source, announced.prefixes, announced.ids);
    else rib.announce(source, announced.prefixes, attributes, nextHop, unfitness(attributes, policy.loop, source), policy.importFilter, announced.ids);
  }

  /** RFC 4271 §6.3: what makes no sense is to be logged, but not as often as a neighbour likes. */
  #tellGuarded({ config, policy: { guarded } }: Neighbour): void {
    const { count, prefix, reason, toldMs } = guarded;
    const now = this.#ports.clock.now();
    if (prefix === undefined || now - toldMs < GUARDED_MS) return;
    Object.assign(guarded, { count: 0, prefix: undefined, toldMs: now });
    this.#ports.log.warn('update.guarded', { peer: config.name, count, prefix: showPrefix(prefix), reason });
  }

  #onEndOfRib(neighbour: Neighbour, family: Family): void {
    neighbour.session?.endOfRib.add(family);
    this.retention.step(neighbour, { type: 'endOfRib', family });
    this.refresh.step(neighbour, { type: 'endOfRib', family });
    this.#stepRestart({ type: 'endOfRib', peer: neighbour.config.name, family });
    this.routing.changed();
  }

  #onDrained(neighbour: Neighbour): void {
    for (const { member } of neighbour.session?.places.values() ?? []) member.isBlocked = false;
    this.routing.changed();
  }

  #onDown(neighbour: Neighbour, reason: DownReason): void {
    this.#bmp.down(neighbour, reason);
    for (const [family, { group, member }] of neighbour.session?.places ?? []) {
      group.members.delete(neighbour.source);
      this.routing.ribs[family].leaveGroup(group, member);
    }
    neighbour.session = undefined;
    this.refresh.step(neighbour, { type: 'sessionDown' });
    this.retention.step(neighbour, { type: 'sessionDown', reason });
    if (neighbour.isOutdated) this.#ports.soon(() => { this.neighbours.renew(neighbour); });
    this.routing.changed();
  }

  #stepRestart(event: RestartEvent): void {
    if (this.#restart !== undefined) this.#followRestart(stepRestart(this.#restart, event));
  }

  #followRestart([next, effects]: RestartStep): void {
    this.#restart = next;
    for (const effect of effects) {
      switch (effect.type) {
        case 'select':
          for (const family of effect.families) this.routing.ribs[family].endDeferral();
          this.#ports.log.info('restart.selected', { families: effect.families });
          this.routing.changed();
          break;
        case 'release':
          for (const family of effect.families) this.routing.ribs[family].endAdoption();
          this.routing.changed();
          break;
        case 'arm':
          this.#deferral = this.#ports.clock.after(effect.seconds * 1000, () => { this.#stepRestart({ type: 'expired', timer: 'deferral' }); });
          break;
        case 'disarm': this.#deferral?.[Symbol.dispose](); break;
        default: assertNever(effect);
      }
    }
  }
}
