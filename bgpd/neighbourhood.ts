/** The configured peers: made, changed and removed as the configuration says, with no session reset without need. */
import type { GlobalSection, PeerConfig, PeersSection, SpeakerConfig } from '../config/messages/speaker-config.ts';
import type { Clock } from '../lib/clock.ts';
import type { Problem } from '../lib/errors.ts';
import { FAMILIES, type Family, type Ip, type Prefix } from '../lib/ip/prefix.ts';
import { ip, parseIp, showIp } from '../lib/ip/text.ts';
import type { Log } from '../lib/log.ts';
import { placeOf } from './links/demands.ts';
import { demandsOf, dynamicPeer, keyConflicts, Ranges, unnumberedPeer } from './links/peer-links.ts';
import { groupFor, sourceFor, type Neighbour, type PeerLike } from './neighbour.ts';
import { policyFor, type PolicyBasis } from './peer-policy.ts';
import { PeerRecord } from './peer-record.ts';
import type { StopReason } from './peer.ts';
import type { LinkDemand } from './ports.ts';
import type { FamilyRib } from './rib/family-rib.ts';
import type { Filters } from './rib/filter.ts';
import type { Guards } from './rib/guards.ts';
import { unfitness } from './rib/loop.ts';
import { FIRST_PEER_INDEX, receivedForm, type Source } from './rib/route.ts';
import { newHelper } from './session/graceful-restart.ts';
import { demandOf } from './settings/changes.ts';

/** What the neighbourhood asks of the speaker. */
export interface NeighbourhoodPorts {
  readonly clock: Pick<Clock, 'wallTime'>;
  readonly log: Log;
  readonly ribs: Readonly<Record<Family, FamilyRib>>;
  /** A session for the neighbour, not started yet. */
  readonly newPeer: (neighbour: Neighbour, global: GlobalSection) => PeerLike;
  /** The neighbour's routes have been run through its import filters again. */
  readonly judged: (neighbour: Neighbour) => void;
  /** The neighbour is no longer configured; its session has been ended. */
  readonly removed: (neighbour: Neighbour) => void;
  /** Before a neighbour can be heard: what the kernel is to demand of it. */
  readonly demand: (demands: readonly LinkDemand[]) => void;
  readonly suspicion: (address: Ip, link: string | undefined) => string | undefined;
  readonly compile: (filters: SpeakerConfig['filters']) => Filters;
  readonly guards: Guards;
}

export class Neighbourhood {
  readonly #ports: NeighbourhoodPorts;
  readonly #byName = new Map<string, Neighbour>();
  readonly #byAddress = new Map<string | Ip, Neighbour>();
  /** Name of an unnumbered peer → the link-local address at the other end of its link. */
  readonly #found = new Map<string, Ip>();
  #peers: PeersSection = { peers: [] };
  #ranges = new Ranges([]);
  #global: GlobalSection | undefined;
  #filters: Pick<PolicyBasis, 'filters' | 'filterTexts'> = { filters: new Map(), filterTexts: new Map() };
  #nextIndex = FIRST_PEER_INDEX;
  /** Of neighbours that came and went without a session, so that nobody can use them up. */
  readonly #freeIndexes: number[] = [];

