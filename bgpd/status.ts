/** What people and the agent may ask about the speaker: its state and its peers. Routes are in `route-views.ts`. */
import { CONTROL_VERSION, type PeerDetail, type PeerStatus, type SpeakerStatus } from '../config/messages/bgpd-control.ts';
import type { Problem } from '../lib/errors.ts';
import { FAMILIES, type Family } from '../lib/ip/prefix.ts';
import { showPrefix } from '../lib/ip/text.ts';
import type { Neighbour } from './neighbour.ts';
import type { FamilyRib } from './rib/family-rib.ts';
import { SOFTWARE, type Speaker } from './speaker.ts';

/** `…_10_0_0_9` before `…_10_0_0_10`, however they came and went. */
const BY_NUMBERS = new Intl.Collator('en', { numeric: true });

/** `problems`: what was wrong with the configuration; what goes wrong at run time is added. */
export function statusOf(speaker: Speaker, problems: readonly Problem[]): SpeakerStatus {
  const { global } = speaker.config;
  const { ribs } = speaker.routing;
  return {
    version: CONTROL_VERSION,
    software: SOFTWARE,
    routerId: global?.routerId ?? null,
    asn: global?.asn ?? null,
    startedAtMs: speaker.startedAtMs,
    restarting: speaker.isRestarting,
    peers: [...speaker.neighbours].map((neighbour) => peerStatusOf(neighbour, ribs)).sort((a, b) => BY_NUMBERS.compare(a.name, b.name)),
    routes: { ipv4: routeCountsOf(ribs.ipv4), ipv6: routeCountsOf(ribs.ipv6) },
    originated: FAMILIES.flatMap((family) => [...ribs[family].originated.keys()].map(showPrefix)),
    problems: [...problems, ...speaker.problems],
  };
}

const routeCountsOf = (rib: FamilyRib): SpeakerStatus['routes'][Family] =>
  ({ prefixes: rib.loc.table.size, paths: rib.loc.adjIn.paths, installed: rib.fib.installed });

export function peerStatusOf(neighbour: Neighbour, ribs: Readonly<Record<Family, FamilyRib>>): PeerStatus {
  const { source, session, config } = neighbour;
  const counts = FAMILIES.map((family) => ribs[family].loc.adjIn.countsOf(source));
  let advertised = 0;
  for (const { group } of session?.places.values() ?? []) advertised += group.out.advertisedTo(source);
  return {
    ...neighbour.peer.status(),
    name: config.name,
    info: infoOf(neighbour),
    origin: config.origin,
    received: counts.reduce((sum, c) => sum + c.accepted, 0),
    stale: counts.reduce((sum, c) => sum + c.stale, 0),
    advertised,
    endOfRib: [...session?.endOfRib ?? []],
    ...config.shutdown !== undefined && { shutdown: config.shutdown.message },
    ...neighbour.bfd !== undefined && { bfd: neighbour.bfd },
    ...neighbour.cleared !== undefined && { cleared: neighbour.cleared },
  };
}

/** Ends of sessions and dials that segments dropped by the kernel may be behind; after others somebody was heard. */
const SILENCE = /^$|^Connection timed out|^(?:sent|received): Hold timer expired|^Connection refused$/;

/**
 * Why there is no session, with what the kernel says about segments that it dropped. It does not know whose they were, so that
 * this is told only where silence is the matter.
 */
export function infoOf({ peer, suspicion }: Pick<Neighbour, 'suspicion'> & { readonly peer: { status(): Pick<PeerStatus, 'state' | 'info'> } }): string {
  const { state, info } = peer.status();
  const suspected = state === 'Established' || !SILENCE.test(info) ? undefined : suspicion?.();
  return [info, suspected].filter((text) => text !== undefined && text !== '').join('; ');
}

/** Routes accepted from a peer, of both families. Undefined: no such peer. */
export function acceptedFrom(speaker: Speaker, peer: string): number | undefined {
  const neighbour = speaker.neighbours.find(peer);
  if (neighbour === undefined) return undefined;
  return FAMILIES.reduce((sum, family) => sum + speaker.routing.ribs[family].loc.adjIn.countsOf(neighbour.source).accepted, 0);
}

/** All about one peer. Undefined: there is none of that name or address. */
export function peerDetailOf(speaker: Speaker, peer: string): PeerDetail | undefined {
  const neighbour = speaker.neighbours.find(peer);
  return neighbour === undefined ? undefined : detailOf(neighbour, speaker.routing.ribs);
}

export function detailOf(neighbour: Neighbour, ribs: Readonly<Record<Family, FamilyRib>>): PeerDetail {
  const { source, session, config } = neighbour;
  const perFamily: { [F in Family]?: NonNullable<PeerDetail['perFamily'][F]> } = {};
  for (const family of FAMILIES) {
    const { received, accepted, stale } = ribs[family].loc.adjIn.countsOf(source);
    const place = session?.places.get(family);
    if (place === undefined && received === 0) continue;
    perFamily[family] = {
      received, accepted, stale, advertised: place?.group.out.advertisedTo(source) ?? 0, endOfRib: session?.endOfRib.has(family) === true,
    };
  }
  const { maximumPrefixes } = config;
  return {
    ...neighbour.peer.detail(),
    ...peerStatusOf(neighbour, ribs),
    interface: config.interface ?? null,
    md5: config.password !== undefined,
    ttlSecurityHops: config.ttlSecurityHops ?? null,
    perFamily,
    maximumPrefixes: maximumPrefixes === undefined ? null : { limit: maximumPrefixes.limit, warningPercent: maximumPrefixes.warningPercent ?? 75 },
    importFilters: config.importFilters,
    exportFilters: config.exportFilters,
  };
}
