import { expect, test } from '@jest/globals';
import { decodeAttachment, encodeAttachment, type Attachment } from '../../../../agent/endpoints/attachment.ts';
import { aliasOf, hostInterfaceOf, keyOf, keyOfAlias, podMacOf } from '../../../../agent/endpoints/names.ts';
import { isInPod, type Operation } from '../../../../agent/endpoints/operations.ts';
import { addressPlan, linkPlan } from '../../../../agent/endpoints/plan.ts';
import { resultOf } from '../../../../agent/endpoints/result.ts';
import { resultObject } from '../../../../cni/protocol/results.ts';
import { ip } from '../../../../lib/ip/text.ts';

const attachment: Attachment = {
  state: 'attached', kind: 'link', network: 'k8s-pod-network', containerId: 'abc', interfaceName: 'eth0', netns: '/run/netns/x', netnsInode: 7,
  pod: { namespace: 'default', name: 'web', uid: 'u' }, handle: 'k8s-pod-network.abc', hostInterface: 'cali01234567890', podMac: '02:00:00:00:00:01',
  mtu: 1440, families: ['ipv4', 'ipv6'], allowIpForwarding: false, addresses: [ip('10.0.0.5'), ip('fd00::5')], blockLengths: [26, 122], sinceMs: 1,
};
const types = (plan: readonly Operation[]): string[] => plan.map((o) => o.type);

test('the node\'s interface is named as Calico names it', () => {
  expect(hostInterfaceOf({ namespace: 'default', name: 'b0' }, 'x')).toBe('cali9677348bbdc');
  expect(hostInterfaceOf(undefined, '0123456789abcdef')).toBe('cali0123456789a');
});

test('an alias leads back to the container and its interface, and nobody else\'s does', () => {
  expect(keyOfAlias(aliasOf('abc', 'eth0'))).toBe(keyOf('abc', 'eth0'));
  expect([keyOfAlias(undefined), keyOfAlias('something')]).toEqual([undefined, undefined]);
});

test('a pod\'s MAC address is its own, unicast and locally administered', () => {
  const mac = podMacOf('abc@eth0');
  expect([mac, podMacOf('abc@eth0') === mac, podMacOf('abd@eth0') === mac]).toEqual([expect.stringMatching(/^[0-9a-f][26ae](:[0-9a-f]{2}){5}$/), true, false]);
});

test('the link comes first, then the settings of either end', () => {
  const plan = linkPlan(attachment);
  expect(plan[0]).toEqual({ type: 'createPair', host: 'cali01234567890', pod: 'eth0', mtu: 1440, podMac: '02:00:00:00:00:01', alias: 'tortie:abc@eth0' });
  expect(new Set(types(plan.slice(1)))).toEqual(new Set(['hostSysctl', 'podSysctl']));
});

test('one family leaves the other\'s settings of the node\'s end alone', () => {
  const only = (family: 'ipv4' | 'ipv6'): string[] => linkPlan({ ...attachment, families: [family] }).flatMap((o) => (o.type === 'hostSysctl' ? [o.name] : []));
  expect(only('ipv4').every((n) => n.startsWith('net/ipv4/'))).toBe(true);
  expect(only('ipv6').every((n) => n.startsWith('net/ipv6/'))).toBe(true);
});

test.each([[false, '0'], [true, '1']])('forwarding in the pod is written when it is %s', (allowIpForwarding, value) => {
  const written = linkPlan({ ...attachment, allowIpForwarding }).filter((o) => o.type === 'podSysctl' && /forward/.test(o.name));
  expect(written.map((o) => 'value' in o && o.value)).toEqual([value, value]);
});

test('in the pod the neighbour and the gateway\'s route come before the default route, the address after, the node\'s routes last', () => {
  expect(types(addressPlan(attachment))).toEqual([
    'raisePodLink', 'raisePodLink', 'podNeighbour', 'podRoute', 'podRoute', 'podAddress', 'podNeighbour', 'podRoute', 'podAddress', 'hostRoute', 'hostRoute',
  ]);
  expect(addressPlan(attachment).map(isInPod)).toEqual([...Array<boolean>(9).fill(true), false, false]);
});

test('a result names the node\'s end, the pod\'s end, and which the addresses are on', () => {
  expect(resultObject(resultOf(attachment, { nameservers: [] }), '1.1.0')).toEqual({
    cniVersion: '1.1.0', dns: { nameservers: [] },
    interfaces: [{ name: 'cali01234567890', mac: 'ee:ee:ee:ee:ee:ee' }, { name: 'eth0', mac: '02:00:00:00:00:01', mtu: 1440, sandbox: '/run/netns/x' }],
    ips: [{ interface: 1, address: '10.0.0.5/32' }, { interface: 1, address: 'fd00::5/128' }],
    routes: [{ dst: '0.0.0.0/0', gw: '169.254.1.1' }, { dst: '::/0', gw: 'fe80::ecee:eeff:feee:eeee' }],
  });
});

test('the result of addresses alone has their block\'s length and no interface', () => {
  expect(resultObject(resultOf({ ...attachment, kind: 'address' }), '1.0.0')).toEqual({
    cniVersion: '1.0.0', ips: [{ address: '10.0.0.5/26' }, { address: 'fd00::5/122' }], routes: [{ dst: '0.0.0.0/0' }, { dst: '::/0' }],
  });
});

test('a record reads back; one that is cut, strange or newer does not', () => {
  expect(decodeAttachment(encodeAttachment(attachment))).toEqual(attachment);
  expect(decodeAttachment(encodeAttachment({ ...attachment, pod: undefined }))).toEqual({ ...attachment, pod: undefined });
  const text = encodeAttachment(attachment);
  for (const bad of ['', '{}', 'null', '[]', text.slice(0, -3), text.replace('"version":1', '"version":9'), text.replace('10.0.0.5', '10.0.0'),
    text.replace('"attached"', '"lost"'), text.replace('"mtu":1440', '"mtu":"x"'), text.replace('"uid":"u"', '"uid":1'), text.replace('["ipv4","ipv6"]', '"ipv4"')]) {
    expect([bad, decodeAttachment(bad)]).toEqual([bad, undefined]);
  }
});
