/** The generated files of deploy/crds as text, for the script that writes them and the test that compares them. */
import { stringify } from 'yaml';
import { crdOf } from '../config/kinds/crd.ts';
import { descriptionOf, KIND_NAMES } from '../config/kinds/kinds.ts';
import { namesIn } from '../config/kinds/kind.ts';
import { GROUPS } from '../config/schema/schema.ts';

/** Path below deploy/crds → content. */
export function crdFiles(): ReadonlyMap<string, string> {
  const files = new Map<string, string>();
  for (const group of GROUPS) {
    for (const name of KIND_NAMES) {
      const kind = descriptionOf(name);
      const text = stringify(crdOf(kind, group), { lineWidth: 0, aliasDuplicateObjects: false });
      files.set(`${group}/${namesIn(kind, group).plural}.yaml`, `# Generated from config/kinds by scripts/generate-crds.ts.\n${text}`);
    }
  }
  return files;
}
