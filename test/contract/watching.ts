/** Watches: from where they start, what they tell, how they end. */
import { expect, test } from '@jest/globals';
import { MERGE, TABLE, type Watch } from './api.ts';
import { configMap, created, newNamespace, pod, secret, type Suite } from './builders.ts';

export const watching: Suite = (server) => {
  const maps = async (): Promise<string> => `/api/v1/namespaces/${await newNamespace(server().api)}/configmaps`;

  /** A watch from a moment that the server has surely reached. */
  async function watchFromNow(path: string, query = ''): Promise<Watch> {
    const { body } = await server().api.get(path);
    return server().api.watch(`${path}?watch=1&resourceVersion=${body.metadata.resourceVersion}${query}`);
  }

  test('every change comes once, in order, with the object as it then was', async () => {
    const { api } = server();
    const path = await maps();
    using watch = await watchFromNow(path);
    const object = await created(api, path, configMap('a', { n: '1' }));
    const changed = (await api.patch(`${path}/a`, MERGE, { data: { n: '2' } })).body;
    await api.delete(`${path}/a`);
    const [added, modified, deleted] = [await watch.next(), await watch.next(), await watch.next()];
    expect(added).toEqual({ type: 'ADDED', object });
    expect(modified).toEqual({ type: 'MODIFIED', object: changed });
    expect(deleted).toMatchObject({ type: 'DELETED', object: { data: { n: '2' }, metadata: { uid: object.metadata.uid } } });
    expect(BigInt(deleted!.object.metadata.resourceVersion)).toBeGreaterThan(BigInt(changed.metadata.resourceVersion));
  });

  test('a watch from a resourceVersion is told of everything since', async () => {
    const { api } = server();
    const path = await maps();
    const object = await created(api, path, configMap('a', { n: '1' }));
    await api.patch(`${path}/a`, MERGE, { data: { n: '2' } });
    await created(api, path, configMap('b'));
    await api.delete(`${path}/a`);
    using watch = await api.watch(`${path}?watch=1&resourceVersion=${object.metadata.resourceVersion}`);
    expect(await watch.take(3)).toEqual([['MODIFIED', 'a'], ['ADDED', 'b'], ['DELETED', 'a']]);
  });

  test('a watch without resourceVersion begins with what is there', async () => {
    const { api } = server();
    const path = await maps();
    await created(api, path, configMap('a'));
    const last = await created(api, path, configMap('b'));
    await api.get(`${path}?resourceVersion=${last.metadata.resourceVersion}`);
    using watch = await api.watch(`${path}?watch=1`);
    expect((await watch.take(2)).sort()).toEqual([['ADDED', 'a'], ['ADDED', 'b']]);
    await created(api, path, configMap('c'));
    expect(await watch.take(1)).toEqual([['ADDED', 'c']]);
  });

  test('an object that begins to be selected is added, one that ceases to be is deleted', async () => {
    const { api } = server();
    const path = await maps();
    using watch = await watchFromNow(path, '&labelSelector=shown');
    await created(api, path, configMap('a', { n: '1' }));
    await api.patch(`${path}/a`, MERGE, { metadata: { labels: { shown: 'yes' } } });
    await api.patch(`${path}/a`, MERGE, { data: { n: '2' } });
    const hidden = (await api.patch(`${path}/a`, MERGE, { metadata: { labels: { shown: null } }, data: { n: '3' } })).body;
    await api.patch(`${path}/a`, MERGE, { metadata: { labels: { shown: 'yes' } } });
    expect((await watch.next())).toMatchObject({ type: 'ADDED', object: { data: { n: '1' } } });
    expect((await watch.next())).toMatchObject({ type: 'MODIFIED', object: { data: { n: '2' } } });
    expect((await watch.next())).toMatchObject({ type: 'DELETED', object: { data: { n: '2' }, metadata: { labels: { shown: 'yes' }, resourceVersion: hidden.metadata.resourceVersion } } });
    expect((await watch.next())).toMatchObject({ type: 'ADDED', object: { data: { n: '3' } } });
  });

  test('a node\'s agent sees its own pods only', async () => {
    const { api } = server();
    const namespace = await newNamespace(api);
    const path = `/api/v1/namespaces/${namespace}/pods`;
    using watch = await watchFromNow(path, `&fieldSelector=spec.nodeName%3D${namespace}-n1`);
    await created(api, path, pod('other', { nodeName: `${namespace}-n2` }));
    await created(api, path, pod('mine', { nodeName: `${namespace}-n1` }));
    await api.patch(`${path}/other/status`, MERGE, { status: { phase: 'Running' } });
    await api.patch(`${path}/mine/status`, MERGE, { status: { phase: 'Running' } });
    expect(await watch.take(2)).toEqual([['ADDED', 'mine'], ['MODIFIED', 'mine']]);
  });

  test('one object is watched by its name', async () => {
    const { api } = server();
    const path = await maps();
    using watch = await watchFromNow(path, '&fieldSelector=metadata.name%3Db');
    for (const name of ['a', 'b', 'c']) await created(api, path, configMap(name));
    await api.delete(`${path}/b`);
    expect(await watch.take(2)).toEqual([['ADDED', 'b'], ['DELETED', 'b']]);
  });

  test('from a compacted resourceVersion: 410, as an event', async () => {
    const { api, compact } = server();
    const path = `/api/v1/namespaces/${await newNamespace(api)}/secrets`;
    for (const name of ['a', 'b']) await created(api, path, secret(name));
    await compact();
    using watch = await api.watch(`${path}?watch=1&resourceVersion=1`);
    expect(await watch.next()).toMatchObject({ type: 'ERROR', object: { kind: 'Status', code: 410, reason: 'Expired' } });
    expect(await watch.next()).toBeUndefined();
  });

  test('the time limit ends a watch', async () => {
    const path = await maps();
    using watch = await watchFromNow(path, '&timeoutSeconds=1');
    expect(watch.status).toBe(200);
    expect(await watch.next()).toBeUndefined();
  });

  test('an initial list in the stream ends with a bookmark that says so', async () => {
    const { api, streamsLists } = server();
    const path = await maps();
    await created(api, path, configMap('a'));
    await created(api, path, configMap('b'));
    using watch = await api.watch(`${path}?watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true`);
    if (!streamsLists) {
      expect((await watch.next())?.type).toBe('ERROR'); // this etcd does not report its progress
      return;
    }
    expect((await watch.take(2)).sort()).toEqual([['ADDED', 'a'], ['ADDED', 'b']]);
    const mark = await watch.next();
    expect(mark).toMatchObject({ type: 'BOOKMARK', object: { kind: 'ConfigMap', apiVersion: 'v1', metadata: { annotations: { 'k8s.io/initial-events-end': 'true' } } } });
    const third = await created(api, path, configMap('c'));
    expect(await watch.next()).toEqual({ type: 'ADDED', object: third });
    using again = await api.watch(`${path}?watch=1&resourceVersion=${mark!.object.metadata.resourceVersion}`);
    expect(await again.take(1)).toEqual([['ADDED', 'c']]);
  });

  test('events as tables: the columns once, then rows', async () => {
    const { api } = server();
    const path = await maps();
    using watch = await server().api.watch(`${path}?watch=1&resourceVersion=${(await api.get(path)).body.metadata.resourceVersion}`, { accept: TABLE });
    await created(api, path, configMap('a', { n: '1' }));
    await created(api, path, configMap('b'));
    const [first, second] = [await watch.next(), await watch.next()];
    expect(first).toMatchObject({ type: 'ADDED', object: { kind: 'Table', columnDefinitions: [{ name: 'Name' }, { name: 'Data' }, { name: 'Age' }], rows: [{ cells: ['a', 1, expect.any(String)] }] } });
    expect(second).toMatchObject({ type: 'ADDED', object: { kind: 'Table', columnDefinitions: null, rows: [{ cells: ['b', 0, expect.any(String)] }] } });
  });

  test('all namespaces at once, and no other kind', async () => {
    const { api } = server();
    const [one, two] = [await maps(), await maps()];
    const { body } = await api.get(one);
    using watch = await api.watch(`/api/v1/configmaps?watch=1&resourceVersion=${body.metadata.resourceVersion}&labelSelector=test%3D${one.split('/')[4]!}`);
    const labels = { labels: { test: one.split('/')[4]! } };
    await created(api, one.replace('configmaps', 'secrets'), { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'a', ...labels } });
    await created(api, one, configMap('b', {}, labels));
    await created(api, two, configMap('c', {}, labels));
    expect(await watch.take(2)).toEqual([['ADDED', 'b'], ['ADDED', 'c']]);
  });
};
