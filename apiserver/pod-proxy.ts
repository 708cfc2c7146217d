/** The pod proxy: an HTTP request passed on to `status.podIP` of a pod, and its answer passed back. */
import { request as dial, type IncomingMessage, type ServerResponse } from 'node:http';
import type { ResourcePath } from './api/route.ts';
import { badRequest, notFound, unavailable } from './api/status.ts';
import { subjectOf, type Core } from './core.ts';
import { sendError } from './exchange.ts';
import { fieldAt, type ApiObject } from './objects/object.ts';

/** A pod that says nothing for this long is given up. */
const IDLE_MS = 30_000;
/** Headers between two hops only (RFC 9110 §7.6.1), and the credentials, which are meant for us. */
const NOT_PASSED: ReadonlySet<string> = new Set(['connection', 'keep-alive', 'proxy-authenticate', 'proxy-authorization', 'te', 'trailer', 'transfer-encoding', 'upgrade', 'authorization', 'host']);

export const isProxy = (path: ResourcePath): boolean => path.group === '' && path.plural === 'pods' && path.subresource === 'proxy' && path.namespace !== undefined && path.name !== undefined;

interface Target { readonly host: string; readonly port: number }

/** `NAME`, `NAME:PORT`, `http:NAME:PORT`; the port is a number, a container port's name, or the first container port. Throws ApiError. */
function targetOf(core: Core, path: ResourcePath): Target {
  const parts = path.name!.split(':');
  const [scheme, name, port] = parts.length === 3 ? parts : parts.length === 2 ? ['', parts[0], parts[1]] : ['', parts[0], ''];
  if (parts.length > 3 || (scheme !== '' && scheme !== 'http')) throw badRequest(`invalid pod request ${JSON.stringify(path.name)}: expected [http:]NAME[:PORT]`);
  const type = core.registry.find('', 'v1', 'pods')!;
  const pod = core.objects.read(type, path.namespace, name!);
  if (pod === undefined) throw notFound(subjectOf(type), name!);
  const host = fieldAt(pod.object, 'status', 'podIP');
  if (typeof host !== 'string' || host === '') throw badRequest(`pod ${name!} has no status.podIP yet`);
  if (isOwnAddress(host)) throw badRequest(`address not allowed: ${host}`);
  return { host, port: portOf(pod.object, port ?? '') };
}

/** Loopback, link-local, unspecified and multicast addresses: behind those is not a pod but the server's own machine. */
const isOwnAddress = (host: string): boolean => /^(127\.|0\.|169\.254\.|22[4-9]\.|23\d\.|::1?$|::ffff:|fe[89ab][0-9a-f]:|ff[0-9a-f]{2}:)/i.test(host);

function portOf(pod: ApiObject, asked: string): number {
  const containers = fieldAt(pod, 'spec', 'containers');
  const ports = (Array.isArray(containers) ? containers : []).flatMap((c: unknown) => { const list = fieldAt(c, 'ports'); return Array.isArray(list) ? (list as unknown[]) : []; });
  const chosen = asked === '' ? fieldAt(ports[0], 'containerPort') ?? 80 : /^\d+$/.test(asked) ? Number(asked) : fieldAt(ports.find((p) => fieldAt(p, 'name') === asked), 'containerPort');
  if (typeof chosen !== 'number' || chosen < 1 || chosen > 65535) throw badRequest(`pod ${pod.metadata.name!} has no port ${JSON.stringify(asked)}: expected 1..65535 or the name of a container port`);
  return chosen;
}

/** Throws ApiError while it can still be an answer; later the connection is cut. */
export function proxyToPod(core: Core, path: ResourcePath, search: string, request: IncomingMessage, response: ServerResponse): void {
  const { host, port } = targetOf(core, path);
  const headers = Object.fromEntries(Object.entries(request.headers).filter(([name]) => !NOT_PASSED.has(name)));
  const upstream = dial({ host, port, method: request.method, path: `${path.rest === '' ? '/' : path.rest}${search === '' ? '' : `?${search}`}`, headers, timeout: IDLE_MS });
  upstream.on('response', (answer) => {
    const passed = Object.fromEntries(Object.entries(answer.headers).filter(([name]) => !NOT_PASSED.has(name)));
    response.writeHead(answer.statusCode ?? 502, passed);
    answer.pipe(response);
    answer.on('error', () => { response.destroy(); });
  });
  const fail = (why: string): void => {
    if (response.headersSent) response.destroy();
    else sendError(response, unavailable(`error trying to reach service: dial tcp ${host}:${port}: ${why}`));
  };
  upstream.on('timeout', () => { upstream.destroy(new Error(`no answer within ${IDLE_MS / 1000} s`)); });
  upstream.on('error', (error) => { fail(error.message); });
  response.on('close', () => { upstream.destroy(); });
  request.pipe(upstream);
}
