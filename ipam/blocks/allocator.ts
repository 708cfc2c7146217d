/**
 * Decides where the next address comes from, as data: nothing is read and nothing is written here.
 *
 * The caller carries out the step and asks again with what it then knows, until the step is `assign` or `refuse`.
 *
 * ```
 *   a block of ours has room ──────────────► assign
 *   an affinity whose block is not known ──► settle   (read it, confirm it or drop it)
 *   may claim, other blocks not known ─────► survey   (list all blocks)
 *   may claim, found a free one ───────────► claim
 *   nothing left ──────────────────────────► refuse   (and says why of each pool)
 * ```
 */
import { addressAt, contains, familyOf, lengthOf, bitsOf, prefixOf, type Ip, type Prefix } from '../../lib/ip/prefix.ts';
import type { Labels } from '../../lib/selector/ast.ts';
import { familyName, judgePools, labelOf, type Pool, type PoolRequest, type Rejection } from './pools.ts';

/** Blocks a node may hold in each family where IPAMConfiguration says nothing. */
const DEFAULT_BLOCK_LIMIT = 20;

export interface IpamSettings {
  readonly autoAllocateBlocks: boolean;
  /** 0: the default, 20. */
  readonly maxBlocksPerHost: number;
  /** Before a released address is given out again. */
  readonly cooldownSeconds: number;
}

export const DEFAULT_SETTINGS: IpamSettings = { autoAllocateBlocks: true, maxBlocksPerHost: 0, cooldownSeconds: 0 };

/** The cluster as far as allocation goes. */
export interface IpamView {
  readonly pools: readonly Pool[];
  readonly settings: IpamSettings;
  /** What no address may be given from. */
  readonly reserved: readonly Prefix[];
  readonly nodeLabels: Labels;
}

/** A block whose affinity is ours. */
export interface OwnBlock {
  readonly cidr: Prefix;
  /** Addresses that nobody holds and nobody has been promised; undefined: the block has not been read yet. */
  readonly room: number | undefined;
}

export interface AllocationState extends Pick<IpamView, 'pools' | 'settings' | 'reserved'> {
  readonly request: PoolRequest;
  readonly own: readonly OwnBlock[];
  /** Every block there is, ours or not; undefined: not looked yet. */
  readonly taken: ReadonlySet<Prefix> | undefined;
  /** Where among the blocks of a pool to begin looking: any non-negative integer. */
  readonly seed: number;
}

export type Step =
  | { readonly type: 'assign' | 'settle' | 'claim'; readonly cidr: Prefix }
  | { readonly type: 'survey' }
  | { readonly type: 'refuse'; readonly rejections: readonly Rejection[] };

export function nextStep(state: AllocationState): Step {
  const { usable, rejections } = judgePools(state.pools, state.request);
  const ours = state.own.filter((b) => usable.some((p) => contains(p.cidr, b.cidr)));
  const roomy = ours.find((b) => b.room !== undefined && b.room > 0);
  if (roomy) return { type: 'assign', cidr: roomy.cidr };
  const unread = ours.find((b) => b.room === undefined);
  if (unread) return { type: 'settle', cidr: unread.cidr };
  const against = usable.length === 0 ? '' : reasonAgainstClaim(state.settings, ours.length);
  if (against !== '' || usable.length === 0) return refuse(usable.map((p) => ({ pool: labelOf(p), why: against })), rejections);
  if (state.taken === undefined) return { type: 'survey' };
  for (const pool of usable) {
    const cidr = freeBlockOf(pool, state.taken, state.reserved, state.seed);
    if (cidr !== undefined) return { type: 'claim', cidr };
  }
  return refuse(usable.map((p) => ({ pool: labelOf(p), why: 'no block is free, and none of this node has a free address' })), rejections);
}

const refuse = (...lists: readonly (readonly Rejection[])[]): Step => ({ type: 'refuse', rejections: lists.flat() });

function reasonAgainstClaim(settings: IpamSettings, held: number): string {
  const limit = settings.maxBlocksPerHost > 0 ? settings.maxBlocksPerHost : DEFAULT_BLOCK_LIMIT;
  if (held >= limit) return `this node's ${held} blocks are full, and it may hold no more (limit ${limit})`;
  if (!settings.autoAllocateBlocks) return 'this node has no free address in it, and autoAllocateBlocks is false';
  return '';
}

/** The first block of a pool that nobody has and that is not reserved whole, in a circle from `seed`. */
export function freeBlockOf(pool: Pool, taken: ReadonlySet<Prefix>, reserved: readonly Prefix[], seed: number): Prefix | undefined {
  const bits = bitsOf(familyOf(pool.cidr));
  const blocks = 1n << BigInt(pool.blockSize - lengthOf(pool.cidr));
  const size = 1n << BigInt(bits - pool.blockSize);
  const first = BigInt(seed) % blocks;
  for (let i = 0n; i < blocks; i++) {
    const block = prefixOf(addressAt(pool.cidr, ((first + i) % blocks) * size), pool.blockSize);
    if (!taken.has(block) && !reserved.some((r) => contains(r, block))) return block;
  }
  return undefined;
}

/** Tells whether an address is kept back; undefined when none is. */
export function reservationOf(reserved: readonly Prefix[]): ((address: Ip) => boolean) | undefined {
  if (reserved.length === 0) return undefined;
  return (address) => reserved.some((r) => typeof r === typeof address && prefixOf(address, lengthOf(r)) === r);
}

/** One line for people: what was asked, and of each pool why not. */
export function explainRefusal(request: PoolRequest, rejections: readonly Rejection[]): string {
  const family = familyName(request.family);
  if (rejections.length === 0) return `no ${family} address: there is no ${family} pool`;
  return `no ${family} address: ${rejections.map((r) => `pool ${r.pool}: ${r.why}`).join('; ')}`;
}
