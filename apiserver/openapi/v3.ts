/** OpenAPI v3 documents, one a group version: schemas of its kinds, and paths as far as clients look at them. */
import { createHash } from 'node:crypto';
import { stringifyJson } from '../../lib/json.ts';
import type { JsonObject } from '../objects/object.ts';
import type { Registry } from '../kinds/registry.ts';
import type { ResourceType } from '../kinds/resource-type.ts';
import { DEFINITIONS, REFERENCE_PREFIX } from '../schema/definitions.ts';
import { BUILTIN_ROWS } from '../kinds/builtin-rows.ts';

const META = 'io.k8s.apimachinery.pkg.apis.meta.v1';

/** `api/v1` or `apis/GROUP/VERSION`. */
const documentPath = (group: string, version: string): string => (group === '' ? `api/${version}` : `apis/${group}/${version}`);

/** The list of documents. The hash in a URL changes with the document, so that clients may keep what they have. */
export function openapiIndex(registry: Registry): unknown {
  const entries = registry.groups().flatMap((group) => registry.versions(group).map((version) => {
    const path = documentPath(group, version);
    const hash = createHash('sha256').update(stringifyJson(openapiDocument(registry, group, version))).digest('hex').slice(0, 32).toUpperCase();
    return [path, { serverRelativeURL: `/openapi/v3/${path}?hash=${hash}` }] as const;
  }));
  return { paths: Object.fromEntries(entries) };
}

/** undefined when the version is not served. */
export function openapiDocument(registry: Registry, group: string, version: string): unknown {
  const types = registry.inVersion(group, version);
  if (types.length === 0) return undefined;
  return {
    openapi: '3.0.0', info: { title: 'Kubernetes', version: 'unversioned' },
    paths: Object.fromEntries(types.flatMap(pathsOf)),
    components: { schemas: schemasOf(types) },
  };
}

/** The name under which a type's schema stands in the documents. */
export function schemaName(type: ResourceType): string {
  const row = type.custom ? undefined : BUILTIN_ROWS.find((r) => r.group === type.group && r.version === type.version && r.plural === type.plural);
  return row?.definition ?? `${type.group.split('.').reverse().join('.')}.${type.version}.${type.kind}`;
}

const identity = (type: ResourceType): JsonObject => ({ group: type.group, version: type.version, kind: type.kind });

const PARAMETERS = ['dryRun', 'fieldManager', 'fieldValidation'].map((name) => ({ name, in: 'query', schema: { type: 'string', uniqueItems: true } }));

function pathsOf(type: ResourceType): [string, unknown][] {
  const root = `/${documentPath(type.group, type.version)}${type.namespaced ? '/namespaces/{namespace}' : ''}/${type.plural}`;
  const reference = { $ref: REFERENCE_PREFIX + schemaName(type) };
  const json = (schema: unknown): unknown => ({ content: { 'application/json': { schema } } });
  const operation = (action: string, parameters: readonly unknown[], body?: string): JsonObject => ({
    operationId: `${action}${type.namespaced ? 'Namespaced' : ''}${type.kind}`, parameters,
    ...(body === undefined ? {} : { requestBody: { content: { [body]: { schema: reference } } } }),
    responses: { 200: { description: 'OK', ...(json(reference) as object) } },
    'x-kubernetes-action': action, 'x-kubernetes-group-version-kind': identity(type),
  });
  return [
    [root, { get: operation('list', []), post: operation('post', PARAMETERS, 'application/json') }],
    [`${root}/{name}`, {
      get: operation('get', []), put: operation('put', PARAMETERS, 'application/json'),
      patch: operation('patch', PARAMETERS, 'application/merge-patch+json'), delete: operation('delete', [PARAMETERS[0]]),
    }],
  ];
}

function schemasOf(types: readonly ResourceType[]): Record<string, unknown> {
  const schemas: Record<string, unknown> = {};
  const queue: string[] = [`${META}.ObjectMeta`, `${META}.DeleteOptions`, `${META}.Status`, `${META}.ListMeta`];
  for (const type of types) {
    const name = schemaName(type);
    schemas[name] = type.custom ? customSchema(type) : { ...DEFINITIONS[name], 'x-kubernetes-group-version-kind': [identity(type)] };
    queue.push(...referencesIn(schemas[name]));
    if (!type.custom) {
      schemas[`${name}List`] = { ...DEFINITIONS[`${name}List`], 'x-kubernetes-group-version-kind': [{ ...identity(type), kind: type.listKind }] };
      queue.push(...referencesIn(schemas[`${name}List`]));
    }
  }
  for (let name = queue.pop(); name !== undefined; name = queue.pop()) {
    if (schemas[name] !== undefined || DEFINITIONS[name] === undefined) continue;
    schemas[name] = DEFINITIONS[name];
    queue.push(...referencesIn(DEFINITIONS[name]));
  }
  return schemas;
}

/** The definition's own schema, with metadata as every object has it. */
export function customSchema(type: ResourceType): JsonObject {
  const { raw } = type.root;
  const properties = typeof raw['properties'] === 'object' ? raw['properties'] as JsonObject : {};
  return {
    ...raw,
    properties: {
      ...properties,
      apiVersion: { type: 'string' }, kind: { type: 'string' },
      metadata: { allOf: [{ $ref: `${REFERENCE_PREFIX}${META}.ObjectMeta` }] },
    },
    'x-kubernetes-group-version-kind': [identity(type)],
  };
}

export function referencesIn(value: unknown): string[] {
  if (Array.isArray(value)) return value.flatMap(referencesIn);
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, v]) => (key === '$ref' && typeof v === 'string' ? [v.slice(REFERENCE_PREFIX.length)] : referencesIn(v)));
}

