/** `tortiectl apply` as a process, against a scripted API server: what is written, said, and its exit status. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { run, type ExecResult } from '../../../sys/exec.ts';
import { FakeKubeServer } from '../../support/fake-kube-server.ts';

let directory: string;
let server: FakeKubeServer;
beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'tortiectl-'));
  server = await FakeKubeServer.start(({ method, path, body }) => (path === '/apis'
    ? { status: 200, body: { groups: [{ name: 'projectcalico.org' }] } }
    : { status: method === 'POST' ? 201 : 404, body: method === 'POST' ? JSON.parse(body) as unknown : { kind: 'Status', reason: 'NotFound' } }));
});
afterEach(async () => {
  await server[Symbol.asyncDispose]();
  rmSync(directory, { recursive: true });
});

function tortiectl(...args: string[]): Promise<ExecResult> {
  const kubeconfig = join(directory, 'kubeconfig');
  const ca = Buffer.from(server.access.ca!).toString('base64');
  writeFileSync(kubeconfig, JSON.stringify({
    'current-context': 'c', contexts: [{ name: 'c', context: { cluster: 'c', user: 'u' } }], users: [{ name: 'u', user: { token: 'secret' } }],
    clusters: [{ name: 'c', cluster: { server: server.access.server, 'certificate-authority-data': ca } }],
  }));
  return run(process.execPath, ['cli/main.ts', ...args, '--kubeconfig', kubeconfig]);
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
