import { expect, test } from '@jest/globals';
import { startSpeakerFeed, type SpeakerFeed } from '../../../agent/speaker-feed.ts';
import { startCluster, type ClusterSource } from '../../../agent/cluster.ts';
import type { ApplyRequest, ApplyResult, BgpdMethods } from '../../../config/messages/bgpd-control.ts';
import { storageFor } from '../../../config/storage/storage.ts';
import type { KindName } from '../../../config/kinds/kinds.ts';
import { OperationError, showProblem, type Problem } from '../../../lib/errors.ts';
import { silentLog } from '../../../lib/log.ts';
import type { KubeObject, ListOptions, Resource, WatchHandler } from '../../../sys/kube/client.ts';
import type { RpcClient } from '../../../sys/rpc.ts';
import { eventually } from '../../support/eventually.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { MemoryKube } from '../../support/memory-kube.ts';

/** Plays bgpd: takes sections, can go away and come back empty, can find fault. */
class FakeBgpd {
  readonly applied: ApplyRequest[] = [];
  up = true;
  answer: (request: ApplyRequest) => ApplyResult = ({ sections }) =>
    ({ problems: [], revisions: Object.fromEntries(Object.entries(sections).map(([name, s]) => [name, s.revision])) });
  dials = 0;
  #close: (() => void) | undefined;

  connect = (): Promise<RpcClient<BgpdMethods>> => {
    this.dials++;
    if (!this.up) return Promise.reject(new OperationError('RPC_CONNECT', {}));
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#close = resolve;
    const client = {
      closed: promise,
      call: (_method: string, request: ApplyRequest) => { this.applied.push(request); return Promise.resolve(this.answer(request)); },
      [Symbol.dispose]: () => { resolve(); },
    };
    return Promise.resolve(client as unknown as RpcClient<BgpdMethods>);
  };

