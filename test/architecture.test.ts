/** House rules as tests: who imports whom, what is pure, how long and how named files are, and that the walks of docs/architecture.md are real. */
import { describe, expect, test } from '@jest/globals';
import { existsSync, readFileSync } from 'node:fs';
import { basename } from 'node:path';
import ts from 'typescript';
import { PRODUCTION, filesBelow, reachable, readSource, withoutComments, type SourceFile } from './support/source-tree.ts';

const LINES = 400;
const FUNCTION_LINES = 60;
const README_LINES = 40;

const sources = new Map<string, SourceFile>(PRODUCTION.filter((f) => existsSync(f)).flatMap((f) => filesBelow(f, '.ts'))
  .concat('main.ts').map((path) => [path, readSource(path)]));
const folderOf = (path: string): string => path.split('/')[0]!;

/** Folder → folders it may import from, itself understood. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  lib: [],
  sys: ['lib'],
  config: ['lib'],
  bgpd: ['config', 'sys', 'lib'],
  bfdd: ['config', 'sys', 'lib'],
  ipam: ['config', 'sys', 'lib'],
  cni: ['config', 'sys', 'lib'],
  agent: ['ipam', 'cni', 'config', 'sys', 'lib'],
  apiserver: ['agent', 'ipam', 'cni', 'config', 'sys', 'lib'],
  cli: ['agent', 'ipam', 'cni', 'config', 'sys', 'lib'],
  lab: ['agent', 'ipam', 'cni', 'config', 'sys', 'lib'],
};

describe('imports', () => {
  test('go downwards only, never sideways', () => {
    const wrong = [...sources.values()].filter((s) => Object.hasOwn(MAY_IMPORT, folderOf(s.path))).flatMap((s) => s.imports
      .filter((i) => i.own && folderOf(i.target) !== folderOf(s.path) && !MAY_IMPORT[folderOf(s.path)]!.includes(folderOf(i.target)))
      .map((i) => `${s.path} imports ${i.target}`));
    expect(wrong).toEqual([]);
  });

  test('name files that exist, with their extension', () => {
    const wrong = [...sources.values()].flatMap((s) => s.imports.filter((i) => i.own && !existsSync(i.target)).map((i) => `${s.path}: ${i.target}`));
    expect(wrong).toEqual([]);
  });

  test('of production code do not reach into tests, scripts or benchmarks', () => {
    const wrong = [...sources.values()].flatMap((s) => s.imports.filter((i) => i.own && ['test', 'scripts', 'bench'].includes(folderOf(i.target)))
      .map((i) => `${s.path} imports ${i.target}`));
    expect(wrong).toEqual([]);
  });
});

describe('pure folders', () => {
  const DOMAINS = ['bgpd', 'bfdd', 'ipam', 'cni', 'agent'];
  /** `ports.ts` holds interfaces: it belongs to both sides. */
  const isPure = (path: string): boolean => ['lib', 'config'].includes(folderOf(path))
    || (DOMAINS.includes(folderOf(path)) && (path.split('/').length > 2 || basename(path) === 'ports.ts'));
  const pure = [...sources.values()].filter((s) => isPure(s.path));

  test('there are some', () => { expect(pure.length).toBeGreaterThan(20); });

  test('import neither sys, nor their own shell, nor node: modules other than createHash', () => {
    const wrong = pure.flatMap((s) => s.imports.filter((i) => {
      if (!i.own) return i.target.startsWith('node:') && !(i.target === 'node:crypto' && /^\{ createHash \}$/.test(i.names.trim()));
      return folderOf(i.target) === 'sys' || (!i.typeOnly && !isPure(i.target));
    }).map((i) => `${s.path} imports ${i.target}`));
    expect(wrong).toEqual([]);
  });

  const IMPURE = [
    /\basync\b/, /\bawait\b/, /\bnew Date\(\)/, /\bDate\.now\b/, /\bperformance\.now\b/, /\bsetTimeout\b/, /\bsetInterval\b/, /\bsetImmediate\b/,
    /\bqueueMicrotask\b/, /\bMath\.random\b/, /\brandomBytes\b/, /\brandomUUID\b/, /\bprocess\./, /\bconsole\./,
  ];
  test('know no async, clock, timers or randomness', () => {
    const wrong = pure.flatMap((s) => codeLines(s.text).flatMap((line, i) =>
      IMPURE.filter((r) => r.test(line)).map((r) => `${s.path}:${i + 1} ${r.source}`)));
    expect(wrong).toEqual([]);
  });
});

