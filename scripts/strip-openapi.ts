/**
 * Makes `apiserver/schemas/definitions.json` from the OpenAPI v3 files of a kube-apiserver (`/openapi/v3/api/v1` and so on):
 * every definition our built-in kinds reach, without prose, one line each. `node scripts/strip-openapi.ts FOLDER`.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { BUILTIN_ROWS } from '../apiserver/kinds/builtin-rows.ts';

type Schema = Record<string, unknown>;
const PREFIX = '#/components/schemas/';
/** Kinds of the machinery itself that clients look for. */
const META = ['DeleteOptions', 'Status', 'ObjectMeta', 'ListMeta', 'WatchEvent'].map((n) => `io.k8s.apimachinery.pkg.apis.meta.v1.${n}`);

/** Prose goes; a single-element allOf, which the generator needs only to put a default beside a reference, is kept as it is. */
function strip(value: unknown, insideProperties = false): unknown {
  if (Array.isArray(value)) return value.map((v) => strip(v));
  if (typeof value !== 'object' || value === null) return value;
  const kept = Object.entries(value).filter(([key]) => insideProperties || (key !== 'description' && key !== 'x-kubernetes-group-version-kind'));
  return Object.fromEntries(kept.map(([key, v]) => [key, key === 'default' || key === 'enum' ? v : strip(v, key === 'properties' && !insideProperties)]));
}

function referencesIn(value: unknown): string[] {
  if (Array.isArray(value)) return value.flatMap(referencesIn);
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, v]) => (key === '$ref' && typeof v === 'string' ? [v.slice(PREFIX.length)] : referencesIn(v)));
}

const folder = process.argv[2];
if (folder === undefined) throw new Error('usage: node scripts/strip-openapi.ts FOLDER-WITH-OPENAPI-V3-JSON');
const all: Record<string, Schema> = {};
for (const file of readdirSync(folder)) {
  const document = JSON.parse(readFileSync(join(folder, file), 'utf8')) as { components: { schemas: Record<string, Schema> } };
  Object.assign(all, document.components.schemas);
}
const reached = new Map<string, unknown>();
const queue = [...BUILTIN_ROWS.flatMap((row) => [row.definition, `${row.definition}List`]), ...META];
for (let name = queue.pop(); name !== undefined; name = queue.pop()) {
  if (reached.has(name)) continue;
  if (all[name] === undefined) throw new Error(`${name}: not in any file of ${folder}`);
  reached.set(name, strip(all[name]));
  queue.push(...referencesIn(all[name]));
}
const lines = [...reached].sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, schema]) => `${JSON.stringify(name)}: ${JSON.stringify(schema)}`);
writeFileSync(new URL('../apiserver/schemas/definitions.json', import.meta.url), `{\n${lines.join(',\n')}\n}\n`);
process.stdout.write(`${lines.length} definitions\n`);
