/** Resource documents: read from files, folders and standard input; printed as YAML and JSON. */
import { readFileSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { text as textOf } from 'node:stream/consumers';
import { parseAllDocuments, stringify } from 'yaml';
import { messageOf } from '../lib/errors.ts';
import { parseJson, stringifyJson } from '../lib/json.ts';
import { CliError } from './errors.ts';

export interface Document {
  /** `file.yaml`, or `standard input`. */
  readonly source: string;
  readonly content: Readonly<Record<string, unknown>>;
}

/** Reads YAML (several documents) or JSON (one, or an array); lists are taken apart. Throws CliError naming file and line. */
export function readDocuments(path: string, recursive: boolean): Document[] {
  return filesIn(path, recursive).flatMap((file) => parse(file, readText(file)));
}

/** The same of standard input. Waits for its end: what writes into a pipe may be slower than we are. */
export async function readDocumentsOf(input: AsyncIterable<Uint8Array>): Promise<Document[]> {
  return parse('standard input', await textOf(input));
}

function filesIn(path: string, recursive: boolean): string[] {
  let isDirectory: boolean;
  try { isDirectory = statSync(path).isDirectory(); } catch (error) { throw new CliError(`cannot read ${path}: ${messageOf(error)}`); }
  if (!isDirectory) return [path];
  return readdirSync(path, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1)).flatMap((entry) => {
    const child = join(path, entry.name);
    if (entry.isDirectory()) return recursive ? filesIn(child, true) : [];
    return /\.(ya?ml|json)$/.test(entry.name) ? [child] : [];
  });
}

function readText(file: string): string {
  try { return readFileSync(file, 'utf8'); } catch (error) { throw new CliError(`cannot read ${file}: ${messageOf(error)}`); }
}

function parse(source: string, text: string): Document[] {
  const values = /^\s*[[{]/.test(text) ? [parsedJson(source, text)] : parsedYaml(source, text);
  return values.flatMap((value) => flatten(source, value));
}

function parsedJson(source: string, text: string): unknown {
  try { return parseJson(text); } catch (error) { throw new CliError(`${source} is not JSON: ${messageOf(error)}`); }
}

function parsedYaml(source: string, text: string): unknown[] {
  return parseAllDocuments(text, { intAsBigInt: true }).map((document) => {
    const [error] = document.errors;
    if (error) throw new CliError(`${source} is not YAML: ${error.message}`);
    return numbers(document.toJS());
  }).filter((value) => value !== null);
}

/** Integers come as bigint, so that 64 bits survive; those that fit become numbers again. */
function numbers(value: unknown): unknown {
  if (typeof value === 'bigint') return Number.isSafeInteger(Number(value)) ? Number(value) : value;
  if (Array.isArray(value)) return value.map(numbers);
  if (typeof value === 'object' && value !== null) return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, numbers(v)]));
  return value;
}

function flatten(source: string, value: unknown): Document[] {
  if (Array.isArray(value)) return value.flatMap((v) => flatten(source, v));
  if (typeof value !== 'object' || value === null) throw new CliError(`${source}: ${stringifyJson(value)} is not a resource: expected an object with apiVersion and kind`);
  const content = value as Record<string, unknown>;
  if (typeof content['kind'] === 'string' && content['kind'].endsWith('List') && Array.isArray(content['items'])) {
    return content['items'].flatMap((v) => flatten(source, v));
  }
  return [{ source, content }];
}

export const toYaml = (value: unknown): string => stringify(value, { sortMapEntries: true, lineWidth: 0, schema: 'yaml-1.1' });
export const toJson = (value: unknown): string => stringifyJson(value, 2);
