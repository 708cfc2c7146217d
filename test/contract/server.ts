/** The servers that the contract is tested on: ours, and a real kube-apiserver where one is installed. */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { closeSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stringifyJson } from '../../lib/json.ts';
import { startApiServer, type ApiServerOptions } from '../../apiserver/server.ts';
import { cacheDirectory, pathOf, type Capability } from '../support/capabilities.ts';
import { eventually } from '../support/eventually.ts';
import { Api } from './api.ts';

/** What the tests see of a server. */
export interface TestServer extends AsyncDisposable {
  readonly api: Api;
  /** Path of a kubeconfig. */
  readonly kubeconfig: string;
  /** Does what on a cluster controllers do: namespaces that are deleted go. */
  readonly hasControllers: boolean;
  /** Serves `sendInitialEvents`: a kube-apiserver needs an etcd that reports its progress, newer than Debian 12's. */
  readonly streamsLists: boolean;
  /** Forgets its history, so that what refers to it is answered with 410. On a kube-apiserver this holds for secrets: other kinds it keeps in memory for a while. */
  readonly compact: () => Promise<void>;
}

export async function startEmbedded(options: Pick<ApiServerOptions, 'watchBudget'> = {}): Promise<TestServer> {
  const directory = mkdtempSync(join(tmpdir(), 'tortie-contract-'));
  const kubeconfig = join(directory, 'kubeconfig');
  const server = await startApiServer({ ...options, data: join(directory, 'data'), kubeconfigFile: kubeconfig });
  const api = new Api({ port: server.port, token: server.token, authority: server.authority });
  return {
    api, kubeconfig, hasControllers: true, streamsLists: true,
    compact: () => { server.compact(); return Promise.resolve(); },
    async [Symbol.asyncDispose]() {
      api.close();
      await server[Symbol.asyncDispose]();
      rmSync(directory, { recursive: true });
    },
  };
}

/** A program of the folder of kubebuilder's tools, of the path, or of what `npm run kubernetes` fills. */
const binary = (name: string): string | undefined => [join(process.env['KUBEBUILDER_ASSETS'] ?? '/nonexistent', name), pathOf(name) ?? '', join(cacheDirectory(), 'kubernetes-bin', name)].find((path) => existsSync(path));

export const kubeApiServer: Capability = {
  name: 'kube-apiserver',
  missing: () => {
    if (binary('kube-apiserver') === undefined) return 'not installed: `npm run kubernetes` builds it';
    return binary('etcd') === undefined ? 'no etcd beside it: apt-get install etcd-server' : undefined;
  },
};

const TOKEN = 'contract-token';
const READY_WITHIN_MS = 60_000;

/** etcd and kube-apiserver on free ports of 127.0.0.1, all they write in a directory that goes with them. */
export async function startKubeApiServer(): Promise<TestServer> {
  const directory = mkdtempSync(join(tmpdir(), 'tortie-contract-real-'));
  const children: ChildProcess[] = [];
  const start = (name: string, ...args: string[]): void => {
    const log = openSync(join(directory, `${name}.log`), 'a');
    children.push(spawn(binary(name)!, args, { stdio: ['ignore', log, log] }));
    closeSync(log);
  };
  const stop = async (): Promise<void> => {
    await Promise.all(children.toReversed().map((child) => ended(child)));
    rmSync(directory, { recursive: true, maxRetries: 5 });
  };
  const [clientPort, peerPort, port] = await freePorts(3) as [number, number, number];
  const etcd = `http://127.0.0.1:${clientPort}`;
  const { authorityFile, args } = writePki(directory);
  start('etcd', '--data-dir', join(directory, 'etcd'), '--unsafe-no-fsync', '--listen-client-urls', etcd, '--advertise-client-urls', etcd, '--listen-peer-urls', `http://127.0.0.1:${peerPort}`);
  start('kube-apiserver', '--etcd-servers', etcd, '--bind-address', '127.0.0.1', '--secure-port', String(port), ...args,
    '--service-cluster-ip-range', '10.96.0.0/16', '--watch-cache-sizes', 'secrets#0', '--authorization-mode', 'AlwaysAllow', '--anonymous-auth=false', '--disable-admission-plugins', 'ServiceAccount');
  const api = new Api({ port, token: TOKEN, authority: readFileSync(authorityFile, 'utf8') });
  try {
    await eventually(READY_WITHIN_MS, async () => {
      const failed = children.find((child) => child.exitCode !== null);
      if (failed !== undefined) throw new Error(`${failed.spawnfile} ended with ${failed.exitCode!}: see ${directory}`);
      if ((await api.get('/readyz')).text !== 'ok' || (await api.get('/api/v1/namespaces/default')).status !== 200) throw new Error('not ready');
    });
  } catch (error) {
    await stop();
    throw error;
  }
  const kubeconfig = join(directory, 'kubeconfig');
  writeFileSync(kubeconfig, kubeconfigText(port, authorityFile));
  return {
    api, kubeconfig, hasControllers: false, streamsLists: await streamsLists(api),
    compact: () => compactEtcd(etcd),
    [Symbol.asyncDispose]: async () => { api.close(); await stop(); },
  };
}

