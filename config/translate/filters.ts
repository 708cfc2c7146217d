/** What is sent to peers and what is put into the kernel, as Calico's BIRD filters decide it. */
import { bitsOf, familyOf, type Prefix } from '../../lib/ip/prefix.ts';
import { parsePrefix, showPrefix } from '../../lib/ip/text.ts';
import type { FilterConfig, FilterRule, FiltersSection, PrefixMatch } from '../messages/speaker-config.ts';
import type { BGPConfiguration } from '../kinds/bgp-configuration.ts';
import type { IPPool } from '../kinds/ip-pool.ts';
import { isEncapsulated } from './pools.ts';

export const EXPORT_FILTER = 'export';
export const KERNEL_FILTER = 'kernel';

export function filtersOf(settings: Partial<BGPConfiguration['spec']>, pools: readonly IPPool[], blocks: readonly Prefix[]): FiltersSection {
  return { filters: [exportFilter(pools, blocks), kernelFilter(settings, pools)] };
}

/**
 * Own blocks go out, what lies inside them (the pods' /32) does not; of the rest only what lies inside a pool:
 * addresses borrowed from another node's block, and routes passed on to eBGP peers. A disabled pool still counts, since
 * its pods live on. A pool that is not to be exported comes first of all.
 */
function exportFilter(pools: readonly IPPool[], blocks: readonly Prefix[]): FilterConfig {
  return {
    name: EXPORT_FILTER,
    rules: rules(
      ['reject', pools.filter((p) => p.spec.disableBGPExport === true).flatMap(insidePool)],
      ['accept', blocks.map((b) => ({ prefix: showPrefix(b) }))],
      ['reject', blocks.map(inside)],
      ['accept', pools.flatMap(insidePool)],
    ),
    otherwise: 'reject',
  };
}

/** Service addresses belong to kube-proxy; encapsulated pools would be reached without their tunnel. */
function kernelFilter(settings: Partial<BGPConfiguration['spec']>, pools: readonly IPPool[]): FilterConfig {
  const services = [...settings.serviceClusterIPs ?? [], ...settings.serviceExternalIPs ?? [], ...settings.serviceLoadBalancerIPs ?? []];
  return {
    name: KERNEL_FILTER,
    rules: rules(
      ['reject', services.flatMap(({ cidr }) => insideText(cidr))],
      ['reject', pools.filter(isEncapsulated).flatMap(insidePool)],
    ),
    otherwise: 'accept',
  };
}

/** Rules with nothing to match are left out: a rule that names nothing would match everything. */
function rules(...entries: readonly (readonly ['accept' | 'reject', readonly PrefixMatch[]])[]): FilterRule[] {
  return entries.filter(([, prefixes]) => prefixes.length > 0).map(([action, prefixes]) => ({ prefixes, action }));
}

/** The prefix itself and everything in it. */
const inside = (prefix: Prefix): PrefixMatch => ({ prefix: showPrefix(prefix), maxLength: bitsOf(familyOf(prefix)) });

const insidePool = (pool: IPPool): PrefixMatch[] => insideText(pool.spec.cidr);

function insideText(cidr: string | undefined): PrefixMatch[] {
  const prefix = cidr === undefined ? undefined : parsePrefix(cidr);
  return prefix === undefined ? [] : [inside(prefix)];
}
