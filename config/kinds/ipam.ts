/** The kinds of IPAM: blocks, whose they are, what they hold, and the settings. */
import { bool, choice, int64, integer, nullable, required, requiredWithDefault, spelled, text, withDefault } from '../schema/schema.ts';
import { cidr, labelMap, timestamp } from '../schema/scalars.ts';
import { list, mapOf, object } from '../schema/structure.ts';
import { kind, type ResourceOf } from './kind.ts';

const blockCidr = required(cidr());
const ordinal = integer({ noun: 'a place in a block', minimum: 0, maximum: 65535, unstated: true });

/** Deletion is in two steps: first this, then the object goes. */
const deleted = requiredWithDefault(spelled(bool, 'v1', { type: 'string' }), false, ['v3']);

export const BLOCK_AFFINITY = kind({
  kind: 'BlockAffinity', plural: 'blockaffinities', singular: 'blockaffinity', ipam: true,
  shortNames: ['affinity', 'affinities'],
  spec: object({
    cidr: blockCidr,
    node: required(text()),
    /** Empty is what old releases wrote for `confirmed`. */
    state: required(choice('a state of an affinity', ['', 'confirmed', 'pending', 'pendingDeletion'])),
    /** `host`, or `virtual` for load balancers; absent in old data means `host`. */
    type: text(),
    deleted,
  }),
  columns: [
    { name: 'CIDR', type: 'string', jsonPath: '.spec.cidr' },
    { name: 'Node', type: 'string', jsonPath: '.spec.node' },
    { name: 'Type', type: 'string', jsonPath: '.spec.type' },
  ],
});
export type BlockAffinity = ResourceOf<typeof BLOCK_AFFINITY>;

export const IPAM_BLOCK = kind({
  kind: 'IPAMBlock', plural: 'ipamblocks', singular: 'ipamblock', ipam: true,
  spec: object({
    cidr: blockCidr,
    /** `host:NODE` or `virtual:load-balancer`; absent: the block is only borrowed from. */
    affinity: text({ noun: 'an affinity', expected: 'text like host:node-1', pattern: '^(host|virtual):[a-zA-Z0-9\\.\\-_]+$' }),
    affinityClaimTime: timestamp,
    /** By ordinal: index into `attributes`, or null for a free address. */
    allocations: required(list(nullable(ordinal), { type: 'atomic' })),
    /** Free ordinals: the head is given out next, released ones go to the tail. */
    unallocated: required(list(ordinal, { type: 'atomic' })),
    attributes: required(list(object({
      handle_id: text(), secondary: labelMap, alternateOwnerAttrs: labelMap, releasedAt: timestamp,
    }), { type: 'atomic' })),
    sequenceNumber: withDefault(spelledZero(), 0n, []),
    sequenceNumberForAllocation: withDefault(mapOf(int64), {}, []),
    deleted: withDefault(bool, false, []),
    /** A leftover that the schema requires: always false. */
    strictAffinity: requiredWithDefault(bool, false, []),
  }),
  columns: [
    { name: 'CIDR', type: 'string', jsonPath: '.spec.cidr' },
    { name: 'Affinity', type: 'string', jsonPath: '.spec.affinity' },
    { name: 'ClaimTime', type: 'date', jsonPath: '.spec.affinityClaimTime' },
  ],
});
export type IPAMBlock = ResourceOf<typeof IPAM_BLOCK>;

/** The default is stated by hand: as a value it is a bigint, which JSON does not have. */
function spelledZero(): typeof int64 {
  return spelled(spelled(int64, 'v1', { default: 0 }), 'v3', { default: 0 });
}

export const IPAM_HANDLE = kind({
  kind: 'IPAMHandle', plural: 'ipamhandles', singular: 'ipamhandle', ipam: true,
  spec: object({
    handleID: required(text()),
    /** Block → number of its addresses that the handle holds; may say too many, never too few. */
    block: required(mapOf(integer({ noun: 'a count' }))),
    deleted: withDefault(bool, false, []),
  }),
  columns: [{ name: 'ID', type: 'string', jsonPath: '.spec.handleID' }],
});
export type IPAMHandle = ResourceOf<typeof IPAM_HANDLE>;

const settings = {
  /** True: no address from a block of another node. */
  strictAffinity: requiredWithDefault(bool, false, ['v3']),
  /** False: nodes take no new blocks by themselves. */
  autoAllocateBlocks: requiredWithDefault(bool, true, ['v3']),
  /** Blocks a node may hold in each family; 0 means 20. */
  maxBlocksPerHost: withDefault(integer({ noun: 'a number of blocks', minimum: 0, maximum: 1_000_000, format: 'int32' }), 0, ['v3']),
  kubeVirtVMAddressPersistence: choice('a setting', ['Enabled', 'Disabled']),
  /** Seconds before a released address is given out again. */
  ipCooldownSeconds: integer({ noun: 'a number of seconds', minimum: 0, maximum: 1200, format: 'int32' }),
};

export const IPAM_CONFIGURATION = kind({
  kind: 'IPAMConfiguration', plural: 'ipamconfigurations', singular: 'ipamconfiguration', ipam: true,
  v1: { kind: 'IPAMConfig', plural: 'ipamconfigs', singular: 'ipamconfig' },
  shortNames: ['ipamconfig', 'ipamconfigs'], onlyName: 'default',
  spec: object(settings, {
    rules: [
      { at: 'autoAllocateBlocks', message: 'no node could get an address: expected true beside strictAffinity false',
        holds: (s: Settings) => s.strictAffinity || s.autoAllocateBlocks },
      { at: 'maxBlocksPerHost', message: 'a limit needs strict affinity: expected 0, or strictAffinity true',
        holds: (s: Settings) => s.maxBlocksPerHost === 0 || s.strictAffinity },
    ],
  }),
  columns: [
    { name: 'StrictAffinity', type: 'boolean', jsonPath: '.spec.strictAffinity' },
    { name: 'MaxBlocksPerHost', type: 'integer', jsonPath: '.spec.maxBlocksPerHost' },
    { name: 'AutoAllocateBlocks', type: 'boolean', jsonPath: '.spec.autoAllocateBlocks' },
  ],
});
interface Settings { readonly strictAffinity: boolean; readonly autoAllocateBlocks: boolean; readonly maxBlocksPerHost: number }
export type IPAMConfiguration = ResourceOf<typeof IPAM_CONFIGURATION>;

export const IP_RESERVATION = kind({
  kind: 'IPReservation', plural: 'ipreservations', singular: 'ipreservation',
  spec: object({ reservedCIDRs: list(cidr({ orAddress: true }), { type: 'set' }) }),
});
export type IPReservation = ResourceOf<typeof IP_RESERVATION>;
