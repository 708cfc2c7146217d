/** The production sources as data: files, what they import, which process each belongs to. */
import { readFileSync, readdirSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';

export interface SourceFile {
  /** From the root of the checkout: `bgpd/wire/codec.ts`. */
  readonly path: string;
  readonly text: string;
  readonly imports: readonly Import[];
}

export interface Import {
  /** A path from the root for our own files, else the name as written: `node:fs`, `rxjs`. */
  readonly target: string;
  readonly own: boolean;
  readonly typeOnly: boolean;
  /** The imported names as written, `{ createHash }`. */
  readonly names: string;
}

export const PRODUCTION = ['lib', 'sys', 'config', 'bgpd', 'bfdd', 'ipam', 'cni', 'agent', 'apiserver', 'cli', 'lab'] as const;

/** Every file below `folder` that ends so, in order; the folder may be missing. */
export function filesBelow(folder: string, ...endings: string[]): string[] {
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((e) => e.isFile() && endings.some((x) => e.name.endsWith(x)))
    .map((e) => normalize(join(e.parentPath, e.name))).sort();
}

export function readSource(path: string): SourceFile {
  const text = readFileSync(path, 'utf8');
  return { path, text, imports: importsOf(path, text) };
}

const IMPORT = /^\s*(?:import|export)\s+(type\s+)?([^'"`;]*?)\s*from\s+['"]([^'"]+)['"]|\bimport\(\s*['"]([^'"]+)['"]\s*\)|^\s*import\s+['"]([^'"]+)['"]/gm;

function importsOf(path: string, text: string): Import[] {
  return [...withoutComments(text).matchAll(IMPORT)].map((m) => {
    const written = m[3] ?? m[4] ?? m[5]!;
    const own = written.startsWith('.');
    return { target: own ? normalize(join(dirname(path), written)) : written, own, typeOnly: m[1] !== undefined, names: m[2] ?? '' };
  });
}

/** Comments are blanked, so that lines keep their numbers. */
export const withoutComments = (text: string): string =>
  text.replaceAll(/\/\*[\s\S]*?\*\/|(?<![:'"`\\])\/\/[^\n]*/g, (c) => c.replaceAll(/[^\n]/g, ' '));

/** Files reachable from `start` by imports, itself included. */
export function reachable(start: string, files: ReadonlyMap<string, SourceFile>): Set<string> {
  const seen = new Set<string>();
  const queue = [start];
  for (let path = queue.pop(); path !== undefined; path = queue.pop()) {
    if (seen.has(path)) continue;
    seen.add(path);
    for (const i of files.get(path)?.imports ?? []) if (i.own) queue.push(i.target);
  }
  return seen;
}
