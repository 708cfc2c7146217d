/** What address allocation needs to know of the cluster, from its snapshot. */
import type { ClusterSnapshot } from '../../config/translate/snapshot.ts';
import { isEncapsulated, usablePools } from '../../config/translate/pools.ts';
import { familyOf, FAMILIES, hostPrefix, type Family, type Prefix } from '../../lib/ip/prefix.ts';
import { parseIp, parsePrefix } from '../../lib/ip/text.ts';
import { DEFAULT_SETTINGS, type IpamView } from '../../ipam/blocks/allocator.ts';
import { poolOf, type Pool } from '../../ipam/blocks/pools.ts';

export function ipamViewOf(cluster: ClusterSnapshot, node: string): IpamView {
  const settings = cluster.IPAMConfiguration.get('default')?.spec;
  return {
    pools: poolsOf(cluster),
    settings: settings === undefined ? DEFAULT_SETTINGS : {
      autoAllocateBlocks: settings.autoAllocateBlocks, maxBlocksPerHost: settings.maxBlocksPerHost, cooldownSeconds: settings.ipCooldownSeconds ?? 0,
    },
    reserved: [...cluster.IPReservation.values()].flatMap((r) => r.spec.reservedCIDRs ?? []).map(prefixOrHost).filter((p) => p !== undefined),
    nodeLabels: cluster.Node.get(node)?.labels ?? {},
  };
}

/** All pools; those that cannot be used for another reason than they say themselves are closed with it. */
function poolsOf(cluster: ClusterSnapshot): Pool[] {
  const usable = new Set(usablePools(cluster.IPPool.values()).pools);
  return [...cluster.IPPool.values()].flatMap((resource) => {
    const pool = poolOf(resource);
    if (pool === undefined) return [];
    const closed = !usable.has(resource) ? 'it overlaps an older pool' : isEncapsulated(resource) ? 'its encapsulation is not built yet' : pool.closed;
    return [{ ...pool, closed }];
  });
}

/** Families that pods can get addresses of: those of open pools. */
export const familiesOf = (view: Pick<IpamView, 'pools'>): Family[] =>
  FAMILIES.filter((family) => view.pools.some((p) => p.closed === '' && familyOf(p.cidr) === family));

/** Empty, or why no pod can be attached or detached now. */
export function gateOf(cluster: ClusterSnapshot, inSync: boolean): string {
  if (!inSync) return 'the cluster has not been read yet';
  if (cluster.ClusterInformation.get('default')?.spec.datastoreReady === false) return 'the datastore is locked (ClusterInformation default: datastoreReady is false)';
  return '';
}

function prefixOrHost(text: string): Prefix | undefined {
  const address = parseIp(text);
  return address === undefined ? parsePrefix(text) : hostPrefix(address);
}
