/** The rules for names, labels and annotations, with the explanations a real API server gives. */
import { child, invalidValue, required, forbiddenField, type FieldError } from '../schema/field-error.ts';
import { isObject, type Meta } from './object.ts';

const SUBDOMAIN = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
const LABEL = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;
const LABEL_1035 = /^[a-z]([-a-z0-9]*[a-z0-9])?$/;
const QUALIFIED = /^([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]$/;
const LABEL_VALUE = /^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$/;
const MAX_ANNOTATIONS_BYTES = 256 * 1024;

/** How a kind's names are formed. */
export type NameRule = 'subdomain' | 'label' | 'label1035' | 'path';

const longerThan = (max: number): string => `must be no more than ${max} characters`;

export function nameProblems(rule: NameRule, name: string): string[] {
  switch (rule) {
    case 'subdomain': return [
      ...(name.length > 253 ? [longerThan(253)] : []),
      ...(SUBDOMAIN.test(name) ? [] : ["a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"]),
    ];
    case 'label': return [
      ...(name.length > 63 ? [longerThan(63)] : []),
      ...(LABEL.test(name) ? [] : ["a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')"]),
    ];
    case 'label1035': return [
      ...(name.length > 63 ? [longerThan(63)] : []),
      ...(LABEL_1035.test(name) ? [] : ["a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')"]),
    ];
    case 'path': return [
      ...(name === '.' || name === '..' ? [`may not be '${name}'`] : []),
      ...['/', '%'].filter((c) => name.includes(c)).map((c) => `may not contain '${c}'`),
    ];
  }
}

export function qualifiedNameProblems(name: string): string[] {
  const [prefix, local, more] = name.includes('/') ? name.split('/') : [undefined, name];
  if (local === undefined || more !== undefined) {
    return ["a qualified name must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]') with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')"];
  }
  const problems: string[] = [];
  if (prefix === '') problems.push('prefix part must be non-empty');
  else if (prefix !== undefined) problems.push(...nameProblems('subdomain', prefix).map((p) => `prefix part ${p}`));
  if (local === '') problems.push('name part must be non-empty');
  else if (local.length > 63) problems.push(`name part ${longerThan(63)}`);
  if (!QUALIFIED.test(local)) problems.push("name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')");
  return problems;
}

export function labelValueProblems(value: string): string[] {
  return [
    ...(value.length > 63 ? [longerThan(63)] : []),
    ...(LABEL_VALUE.test(value) ? [] : ["a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"]),
  ];
}

export function labelErrors(labels: unknown, path: string): FieldError[] {
  if (!isObject(labels)) return [];
  return Object.entries(labels).flatMap(([key, value]) => [
    ...qualifiedNameProblems(key).map((p) => invalidValue(path, key, p)),
    ...labelValueProblems(String(value)).map((p) => invalidValue(path, value, p)),
  ]);
}

function annotationErrors(annotations: unknown, path: string): FieldError[] {
  if (!isObject(annotations)) return [];
  const bytes = Object.entries(annotations).reduce((sum, [key, value]) => sum + Buffer.byteLength(key) + Buffer.byteLength(String(value)), 0);
  return [
    ...Object.keys(annotations).flatMap((key) => qualifiedNameProblems(key.toLowerCase()).map((p) => invalidValue(path, key, p))),
    ...(bytes > MAX_ANNOTATIONS_BYTES ? [{ type: 'TooLong' as const, field: path, detail: `may not be more than ${MAX_ANNOTATIONS_BYTES} bytes` }] : []),
  ];
}

const STANDARD_FINALIZERS: ReadonlySet<string> = new Set(['kubernetes', 'orphan', 'foregroundDeletion']);

/** Qualified by a domain, or one of the standard ones. `custom` resources are held to the first rule only. */
function finalizerErrors(finalizers: unknown, path: string, custom: boolean): FieldError[] {
  if (!Array.isArray(finalizers)) return [];
  return finalizers.flatMap((finalizer, i) => {
    const name = String(finalizer);
    const unqualified = !custom && !name.includes('/') && !STANDARD_FINALIZERS.has(name);
    return [
      ...qualifiedNameProblems(name).map((p) => invalidValue(path, name, p)),
      ...(unqualified ? [invalidValue(`${path}[${i}]`, name, 'name is neither a standard finalizer name nor is it fully qualified')] : []),
    ];
  });
}

function ownerErrors(owners: unknown, path: string): FieldError[] {
  if (!Array.isArray(owners)) return [];
  const references = owners.filter(isObject);
  const errors = references.flatMap((owner) => {
    const absent = (['apiVersion', 'kind', 'name', 'uid'] as const).filter((field) => owner[field] === undefined || owner[field] === '');
    return absent.map((field) => invalidValue(child(path, field), '', field === 'apiVersion' ? 'version must not be empty' : 'must not be empty'));
  });
  const controllers = references.filter((owner) => owner['controller'] === true).map((owner) => `${String(owner['kind'])}/${String(owner['name'])}`);
  if (controllers.length > 1) errors.push(invalidValue(path, owners, `Only one reference can have Controller set to true. Found "true" in references for ${controllers[0]!} and ${controllers[1]!}`));
  return errors;
}

/** Everything about `metadata` that does not depend on what was there before. */
export function metadataErrors(meta: Meta, rule: NameRule, namespaced: boolean, custom: boolean, path = 'metadata'): FieldError[] {
  const errors: FieldError[] = [];
  if (meta.generateName !== undefined && meta.generateName !== '') {
    const trial = meta.generateName.endsWith('-') ? `${meta.generateName.slice(0, -1)}a` : meta.generateName;
    errors.push(...nameProblems(rule, trial).map((p) => invalidValue(child(path, 'generateName'), meta.generateName, p)));
  }
  if (meta.name === undefined || meta.name === '') errors.push(required(child(path, 'name'), 'name or generateName is required'));
  else errors.push(...nameProblems(rule, meta.name).map((p) => invalidValue(child(path, 'name'), meta.name, p)));
  if (namespaced && meta.namespace !== undefined) errors.push(...nameProblems('label', meta.namespace).map((p) => invalidValue(child(path, 'namespace'), meta.namespace, p)));
  if (!namespaced && meta.namespace !== undefined) errors.push(forbiddenField(child(path, 'namespace'), 'not allowed on this type'));
  return [
    ...errors,
    ...labelErrors(meta.labels, child(path, 'labels')),
    ...annotationErrors(meta.annotations, child(path, 'annotations')),
    ...ownerErrors(meta['ownerReferences'], child(path, 'ownerReferences')),
    ...finalizerErrors(meta.finalizers, child(path, 'finalizers'), custom),
  ];
}
