/** How requests are refused: the Status object for each way of being wrong. */
import { expect, test } from '@jest/globals';
import { MERGE, STRATEGIC } from './api.ts';
import { causesOf, configMap, created, defineWidgets, newNamespace, pod, type Suite } from './builders.ts';

export const refusing: Suite = (server) => {
  const maps = async (): Promise<string> => `/api/v1/namespaces/${await newNamespace(server().api)}/configmaps`;

  test('without a token, or with a wrong one: 401', async () => {
    for (const token of ['', 'wrong']) {
      const { status, body } = await server().api.get('/api/v1/namespaces', { token });
      expect([status, body]).toEqual([401, { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', message: 'Unauthorized', reason: 'Unauthorized', code: 401 }]);
    }
  });

  test('an object that is not there: 404 with its name and resource', async () => {
    const { status, body } = await server().api.get(`${await maps()}/none`);
    expect([status, body]).toEqual([404, { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', message: 'configmaps "none" not found', reason: 'NotFound', details: { name: 'none', kind: 'configmaps' }, code: 404 }]);
  });

  test('a resource that is not served: 404', async () => {
    for (const path of ['/api/v1/nothings', '/api/v1/namespaces/default/nothings/x', '/apis/nothing.example/v1/things', '/nothing']) {
      expect((await server().api.get(path)).status).toBe(404);
    }
    expect((await server().api.get('/api/v1/nothings')).body).toMatchObject({ kind: 'Status', reason: 'NotFound', message: 'the server could not find the requested resource' });
  });

  test('a method that a path does not take: 405', async () => {
    const { api } = server();
    const path = await maps();
    for (const reply of [await api.put(path, {}), await api.post(`${path}/a`, {}), await api.delete('/api/v1/namespaces')]) {
      expect([reply.status, reply.body.reason]).toEqual([405, 'MethodNotAllowed']);
    }
  });

  test('a form that cannot be given: 406; a body that cannot be read: 415', async () => {
    const { api } = server();
    const path = await maps();
    const html = await api.get(path, { accept: 'text/html' });
    expect([html.status, html.body.reason]).toEqual([406, 'NotAcceptable']);
    const text = await api.post(path, 'hello', { type: 'text/plain' });
    expect([text.status, text.body.reason]).toEqual([415, 'UnsupportedMediaType']);
    await created(api, path, configMap('a'));
    const json = await api.patch(`${path}/a`, 'application/json', {});
    expect([json.status, json.body.reason]).toEqual([415, 'UnsupportedMediaType']);
  });

  test('a strategic merge patch of a custom resource: 415', async () => {
    const { api } = server();
    const widgets = await defineWidgets(api);
    await created(api, widgets.collection, widgets.object('w'));
    expect((await api.patch(`${widgets.collection}/w`, STRATEGIC, {})).status).toBe(415);
  });

  test('JSON that is none, or no object: 400', async () => {
    const { api } = server();
    const path = await maps();
    for (const body of ['{"a', '', '[]', '5']) {
      const reply = await api.post(path, body);
      expect([reply.status, reply.body.reason]).toEqual([400, 'BadRequest']);
    }
  });

  test('another kind than the path serves: 400', async () => {
    const { status, body } = await server().api.post(await maps(), pod('p'));
    expect([status, body.reason]).toEqual([400, 'BadRequest']);
    expect(body.message).toContain('Pod in version "v1" cannot be handled as a ConfigMap');
  });

  test('a field of another type: 400 that names it', async () => {
    const { api } = server();
    const path = await maps();
    const cases = [
      [configMap('a', { key: 1 as never }), 'cannot unmarshal number into Go struct field ConfigMap.data of type string'],
      [{ ...configMap('a'), metadata: { name: 5 } }, 'cannot unmarshal number into Go struct field ObjectMeta.metadata.name of type string'],
      [{ ...configMap('a'), metadata: { name: 'a', finalizers: 'f' } }, 'cannot unmarshal string into Go struct field ObjectMeta.metadata.finalizers of type []string'],
      [{ ...configMap('a'), metadata: 'a' }, 'cannot unmarshal string into Go struct field ConfigMap.metadata of type v1.ObjectMeta'],
      [{ ...configMap('a'), binaryData: { b: '!' } }, 'illegal base64 data at input byte 0'],
    ] as const;
    for (const [object, message] of cases) {
      const reply = await api.post(path, object);
      expect([reply.status, reply.body.message]).toEqual([400, expect.stringContaining(message)]);
    }
  });

  test('unknown fields are dropped with a warning, refused when strict, and silent when ignored', async () => {
    const { api } = server();
    const path = await maps();
    const object = { ...configMap('a'), surprise: 1, metadata: { name: 'a', odd: 2 } };
    const strict = await api.post(`${path}?fieldValidation=Strict`, object);
    expect([strict.status, strict.body.message]).toEqual([400, 'ConfigMap in version "v1" cannot be handled as a ConfigMap: strict decoding error: unknown field "metadata.odd", unknown field "surprise"']);
    const ignored = await api.post(`${path}?fieldValidation=Ignore&dryRun=All`, object);
    expect([ignored.status, ignored.headers.warning]).toEqual([201, undefined]);
    const warned = await api.post(path, object);
    expect(warned.headers.warning).toBe('299 - "unknown field \\"metadata.odd\\"", 299 - "unknown field \\"surprise\\""');
    expect(warned.body).not.toHaveProperty('surprise');
  });

  test('names, labels and annotations outside the rules: 422 with every field', async () => {
    const { status, body } = await server().api.post(await maps(), configMap('A_b', {}, { labels: { 'a b': 'x y' }, annotations: { '': '1' }, finalizers: ['odd one'] }));
    expect([status, body.reason, body.details.name, body.details.kind]).toEqual([422, 'Invalid', 'A_b', 'ConfigMap']);
    expect(causesOf(body).map((cause) => cause.split(':')[0])).toEqual(['metadata.annotations', 'metadata.annotations', 'metadata.finalizers', 'metadata.finalizers[0]', 'metadata.labels', 'metadata.labels', 'metadata.name']);
    expect(body.message).toMatch(/^ConfigMap "A_b" is invalid: \[metadata\.name: Invalid value: "A_b": a lowercase RFC 1123 subdomain must consist of/);
  });

  test('neither name nor generateName: 422', async () => {
    const { status, body } = await server().api.post(await maps(), { apiVersion: 'v1', kind: 'ConfigMap', metadata: {} });
    expect([status, body.message]).toEqual([422, 'ConfigMap "" is invalid: metadata.name: Required value: name or generateName is required']);
  });

  test('a pod without containers, a service without ports, a policy with a bad block: 422', async () => {
    const { api } = server();
    const namespace = await newNamespace(api);
    const replies = [
      await api.post(`/api/v1/namespaces/${namespace}/pods`, { ...pod('p'), spec: {} }),
      await api.post(`/api/v1/namespaces/${namespace}/services`, { apiVersion: 'v1', kind: 'Service', metadata: { name: 's' }, spec: {} }),
      await api.post(`/apis/networking.k8s.io/v1/namespaces/${namespace}/networkpolicies`, { apiVersion: 'networking.k8s.io/v1', kind: 'NetworkPolicy', metadata: { name: 'p' }, spec: { podSelector: {}, egress: [{ to: [{ ipBlock: { cidr: '10.0.0.0/33' } }] }] } }),
    ];
    expect(replies.map((r) => [r.status, r.body.message])).toEqual([
      [422, 'Pod "p" is invalid: spec.containers: Required value'],
      [422, 'Service "s" is invalid: spec.ports: Required value'],
      [422, 'NetworkPolicy.networking.k8s.io "p" is invalid: spec.egress[0].to[0].ipBlock.cidr: Invalid value: "10.0.0.0/33": must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)'],
    ]);
  });

  test('a patch whose result does not decode: 422 about the patch', async () => {
    const { api } = server();
    const path = await maps();
    await created(api, path, configMap('a', { key: '1' }));
    const { status, body } = await api.patch(`${path}/a`, MERGE, { data: { key: 1 } });
    expect([status, body.reason, body.details.causes[0].field]).toEqual([422, 'Invalid', 'patch']);
    expect(body.message).toContain('cannot unmarshal number into Go struct field ConfigMap.data of type string');
  });

  test('an update of a custom resource without resourceVersion: 422', async () => {
    const { api } = server();
    const widgets = await defineWidgets(api);
    await created(api, widgets.collection, widgets.object('w'));
    const { status, body } = await api.put(`${widgets.collection}/w`, widgets.object('w'));
    expect([status, body.message]).toEqual([422, `widgets.${widgets.group} "w" is invalid: metadata.resourceVersion: Invalid value: 0: must be specified for an update`]);
  });

  test('selectors and options that cannot be read: 400 or 422', async () => {
    const { api } = server();
    const path = await maps();
    const cases = [
      ['labelSelector=a%20in%20(b', 400], ['labelSelector=%3Da', 400], ['fieldSelector=spec.nothing%3Db', 400], ['fieldSelector=nothing', 400],
      ['limit=x', 400], ['continue=x', 400], ['resourceVersion=x', 400], ['resourceVersionMatch=Exact', 422], ['resourceVersion=1&resourceVersionMatch=Odd', 422],
      ['resourceVersion=0&resourceVersionMatch=Exact', 422], ['watch=1&sendInitialEvents=true', 422], ['sendInitialEvents=true', 422],
    ] as const;
    for (const [query, status] of cases) expect([query, (await api.get(`${path}?${query}`)).status]).toEqual([query, status]);
  });

  test('a list from the future: 504 that says when to try again', async () => {
    const { status, body } = await server().api.get(`${await maps()}?resourceVersion=999999999`);
    expect([status, body.reason, body.details]).toEqual([504, 'Timeout', { causes: [{ reason: 'ResourceVersionTooLarge', message: 'Too large resource version' }], retryAfterSeconds: 1 }]);
  });
};
