/** Label selectors as text: `app=web,tier in (a, b),!legacy,weight>3`. */
import { badRequest } from '../api/status.ts';

export type Labels = Readonly<Record<string, string>>;
export type LabelTest = (labels: Labels) => boolean;

const SYMBOLS = /^(?:==|=|!=|<|>|\(|\)|,|!)/;

/** Splits into names and operators; blanks separate. */
function lex(text: string): string[] {
  const tokens: string[] = [];
  for (let rest = text.trimStart(); rest !== ''; rest = rest.trimStart()) {
    const token = SYMBOLS.exec(rest)?.[0] ?? /^[^\s=!<>(),]+/.exec(rest)![0];
    tokens.push(token);
    rest = rest.slice(token.length);
  }
  return tokens;
}

const NAME = /^[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/;
const PREFIX = /^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/;

class Tokens {
  #tokens: string[];
  constructor(text: string) { this.#tokens = lex(text); }
  get next(): string | undefined { return this.#tokens[0]; }
  take(): string | undefined { return this.#tokens.shift(); }
  takeIf(token: string): boolean {
    if (this.next !== token) return false;
    this.take();
    return true;
  }
}

const isName = (token: string | undefined): token is string => token !== undefined && !SYMBOLS.test(token);
const expectedBut = (found: string | undefined, expected: string): Error => badRequest(`unable to parse requirement: found '${found ?? ''}', expected: ${expected}`);

function readKey(tokens: Tokens): string {
  const key = tokens.take();
  if (!isName(key)) throw expectedBut(key, 'identifier');
  const [prefix, name, more] = key.includes('/') ? key.split('/') : [undefined, key];
  if (more !== undefined || !NAME.test(name ?? '') || (prefix !== undefined && (prefix.length > 253 || !PREFIX.test(prefix)))) {
    throw badRequest(`unable to parse requirement: <nil>: Invalid value: ${JSON.stringify(key)}: name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')`);
  }
  return key;
}

/** One value; nothing at all is the empty value. */
function readValue(tokens: Tokens, key: string): string {
  if (tokens.next === '=') throw expectedBut('=', 'identifier');
  const value = isName(tokens.next) ? tokens.take()! : '';
  if (value !== '' && !NAME.test(value)) throw badRequest(`unable to parse requirement: values[0][${key}]: Invalid value: ${JSON.stringify(value)}: a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')`);
  return value;
}

function readSet(tokens: Tokens, key: string): ReadonlySet<string> {
  if (!tokens.takeIf('(')) throw expectedBut(tokens.next, "'('");
  const values = [readValue(tokens, key)];
  while (tokens.takeIf(',')) values.push(readValue(tokens, key));
  if (!tokens.takeIf(')')) throw expectedBut(tokens.next, "',' or ')'");
  return new Set(values);
}

function readRequirement(tokens: Tokens): LabelTest {
  const has = (labels: Labels, key: string): boolean => Object.hasOwn(labels, key);
  if (tokens.takeIf('!')) {
    const key = readKey(tokens);
    return (labels) => !has(labels, key);
  }
  const key = readKey(tokens);
  const operator = tokens.next;
  if (operator === undefined || operator === ',') return (labels) => has(labels, key);
  tokens.take();
  switch (operator) {
    case '=': case '==': { const value = readValue(tokens, key); return (labels) => has(labels, key) && labels[key] === value; }
    case '!=': { const value = readValue(tokens, key); return (labels) => !has(labels, key) || labels[key] !== value; }
    case 'in': { const values = readSet(tokens, key); return (labels) => has(labels, key) && values.has(labels[key]!); }
    case 'notin': { const values = readSet(tokens, key); return (labels) => !has(labels, key) || !values.has(labels[key]!); }
    case '<': case '>': return comparison(tokens, key, operator);
    default: throw expectedBut(operator, 'in, notin, =, ==, !=, gt, lt');
  }
}

function comparison(tokens: Tokens, key: string, operator: '<' | '>'): LabelTest {
  const value = readValue(tokens, key);
  if (!/^-?\d+$/.test(value)) throw badRequest(`unable to parse requirement: values[0]: Invalid value: ${JSON.stringify(value)}: for 'Gt', 'Lt' operators, the value must be an integer`);
  const bound = BigInt(value);
  return (labels) => {
    const found = Object.hasOwn(labels, key) ? labels[key]! : '';
    return /^-?\d+$/.test(found) && (operator === '<' ? BigInt(found) < bound : BigInt(found) > bound);
  };
}

/** The test a selector stands for, or undefined when it selects everything. Throws a 400 ApiError on bad text. */
export function parseLabelSelector(text: string): LabelTest | undefined {
  const tokens = new Tokens(text);
  const first = tokens.next;
  if (first === undefined) return undefined;
  if (SYMBOLS.test(first) && first !== '!') throw badRequest(`found '${first}', expected: !, identifier, or 'end of string'`);
  const requirements = [readRequirement(tokens)];
  for (let next: string | undefined = tokens.next; next !== undefined; next = tokens.next) {
    if (!tokens.takeIf(',')) throw badRequest(`found '${next}', expected: ',' or 'end of string'`);
    if (tokens.next === undefined) throw badRequest("found '', expected: identifier after ','");
    requirements.push(readRequirement(tokens));
  }
  return (labels) => requirements.every((holds) => holds(labels));
}
