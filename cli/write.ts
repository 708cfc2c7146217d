/** `tortiectl apply|create|replace|delete -f FILE`, and `delete KIND NAME …`. */
import type { Command } from 'commander';
import { descriptionOf, parseResource, type AnyResource, type KindName } from '../config/kinds/kinds.ts';
import { API_VERSION } from '../config/kinds/kind.ts';
import { GROUP_VERSIONS } from '../config/storage/groups.ts';
import { messageOf, showProblem } from '../lib/errors.ts';
import { withCluster, type Cluster } from './cluster.ts';
import { readDocuments, readDocumentsOf, type Document } from './documents.ts';
import { CliError, UsageError } from './errors.ts';
import { writeNode } from './nodes.ts';
import { checkPool } from './pool-check.ts';
import { resourceType, typeOfKind, RESOURCE_TYPES, type ResourceType } from './resource-types.ts';
import { unknownFields } from './unknown-fields.ts';

type Verb = 'create' | 'apply' | 'replace' | 'delete';
const PAST: Readonly<Record<Verb, string>> = { create: 'created', apply: 'applied', replace: 'replaced', delete: 'deleted' };
const WHAT: Readonly<Record<Verb, string>> = {
  create: 'create resources that do not exist yet', apply: 'create resources, or replace those that exist',
  replace: 'replace resources that exist', delete: 'delete resources, by file or by kind and name',
};

interface Options { readonly filename?: string; readonly recursive?: boolean; readonly skipExists?: boolean; readonly skipNotExists?: boolean }

/** One resource to act on: what it is, and the action. */
interface Step { readonly kind: string; readonly run: (cluster: Cluster) => Promise<void> }

export function addWrites(program: Command): void {
  for (const verb of ['apply', 'create', 'replace', 'delete'] as const) {
    const command = program.command(verb === 'delete' ? 'delete [kind] [names...]' : verb).description(WHAT[verb])
      .option('-f, --filename <path>', 'file, folder, or - for standard input')
      .option('-R, --recursive', 'go into folders of the folder');
    if (verb === 'create') command.option('--skip-exists', 'pass over resources that exist');
    if (verb === 'delete') command.option('-s, --skip-not-exists', 'pass over resources that do not exist');
    command.action(async (...args: unknown[]) => {
      const self = args.at(-1) as Command;
      const options = self.opts<Options>();
      const steps = verb === 'delete' && args.length === 4
        ? await deletions(args[0] as string | undefined, args[1] as string[], options)
        : await fromFile(verb, options);
      await withCluster(self, (cluster) => runAll(verb, steps, cluster));
    });
  }
}

async function deletions(kind: string | undefined, names: readonly string[], options: Options): Promise<Step[]> {
  if (kind === undefined) return fromFile('delete', options);
  if (options.filename !== undefined) throw new UsageError('delete takes either KIND NAME … or --filename, not both');
  if (names.length === 0) throw new UsageError(`delete ${kind} needs at least one name`);
  const type = resourceType(kind);
  return names.map((name) => ({ kind: type.kind, run: (cluster) => remove(cluster, type, name, options) }));
}

async function fromFile(verb: Verb, options: Options): Promise<Step[]> {
  if (options.filename === undefined) throw new UsageError(`${verb} needs --filename${verb === 'delete' ? ' or KIND NAME …' : ''}`);
  const documents = options.filename === '-' ? await readDocumentsOf(process.stdin) : readDocuments(options.filename, options.recursive === true);
  if (documents.length === 0) throw new CliError(`no resources specified in ${options.filename}`);
  return documents.map((document) => step(verb, document, options));
}

/** Checks a document as far as it can be without the cluster; what is wrong is said when its turn comes, as for any other failure. */
function step(verb: Verb, { source, content }: Document, options: Options): Step {
  const kind = String(content['kind']);
  const refused = (message: string): Step => ({ kind, run: () => Promise.reject(new CliError(message)) });
  const versions = [API_VERSION, `${GROUP_VERSIONS.v1.group}/${GROUP_VERSIONS.v1.version}`];
  if (!versions.includes(content['apiVersion'] as string)) {
    return refused(`${source}: apiVersion ${JSON.stringify(content['apiVersion'])} is not known: expected ${API_VERSION}`);
  }
  const type = typeOfKind(kind);
  if (type === undefined) return refused(`${source}: kind ${JSON.stringify(content['kind'])} is not known: expected one of ${RESOURCE_TYPES.map((t) => t.kind).join(', ')}`);
  if (verb === 'delete') {
    const name = (content['metadata'] as { name?: unknown } | undefined)?.name;
    return typeof name === 'string' ? { kind: type.kind, run: (cluster) => remove(cluster, type, name, options) } : refused(`${source}: ${type.kind}.metadata.name: missing`);
  }
  return { kind: type.kind, run: (cluster) => write(cluster, verb, type, content, options) };
}

