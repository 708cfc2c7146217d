/**
 * A block of addresses as Calico stores it, and the ways it changes. Nothing here writes: each function gives the next block.
 *
 * ```
 *  unallocated [5,6,7,0]            a queue: the head is given out, what is released goes to the tail
 *  allocations [null,0,0,1,…]       ordinal → index into attributes, null when free
 *  attributes  [{handle_id,…},{…}]  who holds it; each referred to, none missing, equal ones shared
 * ```
 */
import type { IPAMBlock } from '../../config/kinds/ipam.ts';
import { addressAt, sizeOf, type Ip, type Prefix } from '../../lib/ip/prefix.ts';
import { prefix, showPrefix } from '../../lib/ip/text.ts';
import { apiTime } from './names.ts';

export type BlockSpec = IPAMBlock['spec'];
export type Attribute = BlockSpec['attributes'][number];

/** Who gets an address, and what is recorded about it: Calico's garbage collector reads pod, namespace and node. */
export interface Holder {
  readonly handle: string;
  readonly secondary: Readonly<Record<string, string>>;
}

/** Which addresses are kept from being given out; undefined: none. */
export type IsReserved = ((address: Ip) => boolean) | undefined;

/** All addresses free, in ascending order. The sequence number begins at the claim's time in nanoseconds, beyond 2^53. */
export function newBlock(cidr: Prefix, affinity: string, claimedAtMs: number): BlockSpec {
  const size = Number(sizeOf(cidr));
  return {
    affinity,
    affinityClaimTime: apiTime(claimedAtMs),
    allocations: Array.from({ length: size }, () => null),
    attributes: [],
    cidr: showPrefix(cidr),
    deleted: false,
    sequenceNumber: BigInt(Math.trunc(claimedAtMs)) * 1_000_000n,
    sequenceNumberForAllocation: {},
    strictAffinity: false,
    unallocated: Array.from({ length: size }, (_, i) => i),
  };
}

/** What is wrong with a stored block: undefined when it may be used. One that is broken must not be written to. */
export function flawOf(block: BlockSpec): string | undefined {
  const { allocations, unallocated, attributes } = block;
  const size = Number(sizeOf(prefix(block.cidr)));
  if (allocations.length !== size) return `${allocations.length} allocations in a block of ${size} addresses`;
  const free = new Set(unallocated);
  if (free.size !== unallocated.length) return 'an ordinal is twice in unallocated';
  const stray = unallocated.find((o) => o >= size);
  if (stray !== undefined) return `ordinal ${stray} in unallocated is outside the block`;
  for (const [ordinal, index] of allocations.entries()) {
    if ((index === null) !== free.has(ordinal)) return `ordinal ${ordinal} is ${index === null ? 'neither allocated nor' : 'both allocated and'} free`;
    if (index !== null && index >= attributes.length) return `ordinal ${ordinal} refers to attribute ${index} of ${attributes.length}`;
  }
  return undefined;
}

export const addressOfOrdinal = (block: BlockSpec, ordinal: number): Ip => addressAt(prefix(block.cidr), ordinal);

/** Ordinals that can be given out now, in their order: a reserved one stays in the queue but is passed over. */
export function freeOrdinals(block: BlockSpec, isReserved: IsReserved): readonly number[] {
  if (isReserved === undefined) return block.unallocated;
  const cidr = prefix(block.cidr);
  return block.unallocated.filter((ordinal) => !isReserved(addressAt(cidr, ordinal)));
}

/** True when nobody holds an address. */
export const isEmpty = (block: BlockSpec): boolean => block.allocations.every((a) => a === null);

/** The handle an attribute names. An old migration of Calico's left a carriage return and more behind some. */
export const handleOf = (attribute: Attribute | undefined): string | undefined => attribute?.handle_id?.split('\r', 1)[0];

export const holds = (block: BlockSpec, handle: string): boolean => block.attributes.some((a) => handleOf(a) === handle);

