/** The IPAM service against an API in memory: what it writes, in which order, and what it does when others interfere. */
import { beforeEach, describe, expect, test } from '@jest/globals';
import { storageFor } from '../../../config/storage/storage.ts';
import { parseResource } from '../../../config/kinds/kinds.ts';
import { silentLog } from '../../../lib/log.ts';
import { prefix, showIp } from '../../../lib/ip/text.ts';
import { stringifyJson } from '../../../lib/json.ts';
import { DEFAULT_SETTINGS, type IpamView } from '../../../ipam/blocks/allocator.ts';
import { flawOf, newBlock, type BlockSpec } from '../../../ipam/blocks/block.ts';
import { poolOf, type Pool } from '../../../ipam/blocks/pools.ts';
import { Ipam, type AllocateRequest, type AllocateResult } from '../../../ipam/service.ts';
import { ipamStore } from '../../../ipam/store.ts';
import type { KubeObject } from '../../../sys/kube/client.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { MemoryKube, type Call } from '../../support/memory-kube.ts';

const pool = (name: string, cidr: string, blockSize: number, extra: object = {}): Pool =>
  poolOf(parseResource('IPPool', { metadata: { name }, spec: { cidr, blockSize, ...extra } }).value!)!;

const POOLS = [pool('p4', '10.244.0.0/24', 26), pool('p6', 'fd00:244::/112', 122)];
let kube: MemoryKube;
let clock: FakeClock;

beforeEach(() => { kube = new MemoryKube(); clock = new FakeClock(); });

function service(node = 'n1', view: Partial<IpamView> = {}, group: 'v1' | 'v3' = 'v1'): Ipam {
  const whole: IpamView = { pools: POOLS, settings: DEFAULT_SETTINGS, reserved: [], nodeLabels: {}, ...view };
  return new Ipam({ store: ipamStore(kube, storageFor(group)), clock, log: silentLog, node, view: () => whole });
}

const request = (id: string, changes: Partial<AllocateRequest> = {}): AllocateRequest => ({
  handle: `k8s-pod-network.${id}`, secondary: { namespace: 'default', node: 'n1', pod: id, timestamp: 'then' },
  families: ['ipv4'], pools: { ipv4: [], ipv6: [] }, namespaceLabels: {}, ...changes,
});

function addresses(result: AllocateResult): string[] {
  if (result.type === 'refused') throw new Error(result.reason);
  return result.addresses.map((a) => showIp(a.address));
}

const writes = (): string[] => kube.calls.filter((c) => !['get', 'list'].includes(c.verb)).map((c) => `${c.verb} ${c.plural}`);
const specs = (plural: string): Record<string, unknown>[] => kube.all(plural).map((o) => o['spec'] as Record<string, unknown>);
const blocks = (): BlockSpec[] => specs('ipamblocks') as unknown as BlockSpec[];
/** Addresses held, by what the blocks say. */
const held = (): number => blocks().reduce((sum, b) => sum + b.allocations.filter((a) => a !== null).length, 0);
function onCall(verb: string, plural: string, body: (call: Call) => void | Promise<void>): void {
  let done = false;
  kube.before = (call: Call) => {
    if (done || call.verb !== verb || call.plural !== plural) return undefined;
    done = true;
    return body(call);
  };
}

test('the first address of a node: affinity pending, block, affinity confirmed, handle, block', async () => {
  const ipam = service();
  await ipam.allocate(request('a'));
  expect(writes()).toEqual(['create blockaffinities', 'create ipamblocks', 'update blockaffinities', 'create ipamhandles', 'update ipamblocks']);
  expect(specs('blockaffinities')).toEqual([{ cidr: expect.stringMatching(/^10\.244\.0\.\d+\/26$/), deleted: 'false', node: 'n1', state: 'confirmed', type: 'host' }]);
  const [block] = blocks();
  expect(specs('ipamhandles')).toEqual([{ block: { [block!.cidr]: 1 }, deleted: false, handleID: 'k8s-pod-network.a' }]);
  expect(block).toMatchObject({ affinity: 'host:n1', attributes: [{ handle_id: 'k8s-pod-network.a', secondary: { pod: 'a' } }], unallocated: Array.from({ length: 63 }, (_, i) => i + 1) });
});