async function streamsLists(api: Api): Promise<boolean> {
  using watch = await api.watch('/api/v1/namespaces?watch=1&allowWatchBookmarks=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan');
  return (await watch.next())?.type !== 'ERROR';
}

function writePki(directory: string): { authorityFile: string; args: string[] } {
  const file = (name: string): string => join(directory, name);
  const openssl = (...args: string[]): void => {
    const { status, stderr } = spawnSync('openssl', args, { encoding: 'utf8' });
    if (status !== 0) throw new Error(`openssl ${args[0] ?? ''}: ${stderr}`);
  };
  openssl('req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2', '-subj', '/CN=contract', '-addext', 'subjectAltName=IP:127.0.0.1',
    '-keyout', file('server.key'), '-out', file('server.crt'));
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256', privateKeyEncoding: { type: 'sec1', format: 'pem' }, publicKeyEncoding: { type: 'spki', format: 'pem' } });
  writeFileSync(file('accounts.key'), privateKey);
  writeFileSync(file('accounts.pub'), publicKey);
  writeFileSync(file('tokens.csv'), `${TOKEN},admin,admin,"system:masters"\n`);
  return {
    authorityFile: file('server.crt'),
    args: ['--cert-dir', directory, '--tls-cert-file', file('server.crt'), '--tls-private-key-file', file('server.key'), '--token-auth-file', file('tokens.csv'),
      '--service-account-key-file', file('accounts.pub'), '--service-account-signing-key-file', file('accounts.key'), '--service-account-issuer', 'https://kubernetes.default.svc'],
  };
}

const kubeconfigText = (port: number, authorityFile: string): string => stringifyJson({
  apiVersion: 'v1', kind: 'Config', 'current-context': 'contract',
  clusters: [{ name: 'contract', cluster: { server: `https://127.0.0.1:${port}`, 'certificate-authority': authorityFile } }],
  users: [{ name: 'contract', user: { token: TOKEN } }],
  contexts: [{ name: 'contract', context: { cluster: 'contract', user: 'contract' } }],
});

/** Through etcd's JSON gateway: compacts at its present revision, after one more write so that no list stands there. */
async function compactEtcd(etcd: string): Promise<void> {
  const post = async (path: string, body: unknown): Promise<{ header?: { revision?: string } }> =>
    await (await fetch(`${etcd}/v3/kv/${path}`, { method: 'POST', body: JSON.stringify(body) })).json() as { header?: { revision?: string } };
  const { header } = await post('put', { key: Buffer.from('contract').toString('base64'), value: '' });
  await post('compaction', { revision: header!.revision, physical: true });
}

async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(Array.from({ length: count }, () => new Promise<Server>((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => { resolve(server); });
  })));
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(servers.map((server) => new Promise((resolve) => { server.close(resolve); })));
  return ports;
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.pid === undefined) return;
  const exit = new Promise((resolve) => { child.once('exit', resolve); });
  child.kill('SIGKILL');
  await exit;
}
