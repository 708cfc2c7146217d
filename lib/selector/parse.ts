/** Text of Calico's selector language → tree, with the place of the first error. */
import type { Selector } from './ast.ts';

/**
 * ```
 * selector := <empty> | or                        empty means all()
 * or       := and { "||" and }
 * and      := unary { "&&" unary }
 * unary    := { "!" } term
 * term     := "(" or ")" | "all()" | "global()" | "has(" label ")" | label operation
 * ```
 * Blanks are spaces and tabs. Words such as `in` and `all` may also be labels.
 */
export function parseSelector(text: string): Parsed {
  try {
    return { ok: true, selector: new Parser(text).whole() };
  } catch (error) {
    if (error instanceof Unexpected) return { ok: false, at: error.at, message: error.message };
    throw error;
  }
}

export type Parsed =
  | { readonly ok: true; readonly selector: Selector }
  | { readonly ok: false; /** Offset in the text, from 0. */ readonly at: number; readonly message: string };

class Unexpected extends Error {
  readonly at: number;
  constructor(at: number, message: string) {
    super(message);
    this.at = at;
  }
}

const LABEL = /[A-Za-z0-9_./-]+/y;
const BLANKS = /[ \t]*/y;
const MAXIMUM_LABEL = 512;
/** Nested parentheses; deeper text is refused instead of overflowing the stack. */
const MAXIMUM_DEPTH = 500;

/** Each operation: how it begins, and the node it makes. Longer words before their beginnings. */
const OPERATIONS = [
  [/==/y, 'equals'], [/!=/y, 'differs'],
  [/contains(?![A-Za-z0-9_./-])/y, 'contains'],
  [/starts[ \t]*with(?![A-Za-z0-9_./-])/y, 'starts with'],
  [/ends[ \t]*with(?![A-Za-z0-9_./-])/y, 'ends with'],
  [/not[ \t]*in(?![A-Za-z0-9_./-])/y, 'not in'],
  [/in(?![A-Za-z0-9_./-])/y, 'in'],
] as const;

class Parser {
  readonly #text: string;
  #at = 0;
  #depth = 0;
  constructor(text: string) { this.#text = text; }

  whole(): Selector {
    this.#blanks();
    if (this.#at === this.#text.length) return { kind: 'all' };
    const selector = this.#or();
    if (this.#at < this.#text.length) throw this.#unexpected('"&&", "||" or the end');
    return selector;
  }

  #or(): Selector { return this.#group('||', 'or', () => this.#and()); }
  #and(): Selector { return this.#group('&&', 'and', () => this.#unary()); }

  #group(sign: string, kind: 'and' | 'or', part: () => Selector): Selector {
    const first = part();
    const operands = [first];
    while (this.#take(sign)) operands.push(part());
    return operands.length === 1 ? first : { kind, operands };
  }

  #unary(): Selector {
    let negated = false;
    while (this.#take('!')) negated = !negated;
    const operand = this.#term();
    return negated ? { kind: 'not', operand } : operand;
  }

  #term(): Selector {
    if (this.#take('(')) return this.#parenthesis();
    for (const kind of ['all', 'global'] as const) {
      if (this.#take(`${kind}(`)) return this.#close(), { kind };
    }
    if (this.#take('has(')) {
      const label = this.#label();
      this.#close();
      return { kind: 'has', label };
    }
    return this.#operation(this.#label());
  }

  #parenthesis(): Selector {
    if (++this.#depth > MAXIMUM_DEPTH) throw new Unexpected(this.#at, `parentheses nest deeper than ${MAXIMUM_DEPTH}`);
    const inner = this.#or();
    this.#close();
    this.#depth--;
    return inner;
  }

  #operation(label: string): Selector {
    for (const [pattern, kind] of OPERATIONS) {
      if (this.#match(pattern) === undefined) continue;
      if (kind === 'in' || kind === 'not in') return { kind, label, values: this.#set() };
      return { kind, label, value: this.#string() };
    }
    throw this.#unexpected('==, !=, in, not in, contains, starts with or ends with');
  }

  #set(): ReadonlySet<string> {
    const values = new Set<string>();
    if (!this.#take('{')) throw this.#unexpected('a set such as {"a", "b"}');
    while (!this.#take('}')) {
      values.add(this.#string());
      if (this.#take(',')) continue;
      if (!this.#take('}')) throw this.#unexpected('"," or "}"');
      break;
    }
    return values;
  }

  #string(): string {
    const quote = this.#text[this.#at];
    if (quote !== '"' && quote !== "'") throw this.#unexpected('a value in quotation marks');
    const end = this.#text.indexOf(quote, this.#at + 1);
    if (end < 0) throw new Unexpected(this.#at, `the quotation mark is not closed`);
    const value = this.#text.slice(this.#at + 1, end);
    this.#at = end + 1;
    this.#blanks();
    return value;
  }

  #label(): string {
    const at = this.#at;
    const label = this.#match(LABEL);
    if (label === undefined) throw this.#unexpected('a label, all(), has(label), "!" or "("');
    if (label.length > MAXIMUM_LABEL) throw new Unexpected(at, `a label has at most ${MAXIMUM_LABEL} characters, this one ${label.length}`);
    return label;
  }

  #close(): void { if (!this.#take(')')) throw this.#unexpected('")"'); }

  /** Takes the exact characters and the blanks behind them. */
  #take(characters: string): boolean {
    if (!this.#text.startsWith(characters, this.#at)) return false;
    this.#at += characters.length;
    this.#blanks();
    return true;
  }

  #match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0];
    if (found === undefined) return undefined;
    this.#at += found.length;
    this.#blanks();
    return found;
  }

  #blanks(): void {
    BLANKS.lastIndex = this.#at;
    this.#at += BLANKS.exec(this.#text)![0].length;
  }

  #unexpected(expected: string): Unexpected {
    const rest = this.#text.slice(this.#at, this.#at + 20);
    return new Unexpected(this.#at, `${rest === '' ? 'the end' : JSON.stringify(rest)} at ${this.#at}: expected ${expected}`);
  }
}
