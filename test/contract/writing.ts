/** Creating, reading and updating objects: names, namespaces, compare-and-swap, what a client may not change. */
import { expect, test } from '@jest/globals';
import { JSON_PATCH, MERGE, STRATEGIC } from './api.ts';
import { configMap, created, newNamespace, pod, unique, type Suite } from './builders.ts';

export const writing: Suite = (server) => {
  const maps = async (): Promise<string> => `/api/v1/namespaces/${await newNamespace(server().api)}/configmaps`;

  test('an object is created with uid, time and resourceVersion, and read back the same', async () => {
    const { api } = server();
    const path = await maps();
    const object = await created(api, path, configMap('a', { key: 'value' }));
    expect(object).toMatchObject({ kind: 'ConfigMap', apiVersion: 'v1', data: { key: 'value' }, metadata: { name: 'a', uid: expect.stringMatching(/^[0-9a-f-]{36}$/), resourceVersion: expect.stringMatching(/^\d+$/), creationTimestamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/) } });
    expect((await api.get(`${path}/a`)).body).toEqual(object);
  });

  test('what the client says of server-owned metadata does not count', async () => {
    const { api } = server();
    const metadata = { uid: 'mine', creationTimestamp: '2001-01-01T00:00:00Z', deletionTimestamp: '2001-01-01T00:00:00Z' };
    const object = await created(api, await maps(), configMap('a', {}, metadata));
    expect(object.metadata.uid).not.toBe('mine');
    expect(object.metadata.creationTimestamp).not.toMatch(/^2001/);
    expect(object.metadata).not.toHaveProperty('deletionTimestamp');
  });

  test('generateName makes different names', async () => {
    const { api } = server();
    const path = await maps();
    const names = [];
    for (let i = 0; i < 3; i += 1) names.push((await created(api, path, { apiVersion: 'v1', kind: 'ConfigMap', metadata: { generateName: 'made-' } })).metadata.name);
    expect(new Set(names).size).toBe(3);
    for (const name of names) expect(name).toMatch(/^made-[a-z0-9]{5}$/);
  });

  test('a second object of the name is refused with 409 AlreadyExists', async () => {
    const { api } = server();
    const path = await maps();
    await created(api, path, configMap('a'));
    const { status, body } = await api.post(path, configMap('a'));
    expect(status).toBe(409);
    expect(body).toEqual({ kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', message: 'configmaps "a" already exists', reason: 'AlreadyExists', details: { name: 'a', kind: 'configmaps' }, code: 409 });
  });

  test('nothing can be created in a namespace that is not there', async () => {
    const { api } = server();
    const name = unique('nowhere');
    const { status, body } = await api.post(`/api/v1/namespaces/${name}/configmaps`, configMap('a'));
    expect(status).toBe(404);
    expect(body).toMatchObject({ reason: 'NotFound', message: `namespaces "${name}" not found`, details: { name, kind: 'namespaces' } });
  });

  test('a namespace in the body that is not the one of the URL is refused', async () => {
    const { status, body } = await server().api.post(await maps(), configMap('a', {}, { namespace: 'other' }));
    expect(status).toBe(400);
    expect(body.message).toBe('the namespace of the provided object does not match the namespace sent on the request');
  });

  test('dryRun answers as if, and writes nothing', async () => {
    const { api } = server();
    const path = await maps();
    const { status, body } = await api.post(`${path}?dryRun=All`, configMap('a', { key: 'value' }));
    expect([status, body.metadata.name]).toEqual([201, 'a']);
    expect((await api.get(`${path}/a`)).status).toBe(404);
    await created(api, path, configMap('a', { key: 'value' }));
    const patched = await api.patch(`${path}/a?dryRun=All`, MERGE, { data: { key: 'other' } });
    expect(patched.body.data.key).toBe('other');
    expect((await api.delete(`${path}/a?dryRun=All`)).status).toBe(200);
    expect((await api.get(`${path}/a`)).body.data.key).toBe('value');
  });

  test('an update with the current resourceVersion succeeds, with an older one it is a conflict', async () => {
    const { api } = server();
    const path = await maps();
    const first = await created(api, path, configMap('a', { n: '1' }));
    const second = await api.put(`${path}/a`, { ...first, data: { n: '2' } });
    expect(second.status).toBe(200);
    expect(BigInt(second.body.metadata.resourceVersion)).toBeGreaterThan(BigInt(first.metadata.resourceVersion));
    const { status, body } = await api.put(`${path}/a`, { ...first, data: { n: '3' } });
    expect(status).toBe(409);
    expect(body).toMatchObject({
      reason: 'Conflict', details: { name: 'a', kind: 'configmaps' },
      message: 'Operation cannot be fulfilled on configmaps "a": the object has been modified; please apply your changes to the latest version and try again',
    });
    expect((await api.get(`${path}/a`)).body.data.n).toBe('2');
  });

  test('of many concurrent compare-and-swaps exactly one wins', async () => {
    const { api } = server();
    const path = await maps();
    const object = await created(api, path, configMap('a', { winner: '' }));
    const replies = await Promise.all(Array.from({ length: 12 }, (_, i) => api.put(`${path}/a`, { ...object, data: { winner: String(i) } })));
    expect(replies.map((r) => r.status).sort()).toEqual([200, ...Array.from({ length: 11 }, () => 409)]);
  });

  test('an update that changes nothing writes nothing', async () => {
    const { api } = server();
    const path = await maps();
    const object = await created(api, path, configMap('a', { n: '1' }));
    const { body } = await api.put(`${path}/a`, configMap('a', { n: '1' }));
    expect(body.metadata.resourceVersion).toBe(object.metadata.resourceVersion);
  });

  test('an update keeps uid and creation time, and refuses another uid', async () => {
    const { api } = server();
    const path = await maps();
    const object = await created(api, path, configMap('a', { n: '1' }));
    const { body } = await api.put(`${path}/a`, configMap('a', { n: '2' }, { creationTimestamp: '2001-01-01T00:00:00Z' }));
    expect(body.metadata).toMatchObject({ uid: object.metadata.uid, creationTimestamp: object.metadata.creationTimestamp });
    const other = await api.put(`${path}/a`, configMap('a', { n: '3' }, { uid: 'another' }));
    expect([other.status, other.body.reason]).toEqual([409, 'Conflict']);
  });

  test('the name in the body is the name in the URL', async () => {
    const { api } = server();
    const path = await maps();
    await created(api, path, configMap('a'));
    const { status, body } = await api.put(`${path}/a`, configMap('b'));
    expect([status, body.message]).toEqual([400, 'the name of the object (b) does not match the name on the URL (a)']);
  });

  test('generation counts changes of the spec and nothing else', async () => {
    const { api } = server();
    const path = `/apis/networking.k8s.io/v1/namespaces/${await newNamespace(api)}/networkpolicies`;
    const policy = await created(api, path, { apiVersion: 'networking.k8s.io/v1', kind: 'NetworkPolicy', metadata: { name: 'p' }, spec: { podSelector: {} } });
    expect(policy).toMatchObject({ metadata: { generation: 1 }, spec: { podSelector: {}, policyTypes: ['Ingress'] } });
    expect((await api.patch(`${path}/p`, MERGE, { metadata: { labels: { a: 'b' } } })).body.metadata.generation).toBe(1);
    expect((await api.patch(`${path}/p`, MERGE, { spec: { podSelector: { matchLabels: { a: 'b' } } } })).body.metadata.generation).toBe(2);
  });

  test('the status of a pod changes only through its subresource, which leaves the spec alone', async () => {
    const { api } = server();
    const path = `/api/v1/namespaces/${await newNamespace(api)}/pods`;
    expect((await created(api, path, { ...pod('p'), status: { phase: 'Running' } })).status.phase).toBe('Pending');
    expect((await api.patch(`${path}/p`, MERGE, { status: { phase: 'Running' } })).body.status.phase).toBe('Pending');
    const { body } = await api.patch(`${path}/p/status`, STRATEGIC, { status: { phase: 'Running', podIP: '192.0.2.1' }, spec: { nodeName: 'n' }, metadata: { annotations: { seen: 'yes' } } });
    expect(body).toMatchObject({ status: { phase: 'Running', podIP: '192.0.2.1' }, metadata: { annotations: { seen: 'yes' } } });
    expect(body.spec).not.toHaveProperty('nodeName');
    expect((await api.get(`${path}/p/status`)).body.status.phase).toBe('Running');
  });

  test('a scheduler binds a pod to a node, once; an update cannot', async () => {
    const { api } = server();
    const path = `/api/v1/namespaces/${await newNamespace(api)}/pods`;
    await created(api, path, pod('p'));
    expect((await api.patch(`${path}/p`, MERGE, { spec: { nodeName: 'n1' } })).status).toBe(422);
    const binding = { apiVersion: 'v1', kind: 'Binding', metadata: { name: 'p' }, target: { apiVersion: 'v1', kind: 'Node', name: 'n1' } };
    expect((await api.post(`${path}/p/binding`, binding)).status).toBe(201);
    expect((await api.get(`${path}/p`)).body.spec.nodeName).toBe('n1');
    expect((await api.post(`${path}/p/binding`, binding)).status).toBe(409);
  });

  test('a JSON patch is applied whole or not at all', async () => {
    const { api } = server();
    const path = await maps();
    await created(api, path, configMap('a', { one: '1', two: '2' }));
    const { body } = await api.patch(`${path}/a`, JSON_PATCH, [
      { op: 'test', path: '/data/one', value: '1' }, { op: 'add', path: '/metadata/annotations', value: {} }, { op: 'move', from: '/data/two', path: '/metadata/annotations/x.example~1two' },
      { op: 'copy', from: '/data/one', path: '/data/three' }, { op: 'remove', path: '/data/one' }, { op: 'add', path: '/metadata/labels', value: { a: 'b' } },
    ]);
    expect(body).toMatchObject({ data: { three: '1' }, metadata: { labels: { a: 'b' }, annotations: { 'x.example/two': '2' } } });
    const failed = await api.patch(`${path}/a`, JSON_PATCH, [{ op: 'add', path: '/data/four', value: '4' }, { op: 'test', path: '/data/three', value: 'x' }]);
    expect([failed.status, failed.body.reason]).toEqual([422, 'Invalid']);
    expect((await api.get(`${path}/a`)).body.data).toEqual({ three: '1' });
    expect((await api.patch(`${path}/a`, JSON_PATCH, { op: 'add' })).status).toBe(400);
  });

  test('a merge patch sets, removes with null, and compares the resourceVersion if it has one', async () => {
    const { api } = server();
    const path = await maps();
    const object = await created(api, path, configMap('a', { keep: '1', drop: '2' }));
    const patched = await api.patch(`${path}/a`, MERGE, { data: { drop: null, add: '3' } });
    expect(patched.body.data).toEqual({ keep: '1', add: '3' });
    const stale = await api.patch(`${path}/a`, MERGE, { metadata: { resourceVersion: object.metadata.resourceVersion }, data: { add: '4' } });
    expect([stale.status, stale.body.reason]).toEqual([409, 'Conflict']);
    const fresh = await api.patch(`${path}/a`, MERGE, { metadata: { resourceVersion: patched.body.metadata.resourceVersion }, data: { add: '4' } });
    expect([fresh.status, fresh.body.data.add]).toEqual([200, '4']);
  });

  test('a strategic merge patch merges lists by their key', async () => {
    const { api } = server();
    const path = `/apis/apps/v1/namespaces/${await newNamespace(api)}/deployments`;
    const containers = [{ name: 'one', image: 'i:1', env: [{ name: 'A', value: '1' }, { name: 'B', value: '2' }] }, { name: 'two', image: 'i:2' }];
    await created(api, path, { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'd' }, spec: { selector: { matchLabels: { a: 'b' } }, template: { metadata: { labels: { a: 'b' } }, spec: { containers } } } });
    const { body } = await api.patch(`${path}/d`, STRATEGIC, {
      spec: { template: { spec: {
        '$setElementOrder/containers': [{ name: 'three' }, { name: 'one' }],
        containers: [{ name: 'three', image: 'i:3' }, { name: 'one', env: [{ name: 'A', $patch: 'delete' }, { name: 'C', value: '3' }] }, { name: 'two', $patch: 'delete' }],
      } } },
    });
    expect(body.spec.template.spec.containers).toMatchObject([{ name: 'three', image: 'i:3' }, { name: 'one', image: 'i:1' }]);
    expect(body.spec.template.spec.containers[1].env).toEqual([{ name: 'C', value: '3' }, { name: 'B', value: '2' }]);
  });
};
