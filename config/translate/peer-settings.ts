/** What a BGPPeer says of its sessions, whoever they are with: Calico's fields and annotations of ours. */
import type { Problem } from '../../lib/errors.ts';
import type { BGPPeer } from '../kinds/bgp-peer.ts';
import { PEER_ANNOTATIONS, readAnnotations, type PeerAnnotations } from '../kinds/tortie-annotations.ts';
import type { PeerTemplate, RemoteAs } from '../messages/speaker-config.ts';
import { sessionFilters } from './bgp-filters.ts';
import { EXPORT_FILTER } from './filters.ts';
import type { LocalNode } from './local-node.ts';
import { passwordOf } from './passwords.ts';
import { sessionSettings, type SessionNature } from './session-annotations.ts';

/** A BGPPeer with its annotations. */
export interface PeerResource {
  readonly spec: BGPPeer['spec'];
  /** `BGPPeer/NAME`. */
  readonly path: string;
  readonly annotations: PeerAnnotations;
}

export function peerResource(resource: BGPPeer, problems: Problem[]): PeerResource {
  const path = `BGPPeer/${resource.metadata.name}`;
  return { spec: resource.spec, path, annotations: readAnnotations(PEER_ANNOTATIONS, resource.metadata.annotations, path, problems) };
}

/** The AS number that a BGPPeer names, or the kind of it. */
export const remoteAsOf = ({ spec, annotations }: PeerResource): RemoteAs | undefined => spec.asNumber ?? annotations['remote-as'];

/** Packets from no farther than all but the next but last hop: what TTL 255 leaves to check. */
const MAXIMUM_TTL_HOPS = 254;

/** No AS_PATH is so long that more would differ. */
const MAXIMUM_LOCAL_AS = 255;

/** Who the other end is, as far as it decides about settings. */
export interface OtherEnd extends Pick<SessionNature, 'family' | 'side'> {
  readonly asn: RemoteAs;
  /** Of this session. */
  readonly localAsn: number;
  /** Of the node that it is, if it reflects routes too. */
  readonly clusterId?: string | undefined;
}

export const isExternal = (asn: RemoteAs, localAsn: number): boolean => asn === 'external' || (asn !== 'internal' && asn !== localAsn);

/**
 * Settings that go over those of every session; undefined: the session must not come up, and why is a problem. The other
 * end of a peering between nodes has the same ones, so that both sides agree.
 */
export function peerSettings(local: LocalNode, resource: PeerResource, end: OtherEnd, problems: Problem[]): Partial<PeerTemplate> | undefined {
  const { spec, path, annotations } = resource;
  const external = isExternal(end.asn, end.localAsn);
  const password = passwordOf(local.cluster, spec.password, `${path}.spec.password`, problems);
  if (password === undefined) return undefined;
  const settings = sessionSettings(local.defaults, annotations, { external, family: end.family, side: end.side }, path, problems);
  const filters = sessionFilters(local.cluster, spec.filters ?? [], settings.families ?? [end.family], path, problems);
  const mode = spec.nextHopMode ?? (spec.keepOriginalNextHop === true && external ? 'Keep' : 'Auto');
  return {
    ...password,
    ...((spec.ttlSecurity ?? 0) > 0 && { ttlSecurityHops: Math.min(spec.ttlSecurity!, MAXIMUM_TTL_HOPS) }),
    ...(isReflectorClient(local, external, end.clusterId) && { reflectorClient: true }),
    nextHop: mode.toLowerCase() as 'auto' | 'self' | 'keep',
    allowLocalAs: Math.min(spec.numAllowedLocalASNumbers ?? 0, MAXIMUM_LOCAL_AS),
    importFilters: filters.import,
    exportFilters: [...filters.export, EXPORT_FILTER],
    ...settings,
  };
}

/** Internal peers of a route reflector are its clients, unless they reflect for the same cluster. */
const isReflectorClient = ({ node }: LocalNode, external: boolean, clusterId: string | undefined): boolean =>
  !external && node.routeReflectorClusterId !== undefined && clusterId !== node.routeReflectorClusterId;
