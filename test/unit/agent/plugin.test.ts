/** What the plugin does with requests that come late, or name what is another's. */
import { expect, test } from '@jest/globals';
import { Plugin } from '../../../agent/plugin.ts';
import type { Attachment } from '../../../agent/endpoints/attachment.ts';
import { Registry } from '../../../agent/registry.ts';
import { silentLog } from '../../../lib/log.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { FakePodKernel } from '../../support/fake-pod-kernel.ts';

const LIVING: Attachment = {
  state: 'attached', kind: 'link', network: 'net', containerId: 'new', interfaceName: 'eth0', netns: '/ns', netnsInode: 7, pod: undefined, handle: 'net.new',
  hostInterface: 'cali1', podMac: '02:00:00:00:00:01', mtu: 0, families: ['ipv4'], allowIpForwarding: false, addresses: [], blockLengths: [], sinceMs: 1,
};

test('a late DEL of an unknown container leaves the interface of the container that has its namespace now', async () => {
  const kernel = new FakePodKernel();
  kernel.namespaces.set('/ns', 7);
  kernel.namespaces.set('/other', 8);
  const plugin = new Plugin({
    registry: new Registry({ load: () => [LIVING], put: () => undefined, remove: () => undefined }), kernel, clock: new FakeClock(), log: silentLog, node: 'n1',
    pods: { read: () => Promise.resolve(undefined), annotate: () => Promise.resolve(true), blank: () => Promise.resolve() },
    ipam: { allocate: () => Promise.reject(new Error('nobody asked')), release: () => Promise.resolve(0) },
    gate: () => '', mtu: () => 0, onLeftover: () => undefined,
  });
  const del = async (container: string, netns: string): Promise<number> => (await plugin.answer({
    program: 'tortie', input: '{"cniVersion":"1.0.0","name":"net"}',
    environment: new Map([['CNI_COMMAND', 'DEL'], ['CNI_CONTAINERID', container], ['CNI_NETNS', netns], ['CNI_IFNAME', 'eth0']]),
  })).code;
  expect(await del('old', '/ns')).toBe(0);
  expect(kernel.deletedInside).toEqual([]);
  expect(await del('unknown', '/other')).toBe(0);
  expect(kernel.deletedInside).toEqual(['/other eth0']);
});

test('an ADD into a namespace that does not exist leaves what the container has; one into another that does moves it', async () => {
  const kernel = new FakePodKernel();
  kernel.namespaces.set('/ns', 7);
  const released: string[] = [];
  const records: string[] = [];
  const plugin = new Plugin({
    registry: new Registry({ load: () => [LIVING], put: (a) => { records.push(a.state); }, remove: () => { records.push('removed'); } }), kernel, clock: new FakeClock(), log: silentLog, node: 'n1',
    pods: { read: () => Promise.resolve(undefined), annotate: () => Promise.resolve(true), blank: () => Promise.resolve() },
    ipam: { allocate: () => Promise.reject(new Error('there is none')), release: (handle) => { released.push(handle); return Promise.resolve(0); } },
    gate: () => '', mtu: () => 0, onLeftover: () => undefined,
  });
  const add = async (netns: string): Promise<number> => (await plugin.answer({
    program: 'tortie', input: '{"cniVersion":"1.0.0","name":"net"}',
    environment: new Map([['CNI_COMMAND', 'ADD'], ['CNI_CONTAINERID', 'new'], ['CNI_NETNS', netns], ['CNI_IFNAME', 'eth0']]),
  })).code;
  expect([await add('/nowhere'), released, records]).toEqual([4, [], []]);
  kernel.namespaces.set('/other', 8);
  await add('/other');
  expect([released[0], records.slice(0, 2)]).toEqual(['net.new', ['deleting', 'removed']]);
});
