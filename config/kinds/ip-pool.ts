/** IPPool: a range that pod addresses come from, and how its packets travel. */
import { contains, familyOf, lengthOf } from '../../lib/ip/prefix.ts';
import { parsePrefix, prefix } from '../../lib/ip/text.ts';
import { bool, choice, integer, required, withDefault, type Infer, type Schema } from '../schema/schema.ts';
import { cidr, conditions, isStrictlyMasked, selector } from '../schema/scalars.ts';
import { list, object, type Rule } from '../schema/structure.ts';
import { kind, type ResourceOf } from './kind.ts';

const MODES = ['Never', 'Always', 'CrossSubnet'] as const;
export const POOL_USES = ['Workload', 'Tunnel', 'LoadBalancer'] as const;
export type PoolUse = (typeof POOL_USES)[number];

/** Prefix length of the blocks of a pool that says nothing: 64 addresses. */
export const DEFAULT_BLOCK_SIZE = { ipv4: 26, ipv6: 122 } as const;
const BLOCK_SIZES = { ipv4: [20, 32], ipv6: [116, 128] } as const;
const LINK_LOCAL = [prefix('169.254.0.0/16'), prefix('fe80::/10')];

/** A field that may not change once written: blocks have been cut from it. */
function immutable<S extends Schema<unknown>>(field: S, message: string): S {
  const validation = { 'x-kubernetes-validations': [{ rule: 'self == oldSelf', message, reason: 'FieldValueInvalid' }] };
  return { ...field, openapi: { v1: { ...field.openapi.v1, ...validation }, v3: { ...field.openapi.v3, ...validation } } };
}

const fields = {
  cidr: required(immutable(cidr({ maxLength: 48 }), 'the CIDR of a pool cannot be changed: make a new pool and move the pods')),
  blockSize: immutable(integer({ noun: 'a block size', minimum: 0, maximum: 128 }), 'the block size of a pool cannot be changed: make a new pool and move the pods'),
  ipipMode: withDefault(choice('an IPIP mode', MODES), 'Never', []),
  vxlanMode: withDefault(choice('a VXLAN mode', MODES), 'Never', []),
  natOutgoing: bool,
  disabled: bool,
  disableBGPExport: bool,
  nodeSelector: withDefault(selector(), 'all()'),
  namespaceSelector: selector(),
  allowedUses: list(choice('a use of a pool', POOL_USES), { type: 'set', maxItems: 10 }),
  assignmentMode: withDefault(choice('an assignment mode', ['Automatic', 'Manual']), 'Automatic'),
};

interface PoolFields {
  readonly cidr: string; readonly blockSize?: number; readonly ipipMode: string; readonly vxlanMode: string;
  readonly disabled?: boolean; readonly disableBGPExport?: boolean; readonly allowedUses?: readonly string[];
  readonly nodeSelector: string; readonly namespaceSelector?: string;
}

const isLoadBalancer = (p: PoolFields): boolean => p.allowedUses?.includes('LoadBalancer') === true;
const isV6 = (p: PoolFields): boolean => p.cidr.includes(':');
const FORBIDDEN = { reason: 'FieldValueForbidden' } as const;
const INVALID = { reason: 'FieldValueInvalid' } as const;
const FOR_LOAD_BALANCERS = "!has(self.allowedUses) || !('LoadBalancer' in self.allowedUses)";

