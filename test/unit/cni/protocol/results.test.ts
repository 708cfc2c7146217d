import { expect, test } from '@jest/globals';
import { ip, prefix } from '../../../../lib/ip/text.ts';
import { readResult, renderResult, resultObject, type Result } from '../../../../cni/protocol/results.ts';
import { CNI_VERSIONS } from '../../../../cni/protocol/versions.ts';

const result: Result = {
  interfaces: [{ name: 'cali0123', mac: 'ee:ee:ee:ee:ee:ee' }, { name: 'eth0', mac: '02:00:00:00:00:01', mtu: 1500, sandbox: '/run/netns/x' }],
  addresses: [{ address: ip('10.244.0.1'), length: 32, interface: 1 }, { address: ip('fd00::1'), length: 128, interface: 1 }],
  routes: [{ destination: prefix('0.0.0.0/0'), gateway: ip('169.254.1.1') }, { destination: prefix('::/0') }],
  dns: { nameservers: ['10.96.0.10'] },
};

test('1.1.0 says the MTU', () => {
  expect(JSON.parse(renderResult(result, '1.1.0'))).toEqual({
    cniVersion: '1.1.0',
    interfaces: [{ name: 'cali0123', mac: 'ee:ee:ee:ee:ee:ee' }, { name: 'eth0', mac: '02:00:00:00:00:01', mtu: 1500, sandbox: '/run/netns/x' }],
    ips: [{ interface: 1, address: '10.244.0.1/32' }, { interface: 1, address: 'fd00::1/128' }],
    routes: [{ dst: '0.0.0.0/0', gw: '169.254.1.1' }, { dst: '::/0' }],
    dns: { nameservers: ['10.96.0.10'] },
  });
});

test('1.0.0 does not', () => {
  expect(JSON.stringify(resultObject(result, '1.0.0'))).not.toContain('mtu');
});

test.each(['0.3.1', '0.4.0'] as const)('%s says the family of each address', (version) => {
  expect(resultObject(result, version)['ips']).toEqual([
    { version: '4', interface: 1, address: '10.244.0.1/32' }, { version: '6', interface: 1, address: 'fd00::1/128' },
  ]);
});

test('a result reads back from every version', () => {
  const { mtu: _mtu, ...pod } = result.interfaces[1]!;
  for (const version of CNI_VERSIONS) {
    expect(readResult(JSON.parse(renderResult(result, version)), 'prevResult')).toEqual({ ...result, interfaces: [result.interfaces[0], pod] });
  }
});

test('the result of an IPAM plugin has no interfaces', () => {
  expect(resultObject({ interfaces: [], addresses: [{ address: ip('10.0.0.1'), length: 26 }], routes: [] }, '1.0.0'))
    .toEqual({ cniVersion: '1.0.0', ips: [{ address: '10.0.0.1/26' }], routes: [] });
});
