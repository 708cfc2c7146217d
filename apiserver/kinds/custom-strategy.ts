/** CustomResourceDefinitions as objects: their defaults and what is wrong with one. */
import { fieldAt, isObject, sameJson, type ApiObject } from '../objects/object.ts';
import { invalidValue, required, type FieldError } from '../schema/field-error.ts';
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
  if (object.metadata.name !== expected) errors.push(invalidValue('metadata.name', object.metadata.name, 'must be spec.names.plural+"."+spec.group'));
  if (PROTECTED.test(spec.group) && object.metadata.annotations?.[APPROVAL] === undefined) {
    errors.push(required(`metadata.annotations[${APPROVAL}]`, `protected groups must have approval annotation "${APPROVAL}", see https://github.com/kubernetes/enhancements/pull/1111`));
  }
  if (spec.versions.filter((v) => v.storage).length !== 1) errors.push(invalidValue('spec.versions', spec.versions, 'must have exactly one version marked as storage version'));
  const names = spec.versions.map((v) => v.name);
  for (const [i, name] of names.entries()) {
    if (names.indexOf(name) < i) errors.push(invalidValue('spec.versions', spec.versions, 'must contain unique version names'));
    if (!/^[a-z]([-a-z0-9]*[a-z0-9])?$/.test(name)) errors.push(invalidValue(`spec.versions[${i}].name`, name, "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')"));
  }
  for (const [i, version] of spec.versions.entries()) {
    const path = `spec.versions[${i}].schema.openAPIV3Schema`;
    if (!isObject(version.schema?.openAPIV3Schema)) errors.push(required(path, 'schemas are required'));
    else if (old === undefined || !sameJson(version.schema, oldVersion(old, version.name))) errors.push(...structuralErrors(version.schema.openAPIV3Schema, path));
  }
  return [...errors, ...changeErrors(spec, old), ...storedVersionErrors(object, names)];
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
