/** What one BMP station is told: peers up and down at once, routes as they are when the station takes them. */
import type { BmpStation as StationConfig, GlobalSection } from '../config/messages/speaker-config.ts';
import type { Clock } from '../lib/clock.ts';
import { FAMILIES, familyOf, type Family, type Prefix } from '../lib/ip/prefix.ts';
import { ip } from '../lib/ip/text.ts';
import { initiation, peerDown, peerUp, routeMonitoring, statisticsReport, type MonitoredPeer, type PeerDownReason, type Statistic } from './bmp/messages.ts';
import { PendingChanges, type Changes } from './bmp/pending.ts';
import { RouteBatch } from './bmp/routes.ts';
import type { StationFeed } from './bmp-station.ts';
import type { Neighbour } from './neighbour.ts';
import { REFUSED } from './rib/adj-rib-in.ts';
import type { FamilyRib } from './rib/family-rib.ts';
import { receivedForm, type Route } from './rib/route.ts';
import { encodeMessage } from './wire/codec.ts';
import { AFI } from './wire/constants.ts';
import { capabilitiesWith, wireContext } from './wire/context.ts';
import type { WireContext } from './wire/message.ts';
import { endOfRib } from './wire/pack.ts';

export interface FeedSource {
  readonly clock: Clock;
  readonly ribs: Readonly<Record<Family, FamilyRib>>;
  readonly neighbours: Iterable<Neighbour>;
  readonly global: () => GlobalSection;
  readonly software: string;
}

/** Loc-RIB, or the Adj-RIB-In of a neighbour. */
type Table = Neighbour | 'loc-rib';
/** A walk through a whole table. */
interface Walk { readonly table: Table; readonly family: Family; nextId: number }

/** Prefixes told in one turn: a few milliseconds. */
const SLICE = 2_048;
/** Prefixes that a slow station may be behind: some 10 MB. */
export const MAXIMUM_PENDING = 100_000;
/** Peers up and down that a slow station may be behind. */
const MAXIMUM_URGENT = 1_024;

export class BmpFeed implements StationFeed {
  readonly #source: FeedSource;
  readonly #config: StationConfig;
  readonly #pending = new PendingChanges<Table>(MAXIMUM_PENDING);
  /** Messages about peers, which come before routes. */
  #urgent: Uint8Array[] = [];
  #walks: Walk[] = [];
  /** Peers that the station knows as up. */
  readonly #up = new Set<Neighbour>();
  #isOn = false;

  constructor(source: FeedSource, config: StationConfig) {
    this.#source = source;
    this.#config = config;
  }

