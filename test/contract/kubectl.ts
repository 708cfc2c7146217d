/** What people do with a current kubectl. */
import { expect, test } from '@jest/globals';
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stringifyJson } from '../../lib/json.ts';
import { eventually } from '../support/eventually.ts';
import { kubectlPath } from '../support/capabilities.ts';
import { configMap, defineWidgets, newNamespace, object, pod, unique, type Suite } from './builders.ts';

interface Finished { readonly code: number | null; readonly out: string; readonly err: string }

export const kubectl: Suite = (server) => {
  const run = (...args: string[]): Promise<Finished> => new Promise((resolve, reject) => {
    const child = spawn(kubectlPath(), ['--kubeconfig', server().kubeconfig, '--cache-dir', `${server().kubeconfig}.cache`, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
    let [out, err] = ['', ''];
    child.stdout.on('data', (text: Buffer) => { out += text.toString(); });
    child.stderr.on('data', (text: Buffer) => { err += text.toString(); });
    child.on('error', reject);
    child.on('close', (code) => { resolve({ code, out, err }); });
  });

  /** Runs and expects success; the output. */
  async function ok(...args: string[]): Promise<string> {
    const { code, out, err } = await run(...args);
    expect([args.join(' '), code, code === 0 ? '' : err]).toEqual([args.join(' '), 0, '']);
    return out;
  }

  /** Applies objects as one file. */
  async function apply(...objects: unknown[]): Promise<string> {
    const directory = mkdtempSync(join(tmpdir(), 'tortie-kubectl-'));
    try {
      const file = join(directory, 'objects.yaml');
      writeFileSync(file, objects.map((o) => stringifyJson(o)).join('\n---\n'));
      return await ok('apply', '-f', file);
    } finally {
      rmSync(directory, { recursive: true });
    }
  }

  test('apply: created, unchanged, configured, for built-in kinds', async () => {
    const namespace = await newNamespace(server().api);
    const service = (port: number): unknown => ({ apiVersion: 'v1', kind: 'Service', metadata: { name: 's', namespace }, spec: { selector: { app: 'a' }, ports: [{ name: 'http', port, targetPort: 'web' }, { name: 'admin', port: 9000 }] } });
    const map = (value: string): unknown => configMap('m', { key: value }, { namespace });
    expect(await apply(service(80), map('1'))).toBe('service/s created\nconfigmap/m created\n');
    expect(await apply(service(80), map('1'))).toBe('service/s unchanged\nconfigmap/m unchanged\n');
    expect(await apply(service(81), map('2'))).toBe('service/s configured\nconfigmap/m configured\n');
    const { body } = await server().api.get(`/api/v1/namespaces/${namespace}/services/s`);
    expect(body.spec.ports.map((p: { name: string; port: number }) => [p.name, p.port])).toEqual([['http', 81], ['admin', 9000]]);
    expect(await apply(service(81), map('2'))).toBe('service/s unchanged\nconfigmap/m unchanged\n');
  }, 60_000);

  test('apply: created, unchanged, configured, for a custom kind and a List', async () => {
    const widgets = await defineWidgets(server().api, { schema: object({ spec: object({ n: { type: 'integer' }, drop: { type: 'string' } }) }) });
    const list = (spec: unknown): unknown => ({ apiVersion: 'v1', kind: 'List', items: [widgets.object('w', { spec })] });
    expect(await apply(list({ n: 1, drop: 'x' }))).toBe(`widget.${widgets.group}/w created\n`);
    expect(await apply(list({ n: 1, drop: 'x' }))).toBe(`widget.${widgets.group}/w unchanged\n`);
    expect(await apply(list({ n: 2 }))).toBe(`widget.${widgets.group}/w configured\n`);
    expect((await server().api.get(`${widgets.collection}/w`)).body.spec).toEqual({ n: 2 });
  }, 60_000);

  test('a field that the schema does not have is refused before anything is stored', async () => {
    const namespace = await newNamespace(server().api);
    const directory = mkdtempSync(join(tmpdir(), 'tortie-kubectl-'));
    writeFileSync(join(directory, 'o.json'), stringifyJson({ ...configMap('m', {}, { namespace }), surprise: 1 }));
    const { code, err } = await run('create', '-f', join(directory, 'o.json'));
    rmSync(directory, { recursive: true });
    expect([code, err]).toEqual([1, expect.stringContaining('unknown field "surprise"')]);
    expect((await server().api.get(`/api/v1/namespaces/${namespace}/configmaps/m`)).status).toBe(404);
  }, 60_000);

  test('create, label, annotate, patch, replace, get, delete', async () => {
    const name = unique('by-kubectl');
    expect(await ok('create', 'namespace', name)).toBe(`namespace/${name} created\n`);
    expect(await ok('-n', name, 'create', 'configmap', 'm', '--from-literal=a=1')).toBe('configmap/m created\n');
    expect(await ok('-n', name, 'create', 'secret', 'generic', 's', '--from-literal=word=hush')).toBe('secret/s created\n');
    expect(await ok('-n', name, 'label', 'configmap', 'm', 'app=x')).toBe('configmap/m labeled\n');
    expect(await ok('-n', name, 'annotate', 'configmap', 'm', 'note=y')).toBe('configmap/m annotated\n');
    expect(await ok('-n', name, 'patch', 'configmap', 'm', '--type=merge', '-p', '{"data":{"b":"2"}}')).toBe('configmap/m patched\n');
    expect(await ok('-n', name, 'patch', 'configmap', 'm', '-p', '{"data":{"a":null}}')).toBe('configmap/m patched\n');
    const got = JSON.parse(await ok('-n', name, 'get', 'configmap', 'm', '-o', 'json')) as { data: unknown; metadata: { labels: unknown; annotations: unknown } };
    expect([got.data, got.metadata.labels, got.metadata.annotations]).toEqual([{ b: '2' }, { app: 'x' }, { note: 'y' }]);
    expect(Buffer.from(await ok('-n', name, 'get', 'secret', 's', '-o', 'jsonpath={.data.word}'), 'base64').toString()).toBe('hush');
    expect(await ok('-n', name, 'get', 'cm', '-l', 'app=x', '-o', 'name')).toBe('configmap/m\n');
    expect(await ok('-n', name, 'delete', 'configmap', 'm')).toMatch(/^configmap "m" deleted/);
    const missing = await run('-n', name, 'get', 'configmap', 'm');
    expect([missing.code, missing.err]).toEqual([1, 'Error from server (NotFound): configmaps "m" not found\n']);
  }, 90_000);

  test('get prints the server\'s tables, wide ones too, and finds kinds by their short names', async () => {
    const { api } = server();
    const namespace = await newNamespace(api);
    await api.post(`/api/v1/namespaces/${namespace}/pods`, pod('p', { nodeName: 'n1' }));
    expect(await ok('-n', namespace, 'get', 'po')).toMatch(/^NAME +READY +STATUS +RESTARTS +AGE\np +0\/1 +Pending +0 +\d+s\n$/);
    expect(await ok('-n', namespace, 'get', 'po', '-o', 'wide')).toMatch(/^NAME +READY +STATUS +RESTARTS +AGE +IP +NODE .*\np +0\/1 +Pending +0 +\d+s +<none> +n1 /);
    const widgets = await defineWidgets(api, { names: { shortNames: [unique('wd').replace('-', '')] } });
    await api.post(widgets.collection, widgets.object('w'));
    expect(await ok('get', `widgets.${widgets.group}`)).toMatch(/^NAME +AGE\nw +\d+s\n$/);
    expect(await ok('get', 'ns', namespace)).toMatch(/^NAME +STATUS +AGE\n\S+ +Active +\d+s\n$/);
    expect(await ok('api-resources', '--api-group', widgets.group)).toContain('widgets');
  }, 90_000);

  test('explain and describe', async () => {
    const { api } = server();
    const widgets = await defineWidgets(api, { schema: object({ spec: object({ peers: { type: 'array', items: { type: 'string' } } }) }) });
    await eventually(20_000, async () => { expect(await ok('api-resources', '--api-group', widgets.group)).toContain('widgets'); });
    // What a server says of a new resource here and there does not come all at once.
    await eventually(20_000, async () => { expect(await ok('explain', 'widgets.spec', '--api-version', widgets.apiVersion)).toMatch(/peers\s+<\[\]string>/); });
    expect(await ok('explain', 'pod.spec.nodeName')).toContain('FIELD: nodeName <string>');
    const namespace = await newNamespace(api);
    await api.post(`/api/v1/namespaces/${namespace}/pods`, pod('p'));
    expect(await ok('-n', namespace, 'describe', 'pod', 'p')).toMatch(/Status: +Pending/);
  }, 90_000);

  test('wait and watch end when what they wait for happens', async () => {
    const { api } = server();
    const namespace = await newNamespace(api);
    await api.post(`/api/v1/namespaces/${namespace}/pods`, pod('p'));
    const waiting = ok('-n', namespace, 'wait', 'pod/p', '--for=condition=Ready', '--timeout=30s');
    await api.patch(`/api/v1/namespaces/${namespace}/pods/p/status`, 'application/strategic-merge-patch+json', { status: { conditions: [{ type: 'Ready', status: 'True' }] } });
    expect(await waiting).toBe('pod/p condition met\n');
  }, 60_000);
};
