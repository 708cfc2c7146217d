/** What is sent to peers, what is put into the kernel and what is taken from there, as Calico's BIRD filters decide it. */
import type { Problem } from '../../lib/errors.ts';
import { familyOf, type Family, type Prefix } from '../../lib/ip/prefix.ts';
import type { IPPool } from '../kinds/ip-pool.ts';
import type { FilterConfig, FiltersSection } from '../messages/speaker-config.ts';
import { bgpFilters, kernelMatches } from './bgp-filters.ts';
import { felixDevices, putsPlainRoutes } from './cluster-routes.ts';
import { communityRules } from './communities.ts';
import type { LocalNode } from './local-node.ts';
import { isEncapsulated } from './pools.ts';
import { exactly, inside, insideText, ruleFor } from './prefix-matches.ts';
import { normalLocalPref } from './priorities.ts';
import { allRanges } from './services.ts';

export const EXPORT_FILTER = 'export';
export const KERNEL_FILTER = 'kernel';
export const REDISTRIBUTION_FILTER = 'redistribute';

/** What this node has that goes out. */
export interface Announced {
  readonly pools: readonly IPPool[];
  readonly blocks: readonly Prefix[];
}

/** `used`: names of BGPFilters' filters that sessions go through. */
export function filtersOf(local: LocalNode, announced: Announced, used: ReadonlySet<string>, problems: Problem[]): FiltersSection {
  const written = bgpFilters(local.cluster, used);
  return {
    filters: [
      exportFilter(local, announced, problems), kernelFilter(local, announced.pools),
      redistributionFilter(local, announced, written), ...written,
    ],
  };
}

/**
 * Calico's common export function, step by step. Own blocks go out, what lies inside them (the pods' /32) does not unless
 * its priority is better than normal; of the rest only what lies inside a pool: addresses borrowed from another node's
 * block, and routes passed on to eBGP peers. A disabled pool still counts, since its pods live on.
 */
function exportFilter(local: LocalNode, { pools, blocks }: Announced, problems: Problem[]): FilterConfig {
  const { settings, ownSettings, node } = local;
  const elevated = (family: Family): number => normalLocalPref(settings, family) + 1;
  const blocksOf = (family: Family): Prefix[] => blocks.filter((b) => familyOf(b) === family);
  return {
    name: EXPORT_FILTER,
    rules: [
      ...ruleFor('reject', pools.filter(isHidden).flatMap(insidePool)),
      { sessions: ['ibgp'], interfaces: felixDevices(local), action: 'reject' },
      { interfaces: ['bpf*.cali'], action: 'reject' },
      ...communityRules(settings, ownSettings, node.name, problems),
      ...ruleFor('accept', blocks.map(exactly)),
      ...ruleFor('accept', blocksOf('ipv4').map(inside), { minLocalPref: elevated('ipv4') }),
      ...ruleFor('accept', blocksOf('ipv6').map(inside), { minLocalPref: elevated('ipv6') }),
      ...ruleFor('reject', blocks.map(inside)),
      ...ruleFor('accept', allRanges(settings).map(inside), { sources: ['originated'] }),
      ...ruleFor('accept', reflectedServices(local).map(inside)),
      ...ruleFor('accept', pools.filter((p) => !isHidden(p)).flatMap(insidePool)),
    ],
    otherwise: 'reject',
  };
}

/**
 * A route reflector passes on addresses of Services, which lie in no pool. Other nodes do not, though Calico's do where an
 * address lies in a range: a router outside would take them for nodes with an endpoint (externalTrafficPolicy Local).
 */
function reflectedServices({ node, settings }: LocalNode): readonly Prefix[] {
  if (node.routeReflectorClusterId === undefined) return [];
  return allRanges(settings);
}

/** Service addresses belong to kube-proxy; encapsulated pools would be reached without their tunnel. */
function kernelFilter(local: LocalNode, pools: readonly IPPool[]): FilterConfig {
  const isLeftOut = putsPlainRoutes(local) ? isEncapsulated : () => true;
  return {
    name: KERNEL_FILTER,
    rules: [
      ...ruleFor('reject', allRanges(local.settings).map(inside)),
      ...ruleFor('reject', pools.filter(isLeftOut).flatMap(insidePool)),
    ],
    otherwise: 'accept',
  };
}

/** Everything of the kernel that any session could be sent. */
function redistributionFilter(local: LocalNode, { pools, blocks }: Announced, written: readonly FilterConfig[]): FilterConfig {
  return {
    name: REDISTRIBUTION_FILTER,
    rules: [
      ...ruleFor('accept', [...blocks, ...reflectedServices(local)].map(inside)),
      ...ruleFor('accept', pools.filter((p) => !isHidden(p)).flatMap(insidePool)),
      ...written.filter((f) => f.name.endsWith('.export')).flatMap(kernelMatches),
    ],
    otherwise: 'reject',
  };
}

const isHidden = (pool: IPPool): boolean => pool.spec.disableBGPExport === true;
const insidePool = (pool: IPPool) => insideText(pool.spec.cidr);
