/** Compiles an expression of the Common Expression Language into a function of its variables. */
import { FUNCTIONS, METHODS, type Call } from './functions.ts';
import { parseExpression, type Expression } from './syntax.ts';
import { CelError, compare, equal, isList, isMap, typeOf, type CelValue } from './values.ts';

/** Variables, innermost first. */
export interface Scope { readonly name: string; readonly value: CelValue; readonly outer: Scope | undefined }

export type Evaluate = (scope: Scope | undefined) => CelValue;

/** An expression that is good, but calls what this implementation does not have. */
export class UnsupportedError extends Error {}

/** Throws CelSyntaxError or UnsupportedError. The function throws CelError. */
export function compileExpression(source: string): Evaluate { return compile(parseExpression(source)); }

function compile(e: Expression): Evaluate {
  switch (e.type) {
    case 'literal': return () => e.value;
    case 'name': return (scope) => lookUp(scope, e.name);
    case 'select': { const of = compile(e.of); return (scope) => fieldOf(of(scope), e.field); }
    case 'index': { const [of, at] = [compile(e.of), compile(e.at)]; return (scope) => elementOf(of(scope), at(scope)); }
    case 'call': return compileCall(e);
    case 'unary': return compileUnary(e.operator, compile(e.operand));
    case 'binary': return compileBinary(e.operator, compile(e.left), compile(e.right));
    case 'condition': {
      const [test, then, otherwise] = [compile(e.test), compile(e.then), compile(e.otherwise)];
      return (scope) => (truth(test(scope)) ? then(scope) : otherwise(scope));
    }
    case 'list': { const items = e.items.map(compile); return (scope) => items.map((item) => item(scope)); }
    case 'map': {
      const entries = e.entries.map(([key, value]) => [compile(key), compile(value)] as const);
      return (scope) => Object.fromEntries(entries.map(([key, value]) => [textKey(key(scope)), value(scope)]));
    }
  }
}

/** Maps of the JSON that is looked at have text keys only. */
function textKey(key: CelValue): string {
  if (typeof key !== 'string') throw new CelError('no such overload');
  return key;
}

function lookUp(scope: Scope | undefined, name: string): CelValue {
  for (let at = scope; at !== undefined; at = at.outer) if (at.name === name) return at.value;
  throw new CelError(`undeclared reference to '${name}'`);
}

/** Field names that are no identifiers are escaped: `__dash__`, `__dot__`, `__slash__`, and `__if__` for reserved words. */
const unescaped = (field: string): string => field.replace(/__(dash|dot|slash|underscores)__/g, (_all, what: string) => ({ dash: '-', dot: '.', slash: '/', underscores: '__' })[what]!)
  .replace(/^__(true|false|null|in|as|break|const|continue|else|for|function|if|import|let|loop|package|namespace|return)__$/, '$1');

function fieldOf(value: CelValue, field: string): CelValue {
  const key = unescaped(field);
  if (!isMap(value)) throw new CelError('no such overload');
  if (!Object.hasOwn(value, key)) throw new CelError(`no such key: ${key}`);
  return value[key]!;
}

function elementOf(value: CelValue, at: CelValue): CelValue {
  if (isList(value)) {
    if (typeof at !== 'bigint' || at < 0n || at >= value.length) throw new CelError(`index out of bounds: ${typeof at === 'bigint' ? at : typeOf(at)}`);
    return value[Number(at)]!;
  }
  if (isMap(value) && typeof at === 'string') {
    if (!Object.hasOwn(value, at)) throw new CelError(`no such key: ${at}`);
    return value[at]!;
  }
  throw new CelError('no such overload');
}

function truth(value: CelValue): boolean {
  if (typeof value !== 'boolean') throw new CelError('no such overload');
  return value;
}

function compileUnary(operator: '!' | '-', operand: Evaluate): Evaluate {
  if (operator === '!') return (scope) => !truth(operand(scope));
  return (scope) => {
    const value = operand(scope);
    if (typeof value === 'bigint' || typeof value === 'number') return -value;
    throw new CelError('no such overload');
  };
}

function compileBinary(operator: string, left: Evaluate, right: Evaluate): Evaluate {
  switch (operator) {
    case '&&': return (scope) => decided(false, left, right, scope);
    case '||': return (scope) => decided(true, left, right, scope);
    case '==': return (scope) => equal(left(scope), right(scope));
    case '!=': return (scope) => !equal(left(scope), right(scope));
    case '<': return (scope) => compare(left(scope), right(scope)) < 0;
    case '<=': return (scope) => compare(left(scope), right(scope)) <= 0;
    case '>': return (scope) => compare(left(scope), right(scope)) > 0;
    case '>=': return (scope) => compare(left(scope), right(scope)) >= 0;
    case 'in': return (scope) => isIn(left(scope), right(scope));
    default: return (scope) => arithmetic(operator, left(scope), right(scope));
  }
}

