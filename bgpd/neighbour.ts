/** What the speaker keeps of one configured peer beside its session: its source of routes, its policy, its groups. */
import type { PeerStatus } from '../config/messages/bgpd-control.ts';
import type { GlobalSection, PeerConfig } from '../config/messages/speaker-config.ts';
import type { TimerHandle } from '../lib/clock.ts';
import type { Problem } from '../lib/errors.ts';
import type { Family, Ip } from '../lib/ip/prefix.ts';
import { ip } from '../lib/ip/text.ts';
import type { Peer } from './peer.ts';
import { exportTargetFor, groupKeyOf, localAsnOf, type PeerPolicy } from './peer-policy.ts';
import type { PeerRecord } from './peer-record.ts';
import type { FamilyRib } from './rib/family-rib.ts';
import type { Member, PeerGroup } from './rib/peer-group.ts';
import { isLinkLocal } from './rib/next-hop.ts';
import type { Source } from './rib/route.ts';
import type { Helper, HelperTimer } from './session/graceful-restart.ts';
import type { Endpoints, Negotiated } from './session/negotiated.ts';
import type { NextHop } from './wire/message.ts';

/** What is needed of `Peer`; tests give their own. */
export type PeerLike = Pick<Peer, 'start' | 'stop' | 'hold' | 'holdDown' | 'close' | 'accept' | 'send' | 'fail' | 'requestRefresh' | 'markRefresh' | 'status' | 'detail' | 'opens'>;

export interface Neighbour {
  config: PeerConfig;
  peer: PeerLike;
  /** Outlives `peer`: counters, and the errors that tell why it is down. */
  readonly record: PeerRecord;
  readonly source: Source;
  /** Name of the range that it dialled us from; undefined: it is configured itself. */
  readonly range: string | undefined;
  /** Why it may be silent, where the kernel lets us know. */
  readonly suspicion?: () => string | undefined;
  /** Of the configured address: who an incoming connection is from. */
  readonly address: Ip;
  policy: PeerPolicy;
  helper: Helper;
  readonly timers: Map<HelperTimer, TimerHandle>;
  /** Present while Established. */
  session: NeighbourSession | undefined;
  /** It has been Established since we started: what we forward for it was never lost since. */
  hasBeenUp: boolean;
  /** A change that waits for the session to end. */
  isOutdated: boolean;
  /** What BFD says of it; undefined: it is not to watch. */
  bfd?: PeerStatus['bfd'];
  /** The last `clear` that an operator asked for. */
  cleared?: PeerStatus['cleared'];
}

/** The ends of a session, and the link between them; 0: the peer is not directly connected. */
export interface LinkEndpoints extends Endpoints {
  readonly interfaceIndex: number;
  /** Our IPv6 addresses on that link. */
  readonly own6: readonly Ip[];
}

export interface NeighbourSession {
  readonly negotiated: Negotiated;
  readonly endpoints: LinkEndpoints;
  readonly places: Map<Family, { group: PeerGroup; readonly member: Member }>;
  readonly endOfRib: Set<Family>;
}

export function sourceFor(global: GlobalSection, config: PeerConfig, index: number): Source {
  return {
    index, name: config.name, kind: config.asn === 'internal' || config.asn === localAsnOf(global, config) ? 'ibgp' : 'ebgp',
    isReflectorClient: config.reflectorClient === true, isBehindUs: config.behindUs === true, role: config.role?.local,
    asn: typeof config.asn === 'number' ? config.asn : 0, routerId: 0, address: ip(config.address), interfaceIndex: 0,
  };
}

/** The peers that are sent the same as this one. */
export function groupFor(rib: FamilyRib, { policy }: Neighbour, session: NeighbourSession): PeerGroup {
  const target = exportTargetFor(rib.family, policy.exportRules, session, selfFor(rib.family, session));
  return rib.groupFor(groupKeyOf(target, policy.exportKey), target, policy.exportFilter);
}

/**
 * What "through us" is called: our end of the session. Of IPv6 also our link-local address where the peer is directly
 * connected (RFC 2545 §3), and beside a link-local end our global address on the link. An IPv6 end may stand for
 * IPv4 routes where both sides said so (RFC 8950). Undefined: we have no address that the family can name.
 */
function selfFor(family: Family, { negotiated, endpoints }: NeighbourSession): NextHop | undefined {
  const { local, own6 } = endpoints;
  if (typeof local === 'number') return family === 'ipv4' ? { address: local } : undefined;
  if (family === 'ipv4' && !negotiated.wire.extendedNextHop) return undefined;
  const linkLocal = isLinkLocal(local) ? local : own6.find(isLinkLocal);
  const address = isLinkLocal(local) ? own6.find((a) => !isLinkLocal(a)) ?? local : local;
  return linkLocal === undefined || linkLocal === address ? { address } : { address, linkLocal };
}

/** Families that were negotiated on a session whose own address cannot be named as next hop for them. */
export function unsayable({ config, session }: Neighbour): Problem[] {
  return [...session?.places ?? []].filter(([, { group }]) => group.out.target.self === undefined).map(([family]) => ({
    path: `peers/${config.name}.families`,
    message: `own ${family} routes cannot be announced over a session of the other family: expected a peer with an ${family} address`,
  }));
}
