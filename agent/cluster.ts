/** The one source of cluster state on a node: lists and watches what we need, keeps it pruned and typed, tells what changed. */
import { GROUP_VERSIONS, storageGroup } from '../config/storage/groups.ts';
import { storageFor, type Storage } from '../config/storage/storage.ts';
import { readNode } from '../config/kinds/node.ts';
import type { KindName } from '../config/kinds/kinds.ts';
import type { ClusterKind, ClusterKinds, ClusterSnapshot } from '../config/translate/snapshot.ts';
import { backoffMs } from '../lib/backoff.ts';
import type { Clock } from '../lib/clock.ts';
import { messageOf, showProblem, type Problem } from '../lib/errors.ts';
import { stringifyJson } from '../lib/json.ts';
import type { Log } from '../lib/log.ts';
import { sleep } from '../sys/clock.ts';
import type { KubeClient, KubeObject, Resource } from '../sys/kube/client.ts';

export interface ClusterPorts {
  readonly kube: KubeClient;
  readonly log: Log;
  /** From `discoverStorage`. */
  readonly storage: Storage;
  /** The node whose block affinities are kept. */
  readonly node: string;
}

export type ClusterChange = { readonly [K in ClusterKind]:
  | { readonly type: 'upsert'; readonly kind: K; readonly name: string; readonly value: ClusterKinds[K] }
  | { readonly type: 'remove'; readonly kind: K; readonly name: string }
}[ClusterKind] | { readonly type: 'inSync' } | { readonly type: 'problems' };

export interface ClusterSource extends Disposable {
  /** True once everything has been listed; stays true while the API is away, when the last known state holds. */
  readonly inSync: boolean;
  /** A live view: valid until the current turn ends. */
  snapshot(): ClusterSnapshot;
  /** Told of each change as it happens; objects that are already there are not repeated. */
  onChange(listener: (change: ClusterChange) => void): Disposable;
  /** Resolves when `inSync` becomes true. */
  whenInSync(): Promise<void>;
  /** Kinds whose watch is broken now, and why; for status. */
  readonly away: ReadonlyMap<ClusterKind, string>;
}

const NODES: Resource = { group: '', version: 'v1', plural: 'nodes', namespaced: false };

/** Settings: a bad field is left out. Everything else is left out whole, since half a peer or pool is another one. */
const SETTINGS: ReadonlySet<ClusterKind> = new Set(['BGPConfiguration', 'FelixConfiguration', 'IPAMConfiguration', 'ClusterInformation', 'IPReservation']);

const CALICO_KINDS = [
  'IPPool', 'BGPConfiguration', 'BGPPeer', 'BlockAffinity', 'FelixConfiguration', 'IPAMConfiguration', 'IPReservation',
  'ClusterInformation',
] as const satisfies readonly (ClusterKind & KindName)[];

export function startCluster(ports: ClusterPorts): ClusterSource {
  const state = new ClusterState(ports.log);
  const watches = [watchKind(ports, state, 'Node', NODES)];
  for (const kind of CALICO_KINDS) watches.push(watchKind(ports, state, kind, ports.storage.resource(kind)));
  state.expect(watches.length);
  return {
    get inSync() { return state.inSync; },
    get away() { return state.away; },
    snapshot: () => state.snapshot,
    onChange: (listener) => state.onChange(listener),
    whenInSync: () => state.whenInSync,
    [Symbol.dispose]: () => { for (const watch of watches) watch[Symbol.dispose](); },
  };
}

function watchKind(ports: ClusterPorts, state: ClusterState, kind: ClusterKind, resource: Resource): Disposable {
  return ports.kube.watch<KubeObject>(resource, {}, {
    upsert: (object) => { state.upsert(kind, object.metadata.name, readObject(ports, kind, object)); },
    remove: (object) => { state.remove(kind, object.metadata.name); },
    synced: () => { state.synced(kind); },
    disconnected: (away, reason) => { state.disconnected(kind, away, reason); },
  });
}

type ReadObject = { readonly value: ClusterKinds[ClusterKind] | undefined; readonly problems: readonly Problem[] };

function readObject(ports: ClusterPorts, kind: ClusterKind, object: KubeObject): ReadObject {
  if (kind === 'Node') return readNode(object);
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
    Node: new Map(), IPPool: new Map(), BGPConfiguration: new Map(), BGPPeer: new Map(), BlockAffinity: new Map(),
    FelixConfiguration: new Map(), IPAMConfiguration: new Map(), IPReservation: new Map(), ClusterInformation: new Map(),
  };
  /** `Kind/name` → what identifies its content, so that a heartbeat is no change. */
  readonly #prints = new Map<string, string>();
  readonly #problems = new Map<string, readonly Problem[]>();
  readonly #listeners = new Set<(change: ClusterChange) => void>();
  readonly #listed = new Set<ClusterKind>();
  readonly #synced = Promise.withResolvers<void>();
  #expected = Infinity;
  readonly away = new Map<ClusterKind, string>();
  readonly snapshot: ClusterSnapshot;

  constructor(log: Log) {
    this.#log = log;
    const problems = this.#problems;
    this.snapshot = { ...this.#objects, get problems() { return [...problems.values()].flat(); } };
  }

  inSync = false;
  get whenInSync(): Promise<void> { return this.#synced.promise; }

  expect(kinds: number): void { this.#expected = kinds; this.#checkSync(); }

  onChange(listener: (change: ClusterChange) => void): Disposable {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => { this.#listeners.delete(listener); } };
  }

  upsert(kind: ClusterKind, name: string, { value, problems }: ReadObject): void {
    this.#note(`${kind}/${name}`, problems);
    if (value === undefined) { this.#drop(kind, name); return; }
    const print = printOf(value);
    if (this.#prints.get(`${kind}/${name}`) === print) return;
    this.#prints.set(`${kind}/${name}`, print);
    (this.#objects[kind] as Map<string, typeof value>).set(name, value);
    this.#emit({ type: 'upsert', kind, name, value } as ClusterChange);
  }

  remove(kind: ClusterKind, name: string): void {
    this.#note(`${kind}/${name}`, []);
    this.#drop(kind, name);
  }

  synced(kind: ClusterKind): void {
    this.#listed.add(kind);
    this.#checkSync();
  }

  disconnected(kind: ClusterKind, away: boolean, reason: string): void {
    if (away) this.away.set(kind, reason); else this.away.delete(kind);
    this.#log[away ? 'warn' : 'info'](away ? 'cluster.away' : 'cluster.back', { kind, reason });
  }

  #drop(kind: ClusterKind, name: string): void {
    this.#prints.delete(`${kind}/${name}`);
    if (this.#objects[kind].delete(name)) this.#emit({ type: 'remove', kind, name });
  }

  #note(key: string, problems: readonly Problem[]): void {
    const before = this.#problems.get(key) ?? [];
    if (stringifyJson(before) === stringifyJson(problems)) return;
    if (problems.length > 0) this.#problems.set(key, problems); else this.#problems.delete(key);
    for (const problem of problems) this.#log.warn('cluster.problem', { problem: showProblem(problem) });
    this.#emit({ type: 'problems' });
  }

  #checkSync(): void {
    if (this.inSync || this.#listed.size < this.#expected) return;
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
