/** JSON without loss: integers beyond 2^53 are bigints, read and written digit for digit (Calico's `sequenceNumber`). */

export type Json = null | boolean | number | bigint | string | Json[] | { [key: string]: Json };

const LONG_INTEGER = /\d{16}/;
const INTEGER = /^-?\d+$/;
/** With all that may stand around a value; what else looks like that is inside a string. */
const INTEGER_VALUE = /(?<=[:,[\s]|^)-?[1-9]\d{15,}(?=[,\]}\s]|$)/g;
/** Begins a string that no JSON text without MARK_ESCAPE can hold. */
const MARK = '\0';
const MARK_ESCAPE = '\\u0000';

/** V8 says what stands around the place that it does not understand. */
const QUOTED = /, (\.\.\.)?"([\s\S]*)"(?:\.\.\.)? is not valid JSON$/;

/** As JSON.parse, for text that may hold passwords: what it throws shows nothing of it but one character. Throws SyntaxError. */
export function parseSecretJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    const message = error instanceof Error ? error.message : '';
    const quoted = QUOTED.exec(message);
    if (quoted === null) throw error;
    const at = quoted[1] === undefined ? '' : ` near position ${text.indexOf(quoted[2]!)}`;
    throw new SyntaxError(`${message.slice(0, quoted.index)}${at}: expected JSON`);
  }
}

/** As JSON.parse, but an integer that a double cannot hold exactly becomes a bigint. Throws SyntaxError. */
export function parseJson(text: string): unknown {
  if (!LONG_INTEGER.test(text)) return JSON.parse(text);
  if (!text.includes(MARK_ESCAPE)) {
    try {
      return withIntegers(JSON.parse(withMarks(text)));
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
    }
  }
  return parseWithSource(text);
}

/** Ten times slower than JSON.parse, but it needs no marks, and what it throws speaks of the text as it was given. */
function parseWithSource(text: string): unknown {
  return (JSON.parse as ParseWithSource)(text, (_key, value, context) => {
    if (typeof value !== 'number' || Number.isSafeInteger(value)) return value;
    return context.source !== undefined && INTEGER.test(context.source) ? BigInt(context.source) : value;
  });
}

/** The text with strings that begin with MARK instead of long integers. */
function withMarks(text: string): string {
  let scanned = 0;
  return text.replace(INTEGER_VALUE, (digits, index: number) => {
    if (scanned < index) scanned = outsideAt(text, scanned, index);
    return scanned === index ? `"${MARK_ESCAPE}${digits}"` : digits;
  });
}

/** `index` when it is outside of strings, otherwise where its string has ended; `from` is outside. */
function outsideAt(text: string, from: number, index: number): number {
  for (let at = from; ;) {
    const open = text.indexOf('"', at);
    if (open < 0 || open > index) return index;
    at = open + 1;
    for (let close = text.indexOf('"', at); ; close = text.indexOf('"', at)) {
      if (close < 0) return text.length;
      at = close + 1;
      if (!isEscaped(text, close)) break;
    }
    if (at > index) return at;
  }
}

function isEscaped(text: string, at: number): boolean {
  let before = at - 1;
  while (text[before] === '\\') before--;
  return (at - before) % 2 === 0;
}

/** Marked strings become numbers, in place. Throws SyntaxError where an integer stood for a name. */
function withIntegers(value: unknown): unknown {
  if (typeof value === 'string') return value.startsWith(MARK) ? integerOf(value.slice(MARK.length)) : value;
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i++) if (mayChange(value[i])) value[i] = withIntegers(value[i]);
  } else if (typeof value === 'object' && value !== null) {
    const fields = value as Record<string, unknown>;
    for (const key of Object.keys(fields)) {
      if (key.startsWith(MARK)) throw new SyntaxError('a number stands for a name');
      if (mayChange(fields[key])) fields[key] = withIntegers(fields[key]);
    }
  }
  return value;
}

const mayChange = (value: unknown): boolean => typeof value === 'object' || (typeof value === 'string' && value.startsWith(MARK));

function integerOf(digits: string): number | bigint {
  const number = Number(digits);
  return Number.isSafeInteger(number) ? number : BigInt(digits);
}

/** As JSON.stringify; bigints are written as plain integers. */
export function stringifyJson(value: unknown, indent?: number): string {
  try {
    return JSON.stringify(value, undefined, indent); // five times faster than with a replacer, and throws on a bigint
  } catch (error) {
    if (!(error instanceof TypeError) || !error.message.includes('BigInt')) throw error;
  }
  return JSON.stringify(value, (_key, v: unknown) => (typeof v === 'bigint' ? rawJson(v.toString()) : v), indent);
}

const SHOWN_CHARACTERS = 200;

/** What somebody wrote, in a message for people: JSON, the beginning alone of what is long. */
export function showJson(value: unknown): string {
  let text: string;
  try {
    text = stringifyJson(value) ?? String(value);
  } catch {
    text = '(nested too deeply)';
  }
  return text.length > SHOWN_CHARACTERS ? `${text.slice(0, SHOWN_CHARACTERS)}…` : text;
}

type ParseWithSource = (text: string, reviver: (key: string, value: unknown, context: { readonly source?: string }) => unknown) => unknown;
const rawJson = (JSON as unknown as { rawJSON: (text: string) => unknown }).rawJSON;
