/** The cluster a command talks to: a client, and the spelling its datastore uses. */
import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { Command } from 'commander';
import { GROUP_VERSIONS, storageGroup } from '../config/storage/groups.ts';
import { storageFor, type Storage } from '../config/storage/storage.ts';
import { messageOf } from '../lib/errors.ts';
import type { KubeClient } from '../sys/kube/client.ts';
import { systemClock } from '../sys/clock.ts';
import { openKube } from '../sys/kube/https-client.ts';
import { accessFromFile } from '../sys/kube/kubeconfig.ts';
import { CliError } from './errors.ts';

export interface Cluster { readonly kube: KubeClient; readonly storage: Storage }

/** `--kubeconfig`, else $KUBECONFIG, else ~/.kube/config. Throws CliError that says what was looked for. */
export function kubeconfigPath(option: string | undefined): string {
  const path = option ?? (process.env['KUBECONFIG']?.split(':')[0] || join(homedir(), '.kube', 'config'));
  if (!existsSync(path)) throw new CliError(`no kubeconfig at ${path}: name one with --kubeconfig or in KUBECONFIG`);
  return path;
}

/** Runs `action` on the cluster that the command line names, and closes all connections behind it. */
export async function withCluster(command: Command, action: (cluster: Cluster) => Promise<void>): Promise<void> {
  const path = kubeconfigPath(command.optsWithGlobals<{ kubeconfig?: string }>().kubeconfig);
  using kube = openKube(accessFromFile(path), { clock: systemClock, random: Math.random });
  let served: readonly string[];
  try {
    const { groups } = await kube.raw('GET', '/apis') as { groups: readonly { readonly name: string }[] };
    served = groups.map((g) => g.name);
  } catch (error) {
    throw new CliError(`cannot reach the cluster named in ${path}: ${messageOf(error)}`);
  }
  await action({ kube, storage: storageFor(chosenGroup(served)) });
}

/** CALICO_API_GROUP wins, as for Calico's own programs; else what the cluster serves. */
function chosenGroup(served: readonly string[]): 'v1' | 'v3' {
  const said = process.env['CALICO_API_GROUP']?.toLowerCase();
  if (said !== undefined && said !== '') return said === `${GROUP_VERSIONS.v3.group}/${GROUP_VERSIONS.v3.version}` ? 'v3' : 'v1';
  return storageGroup(served);
}
