/** Services, EndpointSlices and pods are watched only while something asks for them, and a start waits for them. */
import { expect, test } from '@jest/globals';
import { startCluster, type ClusterSource } from '../../../agent/cluster.ts';
import type { KindName } from '../../../config/kinds/kinds.ts';
import { storageFor } from '../../../config/storage/storage.ts';
import { silentLog } from '../../../lib/log.ts';
import { showProblem } from '../../../lib/errors.ts';
import type { KubeClient, KubeObject, ListOptions, Resource, WatchHandler } from '../../../sys/kube/client.ts';
import { MemoryKube } from '../../support/memory-kube.ts';

const storage = storageFor('v1');
const core = (plural: string): Resource => ({ group: '', version: 'v1', plural, namespaced: true });
const SLICES: Resource = { group: 'discovery.k8s.io', version: 'v1', plural: 'endpointslices', namespaced: true };

/** A client that notes what is watched, and leaves some kinds unanswered. */
class WatchedKube extends MemoryKube {
  readonly watched = new Map<string, { readonly options: ListOptions; readonly handler: WatchHandler<KubeObject> }>();
  readonly silent = new Set<string>();

  override watch<T extends KubeObject>(resource: Resource, options: ListOptions, handler: WatchHandler<T>): Disposable {
    this.watched.set(resource.plural, { options, handler });
    const watch = this.silent.has(resource.plural) ? { [Symbol.dispose]: () => undefined } : super.watch(resource, {}, handler);
    return { [Symbol.dispose]: () => { watch[Symbol.dispose](); this.watched.delete(resource.plural); } };
  }

  calico(kind: KindName, name: string, spec: object): void {
    this.put(storage.resource(kind), { apiVersion: 'crd.projectcalico.org/v1', kind, metadata: { name }, spec });
  }
}

const start = (kube: KubeClient): ClusterSource => startCluster({ kube, log: silentLog, storage, node: 'a' });
const service = (name: string, spec: object = {}): KubeObject => ({
  apiVersion: 'v1', kind: 'Service', metadata: { name, namespace: 'default', annotations: { long: 'x'.repeat(10_000) } },
  spec: { type: 'ClusterIP', clusterIP: '10.96.0.1', ports: [{ port: 80 }], selector: { app: 'x' }, ...spec },
});
const slice = (name: string, endpoints: readonly object[]): KubeObject => ({
  apiVersion: 'discovery.k8s.io/v1', kind: 'EndpointSlice', addressType: 'IPv4', endpoints,
  metadata: { name, namespace: 'default', labels: { 'kubernetes.io/service-name': 's' } },
});
const SERVICES = { serviceClusterIPs: [{ cidr: '10.96.0.0/12' }] };
const settle = (): Promise<void> => new Promise((resolve) => { setImmediate(resolve); });

test('nothing is watched without need; with service ranges Services and their slices, and no more once they are gone', async () => {
  const kube = new WatchedKube();
  kube.put(core('services'), service('s'));
  using cluster = start(kube);
  await cluster.whenInSync();
  expect(['services', 'endpointslices', 'pods'].filter((p) => kube.watched.has(p))).toEqual([]);
  expect(cluster.complete).toBe(true);
  kube.calico('BGPConfiguration', 'default', SERVICES);
  expect(cluster.complete).toBe(false);
  await settle();
  expect([...cluster.snapshot().Service.keys()]).toEqual(['default/s']);
  expect([cluster.complete, kube.watched.has('endpointslices'), kube.watched.has('pods')]).toEqual([true, true, false]);
  kube.calico('BGPConfiguration', 'default', {});
  expect([kube.watched.has('services'), cluster.snapshot().Service.size]).toEqual([false, 0]);
});

test('pods of this node, while a BGPPeer asks for workloads', async () => {
  const kube = new WatchedKube();
  kube.calico('BGPPeer', 'w', { localWorkloadSelector: 'all()', asNumber: 65001 });
  using cluster = start(kube);
  await cluster.whenInSync();
  expect(kube.watched.get('pods')?.options).toEqual({ fieldSelector: 'spec.nodeName=a' });
  await kube.delete(storage.resource('BGPPeer'), 'w');
  expect(kube.watched.has('pods')).toBe(false);
});

test('of an object a few words are kept, and what does not change them is no change', async () => {
  const kube = new WatchedKube();
  kube.calico('BGPConfiguration', 'default', SERVICES);
  using cluster = start(kube);
  await cluster.whenInSync();
  await settle();
  const heard: string[] = [];
  cluster.onChange((c) => { heard.push('kind' in c ? `${c.type} ${c.kind}/${c.name}` : c.type); });
  kube.put(core('services'), service('s'));
  kube.put(core('services'), service('s', { ports: [{ port: 81 }] }));
  kube.put(core('services'), service('headless', { clusterIP: 'None' }));
  kube.put(SLICES, slice('s-1', [{ addresses: ['10.1.0.1'], nodeName: 'b' }]));
  kube.put(SLICES, slice('s-1', [{ addresses: ['10.1.0.2'], nodeName: 'c' }, { addresses: ['10.1.0.3'], nodeName: 'b' }]));
  kube.put(SLICES, slice('s-1', [{ addresses: ['10.1.0.2'], nodeName: 'a' }]));
  expect(heard).toEqual(['upsert Service/default/s', 'upsert EndpointSlice/default/s-1', 'upsert EndpointSlice/default/s-1']);
  expect(cluster.snapshot().EndpointSlice.get('default/s-1')).toEqual({ service: 'default/s', family: 'ipv4', ready: true, readyHere: true });
  expect(JSON.stringify(cluster.snapshot().Service.get('default/s')).length).toBeLessThan(120);
});

test('pods can be attached before Services are listed, and a start is not complete before; what cannot be read is said', async () => {
  const kube = new WatchedKube();
  kube.silent.add('services');
  kube.calico('BGPConfiguration', 'default', SERVICES);
  using cluster = start(kube);
  await cluster.whenInSync();
  await settle();
  expect([cluster.inSync, cluster.complete]).toEqual([true, false]);
  const { handler } = kube.watched.get('services')!;
  handler.disconnected?.(true, 'forbidden');
  expect(cluster.complete).toBe(true);
  expect(cluster.snapshot().problems.map(showProblem)).toEqual([
    'Node/a: services cannot be read (forbidden): expected leave to list and watch them; of service addresses only whole ranges are announced',
  ]);
  handler.disconnected?.(false, '');
  handler.synced();
  expect([cluster.complete, cluster.snapshot().problems]).toEqual([true, []]);
});
