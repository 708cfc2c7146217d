/** The embedded API server: opens the data directory, listens, and compacts history as time goes. */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { Clock } from '../lib/clock.ts';
import { OperationError } from '../lib/errors.ts';
import { silentLog, type Log } from '../lib/log.ts';
import { systemClock } from '../sys/clock.ts';
import { Commits } from './commits.ts';
import { Compaction } from './compaction.ts';
import type { Core } from './core.ts';
import { credentialsIn, kubeconfigFor } from './credentials.ts';
import { loadDefinitions, resumeDefinitions } from './definitions.ts';
import { handleRequest, type HttpApi } from './http-api.ts';
import { builtinTypes } from './kinds/builtin.ts';
import { Registry } from './kinds/registry.ts';
import { lifecycleOf } from './lifecycle.ts';
import { ensureNamespaces } from './namespaces.ts';
import { OpenapiDocuments } from './openapi/documents.ts';
import { ObjectStore } from './object-store.ts';
import { Store } from './store.ts';
import { WatchBudget } from './watch-budget.ts';
import { WatchHub } from './watch-hub.ts';

export interface ApiServerOptions {
  /** Directory of the database, the keys and the token; made if it is not there. */
  readonly data: string;
  /** `ADDRESS:PORT`, `[v6]:PORT`, port 0 for a free one, or `unix:PATH`. Default: a free port of 127.0.0.1. */
  readonly listen?: readonly string[];
  /** Further addresses or names the certificate is for. */
  readonly names?: readonly string[];
  /** What the kubeconfig says; default: the first TCP listener. */
  readonly serverUrl?: string;
  /** Where the kubeconfig is written, mode 0600. */
  readonly kubeconfigFile?: string;
  readonly log?: Log;
  readonly clock?: Clock;
  /** Superseded revisions that are kept for watches and lists to go on from. Default 20,000. */
  readonly history?: number;
  /** Bytes that all watches together may keep for clients that do not read. Default 256 MiB. */
  readonly watchBudget?: number;
}

export interface ApiServer extends AsyncDisposable {
  /** Of the first TCP listener; 0 when there is none. */
  readonly port: number;
  /** The text of a kubeconfig. */
  readonly kubeconfig: string;
  readonly token: string;
  /** PEM of its authority. */
  readonly authority: string;
  /** Forgets all history: watches and lists from before get 410. For tests. */
  compact(): void;
}

const OWN_NAMES = ['localhost', '127.0.0.1', '::1', 'kubernetes', 'kubernetes.default', 'kubernetes.default.svc'] as const;
const MAX_HEADER_BYTES = 16 * 1024;
const BOOKMARK_MS = 30_000;

/** Listens when it returns. Rejects with OperationError when the directory or an address cannot be had. */
export async function startApiServer(options: ApiServerOptions): Promise<ApiServer> {
  const clock = options.clock ?? systemClock;
  const log = options.log ?? silentLog;
  mkdirSync(options.data, { recursive: true, mode: 0o700 });
  const addresses = (options.listen ?? ['127.0.0.1:0']).map(parseListen);
  const names = [...new Set([...OWN_NAMES, ...addresses.flatMap((a) => (a.host === undefined ? [] : [a.host])), ...(options.names ?? []), ...hostOf(options.serverUrl)])].filter((n) => n !== '0.0.0.0' && n !== '::');
  const credentials = credentialsIn(options.data, names, clock.wallTime());
  const store = new Store(join(options.data, 'state.db'));
  const { core, commits } = open(store, new WatchHub(new WatchBudget(clock, options.watchBudget)), clock, log);
  const compaction = new Compaction(store, commits, clock, options.history);
  const bookmarks = setInterval(() => { commits.settled(() => { core.hub.bookmarks(store.revision); }); }, BOOKMARK_MS).unref();
  const servers = await listenAll(addresses, { core, commits, credentials, openapi: new OpenapiDocuments(core.registry) });
  const port = servers.map((s) => s.address()).find((a): a is AddressInfo => typeof a === 'object' && a !== null)?.port ?? 0;
  const kubeconfig = kubeconfigFor(credentials, options.serverUrl ?? urlOf(addresses, port));
  if (options.kubeconfigFile !== undefined) writeFileSync(options.kubeconfigFile, kubeconfig, { mode: 0o600 });
  log.info('apiserver.listening', { port, revision: store.revision, ...store.durability });
  return {
    port, kubeconfig, token: credentials.token, authority: credentials.authority,
    compact: () => { compaction.now(); },
    async [Symbol.asyncDispose]() {
      clearInterval(bookmarks);
      compaction[Symbol.dispose]();
      core.hub.endAll();
      await Promise.all(servers.map(close));
      commits.flush();
      store.close();
    },
  };
}

