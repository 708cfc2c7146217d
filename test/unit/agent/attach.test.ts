/** Attaching and detaching against an API and a kernel in memory: what goes on at the same time, and what fails half way. */
import { beforeEach, describe, expect, test } from '@jest/globals';
import { attach, detach, type AttachIntent, type AttachPorts } from '../../../agent/attach.ts';
import { aliasOfAttachment, type Attachment } from '../../../agent/endpoints/attachment.ts';
import { podsIn } from '../../../agent/pods.ts';
import type { RecordPort } from '../../../agent/ports.ts';
import { Registry } from '../../../agent/registry.ts';
import { repair, repairRoutes } from '../../../agent/repair.ts';
import type { IpamRequest } from '../../../cni/protocol/configuration.ts';
import { parseResource } from '../../../config/kinds/kinds.ts';
import { storageFor } from '../../../config/storage/storage.ts';
import { DEFAULT_SETTINGS } from '../../../ipam/blocks/allocator.ts';
import type { BlockSpec } from '../../../ipam/blocks/block.ts';
import { poolOf } from '../../../ipam/blocks/pools.ts';
import { Ipam } from '../../../ipam/service.ts';
import { ipamStore } from '../../../ipam/store.ts';
import { silentLog } from '../../../lib/log.ts';
import { showPrefix } from '../../../lib/ip/text.ts';
import { hostPrefix } from '../../../lib/ip/prefix.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { FakePodKernel } from '../../support/fake-pod-kernel.ts';
import { MemoryKube } from '../../support/memory-kube.ts';

const POOL = poolOf(parseResource('IPPool', { metadata: { name: 'p4' }, spec: { cidr: '10.244.0.0/24' } }).value!)!;
const CONFIGURED: IpamRequest = { families: ['ipv4'], pools: { ipv4: [], ipv6: [] } };
const WANT: AttachIntent = {
  kind: 'link', network: 'k8s-pod-network', containerId: 'c1', interfaceName: 'eth0', netns: '/ns', pod: { namespace: 'default', name: 'web', uid: '' },
  handle: 'k8s-pod-network.c1', hostInterface: 'cali1', podMac: '02:00:00:00:00:01', mtu: 0, families: ['ipv4'], allowIpForwarding: false,
};

let kube: MemoryKube;
let kernel: FakePodKernel;
let isDiskFull: boolean;
let records: Map<string, Attachment>;
let ports: AttachPorts & { readonly ipam: Ipam };

beforeEach(() => {
  kube = new MemoryKube();
  isDiskFull = false;
  kernel = new FakePodKernel();
  kernel.namespaces.set('/ns', 7);
  records = new Map();
  const disk: RecordPort = { load: () => [...records.values()], put: (a) => { if (isDiskFull) throw new Error('ENOSPC'); records.set(a.containerId, a); }, remove: (a) => { records.delete(a.containerId); } };
  const clock = new FakeClock();
  const view = { pools: [POOL], settings: DEFAULT_SETTINGS, reserved: [], nodeLabels: {} };
  const ipam = new Ipam({ store: ipamStore(kube, storageFor('v3')), clock, log: silentLog, node: 'n1', view: () => view });
  ports = { registry: new Registry(disk), kernel, ipam, pods: podsIn(kube), clock, log: silentLog, node: 'n1' };
  kube.put({ plural: 'pods' }, { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'web', namespace: 'default', uid: 'u1', annotations: { own: 'kept' } } });
});

const blocks = (): BlockSpec[] => kube.all('ipamblocks').map((o) => o['spec'] as BlockSpec);
const held = (): number => blocks().reduce((n, b) => n + b.attributes.length, 0);
const annotations = (): Readonly<Record<string, string>> => kube.all('pods')[0]!.metadata.annotations ?? {};

function expectNothing(): void {
  expect([held(), kube.all('ipamhandles').length, kernel.links.size, kernel.routes.size, records.size]).toEqual([0, 0, 0, 0, 0]);
}

/** Lets everything happen that waits for nothing from outside. */
async function turns(): Promise<void> {
  for (let i = 0; i < 50; i++) await new Promise((resolve) => { setImmediate(resolve); });
}

/** Somebody takes the next address of our block in the very moment in which we do. */
function overtakeOnce(): void {
  let done = false;
  kube.before = ({ verb, plural }) => {
    if (done || verb !== 'update' || plural !== 'ipamblocks') return;
    done = true;
    const stored = kube.all('ipamblocks')[0]!;
    const spec = stored['spec'] as BlockSpec;
    const [first, ...rest] = spec.unallocated;
    kube.put({ plural: 'ipamblocks' }, { ...stored, spec: {
      ...spec, unallocated: rest, allocations: spec.allocations.with(first!, spec.attributes.length), attributes: [...spec.attributes, { handle_id: 'other' }],
    } });
  };
}

