/** The status of a CustomResourceDefinition: accepted names and the conditions NamesAccepted, Established, Terminating. */
import { isObject, type ApiObject, type JsonObject } from '../objects/object.ts';
import type { DefinitionNames, DefinitionSpec } from './custom.ts';
import type { ResourceType } from './resource-type.ts';

interface Condition extends JsonObject { readonly type: string; readonly status: 'True' | 'False'; readonly reason: string; readonly message: string }

/** Why the names cannot be had. */
export interface NameConflict { readonly reason: string; readonly message: string }

/** Which of the names can be had; each is looked at by itself, and the last that cannot is the one that is told of. */
export function namesOf(spec: DefinitionSpec, inGroup: readonly ResourceType[]): { accepted: Partial<DefinitionNames>; conflict: NameConflict | undefined } {
  const others = inGroup.filter((type) => type.plural !== spec.names.plural);
  const words = new Set(others.flatMap((type) => [type.plural, type.singular, ...type.shortNames]));
  const kinds = new Set(others.flatMap((type) => [type.kind, type.listKind]));
  const { plural, kind, singular = kind.toLowerCase(), listKind = `${kind}List`, shortNames = [], categories } = spec.names;
  const checks: readonly (readonly [field: keyof DefinitionNames, reason: string, value: string | readonly string[], taken: ReadonlySet<string>])[] = [
    ['plural', 'PluralConflict', plural, words], ['singular', 'SingularConflict', singular, words], ['shortNames', 'ShortNamesConflict', shortNames, words],
    ['kind', 'KindConflict', kind, kinds], ['listKind', 'ListKindConflict', listKind, kinds],
  ];
  const accepted: Record<string, unknown> = {};
  let conflict: NameConflict | undefined;
  for (const [field, reason, value, taken] of checks) {
    const inUse = [value].flat().find((name) => taken.has(name));
    if (inUse !== undefined) conflict = { reason, message: `${JSON.stringify(inUse)} is already in use` };
    else if (value.length > 0) accepted[field] = value;
  }
  return { accepted: { ...accepted, ...(categories === undefined ? {} : { categories }) }, conflict };
}

export function conditionsOf(present: unknown, conflict: NameConflict | undefined, now: string): Condition[] {
  const accepted: Condition = conflict === undefined
    ? { type: 'NamesAccepted', status: 'True', reason: 'NoConflicts', message: 'no conflicts found' }
    : { type: 'NamesAccepted', status: 'False', ...conflict };
  const established = isTrue(present, 'Established');
  const state: Condition = conflict === undefined || established
    ? { type: 'Established', status: 'True', reason: 'InitialNamesAccepted', message: 'the initial names have been accepted' }
    : { type: 'Established', status: 'False', reason: 'NotAccepted', message: 'not all names are accepted' };
  return withCondition(withCondition(present, accepted, now), state, now);
}

/** The conditions with one of them set; the time of transition moves only when its status does. */
export function withCondition(present: unknown, condition: Condition, now: string): Condition[] {
  const all = Array.isArray(present) ? (present as Condition[]) : [];
  const before = all.find((c) => c.type === condition.type);
  const next = { lastTransitionTime: before?.status === condition.status ? before['lastTransitionTime'] ?? now : now, ...condition };
  return before === undefined ? [...all, next] : all.map((c) => (c === before ? next : c));
}

const isTrue = (conditions: unknown, type: string): boolean => Array.isArray(conditions) && conditions.some((c) => isObject(c) && c['type'] === type && c['status'] === 'True');

export const isServed = (definition: ApiObject): boolean => isObject(definition['status']) && isTrue(definition['status']['conditions'], 'Established');
