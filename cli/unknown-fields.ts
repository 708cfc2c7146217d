/** Fields that a kind does not have: mistyped or misplaced, they would be dropped silently by the API server. */
import type { OpenApi } from '../config/schema/schema.ts';

/** Paths of the fields in `value` that the schema does not name, such as `spec.asnumber`. */
export function unknownFields(schema: OpenApi, value: unknown, path: string): string[] {
  if (Array.isArray(value)) {
    const items = schema['items'] as OpenApi | undefined;
    return items === undefined ? [] : value.flatMap((v, i) => unknownFields(items, v, `${path}[${i}]`));
  }
  const properties = schema['properties'] as Readonly<Record<string, OpenApi>> | undefined;
  if (properties === undefined || typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, v]) => {
    const here = `${path}.${name}`;
    const field = Object.hasOwn(properties, name) ? properties[name] : undefined;
    if (field !== undefined) return unknownFields(field, v, here);
    return schema['x-kubernetes-preserve-unknown-fields'] === true ? [] : [here];
  });
}
