/**
 * The Kubernetes API as our components use it: plain objects, lossless JSON, expected outcomes as values.
 * The implementation over HTTPS is `sys/kube/https-client.ts`; the interface is what everything else depends on.
 */

export interface ObjectMeta {
  readonly name: string;
  readonly namespace?: string;
  readonly uid?: string;
  readonly resourceVersion?: string;
  readonly generation?: number;
  readonly creationTimestamp?: string;
  readonly deletionTimestamp?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly finalizers?: readonly string[];
  readonly ownerReferences?: readonly unknown[];
  readonly [other: string]: unknown;
}

export interface KubeObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: ObjectMeta;
  readonly [field: string]: unknown;
}

/** A kind of object as the API serves it: `{group: 'crd.projectcalico.org', version: 'v1', plural: 'ippools'}`. */
export interface Resource {
  /** Empty for the core group. */
  readonly group: string;
  readonly version: string;
  readonly plural: string;
  readonly namespaced: boolean;
}

export interface ListOptions {
  readonly namespace?: string;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
}

export interface KubeList<T> { readonly items: T[]; readonly resourceVersion: string }

/** Every method rejects with OperationError (`KUBE_…`, `details.status`, `details.reason`) on what it does not list as a value. */
export interface KubeClient {
  get<T extends KubeObject>(resource: Resource, name: string, namespace?: string): Promise<T | undefined>;
  list<T extends KubeObject>(resource: Resource, options?: ListOptions): Promise<KubeList<T>>;
  create<T extends KubeObject>(resource: Resource, object: T): Promise<T | 'exists'>;
  /** Compare-and-swap when the object carries a resourceVersion. */
  update<T extends KubeObject>(resource: Resource, object: T, subresource?: 'status'): Promise<T | 'conflict' | 'gone'>;
  patch<T extends KubeObject>(resource: Resource, name: string, patch: unknown, options: PatchOptions): Promise<T | 'conflict' | 'gone'>;
  delete(resource: Resource, name: string, options?: DeleteOptions): Promise<'deleted' | 'gone' | 'conflict'>;
  /**
   * List, then watch for ever: relists on 410, reconnects with back-off and jitter, survives resets.
   * The handler is told of every object, then `synced` once; after a relist the differences only.
   */
  watch<T extends KubeObject>(resource: Resource, options: ListOptions, handler: WatchHandler<T>): Disposable;
  /** Anything else: returns the parsed body. For discovery and the pod proxy. */
  raw(method: string, path: string, body?: unknown, patience?: Patience): Promise<unknown>;
}

/** How long one request may take, milliseconds, and how often a read is tried. For those behind which a person waits. */
export interface Patience { readonly timeoutMs: number; readonly attempts: number }

export interface PatchOptions {
  readonly namespace?: string;
  readonly type: 'merge' | 'json' | 'strategic';
  readonly subresource?: 'status';
}

export interface DeleteOptions {
  readonly namespace?: string;
  readonly uid?: string;
  readonly resourceVersion?: string;
  /** A pod on a node stays as Terminating for this long, unless its kubelet ends it earlier with 0; without it, as long as the pod says. */
  readonly gracePeriodSeconds?: number;
}

export interface WatchHandler<T> {
  upsert(object: T): void;
  remove(object: T): void;
  /** The initial list is complete. */
  synced(): void;
  /** The API is away (true) or back (false); for status and logs. */
  disconnected?(away: boolean, reason: string): void;
}