/** Lines without comments and without what stands in quotes. */
const codeLines = (text: string): string[] => withoutComments(text).split('\n')
  .map((line) => line.replaceAll(/'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|`(?:[^`\\$]|\\.)*`/g, '\'\''));

describe('files', () => {
  const all = [...PRODUCTION, 'scripts', 'bench'].filter((f) => existsSync(f)).flatMap((f) => filesBelow(f, '.ts', '.mjs', '.c'));

  test(`have at most ${LINES} lines`, () => {
    const wrong = all.map((path) => [path, readFileSync(path, 'utf8').split('\n').length - 1] as const).filter(([, n]) => n > LINES);
    expect(wrong).toEqual([]);
  });

  test('are kebab-case nouns without empty words', () => {
    const BANNED = /(^|-)(manager|handler|util|utils|helper|helpers|common|data|info|misc)(-|$)/;
    const wrong = all.map((path) => basename(path).replace(/\.(d\.)?(ts|mjs|c)$/, ''))
      .filter((name) => !/^[a-z0-9]+(-[a-z0-9]+)*$/.test(name) || BANNED.test(name));
    expect(wrong).toEqual([]);
  });

  test('start with a sentence that says their job', () => {
    const wrong = all.filter((path) => !startsWithSentence(readFileSync(path, 'utf8')));
    expect(wrong).toEqual([]);
  });

  test('name no place of one machine', () => {
    const wrong = all.filter((path) => /(['"`\s(=])\/(work|root)\//.test(readFileSync(path, 'utf8')));
    expect(wrong).toEqual([]);
  });

  test(`have functions of at most ${FUNCTION_LINES} lines`, () => {
    const wrong = [...sources.values()].flatMap((s) => longFunctions(s));
    expect(wrong).toEqual([]);
  });
});

function startsWithSentence(text: string): boolean {
  const body = text.replace(/^#![^\n]*\n/, '');
  const comment = /^\/\*\*?([\s\S]*?)\*\//.exec(body)?.[1] ?? /^((?:\/\/[^\n]*\n)+)/.exec(body)?.[1] ?? '';
  const words = comment.replaceAll(/^[\s/*]+/gm, ' ').trim();
  return words.split(/\s+/).length >= 3 && /[.:]/.test(words);
}

function longFunctions(source: SourceFile): string[] {
  const tree = ts.createSourceFile(source.path, source.text, ts.ScriptTarget.Latest, true);
  const found: string[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isFunctionLike(node) && 'body' in node && node.body !== undefined) {
      const first = tree.getLineAndCharacterOfPosition(node.getStart()).line;
      const lines = tree.getLineAndCharacterOfPosition(node.end).line - first + 1;
      if (lines > FUNCTION_LINES) found.push(`${source.path}:${first + 1} ${lines} lines`);
    }
    ts.forEachChild(node, visit);
  };
  visit(tree);
  return found;
}

describe('READMEs', () => {
  const SECTIONS = ['What it does', 'Reads', 'Writes', 'Files in reading order', 'Invariants', 'Not its job'];
  /** A heading of its own line, or bold at the start of a paragraph. */
  const HEADING = /^(?:#+\s+|\*\*)(.*?)(?:\.\*\*.*|\s*)$/gm;
  const readmes = PRODUCTION.filter((f) => existsSync(f)).flatMap((f) => filesBelow(f, 'README.md'));

  test.each(PRODUCTION.filter((f) => existsSync(f)))('%s has one', (folder) => { expect(existsSync(`${folder}/README.md`)).toBe(true); });

  test.each(readmes)('%s is short and has the six sections in order', (path) => {
    const text = readFileSync(path, 'utf8');
    expect(text.trimEnd().split('\n').length).toBeLessThanOrEqual(README_LINES);
    expect([...text.matchAll(HEADING)].map((m) => m[1]!).filter((h) => SECTIONS.includes(h))).toEqual(SECTIONS);
  });

  test.each(readmes)('%s names files that exist', (path) => {
    const folder = path.replace(/README\.md$/, '');
    const text = readFileSync(path, 'utf8');
    const from = text.indexOf('Files in reading order');
    const section = text.slice(from, text.indexOf('Invariants', from));
    const named = [...section.matchAll(/`([\w./-]+\.(?:ts|c|json|yaml))`/g)].map((m) => m[1]!);
    expect(named.filter((name) => !existsSync(folder + name) && !existsSync(name))).toEqual([]);
  });
});

interface Step { readonly walk: string; readonly number: string; readonly files: readonly string[]; /** What an arrow joins. */ readonly joined: readonly [string, string][] }

/** Numbered lines under a bold heading, and the backticked paths in each. */
function walksOf(markdown: string): Step[] {
  let walk = '';
  return markdown.split('\n').flatMap((line) => {
    const heading = /^\*\*(.+?)\*\*/.exec(line);
    if (heading) walk = heading[1]!;
    if (/^## /.test(line)) walk = '';
    const numbered = walk === '' ? null : /^(\d+)\. (.*)$/.exec(line);
    if (!numbered) return [];
    const named = [...numbered[2]!.matchAll(/`([a-z]+\/[\w./-]+\.(?:ts|c))`/g)];
    const joined = named.slice(1).flatMap((m, i): [string, string][] => {
      const between = numbered[2]!.slice(named[i]!.index, m.index);
      return between.includes('→') && !between.includes(';') ? [[named[i]![1]!, m[1]!]] : [];
    });
    return [{ walk, number: numbered[1]!, files: named.map((m) => m[1]!), joined }];
  });
}

describe('the walks of docs/architecture.md', () => {
  const steps = walksOf(readFileSync('docs/architecture.md', 'utf8'));
  const named = [...new Set(steps.flatMap((s) => s.files))];

  test('there are some', () => { expect(named.length).toBeGreaterThan(20); });

  test('name files that exist', () => { expect(named.filter((path) => !existsSync(path))).toEqual([]); });

  test('name files that their process loads', () => {
    const loaded = new Set(['agent/main.ts', 'bgpd/main.ts'].flatMap((main) => [...reachable(main, sources)]));
    expect(named.filter((path) => path.endsWith('.ts') && !loaded.has(path))).toEqual([]);
  });

  /** Of two files that follow each other one knows the other, or a third knows both, each directly or through one other, and calls them in turn. */
  test('join files that are joined in the code', () => {
    const reach = new Map(named.map((path) => [path, reachable(path, sources)]));
    const wrong = steps.flatMap((s) => s.joined.filter(([a, b]) => a.endsWith('.ts') && b.endsWith('.ts') &&
      !reach.get(a)!.has(b) && !reach.get(b)!.has(a) && !someoneImportsBoth(a, b)).map(([a, b]) => `${s.walk} step ${s.number}: ${a} → ${b}`));
    expect(wrong).toEqual([]);
  });
});

const near = new Map([...sources].map(([path, s]) => [path, new Set(s.imports.flatMap((i) => [i.target, ...(sources.get(i.target)?.imports ?? []).map((j) => j.target)]))]));
const someoneImportsBoth = (a: string, b: string): boolean => [...near].some(([path, known]) => path !== 'main.ts' && known.has(a) && known.has(b));
