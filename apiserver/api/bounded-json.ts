/** JSON from outside: lossless, and no deeper than what may be walked recursively. */
import { parseJson } from '../../lib/json.ts';

const MAX_DEPTH = 200;

/** Throws SyntaxError on text that is no JSON or is nested too deep. */
export function parseBounded(text: string): unknown {
  let value: unknown;
  try {
    value = parseJson(text);
  } catch (error) {
    if (error instanceof RangeError) throw tooDeep(); // the parser itself ran out of stack
    throw error;
  }
  if (isDeeper(value, MAX_DEPTH)) throw tooDeep();
  return value;
}

const tooDeep = (): SyntaxError => new SyntaxError(`nested deeper than ${MAX_DEPTH} levels`);

function isDeeper(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  if (levels === 0) return true;
  for (const key in value) if (isDeeper((value as Record<string, unknown>)[key], levels - 1)) return true;
  return false;
}
