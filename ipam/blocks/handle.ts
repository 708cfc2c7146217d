/** A handle: how many addresses one container holds in which blocks. It may say too many, never too few. */
import type { IPAMHandle } from '../../config/kinds/ipam.ts';

export type HandleSpec = IPAMHandle['spec'];

export const newHandle = (handleId: string, blocks: readonly string[]): HandleSpec =>
  withBlocks({ block: {}, deleted: false, handleID: handleId }, blocks);

/** One more address in each of the blocks named. */
export function withBlocks(handle: HandleSpec, blocks: readonly string[]): HandleSpec {
  const block: Record<string, number> = { ...handle.block };
  for (const cidr of blocks) block[cidr] = (block[cidr] ?? 0) + 1;
  return { ...handle, block };
}
