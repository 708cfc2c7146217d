/** Writes deploy/crds/{v1,v3}/*.yaml from the kinds in config/kinds. Run it after changing one: `node scripts/generate-crds.ts`. */
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { crdFiles } from './crd-files.ts';

const folder = join(import.meta.dirname, '../deploy/crds');
const files = crdFiles();
for (const group of ['v1', 'v3']) {
  mkdirSync(join(folder, group), { recursive: true });
  for (const name of readdirSync(join(folder, group))) {
    if (!files.has(`${group}/${name}`)) rmSync(join(folder, group, name));
  }
}
for (const [path, text] of files) writeFileSync(join(folder, path), text);
process.stdout.write(`${files.size} files in deploy/crds\n`);
