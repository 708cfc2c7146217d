import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { NetworkConfigurationFile } from '../../../agent/network-configuration.ts';
import { installConfiguration, installExecutables } from '../../../cni/install.ts';
import { networkList } from '../../../cni/protocol/network-list.ts';
import { readConfiguration } from '../../../cni/protocol/configuration.ts';
import { silentLog } from '../../../lib/log.ts';

let directory: string;
beforeEach(() => { directory = mkdtempSync(join(tmpdir(), 'tortie-install-')); });
afterEach(() => { rmSync(directory, { recursive: true, force: true }); });

test('the executable is installed under both names, and only where it differs', async () => {
  const shim = join(directory, 'shim');
  writeFileSync(shim, 'program');
  const bin = join(directory, 'bin');
  await installExecutables(shim, bin);
  expect(readdirSync(bin).sort()).toEqual(['tortie', 'tortie-ipam']);
  const before = statSync(join(bin, 'tortie'));
  await installExecutables(shim, bin);
  expect([before.mode & 0o777, statSync(join(bin, 'tortie')).ino]).toEqual([0o755, before.ino]);
  writeFileSync(shim, 'newer');
  await installExecutables(shim, bin);
  expect(readFileSync(join(bin, 'tortie-ipam'), 'utf8')).toBe('newer');
});

test('the configuration is written once', async () => {
  const path = join(directory, 'net.d/10-tortie.conflist');
  expect([await installConfiguration('{}', path), await installConfiguration('{}', path), statSync(path).mode & 0o777]).toEqual([true, false, 0o600]);
});

test('the list names the families of the pools, and chains portmap where it is installed', () => {
  const list = JSON.parse(networkList({ name: 'k8s-pod-network', cniVersion: '1.0.0', families: ['ipv6'], portmap: true })) as { plugins: object[] };
  expect(list).toEqual({
    cniVersion: '1.0.0', name: 'k8s-pod-network',
    plugins: [
      { type: 'tortie', ipam: { type: 'tortie-ipam', assign_ipv4: 'false', assign_ipv6: 'true' } },
      { type: 'portmap', snat: true, capabilities: { portMappings: true } },
    ],
  });
  expect(readConfiguration(JSON.stringify({ ...list.plugins[0], name: 'n', cniVersion: '1.0.0' })).ipam.families).toEqual(['ipv6']);
});

test('the file appears with the first family, and is left to people until the families change', async () => {
  const path = join(directory, 'net.d/10-tortie.conflist');
  const file = new NetworkConfigurationFile({ binDirectory: directory, path }, silentLog);
  await file.update([]);
  expect(readdirSync(directory)).toEqual([]);
  await file.update(['ipv4']);
  expect(readFileSync(path, 'utf8')).toContain('"assign_ipv6": "false"');
  writeFileSync(path, 'edited');
  await file.update(['ipv4']);
  expect(readFileSync(path, 'utf8')).toBe('edited');
  await file.update(['ipv4', 'ipv6']);
  expect(readFileSync(path, 'utf8')).toContain('"assign_ipv6": "true"');
});

test('a pool that is wrong takes no family away, also not from an agent that has just started', async () => {
  const path = join(directory, 'net.d/10-tortie.conflist');
  await new NetworkConfigurationFile({ binDirectory: directory, path }, silentLog).update(['ipv4', 'ipv6']);
  const file = new NetworkConfigurationFile({ binDirectory: directory, path }, silentLog);
  await file.update(['ipv6'], true);
  expect(readFileSync(path, 'utf8')).toMatch(/"assign_ipv4": "true",\s+"assign_ipv6": "true"/);
  await file.update(['ipv6'], false);
  expect(readFileSync(path, 'utf8')).toMatch(/"assign_ipv4": "false",\s+"assign_ipv6": "true"/);
});
