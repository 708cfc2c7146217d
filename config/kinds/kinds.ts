/** All kinds we know, by name; and how one is read from JSON. */
import type { Problem } from '../../lib/errors.ts';
import { unlike, shown } from '../schema/schema.ts';
import { isObject } from '../schema/structure.ts';
import { BGP_CONFIGURATION } from './bgp-configuration.ts';
import { BGP_FILTER } from './bgp-filter.ts';
import { BGP_PEER } from './bgp-peer.ts';
import { CALICO_NODE_STATUS } from './calico-node-status.ts';
import { CLUSTER_INFORMATION } from './cluster-information.ts';
import { FELIX_CONFIGURATION } from './felix-configuration.ts';
import { IP_POOL } from './ip-pool.ts';
import { BLOCK_AFFINITY, IPAM_BLOCK, IPAM_CONFIGURATION, IPAM_HANDLE, IP_RESERVATION } from './ipam.ts';
import { API_VERSION, type Kind, type Metadata, type Resource, type ResourceOf } from './kind.ts';
import { KUBE_CONTROLLERS_CONFIGURATION } from './kube-controllers-configuration.ts';

export const KINDS = {
  IPPool: IP_POOL,
  IPReservation: IP_RESERVATION,
  BGPConfiguration: BGP_CONFIGURATION,
  BGPPeer: BGP_PEER,
  BGPFilter: BGP_FILTER,
  BlockAffinity: BLOCK_AFFINITY,
  IPAMBlock: IPAM_BLOCK,
  IPAMHandle: IPAM_HANDLE,
  IPAMConfiguration: IPAM_CONFIGURATION,
  ClusterInformation: CLUSTER_INFORMATION,
  FelixConfiguration: FELIX_CONFIGURATION,
  KubeControllersConfiguration: KUBE_CONTROLLERS_CONFIGURATION,
  CalicoNodeStatus: CALICO_NODE_STATUS,
} as const;

export type KindName = keyof typeof KINDS;
export const KIND_NAMES = Object.keys(KINDS) as readonly KindName[];
export type ResourceOfKind<K extends KindName> = ResourceOf<(typeof KINDS)[K]>;
/** Any of our resources. */
export type AnyResource = { readonly [K in KindName]: ResourceOfKind<K> }[KindName];

/** The description of a kind whose type is not at issue. */
export const descriptionOf = (name: KindName): Kind => KINDS[name] as unknown as Kind;

export interface Parsed<T> {
  /** What could be understood. Undefined: nothing that could be used. */
  readonly value: T | undefined;
  /** Bad fields. Optional ones were left out of `value`. */
  readonly problems: readonly Problem[];
}

/**
 * Reads a resource from JSON that already has our spelling (`storage` translates the stored one). Never throws.
 * `value` is there although optional fields are bad, so that a user of settings can go on with the good ones;
 * a user of whole things (a peer, a pool) leaves out what has problems.
 */
export function parseResource<K extends KindName>(name: K, input: unknown): Parsed<ResourceOfKind<K>> {
  const kind = descriptionOf(name);
  const problems: Problem[] = [];
  const object = isObject(input) ? input : {};
  const metadata = readMetadata(kind, object['metadata'], problems);
  const path = pathOf(name, metadata?.name);
  const spec = kind.spec.read(object['spec'] ?? {}, `${path}.spec`, problems);
  if (metadata === undefined || spec === undefined) return { value: undefined, problems };
  const status = object['status'] === undefined ? undefined : kind.status?.read(object['status'], `${path}.status`, []);
  const value = {
    ...object, apiVersion: API_VERSION, kind: name, metadata,
    spec: kind.complete(spec),
    ...(status === undefined ? {} : { status }),
  } as unknown as Resource;
  for (const rule of problems.length === 0 ? kind.rules ?? [] : []) {
    if (!rule.holds(value as never)) problems.push({ path: `${path}.${rule.at ?? 'spec'}`, message: rule.message });
  }
  return { value: value as ResourceOfKind<K>, problems };
}

/** Where a problem is: `BGPPeer/tor-1`. */
export const pathOf = (kind: string, name: string | undefined): string => `${kind}/${name ?? '?'}`;

const NAME = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;

function readMetadata(kind: Kind, input: unknown, problems: Problem[]): Metadata | undefined {
  const name = isObject(input) ? input['name'] : undefined;
  if (typeof name !== 'string' || name.length > 253 || !NAME.test(name)) {
    const said = name === undefined ? 'missing: expected a name' : unlike(name, 'a name', 'at most 253 of a-z, 0-9, "-" and "."');
    problems.push({ path: `${pathOf(kind.kind, undefined)}.metadata.name`, message: said });
    return undefined;
  }
  if (kind.onlyName !== undefined && name !== kind.onlyName) {
    const message = `${shown(name)} is not its name: expected ${shown(kind.onlyName)}, the only object of this kind`;
    problems.push({ path: `${pathOf(kind.kind, name)}.metadata.name`, message });
  }
  const metadata = input as Readonly<Record<string, unknown>>;
  return { ...metadata, name, ...texts(metadata, 'labels'), ...texts(metadata, 'annotations') };
}

/** Labels and annotations are read by us: only text gets through. */
function texts(metadata: Readonly<Record<string, unknown>>, field: 'labels' | 'annotations'): object {
  const given = metadata[field];
  if (given === undefined) return {};
  const entries = isObject(given) ? Object.entries(given).filter(([, v]) => typeof v === 'string') : [];
  return { [field]: Object.fromEntries(entries) };
}
