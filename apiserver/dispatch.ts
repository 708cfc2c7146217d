/** From a request to the verb it asks for, and from the verb's outcome to the form the client accepts. */
import type { IncomingMessage } from 'node:http';
import { stringifyJson } from '../lib/json.ts';
import { parseListOptions } from './api/list-options.ts';
import { acceptedForm, mediaType, type Form } from './api/negotiation.ts';
import type { ResourcePath } from './api/route.ts';
import { badRequest, methodNotAllowed, unknownPath, unsupportedMediaType } from './api/status.ts';
import { tableOf, type IncludeObject, type ListMeta } from './api/tables.ts';
import { bind, isBinding } from './bindings.ts';
import { removeCollection } from './collection-deletes.ts';
import type { Core, Outcome, ResourceRequest } from './core.ts';
import { create } from './creates.ts';
import { remove } from './deletes.ts';
import { textOfBody, type Answer } from './exchange.ts';
import { apiVersionOf, type ResourceType } from './kinds/resource-type.ts';
import { orderedObject } from './objects/metadata.ts';
import type { ApiObject } from './objects/object.ts';
import { objectOf, textOf } from './object-store.ts';
import { schemaName } from './openapi/v3.ts';
import { decodeProtobuf, PROTOBUF } from './protobuf/objects.ts';
import { list, readText } from './reads.ts';
import type { Row } from './store.ts';
import { update, patch } from './updates.ts';
import type { WatchRequest } from './watch-stream.ts';

/** A resource request on its way to a verb. */
export interface Asked {
  readonly method: string;
  readonly path: ResourcePath;
  readonly type: ResourceType;
  readonly query: URLSearchParams;
  readonly headers: IncomingMessage['headers'];
  readonly form: Form;
}

/** Checks what the path says against the type, and what the client accepts. Throws ApiError 404, 405 or 406. */
export function askedOf(core: Core, method: string, path: ResourcePath, query: URLSearchParams, headers: IncomingMessage['headers']): Asked {
  const type = core.registry.find(path.group, path.version, path.plural);
  if (type === undefined) throw unknownPath();
  const { name, namespace, subresource } = path;
  if (!type.namespaced && namespace !== undefined) throw unknownPath();
  if (type.namespaced && namespace === undefined && (name !== undefined || method !== 'GET')) throw name === undefined ? methodNotAllowed() : unknownPath();
  if (subresource !== undefined && !(subresource === 'status' && type.status) && !isBinding({ type, subresource })) throw unknownPath();
  return { method, path, type, query, headers, form: acceptedForm(headers.accept) };
}

/** The watch a request asks for, if it is one. Throws ApiError. */
export function watchOf(asked: Asked): WatchRequest | undefined {
  const { path, query, type, method, form } = asked;
  if (method !== 'GET' || path.name !== undefined || !query.has('watch')) return undefined;
  const options = parseListOptions(query);
  return options.watch ? { type, namespace: path.namespace, options, form, include: includeOf(query) } : undefined;
}

/** Throws ApiError. */
export function answer(core: Core, asked: Asked, bytes: Uint8Array): Answer {
  const { method, path, type } = asked;
  const request: ResourceRequest = {
    type, namespace: path.namespace, name: path.name ?? '', subresource: path.subresource as ResourceRequest['subresource'],
    query: asked.query, ...jsonBody(core, mediaType(asked.headers['content-type']), bytes),
  };
  if (path.name === undefined) {
    switch (method) {
      case 'GET': return listAnswer(core, asked);
      case 'POST': return outcomeAnswer(core, asked, create(core, jsonOnly(request)));
      case 'DELETE': return { code: 200, body: stringifyJson(removeCollection(core, request)) };
      default: throw methodNotAllowed();
    }
  }
  if (isBinding(request)) {
    if (method !== 'POST') throw methodNotAllowed();
    return outcomeAnswer(core, asked, bind(core, jsonOnly(request)));
  }
  switch (method) {
    case 'GET': return readAnswer(core, asked, path.name);
    case 'PUT': return outcomeAnswer(core, asked, update(core, jsonOnly(request)));
    case 'PATCH': return outcomeAnswer(core, asked, patch(core, request));
    case 'DELETE': {
      if (path.subresource !== undefined) throw methodNotAllowed();
      return outcomeAnswer(core, asked, remove(core, request));
    }
    default: throw methodNotAllowed();
  }
}