/** `deciding || x` is decided whatever x is, even an error; from either side. */
function decided(deciding: boolean, left: Evaluate, right: Evaluate, scope: Scope | undefined): boolean {
  let failure: unknown;
  try {
    if (truth(left(scope)) === deciding) return deciding;
  } catch (error) {
    failure = error;
  }
  const other = truth(right(scope));
  if (failure !== undefined && other !== deciding) throw failure as Error;
  return other;
}

function isIn(value: CelValue, among: CelValue): boolean {
  if (isList(among)) return among.some((item) => equal(item, value));
  if (isMap(among)) return typeof value === 'string' && Object.hasOwn(among, value);
  throw new CelError('no such overload');
}

function arithmetic(operator: string, a: CelValue, b: CelValue): CelValue {
  if (typeof a === 'bigint' && typeof b === 'bigint') return integerArithmetic(operator, a, b);
  if (typeof a === 'number' && typeof b === 'number') {
    switch (operator) {
      case '+': return a + b;
      case '-': return a - b;
      case '*': return a * b;
      case '/': return a / b;
    }
  }
  if (operator === '+' && typeof a === 'string' && typeof b === 'string') return a + b;
  if (operator === '+' && isList(a) && isList(b)) return [...a, ...b];
  throw new CelError('no such overload');
}

function integerArithmetic(operator: string, a: bigint, b: bigint): bigint {
  if ((operator === '/' || operator === '%') && b === 0n) throw new CelError(operator === '/' ? 'division by zero' : 'modulus by zero');
  const result = operator === '+' ? a + b : operator === '-' ? a - b : operator === '*' ? a * b : operator === '/' ? a / b : a % b;
  if (BigInt.asIntN(64, result) !== result) throw new CelError('integer overflow');
  return result;
}

function compileCall(e: Extract<Expression, { type: 'call' }>): Evaluate {
  const macro = compileMacro(e);
  if (macro !== undefined) return macro;
  const args = [...(e.target === undefined ? [] : [e.target]), ...e.args].map(compile);
  const table: Readonly<Record<string, Call>> = e.target === undefined ? FUNCTIONS : METHODS;
  const call = Object.hasOwn(table, e.name) ? table[e.name] : undefined;
  if (call === undefined) throw new UnsupportedError(`function ${e.name}`);
  return (scope) => call(args.map((arg) => arg(scope)));
}

/** What is no call but a form of the language: has() and the loops over lists and the keys of maps. */
function compileMacro(e: Extract<Expression, { type: 'call' }>): Evaluate | undefined {
  const { target, name, args } = e;
  if (target === undefined) {
    const [only] = args;
    if (name !== 'has' || only?.type !== 'select') return undefined;
    const of = compile(only.of);
    return (scope) => { const value = of(scope); if (!isMap(value)) throw new CelError('no such overload'); return Object.hasOwn(value, unescaped(only.field)); };
  }
  const [variable, first, second] = args;
  if (variable?.type !== 'name' || first === undefined) return undefined;
  const range = compile(target);
  const body = compile(first);
  const each = (scope: Scope | undefined): readonly (readonly [CelValue, Scope])[] => elementsOf(range(scope)).map((value) => [value, { name: variable.name, value, outer: scope }] as const);
  switch (name) {
    case 'all': return (scope) => !quantified(each(scope), body, false);
    case 'exists': return (scope) => quantified(each(scope), body, true);
    case 'exists_one': case 'existsOne': return (scope) => each(scope).filter(([, inner]) => truth(body(inner))).length === 1;
    case 'filter': return (scope) => each(scope).filter(([, inner]) => truth(body(inner))).map(([value]) => value);
    case 'map': {
      const result = second === undefined ? body : compile(second);
      return (scope) => each(scope).filter(([, inner]) => second === undefined || truth(body(inner))).map(([, inner]) => result(inner));
    }
    default: return undefined;
  }
}

/** Whether `wanted` occurs; an error counts only if it does not. */
function quantified(elements: readonly (readonly [CelValue, Scope])[], body: Evaluate, wanted: boolean): boolean {
  let failure: unknown;
  for (const [, scope] of elements) {
    try {
      if (truth(body(scope)) === wanted) return true;
    } catch (error) {
      failure ??= error;
    }
  }
  if (failure !== undefined) throw failure as Error;
  return false;
}

function elementsOf(value: CelValue): readonly CelValue[] {
  if (isList(value)) return value;
  if (isMap(value)) return Object.keys(value);
  throw new CelError('no such overload');
}