  die(): void { this.up = false; this.#close?.(); }
  /** Names of the sections of each request. */
  get log(): string[] { return this.applied.map((r) => Object.keys(r.sections).join(' ')); }
}

interface Rig extends Disposable { readonly kube: MemoryKube; readonly cluster: ClusterSource; readonly bgpd: FakeBgpd; readonly clock: FakeClock; readonly feed: SpeakerFeed }

const storage = storageFor('v3');
const ALL = 'global filters originate peers';

function rig(kube = new MemoryKube()): Rig {
  putNode(kube, 'a', '10.0.0.1/24');
  putNode(kube, 'b', '10.0.0.2/24');
  const bgpd = new FakeBgpd();
  const clock = new FakeClock();
  const cluster = startCluster({ kube, log: silentLog, storage, node: 'a' });
  const feed = startSpeakerFeed({ cluster, node: 'a', connect: bgpd.connect, sender: 'one', clock, random: () => 0, log: silentLog });
  return { kube, cluster, bgpd, clock, feed, [Symbol.dispose]: () => { feed[Symbol.dispose](); cluster[Symbol.dispose](); } };
}

function putNode(kube: MemoryKube, name: string, address: string): void {
  kube.put({ plural: 'nodes' }, { apiVersion: 'v1', kind: 'Node', metadata: { name, annotations: { 'projectcalico.org/IPv4Address': address } } });
}

function put(kube: MemoryKube, kind: KindName, name: string, spec: object): void {
  kube.put(storage.resource(kind), { apiVersion: 'projectcalico.org/v3', kind, metadata: { name }, spec });
}

const soon = (r: Rig, check: () => void): Promise<void> => eventually(5_000, () => { r.clock.advance(50); check(); });

test('nothing before the cluster is in sync, then everything, then only what changed', async () => {
  using r = rig();
  await eventually(5_000, () => { expect(r.bgpd.dials).toBe(1); });
  r.clock.advance(10_000);
  await r.cluster.whenInSync();
  await soon(r, () => { expect(r.bgpd.log).toEqual([ALL]); });
  expect(r.bgpd.applied[0]).toMatchObject({ version: 1, sender: 'one', sections: { peers: { value: { peers: [{ name: 'Mesh_10_0_0_2' }] } } } });
  put(r.kube, 'BlockAffinity', 'a-x', { cidr: '10.244.0.0/26', node: 'a', state: 'confirmed', deleted: false });
  await soon(r, () => { expect(r.bgpd.log).toEqual([ALL, 'filters originate']); });
  expect(r.bgpd.applied[1]?.sections.originate?.revision).toBeGreaterThan(r.bgpd.applied[0]!.sections.originate!.revision);
  putNode(r.kube, 'c', '10.0.0.3/24');
  await soon(r, () => { expect(r.bgpd.log).toEqual([ALL, 'filters originate', 'peers']); });
  put(r.kube, 'BlockAffinity', 'b-y', { cidr: '10.244.1.0/26', node: 'b', state: 'confirmed', deleted: false });
  put(r.kube, 'IPReservation', 'r', { reservedCIDRs: [] });
  r.clock.advance(1_000);
  await eventually(5_000, () => { expect(r.clock.timers).toBe(0); });
  expect(r.bgpd.log).toHaveLength(3);
});

test('changes that come together go together', async () => {
  using r = rig();
  await soon(r, () => { expect(r.bgpd.log).toEqual([ALL]); });
  for (let i = 3; i < 100; i++) putNode(r.kube, `n${i}`, `10.0.0.${i}/24`);
  await soon(r, () => { expect(r.bgpd.log).toEqual([ALL, 'peers']); });
  expect(r.bgpd.applied[1]?.sections.peers?.value.peers).toHaveLength(98);
});

test('everything again on a new connection, tried with back-off, with what changed meanwhile', async () => {
  using r = rig();
  await soon(r, () => { expect(r.bgpd.log).toEqual([ALL]); });
  r.bgpd.die();
  await eventually(5_000, () => { expect(r.feed.connected).toBe(false); });
  const before = r.bgpd.dials;
  putNode(r.kube, 'c', '10.0.0.3/24');
  for (let i = 0; i < 30; i++) { r.clock.advance(1_000); await new Promise(setImmediate); }
  expect(r.bgpd.dials - before).toBeGreaterThan(3);
  expect(r.bgpd.dials - before).toBeLessThan(20);
  r.bgpd.up = true;
  await soon(r, () => { expect(r.bgpd.log).toEqual([ALL, ALL]); });
  expect(r.bgpd.applied[1]?.sections.peers?.value.peers).toHaveLength(2);
  expect(r.feed.connected).toBe(true);
});

test('a section that bgpd does not confirm is sent again, ever more seldom', async () => {
  using r = rig();
  r.bgpd.answer = () => ({ problems: [], revisions: {} });
  await soon(r, () => { expect(r.bgpd.log.length).toBeGreaterThan(3); });
  const times = r.bgpd.log.length;
  for (let i = 0; i < 20; i++) { r.clock.advance(100); await new Promise(setImmediate); }
  expect(r.bgpd.log.length - times).toBeLessThan(10);
});

test('problems: of resources, of the translation, of bgpd; gone when mended', async () => {
  using r = rig();
  const heard: (readonly Problem[])[] = [];
  using _listening = r.feed.onProblems((problems) => { heard.push(problems); });
  await soon(r, () => { expect(r.bgpd.log).toEqual([ALL]); });
  expect(heard).toEqual([]);
  r.bgpd.answer = ({ sections }) => ({ problems: sections.peers === undefined ? [] : [{ path: 'peers[0]', message: 'no' }],
    revisions: Object.fromEntries(Object.entries(sections).map(([name, s]) => [name, s.revision])) });
  put(r.kube, 'BGPPeer', 'bad', { peerIP: '192.0.2.1', asNumber: 0 });
  put(r.kube, 'BGPPeer', 'secret', { peerIP: '192.0.2.2', asNumber: 1, password: { secretKeyRef: { name: 's', key: 'k' } } });
  putNode(r.kube, 'c', '10.0.0.3/24');
  await soon(r, () => {
    expect(r.feed.problems.map(showProblem)).toEqual([
      'BGPPeer/bad.spec.asNumber: 0 is not an AS number: expected 1..4294967295',
      expect.stringContaining('BGPPeer/secret.spec.password.secretKeyRef: there is no Secret "s"'),
      'peers[0]: no',
    ]);
  });
  expect(heard.at(-1)).toEqual(r.feed.problems);
  r.bgpd.answer = ({ sections }) => ({ problems: [], revisions: Object.fromEntries(Object.entries(sections).map(([name, s]) => [name, s.revision])) });
  await r.kube.delete(storage.resource('BGPPeer'), 'bad');
  await r.kube.delete(storage.resource('BGPPeer'), 'secret');
  putNode(r.kube, 'd', '10.0.0.4/24');
  await soon(r, () => { expect(r.feed.problems).toEqual([]); });
});

test('a filter that cannot be read refuses everything from its creation until it is gone, whatever else happens', async () => {
  using r = rig();
  put(r.kube, 'BGPPeer', 'tor', { peerIP: '192.0.2.1', asNumber: 65000, filters: ['guard'] });
  await soon(r, () => { expect(r.bgpd.log).toEqual([ALL]); });
  put(r.kube, 'BGPFilter', 'guard', { importV4: [{ action: 'Reject', cidr: 'fd00::/8', matchOperator: 'In' }] });
  await soon(r, () => { expect(r.bgpd.log).toEqual([ALL, 'filters peers']); });
  expect(r.bgpd.applied[1]?.sections.peers?.value.peers.find((p) => p.address === '192.0.2.1')?.importFilters).toEqual(['guard.import']);
  await r.kube.delete(storage.resource('BGPFilter'), 'guard');
  await soon(r, () => { expect(r.bgpd.log).toEqual([ALL, 'filters peers', 'filters peers']); });
  expect(r.bgpd.applied[2]?.sections.peers?.value.peers.find((p) => p.address === '192.0.2.1')?.importFilters).toEqual([]);
});

test('the node is not in the cluster: bgpd is told nothing and keeps what it has', async () => {
  using r = rig();
  await soon(r, () => { expect(r.bgpd.log).toEqual([ALL]); });
  await r.kube.delete({ group: '', version: 'v1', plural: 'nodes', namespaced: false }, 'a');
  await soon(r, () => { expect(r.feed.problems.map(showProblem)).toEqual(['Node/a: this node is not in the cluster: expected a Node of this name']); });
  expect(r.bgpd.log).toEqual([ALL]);
});

test('a new agent says nothing of sessions before it knows their password: they would go down', async () => {
  let answer: (() => void) | undefined;
  class SlowSecrets extends MemoryKube {
    override watch<T extends KubeObject>(resource: Resource, options: ListOptions, handler: WatchHandler<T>): Disposable {
      if (resource.plural !== 'secrets') return super.watch(resource, options, handler);
      answer = () => {
        handler.upsert({ apiVersion: 'v1', kind: 'Secret', metadata: { name: 's' }, data: { k: 'c3dvcmRmaXNo' } } as unknown as T);
        handler.synced();
      };
      return { [Symbol.dispose]: () => undefined };
    }
  }
  const kube = new SlowSecrets();
  put(kube, 'BGPConfiguration', 'default', { nodeMeshPassword: { secretKeyRef: { name: 's', key: 'k' } } });
  using r = rig(kube);
  await r.cluster.whenInSync();
  for (let i = 0; i < 20; i++) { r.clock.advance(1_000); await new Promise(setImmediate); }
  expect([r.bgpd.log, r.feed.problems]).toEqual([[], []]);
  answer!();
  await soon(r, () => { expect(r.bgpd.log).toEqual([ALL]); });
  expect(r.bgpd.applied[0]?.sections.peers?.value.peers).toMatchObject([{ name: 'Mesh_10_0_0_2', password: 'swordfish' }]);
});

test('a Secret whose fate is not known holds sessions back, and nothing else', async () => {
  let synced: (() => void) | undefined;
  class SlowSecrets extends MemoryKube {
    override watch<T extends KubeObject>(resource: Resource, options: ListOptions, handler: WatchHandler<T>): Disposable {
      if (resource.plural !== 'secrets') return super.watch(resource, options, handler);
      synced = () => { handler.synced(); };
      return { [Symbol.dispose]: () => undefined };
    }
  }
  const kube = new SlowSecrets();
  using r = rig(kube);
  await soon(r, () => { expect(r.bgpd.log).toEqual([ALL]); });
  put(kube, 'BGPConfiguration', 'default', { nodeMeshPassword: { secretKeyRef: { name: 's', key: 'k' } } });
  put(kube, 'IPPool', 'new', { cidr: '10.99.0.0/16' });
  await soon(r, () => { expect(Object.keys(r.bgpd.applied.at(-1)?.sections ?? {})).toContain('filters'); });
  expect([r.cluster.awaitsSecrets, r.feed.problems]).toEqual([true, []]);
  expect(r.bgpd.applied.slice(1).flatMap((a) => Object.keys(a.sections))).not.toContain('peers');
  synced!();
  await soon(r, () => { expect(r.bgpd.applied.at(-1)?.sections.peers?.value.peers).toEqual([]); });
  expect(r.feed.problems.map(showProblem)).toEqual([expect.stringContaining('there is no Secret "s"')]);
});

test('a disposed feed stops: no timer, no connection', async () => {
  const r = rig();
  await soon(r, () => { expect(r.bgpd.log).toEqual([ALL]); });
  r[Symbol.dispose]();
  await eventually(5_000, () => { expect(r.clock.timers).toBe(0); });
  putNode(r.kube, 'c', '10.0.0.3/24');
  r.clock.advance(10_000);
  expect([r.bgpd.log, r.bgpd.dials]).toEqual([[ALL], 1]);
});

test('with service ranges nothing is said before Services have been listed: bgpd would withdraw what it announces', async () => {
  const kube = new MemoryKube();
  put(kube, 'BGPConfiguration', 'default', { serviceClusterIPs: [{ cidr: '10.96.0.0/12' }] });
  const listed = Promise.withResolvers<void>();
  const watch = kube.watch.bind(kube);
  kube.watch = (resource, options, handler) => {
    if (resource.plural !== 'services') return watch(resource, options, handler);
    void listed.promise.then(() => { handler.synced(); });
    return { [Symbol.dispose]: () => undefined };
  };
  using r = rig(kube);
  await r.cluster.whenInSync();
  await eventually(5_000, () => { expect(r.bgpd.dials).toBe(1); });
  r.clock.advance(10_000);
  await new Promise((resolve) => { setImmediate(resolve); });
  expect(r.bgpd.log).toEqual([]);
  listed.resolve();
  await soon(r, () => { expect(r.bgpd.log).toEqual([ALL]); });
});