test('the affinity is the object that Calico writes, but for its name and block', async () => {
  const ipam = service('n9', { pools: [pool('p4', '10.244.162.128/26', 26)] });
  await ipam.allocate(request('a'));
  const { uid: _u, creationTimestamp: _c, resourceVersion: _r, ...metadata } = kube.all('blockaffinities')[0]!.metadata;
  expect({ ...kube.all('blockaffinities')[0], metadata }).toEqual({
    apiVersion: 'crd.projectcalico.org/v1', kind: 'BlockAffinity',
    metadata: {
      name: 'n9-10-244-162-128-26',
      annotations: { 'projectcalico.org/metadata': '{"labels":{"projectcalico.org/affinity-type":"host","projectcalico.org/hostname-hash":"K6YWKITQRRCNXSEUJ3E5XVFIM7Z5ZEL5UM4GCPUWQTHDAC5YB3FA","projectcalico.org/ip-version":"4"}}' },
      labels: { 'projectcalico.org/affinity-type': 'host', 'projectcalico.org/hostname-hash': 'K6YWKITQRRCNXSEUJ3E5XVFIM7Z5ZEL5UM4GCPUWQTHDAC5YB3FA', 'projectcalico.org/ip-version': '4' },
    },
    spec: { cidr: '10.244.162.128/26', deleted: 'false', node: 'n9', state: 'confirmed', type: 'host' },
  });
  for (const plural of ['ipamblocks', 'ipamhandles']) {
    expect(kube.all(plural)[0]!.metadata.annotations).toEqual({ 'projectcalico.org/metadata': '{}' });
  }
});

test('in the v3 group an affinity says deleted: false', async () => {
  await service('n1', {}, 'v3').allocate(request('a'));
  expect(specs('blockaffinities')[0]).toMatchObject({ deleted: false });
  expect(kube.all('blockaffinities')[0]!.metadata.annotations).toBeUndefined();
});

test('the second address costs two writes and no reads', async () => {
  const ipam = service();
  const first = addresses(await ipam.allocate(request('a')));
  kube.calls.length = 0;
  const second = addresses(await ipam.allocate(request('b')));
  expect(kube.calls.map((c) => `${c.verb} ${c.plural}`)).toEqual(['create ipamhandles', 'update ipamblocks']);
  expect(second).not.toEqual(first);
});

test('a release writes the block, then deletes the handle, and reads nothing it knows', async () => {
  const ipam = service();
  await ipam.allocate(request('a'));
  kube.calls.length = 0;
  expect(await ipam.release('k8s-pod-network.a')).toBe(1);
  expect(kube.calls.map((c) => `${c.verb} ${c.plural}`)).toEqual(['update ipamblocks', 'delete ipamhandles']);
  expect([specs('ipamhandles'), held()]).toEqual([[], 0]);
});

test('a release is safe to repeat, and an unknown handle is success', async () => {
  const ipam = service();
  await ipam.allocate(request('a'));
  expect([await ipam.release('k8s-pod-network.a'), await ipam.release('k8s-pod-network.a'), await ipam.release('x_y')]).toEqual([1, 0, 0]);
});

test('an agent that has restarted releases by what the API says, and uses its block again', async () => {
  await service().allocate(request('a'));
  const restarted = service();
  expect(await restarted.release('k8s-pod-network.a')).toBe(1);
  await restarted.allocate(request('b'));
  expect(blocks()).toHaveLength(1);
});

