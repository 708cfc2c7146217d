/** Our client and our CRDs on the embedded API server: what is written is read alike, watches outlive everything. */
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse } from 'yaml';
import { discoverStorage, startCluster } from '../../agent/cluster.ts';
import { startApiServer, type ApiServer } from '../../apiserver/server.ts';
import type { ResourceOfKind } from '../../config/kinds/kinds.ts';
import { GROUPS, type Group } from '../../config/schema/schema.ts';
import { apiVersionIn } from '../../config/storage/groups.ts';
import { storageFor } from '../../config/storage/storage.ts';
import { silentLog } from '../../lib/log.ts';
import { systemClock } from '../../sys/clock.ts';
import type { KubeClient, KubeObject, Resource } from '../../sys/kube/client.ts';
import { openKube } from '../../sys/kube/https-client.ts';
import { accessFromText } from '../../sys/kube/kubeconfig.ts';
import { eventually } from '../support/eventually.ts';

const CRDS: Resource = { group: 'apiextensions.k8s.io', version: 'v1', plural: 'customresourcedefinitions', namespaced: false };
const NODES: Resource = { group: '', version: 'v1', plural: 'nodes', namespaced: false };
const crdFolder = join(import.meta.dirname, '../../deploy/crds');

let folder: string;
let server: ApiServer;
let kube: KubeClient & Disposable;

const start = async (port = 0): Promise<void> => { server = await startApiServer({ data: folder, listen: [`127.0.0.1:${port}`] }); };

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'tortie-kube-client-'));
  await start();
  kube = openKube(accessFromText(server.kubeconfig, 'kubeconfig'), { clock: systemClock, random: () => 0 });
});
afterEach(async () => {
  kube[Symbol.dispose]();
  await server[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true });
});

async function install(group: Group): Promise<void> {
  const objects = readdirSync(join(crdFolder, group)).map((name) => parse(readFileSync(join(crdFolder, group, name), 'utf8')) as KubeObject);
  for (const object of objects) await kube.create(CRDS, object);
  for (const object of objects) {
    await eventually(10_000, async () => {
      const stored = await kube.get(CRDS, object.metadata.name);
      const { conditions = [] } = (stored?.['status'] ?? {}) as { conditions?: { type: string; status: string }[] };
      expect(conditions).toContainEqual(expect.objectContaining({ type: 'Established', status: 'True' }));
    });
  }
}

