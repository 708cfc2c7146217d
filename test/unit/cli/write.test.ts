/** `tortiectl apply` as a process, against a scripted API server: what is written, said, and its exit status. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { spawn } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text as textOf } from 'node:stream/consumers';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { run, type ExecResult } from '../../../sys/exec.ts';
import { FakeKubeServer } from '../../support/fake-kube-server.ts';

let directory: string;
let server: FakeKubeServer;
let pools: object[] = [];
beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'tortiectl-'));
  pools = [];
  server = await FakeKubeServer.start(({ method, path, body }) => (path === '/apis'
    ? { status: 200, body: { groups: [{ name: 'projectcalico.org' }] } }
    : method === 'GET' && path.endsWith('/ippools') ? { status: 200, body: { metadata: { resourceVersion: '1' }, items: pools } }
    : { status: method === 'POST' ? 201 : 404, body: method === 'POST' ? JSON.parse(body) as unknown : { kind: 'Status', reason: 'NotFound' } }));
});
afterEach(async () => {
  await server[Symbol.asyncDispose]();
  rmSync(directory, { recursive: true });
});

const tortiectl = (...args: string[]): Promise<ExecResult> => run(process.execPath, commandLine(args));

function commandLine(args: readonly string[]): string[] {
  const kubeconfig = join(directory, 'kubeconfig');
  const ca = Buffer.from(server.access.ca!).toString('base64');
  writeFileSync(kubeconfig, JSON.stringify({
    'current-context': 'c', contexts: [{ name: 'c', context: { cluster: 'c', user: 'u' } }], users: [{ name: 'u', user: { token: 'secret' } }],
    clusters: [{ name: 'c', cluster: { server: server.access.server, 'certificate-authority-data': ca } }],
  }));
  return ['cli/main.ts', ...args, '--kubeconfig', kubeconfig];
}

const peer = (name: string, asNumber: number): object =>
  ({ apiVersion: 'projectcalico.org/v3', kind: 'BGPPeer', metadata: { name }, spec: { peerIP: '192.0.2.1', asNumber } });

test('a resource that is refused is named, and does not stop those behind it', async () => {
  const file = join(directory, 'peers.json');
  writeFileSync(file, JSON.stringify([peer('a', 65001), peer('bad', 0), peer('c', 65003)]));
  const { status, stdout, stderr } = await tortiectl('apply', '-f', file);
  expect([status, stdout]).toEqual([1, 'Partial success: applied 2 out of 3 \'BGPPeer\' resources\n']);
  expect(stderr).toContain('BGPPeer/bad.spec.asNumber: 0 ');
  expect(server.asked.filter((a) => a.method === 'POST').map((a) => (JSON.parse(a.body) as { metadata: { name: string } }).metadata.name)).toEqual(['a', 'c']);
});

test('a wrong command line is status 2, and nothing is asked', async () => {
  const { status, stdout, stderr } = await tortiectl('apply');
  expect([status, stdout, stderr, server.asked]).toEqual([2, '', 'apply needs --filename\n', []]);
});

test('what another program writes into our standard input only after we have started is read', async () => {
  const child = spawn(process.execPath, commandLine(['apply', '-f', '-']), { stdio: ['pipe', 'pipe', 'inherit'] });
  const said = textOf(child.stdout);
  // Reading begins long before the answer to a connection that has nothing to do with it.
  await tortiectl('version', '--client');
  child.stdin.end(JSON.stringify(peer('late', 65001)));
  expect(await said).toBe('Successfully applied 1 \'BGPPeer\' resource(s)\n');
});

test('a reader that has seen enough ends us without a stack trace', async () => {
  const command = ['cli/main.ts', 'get', '--help'].map((a) => `'${a}'`).join(' ');
  const { stderr } = await run('sh', ['-c', `'${process.execPath}' ${command} | true`]);
  expect(stderr).toBe('');
});

test('a pool that overlaps another is refused, and one that asks for what is not built yet is written with a warning', async () => {
  const pool = (name: string, cidr: string, more: object = {}): object => ({ apiVersion: 'projectcalico.org/v3', kind: 'IPPool', metadata: { name }, spec: { cidr, ...more } });
  pools = [{ ...pool('old', '10.244.0.0/16'), metadata: { name: 'old', creationTimestamp: '2026-01-01T00:00:00Z' } }];
  const file = join(directory, 'pools.json');
  writeFileSync(file, JSON.stringify([pool('inside', '10.244.1.0/24'), pool('nat', '10.9.0.0/16', { natOutgoing: true })]));
  const { status, stderr } = await tortiectl('apply', '-f', file);
  expect(status).toBe(1);
  expect(stderr).toContain('IPPool/inside.spec.cidr: 10.244.1.0/24 overlaps 10.244.0.0/16 of IPPool/old');
  expect(stderr).toContain('warning: IPPool/nat.spec.natOutgoing: true is not built yet');
  expect(server.asked.filter((a) => a.method === 'POST').map((a) => (JSON.parse(a.body) as { metadata: { name: string } }).metadata.name)).toEqual(['nat']);
});
