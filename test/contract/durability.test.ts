import { expect, test } from '@jest/globals';
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Store } from '../../apiserver/store.ts';
import { eventually } from '../support/eventually.ts';
import { Api, MERGE, type Body } from './api.ts';
import { configMap, created, defineWidgets, object, unique } from './builders.ts';

/** The server as a process of its own, on one data directory through all its lives. */
class Embedded implements AsyncDisposable {
  readonly directory = mkdtempSync(join(tmpdir(), 'tortie-durability-'));
  #process: ChildProcess | undefined;
  #api: Api | undefined;

  get data(): string { return join(this.directory, 'data'); }
  get api(): Api { return this.#api!; }

  async start(): Promise<this> {
    const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', 'main.ts', 'apiserver', '--data', this.data, '--listen', '127.0.0.1:0', '--kubeconfig', join(this.directory, 'kubeconfig')],
      { cwd: join(import.meta.dirname, '../..'), stdio: ['ignore', 'ignore', 'pipe'] });
    this.#process = child;
    let log = '';
    child.stderr.on('data', (text: Buffer) => { log += text.toString(); });
    const port = await eventually(15_000, () => {
      const found = /"port":(\d+),/.exec(log)?.[1];
      if (found === undefined) throw new Error(`the server does not listen: ${log}`);
      return Number(found);
    });
    this.#api = new Api({ port, token: readFileSync(join(this.data, 'token'), 'utf8'), authority: readFileSync(join(this.data, 'ca.crt'), 'utf8') });
    return this;
  }

  async end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#process!;
    if (child.exitCode !== null || child.signalCode !== null) return;
    const exit = new Promise((resolve) => { child.once('exit', resolve); });
    child.kill(signal);
    await exit;
    this.#api?.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.end('SIGKILL');
    rmSync(this.directory, { recursive: true });
  }
}

const MAPS = '/api/v1/namespaces/default/configmaps';

test('a commit has reached the disk when it returns: WAL, synchronous=FULL', () => {
  const directory = mkdtempSync(join(tmpdir(), 'tortie-store-'));
  const store = new Store(join(directory, 'state.db'));
  expect(store.durability).toEqual({ journal: 'wal', synchronous: 2 });
  store.close();
  rmSync(directory, { recursive: true });
});

test('every acknowledged write is there after SIGKILL in the midst of writing', async () => {
  await using server = await new Embedded().start();
  const acknowledged = new Map<string, string>();
  const writers = Array.from({ length: 8 }, async (_, writer) => {
    for (let i = 0; ; i += 1) {
      const { status, body } = await server.api.post(MAPS, configMap(`w${writer}-${i}`, { i: String(i) }));
      if (status === 201) acknowledged.set((body).metadata.name as string, (body).metadata.resourceVersion as string);
    }
  }).map((writing) => writing.catch(() => { /* the server is killed under it */ }));
  await eventually(10_000, () => { if (acknowledged.size < 200) throw new Error(`${acknowledged.size} writes so far`); });
  await server.end('SIGKILL');
  await Promise.all(writers);
  await server.start();
  const items = (await server.api.get(MAPS)).body.items as Body[];
  const stored = new Map(items.map((item) => [item.metadata.name as string, item.metadata.resourceVersion as string]));
  for (const [name, version] of acknowledged) expect([name, stored.get(name)]).toEqual([name, version]);
}, 60_000);

test('resourceVersions go on, watches go on from them, and who was trusted still is', async () => {
  await using server = await new Embedded().start();
  const widgets = await defineWidgets(server.api, { schema: object({ spec: object({ n: { type: 'integer', maximum: 5 } }) }) });
  const first = await created(server.api, widgets.collection, widgets.object('w', { spec: { n: 1 } }));
  const { authority, token } = server.api.access;
  await server.api.patch(`${widgets.collection}/w`, MERGE, { spec: { n: 2 } });
  await server.end('SIGTERM');
  await server.start();
  expect(server.api.access).toMatchObject({ authority, token });
  using watch = await server.api.watch(`${widgets.collection}?watch=1&resourceVersion=${first.metadata.resourceVersion}`);
  expect((await watch.next())).toMatchObject({ type: 'MODIFIED', object: { spec: { n: 2 } } });
  const third = (await server.api.patch(`${widgets.collection}/w`, MERGE, { spec: { n: 3 } })).body;
  expect(await watch.next()).toEqual({ type: 'MODIFIED', object: third });
  expect(BigInt(third.metadata.resourceVersion)).toBeGreaterThan(BigInt(first.metadata.resourceVersion) + 1n);
  expect((await server.api.patch(`${widgets.collection}/w`, MERGE, { spec: { n: 6 } })).status).toBe(422);
}, 60_000);

test('a deletion is not forgotten, and a resourceVersion is never used twice', async () => {
  await using server = await new Embedded().start();
  const name = unique('m');
  const made = await created(server.api, MAPS, configMap(name));
  await server.api.delete(`${MAPS}/${name}`);
  await server.end('SIGKILL');
  await server.start();
  expect((await server.api.get(`${MAPS}/${name}`)).status).toBe(404);
  const again = await created(server.api, MAPS, configMap(name));
  expect(BigInt(again.metadata.resourceVersion)).toBeGreaterThan(BigInt(made.metadata.resourceVersion) + 1n);
}, 60_000);

test('a namespace that was being deleted when the server stopped goes after it has started', async () => {
  await using server = await new Embedded().start();
  const name = unique('dying');
  await created(server.api, '/api/v1/namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
  await created(server.api, `/api/v1/namespaces/${name}/configmaps`, configMap('held', {}, { finalizers: ['x.example/held'] }));
  await server.api.delete(`/api/v1/namespaces/${name}`);
  await server.end('SIGKILL');
  await server.start();
  await server.api.patch(`/api/v1/namespaces/${name}/configmaps/held`, MERGE, { metadata: { finalizers: null } });
  await eventually(5_000, async () => { expect((await server.api.get(`/api/v1/namespaces/${name}`)).status).toBe(404); });
}, 60_000);

test('keys and token are for their owner alone, and the kubeconfig too', async () => {
  await using server = await new Embedded().start();
  for (const file of ['data/token', 'data/ca.key', 'data/server.key', 'kubeconfig']) expect([file, statSync(join(server.directory, file)).mode & 0o077]).toEqual([file, 0]);
}, 60_000);
