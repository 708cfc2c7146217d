/** The one source of cluster state on a node: lists and watches what we need, keeps it pruned and typed, tells what changed. */
import { GROUP_VERSIONS, storageGroup } from '../config/storage/groups.ts';
import { storageFor, type Storage } from '../config/storage/storage.ts';
import { readNode } from '../config/kinds/node.ts';
import type { KindName } from '../config/kinds/kinds.ts';
import { secretNames } from '../config/translate/passwords.ts';
import type { ClusterKind, ClusterKinds, ClusterSnapshot } from '../config/translate/snapshot.ts';
import { backoffMs } from '../lib/backoff.ts';
import type { Clock } from '../lib/clock.ts';
import { messageOf, showProblem, type Problem } from '../lib/errors.ts';
import { stringifyJson } from '../lib/json.ts';
import type { Log } from '../lib/log.ts';
import { sleep } from '../sys/clock.ts';
import type { KubeClient, KubeObject, ListOptions, Resource } from '../sys/kube/client.ts';
import { ASKING_KINDS, OPTIONAL, OPTIONAL_KINDS, type OptionalKindName } from './optional-kinds.ts';
import { SecretWatches } from './secrets.ts';

export interface ClusterPorts {
  readonly kube: KubeClient;
  readonly log: Log;
  /** From `discoverStorage`. */
  readonly storage: Storage;
  /** The node whose block affinities are kept. */
  readonly node: string;
  /** Where the Secrets are that BGP resources name; absent: `kube-system`. */
  readonly namespace?: string;
}

export type ClusterChange = { readonly [K in ClusterKind]:
  | { readonly type: 'upsert'; readonly kind: K; readonly name: string; readonly value: ClusterKinds[K] }
  | { readonly type: 'remove'; readonly kind: K; readonly name: string }
}[ClusterKind] | { readonly type: 'inSync' } | { readonly type: 'problems'; /** Kind of the resources that have them. */ readonly about: ClusterKind | undefined };

export interface ClusterSource extends Disposable {
  /** True once everything that is always needed has been listed; stays true while the API is away, when the last known state holds. */
  readonly inSync: boolean;
  /**
   * True once what the settings ask for besides (Services, pods of this node) has been listed too, or cannot be.
   * Before that a whole configuration made of the snapshot would lack what it had.
   */
  readonly complete: boolean;
  /** True while a Secret that the settings name has not been looked up yet: nothing can be said of sessions with its password. */
  readonly awaitsSecrets: boolean;
  /** A live view: valid until the current turn ends. */
  snapshot(): ClusterSnapshot;
  /** Told of each change as it happens; objects that are already there are not repeated. */
  onChange(listener: (change: ClusterChange) => void): Disposable;
  /** Resolves when `inSync` becomes true. */
  whenInSync(): Promise<void>;
  /** Kinds whose watch is broken now, and why; for status. */
  readonly away: ReadonlyMap<ClusterKind, string>;
}

const DEFAULT_NAMESPACE = 'kube-system';
const NODES: Resource = { group: '', version: 'v1', plural: 'nodes', namespaced: false };

/** Settings: a bad field is left out. Everything else is left out whole, since half a peer or pool is another one. */
const SETTINGS: ReadonlySet<ClusterKind> = new Set(['BGPConfiguration', 'FelixConfiguration', 'IPAMConfiguration', 'ClusterInformation', 'IPReservation']);

const CALICO_KINDS = [
  'IPPool', 'BGPConfiguration', 'BGPPeer', 'BGPFilter', 'BlockAffinity', 'FelixConfiguration', 'IPAMConfiguration', 'IPReservation',
  'ClusterInformation',
] as const satisfies readonly (ClusterKind & KindName)[];

export function startCluster(ports: ClusterPorts): ClusterSource {
  const state = new ClusterState(ports.log);
  const watches = new Map<ClusterKind, Disposable>();
  const start = (kind: WatchedKind, resource: Resource, options: ListOptions): void => {
    watches.set(kind, watchKind(ports, state, kind, resource, options));
  };
  const secrets = new SecretWatches({
    kube: ports.kube, namespace: ports.namespace ?? DEFAULT_NAMESPACE,
    tell: (name, value) => { state.upsert('Secret', name, { value, problems: [] }); },
    answered: () => { state.tellAgain(); },
    away: (name, away, reason) => { ports.log[away ? 'warn' : 'info'](away ? 'secret.away' : 'secret.back', { name, reason }); },
  });
  state.onChange((change) => {
    if ((change.type !== 'upsert' && change.type !== 'remove') || !ASKING_KINDS.has(change.kind)) return;
    followOptional(ports, state, watches, start);
    secrets.follow(secretNames(state.snapshot));
  });
  for (const kind of ['Node', ...CALICO_KINDS] as const) state.expect(kind);
  start('Node', NODES, {});
  for (const kind of CALICO_KINDS) start(kind, ports.storage.resource(kind), {});
  return {
    get inSync() { return state.inSync; },
    get complete() { return state.complete && !secrets.isWaiting; },
    get awaitsSecrets() { return secrets.isWaiting; },
    get away() { return state.away; },
    snapshot: () => state.snapshot,
    onChange: (listener) => state.onChange(listener),
    whenInSync: () => state.whenInSync,
    [Symbol.dispose]: () => { for (const watch of [...watches.values(), secrets]) watch[Symbol.dispose](); },
  };
}