describe.each(GROUPS)('group %s', (group) => {
  const storage = storageFor(group);
  const BLOCKS = storage.resource('IPAMBlock');
  const POOLS = storage.resource('IPPool');
  const block = (): ResourceOfKind<'IPAMBlock'> => storage.fromStored('IPAMBlock', {
    metadata: { name: '10-0-0-0-30' },
    spec: {
      cidr: '10.0.0.0/30', affinity: 'host:a', allocations: [0, null, null, null], unallocated: [1, 2, 3], attributes: [{ handle_id: 'h', secondary: { node: 'a' } }],
      sequenceNumber: 1785578400000000001n, sequenceNumberForAllocation: { 0: 1785578400000000000n }, strictAffinity: false,
    },
  }).value!;

  test('a block: created, read without loss, swapped only by who read it last, deleted only with its UID', async () => {
    await install(group);
    const created = await kube.create(BLOCKS, storage.toStored('IPAMBlock', block()));
    expect(await kube.create(BLOCKS, storage.toStored('IPAMBlock', block()))).toBe('exists');
    const { value, problems } = storage.fromStored('IPAMBlock', await kube.get(BLOCKS, '10-0-0-0-30'));
    expect(problems).toEqual([]);
    expect(value?.spec).toEqual(block().spec);
    const next = { ...value!, spec: { ...value!.spec, sequenceNumber: value!.spec.sequenceNumber + 1n } };
    expect(await kube.update(BLOCKS, storage.toStored('IPAMBlock', next))).toMatchObject({ spec: { sequenceNumber: 1785578400000000002n } });
    expect(await kube.update(BLOCKS, storage.toStored('IPAMBlock', next))).toBe('conflict');
    expect(await kube.delete(BLOCKS, '10-0-0-0-30', { uid: '00000000-0000-4000-8000-000000000000' })).toBe('gone');
    expect(await kube.delete(BLOCKS, '10-0-0-0-30', { uid: (created as KubeObject).metadata.uid! })).toBe('deleted');
    expect(await kube.get(BLOCKS, '10-0-0-0-30')).toBeUndefined();
    expect(await kube.update(BLOCKS, storage.toStored('IPAMBlock', next))).toBe('gone');
  });

  test('an affinity, and the settings of IPAM, in the spelling of the group', async () => {
    await install(group);
    const affinity = storage.fromStored('BlockAffinity', { metadata: { name: 'a-x' }, spec: { cidr: '10.0.0.0/26', node: 'a', state: 'pending' } }).value!;
    const stored = await kube.create(storage.resource('BlockAffinity'), storage.toStored('BlockAffinity', affinity)) as KubeObject;
    expect(stored['spec']).toEqual({ cidr: '10.0.0.0/26', node: 'a', state: 'pending', deleted: group === 'v1' ? 'false' : false });
    const settings = storage.fromStored('IPAMConfiguration', { metadata: { name: 'default' }, spec: { strictAffinity: true } }).value!;
    expect(await kube.create(storage.resource('IPAMConfiguration'), storage.toStored('IPAMConfiguration', settings))).toMatchObject({
      kind: group === 'v1' ? 'IPAMConfig' : 'IPAMConfiguration', spec: { strictAffinity: true, autoAllocateBlocks: true },
    });
  });

  test('the server refuses AS 0 at the door and takes what Calico refuses; settings of the future survive', async () => {
    await install(group);
    const peer = (asNumber: number): KubeObject => ({ apiVersion: apiVersionIn(group), kind: 'BGPPeer', metadata: { name: 'tor' }, spec: { peerIP: '192.0.2.1', asNumber } });
    await expect(kube.create(storage.resource('BGPPeer'), peer(0))).rejects.toThrow(/spec\.asNumber.*greater than or equal to 1/);
    expect(await kube.create(storage.resource('BGPPeer'), peer(4_200_000_000))).toMatchObject({ spec: { asNumber: 4_200_000_000 } });
    const felix = storage.fromStored('FelixConfiguration', { metadata: { name: 'default' }, spec: { logSeverityScreen: 'warning', reportingInterval: '1.5s', fromTheFuture: { a: 1 } } }).value!;
    expect(await kube.create(storage.resource('FelixConfiguration'), storage.toStored('FelixConfiguration', felix))).toMatchObject({ spec: { fromTheFuture: { a: 1 }, reportingInterval: '1.5s' } });
  });

  test('a watch outlives compaction and restart of the server, and tells differences only', async () => {
    await install(group);
    const pool = (name: string): KubeObject => storage.toStored('IPPool', storage.fromStored('IPPool', { metadata: { name }, spec: { cidr: `10.${name.charCodeAt(0)}.0.0/16` } }).value!);
    await kube.create(POOLS, pool('a'));
    await kube.create(POOLS, pool('b'));
    const told: string[] = [];
    using _watch = kube.watch(POOLS, {}, {
      upsert: (o) => { told.push(`+${o.metadata.name}`); }, remove: (o) => { told.push(`-${o.metadata.name}`); }, synced: () => { told.push('synced'); },
    });
    await eventually(10_000, () => { expect(told).toEqual(['+a', '+b', 'synced']); });
    const { port } = server;
    await server[Symbol.asyncDispose]();
    await start(port);
    using other = openKube(accessFromText(server.kubeconfig, 'kubeconfig'), { clock: systemClock, random: () => 0 });
    await other.delete(POOLS, 'a');
    await other.create(POOLS, pool('c'));
    server.compact();
    await eventually(20_000, () => { expect([...told.slice(3)].sort()).toEqual(['+c', '-a']); });
    await other.create(POOLS, pool('d'));
    await eventually(10_000, () => { expect(told.slice(5)).toEqual(['+d']); });
  });

  test('discovery finds the group, and the cluster comes in sync', async () => {
    await install(group);
    await kube.create(NODES, { apiVersion: 'v1', kind: 'Node', metadata: { name: 'a', annotations: { 'projectcalico.org/IPv4Address': '10.0.0.1/24' } } });
    const found = await discoverStorage({ kube, clock: systemClock, random: () => 0, log: silentLog });
    expect(found.group).toBe(group);
    using cluster = startCluster({ kube, log: silentLog, storage: found, node: 'a' });
    await cluster.whenInSync();
    expect([...cluster.snapshot().Node.keys()]).toEqual(['a']);
    expect([...cluster.away]).toEqual([]);
  });
});