test('sequence numbers count up with each write, without loss', async () => {
  const ipam = service();
  await ipam.allocate(request('a'));
  const start = BigInt(clock.wallTime()) * 1_000_000n;
  expect(blocks()[0]).toMatchObject({ sequenceNumber: start + 1n, sequenceNumberForAllocation: { 0: start } });
  await ipam.allocate(request('b'));
  expect(blocks()[0]).toMatchObject({ sequenceNumber: start + 2n, sequenceNumberForAllocation: { 0: start, 1: start + 1n } });
});

test('fields that a newer release wrote survive our writes', async () => {
  const ipam = service();
  await ipam.allocate(request('a'));
  const stored = kube.all('ipamblocks')[0]!;
  kube.put({ plural: 'ipamblocks' }, { ...stored, spec: { ...(stored['spec'] as object), futureField: { a: [1] } } });
  await ipam.allocate(request('b'));
  expect(specs('ipamblocks')[0]).toMatchObject({ futureField: { a: [1] }, attributes: [{}, {}] });
});

test('dual stack gives one of each family under one handle', async () => {
  const ipam = service();
  const result = addresses(await ipam.allocate(request('a', { families: ['ipv4', 'ipv6'] })));
  expect(result).toEqual([expect.stringMatching(/^10\.244/), expect.stringMatching(/^fd00:244:/)]);
  expect(Object.values((specs('ipamhandles')[0] as { block: object }).block)).toEqual([1, 1]);
});

test('dual stack is all or nothing: without an IPv6 pool nothing is held and nothing was written for the handle', async () => {
  const ipam = service('n1', { pools: [POOLS[0]!] });
  expect(await ipam.allocate(request('a', { families: ['ipv4', 'ipv6'] }))).toEqual({ type: 'refused', reason: 'no IPv6 address: there is no IPv6 pool' });
  expect([specs('ipamhandles'), held()]).toEqual([[], 0]);
});

test('a full pool names itself, and gives again after a release', async () => {
  const ipam = service('n1', { pools: [pool('tiny', '10.1.0.0/31', 31)] });
  await ipam.allocate(request('a'));
  await ipam.allocate(request('b'));
  expect(await ipam.allocate(request('c'))).toEqual({
    type: 'refused', reason: 'no IPv4 address: pool tiny (10.1.0.0/31): no block is free, and none of this node has a free address',
  });
  await ipam.release('k8s-pod-network.a');
  expect(addresses(await ipam.allocate(request('c')))).toEqual(['10.1.0.0']);
});

test('a full block leads to the next block, a full pool to the next pool', async () => {
  const ipam = service('n1', { pools: [pool('a', '10.1.0.0/30', 31), pool('b', '10.2.0.0/31', 31)] });
  const all: string[] = [];
  for (const id of ['a', 'b', 'c', 'd', 'e', 'f']) all.push(...addresses(await ipam.allocate(request(id))));
  expect(all.slice().sort()).toEqual(['10.1.0.0', '10.1.0.1', '10.1.0.2', '10.1.0.3', '10.2.0.0', '10.2.0.1']);
  expect(all.slice(0, 4).every((a) => a.startsWith('10.1.'))).toBe(true);
});

test('reserved addresses are passed over', async () => {
  const ipam = service('n1', { pools: [pool('tiny', '10.1.0.0/30', 30)], reserved: [prefix('10.1.0.0/31')] });
  expect([addresses(await ipam.allocate(request('a'))), addresses(await ipam.allocate(request('b')))]).toEqual([['10.1.0.2'], ['10.1.0.3']]);
  expect((await ipam.allocate(request('c'))).type).toBe('refused');
  expect(blocks()[0]!.unallocated).toEqual([0, 1]);
});

test('requests at the same time share one claim and few writes, and get different addresses', async () => {
  const ipam = service();
  const results = await Promise.all(Array.from({ length: 40 }, (_, i) => ipam.allocate(request(`c${i}`))));
  expect(new Set(results.flatMap(addresses)).size).toBe(40);
  expect([blocks().length, specs('blockaffinities').length, held()]).toEqual([1, 1, 40]);
  expect(writes().filter((w) => w === 'update ipamblocks').length).toBeLessThan(10);
  expect(blocks().map(flawOf)).toEqual([undefined]);
});