  /** The station has missed something that cannot be made up for: it must start anew. */
  get isLost(): boolean { return this.#pending.isFull || this.#urgent.length > MAXIMUM_URGENT; }
  get #isIn(): boolean { return this.#config.monitor.some((view) => view !== 'loc-rib'); }
  get #isLocRib(): boolean { return this.#config.monitor.includes('loc-rib'); }

  begin(): void {
    this.end();
    this.#isOn = true;
    const { routerId } = this.#source.global();
    this.#urgent.push(initiation(routerId, this.#source.software));
    for (const neighbour of this.#source.neighbours) if (neighbour.session !== undefined) this.up(neighbour, true);
    if (!this.#isLocRib) return;
    this.#urgent.push(this.#locRibUp());
    for (const family of FAMILIES) this.#walks.push({ table: 'loc-rib', family, nextId: 0 });
  }

  end(): void {
    this.#isOn = false;
    this.#urgent = [];
    this.#walks = [];
    this.#up.clear();
    this.#pending.clear();
  }

  // ---- what happens

  /** `isOld`: it has been up, and there are routes. */
  up(neighbour: Neighbour, isOld = false): void {
    const { session } = neighbour;
    const opens = neighbour.peer.opens();
    if (!this.#isOn || session === undefined || opens === undefined) return;
    this.#up.add(neighbour);
    this.#urgent.push(peerUp(this.#peer(neighbour, false), {
      localAddress: session.endpoints.local, localPort: 0, remotePort: 0, sentOpen: opens.sent, receivedOpen: opens.received,
    }));
    if (isOld && this.#isIn) for (const family of session.negotiated.families) this.#walks.push({ table: neighbour, family, nextId: 0 });
  }

  down(neighbour: Neighbour, reason: PeerDownReason): void {
    if (!this.#up.delete(neighbour)) return;
    this.#pending.drop(neighbour);
    this.#walks = this.#walks.filter((walk) => walk.table !== neighbour);
    this.#urgent.push(peerDown(this.#peer(neighbour, false), reason));
  }

  changed(neighbour: Neighbour, prefix: Prefix, pathId: number): void {
    if (this.#isIn && this.#up.has(neighbour)) this.#pending.add(neighbour, prefix, pathId);
  }

  /** All routes of a peer may have become others: import filters changed. */
  judged(neighbour: Neighbour): void {
    if (!this.#up.has(neighbour) || !this.#config.monitor.includes('post-policy')) return;
    for (const family of FAMILIES) {
      const { table, adjIn } = this.#source.ribs[family].loc;
      adjIn.forEachOf(neighbour.source, (prefixId, pathId) => { this.#pending.add(neighbour, table.prefixOf(prefixId), pathId); });
    }
  }

  endOfRib(neighbour: Neighbour, family: Family): void {
    if (this.#isIn && this.#up.has(neighbour)) this.#walks.push({ table: neighbour, family, nextId: Infinity });
  }

  selected(prefix: Prefix): void {
    if (this.#isOn && this.#isLocRib) this.#pending.add('loc-rib', prefix);
  }

  // ---- what is said

  next(): readonly Uint8Array[] | undefined {
    if (this.#urgent.length > 0) return this.#urgent.splice(0);
    const taken = this.#pending.take(SLICE);
    if (taken !== undefined) return this.#changes(...taken);
    const [walk] = this.#walks;
    return walk === undefined ? undefined : this.#walk(walk);
  }

  statistics(): readonly Uint8Array[] {
    const { ribs } = this.#source;
    const reports = [...this.#up].map((neighbour) => {
      const counts = FAMILIES.map((family) => ({ type: 9, afi: AFI[family], value: ribs[family].loc.adjIn.countsOf(neighbour.source).received }));
      const total: Statistic = { type: 7, value: counts.reduce((sum, c) => sum + c.value, 0) };
      return statisticsReport(this.#peer(neighbour, false), [total, ...counts.filter((c) => c.value > 0)]);
    });
    if (!this.#isLocRib) return reports;
    const counts = FAMILIES.map((family) => ({ type: 10, afi: AFI[family], value: ribs[family].loc.table.size }));
    return [...reports, statisticsReport(this.#locRib(), [{ type: 8, value: counts.reduce((sum, c) => sum + c.value, 0) }, ...counts])];
  }

  #changes(table: Table, changes: Changes): Uint8Array[] {
    const batches = new Batches();
    for (const [prefix, ids] of changes) for (const id of ids) this.#gather(batches, table, prefix, id);
    return this.#messages(table, batches);
  }

  #walk(walk: Walk): Uint8Array[] {
    const { loc } = this.#source.ribs[walk.family];
    const batches = new Batches();
    let told = 0;
    for (; walk.nextId < loc.table.limit && told < SLICE; walk.nextId++) {
      const id = walk.nextId;
      if (walk.table === 'loc-rib') {
        if (loc.best(id) === undefined) continue;
        this.#gather(batches, walk.table, loc.table.prefixOf(id), 0);
        told++;
        continue;
      }
      for (let path = loc.adjIn.first(id); path !== 0; path = loc.adjIn.next(path)) {
        if (loc.adjIn.sourceOf(path) !== walk.table.source.index) continue;
        this.#gather(batches, walk.table, loc.table.prefixOf(id), loc.adjIn.pathIdOf(path));
        told++;
      }
    }
    const messages = this.#messages(walk.table, batches);
    if (walk.nextId < loc.table.limit) return messages;
    this.#walks.shift();
    for (const view of this.#viewsOf(walk.table)) messages.push(routeMonitoring(view, endOfRib(walk.family)));
    return messages;
  }

  /** What holds for the prefix now. */
  #gather(batches: Batches, table: Table, prefix: Prefix, pathId: number): void {
    const family = familyOf(prefix);
    const { loc } = this.#source.ribs[family];
    const id = loc.table.find(prefix);
    if (table === 'loc-rib') { put(batches.of(family, 'post', LOC_RIB), prefix, id < 0 ? undefined : loc.best(id), 0); return; }
    const path = id < 0 ? 0 : loc.adjIn.find(id, table.source, pathId);
    const route = path === 0 ? undefined : loc.routes.get(loc.adjIn.routeOf(path));
    const isRefused = path !== 0 && (loc.adjIn.flagsOf(path) & REFUSED) !== 0;
    const context = contextOf(table);
    put(batches.of(family, 'pre', context), prefix, route && receivedForm(route), pathId);
    put(batches.of(family, 'post', context), prefix, isRefused ? undefined : route, pathId);
  }

  #messages(table: Table, batches: Batches): Uint8Array[] {
    return this.#viewsOf(table).flatMap((view) => batches.messages(view.type === 'loc-rib' || view.postPolicy ? 'post' : 'pre').map((update) => routeMonitoring(view, update)));
  }

  #viewsOf(table: Table): MonitoredPeer[] {
    if (table === 'loc-rib') return [this.#locRib()];
    const { monitor } = this.#config;
    return [
      ...(monitor.includes('pre-policy') ? [this.#peer(table, false)] : []),
      ...(monitor.includes('post-policy') ? [this.#peer(table, true)] : []),
    ];
  }

  #peer({ source, session }: Neighbour, postPolicy: boolean): MonitoredPeer {
    return {
      type: 'global', postPolicy, address: source.address, asn: session?.negotiated.peerAsn ?? source.asn, routerId: source.routerId,
      timeMs: this.#source.clock.wallTime(),
    };
  }

  #locRib(): MonitoredPeer {
    const { asn, routerId } = this.#source.global();
    return { type: 'loc-rib', postPolicy: false, address: undefined, asn, routerId: ip(routerId) as number, timeMs: this.#source.clock.wallTime() };
  }

  /** Its OPENs are made up: they say which families there are, and that AS numbers have four octets (RFC 9069 §4.4). It has no name: there is one. */
  #locRibUp(): Uint8Array {
    const { asn, routerId } = this.#source.global();
    const open = encodeMessage({
      type: 'open', version: 4, asn, holdTimeSeconds: 0, routerId: ip(routerId) as number,
      capabilities: capabilitiesWith({ families: FAMILIES, fourOctetAs: true }),
    }, LOC_RIB);
    return peerUp(this.#locRib(), { localAddress: undefined, localPort: 0, remotePort: 0, sentOpen: open, receivedOpen: open });
  }
}

const LOC_RIB: WireContext = wireContext({ extendedNextHop: true });

/** Read by the OPENs of the session: path identifiers stand where the peer sends them. LOCAL_PREF is shown to all. */
function contextOf({ session }: Neighbour): WireContext {
  const wire = session?.negotiated.wire;
  return wire === undefined ? LOC_RIB : wireContext({ addPathOut: wire.addPathIn, extendedNextHop: wire.extendedNextHop, maximumBytes: wire.maximumBytes });
}

function put(batch: RouteBatch, prefix: Prefix, route: Pick<Route, 'attributes' | 'nextHop'> | undefined, pathId: number): void {
  if (route === undefined) batch.withdraw(prefix, pathId); else batch.announce(prefix, route, pathId);
}

type Policy = 'pre' | 'post';

/** One batch for each family, before and after policy. */
class Batches {
  readonly #batches = new Map<string, RouteBatch>();

  of(family: Family, policy: Policy, context: WireContext): RouteBatch {
    const key = `${policy} ${family}`;
    let batch = this.#batches.get(key);
    if (batch === undefined) this.#batches.set(key, batch = new RouteBatch(family, context));
    return batch;
  }

  messages(policy: Policy): Uint8Array[] {
    return FAMILIES.flatMap((family) => this.#batches.get(`${policy} ${family}`)?.messages() ?? []);
  }
}
