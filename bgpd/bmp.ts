/** Reports sessions and routes to BMP stations (RFC 7854, RFC 9069). With none configured, nothing here costs anything. */
import type { GlobalSection } from '../config/messages/speaker-config.ts';
import type { Problem } from '../lib/errors.ts';
import type { Prefix } from '../lib/ip/prefix.ts';
import { BmpFeed, type FeedSource } from './bmp-feed.ts';
import { BmpStation, type StationPorts } from './bmp-station.ts';
import type { PeerDownReason } from './bmp/messages.ts';
import type { Neighbour } from './neighbour.ts';
import type { Source } from './rib/route.ts';
import type { DownReason } from './session/negotiated.ts';
import { encodeMessage } from './wire/codec.ts';
import { wireContext } from './wire/context.ts';
import type { UpdateMessage } from './wire/message.ts';

interface Monitor { readonly station: BmpStation; readonly feed: BmpFeed; readonly key: string }

/** Events of RFC 4271 §8.1.4 and §8.1.5. */
const FSM_EVENT = { holdTimerExpires: 10, manualStop: 2 } as const;

export class Bmp {
  readonly #ports: StationPorts;
  readonly #source: FeedSource;
  readonly #monitors = new Map<string, Monitor>();

  constructor(ports: StationPorts, source: FeedSource) {
    this.#ports = ports;
    this.#source = source;
  }

  get problems(): Problem[] { return [...this.#monitors.values()].flatMap(({ station }) => station.problems); }

  /** Makes the stations those of the configuration. One whose settings, or whose view of us, changed starts anew. */
  configure({ bmp, routerId, asn }: GlobalSection): void {
    const wanted = new Map((bmp?.stations ?? []).map((config) => [config.name, { config, key: JSON.stringify([config, routerId, asn]) }]));
    for (const [name, { station, key }] of this.#monitors) {
      if (wanted.get(name)?.key === key) continue;
      station.close();
      this.#monitors.delete(name);
    }
    for (const [name, { config, key }] of wanted) {
      if (this.#monitors.has(name)) continue;
      const feed = new BmpFeed(this.#source, config);
      this.#monitors.set(name, { feed, key, station: new BmpStation(this.#ports, config, feed) });
    }
    const isLocRib = [...this.#monitors.values()].some(({ station }) => station.config.monitor.includes('loc-rib'));
    for (const rib of Object.values(this.#source.ribs)) {
      rib.onSelected = isLocRib ? (prefix) => { this.#tell((feed) => { feed.selected(prefix); }); } : undefined;
      rib.loc.onRemoved = this.#monitors.size > 0 ? (source, id, pathId) => { this.#removed(source, rib.loc.table.prefixOf(id), pathId); } : undefined;
    }
  }

  up(neighbour: Neighbour): void { this.#tell((feed) => { feed.up(neighbour); }); }

  /** `neighbour` has its session still. */
  down(neighbour: Neighbour, reason: DownReason): void {
    if (this.#monitors.size === 0) return;
    const why = downReason(reason);
    this.#tell((feed) => { feed.down(neighbour, why); });
  }

  /** After it was absorbed. */
  update(neighbour: Neighbour, message: UpdateMessage): void {
    if (this.#monitors.size === 0) return;
    this.#tell((feed) => {
      if (message.endOfRib !== undefined) { feed.endOfRib(neighbour, message.endOfRib); return; }
      for (const [prefixes, ids] of [
        [message.withdrawn4, message.withdrawnIds4], [message.announced4, message.announcedIds4],
        [message.withdrawn6, message.withdrawnIds6], [message.announced6, message.announcedIds6],
      ] as const) {
        for (let i = 0; i < prefixes.length; i++) feed.changed(neighbour, prefixes[i]!, ids?.[i] ?? 0);
      }
    });
  }

  /** The peer's routes have been run through other import filters. */
  judged(neighbour: Neighbour): void { this.#tell((feed) => { feed.judged(neighbour); }); }

  close(): void {
    for (const { station } of this.#monitors.values()) station.close();
    this.#monitors.clear();
  }

  #removed(source: Source, prefix: Prefix, pathId: number): void {
    for (const neighbour of this.#source.neighbours) {
      if (neighbour.source === source) this.#tell((feed) => { feed.changed(neighbour, prefix, pathId); });
    }
  }

  #tell(say: (feed: BmpFeed) => void): void {
    for (const { station, feed } of this.#monitors.values()) {
      if (!station.isConnected) continue;
      say(feed);
      if (feed.isLost) station.restart('it reads more slowly than routes change');
      else station.wake();
    }
  }
}

/** RFC 7854 §4.9. */
function downReason({ kind, notification }: DownReason): PeerDownReason {
  if (notification === undefined) return kind === 'closed' ? { type: 'remote-closed' } : { type: 'local-event', event: kind === 'hold-timer' ? FSM_EVENT.holdTimerExpires : FSM_EVENT.manualStop };
  const bytes = encodeMessage({ type: 'notification', ...notification }, wireContext());
  return { type: kind === 'notified' ? 'remote-notification' : 'local-notification', notification: bytes };
}

