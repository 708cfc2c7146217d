/** Fills in what a schema gives as defaults, and drops nulls that it does not allow. */
import { assignField, cloneJson, isObject } from '../objects/object.ts';
import type { SchemaNode } from './node.ts';

/** Changes `value` in place. A null where the schema is not nullable counts as absent. */
export function applyDefaults(node: SchemaNode, value: unknown): void {
  if (Array.isArray(value)) {
    const { items } = node;
    if (items !== undefined) for (const item of value) applyDefaults(items, item);
    return;
  }
  if (!isObject(value)) return;
  for (const [name, property] of node.properties) {
    if (value[name] === null && !property.nullable) delete value[name];
    if (value[name] === undefined && property.hasDefault) assignField(value, name, cloneJson(property.default));
    applyDefaults(property, value[name]);
  }
  const { additional } = node;
  if (additional === undefined) return;
  for (const key of Object.keys(value)) {
    if (node.properties.has(key)) continue;
    if (value[key] === null && !additional.nullable) {
      delete value[key];
      if (additional.hasDefault) assignField(value, key, cloneJson(additional.default));
    }
    applyDefaults(additional, value[key]);
  }
}
