/** Deletion: preconditions, finalizers, grace, collections, namespaces. */
import { expect, test } from '@jest/globals';
import { eventually } from '../support/eventually.ts';
import { MERGE } from './api.ts';
import { configMap, created, newNamespace, pod, type Suite } from './builders.ts';

export const deleting: Suite = (server) => {
  const maps = async (): Promise<string> => `/api/v1/namespaces/${await newNamespace(server().api)}/configmaps`;

  test('a deleted object is gone, and the answer names it', async () => {
    const { api } = server();
    const path = await maps();
    const object = await created(api, path, configMap('a'));
    const { status, body } = await api.delete(`${path}/a`);
    expect([status, body]).toEqual([200, { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', details: { name: 'a', kind: 'configmaps', uid: object.metadata.uid } }]);
    expect((await api.get(`${path}/a`)).status).toBe(404);
    expect((await api.delete(`${path}/a`)).status).toBe(404);
  });

  test('preconditions on uid and resourceVersion', async () => {
    const { api } = server();
    const path = await maps();
    const object = await created(api, path, configMap('a'));
    const { metadata } = (await api.patch(`${path}/a`, MERGE, { data: { n: '1' } })).body;
    const other = await api.delete(`${path}/a`, { preconditions: { uid: 'another' } });
    expect([other.status, other.body.reason]).toEqual([409, 'Conflict']);
    expect(other.body.message).toContain('the UID in the precondition (another) does not match the UID in record');
    const stale = await api.delete(`${path}/a`, { preconditions: { resourceVersion: object.metadata.resourceVersion } });
    expect([stale.status, stale.body.reason]).toEqual([409, 'Conflict']);
    expect((await api.delete(`${path}/a`, { preconditions: { uid: metadata.uid, resourceVersion: metadata.resourceVersion } })).status).toBe(200);
  });

  test('an object with finalizers stays until the last one is removed', async () => {
    const { api } = server();
    const path = await maps();
    await created(api, path, configMap('a', {}, { finalizers: ['x.example/one', 'x.example/two'] }));
    const marked = await api.delete(`${path}/a`);
    expect(marked.body).toMatchObject({ kind: 'ConfigMap', metadata: { deletionTimestamp: expect.any(String), deletionGracePeriodSeconds: 0 } });
    const again = await api.delete(`${path}/a`);
    expect(again.body.metadata.deletionTimestamp).toBe(marked.body.metadata.deletionTimestamp);
    const added = await api.patch(`${path}/a`, MERGE, { metadata: { finalizers: ['x.example/one', 'x.example/two', 'x.example/three'] } });
    expect([added.status, added.body.message]).toEqual([422, expect.stringContaining('no new finalizers can be added if the object is being deleted')]);
    expect((await api.patch(`${path}/a`, MERGE, { metadata: { finalizers: ['x.example/two'] } })).status).toBe(200);
    expect((await api.get(`${path}/a`)).status).toBe(200);
    const { body } = await api.get(path);
    using watch = await api.watch(`${path}?watch=1&resourceVersion=${body.metadata.resourceVersion}`);
    expect((await api.patch(`${path}/a`, MERGE, { metadata: { finalizers: null } })).status).toBe(200);
    expect(await watch.take(1)).toEqual([['DELETED', 'a']]);
    expect((await api.get(`${path}/a`)).status).toBe(404);
  });

  test('a pod on a node stays for its grace period, until the kubelet ends it', async () => {
    const { api } = server();
    const path = `/api/v1/namespaces/${await newNamespace(api)}/pods`;
    await created(api, path, pod('p', { nodeName: 'n' }));
    const marked = (await api.delete(`${path}/p`)).body;
    expect(marked).toMatchObject({ kind: 'Pod', metadata: { deletionTimestamp: expect.any(String), deletionGracePeriodSeconds: 30 } });
    expect((await api.delete(`${path}/p`, { gracePeriodSeconds: 5 })).body.metadata.deletionGracePeriodSeconds).toBe(5);
    expect((await api.get(`${path}/p`)).status).toBe(200);
    expect((await api.delete(`${path}/p`, { gracePeriodSeconds: 0 })).status).toBe(200);
    expect((await api.get(`${path}/p`)).status).toBe(404);
  });

  test('a pod that no node runs goes at once', async () => {
    const { api } = server();
    const path = `/api/v1/namespaces/${await newNamespace(api)}/pods`;
    await created(api, path, pod('p'));
    expect((await api.delete(`${path}/p`)).body.kind).toBe('Pod');
    expect((await api.get(`${path}/p`)).status).toBe(404);
  });

  test('a collection is deleted as far as the selectors select', async () => {
    const { api } = server();
    const path = await maps();
    for (const [name, set] of [['a', 'x'], ['b', 'x'], ['c', 'y']] as const) await created(api, path, configMap(name, {}, { labels: { set } }));
    const { status, body } = await api.delete(`${path}?labelSelector=set%3Dx`);
    expect([status, body.kind, body.items.length]).toEqual([200, 'ConfigMapList', 2]);
    expect((await api.get(path)).body.items.map((i: { metadata: { name: string } }) => i.metadata.name)).toEqual(['c']);
  });

  test('the default namespaces are there; a deleted one takes nothing new, and goes with its content', async () => {
    const { api, hasControllers } = server();
    for (const name of ['default', 'kube-system', 'kube-public', 'kube-node-lease']) expect((await api.get(`/api/v1/namespaces/${name}`)).body.status.phase).toBe('Active');
    const refused = await api.delete('/api/v1/namespaces/default');
    expect([refused.status, refused.body.reason]).toEqual([403, 'Forbidden']);
    const name = await newNamespace(api);
    await created(api, `/api/v1/namespaces/${name}/configmaps`, configMap('held', {}, { finalizers: ['x.example/held'] }));
    await created(api, `/api/v1/namespaces/${name}/configmaps`, configMap('free'));
    const marked = (await api.delete(`/api/v1/namespaces/${name}`)).body;
    expect(marked).toMatchObject({ kind: 'Namespace', status: { phase: 'Terminating' }, metadata: { deletionTimestamp: expect.any(String) } });
    await eventually(10_000, async () => {
      const late = await api.post(`/api/v1/namespaces/${name}/configmaps?dryRun=All`, configMap('late'));
      expect([late.status, late.body.reason, late.body.details?.causes?.[0]?.reason]).toEqual([403, 'Forbidden', 'NamespaceTerminating']);
    });
    if (!hasControllers) return; // on a cluster the controller manager does the rest
    await eventually(5_000, async () => { expect((await api.get(`/api/v1/namespaces/${name}/configmaps/free`)).status).toBe(404); });
    expect((await api.get(`/api/v1/namespaces/${name}`)).status).toBe(200);
    await api.patch(`/api/v1/namespaces/${name}/configmaps/held`, MERGE, { metadata: { finalizers: null } });
    await eventually(5_000, async () => { expect((await api.get(`/api/v1/namespaces/${name}`)).status).toBe(404); });
  });
};
