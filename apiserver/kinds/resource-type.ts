/** A kind of object as one version of the API serves it, built-in or defined by a CustomResourceDefinition. */
import type { NameRule } from '../objects/names.ts';
import type { ApiObject } from '../objects/object.ts';
import type { FieldError } from '../schema/field-error.ts';
import type { SchemaNode } from '../schema/node.ts';

/** A column of the server-side table, after Name. */
export interface Column {
  readonly name: string;
  readonly type: 'string' | 'integer' | 'number' | 'boolean' | 'date';
  readonly format?: string;
  readonly description?: string;
  /** 0 is shown always, 1 only with `-o wide`. */
  readonly priority: number;
  /** `nowMs` is the wall clock, for ages. */
  readonly cell: (object: ApiObject, nowMs: number) => unknown;
}

/** What is particular to a built-in kind. All functions are pure and change `object` in place where they prepare it. */
export interface Strategy {
  readonly name?: NameRule;
  /** Before an object is first stored: defaults that schemas do not carry, fields a client may not set. */
  readonly prepareCreate?: (object: ApiObject) => void;
  /** Defaults again, and what an update may not touch. Not called for status updates. */
  readonly prepareUpdate?: (object: ApiObject, old: ApiObject) => void;
  /** Beyond what the schema says. `old` is undefined on creation. */
  readonly validate?: (object: ApiObject, old: ApiObject | undefined) => FieldError[];
  /** Seconds between the request to delete and the end; 0 or undefined deletes at once. */
  readonly graceSeconds?: (object: ApiObject, asked: number | undefined) => number;
  /** Fields offered to field selectors beside metadata.name and metadata.namespace. */
  readonly selectable?: readonly string[];
  readonly columns?: readonly Column[];
}

export interface ResourceType {
  readonly group: string;
  readonly version: string;
  readonly plural: string;
  readonly singular: string;
  readonly kind: string;
  readonly listKind: string;
  readonly namespaced: boolean;
  readonly shortNames: readonly string[];
  readonly categories: readonly string[];
  /** Has a status subresource. */
  readonly status: boolean;
  readonly generation: boolean;
  readonly conditionalUpdate: boolean;
  readonly returnsDeleted: boolean;
  readonly custom: boolean;
  /** The version objects are stored in, and its schema: what that does not know is not kept. */
  readonly storageVersion: string;
  readonly storageRoot: SchemaNode;
  /** Objects written at or before this resourceVersion may not fit the schema of today: they are pruned and given defaults when read. */
  readonly schemaSince: number;
  readonly root: SchemaNode;
  readonly strategy: Strategy;
  readonly selectable: readonly string[];
  readonly columns: readonly Column[] | undefined;
  /** Shown to clients as a warning header. */
  readonly deprecation?: string;
}

/** Versions of one resource share this key in the store. */
export const storageKey = (type: Pick<ResourceType, 'group' | 'plural'>): string => (type.group === '' ? type.plural : `${type.group}/${type.plural}`);
export const apiVersionOf = (type: Pick<ResourceType, 'group' | 'version'>): string => (type.group === '' ? type.version : `${type.group}/${type.version}`);