test('an attachment is recorded first and last, and everything of it agrees', async () => {
  const states: string[] = [];
  kernel.before = () => { states.push([...records.values()].map((r) => r.state).join()); };
  kube.before = ({ verb }) => { if (verb !== 'get' && verb !== 'list') states.push([...records.values()].map((r) => r.state).join()); };
  const a = await attach(ports, WANT, CONFIGURED);
  expect(new Set(states)).toEqual(new Set(['adding']));
  expect([...records.values()]).toEqual([a]);
  expect(a).toMatchObject({ state: 'attached', netnsInode: 7, pod: { uid: 'u1' } });
  const [address] = a.addresses.map((x) => showPrefix(hostPrefix(x)));
  expect(annotations()).toEqual({ own: 'kept', 'cni.projectcalico.org/containerID': 'c1', 'cni.projectcalico.org/podIP': address, 'cni.projectcalico.org/podIPs': address });
  expect([...kernel.routes.keys()].map(showPrefix)).toEqual([address]);
  expect(kernel.links.get('cali1')?.alias).toBe(aliasOfAttachment(a));
});

test('the annotations are written while the block still is', async () => {
  await attach(ports, { ...WANT, containerId: 'c0', handle: 'k8s-pod-network.c0', hostInterface: 'cali0' }, CONFIGURED); // claims the block
  const order: string[] = [];
  kube.before = async ({ verb, plural }) => {
    order.push(`${verb} ${plural}`);
    if (verb === 'update') await new Promise((resolve) => { setImmediate(() => { setImmediate(resolve); }); });
    if (verb === 'update') order.push('block written');
  };
  await attach(ports, WANT, CONFIGURED);
  expect(order.indexOf('patch pods')).toBeLessThan(order.indexOf('block written'));
});

test('an address that goes to somebody else in the same moment is taken back everywhere, and another one is attached', async () => {
  await attach(ports, { ...WANT, containerId: 'c0', handle: 'k8s-pod-network.c0', hostInterface: 'cali0' }, CONFIGURED);
  overtakeOnce();
  const a = await attach(ports, WANT, CONFIGURED);
  const address = showPrefix(hostPrefix(a.addresses[0]!));
  expect(annotations()['cni.projectcalico.org/podIP']).toBe(address);
  expect([...kernel.routes].filter(([, link]) => link === 'cali1').map(([p]) => showPrefix(p))).toEqual([address]);
  const index = blocks()[0]!.attributes.findIndex((x) => x.handle_id === WANT.handle);
  expect(blocks()[0]!.allocations.filter((x) => x === index)).toHaveLength(1);
});

describe('a failure half way leaves nothing', () => {
  test.each(['createPair', 'podAddress', 'hostRoute'] as const)('of the kernel at %s', async (type) => {
    kernel.before = (o) => { if (o.type === type) throw new Error('no memory'); };
    await expect(attach(ports, WANT, CONFIGURED)).rejects.toThrow('no memory');
    expectNothing();
    expect(annotations()['cni.projectcalico.org/podIP'] ?? '').toBe('');
  });

  test.each([
    ['createPair', 'get pods'], ['createPair', 'create ipamhandles'], ['createPair', 'update ipamblocks'],
    ['podAddress', 'update ipamblocks'], ['podAddress', 'patch pods'],
  ] as const)('of the kernel at %s while %s is under way: what comes late is taken back too', async (type, held) => {
    await (await detach(ports, await attach(ports, WANT, CONFIGURED))).linkGone; // the block is ours, with nothing in it
    const holding = Promise.withResolvers<undefined>();
    const released = Promise.withResolvers<undefined>();
    let isFirst = true;
    kube.before = async ({ verb, plural }) => {
      if (`${verb} ${plural}` !== held || !isFirst) return;
      isFirst = false;
      holding.resolve(undefined);
      await released.promise;
    };
    kernel.before = (o) => { if (o.type === type) throw new Error('no memory'); };
    const outcome = expect(attach(ports, WANT, CONFIGURED)).rejects.toThrow('no memory');
    await holding.promise;
    await turns();
    released.resolve(undefined);
    await outcome;
    await turns();
    expectNothing();
    expect(annotations()['cni.projectcalico.org/podIP'] ?? '').toBe('');
  });

  test('of the pod, which is gone when its annotations are written', async () => {
    kube.before = ({ verb, plural, name }) => { if (verb === 'patch' && plural === 'pods') kube.objects.delete(`pods/default/${name}`); };
    await expect(attach(ports, WANT, CONFIGURED)).rejects.toThrow('pod default/web has been deleted meanwhile');
    expectNothing();
  });

  test('of the pools: the refusal is the answer', async () => {
    await expect(attach(ports, WANT, { ...CONFIGURED, families: ['ipv4', 'ipv6'] })).rejects.toThrow('no IPv6 address: there is no IPv6 pool');
    expectNothing();
  });

  test('of the API: what could not be taken back is recorded, and a repair does it', async () => {
    kube.before = ({ verb, plural }) => { if (verb === 'delete' || (plural === 'ipamblocks' && verb === 'update')) throw new Error('the API is away'); };
    await expect(attach(ports, WANT, CONFIGURED)).rejects.toThrow('the API is away');
    expect([...records.values()].map((r) => r.state)).toEqual(['deleting']);
    kube.before = () => undefined;
    await repair(ports);
    expectNothing();
  });
});

