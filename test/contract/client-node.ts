/** The same API through @kubernetes/client-node. */
import { expect, test } from '@jest/globals';
import { AppsV1Api, CoreV1Api, CustomObjectsApi, KubeConfig, KubernetesObjectApi, Watch, makeInformer, type KubernetesObject, type V1ConfigMap } from '@kubernetes/client-node';
import { eventually } from '../support/eventually.ts';
import { configMap, defineWidgets, newNamespace, object, type Suite } from './builders.ts';

export const clientNode: Suite = (server) => {
  function config(): KubeConfig {
    const loaded = new KubeConfig();
    loaded.loadFromFile(server().kubeconfig);
    return loaded;
  }

  test('typed clients create, read, list, replace and delete', async () => {
    const core = config().makeApiClient(CoreV1Api);
    const namespace = await newNamespace(server().api);
    const made = await core.createNamespacedConfigMap({ namespace, body: configMap('a', { n: '1' }) as V1ConfigMap });
    expect(made.metadata?.creationTimestamp).toBeInstanceOf(Date);
    await core.replaceNamespacedConfigMap({ namespace, name: 'a', body: { ...made, data: { n: '2' } } });
    expect((await core.listNamespacedConfigMap({ namespace })).items.map((m) => m.data)).toEqual([{ n: '2' }]);
    await expect(core.replaceNamespacedConfigMap({ namespace, name: 'a', body: made })).rejects.toMatchObject({ code: 409 });
    await core.deleteNamespacedConfigMap({ namespace, name: 'a' });
    await expect(core.readNamespacedConfigMap({ namespace, name: 'a' })).rejects.toMatchObject({ code: 404 });
    expect((await config().makeApiClient(AppsV1Api).listNamespacedDeployment({ namespace })).items).toEqual([]);
  });

  test('objects of any kind are found by discovery', async () => {
    const { api } = server();
    const widgets = await defineWidgets(api, { schema: object({ spec: object({ n: { type: 'integer' } }) }) });
    const objects = KubernetesObjectApi.makeApiClient(config());
    const made = await objects.create<KubernetesObject>(widgets.object('w', { spec: { n: 1 } }) as KubernetesObject);
    expect(made.metadata?.uid).toEqual(expect.any(String));
    const custom = config().makeApiClient(CustomObjectsApi);
    const listed = await custom.listClusterCustomObject({ group: widgets.group, version: 'v1', plural: 'widgets' }) as { items: { spec: unknown }[] };
    expect(listed.items.map((item) => item.spec)).toEqual([{ n: 1 }]);
  });

  test('its watch and its informer see changes', async () => {
    const { api } = server();
    const namespace = await newNamespace(api);
    const path = `/api/v1/namespaces/${namespace}/configmaps`;
    const seen: string[] = [];
    const { body } = await api.get(path);
    const stop = await new Watch(config()).watch(path, { resourceVersion: body.metadata.resourceVersion as string }, (type, item: { metadata: { name: string } }) => { seen.push(`${type} ${item.metadata.name}`); }, () => { /* ends when it is stopped */ });
    const core = config().makeApiClient(CoreV1Api);
    const informer = makeInformer<V1ConfigMap>(config(), path, () => core.listNamespacedConfigMap({ namespace }));
    await informer.start();
    await api.post(path, configMap('a'));
    await api.delete(`${path}/a`);
    await api.post(path, configMap('b'));
    await eventually(10_000, () => {
      expect(seen).toEqual(['ADDED a', 'DELETED a', 'ADDED b']);
      expect(informer.list().map((m) => m.metadata?.name)).toEqual(['b']);
    });
    await informer.stop();
    stop.abort();
  });
};