/** Watches of kinds that are not always needed begin and end with what asks for them. */
function followOptional(ports: ClusterPorts, state: ClusterState, watches: Map<ClusterKind, Disposable>, start: (kind: WatchedKind, resource: Resource, options: ListOptions) => void): void {
  for (const kind of OPTIONAL_KINDS) {
    const { isWanted, resource, options } = OPTIONAL[kind];
    const watch = watches.get(kind);
    const wanted = isWanted(state.snapshot);
    if (wanted && watch === undefined) {
      state.expect(kind);
      start(kind, resource, options(ports.node));
    }
    if (wanted || watch === undefined) continue;
    watch[Symbol.dispose]();
    watches.delete(kind);
    state.forget(kind);
  }
}

/** Secrets are watched one by one (`secrets.ts`). */
type WatchedKind = Exclude<ClusterKind, 'Secret'>;

function watchKind(ports: ClusterPorts, state: ClusterState, kind: WatchedKind, resource: Resource, options: ListOptions): Disposable {
  return ports.kube.watch<KubeObject>(resource, options, {
    upsert: (object) => { state.upsert(kind, keyOf(object), readObject(ports, kind, object)); },
    remove: (object) => { state.remove(kind, keyOf(object)); },
    synced: () => { state.synced(kind); },
    disconnected: (away, reason) => { state.disconnected(kind, away, reason, isOptional(kind) ? cannotRead(kind, reason, ports.node) : []); },
  });
}

const cannotRead = (kind: OptionalKindName, reason: string, node: string): Problem[] =>
  [{ path: `Node/${node}`, message: `${OPTIONAL[kind].resource.plural} cannot be read (${reason}): expected leave to list and watch them; ${OPTIONAL[kind].consequence}` }];

/** Name, or `namespace/name`. */
const keyOf = ({ metadata: { name, namespace } }: KubeObject): string => (namespace === undefined ? name : `${namespace}/${name}`);

const isOptional = (kind: ClusterKind): kind is OptionalKindName => kind in OPTIONAL;

type ReadObject = { readonly value: ClusterKinds[ClusterKind] | undefined; readonly problems: readonly Problem[] };

function readObject(ports: ClusterPorts, kind: WatchedKind, object: KubeObject): ReadObject {
  if (kind === 'Node') return readNode(object);
  if (isOptional(kind)) return { value: OPTIONAL[kind].read(object, ports.node), problems: [] };
  const { value, problems } = ports.storage.fromStored(kind, object);
  if (value === undefined || (problems.length > 0 && !SETTINGS.has(kind))) return { value: undefined, problems };
  if (value.kind === 'BlockAffinity' && value.spec.node !== ports.node) return { value: undefined, problems: [] };
  return { value: pruned(value), problems };
}

/** Without what only the API server cares for. */
function pruned<T extends { readonly metadata: Readonly<Record<string, unknown>> }>(value: T): T {
  const { managedFields: _m, annotations, ...metadata } = value.metadata as { managedFields?: unknown; annotations?: Readonly<Record<string, string>> };
  const { 'kubectl.kubernetes.io/last-applied-configuration': _l, ...kept } = annotations ?? {};
  return { ...value, metadata: { ...metadata, annotations: kept } };
}

