import { expect, test } from '@jest/globals';
import { discoverStorage, startCluster, type ClusterChange, type ClusterSource } from '../../../agent/cluster.ts';
import type { KindName } from '../../../config/kinds/kinds.ts';
import { storageFor } from '../../../config/storage/storage.ts';
import { silentLog } from '../../../lib/log.ts';
import { showProblem } from '../../../lib/errors.ts';
import type { KubeClient, KubeObject, Resource, WatchHandler } from '../../../sys/kube/client.ts';
import { eventually } from '../../support/eventually.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { MemoryKube } from '../../support/memory-kube.ts';

const storage = storageFor('v1');
const start = (kube: KubeClient): ClusterSource => startCluster({ kube, log: silentLog, storage, node: 'a' });
const stored = (kind: KindName, name: string, spec: object, metadata: object = {}): [Resource, KubeObject] =>
  [storage.resource(kind), { apiVersion: 'crd.projectcalico.org/v1', kind, metadata: { name, ...metadata }, spec }];
const nodeObject = (name: string, address: string, more: object = {}): [Resource, KubeObject] => [
  { group: '', version: 'v1', plural: 'nodes', namespaced: false },
  { apiVersion: 'v1', kind: 'Node', metadata: { name, annotations: { 'projectcalico.org/IPv4Address': address } }, ...more },
];
const short = (c: ClusterChange): string => (c.type === 'upsert' || c.type === 'remove' ? `${c.type} ${c.kind}/${c.name}` : c.type);

function listen(cluster: ClusterSource): string[] {
  const heard: string[] = [];
  cluster.onChange((change) => { heard.push(short(change)); });
  return heard;
}

test('in sync once everything is listed; then each change as it comes, typed and pruned', async () => {
  const kube = new MemoryKube();
  kube.put(...nodeObject('a', '10.0.0.1/24'));
  kube.put(...stored('IPPool', 'p', { cidr: '10.244.0.0/16' }, { managedFields: [{ manager: 'x' }], annotations: { 'kubectl.kubernetes.io/last-applied-configuration': '{}' } }));
  using cluster = start(kube);
  const heard = listen(cluster);
  expect(cluster.inSync).toBe(false);
  await cluster.whenInSync();
  expect(heard).toEqual(['upsert Node/a', 'upsert IPPool/p', 'inSync']);
  const snapshot = cluster.snapshot();
  expect(snapshot.Node.get('a')).toMatchObject({ name: 'a', ipv4: { address: 167772161 } });
  expect(snapshot.IPPool.get('p')).toMatchObject({ kind: 'IPPool', spec: { blockSize: 26 } });
  expect(snapshot.IPPool.get('p')?.metadata).toEqual({ name: 'p', annotations: {}, resourceVersion: '2' });
  kube.put(...stored('IPPool', 'q', { cidr: 'fd00::/48' }));
  await kube.delete(storage.resource('IPPool'), 'p');
  expect(heard.slice(3)).toEqual(['upsert IPPool/q', 'remove IPPool/p']);
  expect([...cluster.snapshot().IPPool.keys()]).toEqual(['q']);
});

test('a heartbeat is no change; a label is', async () => {
  const kube = new MemoryKube();
  kube.put(...nodeObject('a', '10.0.0.1/24'));
  using cluster = start(kube);
  await cluster.whenInSync();
  const heard = listen(cluster);
  kube.put(...nodeObject('a', '10.0.0.1/24', { status: { conditions: [{ lastHeartbeatTime: 'now' }] } }));
  expect(heard).toEqual([]);
  kube.put(...nodeObject('a', '10.0.0.9/24'));
  expect(heard).toEqual(['upsert Node/a']);
});

test("of block affinities only this node's are kept", async () => {
  const kube = new MemoryKube();
  using cluster = start(kube);
  await cluster.whenInSync();
  const heard = listen(cluster);
  const affinity = (node: string, state: string): [Resource, KubeObject] => stored('BlockAffinity', `x-${node}`, { cidr: '10.244.0.0/26', node, state, deleted: 'false' });
  kube.put(...affinity('b', 'confirmed'));
  kube.put(...affinity('a', 'pending'));
  kube.put(...affinity('a', 'confirmed'));
  expect(heard).toEqual(['upsert BlockAffinity/x-a', 'upsert BlockAffinity/x-a']);
  expect([...cluster.snapshot().BlockAffinity.values()].map((b) => b.spec)).toEqual([{ cidr: '10.244.0.0/26', node: 'a', state: 'confirmed', deleted: false }]);
});