test('requests at the same time beyond one block take two', async () => {
  const ipam = service();
  const results = await Promise.all(Array.from({ length: 70 }, (_, i) => ipam.allocate(request(`c${i}`, { families: ['ipv4', 'ipv6'] }))));
  expect(new Set(results.flatMap(addresses)).size).toBe(140);
  expect([blocks().length, held()]).toEqual([4, 140]);
  await Promise.all(Array.from({ length: 70 }, (_, i) => ipam.release(`k8s-pod-network.c${i}`)));
  expect([held(), specs('ipamhandles').length, blocks().map(flawOf)]).toEqual([0, 0, [undefined, undefined, undefined, undefined]]);
});

test('two nodes that want the same block get two', async () => {
  const one = pool('one', '10.1.0.0/29', 30);
  const [a, b] = [service('n1', { pools: [one] }), service('n2', { pools: [one] })];
  const results = await Promise.all([a.allocate(request('a')), b.allocate(request('b'))]);
  expect(new Set(results.flatMap(addresses)).size).toBe(2);
  expect(blocks().map((x) => x.affinity).sort()).toEqual(['host:n1', 'host:n2']);
  expect(specs('blockaffinities')).toEqual([expect.objectContaining({ state: 'confirmed' }), expect.objectContaining({ state: 'confirmed' })]);
});

