/**
 * Objects that clients send as `application/vnd.kubernetes.protobuf` (kubectl's own `create namespace` and the like), as JSON.
 * Field numbers are data, in `schemas/messages.json`; we never write this format.
 */
import messages from '../schemas/messages.json' with { type: 'json' };
import { parseJson } from '../../lib/json.ts';
import { badRequest } from '../api/status.ts';
import { assignField, isObject, type JsonObject } from '../objects/object.ts';
import { definition, DEFINITIONS } from '../schema/definitions.ts';
import { readFields, type WireField, type WireValue } from './wire.ts';

/** `[name, type]`; type is a scalar, a message's full name, `[]…` for repeated, `{}…` for a map with text keys. */
type Field = readonly [name: string, type: string];
const MESSAGES = messages as unknown as Readonly<Record<string, Readonly<Record<string, Field>>>>;

export const PROTOBUF = 'application/vnd.kubernetes.protobuf';
/** `k8s` and a zero byte before every such body. */
const MAGIC = Buffer.from([0x6b, 0x38, 0x73, 0x00]);
const MAX_DEPTH = 100;

/** The object in a body. `messageOf` names the message of an apiVersion and kind. Throws a 400 ApiError. */
export function decodeProtobuf(body: Uint8Array, messageOf: (apiVersion: string, kind: string) => string | undefined): JsonObject {
  try {
    if (!Buffer.from(body.subarray(0, 4)).equals(MAGIC)) throw new RangeError('it does not start with "k8s\\0"');
    const envelope = new Map(readFields(body.subarray(4)).map((f) => [f.number, f.value]));
    const type = new Map(readFields(bytesOf(envelope.get(1))).map((f) => [f.number, textOf(f.value)]));
    const [apiVersion = '', kind = ''] = [type.get(1), type.get(2)];
    const message = messageOf(apiVersion, kind);
    if (message === undefined || MESSAGES[message] === undefined) throw new RangeError(`no message is known for ${kind} in ${apiVersion}`);
    return { apiVersion, kind, ...decodeMessage(message, bytesOf(envelope.get(2)), 0) };
  } catch (error) {
    if (error instanceof RangeError || error instanceof SyntaxError) throw badRequest(`the protobuf body cannot be read: ${error.message}`);
    throw error;
  }
}

function bytesOf(value: WireValue | undefined): Uint8Array {
  if (value === undefined) return new Uint8Array();
  if (typeof value === 'bigint') throw new RangeError('a number where a message is expected');
  return value;
}

const textOf = (value: WireValue): string => new TextDecoder('utf-8', { fatal: true }).decode(bytesOf(value));

function decodeMessage(name: string, bytes: Uint8Array, depth: number): JsonObject {
  if (depth > MAX_DEPTH) throw new RangeError(`messages nested deeper than ${MAX_DEPTH}`);
  const layout = MESSAGES[name] ?? {};
  const known = DEFINITIONS[name] === undefined ? undefined : definition(name).properties;
  const result: JsonObject = {};
  for (const field of readFields(bytes)) {
    const [key, type] = layout[field.number] ?? [];
    if (key === undefined || type === undefined) continue;
    const value = decodeField(type, field, result[key], depth);
    // A message that stands for fields of its parent: the schema does not know it by name.
    if (known?.has(key) === false && isObject(value)) Object.assign(result, value);
    else if (isSaid(key, type, value)) result[key] = value;
  }
  return result;
}

/** Fields that are pointers in Go, so that their zero was meant. All others are always written, and a zero means nothing. */
const MEANT: ReadonlySet<string> = new Set([
  'replicas', 'revisionHistoryLimit', 'progressDeadlineSeconds', 'terminationGracePeriodSeconds', 'activeDeadlineSeconds', 'tolerationSeconds', 'gracePeriodSeconds',
  'runAsUser', 'runAsGroup', 'fsGroup', 'defaultMode', 'mode', 'priority', 'endPort', 'weight',
  'automountServiceAccountToken', 'allowPrivilegeEscalation', 'readOnlyRootFilesystem', 'runAsNonRoot', 'privileged', 'enableServiceLinks', 'immutable', 'optional',
  'controller', 'blockOwnerDeletion', 'allocateLoadBalancerNodePorts', 'ready', 'serving', 'terminating', 'orphanDependents',
]);

function isSaid(key: string, type: string, value: unknown): boolean {
  if (value === '' || ((value === 0 || value === false) && !MEANT.has(key))) return false;
  return !(/\.(ObjectMeta|[A-Za-z]*Status)$/.test(type) && isObject(value) && Object.keys(value).length === 0);
}

function decodeField(type: string, field: WireField, before: unknown, depth: number): unknown {
  if (type.startsWith('[]')) {
    return [...(Array.isArray(before) ? (before as unknown[]) : []), decodeValue(type.slice(2), field.value, depth)];
  }
  if (type.startsWith('{}')) {
    const entry = new Map(readFields(bytesOf(field.value)).map((f) => [f.number, f.value]));
    const map: JsonObject = isObject(before) ? before : {};
    assignField(map, textOf(entry.get(1) ?? new Uint8Array()), decodeValue(type.slice(2), entry.get(2) ?? new Uint8Array(), depth));
    return map;
  }
  return decodeValue(type, field.value, depth);
}

function decodeValue(type: string, value: WireValue, depth: number): unknown {
  switch (type) {
    case 'string': return textOf(value);
    case 'bytes': return Buffer.from(bytesOf(value)).toString('base64');
    case 'bool': return value === 1n;
    case 'int32': case 'int64': return integer(value);
    case 'double': return Buffer.from(bytesOf(value)).readDoubleLE(0);
    default: return decodeNamed(type, bytesOf(value), depth);
  }
}

function integer(value: WireValue | undefined): number | bigint {
  if (typeof value !== 'bigint') throw new RangeError('bytes where a number is expected');
  const signed = BigInt.asIntN(64, value);
  return Number.isSafeInteger(Number(signed)) ? Number(signed) : signed;
}

function decodeNamed(type: string, bytes: Uint8Array, depth: number): unknown {
  const short = type.slice(type.lastIndexOf('.') + 1);
  const fields = (): Map<number, WireValue> => new Map(readFields(bytes).map((f) => [f.number, f.value]));
  switch (short) {
    case 'Time': case 'MicroTime': {
      const f = fields();
      const ms = Number(integer(f.get(1) ?? 0n)) * 1000;
      if (Math.abs(ms) > 8.64e15) throw new RangeError('a time beyond what can be shown');
      if (bytes.length === 0) return null;
      const text = new Date(ms).toISOString().slice(0, 19);
      return short === 'Time' ? `${text}Z` : `${text}.${String(Math.floor(Number(integer(f.get(2) ?? 0n)) / 1000)).padStart(6, '0')}Z`;
    }
    case 'Quantity': return textOf(fields().get(1) ?? new Uint8Array());
    case 'IntOrString': { const f = fields(); return f.get(1) === 1n ? textOf(f.get(3) ?? new Uint8Array()) : integer(f.get(2) ?? 0n); }
    case 'FieldsV1': case 'RawExtension': case 'JSON': return parseJson(textOf(fields().get(1) ?? new Uint8Array()) || 'null');
    default: return decodeMessage(type, bytes, depth + 1);
  }
}
