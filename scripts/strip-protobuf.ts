/**
 * Makes `apiserver/schemas/messages.json` from the `generated.proto` files of Kubernetes' Go modules: the field numbers
 * of every message our built-in kinds reach. `node scripts/strip-protobuf.ts FOLDER...`, where the folders are the
 * unpacked modules `k8s.io/api` and `k8s.io/apimachinery`.
 */
import { globSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { BUILTIN_ROWS } from '../apiserver/kinds/builtin-rows.ts';
import { DEFINITIONS } from '../apiserver/schema/definitions.ts';

type Field = [name: string, type: string];
const SCALARS = new Set(['string', 'bytes', 'bool', 'int32', 'int64', 'double']);
/** Decoded by hand. */
const SPECIAL = /\.(Time|MicroTime|Quantity|IntOrString|FieldsV1|RawExtension|JSON)$/;

/** Full names, in the OpenAPI's spelling `io.k8s.…`. */
const fullName = (type: string, own: string): string => (SCALARS.has(type) ? type : type.includes('.') ? type.replace(/^\.?k8s\.io\./, 'io.k8s.') : `${own}.${type}`);

function messagesIn(text: string): [string, Record<string, Field>][] {
  const own = /^package ([\w.]+);/m.exec(text)![1]!.replace(/^k8s\.io\./, 'io.k8s.');
  return [...text.matchAll(/^message (\w+) \{\n([\s\S]*?)^\}/gm)].map(([, name, body]) => {
    const fields = [...body!.matchAll(/^ {2}(?:(optional|repeated) ([\w.]+)|map<string, ([\w.]+)>) (\w+) = (\d+)/gm)].map(([, label, type, value, field, number]) =>
      [number!, [field!, value !== undefined ? `{}${fullName(value, own)}` : `${label === 'repeated' ? '[]' : ''}${fullName(type!, own)}`]] as const);
    return [`${own}.${name!}`, Object.fromEntries(fields) as Record<string, Field>];
  });
}

const all = new Map(process.argv.slice(2).flatMap((folder) => globSync('**/generated.proto', { cwd: folder }).flatMap((file) => messagesIn(readFileSync(join(folder, file), 'utf8')))));
if (all.size === 0) throw new Error('usage: node scripts/strip-protobuf.ts FOLDER-OF-k8s.io/api FOLDER-OF-k8s.io/apimachinery');
const reached = new Map<string, Record<string, Field>>();
const queue = [...BUILTIN_ROWS.map((row) => row.definition).filter((name) => !name.includes('apiextensions')), 'io.k8s.apimachinery.pkg.apis.meta.v1.DeleteOptions'];
for (let name = queue.pop(); name !== undefined; name = queue.pop()) {
  if (reached.has(name) || SCALARS.has(name) || SPECIAL.test(name)) continue;
  const fields = all.get(name);
  if (fields === undefined) throw new Error(`${name}: in none of the files`);
  reached.set(name, fields);
  for (const [, type] of Object.values(fields)) queue.push(type.replace(/^(\[\]|\{\})/, ''));
}
const orphans = [...reached.keys()].filter((name) => DEFINITIONS[name] === undefined);
const lines = [...reached].sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, fields]) => `${JSON.stringify(name)}: ${JSON.stringify(fields)}`);
writeFileSync(new URL('../apiserver/schemas/messages.json', import.meta.url), `{\n${lines.join(',\n')}\n}\n`);
process.stdout.write(`${lines.length} messages; without a schema of their own: ${orphans.join(' ')}\n`);
