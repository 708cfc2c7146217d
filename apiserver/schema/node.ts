/** A schema ready to use: references resolved, patterns compiled, one shape for built-in kinds (OpenAPI) and custom ones (structural schemas). */
import { isObject, type JsonObject } from '../objects/object.ts';
import { compilePattern, type Pattern } from './pattern.ts';
import { rulesOf, type Rule } from './rules.ts';

export type SchemaType = 'object' | 'array' | 'string' | 'integer' | 'number' | 'boolean';

export interface SchemaNode {
  /** Of a definition: the short name of its Go type, `ObjectMeta`. */
  readonly name: string | undefined;
  readonly raw: JsonObject;
  readonly type: SchemaType | undefined;
  readonly properties: ReadonlyMap<string, SchemaNode>;
  /** Schema of the values of a map. */
  readonly additional: SchemaNode | undefined;
  readonly items: SchemaNode | undefined;
  readonly required: readonly string[];
  readonly nullable: boolean;
  readonly hasDefault: boolean;
  readonly default: unknown;
  readonly enum: readonly unknown[] | undefined;
  readonly pattern: Pattern | undefined;
  readonly format: string | undefined;
  readonly limits: Limits;
  readonly allOf: readonly SchemaNode[];
  readonly anyOf: readonly SchemaNode[];
  readonly oneOf: readonly SchemaNode[];
  readonly not: SchemaNode | undefined;
  readonly preserveUnknown: boolean;
  /** Of a built-in kind. */
  readonly open: boolean;
  readonly intOrString: boolean;
  readonly embedded: boolean;
  readonly listType: 'atomic' | 'set' | 'map' | undefined;
  readonly listMapKeys: readonly string[];
  readonly patchStrategies: readonly string[];
  readonly patchMergeKey: string | undefined;
  /** Rules of this schema itself. */
  readonly rules: readonly Rule[];
  /** Rules of this schema or of one below. */
  readonly hasRules: boolean;
}

export interface Limits {
  readonly minimum?: number; readonly maximum?: number; readonly exclusiveMinimum?: boolean; readonly exclusiveMaximum?: boolean; readonly multipleOf?: number;
  readonly minLength?: number; readonly maxLength?: number; readonly minItems?: number; readonly maxItems?: number; readonly uniqueItems?: boolean;
  readonly minProperties?: number; readonly maxProperties?: number;
}

const LIMITS = ['minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum', 'multipleOf', 'minLength', 'maxLength', 'minItems', 'maxItems', 'uniqueItems', 'minProperties', 'maxProperties'] as const;

/** Where `$ref` leads; custom resources have none. */
export type Resolve = (reference: string) => SchemaNode;
const noReferences: Resolve = (reference) => { throw new Error(`$ref ${reference} is not allowed here`); };

/**
 * Compiles one schema. With `open`, objects without properties keep whatever they hold (OpenAPI of built-in kinds);
 * without it they keep nothing (structural schemas). Children are compiled when first used, so recursive references are fine.
 */
export function compileSchema(raw: JsonObject, resolve: Resolve = noReferences, open = false): SchemaNode {
  if (typeof raw['$ref'] === 'string') return resolve(raw['$ref']);
  const only = single(raw['allOf']);
  if (only !== undefined && typeof only['$ref'] === 'string') return withSiblings(resolve(only['$ref']), raw);
  const compile = (value: unknown): SchemaNode | undefined => (isObject(value) ? compileSchema(value, resolve, open) : undefined);
  const list = (value: unknown): SchemaNode[] => (Array.isArray(value) ? value.flatMap((v) => compile(v) ?? []) : []);
  const properties = isObject(raw['properties']) ? Object.entries(raw['properties']) : [];
  const additional = raw['additionalProperties'];
  const type = schemaType(raw['type']);
  const free = properties.length === 0 && (additional === undefined || additional === true);
  return lazy({
    raw, type,
    properties: () => new Map(properties.flatMap(([name, value]) => { const node = compile(value); return node === undefined ? [] : [[name, node] as const]; })),
    additional: () => compile(additional),
    items: () => compile(raw['items']),
    rules: () => rulesOf(raw), hasRules: () => stateRules(raw),
    allOf: () => list(raw['allOf']), anyOf: () => list(raw['anyOf']), oneOf: () => list(raw['oneOf']), not: () => compile(raw['not']),
  }, raw, open, raw['x-kubernetes-preserve-unknown-fields'] === true || additional === true || (open && free && (type === 'object' || type === undefined)));
}