describe('detach', () => {
  test('is safe to repeat', async () => {
    const a = await attach(ports, WANT, CONFIGURED);
    for (let i = 0; i < 2; i++) await (await detach(ports, a)).linkGone;
    expectNothing();
    expect(annotations()['cni.projectcalico.org/podIP']).toBe('');
  });

  test('leaves the link and the annotations of a newer sandbox of the same pod alone', async () => {
    const old = await attach(ports, WANT, CONFIGURED);
    kernel.namespaces.set('/ns2', 8);
    const next = await attach(ports, { ...WANT, containerId: 'c2', handle: 'k8s-pod-network.c2', netns: '/ns2' }, CONFIGURED);
    await (await detach(ports, old)).linkGone;
    expect([kernel.links.get('cali1')?.alias, kernel.routes.size, held(), [...records.keys()]]).toEqual([aliasOfAttachment(next), 1, 1, ['c2']]);
    expect(annotations()['cni.projectcalico.org/containerID']).toBe('c2');
    expect(annotations()['cni.projectcalico.org/podIP']).not.toBe('');
  });
});

describe('repair', () => {
  test.each(['adding', 'deleting'] as const)('takes down what was %s', async (state) => {
    const a = await attach(ports, WANT, CONFIGURED);
    ports.registry.put({ ...a, state });
    await repair(ports);
    expectNothing();
  });

  test('takes down an attachment whose link and namespace are gone, and only then', async () => {
    await attach(ports, WANT, CONFIGURED);
    await repair(ports);
    expect(records.size).toBe(1);
    kernel.deleteLink('cali1');
    await repair(ports);
    expect(records.size).toBe(1);
    kernel.namespaces.set('/ns', 9);
    await repair(ports);
    expectNothing();
  });

  test('puts routes back, removes strange ones from our links, and leaves others\' links alone', async () => {
    const a = await attach(ports, WANT, CONFIGURED);
    const own = hostPrefix(a.addresses[0]!);
    kernel.routes.clear();
    kernel.routes.set(POOL.cidr, 'cali1');
    kernel.routes.set(hostPrefix(a.addresses[0]!), 'cali9');
    kernel.links.set('cali9', { index: 99, name: 'cali9', alias: undefined });
    repairRoutes(ports);
    expect([...kernel.routes]).toEqual([[own, 'cali1']]);
    kernel.routes.set(POOL.cidr, 'cali9');
    repairRoutes(ports);
    expect(kernel.routes.get(POOL.cidr)).toBe('cali9');
  });

  test('a container is taken down although the disk is full', async () => {
    const a = await attach(ports, WANT, CONFIGURED);
    isDiskFull = true;
    await (await detach(ports, a)).linkGone;
    expectNothing();
  });

  test('names attachments whose link somebody has deleted while their container lives', async () => {
    const a = await attach(ports, WANT, CONFIGURED);
    expect((await repair(ports)).withoutLink).toEqual([]);
    kernel.deleteLink('cali1');
    expect((await repair(ports)).withoutLink).toEqual([a]);
  });

  test('names links with our mark of which there is no record', async () => {
    kernel.links.set('cali8', { index: 98, name: 'cali8', alias: 'tortie:lost@eth0' });
    expect(await repair(ports)).toMatchObject({ strayLinks: ['cali8'] });
    expect(kernel.links.has('cali8')).toBe(true);
  });
});