const rules: readonly Rule<PoolFields>[] = [
  { ...FORBIDDEN, at: 'vxlanMode', message: 'ipipMode and vxlanMode are both on: expected one of them to be Never',
    cel: "!has(self.ipipMode) || self.ipipMode == 'Never' || !has(self.vxlanMode) || self.vxlanMode == 'Never'",
    holds: (p) => p.ipipMode === 'Never' || p.vxlanMode === 'Never' },
  { ...FORBIDDEN, at: 'allowedUses', message: 'a pool for LoadBalancer has no encapsulation: expected ipipMode and vxlanMode Never',
    cel: `${FOR_LOAD_BALANCERS} || ((!has(self.ipipMode) || self.ipipMode == 'Never') && (!has(self.vxlanMode) || self.vxlanMode == 'Never'))`,
    holds: (p) => !isLoadBalancer(p) || (p.ipipMode === 'Never' && p.vxlanMode === 'Never') },
  { ...FORBIDDEN, at: 'allowedUses', message: 'LoadBalancer stands alone: expected no Workload or Tunnel beside it',
    cel: `${FOR_LOAD_BALANCERS} || size(self.allowedUses) == 1`,
    holds: (p) => !isLoadBalancer(p) || p.allowedUses?.length === 1 },
  { ...FORBIDDEN, at: 'ipipMode', message: 'IPIP carries IPv4 only: expected Never for an IPv6 pool',
    cel: "!has(self.ipipMode) || self.ipipMode == 'Never' || !self.cidr.contains(':')",
    holds: (p) => p.ipipMode === 'Never' || !isV6(p) },
  { ...FORBIDDEN, at: 'disableBGPExport', message: 'a pool for LoadBalancer is exported: expected false',
    cel: `${FOR_LOAD_BALANCERS} || !has(self.disableBGPExport) || !self.disableBGPExport`,
    holds: (p) => !isLoadBalancer(p) || p.disableBGPExport !== true },
  { ...INVALID, at: 'nodeSelector', message: 'a pool for LoadBalancer belongs to no node: expected all()',
    cel: `${FOR_LOAD_BALANCERS} || self.nodeSelector == 'all()'`,
    holds: (p) => !isLoadBalancer(p) || p.nodeSelector === 'all()' },
  { ...FORBIDDEN, at: 'namespaceSelector', message: 'a pool for Tunnel serves nodes: expected no namespaceSelector',
    cel: "!has(self.allowedUses) || !('Tunnel' in self.allowedUses) || !has(self.namespaceSelector) || self.namespaceSelector == ''",
    holds: (p) => p.allowedUses?.includes('Tunnel') !== true || (p.namespaceSelector ?? '') === '' },
  { ...INVALID, at: 'nodeSelector', message: 'global() selects no node: expected a selector over node labels',
    cel: "!has(self.nodeSelector) || !self.nodeSelector.contains('global(')",
    holds: (p) => !p.nodeSelector.includes('global(') },
  { ...INVALID, at: 'namespaceSelector', message: 'global() selects no namespace: expected a selector over namespace labels',
    cel: "!has(self.namespaceSelector) || !self.namespaceSelector.contains('global(')",
    holds: (p) => p.namespaceSelector?.includes('global(') !== true },
  { ...INVALID, at: 'cidr', message: 'bits are set right of the mask: expected a network such as 10.244.0.0/16',
    cel: 'cidr(self.cidr) == cidr(self.cidr).masked()', holds: (p) => isStrictlyMasked(p.cidr) },
  { ...INVALID, at: 'cidr', message: 'overlaps link-local addresses: expected nothing of 169.254.0.0/16 or fe80::/10',
    cel: "!cidr('169.254.0.0/16').containsIP(cidr(self.cidr).ip()) && !cidr(self.cidr).containsIP('169.254.0.0') && !cidr('fe80::/10').containsIP(cidr(self.cidr).ip()) && !cidr(self.cidr).containsIP('fe80::')",
    holds: (p) => LINK_LOCAL.every((l) => !contains(l, parsePrefix(p.cidr)!) && !contains(parsePrefix(p.cidr)!, l)) },
  { ...INVALID, at: 'blockSize', message: 'expected 20..32 for an IPv4 pool, 116..128 for an IPv6 pool',
    cel: "!has(self.blockSize) || self.blockSize == 0 || (self.cidr.contains(':') ? self.blockSize >= 116 : self.blockSize >= 20 && self.blockSize <= 32)",
    holds: (p) => { const [low, high] = BLOCK_SIZES[isV6(p) ? 'ipv6' : 'ipv4']; return blockSizeOf(p) >= low && blockSizeOf(p) <= high; } },
  { ...INVALID, at: 'blockSize', message: 'the pool is smaller than one of its blocks: expected a wider cidr or a larger blockSize',
    cel: "(has(self.disabled) && self.disabled) || cidr(self.cidr).prefixLength() <= (has(self.blockSize) && self.blockSize != 0 ? self.blockSize : (self.cidr.contains(':') ? 122 : 26))",
    holds: (p) => p.disabled === true || lengthOf(parsePrefix(p.cidr)!) <= blockSizeOf(p) },
];

/** 0 and absent mean the family's default. */
function blockSizeOf(pool: { readonly cidr: string; readonly blockSize?: number }): number {
  if (pool.blockSize !== undefined && pool.blockSize !== 0) return pool.blockSize;
  return DEFAULT_BLOCK_SIZE[familyOf(parsePrefix(pool.cidr)!)];
}

/** A pool for some namespaces only cannot serve nodes. */
const defaultUses = (namespaceSelector: string | undefined): readonly PoolUse[] =>
  ((namespaceSelector ?? '') === '' ? ['Workload', 'Tunnel'] : ['Workload']);

export const ipPoolSpec = object(fields, { rules });
export const ipPoolStatus = object({ conditions });

export const IP_POOL = kind({
  kind: 'IPPool', plural: 'ippools', singular: 'ippool',
  spec: ipPoolSpec, status: ipPoolStatus, statusSubresource: true,
  columns: [
    { name: 'CIDR', type: 'string', jsonPath: '.spec.cidr' },
    { name: 'VXLAN', type: 'string', jsonPath: '.spec.vxlanMode' },
    { name: 'IPIP', type: 'string', jsonPath: '.spec.ipipMode' },
    { name: 'NAT', type: 'boolean', jsonPath: '.spec.natOutgoing' },
    { name: 'Allocatable', type: 'string', jsonPath: ".status.conditions[?(@.type=='Allocatable')].status" },
    { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' },
  ],
  complete: (spec: Infer<typeof ipPoolSpec>) => ({
    ...spec, blockSize: blockSizeOf(spec), allowedUses: spec.allowedUses ?? defaultUses(spec.namespaceSelector),
  }),
});
export type IPPool = ResourceOf<typeof IP_POOL>;
