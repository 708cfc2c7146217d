/** Common Expression Language, as trees: a recursive descent over the grammar's levels of precedence. */
import { CelSyntaxError, tokensOf, type Token } from './tokens.ts';

export type Expression =
  | { readonly type: 'literal'; readonly value: bigint | number | string | boolean | null }
  | { readonly type: 'name'; readonly name: string }
  | { readonly type: 'select'; readonly of: Expression; readonly field: string }
  | { readonly type: 'index'; readonly of: Expression; readonly at: Expression }
  | { readonly type: 'call'; readonly target: Expression | undefined; readonly name: string; readonly args: readonly Expression[] }
  | { readonly type: 'unary'; readonly operator: '!' | '-'; readonly operand: Expression }
  | { readonly type: 'binary'; readonly operator: string; readonly left: Expression; readonly right: Expression }
  | { readonly type: 'condition'; readonly test: Expression; readonly then: Expression; readonly otherwise: Expression }
  | { readonly type: 'list'; readonly items: readonly Expression[] }
  | { readonly type: 'map'; readonly entries: readonly (readonly [Expression, Expression])[] };

/** Binary operators from weak to strong. */
const LEVELS: readonly (readonly string[])[] = [['||'], ['&&'], ['<', '<=', '>', '>=', '==', '!=', 'in'], ['+', '-'], ['*', '/', '%']];
const MAX_DEPTH = 60;

/** Throws CelSyntaxError. */
export function parseExpression(source: string): Expression {
  const parser = new Parser(source);
  const expression = parser.expression();
  parser.expectEnd();
  return expression;
}

class Parser {
  readonly #tokens: readonly { token: Token; at: number }[];
  #index = 0;
  #depth = 0;
  constructor(source: string) { this.#tokens = tokensOf(source); }

  get #token(): Token { return this.#tokens[this.#index]!.token; }

  #is(value: string): boolean { return (this.#token.type === 'symbol' || this.#token.type === 'name') && this.#token.value === value; }

  #takeIf(value: string): boolean {
    if (!this.#is(value)) return false;
    this.#index += 1;
    return true;
  }

  #expect(value: string): void {
    if (!this.#takeIf(value)) this.#fail(`expected ${JSON.stringify(value)}`);
  }

  #fail(what: string): never {
    const { token, at } = this.#tokens[this.#index]!;
    throw new CelSyntaxError(`${what}, found ${token.type === 'end' ? 'the end' : JSON.stringify(String(token.value))}`, at);
  }

  expectEnd(): void { if (this.#token.type !== 'end') this.#fail('expected an operator'); }

  expression(): Expression {
    this.#depth += 1;
    if (this.#depth > MAX_DEPTH) this.#fail(`an expression nested deeper than ${MAX_DEPTH} levels`);
    const test = this.#binary(0);
    const whole = this.#takeIf('?') ? this.#conditional(test) : test;
    this.#depth -= 1;
    return whole;
  }

  #conditional(test: Expression): Expression {
    const then = this.#binary(0);
    this.#expect(':');
    return { type: 'condition', test, then, otherwise: this.expression() };
  }

  #binary(level: number): Expression {
    const operators = LEVELS[level];
    if (operators === undefined) return this.#unary();
    let left = this.#binary(level + 1);
    for (let operator = operators.find((o) => this.#is(o)); operator !== undefined; operator = operators.find((o) => this.#is(o))) {
      this.#index += 1;
      left = { type: 'binary', operator, left, right: this.#binary(level + 1) };
    }
    return left;
  }

  #unary(): Expression {
    if (this.#takeIf('!')) return { type: 'unary', operator: '!', operand: this.#unary() };
    if (this.#takeIf('-')) return { type: 'unary', operator: '-', operand: this.#unary() };
    return this.#member();
  }

  #member(): Expression {
    let of = this.#primary();
    for (;;) {
      if (this.#takeIf('.')) {
        const name = this.#name();
        of = this.#takeIf('(') ? { type: 'call', target: of, name, args: this.#list(')') } : { type: 'select', of, field: name };
      } else if (this.#takeIf('[')) {
        const at = this.expression();
        this.#expect(']');
        of = { type: 'index', of, at };
      } else return of;
    }
  }

  #name(): string {
    const token = this.#token;
    if (token.type !== 'name') this.#fail('expected a name');
    this.#index += 1;
    return token.value;
  }

  #list(end: string): Expression[] {
    const items: Expression[] = [];
    while (!this.#takeIf(end)) {
      items.push(this.expression());
      if (!this.#is(end)) this.#expect(',');
    }
    return items;
  }

  #primary(): Expression {
    const token = this.#token;
    if (token.type === 'int' || token.type === 'double' || token.type === 'string') {
      this.#index += 1;
      return { type: 'literal', value: token.value };
    }
    if (this.#takeIf('(')) {
      const inner = this.expression();
      this.#expect(')');
      return inner;
    }
    if (this.#takeIf('[')) return { type: 'list', items: this.#list(']') };
    if (this.#takeIf('{')) return this.#map();
    const name = this.#name();
    if (name === 'true' || name === 'false') return { type: 'literal', value: name === 'true' };
    if (name === 'null') return { type: 'literal', value: null };
    return this.#takeIf('(') ? { type: 'call', target: undefined, name, args: this.#list(')') } : { type: 'name', name };
  }

  #map(): Expression {
    const entries: [Expression, Expression][] = [];
    while (!this.#takeIf('}')) {
      const key = this.expression();
      this.#expect(':');
      entries.push([key, this.expression()]);
      if (!this.#is('}')) this.#expect(',');
    }
    return { type: 'map', entries };
  }
}