describe('when others interfere', () => {
  test('a block written by somebody else in between is read again, and both changes stay', async () => {
    const ipam = service();
    await ipam.allocate(request('a'));
    onCall('update', 'ipamblocks', () => {
      const stored = kube.all('ipamblocks')[0]!;
      kube.put({ plural: 'ipamblocks' }, { ...stored, spec: { ...(stored['spec'] as object), foreign: true } });
    });
    await ipam.allocate(request('b'));
    expect(specs('ipamblocks')[0]).toMatchObject({ foreign: true, attributes: [{ handle_id: 'k8s-pod-network.a' }, { handle_id: 'k8s-pod-network.b' }] });
  });

  test('a block that another node took first: our affinity goes, the next block is claimed', async () => {
    onCall('create', 'ipamblocks', ({ name }) => {
      const cidr = name.replace(/^(\d+)-(\d+)-(\d+)-(\d+)-/, '$1.$2.$3.$4/');
      kube.put({ plural: 'ipamblocks' }, { apiVersion: 'x', kind: 'IPAMBlock', metadata: { name }, spec: newBlock(prefix(cidr), 'host:n2', 1) });
    });
    const result = addresses(await service().allocate(request('a')));
    expect(result).toHaveLength(1);
    expect(blocks().map((b) => b.affinity).sort()).toEqual(['host:n1', 'host:n2']);
    expect(specs('blockaffinities')).toEqual([expect.objectContaining({ state: 'confirmed', cidr: blocks().find((b) => b.affinity === 'host:n1')!.cidr })]);
  });

  test('our block released by a garbage collector: the next request claims one again', async () => {
    const ipam = service();
    await ipam.allocate(request('a'));
    await ipam.release('k8s-pod-network.a');
    for (const at of [...kube.objects.keys()]) if (/^(ipamblocks|blockaffinities)/.test(at)) kube.objects.delete(at);
    expect(addresses(await ipam.allocate(request('b')))).toHaveLength(1);
    expect([blocks().length, held(), specs('blockaffinities')[0]!['state']]).toEqual([1, 1, 'confirmed']);
  });

  test('our block handed to another node is not written to', async () => {
    const ipam = service();
    await ipam.allocate(request('a'));
    const stored = kube.all('ipamblocks')[0]!;
    kube.put({ plural: 'ipamblocks' }, { ...stored, spec: { ...(stored['spec'] as object), affinity: 'host:n2' } });
    await ipam.allocate(request('b'));
    expect(blocks().map((b) => [b.affinity, b.attributes.length]).sort()).toEqual([['host:n1', 1], ['host:n2', 1]]);
  });

  test('an API failure is passed on, and a release afterwards leaves nothing', async () => {
    const ipam = service();
    await ipam.allocate(request('a'));
    onCall('update', 'ipamblocks', () => { throw new Error('the API is away'); });
    await expect(ipam.allocate(request('b'))).rejects.toThrow('the API is away');
    expect(await ipam.release('k8s-pod-network.b')).toBe(0);
    expect([held(), specs('ipamhandles').length]).toEqual([1, 1]);
    expect(addresses(await ipam.allocate(request('c')))).toHaveLength(1);
  });

  test('a write that arrived although its answer did not is undone by a release', async () => {
    const ipam = service();
    await ipam.allocate(request('a'));
    kube.after = ({ verb, plural }) => { if (verb === 'update' && plural === 'ipamblocks') throw new Error('the connection is gone'); };
    await expect(ipam.allocate(request('b'))).rejects.toThrow('the connection is gone');
    kube.after = () => undefined;
    expect(await ipam.release('k8s-pod-network.b')).toBe(1);
    expect([held(), specs('ipamhandles').length]).toEqual([1, 1]);
  });

  test('a block that others filled: the handle names the next one too, so that another agent can release it', async () => {
    const ipam = service();
    await ipam.allocate(request('a'));
    onCall('update', 'ipamblocks', () => {
      const stored = kube.all('ipamblocks')[0]!;
      const full = { allocations: Array.from({ length: 64 }, () => 0), unallocated: [] };
      kube.put({ plural: 'ipamblocks' }, { ...stored, spec: { ...(stored['spec'] as object), ...full } });
    });
    expect(addresses(await ipam.allocate(request('b')))).toHaveLength(1);
    expect([blocks().length, held()]).toEqual([2, 65]);
    await service().release('k8s-pod-network.b');
    expect(held()).toBe(64);
  });

  test('a handle left behind by a crash is released before it is opened again', async () => {
    await service().allocate(request('a'));
    const restarted = service();
    await restarted.allocate(request('a'));
    expect([held(), specs('ipamhandles')]).toEqual([1, [expect.objectContaining({ block: { [blocks()[0]!.cidr]: 1 } })]]);
  });

  test('a block without affinity goes with its last address', async () => {
    const ipam = service();
    await ipam.allocate(request('a'));
    const stored = kube.all('ipamblocks')[0]!;
    const { affinity: _a, ...rest } = stored['spec'] as { affinity: string };
    kube.put({ plural: 'ipamblocks' }, { ...stored, spec: rest });
    await service('n2').release('k8s-pod-network.a');
    expect(blocks()).toEqual([]);
  });

  test('a broken block is left alone and says why', async () => {
    const ipam = service();
    await ipam.allocate(request('a'));
    const stored = kube.all('ipamblocks')[0]!;
    kube.put({ plural: 'ipamblocks' }, { ...stored, spec: { ...(stored['spec'] as object), attributes: [] } });
    await expect(ipam.release('k8s-pod-network.a')).rejects.toThrow('ordinal 0 refers to attribute 0 of 0');
    const restarted = service();
    expect(addresses(await restarted.allocate(request('b')))).toHaveLength(1);
    expect(blocks()).toHaveLength(2);
  });
});

describe('crashes between the writes of a claim', () => {
  /** Runs an ADD that dies before its n-th write. */
  async function crashedBefore(n: number): Promise<boolean> {
    let left = n;
    kube.before = ({ verb }) => { if (!['get', 'list'].includes(verb) && left-- <= 0) throw new Error('dead'); };
    const failed = await service().allocate(request('a')).then(() => false, () => true);
    kube.before = () => undefined;
    return failed;
  }

  test.each([0, 1, 2, 3, 4])('dead before write %i: the next agent gets by with one block and no leak', async (n) => {
    expect(await crashedBefore(n)).toBe(true);
    const restarted = service();
    await restarted.repair();
    await restarted.release('k8s-pod-network.a');
    expect([specs('ipamhandles').length, held()]).toEqual([0, 0]);
    await restarted.allocate(request('b'));
    expect([blocks().length, held(), specs('blockaffinities').map((a) => a['state'])]).toEqual([1, 1, ['confirmed']]);
  });
});

