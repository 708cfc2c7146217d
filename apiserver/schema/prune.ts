/** Removes from an object what its schema does not know, and tells what that was. */
import { isObject, type JsonObject } from '../objects/object.ts';
import { child } from './field-error.ts';
import type { SchemaNode } from './node.ts';

const EMBEDDED: ReadonlySet<string> = new Set(['apiVersion', 'kind', 'metadata']);

/** Changes `value` in place; returns the paths of the removed fields, in order of appearance. `metadata` is the schema of an embedded object's. */
export function prune(node: SchemaNode, value: unknown, metadata: SchemaNode, path = ''): string[] {
  if (Array.isArray(value)) {
    const { items } = node;
    return items === undefined ? [] : value.flatMap((item, i) => prune(items, item, metadata, `${path}[${i}]`));
  }
  return isObject(value) ? pruneObject(node, value, metadata, path) : [];
}

function pruneObject(node: SchemaNode, value: JsonObject, metadata: SchemaNode, path: string): string[] {
  const unknown: string[] = [];
  for (const key of Object.keys(value)) {
    const at = child(path, key);
    const known = node.properties.get(key) ?? node.additional;
    if (node.embedded && EMBEDDED.has(key)) {
      if (key === 'metadata') unknown.push(...prune(metadata, value[key], metadata, at));
    } else if (known !== undefined) {
      unknown.push(...prune(known, value[key], metadata, at));
    } else if (!node.preserveUnknown) {
      unknown.push(at);
      delete value[key];
    }
  }
  return unknown;
}
