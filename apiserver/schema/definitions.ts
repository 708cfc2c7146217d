/** The schemas of built-in kinds, compiled from the data in `schemas/definitions.json`. */
import definitions from '../schemas/definitions.json' with { type: 'json' };
import type { JsonObject } from '../objects/object.ts';
import { compileSchema, type SchemaNode } from './node.ts';

export const REFERENCE_PREFIX = '#/components/schemas/';
const META = 'io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta';

/** Schemas by their full name. */
export const DEFINITIONS = definitions as unknown as Readonly<Record<string, JsonObject>>;

const compiled = new Map<string, SchemaNode>();

/** The schema of a definition by its full name. Throws when there is none: the data is ours. */
export function definition(name: string): SchemaNode {
  const known = compiled.get(name);
  if (known !== undefined) return known;
  const raw = DEFINITIONS[name];
  if (raw === undefined) throw new Error(`no definition of ${name}`);
  const schema = compileSchema(raw, (reference) => definition(reference.slice(REFERENCE_PREFIX.length)), true);
  const node = Object.create(schema, { name: { value: name.slice(name.lastIndexOf('.') + 1) } }) as SchemaNode;
  compiled.set(name, node);
  return node;
}

export const objectMeta = (): SchemaNode => definition(META);
