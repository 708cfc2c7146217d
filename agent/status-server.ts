/** The agent's status over plain HTTP, read only: health, metrics, what bgpd says, attachments, problems. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { PeerDetail, RoutesRequest, RoutesResult, SpeakerStatus } from '../config/messages/bgpd-control.ts';
import type { DrainStatus } from '../config/messages/operator-annotations.ts';
import { OperationError, messageOf, type Problem } from '../lib/errors.ts';
import { stringifyJson } from '../lib/json.ts';
import { encodeAttachment, type Attachment } from './endpoints/attachment.ts';

export interface StatusPorts {
  /** Empty, or why pods cannot be attached. */
  readonly notReady: () => string;
  readonly metrics: () => Promise<string>;
  readonly bgpStatus: () => Promise<SpeakerStatus>;
  /** All about one peer, by name or address. */
  readonly bgpPeer: (peer: string) => Promise<PeerDetail>;
  readonly bgpRoutes: (request: RoutesRequest) => Promise<RoutesResult>;
  readonly attachments: () => readonly Attachment[];
  readonly problems: () => readonly Problem[];
  readonly drain: () => DrainStatus;
}

export interface StatusServer extends AsyncDisposable { readonly port: number }

interface Reply { readonly status: number; readonly type: 'application/json' | 'text/plain; charset=utf-8'; readonly body: string }

const json = (value: unknown, status = 200): Reply => ({ status, type: 'application/json', body: `${stringifyJson(value)}\n` });
const text = (body: string, status = 200): Reply => ({ status, type: 'text/plain; charset=utf-8', body: `${body}\n` });

/** Listens on all addresses; port 0 takes a free one. Rejects with OperationError STATUS_LISTEN. */
export async function startStatusServer(port: number, ports: StatusPorts): Promise<StatusServer> {
  const server = createServer((request, response) => { void answer(ports, request, response); });
  server.requestTimeout = 10_000;
  server.maxConnections = 256;
  await listen(server, port, '::').catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code !== 'EAFNOSUPPORT') throw new OperationError('STATUS_LISTEN', { port }, error);
    return listen(server, port, '0.0.0.0'); // the kernel has no IPv6
  });
  return {
    port: (server.address() as AddressInfo).port,
    [Symbol.asyncDispose]: () => new Promise<void>((resolve) => {
      server.close(() => { resolve(); });
      server.closeAllConnections();
    }),
  };
}

const listen = (server: Server, port: number, host: string): Promise<void> => new Promise((resolve, reject) => {
  server.once('error', reject);
  server.listen({ port, host, ipv6Only: false }, resolve);
});

async function answer(ports: StatusPorts, request: IncomingMessage, response: ServerResponse): Promise<void> {
  let reply: Reply;
  try {
    reply = request.method === 'GET' ? await replyTo(ports, new URL(request.url ?? '/', 'http://agent')) : text(`method ${request.method ?? ''}: expected GET`, 405);
  } catch (error) {
    reply = json({ error: messageOf(error) }, statusOf(error));
  }
  response.writeHead(reply.status, { 'content-type': reply.type, 'content-length': Buffer.byteLength(reply.body) });
  response.end(reply.body);
}

/** What is wrong with the question is the asker's fault; everything else is ours, for now. */
function statusOf(error: unknown): number {
  if (!(error instanceof OperationError)) return 503;
  if (error.code === 'STATUS_QUERY' || error.code === 'ROUTES') return 400;
  return error.code === 'NO_PEER' ? 404 : 503;
}

async function replyTo(ports: StatusPorts, url: URL): Promise<Reply> {
  switch (url.pathname) {
    case '/healthz': return text('ok');
    case '/readyz': {
      const reason = ports.notReady();
      return reason === '' ? text('ok') : text(reason, 503);
    }
    case '/metrics': return { status: 200, type: 'text/plain; charset=utf-8', body: await ports.metrics() };
    case '/v1/bgp/status': return json(await ports.bgpStatus());
    case '/v1/bgp/peer': return json(await ports.bgpPeer(peerName(url.searchParams)));
    case '/v1/bgp/routes': return json(await ports.bgpRoutes(routesRequest(url.searchParams)));
    case '/v1/cni/attachments': return json({ attachments: ports.attachments().map((a): unknown => JSON.parse(encodeAttachment(a))) });
    case '/v1/drain': return json(ports.drain());
    case '/v1/problems': return json({ problems: ports.problems() });
    default: return text(`${url.pathname}: expected /healthz, /readyz, /metrics, /v1/bgp/status, /v1/bgp/peer, /v1/bgp/routes, /v1/cni/attachments, /v1/drain or /v1/problems`, 404);
  }
}

function peerName(query: URLSearchParams): string {
  const name = query.get('name');
  if (name === null || name === '') throw wrong('name', '', "a peer's name or address");
  return name;
}

const VIEWS = ['candidates', 'received', 'accepted', 'advertised'] as const satisfies readonly RoutesRequest['view'][];

/** `?family=ipv4&prefix=…&longer=true&peer=…&view=received&best=true&limit=…&after=…` */
function routesRequest(query: URLSearchParams): RoutesRequest {
  const family = query.get('family');
  const limit = query.get('limit');
  const view = query.get('view');
  const known = VIEWS.find((v) => v === view);
  const [prefix, peer, after] = [query.get('prefix'), query.get('peer'), query.get('after')];
  if (family !== null && family !== 'ipv4' && family !== 'ipv6') throw wrong('family', family, 'ipv4 or ipv6');
  if (limit !== null && !/^[1-9]\d{0,6}$/.test(limit)) throw wrong('limit', limit, 'a positive number');
  if (view !== null && known === undefined) throw wrong('view', view, VIEWS.join(', '));
  return {
    ...(family === null ? {} : { family }), ...(limit === null ? {} : { limit: Number(limit) }),
    ...(prefix === null ? {} : { prefix }), ...(peer === null ? {} : { peer }), ...(known === undefined ? {} : { view: known }),
    ...(after === null ? {} : { after }),
    ...(flag(query, 'best') && { best: true }), ...(flag(query, 'longer') && { longer: true }),
  };
}

function flag(query: URLSearchParams, name: string): boolean {
  const value = query.get(name);
  if (value !== null && value !== 'true' && value !== 'false') throw wrong(name, value, 'true or false');
  return value === 'true';
}

const wrong = (field: string, value: string, expected: string): OperationError =>
  new OperationError('STATUS_QUERY', { [field]: value }, new Error(`expected ${expected}`));
