/** The KubeClient over HTTPS: paths, retries of reads, outcomes as values, lossless JSON. */
import { backoffMs } from '../../lib/backoff.ts';
import type { Clock } from '../../lib/clock.ts';
import { OperationError } from '../../lib/errors.ts';
import { stringifyJson } from '../../lib/json.ts';
import { sleep } from '../clock.ts';
import type { DeleteOptions, KubeClient, KubeList, KubeObject, ListOptions, PatchOptions, Patience, Resource, WatchHandler } from './client.ts';
import type { KubeAccess } from './kubeconfig.ts';
import { listPages, pathOf } from './collection.ts';
import { bodyOf, isGood, objectOf, refusal, statusOf, writeOutcome } from './status.ts';
import { openTransport, type Answer, type Outgoing, type Transport } from './transport.ts';
import { startWatch } from './watch.ts';

export interface KubePorts {
  readonly clock: Clock;
  /** 0 to 1. */
  readonly random: () => number;
}

const REQUEST_MS = 30_000;
const READS: Patience = { timeoutMs: REQUEST_MS, attempts: 4 };
const READ_BACKOFF = { firstMs: 100, maxMs: 2_000 };
const PATCH_TYPES = {
  merge: 'application/merge-patch+json', json: 'application/json-patch+json', strategic: 'application/strategic-merge-patch+json',
} as const;

/** A client of one API server. Nothing is sent before the first call; disposing it ends its watches and connections. */
export function openKube(access: KubeAccess, ports: KubePorts): KubeClient & Disposable {
  return new HttpsKube(openTransport(access, ports.clock), ports);
}

class HttpsKube implements KubeClient, Disposable {
  readonly #transport: Transport;
  readonly #ports: KubePorts;
  readonly #watches = new Set<Disposable>();

  constructor(transport: Transport, ports: KubePorts) {
    this.#transport = transport;
    this.#ports = ports;
  }

  async get<T extends KubeObject>(resource: Resource, name: string, namespace?: string): Promise<T | undefined> {
    const path = pathOf(resource, namespace, name);
    const answer = await this.#read(path);
    if (isGood(answer)) return objectOf<T>(answer, path);
    if (answer.status === 404 && statusOf(answer).ofObject) return undefined;
    throw refusal(answer, `GET ${path}`);
  }

  async list<T extends KubeObject>(resource: Resource, options: ListOptions = {}): Promise<KubeList<T>> {
    const items: T[] = [];
    let resourceVersion = '';
    await listPages<T>((path) => this.#read(path), resource, options, () => { items.length = 0; }, (page, version) => {
      items.push(...page);
      resourceVersion = version;
    });
    return { items, resourceVersion };
  }

  async create<T extends KubeObject>(resource: Resource, object: T): Promise<T | 'exists'> {
    const path = pathOf(resource, object.metadata.namespace);
    const answer = await this.#write('POST', path, object);
    if (isGood(answer)) return objectOf<T>(answer, path);
    if (writeOutcome(answer) === 'exists') return 'exists';
    throw refusal(answer, `POST ${path}`);
  }

  async update<T extends KubeObject>(resource: Resource, object: T, subresource?: 'status'): Promise<T | 'conflict' | 'gone'> {
    const path = pathOf(resource, object.metadata.namespace, object.metadata.name, subresource);
    return this.#outcome<T>(await this.#write('PUT', path, object), `PUT ${path}`);
  }

  async patch<T extends KubeObject>(resource: Resource, name: string, patch: unknown, options: PatchOptions): Promise<T | 'conflict' | 'gone'> {
    const path = pathOf(resource, options.namespace, name, options.subresource);
    return this.#outcome<T>(await this.#write('PATCH', path, patch, PATCH_TYPES[options.type]), `PATCH ${path}`);
  }

  async delete(resource: Resource, name: string, options: DeleteOptions = {}): Promise<'deleted' | 'gone' | 'conflict'> {
    const path = pathOf(resource, options.namespace, name);
    const { uid, resourceVersion, gracePeriodSeconds } = options;
    const preconditions = uid === undefined && resourceVersion === undefined ? undefined : { uid, resourceVersion };
    const answer = await this.#write('DELETE', path, { apiVersion: 'v1', kind: 'DeleteOptions', preconditions, gracePeriodSeconds });
    if (isGood(answer)) return 'deleted';
    const outcome = writeOutcome(answer);
    if (outcome === 'gone' || outcome === 'conflict') return outcome;
    throw refusal(answer, `DELETE ${path}`);
  }

  watch<T extends KubeObject>(resource: Resource, options: ListOptions, handler: WatchHandler<T>): Disposable {
    const watch = startWatch<T>({ ...this.#ports, transport: this.#transport, read: (path) => this.#read(path) }, resource, options, handler);
    this.#watches.add(watch);
    return { [Symbol.dispose]: () => { this.#watches.delete(watch); watch[Symbol.dispose](); } };
  }

  async raw(method: string, path: string, body?: unknown, patience = READS): Promise<unknown> {
    const answer = method === 'GET' ? await this.#read(path, patience) : await this.#write(method, path, body);
    if (!isGood(answer)) throw refusal(answer, `${method} ${path}`);
    return bodyOf(answer);
  }

  [Symbol.dispose](): void {
    for (const watch of this.#watches) watch[Symbol.dispose]();
    this.#watches.clear();
    this.#transport[Symbol.dispose]();
  }

  #outcome<T>(answer: Answer, request: string): T | 'conflict' | 'gone' {
    if (isGood(answer)) return objectOf<T>(answer, request);
    const outcome = writeOutcome(answer);
    if (outcome === 'conflict' || outcome === 'gone') return outcome;
    throw refusal(answer, request);
  }

  #write(method: string, path: string, body: unknown, contentType = 'application/json'): Promise<Answer> {
    const outgoing: Outgoing = { method, path, timeoutMs: REQUEST_MS, contentType };
    return this.#transport.send(body === undefined ? outgoing : { ...outgoing, body: stringifyJson(body) });
  }

  /** A read may be repeated: lost connections and answers that say "later" are. */
  async #read(path: string, { timeoutMs, attempts } = READS): Promise<Answer> {
    for (let attempt = 0; ; attempt++) {
      const last = attempt + 1 >= attempts;
      let waitMs = backoffMs(attempt, this.#ports.random(), READ_BACKOFF);
      try {
        const answer = await this.#transport.send({ method: 'GET', path, timeoutMs });
        if (last || !(answer.status === 429 || answer.status === 503)) return answer;
        waitMs = Math.max(waitMs, Math.min(answer.retryAfterSeconds, 10) * 1000);
      } catch (error) {
        if (last || !(error instanceof OperationError) || error.code !== 'KUBE_UNREACHABLE') throw error;
      }
      await sleep(this.#ports.clock, waitMs);
    }
  }
}