/** Gives the first free address that is not reserved to `holder`. Undefined: there is none. */
export function assign(block: BlockSpec, holder: Holder, isReserved: IsReserved): { readonly block: BlockSpec; readonly ordinal: number } | undefined {
  const [ordinal] = freeOrdinals(block, isReserved);
  if (ordinal === undefined) return undefined;
  const attribute: Attribute = { handle_id: holder.handle, secondary: holder.secondary };
  const known = block.attributes.findIndex((a) => sameAttribute(a, attribute));
  const index = known >= 0 ? known : block.attributes.length;
  return {
    ordinal,
    block: {
      ...block,
      allocations: block.allocations.with(ordinal, index),
      attributes: known >= 0 ? block.attributes : [...block.attributes, attribute],
      unallocated: block.unallocated.filter((o) => o !== ordinal),
      sequenceNumberForAllocation: { ...block.sequenceNumberForAllocation, [String(ordinal)]: block.sequenceNumber },
    },
  };
}

/** When an address may be given out again. */
export interface Cooldown { readonly nowMs: number; readonly seconds: number }

/** Frees what a handle holds; with a cooldown it first becomes an entry that nobody holds. No ordinals: the block is the same. */
export function releaseHandle(block: BlockSpec, handle: string, cooldown: Cooldown): { readonly block: BlockSpec; readonly ordinals: readonly number[] } {
  const ordinals = ordinalsWhere(block, (a) => handleOf(a) === handle);
  if (ordinals.length === 0) return { block, ordinals };
  return { ordinals, block: pruned(cooldown.seconds > 0 ? cooling(block, ordinals, cooldown) : freed(block, ordinals)) };
}

/** Frees addresses whose cooldown is over. The same block when there are none. */
export function collectCooled(block: BlockSpec, cooldown: Cooldown): BlockSpec {
  const before = cooldown.nowMs - cooldown.seconds * 1000;
  const ordinals = ordinalsWhere(block, (a) => a.releasedAt !== undefined && Date.parse(a.releasedAt) < before);
  return ordinals.length === 0 ? block : pruned(freed(block, ordinals));
}

/** The block as it is written: each write counts the sequence number up by one. */
export const nextWrite = (block: BlockSpec): BlockSpec => ({ ...block, sequenceNumber: block.sequenceNumber + 1n });

function ordinalsWhere(block: BlockSpec, wanted: (attribute: Attribute) => boolean): number[] {
  const indexes = new Set(block.attributes.flatMap((a, i) => (wanted(a) ? [i] : [])));
  return indexes.size === 0 ? [] : block.allocations.flatMap((index, ordinal) => (index !== null && indexes.has(index) ? [ordinal] : []));
}

function freed(block: BlockSpec, ordinals: readonly number[]): BlockSpec {
  const gone = new Set(ordinals.map(String));
  return {
    ...block,
    allocations: block.allocations.map((a, ordinal) => (gone.has(String(ordinal)) ? null : a)),
    unallocated: [...block.unallocated, ...ordinals],
    sequenceNumberForAllocation: Object.fromEntries(Object.entries(block.sequenceNumberForAllocation).filter(([o]) => !gone.has(o))),
  };
}

function cooling(block: BlockSpec, ordinals: readonly number[], { nowMs }: Cooldown): BlockSpec {
  const attributes = [...block.attributes, { releasedAt: apiTime(nowMs) }];
  const moved = new Set(ordinals);
  return { ...block, attributes, allocations: block.allocations.map((a, ordinal) => (moved.has(ordinal) ? attributes.length - 1 : a)) };
}

/** Drops attributes nobody refers to and renumbers the others, in their order. */
function pruned(block: BlockSpec): BlockSpec {
  const used = new Set(block.allocations);
  const kept = block.attributes.flatMap((_, index) => (used.has(index) ? [index] : []));
  const renumbered = new Map(kept.map((old, index) => [old, index]));
  return {
    ...block,
    attributes: kept.map((index) => block.attributes[index]!),
    allocations: block.allocations.map((index) => (index === null ? null : renumbered.get(index)!)),
  };
}

function sameAttribute(a: Attribute, b: Attribute): boolean {
  return a.handle_id === b.handle_id && a.releasedAt === undefined && a.alternateOwnerAttrs === undefined && sameMap(a.secondary ?? {}, b.secondary ?? {});
}

function sameMap(a: Readonly<Record<string, string>>, b: Readonly<Record<string, string>>): boolean {
  const names = Object.keys(a);
  return names.length === Object.keys(b).length && names.every((name) => a[name] === b[name]);
}
