/** From a CustomResourceDefinition to the resources it makes the server serve. */
import type { ApiObject, JsonObject } from '../objects/object.ts';
import { objectMeta } from '../schema/definitions.ts';
import { compileSchema, type SchemaNode } from '../schema/node.ts';
import { byPriority } from './registry.ts';
import { jsonPathCell } from './json-path.ts';
import type { Column, ResourceType, Strategy } from './resource-type.ts';

/** The parts of a definition's spec that are read here; its own schema has checked their types. */
export interface DefinitionSpec {
  readonly group: string;
  readonly scope: 'Namespaced' | 'Cluster';
  readonly names: DefinitionNames;
  readonly versions: readonly DefinitionVersion[];
  readonly preserveUnknownFields?: boolean;
  readonly conversion?: { readonly strategy?: string };
}
export interface DefinitionNames {
  readonly plural: string; readonly singular?: string; readonly kind: string; readonly listKind?: string;
  readonly shortNames?: readonly string[]; readonly categories?: readonly string[];
}
export interface DefinitionVersion {
  readonly name: string; readonly served: boolean; readonly storage: boolean;
  readonly deprecated?: boolean; readonly deprecationWarning?: string;
  readonly schema?: { readonly openAPIV3Schema?: JsonObject };
  readonly subresources?: { readonly status?: JsonObject; readonly scale?: JsonObject };
  readonly additionalPrinterColumns?: readonly { readonly name: string; readonly type: Column['type']; readonly jsonPath: string; readonly priority?: number; readonly format?: string; readonly description?: string }[];
  readonly selectableFields?: readonly { readonly jsonPath: string }[];
}

export const definitionSpec = (definition: ApiObject): DefinitionSpec => definition['spec'] as DefinitionSpec;

const STRATEGY: Strategy = { name: 'subdomain' };

/** One resource for each served version. `since` is the resourceVersion at which this definition took effect. */
export function resourcesOf(definition: ApiObject, since: number): ResourceType[] {
  const spec = definitionSpec(definition);
  const { names } = spec;
  const storage = spec.versions.find((v) => v.storage) ?? spec.versions[0]!;
  const schemaOf = (v: DefinitionVersion): SchemaNode => rootSchema(v.schema?.openAPIV3Schema ?? {}, spec.preserveUnknownFields === true);
  const storageRoot = schemaOf(storage);
  return spec.versions.filter((v) => v.served).map((v) => ({
    group: spec.group, version: v.name, plural: names.plural,
    singular: names.singular ?? names.kind.toLowerCase(), kind: names.kind, listKind: names.listKind ?? `${names.kind}List`,
    namespaced: spec.scope === 'Namespaced', shortNames: names.shortNames ?? [], categories: names.categories ?? [],
    status: v.subresources?.status !== undefined,
    generation: true, conditionalUpdate: true, returnsDeleted: false, custom: true,
    storageVersion: storage.name, storageRoot, schemaSince: since,
    root: v === storage ? storageRoot : schemaOf(v),
    strategy: STRATEGY,
    selectable: ['metadata.name', 'metadata.namespace', ...(v.selectableFields ?? []).map((f) => f.jsonPath.replace(/^\./, ''))],
    columns: v.additionalPrinterColumns === undefined || v.additionalPrinterColumns.length === 0 ? undefined : columnsOf(v.additionalPrinterColumns),
    ...(v.deprecated === true ? { deprecation: v.deprecationWarning ?? deprecationOf(spec, v) } : {}),
  }));
}

function deprecationOf(spec: DefinitionSpec, version: DefinitionVersion): string {
  const better = spec.versions.filter((v) => v.served && v.deprecated !== true).map((v) => v.name).filter((name) => byPriority(name, version.name) < 0).sort(byPriority)[0];
  const named = (name: string): string => `${spec.group}/${name} ${spec.names.kind}`;
  return `${named(version.name)} is deprecated${better === undefined ? '' : `; use ${named(better)}`}`;
}

/** Its own schema, with apiVersion, kind and metadata as every object has them, whatever the definition says of those. */
export function rootSchema(schema: JsonObject, preserveUnknown: boolean): SchemaNode {
  const node = compileSchema(preserveUnknown ? { ...schema, 'x-kubernetes-preserve-unknown-fields': true } : schema);
  const text = compileSchema({ type: 'string' });
  const properties = new Map([...node.properties, ['apiVersion', text], ['kind', text], ['metadata', metadataSchema(node.properties.get('metadata'))]] as const);
  return Object.create(node, { properties: { value: properties }, type: { value: 'object' } }) as SchemaNode;
}

/** A definition may restrict name and generateName only; those rules apply on top of ObjectMeta. */
function metadataSchema(own: SchemaNode | undefined): SchemaNode {
  const meta = objectMeta();
  if (own === undefined || own.properties.size === 0) return meta;
  const properties = new Map(meta.properties);
  for (const name of ['name', 'generateName']) {
    const rule = own.properties.get(name);
    if (rule !== undefined) properties.set(name, rule);
  }
  return Object.create(meta, { properties: { value: properties } }) as SchemaNode;
}

function columnsOf(columns: NonNullable<DefinitionVersion['additionalPrinterColumns']>): Column[] {
  return columns.map((c) => ({
    name: c.name, type: c.type, priority: c.priority ?? 0,
    ...(c.format === undefined ? {} : { format: c.format }), ...(c.description === undefined ? {} : { description: c.description }),
    cell: jsonPathCell(c.jsonPath, c.type),
  }));
}

export const isDefinition = (type: Pick<ResourceType, 'group' | 'plural'>): boolean => type.group === 'apiextensions.k8s.io' && type.plural === 'customresourcedefinitions';
