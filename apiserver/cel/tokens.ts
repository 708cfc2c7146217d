/** Common Expression Language, as text: splits an expression into tokens. */

export type Token =
  | { readonly type: 'int'; readonly value: bigint }
  | { readonly type: 'double'; readonly value: number }
  | { readonly type: 'string'; readonly value: string }
  | { readonly type: 'name' | 'symbol'; readonly value: string }
  | { readonly type: 'end'; readonly value: '' };

/** An expression that is none; says where. */
export class CelSyntaxError extends Error {
  constructor(message: string, at: number) {
    super(`${message} at character ${at + 1}`);
    this.name = 'CelSyntaxError';
  }
}

const SPACE = /\s+|\/\/[^\n]*/y;
const NUMBER = /0x[0-9a-fA-F]+u?|\d+\.\d+(?:[eE][+-]?\d+)?|\d+[eE][+-]?\d+|\.\d+(?:[eE][+-]?\d+)?|\d+u?/y;
const NAME = /[A-Za-z_]\w*/y;
const SYMBOL = /&&|\|\||==|!=|<=|>=|[-+*/%!<>?:.,()[\]{}]/y;
const TEXT = /(r?)("""[\s\S]*?"""|'''[\s\S]*?'''|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')/yi;

/** Throws CelSyntaxError. */
export function tokensOf(source: string): { token: Token; at: number }[] {
  const tokens: { token: Token; at: number }[] = [];
  let at = 0;
  const match = (pattern: RegExp): RegExpExecArray | null => {
    pattern.lastIndex = at;
    return pattern.exec(source);
  };
  while (at < source.length) {
    const space = match(SPACE);
    if (space !== null) { at += space[0].length; continue; }
    const [token, length] = next(match) ?? [];
    if (token === undefined || length === undefined) throw new CelSyntaxError(`unexpected ${JSON.stringify(source[at])}`, at);
    tokens.push({ token, at });
    at += length;
  }
  return [...tokens, { token: { type: 'end', value: '' }, at }];
}

function next(match: (pattern: RegExp) => RegExpExecArray | null): [Token, number] | undefined {
  const text = match(TEXT);
  if (text !== null) return [{ type: 'string', value: unquoted(text[2]!, text[1] !== '') }, text[0].length];
  const number = match(NUMBER);
  if (number !== null) {
    const digits = number[0].replace(/u$/, '');
    const isWhole = /^(0x[0-9a-fA-F]+|\d+)$/.test(digits);
    return [isWhole ? { type: 'int', value: BigInt(digits) } : { type: 'double', value: Number(digits) }, number[0].length];
  }
  const name = match(NAME);
  if (name !== null) return [{ type: 'name', value: name[0] }, name[0].length];
  const symbol = match(SYMBOL);
  return symbol === null ? undefined : [{ type: 'symbol', value: symbol[0] }, symbol[0].length];
}

const ESCAPES: Readonly<Record<string, string>> = { a: '\x07', b: '\b', f: '\f', n: '\n', r: '\r', t: '\t', v: '\v' };

function unquoted(quoted: string, raw: boolean): string {
  const width = /^("""|''')/.test(quoted) ? 3 : 1;
  const inner = quoted.slice(width, -width);
  if (raw) return inner;
  return inner.replace(/\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-3][0-7]{2})|([\s\S]))/g, (_all, x?: string, u?: string, long?: string, octal?: string, single?: string) => {
    const hex = x ?? u ?? long;
    if (hex !== undefined) return String.fromCodePoint(Number.parseInt(hex, 16));
    return octal === undefined ? ESCAPES[single!] ?? single! : String.fromCharCode(Number.parseInt(octal, 8));
  });
}
