/** The OpenAPI v2 document: all schemas in one, for client-side validation. */
import { isObject, type JsonObject } from '../objects/object.ts';
import type { Registry } from '../kinds/registry.ts';
import { customSchema, openapiDocument, schemaName } from './v3.ts';
import { REFERENCE_PREFIX } from '../schema/definitions.ts';

export interface Openapi2 {
  readonly swagger: '2.0';
  readonly info: { readonly title: string; readonly version: string };
  readonly paths: Readonly<Record<string, JsonObject>>;
  readonly definitions: Readonly<Record<string, JsonObject>>;
}

export function openapi2Document(registry: Registry): Openapi2 {
  const definitions: Record<string, JsonObject> = {};
  const paths: Record<string, JsonObject> = {};
  for (const group of registry.groups()) {
    for (const version of registry.versions(group)) {
      const document = openapiDocument(registry, group, version) as { paths: Record<string, JsonObject>; components: { schemas: Record<string, JsonObject> } };
      for (const [name, schema] of Object.entries(document.components.schemas)) {
        const identified = schema['x-kubernetes-group-version-kind'] !== undefined || definitions[name] === undefined;
        if (identified) definitions[name] = asVersion2(schema) as JsonObject;
      }
      for (const [path, item] of Object.entries(document.paths)) if (isObject(item['patch'])) paths[path] = { patch: operation(item['patch']) };
    }
  }
  for (const type of registry.all()) if (type.custom) definitions[schemaName(type)] = asVersion2(customSchema(type)) as JsonObject;
  return { swagger: '2.0', info: { title: 'Kubernetes', version: 'unversioned' }, paths, definitions };
}

/** Only what tells a client which parameters a PATCH of a kind takes. */
function operation(patch: JsonObject): JsonObject {
  const parameters = Array.isArray(patch['parameters']) ? (patch['parameters'] as { name: string }[]) : [];
  return {
    operationId: patch['operationId'],
    parameters: parameters.map(({ name }) => ({ name, in: 'query', type: 'string' })),
    responses: { 200: { description: 'OK' } },
    'x-kubernetes-action': 'patch', 'x-kubernetes-group-version-kind': patch['x-kubernetes-group-version-kind'],
  };
}

/** What version 2 does not have. */
const DROPPED: ReadonlySet<string> = new Set(['anyOf', 'oneOf', 'not', 'nullable', 'allOf', 'x-kubernetes-validations']);

/** References point elsewhere, alternatives go, and what may be anything says nothing of its type. */
function asVersion2(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(asVersion2);
  if (!isObject(value)) return value;
  const { allOf } = value;
  const only = Array.isArray(allOf) && allOf.length === 1 && isObject(allOf[0]) && typeof allOf[0]['$ref'] === 'string' ? allOf[0]['$ref'] : value['$ref'];
  const result: JsonObject = {};
  for (const key of Object.keys(value)) {
    if (DROPPED.has(key) || key === '$ref') continue;
    result[key] = key === 'properties' ? mapValues(value[key]) : key === 'default' || key === 'enum' ? value[key] : asVersion2(value[key]);
  }
  if (typeof only === 'string') result['$ref'] = `#/definitions/${only.slice(REFERENCE_PREFIX.length)}`;
  if (value['oneOf'] !== undefined && value['type'] === undefined) result['type'] = 'string'; // Quantity, IntOrString
  if (value['x-kubernetes-preserve-unknown-fields'] === true || value['nullable'] === true) delete result['type'];
  if (value['x-kubernetes-preserve-unknown-fields'] === true) { delete result['properties']; delete result['items']; }
  return result;
}

function mapValues(properties: unknown): JsonObject {
  return isObject(properties) ? Object.fromEntries(Object.entries(properties).map(([name, schema]) => [name, asVersion2(schema)])) : {};
}