interface Children {
  readonly raw: JsonObject; readonly type: SchemaType | undefined;
  readonly properties: () => ReadonlyMap<string, SchemaNode>;
  readonly additional: () => SchemaNode | undefined; readonly items: () => SchemaNode | undefined; readonly not: () => SchemaNode | undefined;
  readonly rules: () => Rule[]; readonly hasRules: () => boolean;
  readonly allOf: () => SchemaNode[]; readonly anyOf: () => SchemaNode[]; readonly oneOf: () => SchemaNode[];
}

function lazy(children: Children, raw: JsonObject, open: boolean, preserveUnknown: boolean): SchemaNode {
  const node: Record<string, unknown> = {
    name: undefined, raw, type: children.type, open, preserveUnknown,
    required: strings(raw['required']),
    nullable: raw['nullable'] === true,
    hasDefault: Object.hasOwn(raw, 'default'), default: raw['default'],
    enum: Array.isArray(raw['enum']) ? raw['enum'] : undefined,
    pattern: typeof raw['pattern'] === 'string' ? compilePattern(raw['pattern']) : undefined,
    format: typeof raw['format'] === 'string' ? raw['format'] : undefined,
    limits: Object.fromEntries(LIMITS.flatMap((key) => (raw[key] === undefined ? [] : [[key, typeof raw[key] === 'bigint' ? Number(raw[key]) : raw[key]]]))),
    intOrString: raw['x-kubernetes-int-or-string'] === true || raw['format'] === 'int-or-string',
    embedded: raw['x-kubernetes-embedded-resource'] === true,
    listType: raw['x-kubernetes-list-type'], listMapKeys: strings(raw['x-kubernetes-list-map-keys']),
    patchStrategies: typeof raw['x-kubernetes-patch-strategy'] === 'string' ? raw['x-kubernetes-patch-strategy'].split(',') : [],
    patchMergeKey: raw['x-kubernetes-patch-merge-key'],
  };
  for (const name of ['rules', 'hasRules', 'properties', 'additional', 'items', 'not', 'allOf', 'anyOf', 'oneOf'] as const) {
    Object.defineProperty(node, name, {
      configurable: true, enumerable: true,
      get() {
        const value = children[name]();
        Object.defineProperty(node, name, { value, enumerable: true });
        return value;
      },
    });
  }
  return node as unknown as SchemaNode;
}

/** A reference with a default or patch directives beside it. */
function withSiblings(target: SchemaNode, raw: JsonObject): SchemaNode {
  return Object.create(target, {
    hasDefault: { value: Object.hasOwn(raw, 'default') }, default: { value: raw['default'] },
    patchStrategies: { value: typeof raw['x-kubernetes-patch-strategy'] === 'string' ? raw['x-kubernetes-patch-strategy'].split(',') : target.patchStrategies },
    patchMergeKey: { value: raw['x-kubernetes-patch-merge-key'] ?? target.patchMergeKey },
  }) as SchemaNode;
}

/** Only schemas of custom kinds state rules, and those are trees. */
const stateRules = (raw: unknown): boolean => (Array.isArray(raw) ? raw.some(stateRules) : isObject(raw) && (raw['x-kubernetes-validations'] !== undefined || Object.values(raw).some(stateRules)));

const strings = (value: unknown): string[] => (Array.isArray(value) ? value.filter((v) => typeof v === 'string') : []);
const single = (value: unknown): JsonObject | undefined => (Array.isArray(value) && value.length === 1 && isObject(value[0]) ? value[0] : undefined);
const TYPES: ReadonlySet<string> = new Set(['object', 'array', 'string', 'integer', 'number', 'boolean']);
const schemaType = (value: unknown): SchemaType | undefined => (typeof value === 'string' && TYPES.has(value) ? value as SchemaType : undefined);
