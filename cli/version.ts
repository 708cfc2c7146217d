/** `tortiectl version`: our own version, and what the cluster says of itself. */
import type { Command } from 'commander';
import { VERSION } from '../lib/version.ts';
import { withCluster } from './cluster.ts';

export function addVersion(program: Command): void {
  program.command('version').description('print the versions of this program and of the cluster')
    .option('--client', 'this program alone')
    .action(async (_options: unknown, command: Command) => {
      const options = command.opts<{ client?: boolean }>();
      process.stdout.write(`Client Version:    ${VERSION}\n`);
      if (options.client === true) return;
      await withCluster(command, async ({ kube, storage }) => {
        const stored = await kube.get(storage.resource('ClusterInformation'), 'default');
        const spec = stored === undefined ? undefined : storage.fromStored('ClusterInformation', stored).value?.spec;
        process.stdout.write(`Cluster Version:   ${spec?.calicoVersion ?? 'unknown'}\nCluster Type:      ${spec?.clusterType ?? 'unknown'}\n`);
      });
    });
}
