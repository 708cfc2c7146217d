/** Our resources ⇄ objects as the API server stores them, in the spelling of one group. */
import type { Problem } from '../../lib/errors.ts';
import { descriptionOf, parseResource, pathOf, type KindName, type Parsed, type ResourceOfKind } from '../kinds/kinds.ts';
import { namesIn, type Metadata } from '../kinds/kind.ts';
import { isObject } from '../schema/structure.ts';
import { apiVersionIn, resourceIn, type Group, type ResourceRef } from './groups.ts';
import { metadataFromStored, metadataToStored } from './metadata.ts';

/** An object as it goes over the wire; has the shape of `sys/kube`'s KubeObject. */
export interface StoredObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: Metadata;
  readonly [field: string]: unknown;
}

export interface Storage {
  readonly group: Group;
  resource(kind: KindName): ResourceRef;
  /**
   * Reads a stored object. Unknown fields stay in the value. Never throws. A BlockAffinity, IPAMBlock or IPAMHandle whose
   * deletion has begun is read like any other: its `spec.deleted` is true.
   */
  fromStored<K extends KindName>(kind: K, object: unknown): Parsed<ResourceOfKind<K>>;
  /** The object to create or update. Everything that `fromStored` read comes back, also what we do not know. */
  toStored<K extends KindName>(kind: K, value: ResourceOfKind<K>): StoredObject;
}

export const storageFor = (group: Group): Storage => ({
  group,
  resource: (kind) => resourceIn(group, kind),
  fromStored: (kind, object) => fromStored(group, kind, object),
  toStored: (kind, value) => toStored(group, kind, value),
});

function fromStored<K extends KindName>(group: Group, kind: K, object: unknown): Parsed<ResourceOfKind<K>> {
  if (group === 'v3' || !isObject(object)) return parseResource(kind, object);
  const problems: Problem[] = [];
  const stored = object['metadata'];
  const metadata = isNamed(stored) ? metadataFromStored(stored, pathOf(kind, stored.name), problems) : stored;
  const parsed = parseResource(kind, { ...object, metadata, spec: specFromV1(kind, object['spec']) });
  return { value: parsed.value, problems: [...problems, ...parsed.problems] };
}

function toStored<K extends KindName>(group: Group, kind: K, value: ResourceOfKind<K>): StoredObject {
  const names = namesIn(descriptionOf(kind), group);
  const { apiVersion: _a, kind: _k, metadata, spec, ...rest } = value;
  return {
    apiVersion: apiVersionIn(group), kind: names.kind,
    metadata: group === 'v1' ? metadataToStored(metadata, descriptionOf(kind).ipam === true) : metadata,
    spec: group === 'v1' ? specToV1(kind, spec) : spec,
    ...rest,
  };
}

/** `deleted` of an affinity is text in v1, and a boolean everywhere else. */
function specFromV1(kind: KindName, spec: unknown): unknown {
  if (kind !== 'BlockAffinity' || !isObject(spec)) return spec;
  const { deleted } = spec;
  return deleted === 'true' || deleted === 'false' || deleted === '' ? { ...spec, deleted: deleted === 'true' } : spec;
}

function specToV1(kind: KindName, spec: unknown): unknown {
  if (kind !== 'BlockAffinity' || !isObject(spec)) return spec;
  return { ...spec, deleted: spec['deleted'] === true ? 'true' : 'false' };
}

const isNamed = (value: unknown): value is Metadata => isObject(value) && typeof value['name'] === 'string';
