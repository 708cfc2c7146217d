import { expect, test } from '@jest/globals';
import { readConfiguration, versionFor } from '../../../../cni/protocol/configuration.ts';
import { CniError } from '../../../../cni/protocol/errors.ts';
import { FIELDS, IPAM_FIELDS } from '../../../../cni/protocol/fields.ts';

const CALICO = {
  cniVersion: '1.0.0', name: 'k8s-pod-network', type: 'tortie', datastore_type: 'kubernetes', log_level: 'info',
  log_file_path: '/var/log/calico/cni/cni.log', nodename: 'n1', mtu: 1440, ipam: { type: 'calico-ipam', assign_ipv4: 'true', assign_ipv6: 'true', ipv4_pools: ['10.244.0.0/16'] },
  policy: { type: 'k8s' }, kubernetes: { kubeconfig: '/etc/cni/net.d/calico-kubeconfig' }, container_settings: { allow_ip_forwarding: true },
  capabilities: { portMappings: true }, runtimeConfig: { portMappings: [] },
};
const read = (changes: Record<string, unknown>): ReturnType<typeof readConfiguration> => readConfiguration(JSON.stringify({ ...CALICO, ...changes }));

test('the configuration of a Calico manifest is understood whole', () => {
  expect(read({})).toMatchObject({
    cniVersion: '1.0.0', name: 'k8s-pod-network', mtu: 1440, nodename: 'n1', allowIpForwarding: true,
    ipam: { families: ['ipv4', 'ipv6'], pools: { ipv4: ['10.244.0.0/16'], ipv6: [] } }, previous: undefined, unknown: [],
  });
});

test('the least configuration gives IPv4 from any pool', () => {
  expect(readConfiguration('{"cniVersion":"0.3.1","name":"n","type":"tortie"}')).toMatchObject({
    mtu: 0, allowIpForwarding: false, ipam: { families: ['ipv4'], pools: { ipv4: [], ipv6: [] } },
  });
});

test('fields nobody knows are named, not refused', () => {
  expect(read({ shiny: 1, ipam: { type: 'tortie-ipam', sparkle: true } }).unknown).toEqual(['shiny', 'ipam.sparkle']);
});

test('a previous result is read in the form of its version', () => {
  const previous = { cniVersion: '0.4.0', interfaces: [{ name: 'eth0', sandbox: '/x' }], ips: [{ version: '4', interface: 0, address: '10.0.0.1/32' }] };
  expect(read({ cniVersion: '0.4.0', prevResult: previous }).previous?.addresses).toEqual([{ address: 0x0a000001, length: 32, interface: 0 }]);
});

test('GC reads what the runtime still has', () => {
  expect(read({ 'cni.dev/valid-attachments': [{ containerID: 'a', ifname: 'eth0' }] }).validAttachments)
    .toEqual([{ containerId: 'a', interfaceName: 'eth0' }]);
});

test.each([
  [{ mtu: 'big' }, 7, 'mtu: "big" is not valid: expected an integer'],
  [{ mtu: 67 }, 7, 'mtu: 67 is not valid: expected 0 or 68..65535 bytes'],
  [{ ipam: 'tortie-ipam' }, 7, 'ipam: "tortie-ipam" is not valid: expected an object'],
  [{ ipam: { type: 'host-local' } }, 2, 'ipam.type: "host-local" is not supported: expected "tortie-ipam" or "calico-ipam"'],
  [{ ipam: { assign_ipv4: 'yes' } }, 7, 'ipam.assign_ipv4: "yes" is not valid: expected "true" or "false"'],
  [{ ipam: { assign_ipv4: 'false' } }, 7, 'ipam.assign_ipv4, ipam.assign_ipv6: both are false'],
  [{ ipam: { ipv4_pools: [1] } }, 7, 'ipam.ipv4_pools: [1] is not valid: expected a list of texts'],
  [{ container_settings: { allow_ip_forwarding: 'true' } }, 7, 'container_settings.allow_ip_forwarding: "true" is not valid: expected true or false'],
  [{ datastore_type: 'etcdv3' }, 2, 'datastore_type: "etcdv3" is not supported: expected "kubernetes"'],
  [{ device_type: 'netkit' }, 2, 'device_type: "netkit" is not supported'],
  [{ num_queues: 4 }, 2, 'num_queues: 4 is not supported: expected 1'],
  [{ ipMasq: true }, 2, 'ipMasq: true is not supported: pods are routed without address translation'],
  [{ etcd_endpoints: 'http://x' }, 2, 'etcd_endpoints: "http://x" is not supported'],
  [{ policy_setup_timeout_seconds: -1 }, 7, 'policy_setup_timeout_seconds: -1 is not valid'],
  [{ name: '../x' }, 7, 'name: "../x" is not valid'],
  [{ name: undefined }, 7, 'name: is missing'],
  [{ cniVersion: '2.0.0' }, 1, 'cniVersion: "2.0.0" is not supported: expected one of 0.3.1, 0.4.0, 1.0.0, 1.1.0'],
  [{ cniVersion: undefined }, 1, 'cniVersion is missing'],
  [{ cniVersion: 1 }, 7, 'cniVersion: 1 is not a text'],
  [{ plugins: [] }, 7, 'plugins: a list of configurations'],
  [{ prevResult: { ips: [{ address: '10.0.0.1' }] } }, 7, 'prevResult.ips[0].address: "10.0.0.1" is not valid: expected an address and a prefix length'],
  [{ 'cni.dev/valid-attachments': [{}] }, 7, 'cni.dev/valid-attachments[0]: {} is not valid'],
])('%j is error %i: %s', (changes, code, message) => {
  const error = caught(() => read(changes));
  expect(error.code).toBe(code);
  expect(error.message).toContain(message);
});

test('the first problem is the message, the others are the details', () => {
  expect(caught(() => read({ mtu: 'big', ipMasq: 3 }))).toMatchObject({ message: expect.stringContaining('mtu'), details: expect.stringContaining('ipMasq: 3') });
});

test.each(['', 'null', '[]', '{', '"x"'])('%j on standard input is error 6', (text) => {
  expect(caught(() => readConfiguration(text)).code).toBe(6);
});

test('a refused field that says nothing is accepted', () => {
  expect(() => read({ ipMasq: false, readiness_gates: [], feature_control: { floating_ips: false }, etcd_endpoints: '' })).not.toThrow();
});

test('every field refuses a value of a wrong type by name', () => {
  for (const [name, field] of Object.entries(FIELDS)) {
    if (name === 'cniVersion' || name === 'type') continue;
    const bad = field.type === 'text' ? 7 : 'text';
    expect(caught(() => read({ [name]: bad })).message).toContain(`${name}: `);
  }
  for (const name of Object.keys(IPAM_FIELDS)) {
    expect(caught(() => read({ ipam: { [name]: 7 } })).message).toContain(`ipam.${name}: 7 is not valid`);
  }
});

test('an error is answered in the version of the configuration, where there is one', () => {
  expect([versionFor('{"cniVersion":"0.4.0"}'), versionFor('{'), versionFor('{"cniVersion":"9"}')]).toEqual(['0.4.0', '1.0.0', '1.0.0']);
});

function caught(body: () => unknown): CniError {
  try { body(); } catch (error) { if (error instanceof CniError) return error; throw error; }
  throw new Error('nothing was thrown');
}