/** What is known, who listens, what is still missing. No I/O. */
class ClusterState {
  readonly #log: Log;
  readonly #objects: { readonly [K in ClusterKind]: Map<string, ClusterKinds[K]> } = {
    Node: new Map(), IPPool: new Map(), BGPConfiguration: new Map(), BGPPeer: new Map(), BGPFilter: new Map(), BlockAffinity: new Map(),
    FelixConfiguration: new Map(), IPAMConfiguration: new Map(), IPReservation: new Map(), ClusterInformation: new Map(),
    Secret: new Map(), Service: new Map(), EndpointSlice: new Map(), Workload: new Map(),
  };
  /** `Kind/name` → what identifies its content, so that a heartbeat is no change. */
  readonly #prints = new Map<string, string>();
  readonly #problems = new Map<string, readonly Problem[]>();
  readonly #listeners = new Set<(change: ClusterChange) => void>();
  readonly #listed = new Set<ClusterKind>();
  readonly #synced = Promise.withResolvers<void>();
  readonly #expected = new Set<ClusterKind>();
  readonly away = new Map<ClusterKind, string>();
  readonly snapshot: ClusterSnapshot;

  constructor(log: Log) {
    this.#log = log;
    const problems = this.#problems;
    this.snapshot = { ...this.#objects, get problems() { return [...problems.values()].flat(); } };
  }

  inSync = false;
  get whenInSync(): Promise<void> { return this.#synced.promise; }

  get complete(): boolean { return this.#expected.isSubsetOf(new Set([...this.#listed, ...this.away.keys()])); }

  expect(kind: ClusterKind): void { this.#expected.add(kind); }

  /** The kind is watched no more. */
  forget(kind: ClusterKind): void {
    this.#expected.delete(kind);
    this.#listed.delete(kind);
    this.away.delete(kind);
    this.#note(kind, kind, []);
    for (const name of [...this.#objects[kind].keys()]) this.remove(kind, name);
  }

  onChange(listener: (change: ClusterChange) => void): Disposable {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => { this.#listeners.delete(listener); } };
  }

  upsert(kind: ClusterKind, name: string, { value, problems }: ReadObject): void {
    this.#note(kind, `${kind}/${name}`, problems);
    if (value === undefined) { this.#drop(kind, name); return; }
    const print = printOf(value);
    if (this.#prints.get(`${kind}/${name}`) === print) return;
    this.#prints.set(`${kind}/${name}`, print);
    (this.#objects[kind] as Map<string, typeof value>).set(name, value);
    this.#emit({ type: 'upsert', kind, name, value } as ClusterChange);
  }

  remove(kind: ClusterKind, name: string): void {
    this.#note(kind, `${kind}/${name}`, []);
    this.#drop(kind, name);
  }

  synced(kind: ClusterKind): void {
    this.#listed.add(kind);
    this.#checkSync();
    if (isOptional(kind)) this.#emit({ type: 'problems', about: kind });
  }

  /** Something is known that no object tells of. */
  tellAgain(): void { this.#emit({ type: 'problems', about: undefined }); }

  /** What was never listed is a problem while it is away; of the rest the last state holds. */
  disconnected(kind: ClusterKind, away: boolean, reason: string, problems: readonly Problem[]): void {
    if (away) this.away.set(kind, reason); else this.away.delete(kind);
    this.#note(kind, kind, away && !this.#listed.has(kind) ? problems : []);
    this.#log[away ? 'warn' : 'info'](away ? 'cluster.away' : 'cluster.back', { kind, reason });
  }

  #drop(kind: ClusterKind, name: string): void {
    this.#prints.delete(`${kind}/${name}`);
    if (this.#objects[kind].delete(name)) this.#emit({ type: 'remove', kind, name });
  }

  #note(kind: ClusterKind, key: string, problems: readonly Problem[]): void {
    const before = this.#problems.get(key) ?? [];
    if (stringifyJson(before) === stringifyJson(problems)) return;
    if (problems.length > 0) this.#problems.set(key, problems); else this.#problems.delete(key);
    for (const problem of problems) this.#log.warn('cluster.problem', { problem: showProblem(problem) });
    this.#emit({ type: 'problems', about: kind });
  }

  #checkSync(): void {
    if (this.inSync || ![...this.#expected].every((k) => isOptional(k) || this.#listed.has(k))) return;
    this.inSync = true;
    this.#synced.resolve();
    this.#emit({ type: 'inSync' });
  }

  #emit(change: ClusterChange): void {
    for (const listener of this.#listeners) listener(change);
  }
}

/** Everything but the revision: two objects with the same print mean the same. */
function printOf(value: object): string {
  const { metadata, ...rest } = value as { metadata?: { readonly resourceVersion?: string } };
  if (metadata === undefined) return stringifyJson(rest);
  const { resourceVersion: _r, ...stable } = metadata;
  return stringifyJson([rest, stable]);
}

export interface DiscoveryPorts { readonly kube: KubeClient; readonly clock: Clock; readonly random: () => number; readonly log: Log }

/**
 * Waits until the API answers and serves one of Calico's two groups, then says how to store there. Never gives up:
 * a node that comes up before its cluster's CRDs waits for them.
 */
export async function discoverStorage(ports: DiscoveryPorts): Promise<Storage> {
  for (let attempt = 0; ; attempt++) {
    try {
      const groups = groupNames(await ports.kube.raw('GET', '/apis'));
      if (groups.some((g) => g === GROUP_VERSIONS.v1.group || g === GROUP_VERSIONS.v3.group)) return storageFor(storageGroup(groups));
      ports.log.warn('cluster.waiting', { reason: `the API serves neither ${GROUP_VERSIONS.v1.group} nor ${GROUP_VERSIONS.v3.group}: its CRDs are not installed` });
    } catch (error) {
      ports.log.warn('cluster.waiting', { reason: messageOf(error) });
    }
    await sleep(ports.clock, backoffMs(attempt, ports.random(), { firstMs: 250, maxMs: 10_000 }));
  }
}

function groupNames(apis: unknown): string[] {
  const groups = (apis as { groups?: { name?: unknown }[] } | null)?.groups ?? [];
  return groups.map((g) => g.name).filter((name): name is string => typeof name === 'string');
}