test('a bad peer is reported and left out, also one that was good before; the others stay; mending clears it', async () => {
  const kube = new MemoryKube();
  using cluster = start(kube);
  await cluster.whenInSync();
  const heard = listen(cluster);
  kube.put(...stored('BGPPeer', 'tor-1', { peerIP: '192.0.2.1', asNumber: 64999 }));
  kube.put(...stored('BGPPeer', 'tor-2', { peerIP: '192.0.2.2', asNumber: 64999 }));
  kube.put(...stored('BGPPeer', 'tor-1', { peerIP: '192.0.2.1', asNumber: 0 }));
  expect(cluster.snapshot().problems.map(showProblem)).toEqual(['BGPPeer/tor-1.spec.asNumber: 0 is not an AS number: expected 1..4294967295']);
  expect([...cluster.snapshot().BGPPeer.keys()]).toEqual(['tor-2']);
  kube.put(...stored('BGPPeer', 'tor-1', { peerIP: '192.0.2.1', asNumber: 64999 }));
  expect(cluster.snapshot().problems).toEqual([]);
  expect(heard).toEqual(['upsert BGPPeer/tor-1', 'upsert BGPPeer/tor-2', 'problems', 'remove BGPPeer/tor-1', 'problems', 'upsert BGPPeer/tor-1']);
});

test('of settings with a bad field the good ones count', async () => {
  const kube = new MemoryKube();
  using cluster = start(kube);
  await cluster.whenInSync();
  kube.put(...stored('BGPConfiguration', 'default', { asNumber: 64600, listenPort: 0 }));
  expect(cluster.snapshot().BGPConfiguration.get('default')?.spec).toMatchObject({ asNumber: 64600 });
  expect(cluster.snapshot().problems).toHaveLength(1);
  await kube.delete(storage.resource('BGPConfiguration'), 'default');
  expect(cluster.snapshot().problems).toEqual([]);
});

test('while the API is away the last state holds', async () => {
  const handlers = new Map<string, WatchHandler<KubeObject>>();
  const kube = new MemoryKube();
  kube.watch = <T extends KubeObject>(resource: Resource, _options: object, handler: WatchHandler<T>): Disposable => {
    handlers.set(resource.plural, handler);
    return { [Symbol.dispose]: () => { handlers.delete(resource.plural); } };
  };
  const cluster = start(kube);
  for (const handler of handlers.values()) handler.synced();
  await cluster.whenInSync();
  handlers.get('nodes')!.upsert(nodeObject('a', '10.0.0.1/24')[1]);
  handlers.get('nodes')!.disconnected?.(true, 'connection refused');
  expect(cluster.inSync).toBe(true);
  expect([...cluster.away]).toEqual([['Node', 'connection refused']]);
  expect(cluster.snapshot().Node.size).toBe(1);
  handlers.get('nodes')!.disconnected?.(false, '');
  expect(cluster.away.size).toBe(0);
  expect([...handlers.keys()]).toContain('blockaffinities');
  cluster[Symbol.dispose]();
  expect(handlers.size).toBe(0);
});

test('discovery waits for an API that answers and for CRDs that are there', async () => {
  const kube = new MemoryKube();
  let answers = 0;
  kube.raw = () => {
    answers++;
    if (answers === 1) return Promise.reject(new Error('connection refused'));
    const groups = answers === 2 ? ['apps'] : ['apps', 'projectcalico.org'];
    return Promise.resolve({ groups: groups.map((name) => ({ name })) });
  };
  const clock = new FakeClock();
  const found = discoverStorage({ kube, clock, random: () => 0, log: silentLog });
  for (const n of [2, 3]) await eventually(5_000, () => { clock.advance(500); expect(answers).toBeGreaterThanOrEqual(n); });
  expect((await found).group).toBe('v3');
  expect(clock.timers).toBe(0);
});
