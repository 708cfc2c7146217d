/**
 * Strategic merge patch: a merge patch that knows from the schema which lists are merged by key.
 * Directives: `$patch: delete|replace|merge`, `$retainKeys`, `$deleteFromPrimitiveList/FIELD`, `$setElementOrder/FIELD`.
 */
import { assignField, cloneJson, isObject, sameJson, type JsonObject } from '../objects/object.ts';
import { badRequest } from '../api/status.ts';
import type { SchemaNode } from '../schema/node.ts';

const PATCH = '$patch';
const RETAIN = '$retainKeys';
const DELETE_PRIMITIVES = '$deleteFromPrimitiveList/';
const ORDER = '$setElementOrder/';

/** The patched object; neither argument is changed. Throws a 400 ApiError on a directive that makes no sense. */
export function strategicPatch(target: unknown, patch: JsonObject, node: SchemaNode | undefined): JsonObject {
  const directive = patch[PATCH];
  if (directive === 'replace') return withoutDirectives(patch);
  if (directive === 'delete') return {};
  if (directive !== undefined && directive !== 'merge') throw badRequest(`Unknown patch type: ${JSON.stringify(directive)} in map`);
  const result: JsonObject = isObject(target) ? { ...target } : {};
  retainOnly(result, patch);
  for (const key of Object.keys(patch)) {
    if (key === PATCH || key === RETAIN) continue;
    if (key.startsWith(DELETE_PRIMITIVES)) removePrimitives(result, key.slice(DELETE_PRIMITIVES.length), patch[key]);
    else if (!key.startsWith(ORDER)) mergeField(result, key, patch[key], propertyOf(node, key), patch[ORDER + key]);
  }
  for (const key of Object.keys(patch)) {
    const field = key.startsWith(ORDER) ? key.slice(ORDER.length) : undefined;
    if (field !== undefined && !Object.hasOwn(patch, field)) reorderField(result, field, patch[key], propertyOf(node, field));
  }
  return result;
}

const propertyOf = (node: SchemaNode | undefined, key: string): SchemaNode | undefined => node?.properties.get(key) ?? node?.additional;

function mergeField(result: JsonObject, key: string, change: unknown, node: SchemaNode | undefined, order: unknown): void {
  const present = Object.hasOwn(result, key) ? result[key] : undefined;
  if (change === null) delete result[key];
  else if (isObject(change)) {
    const fresh = node?.patchStrategies.includes('replace') === true || !isObject(present);
    assignField(result, key, strategicPatch(fresh ? undefined : present, change, node));
  } else if (Array.isArray(change)) {
    const merged = node?.patchStrategies.includes('merge') === true ? mergeList(Array.isArray(present) ? present : [], change, node, key) : cloneJson(change);
    const isMerged = node?.patchStrategies.includes('merge') === true;
    assignField(result, key, isMerged ? ordered(merged, Array.isArray(order) ? order : change, Array.isArray(present) ? present : [], node.patchMergeKey) : merged);
  } else assignField(result, key, change);
}

function mergeList(present: readonly unknown[], change: readonly unknown[], node: SchemaNode, field: string): unknown[] {
  const mergeKey = node.patchMergeKey;
  if (mergeKey === undefined) return [...present, ...change.filter((item) => !present.some((other) => sameJson(other, item)))];
  const items = change.map((item) => {
    if (!isObject(item)) throw badRequest(`map: ${JSON.stringify(item)} does not contain declared merge key: ${mergeKey}`);
    return item;
  });
  let result: unknown[] = items.some((item) => item[PATCH] === 'replace') ? [] : [...present];
  for (const item of items) {
    if (item[PATCH] === 'replace' && item[mergeKey] === undefined) continue;
    if (item[mergeKey] === undefined) throw badRequest(`map: ${JSON.stringify(item)} does not contain declared merge key: ${mergeKey} (${field})`);
    const matches = (other: unknown): boolean => isObject(other) && sameJson(other[mergeKey], item[mergeKey]);
    if (item[PATCH] === 'delete') result = result.filter((other) => !matches(other));
    else {
      const at = result.findIndex(matches);
      const merged = strategicPatch(at < 0 ? undefined : result[at], item[PATCH] === 'replace' ? withoutDirectives(item) : item, node.items);
      if (at < 0) result.push(merged);
      else result[at] = merged;
    }
  }
  return result;
}

function removePrimitives(result: JsonObject, field: string, values: unknown): void {
  if (!Array.isArray(values)) throw badRequest(`the value of ${DELETE_PRIMITIVES}${field} is not a list`);
  const present = result[field];
  if (Array.isArray(present)) result[field] = present.filter((item) => !values.some((value) => sameJson(value, item)));
}

function retainOnly(result: JsonObject, patch: JsonObject): void {
  const retain = patch[RETAIN];
  if (retain === undefined) return;
  if (!Array.isArray(retain)) throw badRequest(`the value of ${RETAIN} is not a list`);
  for (const key of Object.keys(result)) if (!retain.includes(key)) delete result[key];
}

function reorderField(result: JsonObject, field: string, order: unknown, node: SchemaNode | undefined): void {
  const present = result[field];
  if (Array.isArray(present) && Array.isArray(order) && node !== undefined) result[field] = ordered(present, order, present, node.patchMergeKey);
}

/**
 * Elements that the patch names come in the patch's order, the others (another writer's) in the order they had;
 * one of those goes before the first named element that it stood before.
 */
function ordered(items: readonly unknown[], order: readonly unknown[], before: readonly unknown[], mergeKey: string | undefined): unknown[] {
  const identity = (item: unknown): unknown => (mergeKey !== undefined && isObject(item) ? item[mergeKey] : item);
  const placeIn = (list: readonly unknown[], item: unknown): number => list.findIndex((other) => sameJson(identity(other), identity(item)));
  const by = (list: readonly unknown[]) => (a: unknown, b: unknown): number => placeIn(list, a) - placeIn(list, b);
  const named = items.filter((item) => placeIn(order, item) >= 0).sort(by(order));
  const others = items.filter((item) => placeIn(order, item) < 0).sort(by(before));
  const result: unknown[] = [];
  for (let [left, right] = [others, named]; left.length + right.length > 0;) {
    const [other, next] = [left[0], right[0]];
    const stoodBefore = right.length === 0 || (left.length > 0 && placeIn(before, other) >= 0 && placeIn(before, next) >= 0 && placeIn(before, other) < placeIn(before, next));
    if (stoodBefore) { result.push(other); left = left.slice(1); } else { result.push(next); right = right.slice(1); }
  }
  return result;
}

function withoutDirectives(patch: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(patch)
    .filter(([key]) => key !== PATCH && key !== RETAIN && !key.startsWith(ORDER) && !key.startsWith(DELETE_PRIMITIVES))
    .map(([key, value]) => [key, Array.isArray(value) ? value.map((v: unknown) => (isObject(v) ? withoutDirectives(v) : v)) : isObject(value) ? withoutDirectives(value) : value]));
}