const JSON_BODY = 'application/json';
const DELETE_OPTIONS = 'io.k8s.apimachinery.pkg.apis.meta.v1.DeleteOptions';

/** Protocol buffers, which some of kubectl's commands send, become JSON here; nothing behind this line knows of them. */
function jsonBody(core: Core, contentType: string, bytes: Uint8Array): { contentType: string; body: string } {
  if (contentType !== PROTOBUF) return { contentType, body: textOfBody(bytes) };
  const messageOf = (apiVersion: string, kind: string): string | undefined => {
    if (kind === 'DeleteOptions') return DELETE_OPTIONS;
    const type = core.registry.all().find((t) => !t.custom && t.kind === kind && apiVersionOf(t) === apiVersion);
    return type === undefined ? undefined : schemaName(type);
  };
  return { contentType: JSON_BODY, body: stringifyJson(decodeProtobuf(bytes, messageOf)) };
}

/** Clients that say nothing mean JSON. */
function jsonOnly(request: ResourceRequest): ResourceRequest {
  if (request.contentType !== '' && request.contentType !== JSON_BODY) throw unsupportedMediaType([JSON_BODY, PROTOBUF]);
  return request;
}

function includeOf(query: URLSearchParams): IncludeObject {
  const include = query.get('includeObject') ?? '';
  if (include === '' || include === 'Metadata') return 'Metadata';
  if (include !== 'None' && include !== 'Object') throw badRequest(`unrecognized includeObject value: ${JSON.stringify(include)}`);
  return include;
}

function readAnswer(core: Core, asked: Asked, name: string): Answer {
  const { type, path, form } = asked;
  const text = readText(core, type, path.namespace, name);
  return { code: 200, body: form === 'object' ? text : shaped(core, asked, objectOf(type, text, Number.MAX_SAFE_INTEGER)), ...deprecation(type) };
}

function outcomeAnswer(core: Core, asked: Asked, outcome: Outcome): Answer {
  const warnings = [...(outcome.warnings ?? []), ...(deprecation(asked.type).warnings ?? [])];
  const body = outcome.object === undefined ? stringifyJson(outcome.other) : shaped(core, asked, outcome.object);
  return { code: outcome.code, body, warnings };
}

const deprecation = (type: ResourceType): { warnings?: string[] } => (type.deprecation === undefined ? {} : { warnings: [type.deprecation] });

function shaped(core: Core, asked: Asked, object: ApiObject): string {
  const { type, form } = asked;
  switch (form) {
    case 'object': return stringifyJson(orderedObject({ ...object, kind: type.kind, apiVersion: apiVersionOf(type) }));
    case 'metadata': return stringifyJson(metadataOnly(object));
    case 'table': return stringifyJson(tableOf(type, [object], { resourceVersion: object.metadata.resourceVersion ?? '' }, includeOf(asked.query), core.clock.wallTime()));
  }
}

const metadataOnly = (object: ApiObject): unknown => ({ kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1', metadata: object.metadata });

function listAnswer(core: Core, asked: Asked): Answer {
  const { type, form } = asked;
  const { rows, meta } = list(core, type, asked.path.namespace, parseListOptions(asked.query));
  const objects = (): ApiObject[] => rows.map((row) => objectOf(type, row.body, row.rv));
  switch (form) {
    case 'object': return { code: 200, body: listText(type, rows, meta), ...deprecation(type) };
    case 'metadata': return { code: 200, body: stringifyJson({ kind: 'PartialObjectMetadataList', apiVersion: 'meta.k8s.io/v1', metadata: meta, items: objects().map(metadataOnly) }) };
    case 'table': return { code: 200, body: stringifyJson(tableOf(type, objects(), meta, includeOf(asked.query), core.clock.wallTime())), ...deprecation(type) };
  }
}

/** Items of built-in lists say neither kind nor apiVersion, as a real server has it; every stored text begins with these two. */
function itemText(type: ResourceType, row: Row): string {
  const text = textOf(type, row.body, row.rv);
  return type.custom ? text : `{${text.slice(text.indexOf('"metadata":'))}`;
}

/** Put together from the stored texts, which need not be parsed for that. */
const listText = (type: ResourceType, rows: readonly Row[], meta: ListMeta): string =>
  `{"kind":${JSON.stringify(type.listKind)},"apiVersion":${JSON.stringify(apiVersionOf(type))},"metadata":${JSON.stringify(meta)},"items":[${rows.map((row) => itemText(type, row)).join(',')}]}`;
