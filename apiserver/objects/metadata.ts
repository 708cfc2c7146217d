/** What the server itself writes into `metadata`, and what an update may not change there. */
import { forbiddenField, invalidValue, type FieldError } from '../schema/field-error.ts';
import { sameJson, type ApiObject, type Meta } from './object.ts';

/** What a creation takes from outside: the pure code has neither clock nor chance. */
export interface Stamp {
  /** RFC 3339 in whole seconds, UTC. */
  readonly now: string;
  readonly uid: string;
  /** Five characters for `generateName`. */
  readonly suffix: string;
}

const MAX_GENERATED_BASE = 58;

/** Readies the metadata of a new object, in place. */
export function stampCreation(meta: Meta, stamp: Stamp, hasGeneration: boolean): void {
  if ((meta.name === undefined || meta.name === '') && meta.generateName !== undefined && meta.generateName !== '') {
    meta.name = meta.generateName.slice(0, MAX_GENERATED_BASE) + stamp.suffix;
  }
  meta.uid = stamp.uid;
  meta.creationTimestamp = stamp.now;
  delete meta.deletionTimestamp;
  delete meta.deletionGracePeriodSeconds;
  delete meta['selfLink'];
  delete meta['managedFields'];
  if (hasGeneration) meta.generation = 1;
}

/** Fields of which an update keeps the stored value, whatever it says or leaves out. */
const KEPT = ['generateName', 'uid', 'creationTimestamp', 'deletionTimestamp', 'deletionGracePeriodSeconds', 'generation', 'selfLink'] as const;

/** Takes over from `old` what the server owns, in place. An update that says otherwise about uid or times has been refused before. */
export function keepServerFields(meta: Meta, old: Meta): void {
  for (const field of KEPT) {
    if (old[field] === undefined) delete meta[field];
    else meta[field] = old[field] as never;
  }
  delete meta['managedFields'];
}

export function updateErrors(meta: Meta, old: Meta): FieldError[] {
  const errors: FieldError[] = [];
  const immutable = (field: string, value: unknown): void => { errors.push(invalidValue(`metadata.${field}`, value, 'field is immutable')); };
  if (meta.uid !== undefined && meta.uid !== '' && meta.uid !== old.uid) immutable('uid', meta.uid);
  if (typeof meta.deletionTimestamp === 'string' && meta.deletionTimestamp !== old.deletionTimestamp) immutable('deletionTimestamp', meta.deletionTimestamp);
  if (old.deletionTimestamp !== undefined) {
    const added = (meta.finalizers ?? []).filter((f) => !(old.finalizers ?? []).includes(f));
    if (added.length > 0) {
      errors.push(forbiddenField('metadata.finalizers', `no new finalizers can be added if the object is being deleted, found new finalizers []string{${added.map((f) => JSON.stringify(f)).join(', ')}}`));
    }
  }
  return errors;
}

/** Whether anything but metadata (and status, where that is a subresource) differs: what `metadata.generation` counts. */
export function specChanged(object: ApiObject, old: ApiObject, statusApart: boolean): boolean {
  const ignored = new Set(['apiVersion', 'kind', 'metadata', ...(statusApart ? ['status'] : [])]);
  const keys = new Set([...Object.keys(object), ...Object.keys(old)].filter((key) => !ignored.has(key)));
  return [...keys].some((key) => !sameJson(object[key], old[key]));
}

/** Metadata in the order a real server writes it, so that people find things where they expect them; unset fields are left out. */
export function orderedObject(object: ApiObject): ApiObject {
  const { apiVersion, kind, metadata, ...rest } = object;
  const { name, generateName, namespace, uid, resourceVersion, generation, creationTimestamp, deletionTimestamp, deletionGracePeriodSeconds, labels, annotations, ownerReferences, finalizers, ...others } = metadata;
  const meta = { name, generateName, namespace, uid, resourceVersion, generation, creationTimestamp, deletionTimestamp, deletionGracePeriodSeconds, labels, annotations, ownerReferences, finalizers, ...others };
  const isSet = ([, value]: [string, unknown]): boolean => value !== undefined && value !== '' && !isEmptyList(value);
  return { kind, apiVersion, metadata: Object.fromEntries(Object.entries(meta).filter(isSet)), ...rest };
}

const isEmptyList = (value: unknown): boolean => typeof value === 'object' && value !== null && Object.keys(value).length === 0;
