/** What is wrong with a pool beside the others: said to the person who writes it, and not only by the nodes later. */
import type { IPPool } from '../config/kinds/ip-pool.ts';
import { usablePools } from '../config/translate/pools.ts';
import { showProblem } from '../lib/errors.ts';
import type { Cluster } from './cluster.ts';
import { CliError } from './errors.ts';

/** Throws CliError when no node would use the pool; what is not built yet goes to standard error as a warning. */
export async function checkPool({ kube, storage }: Cluster, pool: IPPool): Promise<void> {
  const { items } = await kube.list(storage.resource('IPPool'));
  const stored = items.map((o) => storage.fromStored('IPPool', o).value).filter((p) => p !== undefined);
  const { name } = pool.metadata;
  const created = stored.find((p) => p.metadata.name === name)?.metadata.creationTimestamp;
  const asStored = { ...pool, metadata: { name, ...(created === undefined ? {} : { creationTimestamp: created }) } };
  const { pools, problems } = usablePools([...stored.filter((p) => p.metadata.name !== name), asStored]);
  const own = problems.filter((p) => p.path.startsWith(`IPPool/${name}.`)).map(showProblem);
  if (!pools.includes(asStored)) throw new CliError(own.join('; '));
  for (const problem of own) process.stderr.write(`warning: ${problem}\n`);
}
