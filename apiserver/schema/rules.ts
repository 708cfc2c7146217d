/** Rules that schemas state as expressions (`x-kubernetes-validations`): compiled once, checked on what the schema itself accepts. */
import { compileExpression, UnsupportedError, type Evaluate, type Scope } from '../cel/evaluate.ts';
import { CelSyntaxError } from '../cel/tokens.ts';
import { CelError, celValueOf } from '../cel/values.ts';
import { isObject, sameJson, type JsonObject } from '../objects/object.ts';
import { child, invalidValue, keyed, required, type FieldError, type FieldErrorType } from './field-error.ts';
import type { SchemaNode } from './node.ts';

export interface Rule {
  readonly text: string;
  readonly holds: Evaluate;
  readonly message: string | undefined;
  readonly messageExpression: Evaluate | undefined;
  readonly type: FieldErrorType;
  /** Added to the path of the value: `.name`. */
  readonly fieldPath: string;
  /** Speaks of the value before an update, and is checked on updates only. */
  readonly isTransition: boolean;
}

const REASONS: Readonly<Record<string, FieldErrorType>> = { FieldValueForbidden: 'Forbidden', FieldValueRequired: 'Required', FieldValueDuplicate: 'Duplicate', FieldValueInvalid: 'Invalid' };

/** The rules of one schema; what cannot be compiled is left out, as `ruleProblems` tells. */
export function rulesOf(raw: JsonObject): Rule[] {
  return statedIn(raw).flatMap((stated) => {
    try {
      return [compileRule(stated)];
    } catch (error) {
      if (error instanceof UnsupportedError || error instanceof CelSyntaxError) return [];
      throw error;
    }
  });
}

function compileRule(stated: JsonObject): Rule {
  const text = String(stated['rule']);
  const messageExpression = stated['messageExpression'];
  return {
    text, holds: compileExpression(text),
    message: typeof stated['message'] === 'string' && stated['message'] !== '' ? stated['message'] : undefined,
    messageExpression: typeof messageExpression === 'string' && messageExpression !== '' ? compileExpression(messageExpression) : undefined,
    type: REASONS[String(stated['reason'])] ?? 'Invalid',
    fieldPath: typeof stated['fieldPath'] === 'string' ? stated['fieldPath'] : '',
    isTransition: /\boldSelf\b/.test(text),
  };
}

const statedIn = (raw: JsonObject): JsonObject[] => (Array.isArray(raw['x-kubernetes-validations']) ? raw['x-kubernetes-validations'].filter(isObject) : []);

/** What is wrong with the rules a schema states, and which of them cannot be checked here. */
export function ruleProblems(raw: JsonObject, path: string): { errors: FieldError[]; unsupported: string[] } {
  const errors: FieldError[] = [];
  const unsupported: string[] = [];
  for (const [i, stated] of statedIn(raw).entries()) {
    const at = `${child(path, 'x-kubernetes-validations')}[${i}]`;
    if (typeof stated['rule'] !== 'string' || stated['rule'].trim() === '') {
      errors.push(required(`${at}.rule`, 'rule is not specified'));
      continue;
    }
    try {
      compileRule(stated);
    } catch (error) {
      if (error instanceof UnsupportedError) unsupported.push(`${at}.rule: ${error.message} is not known here, so this rule is not checked`);
      else if (error instanceof CelSyntaxError) errors.push(invalidValue(`${at}.rule`, stated['rule'], `compilation failed: ${error.message}`));
      else throw error;
    }
  }
  return { errors, unsupported };
}

/**
 * Every rule that does not hold, of this schema and of those below. `old` is the value before an update, where there is one
 * that corresponds. What an update left as it was is not looked at.
 */
export function ruleErrors(node: SchemaNode, value: unknown, old: unknown, path: string): FieldError[] {
  if (value === null || value === undefined || !node.hasRules || (old !== undefined && sameJson(value, old))) return [];
  return [...node.rules.flatMap((rule) => check(rule, node, value, old, path)), ...errorsBelow(node, value, old, path)];
}

function errorsBelow(node: SchemaNode, value: unknown, old: unknown, path: string): FieldError[] {
  if (Array.isArray(value)) {
    const { items } = node;
    return items === undefined ? [] : value.flatMap((item, i) => ruleErrors(items, item, counterpart(node, item, old), `${path}[${i}]`));
  }
  if (!isObject(value)) return [];
  return Object.keys(value).flatMap((key) => {
    const named = node.properties.get(key);
    const next = named ?? node.additional;
    return next === undefined ? [] : ruleErrors(next, value[key], isObject(old) ? old[key] : undefined, named === undefined ? keyed(path, key) : child(path, key));
  });
}

/** The element of the old list that a new one continues: only lists of type map tell. */
export function counterpart(node: SchemaNode, item: unknown, old: unknown): unknown {
  if (node.listType !== 'map' || !Array.isArray(old) || !isObject(item)) return undefined;
  return old.find((other) => isObject(other) && node.listMapKeys.every((key) => sameJson(other[key], item[key])));
}

/** A rule that does not hold; the value is shown by its type only. */
function check(rule: Rule, node: SchemaNode, value: unknown, old: unknown, path: string): FieldError[] {
  if (rule.isTransition && old === undefined) return [];
  const field = rule.fieldPath === '' ? path : child(path, rule.fieldPath.replace(/^\./, ''));
  const self: Scope = { name: 'self', value: celValueOf(value, node), outer: rule.isTransition ? { name: 'oldSelf', value: celValueOf(old, node), outer: undefined } : undefined };
  try {
    return rule.holds(self) === true ? [] : [{ type: rule.type, field: nonEmpty(field), value: node.type ?? '', detail: messageOf(rule, self) }];
  } catch (error) {
    if (!(error instanceof CelError)) throw error;
    return [invalidValue(nonEmpty(path), node.type ?? '', `${error.message} evaluating rule: ${rule.message ?? rule.text}`)];
  }
}

const nonEmpty = (path: string): string => (path === '' ? '<nil>' : path);

function messageOf(rule: Rule, scope: Scope): string {
  if (rule.messageExpression !== undefined) {
    try {
      const text = rule.messageExpression(scope);
      if (typeof text === 'string' && text.trim() !== '') return text;
    } catch (error) {
      if (!(error instanceof CelError)) throw error;
    }
  }
  return rule.message ?? `failed rule: ${rule.text}`;
}
