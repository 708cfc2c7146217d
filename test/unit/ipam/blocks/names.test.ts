import { expect, test } from '@jest/globals';
import { affinityNameOf, blockNameOf, goTime, handleNameOf, hostSeed, hostnameHash } from '../../../../ipam/blocks/names.ts';
import { prefix } from '../../../../lib/ip/text.ts';

test.each([
  ['10.0.0.0/26', '10-0-0-0-26'],
  ['2001:db8::40/122', '2001-db8--40-122'],
  ['fd00::/122', 'fd00---122'],
])('the block %s is named %s', (cidr, name) => { expect(blockNameOf(prefix(cidr))).toBe(name); });

test.each([
  ['node1', '7DS2CCNJGGLTHBDQLLFO6SX24SY2YDDEG3W2VN556FA2W4DLLV5A'],
  ['load-balancer', 'TAU2RK2F2FG7MIS72DPZYC6FJ3U3BIWIDZAMUTQY7ZXMSKQZ5GSQ'],
  ['n9', 'K6YWKITQRRCNXSEUJ3E5XVFIM7Z5ZEL5UM4GCPUWQTHDAC5YB3FA'],
])('the label of node %s is what Calico writes', (node, hash) => { expect(hostnameHash(node)).toBe(hash); });

test('an affinity is named after node and block; a long one is cut and made unique', () => {
  expect(affinityNameOf('node1', prefix('10.0.0.0/26'))).toBe('node1-10-0-0-0-26');
  const name = affinityNameOf('n'.repeat(250), prefix('10.0.0.0/26'));
  expect(name).toHaveLength(252);
  expect(name).toMatch(/^n+-10-0-0-0-26-[0-9a-f]{11}$/);
  expect(affinityNameOf(`${'n'.repeat(250)}x`, prefix('10.0.0.0/26'))).not.toBe(name);
});

test('a handle is an object in lower case, or none', () => {
  expect(handleNameOf('k8s-pod-network.ABC')).toBe('k8s-pod-network.abc');
  expect([handleNameOf('net_work.a'), handleNameOf('a..b'), handleNameOf('n.'.concat('c'.repeat(252)))]).toEqual([undefined, undefined, undefined]);
});

test('times are printed as Go prints them', () => {
  const at = (ms: number): string => goTime(Date.UTC(2026, 10, 24, 0, 17, 7, ms));
  expect([at(142), at(140), at(100), at(0)]).toEqual([
    '2026-11-24 00:17:07.142 +0000 UTC', '2026-11-24 00:17:07.14 +0000 UTC', '2026-11-24 00:17:07.1 +0000 UTC', '2026-11-24 00:17:07 +0000 UTC',
  ]);
});

test('twenty nodes with numbered names begin in different blocks, and not side by side', () => {
  const starts = Array.from({ length: 20 }, (_, i) => hostSeed(`n${i + 1}`) % 1024).sort((a, b) => a - b);
  expect(starts.slice(1).filter((s, i) => s - starts[i]! <= 1).length).toBeLessThan(3);
  expect(hostSeed('n1')).toBe(hostSeed('n1'));
});
