/** CustomResourceDefinitions as objects: their defaults and what is wrong with one. */
import { fieldAt, isObject, sameJson, type ApiObject } from '../objects/object.ts';
import { nameProblems } from '../objects/names.ts';
import { invalidValue, notSupported, required, type FieldError } from '../schema/field-error.ts';
import type { DefinitionSpec } from './custom.ts';
import type { Strategy } from './resource-type.ts';
import { section, setDefault } from './sections.ts';
import { structuralErrors } from './structural.ts';

export const defineCustom = (): Strategy => ({
  prepareCreate: prepare, prepareUpdate: prepare, validate: definitionErrors,
});

function prepare(object: ApiObject): void {
  const spec = section(object, 'spec');
  const names = section(spec, 'names');
  if (typeof names['kind'] === 'string' && names['kind'] !== '') {
    setDefault(names, 'singular', names['kind'].toLowerCase());
    setDefault(names, 'listKind', `${names['kind']}List`);
  }
  setDefault(spec, 'conversion', { strategy: 'None' });
}

/** Groups that belong to Kubernetes itself. */
const PROTECTED = /(^|\.)(k8s\.io|kubernetes\.io)$/;
const APPROVAL = 'api-approved.kubernetes.io';

function definitionErrors(object: ApiObject, old: ApiObject | undefined): FieldError[] {
  const spec = object['spec'] as DefinitionSpec;
  if (!hasNames(object)) return [];
  const errors: FieldError[] = [];
  const expected = `${spec.names.plural}.${spec.group}`;
  if (old === undefined && object.metadata.name !== expected) errors.push(invalidValue('metadata.name', object.metadata.name, 'must be spec.names.plural+"."+spec.group'));
  if (PROTECTED.test(spec.group) && object.metadata.annotations?.[APPROVAL] === undefined) {
    errors.push(required(`metadata.annotations[${APPROVAL}]`, `protected groups must have approval annotation "${APPROVAL}", see https://github.com/kubernetes/enhancements/pull/1111`));
  }
  if (spec.scope !== 'Cluster' && spec.scope !== 'Namespaced') errors.push(notSupported('spec.scope', spec.scope, ['Cluster', 'Namespaced']));
  return [...errors, ...nameErrors(spec), ...versionErrors(spec), ...schemaErrors(spec, old), ...changeErrors(spec, old), ...storedVersionErrors(object, spec.versions.map((v) => v.name))];
}

function nameErrors(spec: DefinitionSpec): FieldError[] {
  const { plural, singular, kind, listKind, shortNames = [], categories = [] } = spec.names;
  const label = (field: string, value: string | undefined): FieldError[] => nameProblems('label1035', value ?? '').map((p) => invalidValue(`spec.names.${field}`, value, p));
  const mixed = (field: string, value: string | undefined): FieldError[] =>
    nameProblems('label1035', (value ?? '').toLowerCase()).map((p) => invalidValue(`spec.names.${field}`, value, `may have mixed case, but should otherwise match: ${p}`));
  return [
    ...label('plural', plural), ...label('singular', singular), ...mixed('kind', kind), ...mixed('listKind', listKind),
    ...shortNames.flatMap((name, i) => label(`shortNames[${i}]`, name)), ...categories.flatMap((name, i) => label(`categories[${i}]`, name)),
    ...(kind !== '' && kind === listKind ? [invalidValue('spec.names.listKind', listKind, 'kind and listKind may not be the same')] : []),
  ];
}

function versionErrors(spec: DefinitionSpec): FieldError[] {
  const names = spec.versions.map((v) => v.name);
  return [
    ...(spec.versions.filter((v) => v.storage).length === 1 ? [] : [invalidValue('spec.versions', spec.versions, 'must have exactly one version marked as storage version')]),
    ...(new Set(names).size === names.length ? [] : [invalidValue('spec.versions', spec.versions, 'must contain unique version names')]),
    ...names.flatMap((name, i) => nameProblems('label1035', name).map((p) => invalidValue(`spec.versions[${i}].name`, name, p))),
  ];
}

/** A schema that all versions share is spoken of as `spec.validation`, where it stood in the first edition of the API. */
function schemaErrors(spec: DefinitionSpec, old: ApiObject | undefined): FieldError[] {
  const shared = spec.versions.every((v) => sameJson(v.schema, spec.versions[0]?.schema));
  const each = shared ? spec.versions.slice(0, 1) : spec.versions;
  return each.flatMap((version, i) => {
    const path = shared ? 'spec.validation.openAPIV3Schema' : `spec.versions[${i}].schema.openAPIV3Schema`;
    if (!isObject(version.schema?.openAPIV3Schema)) return spec.versions.map((_, n) => required(`spec.versions[${n}].schema.openAPIV3Schema`, 'schemas are required')).slice(shared ? 0 : i, shared ? undefined : i + 1);
    const unchanged = old !== undefined && sameJson(version.schema, oldVersion(old, version.name));
    return unchanged ? [] : structuralErrors(version.schema.openAPIV3Schema, path);
  });
}

/** The schema has found what is missing; there is nothing more to say about it here. */
const hasNames = (object: ApiObject): boolean => isObject(fieldAt(object, 'spec', 'names')) && Array.isArray(fieldAt(object, 'spec', 'versions'));

function oldVersion(old: ApiObject, name: string): unknown {
  return (old['spec'] as DefinitionSpec).versions.find((v) => v.name === name)?.schema;
}

function changeErrors(spec: DefinitionSpec, old: ApiObject | undefined): FieldError[] {
  if (old === undefined) return [];
  const before = old['spec'] as DefinitionSpec;
  return [
    ...(spec.group === before.group ? [] : [invalidValue('spec.group', spec.group, 'field is immutable')]),
    ...(spec.scope === before.scope ? [] : [invalidValue('spec.scope', spec.scope, 'field is immutable')]),
    ...(spec.names.plural === before.names.plural ? [] : [invalidValue('spec.names.plural', spec.names.plural, 'field is immutable')]),
    ...(spec.names.kind === before.names.kind ? [] : [invalidValue('spec.names.kind', spec.names.kind, 'field is immutable')]),
  ];
}

/** A version in which objects may be stored cannot be dropped. */
function storedVersionErrors(object: ApiObject, names: readonly string[]): FieldError[] {
  const stored = isObject(object['status']) ? object['status']['storedVersions'] : undefined;
  if (!Array.isArray(stored)) return [];
  return stored.flatMap((name, i) => (names.includes(String(name)) ? [] : [invalidValue(`status.storedVersions[${i}]`, name, 'missing from spec.versions; v1 was previously a storage version, and must remain in spec.versions until a storage migration ensures no data remains persisted in v1 and removes v1 from status.storedVersions'.replaceAll('v1', String(name)))]));
}