describe('what is found at start', () => {
  const affinity = (spec: object, labels: Record<string, string> = {}): KubeObject => ({
    apiVersion: 'crd.projectcalico.org/v1', kind: 'BlockAffinity', metadata: { name: 'n1-10-244-0-64-26', labels },
    spec: { cidr: '10.244.0.64/26', deleted: 'false', node: 'n1', state: 'confirmed', ...spec },
  });
  const block = (changes: object): KubeObject => ({
    apiVersion: 'crd.projectcalico.org/v1', kind: 'IPAMBlock', metadata: { name: '10-244-0-64-26' },
    spec: {
      cidr: '10.244.0.64/26', affinity: 'host:n1', allocations: Array.from({ length: 64 }, () => null), unallocated: Array.from({ length: 64 }, (_, i) => i),
      attributes: [], strictAffinity: false, ...changes,
    },
  });

  test('affinities of Calico before 3.31 are found and get their labels', async () => {
    kube.put({ plural: 'blockaffinities' }, affinity({}));
    kube.put({ plural: 'ipamblocks' }, block({}));
    expect(addresses(await service().allocate(request('a')))).toEqual(['10.244.0.64']);
    expect(kube.all('blockaffinities')[0]!.metadata.labels).toMatchObject({ 'projectcalico.org/affinity-type': 'host', 'projectcalico.org/ip-version': '4' });
  });

  test('a pending affinity of a block that is ours is confirmed', async () => {
    kube.put({ plural: 'blockaffinities' }, affinity({ state: 'pending' }));
    kube.put({ plural: 'ipamblocks' }, block({}));
    await service().repair();
    expect([specs('blockaffinities')[0]!['state'], blocks()[0]!.sequenceNumber]).toEqual(['confirmed', 1]);
  });

  test('a confirmed affinity without its block is pending until that is made again', async () => {
    kube.put({ plural: 'blockaffinities' }, affinity({ type: 'host' }));
    const states: unknown[] = [];
    onCall('create', 'ipamblocks', () => { states.push(specs('blockaffinities')[0]!['state']); });
    await service().repair();
    expect([...states, specs('blockaffinities')[0]!['state'], blocks().length]).toEqual(['pending', 'confirmed', 1]);
  });

  test('an affinity of a block that is another\'s is deleted', async () => {
    kube.put({ plural: 'blockaffinities' }, affinity({ state: 'pending' }));
    kube.put({ plural: 'ipamblocks' }, block({ affinity: 'host:n2' }));
    await service().repair();
    expect(specs('blockaffinities')).toEqual([]);
  });

  test('deletions that have begun are finished and do not count', async () => {
    kube.put({ plural: 'blockaffinities' }, affinity({}));
    kube.put({ plural: 'ipamblocks' }, block({ deleted: true }));
    await service().repair();
    expect([blocks().length, blocks()[0]!.deleted]).toEqual([1, false]);
  });

  test('a block of ours that no affinity leads to is taken back', async () => {
    kube.put({ plural: 'ipamblocks' }, block({}));
    const ipam = service('n1', { pools: [pool('p4', '10.244.0.64/26', 26)] });
    expect(addresses(await ipam.allocate(request('a')))).toEqual(['10.244.0.64']);
    expect(specs('blockaffinities')[0]).toMatchObject({ state: 'confirmed' });
  });
});

test('no number is written in a form that loses digits', async () => {
  await service().allocate(request('a'));
  expect(stringifyJson(kube.all('ipamblocks')[0])).toMatch(/"sequenceNumber":1700000000000000001,/);
});