function open(store: Store, hub: WatchHub, clock: Clock, log: Log): { core: Core; commits: Commits } {
  const registry = new Registry();
  for (const type of builtinTypes()) registry.add(type);
  const commits = new Commits(store, () => { loadDefinitions(core); });
  const core: Core = { objects: new ObjectStore(store, commits, hub), registry, hub, clock, log, lifecycle: lifecycleOf(() => core) };
  loadDefinitions(core);
  ensureNamespaces(core);
  resumeDefinitions(core);
  commits.flush();
  return { core, commits };
}

interface ListenAddress { readonly host: string | undefined; readonly port: number; readonly path: string | undefined }

/** Throws OperationError on anything else than ADDRESS:PORT or unix:PATH. */
export function parseListen(text: string): ListenAddress {
  if (text.startsWith('unix:')) return { host: undefined, port: 0, path: text.slice(5) };
  const match = /^(?:\[([^\]]+)\]|([^:]*)):(\d{1,5})$/.exec(text);
  const port = Number(match?.[3]);
  if (match === null || port > 65535) throw new OperationError('APISERVER_LISTEN', { address: text, expected: 'ADDRESS:PORT or unix:PATH' });
  return { host: match[1] ?? match[2]!, port, path: undefined };
}

const hostOf = (url: string | undefined): string[] => (url === undefined || !URL.canParse(url) ? [] : [new URL(url).hostname.replace(/^\[(.*)\]$/, '$1')]);

function urlOf(addresses: readonly ListenAddress[], port: number): string {
  const host = addresses.find((a) => a.host !== undefined)?.host ?? '127.0.0.1';
  const shown = host === '0.0.0.0' || host === '' ? '127.0.0.1' : host === '::' ? '[::1]' : host.includes(':') ? `[${host}]` : host;
  return `https://${shown}:${port}`;
}

async function listenAll(addresses: readonly ListenAddress[], api: HttpApi): Promise<Server[]> {
  const servers: Server[] = [];
  try {
    for (const address of addresses) servers.push(await listenOn(address, api));
    return servers;
  } catch (error) {
    await Promise.all(servers.map(close));
    throw error;
  }
}

function listenOn(address: ListenAddress, api: HttpApi): Promise<Server> {
  const { credentials } = api;
  const server = createServer({ key: credentials.key, cert: credentials.certificate, minVersion: 'TLSv1.2', maxHeaderSize: MAX_HEADER_BYTES, keepAliveTimeout: 120_000, requestTimeout: 60_000, noDelay: true },
    (request, response) => { void handleRequest(api, request, response); });
  server.on('tlsClientError', () => { /* a client that speaks no TLS, or not ours: its connection is closed, nothing else */ });
  if (address.path !== undefined) rmSync(address.path, { force: true });
  return new Promise((resolve, reject) => {
    server.once('error', (error) => { reject(new OperationError('APISERVER_LISTEN', { address: address.path ?? `${address.host ?? ''}:${address.port}` }, error)); });
    const listening = (): void => { resolve(server); };
    if (address.path === undefined) server.listen({ host: address.host === '' ? undefined : address.host, port: address.port }, listening);
    else server.listen({ path: address.path }, listening);
  });
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => { resolve(); });
    server.closeAllConnections();
  });
}
