import { expect, test } from '@jest/globals';
import { startCluster, type ClusterSource } from '../../../agent/cluster.ts';
import { storageFor } from '../../../config/storage/storage.ts';
import { speakerConfigFor } from '../../../config/translate/speaker.ts';
import { silentLog } from '../../../lib/log.ts';
import type { KubeObject, ListOptions, Resource, WatchHandler } from '../../../sys/kube/client.ts';
import { eventually } from '../../support/eventually.ts';
import { MemoryKube } from '../../support/memory-kube.ts';

const storage = storageFor('v3');
const SECRETS = { plural: 'secrets' };
const ref = (name: string, key = 'k') => ({ secretKeyRef: { name, key } });
const base64 = (text: string): string => Buffer.from(text).toString('base64');

const putSecret = (kube: MemoryKube, name: string, password: string, namespace = 'kube-system'): void => {
  kube.put(SECRETS, { apiVersion: 'v1', kind: 'Secret', metadata: { name, namespace }, data: { k: base64(password) } });
};
const putPeer = (kube: MemoryKube, name: string, spec: object): void => {
  kube.put(storage.resource('BGPPeer'), { apiVersion: 'projectcalico.org/v3', kind: 'BGPPeer', metadata: { name }, spec });
};

function start(kube: MemoryKube): ClusterSource {
  kube.put({ plural: 'nodes' }, { apiVersion: 'v1', kind: 'Node', metadata: { name: 'a', annotations: { 'projectcalico.org/IPv4Address': '10.0.0.1/24' } } });
  return startCluster({ kube, log: silentLog, storage, node: 'a' });
}
const passwords = (cluster: ClusterSource): (string | undefined)[] => speakerConfigFor(cluster.snapshot(), 'a').value!.peers.peers.map((p) => p.password);

test('only the Secrets that are named are watched, and only in the agent\'s namespace', async () => {
  const kube = new MemoryKube();
  const asked: ListOptions[] = [];
  const watch = kube.watch.bind(kube);
  kube.watch = <T extends KubeObject>(resource: Resource, options: ListOptions, handler: WatchHandler<T>) => {
    if (resource.plural === 'secrets') asked.push(options);
    return watch(resource, options, handler);
  };
  putSecret(kube, 'one', 'right');
  putSecret(kube, 'one', 'wrong', 'default');
  putPeer(kube, 'p', { peerIP: '192.0.2.1', asNumber: 1, password: ref('one') });
  putPeer(kube, 'q', { peerIP: '192.0.2.2', asNumber: 1, password: ref('one') });
  using cluster = start(kube);
  await eventually(5_000, () => { expect([cluster.inSync, cluster.awaitsSecrets]).toEqual([true, false]); });
  expect(asked).toEqual([{ namespace: 'kube-system', fieldSelector: 'metadata.name=one' }]);
  expect(passwords(cluster)).toEqual(['right', 'right']);
});

test('a Secret that comes, changes or goes changes the sessions; one that nobody names any more is forgotten', async () => {
  const kube = new MemoryKube();
  putPeer(kube, 'p', { peerIP: '192.0.2.1', asNumber: 1, password: ref('one') });
  using cluster = start(kube);
  await eventually(5_000, () => { expect([cluster.inSync, cluster.complete]).toEqual([true, true]); });
  expect(passwords(cluster)).toEqual([]);
  const kinds: string[] = [];
  using _listening = cluster.onChange((change) => { if ('kind' in change) kinds.push(`${change.type} ${change.kind} ${change.name}`); });
  putSecret(kube, 'one', 'first');
  expect(passwords(cluster)).toEqual(['first']);
  putSecret(kube, 'one', 'second');
  expect(passwords(cluster)).toEqual(['second']);
  await kube.delete({ group: '', version: 'v1', plural: 'secrets', namespaced: true }, 'one');
  await kube.delete({ group: '', version: 'v1', plural: 'secrets', namespaced: true }, 'one', { namespace: 'kube-system' });
  putPeer(kube, 'p', { peerIP: '192.0.2.1', asNumber: 1 });
  expect(cluster.snapshot().Secret.size).toBe(0);
  expect(kinds).toEqual(['upsert Secret one', 'upsert Secret one', 'upsert Secret one', 'remove Secret one', 'upsert BGPPeer p']);
});

test('a password that was known outlives its Secret, and a value that cannot be one', async () => {
  const kube = new MemoryKube();
  putPeer(kube, 'p', { peerIP: '192.0.2.1', asNumber: 1, password: ref('one') });
  putSecret(kube, 'one', 'known');
  using cluster = start(kube);
  await eventually(5_000, () => { expect([cluster.inSync, cluster.complete]).toEqual([true, true]); });
  const said = (): string[] => speakerConfigFor(cluster.snapshot(), 'a').problems.map((p) => p.message);
  putSecret(kube, 'one', 'x'.repeat(81));
  expect([passwords(cluster), said()]).toEqual([['known'], [expect.stringMatching(/has 81 octets.*the password that was known stays in force/)]]);
  await kube.delete({ group: '', version: 'v1', plural: 'secrets', namespaced: true }, 'one', { namespace: 'kube-system' });
  expect([passwords(cluster), said()]).toEqual([['known'], [expect.stringMatching(/there is no Secret "one".*stays in force/)]]);
  putSecret(kube, 'one', 'new');
  expect([passwords(cluster), said()]).toEqual([['new'], []]);
});

/** Secrets whose first answer is given by hand. */
class SlowSecrets extends MemoryKube {
  handlers: WatchHandler<KubeObject>[] = [];
  override watch<T extends KubeObject>(resource: Resource, options: ListOptions, handler: WatchHandler<T>): Disposable {
    if (resource.plural !== 'secrets') return super.watch(resource, options, handler);
    this.handlers.push(handler);
    return { [Symbol.dispose]: () => undefined };
  }
}

test('while it is not known whether a Secret exists nothing is complete; a refusal is an answer, an absent API is none', async () => {
  const kube = new SlowSecrets();
  putPeer(kube, 'p', { peerIP: '192.0.2.1', asNumber: 1, password: ref('one') });
  using cluster = start(kube);
  await cluster.whenInSync();
  expect([cluster.awaitsSecrets, cluster.complete]).toEqual([true, false]);
  kube.handlers[0]!.disconnected!(true, 'KUBE_UNREACHABLE (path=/api/v1/…)');
  expect(cluster.awaitsSecrets).toBe(true);
  kube.handlers[0]!.disconnected!(true, 'KUBE_REFUSED (request=GET status=403 reason=Forbidden)');
  expect([cluster.awaitsSecrets, cluster.complete]).toEqual([false, true]);
  expect(speakerConfigFor(cluster.snapshot(), 'a').problems.map((p) => p.message)).toEqual([expect.stringContaining('Secret "one" may not be read (KUBE_REFUSED')]);
  kube.handlers[0]!.upsert({ apiVersion: 'v1', kind: 'Secret', metadata: { name: 'one' }, data: { k: base64('now') } });
  expect(passwords(cluster)).toEqual(['now']);
});
