/** `tortiectl get KIND [NAME …]`: what is stored, as a table, YAML or JSON. */
import type { Command } from 'commander';
import type { KindName } from '../config/kinds/kinds.ts';
import { DEFAULT_ASN } from '../config/kinds/bgp-configuration.ts';
import type { KubeObject } from '../sys/kube/client.ts';
import { withCluster, type Cluster } from './cluster.ts';
import { toJson, toYaml } from './documents.ts';
import { CliError, UsageError } from './errors.ts';
import { NODES, nodeFrom } from './nodes.ts';
import { resourceType, type ResourceType } from './resource-types.ts';
import { plainTable } from './tables.ts';

const OUTPUTS = ['ps', 'wide', 'yaml', 'json'] as const;
type Output = (typeof OUTPUTS)[number];
interface Named { readonly metadata: { readonly name: string; readonly [other: string]: unknown }; readonly [other: string]: unknown }

export function addGet(program: Command): void {
  program.command('get <kind> [names...]').description('print resources')
    .option('-o, --output <format>', OUTPUTS.join('|'), 'ps')
    .option('--export', 'leave out what only this cluster gave the resource (uid, resourceVersion, …)')
    .action(async (kind: string, names: string[], options: { output: string; export?: boolean }, command: Command) => {
      const output = OUTPUTS.find((o) => o === options.output);
      if (output === undefined) throw new UsageError(`output format ${JSON.stringify(options.output)} is not known: expected one of ${OUTPUTS.join(', ')}`);
      const type = resourceType(kind);
      await withCluster(command, async (cluster) => {
        const { resources, missing } = await read(cluster, type, names);
        const shown = options.export === true && names.length > 0 ? resources.map(exported) : resources;
        if (shown.length > 0 || names.length === 0) process.stdout.write(await print(cluster, type, shown, output, names.length > 0));
        if (missing.length > 0) throw new CliError(missing.map((name) => `resource does not exist: ${type.kind}(${name})`).join('\n'));
      });
    });
}

/** Bad ones are shown as far as they can be read; what is wrong goes to standard error. */
export async function read(cluster: Cluster, type: ResourceType, names: readonly string[]): Promise<{ resources: Named[]; missing: string[] }> {
  const resource = type.kind === 'Node' ? NODES : cluster.storage.resource(type.kind);
  const found: KubeObject[] = [];
  const missing: string[] = [];
  if (names.length === 0) found.push(...(await cluster.kube.list(resource)).items);
  for (const name of names) {
    const object = await cluster.kube.get(resource, name);
    if (object === undefined) missing.push(name); else found.push(object);
  }
  found.sort((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1));
  return { resources: found.map((o) => fromStored(cluster, type.kind, o)).filter((r) => r !== undefined), missing };
}

function fromStored(cluster: Cluster, kind: KindName | 'Node', object: KubeObject): Named | undefined {
  const { value, problems } = kind === 'Node' ? nodeFrom(object) : cluster.storage.fromStored(kind, object);
  for (const p of problems) process.stderr.write(`warning: ${p.path}: ${p.message}\n`);
  return value as Named | undefined;
}

const CLUSTER_OWNED = ['uid', 'resourceVersion', 'creationTimestamp', 'deletionTimestamp', 'deletionGracePeriodSeconds', 'generation', 'managedFields', 'namespace'];

function exported(resource: Named): Named {
  const metadata = Object.fromEntries(Object.entries(resource.metadata).filter(([k]) => !CLUSTER_OWNED.includes(k)));
  return { ...resource, metadata: { ...metadata, name: resource.metadata.name } };
}

async function print(cluster: Cluster, type: ResourceType, resources: readonly Named[], output: Output, byName: boolean): Promise<string> {
  if (output === 'yaml' || output === 'json') {
    const items = resources.map(withoutManaged);
    const value = byName && items.length === 1 ? items[0] : { apiVersion: 'projectcalico.org/v3', kind: `${type.kind}List`, metadata: {}, items };
    return output === 'yaml' ? toYaml(value) : `${toJson(value)}\n`;
  }
  const columns = output === 'wide' ? type.wide ?? type.plain : type.plain;
  const context = { globalAsn: type.kind === 'Node' ? await globalAsn(cluster) : '' };
  return plainTable(columns.head, resources.map((r) => columns.row(r as never, context)));
}

function withoutManaged(resource: Named): Named {
  const { managedFields: _m, ...metadata } = resource.metadata;
  return { ...resource, metadata: metadata };
}

async function globalAsn({ kube, storage }: Cluster): Promise<string> {
  const stored = await kube.get(storage.resource('BGPConfiguration'), 'default');
  const { value } = stored === undefined ? { value: undefined } : storage.fromStored('BGPConfiguration', stored);
  return String(value?.spec.asNumber ?? DEFAULT_ASN);
}
