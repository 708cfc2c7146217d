/** Lists: order, selectors, pages, earlier resourceVersions, tables. */
import { expect, test } from '@jest/globals';
import { TABLE, type Body } from './api.ts';
import { configMap, created, defineWidgets, newNamespace, object, pod, secret, type Suite } from './builders.ts';

const names = (body: Body): string[] => (body.items as { metadata: { name: string } }[]).map((item) => item.metadata.name);

export const listing: Suite = (server) => {
  async function filled(...labels: readonly Record<string, string>[]): Promise<string> {
    const { api } = server();
    const path = `/api/v1/namespaces/${await newNamespace(api)}/configmaps`;
    for (const [i, set] of labels.entries()) await created(api, path, configMap(`m${i}`, { n: String(i) }, { labels: set }));
    return path;
  }

  test('a list is in order of name, with a resourceVersion to watch from', async () => {
    const { api } = server();
    const path = await filled();
    for (const name of ['b', 'a-b', 'a', 'c']) await created(api, path, configMap(name));
    const { body } = await api.get(path);
    expect(body).toMatchObject({ kind: 'ConfigMapList', apiVersion: 'v1', metadata: { resourceVersion: expect.stringMatching(/^\d+$/) } });
    expect(names(body)).toEqual(['a', 'a-b', 'b', 'c']);
    expect(body.items[0]).not.toHaveProperty('kind');
  });

  test('label selectors', async () => {
    const { api } = server();
    const path = await filled({ app: 'web', tier: 'front' }, { app: 'db' }, { app: 'web' }, {});
    const cases = [
      ['app=web', [0, 2]], ['app==db', [1]], ['app!=web', [1, 3]], ['app in (web, db)', [0, 1, 2]], ['app notin (web)', [1, 3]],
      ['tier', [0]], ['!tier', [1, 2, 3]], ['app=web,!tier', [2]], ['app in (web),tier=front', [0]], ['', [0, 1, 2, 3]],
    ] as const;
    for (const [selector, expected] of cases) {
      const { body } = await api.get(`${path}?labelSelector=${encodeURIComponent(selector)}`);
      expect([selector, names(body)]).toEqual([selector, expected.map((i) => `m${i}`)]);
    }
  });

  test('field selectors: name and namespace, a pod\'s node and phase', async () => {
    const { api } = server();
    const namespace = await newNamespace(api);
    const path = `/api/v1/namespaces/${namespace}/pods`;
    await created(api, path, pod('p1', { nodeName: `${namespace}-n1` }));
    await created(api, path, pod('p2', { nodeName: `${namespace}-n2` }));
    await created(api, path, pod('p3'));
    const select = async (where: string, selector: string): Promise<string[]> => names((await api.get(`${where}?fieldSelector=${encodeURIComponent(selector)}`)).body);
    expect(await select('/api/v1/pods', `spec.nodeName=${namespace}-n1`)).toEqual(['p1']);
    expect(await select(path, 'spec.nodeName=')).toEqual(['p3']);
    expect(await select(path, `spec.nodeName!=${namespace}-n1,status.phase=Pending`)).toEqual(['p2', 'p3']);
    expect(await select(path, 'metadata.name=p2')).toEqual(['p2']);
    expect(await select('/api/v1/pods', `metadata.namespace=${namespace},metadata.name!=p2`)).toEqual(['p1', 'p3']);
    expect(await select(path, 'status.phase=Running')).toEqual([]);
  });

  test('pages show the list as it was when the first was asked for', async () => {
    const { api } = server();
    const path = await filled({}, {}, {}, {}, {});
    const first = (await api.get(`${path}?limit=2`)).body;
    expect(names(first)).toEqual(['m0', 'm1']);
    expect(first.metadata.remainingItemCount).toBe(3);
    await api.delete(`${path}/m2`);
    await created(api, path, configMap('m9'));
    const second = (await api.get(`${path}?limit=2&continue=${first.metadata.continue}`)).body;
    expect([names(second), second.metadata.resourceVersion]).toEqual([['m2', 'm3'], first.metadata.resourceVersion]);
    const third = (await api.get(`${path}?limit=2&continue=${second.metadata.continue}`)).body;
    expect(names(third)).toEqual(['m4']);
    expect(third.metadata.continue ?? '').toBe('');
    expect(names((await api.get(path)).body)).toEqual(['m0', 'm1', 'm3', 'm4', 'm9']);
  });

  test('pages and selectors go together', async () => {
    const { api } = server();
    const path = await filled({ a: 'x' }, {}, { a: 'x' }, {}, { a: 'x' });
    const first = (await api.get(`${path}?limit=2&labelSelector=a%3Dx`)).body;
    expect([names(first), first.metadata.remainingItemCount]).toEqual([['m0', 'm2'], undefined]);
    expect(names((await api.get(`${path}?limit=2&labelSelector=a%3Dx&continue=${first.metadata.continue}`)).body)).toEqual(['m4']);
  });

  test('a page after compaction: 410 with a token to go on from', async () => {
    const { api, compact } = server();
    const path = `/api/v1/namespaces/${await newNamespace(api)}/secrets`;
    for (const name of ['s0', 's1', 's2']) await created(api, path, secret(name));
    const first = (await api.get(`${path}?limit=1`)).body;
    for (const name of ['s8', 's9']) await created(api, path, secret(name));
    await compact();
    const late = await api.get(`${path}?limit=1&continue=${first.metadata.continue}`);
    expect([late.status, late.body.reason, late.body.code]).toEqual([410, 'Expired', 410]);
    const rest = (await api.get(`${path}?continue=${late.body.metadata.continue}`)).body;
    expect(names(rest)).toEqual(['s1', 's2', 's8', 's9']);
  });

  test('a list as of a resourceVersion, exactly or not older', async () => {
    const { api } = server();
    const path = await filled({});
    const then = (await api.get(path)).body.metadata.resourceVersion as string;
    await created(api, path, configMap('m1'));
    await api.delete(`${path}/m0`);
    const exact = (await api.get(`${path}?resourceVersion=${then}&resourceVersionMatch=Exact`)).body;
    expect([names(exact), exact.metadata.resourceVersion]).toEqual([['m0'], then]);
    expect(names((await api.get(`${path}?resourceVersion=${then}&resourceVersionMatch=NotOlderThan`)).body)).toEqual(['m1']);
    expect((await api.get(`${path}?resourceVersion=0`)).status).toBe(200);
  });

  test('a list as of a compacted resourceVersion: 410', async () => {
    const { api, compact } = server();
    const path = `/api/v1/namespaces/${await newNamespace(api)}/secrets`;
    const then = (await created(api, path, secret('a'))).metadata.resourceVersion as string;
    for (const name of ['b', 'c', 'd']) await created(api, path, secret(name));
    await compact();
    const { status, body } = await api.get(`${path}?resourceVersion=${then}&resourceVersionMatch=Exact`);
    expect([status, body.reason]).toEqual([410, 'Expired']);
  });

  test('tables: columns of a built-in kind, and those a definition names', async () => {
    const { api } = server();
    const namespace = await newNamespace(api);
    await created(api, `/api/v1/namespaces/${namespace}/pods`, pod('p'));
    const pods = (await api.get(`/api/v1/namespaces/${namespace}/pods`, { accept: TABLE })).body;
    expect(pods.columnDefinitions.map((c: { name: string; priority: number }) => [c.name, c.priority])).toEqual([
      ['Name', 0], ['Ready', 0], ['Status', 0], ['Restarts', 0], ['Age', 0], ['IP', 1], ['Node', 1], ['Nominated Node', 1], ['Readiness Gates', 1],
    ]);
    expect(pods.rows[0].cells).toEqual(['p', '0/1', 'Pending', '0', expect.stringMatching(/^\d+s$/), '<none>', '<none>', '<none>', '<none>']);
    expect(pods.rows[0].object).toMatchObject({ kind: 'PartialObjectMetadata', metadata: { name: 'p' } });
    const columns = [{ name: 'Size', type: 'integer', jsonPath: '.spec.size' }, { name: 'Ready', type: 'string', jsonPath: '.status.conditions[?(@.type=="Ready")].status', priority: 1 }, { name: 'Born', type: 'date', jsonPath: '.metadata.creationTimestamp' }];
    const widgets = await defineWidgets(api, { version: { additionalPrinterColumns: columns } });
    await created(api, widgets.collection, widgets.object('w', { spec: { size: 3 }, status: { conditions: [{ type: 'Odd', status: '?' }, { type: 'Ready', status: 'True' }] } }));
    await created(api, widgets.collection, widgets.object('x', { spec: { size: 'many' } }));
    const { body } = await api.get(widgets.collection, { accept: TABLE });
    expect(body.rows.map((row: { cells: unknown[] }) => row.cells)).toEqual([['w', 3, 'True', expect.stringMatching(/^\d+s$/)], ['x', null, null, expect.stringMatching(/^\d+s$/)]]);
  });

  test('metadata alone, where that is asked for', async () => {
    const { api } = server();
    const path = await filled({ a: 'b' });
    const { body } = await api.get(path, { accept: 'application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io' });
    expect(body).toMatchObject({ kind: 'PartialObjectMetadataList', items: [{ metadata: { name: 'm0', labels: { a: 'b' } } }] });
    expect(body.items[0]).not.toHaveProperty('data');
  });

  test('discovery names a custom kind with everything kubectl finds it by', async () => {
    const { api } = server();
    const widgets = await defineWidgets(api, { names: { shortNames: ['wd'], categories: ['all'], singular: 'widget' }, version: { subresources: { status: {} } }, schema: object({}) });
    const { body } = await api.get(`/apis/${widgets.group}/v1`);
    const [own, status] = body.resources as [Body, Body];
    expect(own).toMatchObject({ name: 'widgets', singularName: 'widget', namespaced: false, kind: 'Widget', shortNames: ['wd'], categories: ['all'] });
    expect([...own.verbs].sort()).toEqual(['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch']);
    expect([status.name, [...status.verbs].sort()]).toEqual(['widgets/status', ['get', 'patch', 'update']]);
    expect((await api.get(`/apis/${widgets.group}`)).body).toMatchObject({ kind: 'APIGroup', name: widgets.group, preferredVersion: { version: 'v1' } });
  });
};
