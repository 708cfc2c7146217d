import { expect, test } from '@jest/globals';
import { macOf, requestOf } from '../../../../agent/endpoints/annotations.ts';
import { CniError } from '../../../../cni/protocol/errors.ts';
import type { IpamRequest } from '../../../../cni/protocol/configuration.ts';

const P = 'cni.projectcalico.org/';
const configured: IpamRequest = { families: ['ipv4', 'ipv6'], pools: { ipv4: ['conf'], ipv6: [] } };

test('without annotations the configuration counts', () => { expect(requestOf(configured, {}, {})).toEqual(configured); });

test('the pod\'s pools count before its namespace\'s, and these before the configuration\'s', () => {
  const namespace = { [`${P}ipv4pools`]: '["ns"]', [`${P}ipv6pools`]: '["ns6"]' };
  expect(requestOf(configured, { [`${P}ipv4pools`]: '["pod", "10.0.0.0/8"]' }, namespace).pools).toEqual({ ipv4: ['pod', '10.0.0.0/8'], ipv6: ['ns6'] });
  expect(requestOf(configured, {}, namespace).pools).toEqual({ ipv4: ['ns'], ipv6: ['ns6'] });
});

test('a pod may ask for fewer families', () => {
  expect(requestOf(configured, { [`${P}ipFamilies`]: '["IPv6"]' }, {}).families).toEqual(['ipv6']);
  expect(requestOf(configured, { [`${P}ipFamilies`]: '["IPv6","IPv4"]' }, {}).families).toEqual(['ipv4', 'ipv6']);
});

test('a pod may ask for a MAC address', () => {
  expect([macOf({}), macOf({ [`${P}hwAddr`]: '02:00:00:00:00:AB' })]).toEqual([undefined, '02:00:00:00:00:ab']);
});

test.each([
  [{ [`${P}ipAddrs`]: '["10.0.0.1"]' }, 2, 'annotation cni.projectcalico.org/ipAddrs: ["10.0.0.1"] is not supported yet'],
  [{ [`${P}ipAddrsNoIpam`]: '[]' }, 2, 'ipAddrsNoIpam'],
  [{ [`${P}floatingIPs`]: '[]' }, 2, 'floatingIPs'],
  [{ [`${P}ipv4pools`]: 'p4' }, 7, 'annotation cni.projectcalico.org/ipv4pools: "p4" is not valid: expected a JSON list of texts'],
  [{ [`${P}ipv4pools`]: '[1]' }, 7, 'ipv4pools'],
  [{ [`${P}ipFamilies`]: '["IPv5"]' }, 7, 'expected a list of "IPv4" and "IPv6"'],
  [{ [`${P}ipFamilies`]: '[]' }, 7, 'ipFamilies'],
  [{ [`${P}hwAddr`]: 'ff:ff:ff:ff:ff:ff' }, 7, 'hwAddr: "ff:ff:ff:ff:ff:ff" is not valid: expected a unicast MAC address'],
])('%j is error %i', (annotations, code, message) => {
  let error: unknown;
  try { requestOf(configured, annotations, {}); macOf(annotations); } catch (e) { error = e; }
  expect(error).toBeInstanceOf(CniError);
  expect([(error as CniError).code, (error as CniError).message]).toEqual([code, expect.stringContaining(message)]);
});

test('a family that the configuration does not assign is refused', () => {
  expect(() => requestOf({ ...configured, families: ['ipv4'] }, { [`${P}ipFamilies`]: '["IPv6"]' }, {})).toThrow('IPv6 is not assigned by the network configuration');
});
