/** Two steps that preparing an object is made of. */
import { isObject, type JsonObject } from '../objects/object.ts';

/** The object at a field, made if it is not there. */
export function section(object: JsonObject, field: string): JsonObject {
  const value = object[field];
  if (isObject(value)) return value;
  const made: JsonObject = {};
  object[field] = made;
  return made;
}

export function setDefault(object: JsonObject, field: string, value: unknown): void {
  if (object[field] === undefined) object[field] = value;
}
