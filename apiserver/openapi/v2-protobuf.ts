/** The OpenAPI v2 document in protocol buffers, as kubectl asks for it (field numbers: gnostic's OpenAPIv2.proto). */
import { stringifyJson } from '../../lib/json.ts';
import { isObject, type JsonObject } from '../objects/object.ts';
import { delimited, double, unsigned, type Pieces } from '../protobuf/wire.ts';
import type { Openapi2 } from './v2.ts';

const join = (parts: readonly Pieces[]): Pieces => parts.flat();

export function encodeOpenapi2(document: Openapi2): Uint8Array {
  const { info, paths, definitions } = document;
  return Buffer.concat(join([
    delimited(1, document.swagger),
    delimited(2, join([delimited(1, info.title), delimited(2, info.version)])),
    delimited(8, join(Object.entries(paths).map(([path, item]) => delimited(2, join([delimited(1, path), delimited(2, pathItem(item))]))))),
    delimited(9, named(definitions)),
  ]));
}

/** Definitions and Properties alike: name and schema. */
const named = (schemas: Readonly<Record<string, unknown>>): Pieces =>
  join(Object.entries(schemas).map(([name, schema]) => delimited(1, join([delimited(1, name), delimited(2, isObject(schema) ? schemaPieces(schema) : [])]))));

/** Any: its YAML text; JSON is YAML. */
const any = (value: unknown): Pieces => delimited(2, stringifyJson(value));
const extensions = (number: number, schema: JsonObject): Pieces =>
  join(Object.entries(schema).filter(([key]) => key.startsWith('x-')).map(([key, value]) => delimited(number, join([delimited(1, key), delimited(2, any(value))]))));

const TEXTS: Readonly<Record<string, number>> = { $ref: 1, format: 2, title: 3, description: 4, pattern: 13 };
const DOUBLES: Readonly<Record<string, number>> = { multipleOf: 6, maximum: 7, minimum: 9 };
const COUNTS: Readonly<Record<string, number>> = { exclusiveMaximum: 8, exclusiveMinimum: 10, maxLength: 11, minLength: 12, maxItems: 14, minItems: 15, uniqueItems: 16, maxProperties: 17, minProperties: 18 };

function schemaPieces(schema: JsonObject): Pieces {
  const parts: Pieces[] = [];
  for (const [key, value] of Object.entries(schema)) {
    if (TEXTS[key] !== undefined && typeof value === 'string') parts.push(delimited(TEXTS[key], value));
    else if (DOUBLES[key] !== undefined && (typeof value === 'number' || typeof value === 'bigint')) parts.push(double(DOUBLES[key], Number(value)));
    else if (COUNTS[key] !== undefined && (typeof value === 'number' || typeof value === 'boolean')) parts.push(unsigned(COUNTS[key], value));
    else parts.push(compound(key, value));
  }
  return join([...parts, extensions(31, schema)]);
}

function compound(key: string, value: unknown): Pieces {
  switch (key) {
    case 'default': return delimited(5, any(value));
    case 'required': return Array.isArray(value) ? join(value.map((name) => delimited(19, String(name)))) : [];
    case 'enum': return Array.isArray(value) ? join(value.map((v) => delimited(20, any(v)))) : [];
    case 'additionalProperties': return delimited(21, isObject(value) ? delimited(1, schemaPieces(value)) : unsigned(2, value === true));
    case 'type': return delimited(22, delimited(1, String(value)));
    case 'items': return isObject(value) ? delimited(23, delimited(1, schemaPieces(value))) : [];
    case 'properties': return isObject(value) ? delimited(25, named(value)) : [];
    default: return [];
  }
}

function pathItem(item: JsonObject): Pieces {
  const patch = isObject(item['patch']) ? item['patch'] : {};
  const parameters = Array.isArray(patch['parameters']) ? (patch['parameters'] as { name: string }[]) : [];
  const query = (name: string): Pieces => delimited(3, join([delimited(2, 'query'), delimited(4, name), delimited(6, 'string')]));
  return delimited(8, join([
    delimited(5, String(patch['operationId'])),
    ...parameters.map(({ name }) => delimited(8, delimited(1, delimited(2, query(name))))),
    extensions(13, patch),
  ]));
}
