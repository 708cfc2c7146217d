/** JSON patch (RFC 6902) on JSON pointers (RFC 6901). */
import { assignField, cloneJson, isObject, sameJson } from '../objects/object.ts';
import { badRequest, rejectedPatch } from '../api/status.ts';

interface Operation { readonly op: string; readonly path: string; readonly from?: string; readonly value?: unknown }

/** More operations than this in one patch are refused, as the real server does. */
const MAX_OPERATIONS = 10_000;

/** The patched value; `target` is not changed. Throws ApiError: 400 on a patch that is none, 422 on one that does not apply. */
export function jsonPatch(target: unknown, patch: unknown): unknown {
  return operationsOf(patch).reduce(apply, cloneJson(target));
}

function operationsOf(patch: unknown): Operation[] {
  if (!Array.isArray(patch)) throw badRequest('error decoding patch: json: cannot unmarshal object into Go value of type []handlers.jsonPatchOp');
  if (patch.length > MAX_OPERATIONS) throw badRequest(`The allowed maximum operations in a JSON patch is ${MAX_OPERATIONS}, got ${patch.length}`);
  return patch.map((operation: unknown) => {
    if (!isObject(operation) || typeof operation['op'] !== 'string' || typeof operation['path'] !== 'string') throw rejectedPatch();
    return operation as unknown as Operation;
  });
}

function apply(document: unknown, operation: Operation): unknown {
  const path = tokensOf(operation.path);
  switch (operation.op) {
    case 'add': return write(document, path, valueOf(operation), 'add');
    case 'replace': return write(document, path, valueOf(operation), 'replace');
    case 'remove': return remove(document, path);
    case 'test': {
      const found = Object.hasOwn(operation, 'value') && operation.value === null ? readOrNull(document, path) : read(document, path);
      if (!sameJson(found, operation.value ?? null)) throw rejectedPatch();
      return document;
    }
    case 'copy': return write(document, path, cloneJson(read(document, tokensOf(operation.from))), 'add');
    case 'move': {
      const from = tokensOf(operation.from);
      const value = read(document, from);
      return write(remove(document, from), path, value, 'add');
    }
    default: throw rejectedPatch();
  }
}

function valueOf(operation: Operation): unknown {
  if (!Object.hasOwn(operation, 'value')) throw rejectedPatch();
  return cloneJson(operation.value);
}

function tokensOf(pointer: string | undefined): string[] {
  if (pointer === '') return [];
  if (typeof pointer !== 'string' || !pointer.startsWith('/')) throw rejectedPatch();
  return pointer.slice(1).split('/').map((token) => token.replaceAll('~1', '/').replaceAll('~0', '~'));
}

/** Index into an array; `-` is the place after the last where that is allowed, negative numbers never. */
function indexOf(array: readonly unknown[], token: string, end: number): number {
  const index = token === '-' ? array.length : /^(0|[1-9]\d*)$/.test(token) ? Number(token) : Infinity;
  if (index > end) throw rejectedPatch();
  return index;
}

function read(document: unknown, path: readonly string[]): unknown {
  return path.reduce((at, token) => {
    if (Array.isArray(at)) return at[indexOf(at, token, at.length - 1)] as unknown;
    if (isObject(at) && Object.hasOwn(at, token)) return at[token];
    throw rejectedPatch();
  }, document);
}

/** For `test` against null, which an absent member satisfies. */
function readOrNull(document: unknown, path: readonly string[]): unknown {
  const parent = read(document, path.slice(0, -1));
  const last = path.at(-1);
  return isObject(parent) && last !== undefined && !Object.hasOwn(parent, last) ? null : read(document, path);
}

/** Replacing a member that is not there adds it: not RFC 6902, but what the real server does. */
function write(document: unknown, path: readonly string[], value: unknown, how: 'add' | 'replace'): unknown {
  const last = path.at(-1);
  if (last === undefined) return value;
  const parent = read(document, path.slice(0, -1));
  if (Array.isArray(parent)) {
    if (how === 'add') parent.splice(indexOf(parent, last, parent.length), 0, value);
    else parent[indexOf(parent, last, parent.length - 1)] = value;
  } else if (isObject(parent)) {
    assignField(parent, last, value);
  } else {
    throw rejectedPatch();
  }
  return document;
}

function remove(document: unknown, path: readonly string[]): unknown {
  const last = path.at(-1);
  const parent = read(document, path.slice(0, -1));
  if (last !== undefined && Array.isArray(parent)) parent.splice(indexOf(parent, last, parent.length - 1), 1);
  else if (last !== undefined && isObject(parent) && Object.hasOwn(parent, last)) delete parent[last];
  else throw rejectedPatch();
  return document;
}
