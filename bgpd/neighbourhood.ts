/** The configured peers: made, changed and removed as the configuration says, with no session reset without need. */
import type { GlobalSection, PeerConfig, SpeakerConfig } from '../config/messages/speaker-config.ts';
import { FAMILIES, type Family, type Ip } from '../lib/ip/prefix.ts';
import { ip, parseIp } from '../lib/ip/text.ts';
import { exportTargetFor, groupKeyOf, policyFor, sourceFor, type Neighbour, type PeerLike } from './neighbour.ts';
import type { StopReason } from './peer.ts';
import type { FamilyRib } from './rib/family-rib.ts';
import { compileFilters, type Filters } from './rib/filter.ts';
import { loopIn } from './rib/loop.ts';
import { FIRST_PEER_INDEX } from './rib/route.ts';
import { newHelper } from './session/graceful-restart.ts';
import { demandOf } from './settings/changes.ts';

/** What the neighbourhood asks of the speaker. */
export interface NeighbourhoodPorts {
  readonly ribs: Readonly<Record<Family, FamilyRib>>;
  /** A session for the neighbour, not started yet. */
  readonly newPeer: (neighbour: Neighbour, global: GlobalSection) => PeerLike;
  /** The neighbour is no longer configured; its session has been ended. */
  readonly removed: (neighbour: Neighbour) => void;
}

export class Neighbourhood {
  readonly #ports: NeighbourhoodPorts;
  readonly #byName = new Map<string, Neighbour>();
  readonly #byAddress = new Map<Ip, Neighbour>();
  #global: GlobalSection | undefined;
  #filters: Filters = new Map();
  /** Filter name → its rules as text, to see what changed. */
  #filterTexts: ReadonlyMap<string, string> = new Map();
  #nextIndex = FIRST_PEER_INDEX;

  constructor(ports: NeighbourhoodPorts) { this.#ports = ports; }

  get filters(): Filters { return this.#filters; }
  [Symbol.iterator](): IterableIterator<Neighbour> { return this.#byName.values(); }
  at(address: Ip): Neighbour | undefined { return this.#byAddress.get(address); }
  /** By name, or by the text of the address. */
  find(text: string): Neighbour | undefined {
    const address = parseIp(text);
    return this.#byName.get(text) ?? (address === undefined ? undefined : this.#byAddress.get(address));
  }

  /** Makes the neighbours those of the configuration. */
  reconfigure({ global, peers, filters }: Pick<SpeakerConfig, 'global' | 'peers' | 'filters'>): void {
    const before = this.#global ?? global;
    this.#global = global;
    this.#filters = compileFilters(filters.filters);
    this.#filterTexts = new Map(filters.filters.map((filter) => [filter.name, JSON.stringify(filter)]));
    const wanted = new Map(peers.peers.map((peer) => [peer.name, peer]));
    for (const neighbour of this.#byName.values()) {
      if (!wanted.has(neighbour.config.name)) this.#remove(neighbour, 'deconfigured');
    }
    for (const neighbour of this.#byName.values()) {
      const config = wanted.get(neighbour.config.name)!;
      if (demandOf({ global: before, config: neighbour.config }, { global, config }) === 'reset') this.#remove(neighbour, 'configuration-changed');
      else this.#change(neighbour, before, config);
    }
    for (const config of peers.peers) if (!this.#byName.has(config.name)) this.#add(config);
  }

  /** A session ended for which a change was waiting: the next one has it. */
  renew(neighbour: Neighbour): void {
    if (!neighbour.isOutdated || neighbour.session !== undefined || this.#byName.get(neighbour.config.name) !== neighbour) return;
    neighbour.isOutdated = false;
    neighbour.peer.stop('configuration-changed');
    neighbour.peer = this.#ports.newPeer(neighbour, this.#global!);
    neighbour.peer.start();
  }

  #add(config: PeerConfig): void {
    const global = this.#global!;
    const neighbour: Neighbour = {
      config, source: sourceFor(global, config, this.#nextIndex++), address: ip(config.address),
      ...policyFor(global, config, this.#filters),
      importKey: this.#importKey(config), exportKey: this.#exportKey(config),
      helper: newHelper(global.gracefulRestart.staleRoutesCapSeconds), timers: new Map(),
      session: undefined, hasBeenUp: false, isOutdated: false, peer: undefined as unknown as PeerLike,
    };
    neighbour.peer = this.#ports.newPeer(neighbour, global);
    this.#byName.set(config.name, neighbour);
    this.#byAddress.set(neighbour.address, neighbour);
    neighbour.peer.start();
  }

  #remove(neighbour: Neighbour, reason: StopReason): void {
    neighbour.peer.stop(reason);
    this.#byName.delete(neighbour.config.name);
    this.#byAddress.delete(neighbour.address);
    this.#ports.removed(neighbour);
  }

  #change(neighbour: Neighbour, globalBefore: GlobalSection, config: PeerConfig): void {
    const global = this.#global!;
    const demand = demandOf({ global: globalBefore, config: neighbour.config }, { global, config });
    neighbour.config = config;
    neighbour.helper = { ...neighbour.helper, capSeconds: global.gracefulRestart.staleRoutesCapSeconds };
    if (demand === 'next-session') {
      neighbour.isOutdated = true;
      this.renew(neighbour);
    }
    const [importKey, exportKey] = [this.#importKey(config), this.#exportKey(config)];
    if (importKey === neighbour.importKey && exportKey === neighbour.exportKey) return;
    Object.assign(neighbour, policyFor(global, config, this.#filters));
    if (importKey !== neighbour.importKey) this.judgeAgain(neighbour);
    const exportChanged = exportKey !== neighbour.exportKey;
    Object.assign(neighbour, { importKey, exportKey });
    if (exportChanged) this.#regroup(neighbour);
  }

  /** Runs loop detection and import filters again over what the peer has sent. */
  judgeAgain(neighbour: Neighbour): void {
    for (const family of FAMILIES) {
      const { loc } = this.#ports.ribs[family];
      for (const route of loc.routes) {
        if (route.source === neighbour.source) route.refusal = loopIn(route.attributes, neighbour.loop);
      }
      loc.judge(neighbour.source, neighbour.importFilter);
    }
  }

  /** What the peer is sent follows other rules now. */
  #regroup(neighbour: Neighbour): void {
    const { session, config, exportKey, exportFilter } = neighbour;
    if (session === undefined) return;
    for (const [family, place] of session.places) {
      const rib = this.#ports.ribs[family];
      const target = exportTargetFor(family, config, session);
      const group = rib.groupFor(groupKeyOf(target, exportKey), target, exportFilter);
      if (group === place.group) continue;
      group.adopt(place.member, place.group);
      rib.leaveGroup(place.group);
      place.group = group;
    }
  }

  #importKey(config: PeerConfig): string {
    return `${config.allowLocalAs} ${this.#textsOf(config.importFilters)}`;
  }

  #exportKey(config: PeerConfig): string {
    return `${config.nextHop} ${this.#textsOf(config.exportFilters)}`;
  }

  #textsOf(names: readonly string[]): string {
    return names.map((name) => this.#filterTexts.get(name) ?? `no filter ${name}`).join(' ');
  }
}
