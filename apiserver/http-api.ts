/** What happens to each HTTP request: who may ask, what the path means, and the answer once it is durable. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { messageOf } from '../lib/errors.ts';
import { stringifyJson } from '../lib/json.ts';
import { aggregated, apiGroup, apiVersions, groupList, resourceList } from './api/discovery.ts';
import { acceptsAggregated } from './api/negotiation.ts';
import { routeOf, type Route } from './api/route.ts';
import { ApiError, internal, methodNotAllowed, unauthorized, unknownPath } from './api/status.ts';
import { serverVersion } from './api/version.ts';
import type { Commits } from './commits.ts';
import type { Core } from './core.ts';
import type { Credentials } from './credentials.ts';
import { answer, askedOf, watchOf } from './dispatch.ts';
import { isApiError, readBody, sendAnswer, sendError, type Answer } from './exchange.ts';
import type { OpenapiDocuments } from './openapi/documents.ts';
import { isProxy, proxyToPod } from './pod-proxy.ts';
import { serveWatch } from './watch-response.ts';

export interface HttpApi { readonly core: Core; readonly commits: Commits; readonly credentials: Credentials; readonly openapi: OpenapiDocuments }

/** Never rejects: whatever goes wrong becomes an answer. */
export async function handleRequest(api: HttpApi, request: IncomingMessage, response: ServerResponse): Promise<void> {
  try {
    await route(api, request, response);
  } catch (error) {
    if (!isApiError(error)) {
      api.core.log.error('apiserver.request-failed', { method: request.method, url: request.url, error: error instanceof Error ? error.stack : String(error) });
      api.commits.abort(error);
    }
    const said = isApiError(error) ? error : internal(messageOf(error));
    api.commits.settled(() => { sendError(response, said); });
    request.resume();
  }
}

async function route(api: HttpApi, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const [path = '/', search = ''] = splitOnce(request.url ?? '/', '?');
  const meaning = routeOf(path);
  const open = meaning.kind === 'health' || meaning.kind === 'version';
  if (!open && !api.credentials.accepts(request.headers.authorization)) throw unauthorized();
  if (meaning.kind !== 'resource') {
    if (request.method !== 'GET' && request.method !== 'HEAD') throw meaning.kind === 'unknown' ? unknownPath() : methodNotAllowed();
    const said = describe(api, meaning, request.headers.accept);
    api.commits.settled(() => { sendAnswer(response, said); });
    return;
  }
  if (isProxy(meaning)) {
    proxyToPod(api.core, meaning, search, request, response);
    return;
  }
  const method = request.method ?? 'GET';
  const asked = askedOf(api.core, method === 'HEAD' ? 'GET' : method, meaning, new URLSearchParams(search), request.headers);
  const watch = watchOf(asked);
  if (watch !== undefined) {
    api.commits.settled((error) => {
      if (error === undefined) serveWatch(api.core, watch, response);
      else sendError(response, internal('the database could not be written'));
    });
    return;
  }
  const body = method === 'GET' || method === 'HEAD' ? Buffer.alloc(0) : await readBody(request);
  const said = answer(api.core, asked, body);
  api.commits.settled((error) => { finish(api, response, said, error); });
}

/** What was decided counts only if it reached the disk. */
function finish(api: HttpApi, response: ServerResponse, said: Answer, error: unknown): void {
  if (error === undefined) sendAnswer(response, said);
  else {
    api.core.log.error('apiserver.commit-failed', { error: messageOf(error) });
    sendError(response, new ApiError(500, 'InternalError', `the database could not be written: ${messageOf(error)}`));
  }
}

function describe({ core: { registry }, openapi }: HttpApi, meaning: Exclude<Route, { kind: 'resource' }>, accept: string | undefined): Answer {
  const aggregatedType = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList';
  const json = (value: unknown, contentType?: string): Answer => {
    if (value === undefined) throw unknownPath();
    return { code: 200, body: stringifyJson(value), ...(contentType === undefined ? {} : { contentType }) };
  };
  switch (meaning.kind) {
    case 'health': return { code: 200, body: 'ok', contentType: 'text/plain; charset=utf-8' };
    case 'version': return json(serverVersion);
    case 'api': return acceptsAggregated(accept) ? json(aggregated(registry, true), aggregatedType) : json(apiVersions());
    case 'apis': return acceptsAggregated(accept) ? json(aggregated(registry, false), aggregatedType) : json(groupList(registry));
    case 'group': return json(apiGroup(registry, meaning.group));
    case 'groupVersion': return json(resourceList(registry, meaning.group, meaning.version));
    case 'openapi2': return openapi2Answer(openapi, accept);
    case 'openapi3': return { code: 200, body: openapi.index() };
    case 'openapi3Group': return { code: 200, body: openapi.version3(meaning.group, meaning.version) ?? missing() };
    case 'unknown': throw unknownPath();
  }
}

const OPENAPI2_PROTOBUF = 'application/com.github.proto-openapi.spec.v2@v1.0+protobuf';

/** Old clients, and new ones for files of several kinds, want this one, as protocol buffers. */
function openapi2Answer(openapi: OpenapiDocuments, accept: string | undefined): Answer {
  if (accept?.includes(OPENAPI2_PROTOBUF) === true) return { code: 200, body: openapi.version2Protobuf(), contentType: 'application/com.github.proto-openapi.spec.v2.v1.0+protobuf' };
  return { code: 200, body: openapi.version2() };
}

function missing(): never { throw unknownPath(); }

function splitOnce(text: string, at: string): [string, string?] {
  const i = text.indexOf(at);
  return i < 0 ? [text] : [text.slice(0, i), text.slice(i + 1)];
}
