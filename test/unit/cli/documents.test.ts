import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { readDocuments, readDocumentsOf, toJson, toYaml } from '../../../cli/documents.ts';

let directory: string;
beforeEach(() => { directory = mkdtempSync(join(tmpdir(), 'documents-')); });
afterEach(() => { rmSync(directory, { recursive: true }); });
const file = (name: string, text: string): string => { const path = join(directory, name); writeFileSync(path, text); return path; };
const kinds = (path: string, recursive = false): unknown[] => readDocuments(path, recursive).map((d) => d.content['kind']);

test('several YAML documents, lists and arrays are taken apart in file order', () => {
  expect(kinds(file('a.yaml', 'kind: A\n---\nkind: BList\nitems: [{kind: B}, {kind: C}]\n---\n---\nkind: D\n'))).toEqual(['A', 'B', 'C', 'D']);
  expect(kinds(file('a.json', '[{"kind":"A"},{"kind":"List","items":[{"kind":"B"}]}]'))).toEqual(['A', 'B']);
});

test('standard input may come in parts, and late', async () => {
  async function* slowly(): AsyncGenerator<Uint8Array> {
    for (const part of ['kind: A\nx: "é', '"\n---\nkind: B\n']) { await new Promise(setImmediate); yield Buffer.from(part); }
  }
  expect((await readDocumentsOf(slowly())).map((d) => d.content['kind'])).toEqual(['A', 'B']);
});

test('a 64-bit integer survives both formats', () => {
  for (const [name, text] of [['x.yaml', 'kind: A\nseq: 1795478244535960815\nm: 5\n'], ['x.json', '{"kind":"A","seq":1795478244535960815,"m":5}']] as const) {
    const [document] = readDocuments(file(name, text), false);
    expect(document!.content).toEqual({ kind: 'A', seq: 1795478244535960815n, m: 5 });
    expect(toYaml(document!.content)).toContain('seq: 1795478244535960815\n');
    expect(toJson(document!.content)).toContain('"seq": 1795478244535960815');
  }
});

test('what YAML 1.1 takes for something else is quoted, names of fields too', () => {
  expect(toYaml({ n: 'yes', on: '1:30' })).toBe('"n": "yes"\n"on": "1:30"\n');
});

test('a folder is read by name, deeper only when asked', () => {
  mkdirSync(join(directory, 'd', 'sub'), { recursive: true });
  file('d/2.yaml', 'kind: B'); file('d/1.json', '{"kind":"A"}'); file('d/readme.txt', 'kind: X'); file('d/sub/3.yml', 'kind: C');
  expect(kinds(join(directory, 'd'))).toEqual(['A', 'B']);
  expect(kinds(join(directory, 'd'), true)).toEqual(['A', 'B', 'C']);
});

test('what is wrong is said with the file and the place', () => {
  expect(() => readDocuments(file('bad.yaml', 'kind: [A\n'), false)).toThrow(/bad\.yaml is not YAML: .*line 2/s);
  expect(() => readDocuments(file('bad.json', '{"kind":'), false)).toThrow(/bad\.json is not JSON/);
  expect(() => readDocuments(file('text.yaml', 'hello\n'), false)).toThrow(/"hello" is not a resource/);
  expect(() => readDocuments(join(directory, 'none'), false)).toThrow(/cannot read .*none/);
});
