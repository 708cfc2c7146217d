import { expect, test } from '@jest/globals';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { accessFromFile, accessFromText, accessInCluster } from '../../../../sys/kube/kubeconfig.ts';

const b64 = (text: string): string => Buffer.from(text).toString('base64');
const config = (cluster: string, user: string, context = '{cluster: c, user: u}'): string => `
apiVersion: v1
kind: Config
current-context: main
contexts: [{name: main, context: ${context}}, {name: other, context: {cluster: c, user: u, namespace: elsewhere}}]
clusters: [{name: c, cluster: ${cluster}}]
users: [{name: u, user: ${user}}]
`;
const CLUSTER = `{server: "https://192.0.2.1:6443/", certificate-authority-data: ${b64('CA')}}`;

function folder(files: Readonly<Record<string, string>>): { readonly path: string } & Disposable {
  const path = mkdtempSync(join(tmpdir(), 'tortie-kubeconfig-'));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(path, name), text);
  return { path, [Symbol.dispose]: () => { rmSync(path, { recursive: true }); } };
}

test('inline data and a token', () => {
  const access = accessFromText(config(CLUSTER, `{token: t, client-certificate-data: ${b64('CERT')}, client-key-data: ${b64('KEY')}}`), '/x/config');
  expect(access).toMatchObject({ server: 'https://192.0.2.1:6443', ca: 'CA', certificate: 'CERT', key: 'KEY', insecure: false, namespace: 'default' });
  expect(access.token?.()).toBe('t');
  expect(accessFromText(config(CLUSTER, '{token: t}'), '/x/config', 'other').namespace).toBe('elsewhere');
});

test('files beside the kubeconfig; a token file is read again each time', () => {
  using files = folder({ ca: 'CA FILE', token: 'one\n', config: config('{server: "https://h:1", certificate-authority: ca, tls-server-name: api, insecure-skip-tls-verify: true}', '{tokenFile: token}') });
  const access = accessFromFile(join(files.path, 'config'));
  expect(access).toMatchObject({ ca: 'CA FILE', serverName: 'api', insecure: true });
  expect(access.token?.()).toBe('one');
  writeFileSync(join(files.path, 'token'), 'two');
  expect(access.token?.()).toBe('two');
  rmSync(join(files.path, 'token'));
  expect(() => access.token?.()).toThrow('KUBECONFIG');
});

test.each([
  ['clusters: [', 'not YAML'],
  ['7', 'not a kubeconfig'],
  ['{}', 'contexts has no \\"\\"'],
  [config(CLUSTER, '{token: t}', '{cluster: nope, user: u}'), 'clusters has no \\"nope\\"'],
  [config(CLUSTER, '{token: t}', '{cluster: c, user: nope}'), 'users has no \\"nope\\"'],
  [config('{}', '{token: t}'), 'cluster.server is undefined: expected a URL'],
  [config('{server: "192.0.2.1"}', '{token: t}'), 'expected a URL'],
  [config(CLUSTER, '{exec: {command: aws}}'), 'exec is not supported: expected a token or a client certificate'],
  [config('{server: "https://h", certificate-authority: nowhere}', '{}'), '/x/nowhere'],
])('%# is refused with %s', (text, words) => {
  let said = '';
  try { accessFromText(text, '/x/config'); } catch (error) { said = JSON.stringify((error as Error).message); }
  expect(said).toContain('KUBECONFIG');
  expect(said.replaceAll('\\\\', '\\')).toContain(words);
});

test('a file that is not there is named', () => {
  expect(() => accessFromFile('/nowhere/config')).toThrow('KUBECONFIG (path=/nowhere/config)');
});

test('in a pod: address from the environment, credentials from the mounted folder', () => {
  using files = folder({ 'ca.crt': 'CA', token: 't\n', namespace: 'kube-system\n' });
  const access = accessInCluster({ KUBERNETES_SERVICE_HOST: 'fd00::1', KUBERNETES_SERVICE_PORT: '443' }, files.path)!;
  expect(access).toMatchObject({ server: 'https://[fd00::1]:443', ca: 'CA', namespace: 'kube-system', insecure: false });
  expect(access.token?.()).toBe('t');
  expect(accessInCluster({})).toBeUndefined();
});
