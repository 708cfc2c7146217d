/** What a resource kind is: names, schema, defaults that need other fields, columns; the CRD and the reader follow from it. */
import type { Group, Schema } from '../schema/schema.ts';
import type { Rule } from '../schema/structure.ts';

/** Every value of a Calico kind says this, whatever group it is stored in. */
export const API_VERSION = 'projectcalico.org/v3';

/** Object metadata. `uid` and `resourceVersion` are those of the stored object. */
export interface Metadata {
  readonly name: string;
  readonly namespace?: string;
  readonly uid?: string;
  readonly resourceVersion?: string;
  readonly creationTimestamp?: string;
  readonly deletionTimestamp?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly [other: string]: unknown;
}

/** A resource as everything above the storage sees it, the same for both groups. Unknown fields are in it too. */
export interface Resource<K extends string = string, Spec = unknown, Status = unknown> {
  readonly apiVersion: typeof API_VERSION;
  readonly kind: K;
  readonly metadata: Metadata;
  readonly spec: Spec;
  readonly status?: Status;
}

export interface Column {
  readonly name: string;
  readonly type: 'string' | 'integer' | 'boolean' | 'date';
  readonly jsonPath: string;
}

export interface Names { readonly kind: string; readonly plural: string; readonly singular: string }

export interface KindDescription<K extends string, Read, Spec, Status> {
  readonly kind: K;
  readonly plural: string;
  readonly singular: string;
  /** Names in the v1 group where they differ. */
  readonly v1?: Names;
  /** Short names of kubectl (v3 group). */
  readonly shortNames?: readonly string[];
  readonly spec: Schema<Read>;
  readonly status?: Schema<Status>;
  /** True: the status is written through its own subresource. */
  readonly statusSubresource?: boolean;
  readonly columns?: readonly Column[];
  /** The only name an object may have. */
  readonly onlyName?: string;
  /** Rules between metadata and spec. */
  readonly rules?: readonly Rule<Resource<K, Read, Status>>[];
  /** IPAM kinds are rebuilt from our model on each write, as Calico does: `creationTimestamp` is not recorded. */
  readonly ipam?: boolean;
  /** Fills in what depends on other fields. Required fields are good; optional ones may be missing because they were bad. */
  readonly complete: (spec: Read) => Spec;
}

/** A kind. Made by `kind()`, so that the type of its resources follows from its schema. */
export type Kind<K extends string = string, Spec = unknown, Status = unknown> = KindDescription<K, never, Spec, Status>;
export type ResourceOf<D> =
  D extends { readonly kind: infer K extends string; readonly complete: (spec: never) => infer Spec; readonly status?: Schema<infer Status> }
    ? Resource<K, Spec, Status> : never;

export function kind<const K extends string, Read, Status = unknown>(
  description: Omit<KindDescription<K, Read, Read, Status>, 'complete'>,
): KindDescription<K, Read, Read, Status>;
export function kind<const K extends string, Read, Spec, Status = unknown>(
  description: KindDescription<K, Read, Spec, Status>,
): KindDescription<K, Read, Spec, Status>;
export function kind(description: object): unknown {
  return { complete: (spec: unknown) => spec, ...description };
}

/** Kind, plural and singular in a group: `IPAMConfiguration` is `IPAMConfig` in v1. */
export const namesIn = (k: Pick<Kind, 'kind' | 'plural' | 'singular' | 'v1'>, group: Group): Names =>
  (group === 'v1' && k.v1 !== undefined ? k.v1 : { kind: k.kind, plural: k.plural, singular: k.singular });
