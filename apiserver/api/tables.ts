/** Lists and objects as server-side tables, which is what `kubectl get` prints. */
import { ageSince } from '../kinds/age.ts';
import type { Column, ResourceType } from '../kinds/resource-type.ts';
import type { ApiObject } from '../objects/object.ts';

export type IncludeObject = 'None' | 'Metadata' | 'Object';

const AGE: Column = { name: 'Age', type: 'date', priority: 0, cell: (object, nowMs) => ageSince(object.metadata.creationTimestamp, nowMs) };

const columnsOf = (type: ResourceType): readonly Column[] => type.columns ?? [AGE];

export function columnDefinitions(type: ResourceType): unknown[] {
  return [
    { name: 'Name', type: 'string', format: 'name', description: 'Name must be unique within a namespace.', priority: 0 },
    ...columnsOf(type).map((c) => ({ name: c.name, type: c.type === 'date' && c.format === undefined && !type.custom ? 'string' : c.type, format: c.format ?? '', description: c.description ?? '', priority: c.priority })),
  ];
}

export function tableRow(type: ResourceType, object: ApiObject, include: IncludeObject, nowMs: number): unknown {
  return {
    cells: [object.metadata.name, ...columnsOf(type).map((c) => c.cell(object, nowMs))],
    ...(include === 'None' ? {} : { object: include === 'Object' ? object : { kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1', metadata: object.metadata } }),
  };
}

export interface ListMeta { readonly resourceVersion: string; readonly continue?: string; readonly remainingItemCount?: number }

/** A table; `columns` false leaves the definitions out, as in all but the first event of a watch. */
export function tableOf(type: ResourceType, objects: readonly ApiObject[], meta: ListMeta, include: IncludeObject, nowMs: number, columns = true): Record<string, unknown> {
  return {
    kind: 'Table', apiVersion: 'meta.k8s.io/v1', metadata: meta,
    columnDefinitions: columns ? columnDefinitions(type) : null,
    rows: objects.map((object) => tableRow(type, object, include, nowMs)),
  };
}
