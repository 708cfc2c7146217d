/** The status of a CustomResourceDefinition: accepted names and the conditions NamesAccepted, Established, Terminating. */
import { isObject, type ApiObject, type JsonObject } from '../objects/object.ts';
import type { DefinitionNames, DefinitionSpec } from './custom.ts';
import type { ResourceType } from './resource-type.ts';

interface Condition extends JsonObject { readonly type: string; readonly status: 'True' | 'False'; readonly reason: string; readonly message: string }

/** Why the names cannot be had. */
export interface NameConflict { readonly reason: string; readonly message: string }

/** The names with what is derived from kind and plural when not given. */
export function acceptedNames(spec: DefinitionSpec): DefinitionNames {
  const { plural, singular, shortNames, kind, listKind, categories } = spec.names;
  return {
    plural, singular: singular ?? kind.toLowerCase(), ...(shortNames === undefined ? {} : { shortNames }),
    kind, listKind: listKind ?? `${kind}List`, ...(categories === undefined ? {} : { categories }),
  };
}

/** The first of the names that another resource of the group has already. */
export function nameConflict(spec: DefinitionSpec, inGroup: readonly ResourceType[]): NameConflict | undefined {
  const others = inGroup.filter((type) => type.plural !== spec.names.plural);
  const names = acceptedNames(spec);
  const words = new Set(others.flatMap((type) => [type.plural, type.singular, ...type.shortNames]));
  const kinds = new Set(others.flatMap((type) => [type.kind, type.listKind]));
  const inUse = (reason: string, name: string): NameConflict => ({ reason, message: `${JSON.stringify(name)} is already in use` });
  if (words.has(names.plural)) return inUse('PluralConflict', names.plural);
  if (words.has(names.singular!)) return inUse('SingularConflict', names.singular!);
  const short = names.shortNames?.find((name) => words.has(name));
  if (short !== undefined) return inUse('ShortNamesConflict', short);
  if (kinds.has(names.kind)) return inUse('KindConflict', names.kind);
  return kinds.has(names.listKind!) ? inUse('ListKindConflict', names.listKind!) : undefined;
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