async function write(cluster: Cluster, verb: Exclude<Verb, 'delete'>, type: ResourceType, content: Document['content'], options: Options): Promise<void> {
  if (type.readOnly === true) throw new CliError(`${type.kind} is written by the system alone`);
  if (type.kind === 'Node') {
    if (verb === 'create') throw new CliError('nodes are made by Kubernetes: use apply or replace to configure one');
    await writeNode(cluster.kube, content);
    return;
  }
  const { kind } = type;
  const value = validated(kind, content);
  if (value.kind === 'IPPool') await checkPool(cluster, value);
  const resource = cluster.storage.resource(kind);
  const object = cluster.storage.toStored(kind, value);
  const { name } = value.metadata;
  if (verb !== 'replace') {
    const { resourceVersion: _r, uid: _u, ...metadata } = object.metadata;
    if (await cluster.kube.create(resource, { ...object, metadata }) !== 'exists') return;
    if (verb === 'create') {
      if (options.skipExists === true) return;
      throw new CliError(`resource already exists: ${kind}(${name})`);
    }
  }
  const existing = await cluster.kube.get(resource, name);
  if (existing === undefined) throw new CliError(`resource does not exist: ${kind}(${name})`);
  const resourceVersion = value.metadata.resourceVersion ?? existing.metadata.resourceVersion;
  const result = await cluster.kube.update(resource, {
    ...object, metadata: { ...object.metadata, ...(resourceVersion === undefined ? {} : { resourceVersion }) },
  });
  if (result === 'conflict') throw new CliError(`update conflict: ${kind}(${name}) changed since it was read`);
  if (result === 'gone') throw new CliError(`resource does not exist: ${kind}(${name})`);
}

function validated(kind: KindName, content: Document['content']): AnyResource {
  const description = descriptionOf(kind);
  const name = (content['metadata'] as { name?: unknown } | undefined)?.name;
  const unknown = unknownFields(description.spec.openapi.v3, content['spec'], `${kind}/${String(name)}.spec`);
  const { value, problems } = parseResource(kind, content);
  const said = [...unknown.map((path) => `${path}: field in document is not recognized or is in the wrong location`), ...problems.map(showProblem)];
  if (said.length > 0 || value === undefined) throw new CliError(said.join('; '));
  return value;
}

async function remove(cluster: Cluster, type: ResourceType, name: string, options: Options): Promise<void> {
  if (type.readOnly === true) throw new CliError(`${type.kind} is written by the system alone`);
  if (type.kind === 'Node') throw new CliError(`Node(${name}) is Kubernetes' own: use kubectl delete node ${name}`);
  const outcome = await cluster.kube.delete(cluster.storage.resource(type.kind), name);
  if (outcome === 'gone' && options.skipNotExists !== true) throw new CliError(`resource does not exist: ${type.kind}(${name})`);
}

/** One failure does not stop the others; every failure is named. */
async function runAll(verb: Verb, steps: readonly Step[], cluster: Cluster): Promise<void> {
  const failures: string[] = [];
  for (const one of steps) {
    try { await one.run(cluster); } catch (error) { failures.push(messageOf(error)); }
  }
  const kinds = new Set(steps.map((s) => s.kind));
  const quoted = kinds.size === 1 ? ` '${[...kinds][0]}'` : '';
  const done = steps.length - failures.length;
  if (failures.length === 0) {
    process.stdout.write(`Successfully ${PAST[verb]} ${steps.length}${quoted} resource(s)\n`);
    return;
  }
  if (done > 0) process.stdout.write(`Partial success: ${PAST[verb]} ${done} out of ${steps.length}${quoted} resources\n`);
  throw new CliError(steps.length === 1 ? `failed to ${verb}${quoted} resource: ${failures[0]}`
    : `failed to ${verb} ${done > 0 ? 'some' : 'any'}${quoted} resources:\n${failures.map((f) => `  ${f}`).join('\n')}`);
}
