/** Where the API server is and how to prove who we are: from a kubeconfig file, or from the pod we run in. */
import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { parse } from 'yaml';
import { OperationError } from '../../lib/errors.ts';

export interface KubeAccess {
  /** `https://host:port` with an optional path; no slash at the end. */
  readonly server: string;
  /** PEM certificates that the server's must descend from; absent: the machine's. */
  readonly ca?: string;
  /** Name that the server's certificate must carry, when it is not the host of `server`. */
  readonly serverName?: string;
  readonly insecure: boolean;
  /** PEM client certificate and key. */
  readonly certificate?: string;
  readonly key?: string;
  /** Bearer token. Called for every request: tokens of pods are replaced on disk while we run. */
  readonly token?: () => string;
  /** Namespace of the context, `default` if it names none. */
  readonly namespace: string;
}

type Entry = Readonly<Record<string, unknown>>;

/** Reads a kubeconfig file. Throws OperationError KUBECONFIG that names what is missing or not supported. */
export function accessFromFile(path: string, context?: string): KubeAccess {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw new OperationError('KUBECONFIG', { path }, error);
  }
  return accessFromText(text, path, context);
}

/** As `accessFromFile`; paths in the text are relative to the folder of `path`. */
export function accessFromText(text: string, path: string, context?: string): KubeAccess {
  let document: unknown;
  try {
    document = parse(text);
  } catch (error) {
    throw new OperationError('KUBECONFIG', { path, said: 'not YAML' }, error);
  }
  const file = new Kubeconfig(path, document);
  const chosen = file.named('contexts', 'context', context ?? file.text(file.root, 'current-context') ?? '');
  const cluster = file.named('clusters', 'cluster', file.text(chosen, 'cluster') ?? '');
  const user = file.named('users', 'user', file.text(chosen, 'user') ?? '');
  file.refuse(user, ['exec', 'auth-provider', 'username', 'password']);
  file.refuse(cluster, ['proxy-url']);
  const server = file.text(cluster, 'server');
  if (server === undefined || !URL.canParse(server) || !/^https?:/.test(server)) {
    throw new OperationError('KUBECONFIG', { path, said: `cluster.server is ${JSON.stringify(server)}: expected a URL such as https://192.0.2.1:6443` });
  }
  return withoutUndefined({
    server: server.replace(/\/+$/, ''),
    ca: file.content(cluster, 'certificate-authority'),
    serverName: file.text(cluster, 'tls-server-name'),
    insecure: cluster['insecure-skip-tls-verify'] === true,
    certificate: file.content(user, 'client-certificate'),
    key: file.content(user, 'client-key'),
    token: file.token(user),
    namespace: file.text(chosen, 'namespace') ?? 'default',
  });
}

/** One file being read: errors name it, relative paths start from its folder. */
class Kubeconfig {
  readonly root: Entry;
  readonly #path: string;

  constructor(path: string, document: unknown) {
    this.#path = path;
    if (!isEntry(document)) throw this.#bad('not a kubeconfig: expected clusters, users and contexts');
    this.root = document;
  }

  named(list: string, field: string, name: string): Entry {
    const entries = this.root[list];
    const found = Array.isArray(entries) ? entries.find((e): e is Entry => isEntry(e) && e['name'] === name) : undefined;
    const value = found?.[field];
    if (!isEntry(value)) throw this.#bad(`${list} has no ${JSON.stringify(name)}`);
    return value;
  }

  text(entry: Entry, field: string): string | undefined {
    const value = entry[field];
    return typeof value === 'string' && value !== '' ? value : undefined;
  }

  /** PEM text: inline as base64 in `FIELD-data`, or in the file that `FIELD` names. */
  content(entry: Entry, field: string): string | undefined {
    const inline = this.text(entry, `${field}-data`);
    if (inline !== undefined) return Buffer.from(inline, 'base64').toString('utf8');
    const path = this.text(entry, field);
    return path === undefined ? undefined : this.#read(path, field);
  }

  token(user: Entry): (() => string) | undefined {
    const file = this.text(user, 'tokenFile');
    if (file !== undefined) return tokenFile(resolve(dirname(this.#path), file));
    const token = this.text(user, 'token');
    return token === undefined ? undefined : () => token;
  }

  refuse(entry: Entry, fields: readonly string[]): void {
    for (const field of fields) {
      if (entry[field] !== undefined) throw this.#bad(`${field} is not supported: expected a token or a client certificate`);
    }
  }

  #read(path: string, field: string): string {
    const whole = resolve(dirname(this.#path), path);
    try {
      return readFileSync(whole, 'utf8');
    } catch (error) {
      throw new OperationError('KUBECONFIG', { path: this.#path, field, file: whole }, error);
    }
  }

  #bad(said: string): OperationError { return new OperationError('KUBECONFIG', { path: this.#path, said }); }
}

const SERVICE_ACCOUNT = '/var/run/secrets/kubernetes.io/serviceaccount';

/** What every pod is given. Undefined outside a pod. */
export function accessInCluster(environment: Readonly<Record<string, string | undefined>>, folder = SERVICE_ACCOUNT): KubeAccess | undefined {
  const host = environment['KUBERNETES_SERVICE_HOST'];
  const port = environment['KUBERNETES_SERVICE_PORT'];
  if (host === undefined || port === undefined) return undefined;
  const read = (name: string): string => {
    try {
      return readFileSync(`${folder}/${name}`, 'utf8');
    } catch (error) {
      throw new OperationError('KUBECONFIG', { file: `${folder}/${name}` }, error);
    }
  };
  return {
    server: `https://${host.includes(':') ? `[${host}]` : host}:${port}`,
    ca: read('ca.crt'), insecure: false, token: tokenFile(`${folder}/token`), namespace: read('namespace').trim(),
  };
}

/** A token that is read again whenever it is used: a kubelet replaces it every hour, and a read costs microseconds. */
function tokenFile(path: string): () => string {
  return () => {
    try {
      return readFileSync(path, 'utf8').trim();
    } catch (error) {
      throw new OperationError('KUBECONFIG', { file: path }, error);
    }
  };
}

const isEntry = (value: unknown): value is Entry => typeof value === 'object' && value !== null && !Array.isArray(value);

function withoutUndefined<T extends object>(value: { readonly [K in keyof T]: T[K] | undefined }): T {
  return Object.fromEntries(Object.entries(value).filter(([, v]) => v !== undefined)) as T;
}
