/** Manifests and commands as the manual prints them: a scenario applies what a reader would copy. */
import { readFileSync } from 'node:fs';
import { parseAllDocuments } from 'yaml';

export interface Documented {
  /** Of YAML blocks, in order. */
  readonly manifests: readonly Manifest[];
  /** `kubectl` commands, without that word, split at blanks. */
  readonly commands: readonly (readonly string[])[];
}

export interface Manifest { readonly kind: string; readonly metadata: { readonly name: string }; readonly spec: Readonly<Record<string, unknown>> }

/** What stands in code blocks below a heading of `docs/bgp.md`, up to the next heading. */
export function documented(heading: string): Documented {
  const text = readFileSync('docs/bgp.md', 'utf8');
  const start = text.indexOf(`\n${heading}\n`);
  if (start < 0) throw new Error(`docs/bgp.md has no heading ${JSON.stringify(heading)}`);
  const section = text.slice(start + heading.length + 2).split(/^#{1,3} /m)[0]!;
  const blocks = [...section.matchAll(/^```(\w*)\n(.*?)^```$/gms)].map(([, language, body]) => ({ language, body: body! }));
  return {
    manifests: blocks.filter((b) => b.language === 'yaml').flatMap((b) => parseAllDocuments(b.body)).map((d) => d.toJS() as Manifest),
    commands: blocks.filter((b) => b.language === '').flatMap((b) => b.body.trim().split('\n')).map((line) => line.split(' ').slice(1)),
  };
}
