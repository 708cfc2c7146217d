/** Which pools count: overlapping ones do not, and what is not built for the others is said. */
import type { Problem } from '../../lib/errors.ts';
import { overlaps, type Prefix } from '../../lib/ip/prefix.ts';
import { parsePrefix } from '../../lib/ip/text.ts';
import type { IPPool } from '../kinds/ip-pool.ts';
import { compare, olderFirst } from './age.ts';

export interface UsablePools {
  /** In name order. */
  readonly pools: readonly IPPool[];
  readonly problems: readonly Problem[];
}

/**
 * Leaves out each pool that overlaps an older one (by creation, then by name), so that the same one wins on every node
 * and adding a pool never takes addresses from an existing one. Pure, total.
 */
export function usablePools(pools: Iterable<IPPool>): UsablePools {
  const kept: { readonly pool: IPPool; readonly prefix: Prefix }[] = [];
  const problems: Problem[] = [];
  for (const pool of [...pools].sort(olderFirst)) {
    const prefix = parsePrefix(pool.spec.cidr);
    if (prefix === undefined) continue;
    const path = `IPPool/${pool.metadata.name}.spec`;
    const other = kept.find((k) => overlaps(k.prefix, prefix))?.pool;
    if (other !== undefined) {
      const message = `${pool.spec.cidr} overlaps ${other.spec.cidr} of IPPool/${other.metadata.name}, which is older: expected a range of its own; this pool is not used`;
      problems.push({ path: `${path}.cidr`, message });
      continue;
    }
    kept.push({ pool, prefix });
    problems.push(...notBuilt(pool, path));
  }
  return { pools: kept.map((k) => k.pool).sort((a, b) => compare(a.metadata.name, b.metadata.name)), problems };
}

export const isEncapsulated = (pool: IPPool): boolean => pool.spec.ipipMode !== 'Never' || pool.spec.vxlanMode !== 'Never';

function notBuilt(pool: IPPool, path: string): Problem[] {
  const { ipipMode, vxlanMode, natOutgoing } = pool.spec;
  const problems: Problem[] = [];
  if (ipipMode !== 'Never') {
    problems.push({ path: `${path}.ipipMode`, message: `${ipipMode} is not built yet: expected Never; other nodes' addresses of this pool are not reachable` });
  }
  if (vxlanMode !== 'Never') {
    problems.push({ path: `${path}.vxlanMode`, message: `${vxlanMode} is not built yet: expected Never; other nodes' addresses of this pool are not reachable` });
  }
  if (natOutgoing === true) {
    problems.push({ path: `${path}.natOutgoing`, message: 'true is not built yet: expected false; packets leave the cluster with the address of their pod' });
  }
  return problems;
}