  constructor(ports: NeighbourhoodPorts) { this.#ports = ports; }

  [Symbol.iterator](): IterableIterator<Neighbour> { return this.#byName.values(); }
  /** `link`: the interface of a link-local address. */
  at(address: Ip, link?: string): Neighbour | undefined { return this.#byAddress.get(placeOf(address, link)); }

  /** By name, or by the text of the address, `fe80::1%eth0` where it is a link-local one. */
  find(text: string): Neighbour | undefined {
    const [host = '', link] = text.split('%');
    const address = parseIp(host);
    return this.#byName.get(text) ?? (address === undefined ? undefined : this.at(address, link))
      ?? [...this.#byName.values()].find((n) => n.address === address && (link === undefined || n.config.interface === link));
  }

  /** What cannot work as it is configured. */
  get problems(): Problem[] { return keyConflicts(this.#peers.peers, this.#ranges); }

  /** Makes the neighbours those of the configuration. */
  reconfigure({ global, peers, filters }: Pick<SpeakerConfig, 'global' | 'peers' | 'filters'>): void {
    const before = this.#global ?? global;
    this.#global = global;
    this.#filters = { filters: this.#ports.compile(filters), filterTexts: new Map(filters.filters.map((filter) => [filter.name, JSON.stringify(filter)])) };
    this.#peers = peers;
    this.#ranges = new Ranges(peers.dynamic ?? []);
    this.#arrange(before);
  }

  /** Who is at the other end of an unnumbered peer's link; undefined: nobody that we know of. */
  found(name: string, address: Ip | undefined): void {
    if (this.#found.get(name) === address) return;
    if (address === undefined) this.#found.delete(name); else this.#found.set(name, address);
    if (this.#global !== undefined) this.#arrange(this.#global);
  }

  /** A neighbour for somebody who dials us and is not configured by name, or why there is none. */
  admit(address: Ip, link?: string): Neighbour | string {
    const range = this.#ranges.find(address);
    if (range === undefined) return 'no such peer';
    const present = [...this.#byName.values()].filter((n) => n.range === range.name).length;
    if (present >= range.maximumPeers) return `${range.name} has its ${range.maximumPeers} peers`;
    const config = dynamicPeer(range, address, link);
    return this.#byName.get(config.name) ?? this.#add(config, range.name);
  }

  /** Forgets neighbours that nobody configured by name once they have neither a connection nor routes. */
  tidy(): void {
    for (const neighbour of this.#byName.values()) {
      if (neighbour.range === undefined || neighbour.session !== undefined || neighbour.peer.status().state !== 'Active') continue;
      const keepsRoutes = FAMILIES.some((family) => this.#ports.ribs[family].loc.adjIn.countsOf(neighbour.source).received > 0);
      if (!keepsRoutes) this.#remove(neighbour, 'deconfigured');
    }
  }

  /** Those that are no longer wanted end with their old keys; then the kernel gets the new ones, and only then others begin. */
  #arrange(before: GlobalSection): void {
    const wanted = this.#wanted();
    const dynamic = new Set([...this.#byName.values()].filter((n) => n.range !== undefined).map((n) => n.config.name));
    for (const config of wanted.values()) this.#rename(config, wanted);
    const records = new Map<string, PeerRecord>();
    for (const neighbour of this.#byName.values()) {
      const config = wanted.get(neighbour.config.name);
      if (config === undefined) this.#remove(neighbour, 'deconfigured');
      else if (this.#endOutdated(neighbour, before, config) && config.address === neighbour.config.address) records.set(config.name, neighbour.record);
    }
    this.#ports.demand(demandsOf([...wanted.values()], this.#peers.dynamic ?? []));
    for (const [name, config] of wanted) {
      const neighbour = this.#byName.get(name);
      if (neighbour !== undefined) this.#change(neighbour, before, config);
      else if (dynamic.has(name)) continue;         // it dials again
      else if (this.at(ip(config.address), config.interface) === undefined) this.#add(config, undefined, records.get(name));
    }
  }

  /** Name → configuration: of the peers that are named, of those found on their links, and of the dynamic ones that are here. */
  #wanted(): Map<string, PeerConfig> {
    const wanted = new Map(this.#peers.peers.map((peer) => [peer.name, peer]));
    const taken = new Set(this.#peers.peers.map((peer) => placeOf(ip(peer.address), peer.interface)));
    for (const peer of this.#peers.unnumbered ?? []) {
      const address = this.#found.get(peer.name);
      if (address !== undefined && !taken.has(placeOf(address, peer.interface))) wanted.set(peer.name, unnumberedPeer(peer, showIp(address)));
    }
    for (const { range, address, config } of this.#byName.values()) {
      if (range === undefined || taken.has(placeOf(address, config.interface))) continue;
      const now = this.#ranges.find(address);
      if (now?.name === range) wanted.set(config.name, dynamicPeer(now, address, config.interface));
    }
    return wanted;
  }

  /** A session ended for which a change was waiting: the next one has it. */
  renew(neighbour: Neighbour): void {
    if (!neighbour.isOutdated || neighbour.session !== undefined || this.#byName.get(neighbour.config.name) !== neighbour) return;
    neighbour.isOutdated = false;
    neighbour.peer.close();             // it is not Established, and why it is not stays on record
    neighbour.peer = this.#ports.newPeer(neighbour, this.#global!);
    neighbour.peer.start();
  }

  #add(config: PeerConfig, range?: string, record = new PeerRecord(this.#ports.clock)): Neighbour {
    const global = this.#global!;
    const source = sourceFor(global, config, this.#freeIndexes.pop() ?? this.#nextIndex++);
    const neighbour: Neighbour = {
      config, range, suspicion: () => this.#ports.suspicion(ip(config.address), config.interface), source, address: ip(config.address),
      policy: policyFor(this.#basis, config, source),
      helper: newHelper(global.gracefulRestart.staleRoutesCapSeconds), timers: new Map(),
      session: undefined, hasBeenUp: false, isOutdated: false, record, peer: undefined as unknown as PeerLike,
    };
    neighbour.peer = this.#ports.newPeer(neighbour, global);
    this.#byName.set(config.name, neighbour);
    this.#byAddress.set(placeOf(neighbour.address, config.interface), neighbour);
    neighbour.peer.start();
    return neighbour;
  }

  /** A neighbour that another resource asks for now has another name; it is the same one, and so is its session. */
  #rename({ name, address, interface: link }: PeerConfig, wanted: ReadonlyMap<string, PeerConfig>): void {
    const neighbour = this.#byName.has(name) ? undefined : this.at(ip(address), link);
    if (neighbour === undefined || neighbour.range !== undefined || wanted.has(neighbour.config.name)) return;
    this.#ports.log.info('peer.renamed', { peer: name, before: neighbour.config.name });
    this.#byName.delete(neighbour.config.name);
    this.#byName.set(name, neighbour);
    neighbour.config = { ...neighbour.config, name };
    neighbour.source.name = name;
    neighbour.isOutdated = true;        // its log has the old name
  }

  /** Ends a session that what is configured now leaves no other way to follow. True: it did. */
  #endOutdated(neighbour: Neighbour, globalBefore: GlobalSection, config: PeerConfig): boolean {
    const { demand, fields } = demandOf({ global: globalBefore, config: neighbour.config }, { global: this.#global!, config });
    if (demand !== 'reset') return false;
    this.#ports.log.info('session.reset', { peer: config.name, fields });
    this.#remove(neighbour, 'configuration-changed');
    return true;
  }

  #remove(neighbour: Neighbour, reason: StopReason): void {
    neighbour.peer.stop(reason);
    this.#byName.delete(neighbour.config.name);
    this.#byAddress.delete(placeOf(neighbour.address, neighbour.config.interface));
    this.#ports.removed(neighbour);
    if (!neighbour.hasBeenUp) this.#freeIndexes.push(neighbour.source.index);
  }

  #change(neighbour: Neighbour, globalBefore: GlobalSection, config: PeerConfig): void {
    const global = this.#global!;
    const { demand, fields } = demandOf({ global: globalBefore, config: neighbour.config }, { global, config });
    neighbour.config = config;
    neighbour.peer.holdDown(config.shutdown?.message);
    neighbour.helper = { ...neighbour.helper, capSeconds: global.gracefulRestart.staleRoutesCapSeconds };
    if (demand === 'next-session') {
      neighbour.isOutdated = true;
      if (neighbour.session !== undefined) this.#ports.log.info('session.outdated', { peer: config.name, fields });
    }
    this.renew(neighbour);
    const before = neighbour.policy;
    const policy = policyFor(this.#basis, config, neighbour.source);
    if (policy.importKey === before.importKey && policy.exportKey === before.exportKey) return;
    neighbour.policy = policy;
    if (policy.importKey !== before.importKey) this.judgeAgain(neighbour);
    if (policy.exportKey !== before.exportKey) this.#regroup(neighbour);
    this.#setClient(neighbour.source, config.reflectorClient === true);
  }

  get #basis(): PolicyBasis { return { ...this.#filters, global: this.#global!, guards: this.#ports.guards }; }

  /** Whether others may have what a peer sends hangs on it. */
  #setClient(source: Source, isClient: boolean): void {
    if (source.isReflectorClient === isClient) return;
    source.isReflectorClient = isClient;
    for (const family of FAMILIES) this.#ports.ribs[family].loc.touchAll();
  }

  /** Runs guards, loop detection and import filters again over what the peer has sent, or over some of its prefixes. */
  judgeAgain(neighbour: Neighbour, isAffected?: (prefix: Prefix) => boolean): void {
    const { source, policy } = neighbour;
    for (const family of FAMILIES) {
      const { loc } = this.#ports.ribs[family];
      for (const route of loc.routes) {
        if (route.source === source) route.refusal = unfitness(receivedForm(route).attributes, policy.loop, source);
      }
      loc.judge(source, policy.importFilter, isAffected);
    }
    this.#ports.judged(neighbour);
  }

  /** Links, addresses or next hops changed: routes may leave by other interfaces. */
  linksChanged(): void {
    for (const neighbour of this.#byName.values()) if (neighbour.policy.asksInterfaces) this.judgeAgain(neighbour);
  }

  /** What the peer is sent follows other rules now. */
  #regroup(neighbour: Neighbour): void {
    const { session } = neighbour;
    if (session === undefined) return;
    for (const [family, place] of session.places) {
      const rib = this.#ports.ribs[family];
      const group = groupFor(rib, neighbour, session);
      if (group === place.group) continue;
      group.adopt(place.member, place.group);
      rib.leaveGroup(place.group);
      place.group = group;
    }
  }
}
