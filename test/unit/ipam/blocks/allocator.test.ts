import { expect, test } from '@jest/globals';
import { prefix } from '../../../../lib/ip/text.ts';
import type { Prefix } from '../../../../lib/ip/prefix.ts';
import { DEFAULT_SETTINGS, explainRefusal, freeBlockOf, nextStep, reservationOf, type AllocationState, type Step } from '../../../../ipam/blocks/allocator.ts';
import { poolOf, type Pool } from '../../../../ipam/blocks/pools.ts';
import { parseResource } from '../../../../config/kinds/kinds.ts';
import { ip } from '../../../../lib/ip/text.ts';

function pool(name: string, spec: Record<string, unknown>, extra: object = {}): Pool {
  const { value, problems } = parseResource('IPPool', { metadata: { name, ...extra }, spec: { cidr: '10.0.0.0/28', blockSize: 30, ...spec } });
  expect(problems).toEqual([]);
  return poolOf(value!)!;
}
const SMALL = pool('small', {});
const blocks = (...texts: string[]): Set<Prefix> => new Set(texts.map(prefix));

function step(changes: Omit<Partial<AllocationState>, 'request'> & { request?: Partial<AllocationState['request']> }): Step {
  return nextStep({
    pools: [SMALL], settings: DEFAULT_SETTINGS, own: [], taken: undefined, reserved: [], seed: 0, ...changes,
    request: { family: 'ipv4', node: 'n1', nodeLabels: { zone: 'a' }, namespaceLabels: {}, pools: [], ...changes.request },
  });
}
const why = (s: Step): unknown => (s.type === 'refuse' ? s.rejections.map((r) => `${r.pool}: ${r.why}`) : s);

test('a block with room is used, in order', () => {
  const own = [{ cidr: prefix('10.0.0.4/30'), room: 0 }, { cidr: prefix('10.0.0.8/30'), room: 2 }, { cidr: prefix('10.0.0.0/30'), room: 4 }];
  expect(step({ own })).toEqual({ type: 'assign', cidr: prefix('10.0.0.8/30') });
});

test('promised places do not count as room', () => {
  expect(step({ own: [{ cidr: prefix('10.0.0.4/30'), room: -1 }] })).toEqual({ type: 'survey' });
});

test('a block that has not been read is read before another is claimed', () => {
  expect(step({ own: [{ cidr: prefix('10.0.0.4/30'), room: undefined }] })).toEqual({ type: 'settle', cidr: prefix('10.0.0.4/30') });
});

test('blocks of pools that may not be used do not count', () => {
  expect(step({ own: [{ cidr: prefix('192.168.0.0/30'), room: 3 }] })).toEqual({ type: 'survey' });
});

test('the first free block from the seed on is claimed', () => {
  expect(step({ taken: blocks(), seed: 6 })).toEqual({ type: 'claim', cidr: prefix('10.0.0.8/30') });
  expect(step({ taken: blocks('10.0.0.8/30', '10.0.0.12/30'), seed: 2 })).toEqual({ type: 'claim', cidr: prefix('10.0.0.0/30') });
});

test('when a pool is exhausted the next one is used', () => {
  const full = blocks('10.0.0.0/30', '10.0.0.4/30', '10.0.0.8/30', '10.0.0.12/30');
  const other = pool('z-other', { cidr: '10.1.0.0/28' });
  expect(step({ pools: [other, SMALL], taken: full })).toEqual({ type: 'claim', cidr: prefix('10.1.0.0/30') });
});

test('nothing left says so of each pool', () => {
  const pools = [
    SMALL,
    pool('closed', { cidr: '10.2.0.0/28', disabled: true }),
    pool('elsewhere', { cidr: '10.3.0.0/28', nodeSelector: "zone == 'b'" }),
    pool('leaving', { cidr: '10.4.0.0/28' }, { deletionTimestamp: '2026-01-01T00:00:00Z' }),
    pool('manual', { cidr: '10.5.0.0/28', assignmentMode: 'Manual' }),
    pool('tunnels', { cidr: '10.6.0.0/28', allowedUses: ['Tunnel'] }),
    pool('tenants', { cidr: '10.7.0.0/28', allowedUses: ['Workload'], namespaceSelector: "tenant == 'x'" }),
    pool('six', { cidr: 'fd00::/120', blockSize: 122 }),
  ];
  const refused = step({ pools, taken: blocks('10.0.0.0/30', '10.0.0.4/30', '10.0.0.8/30', '10.0.0.12/30') });
  expect(why(refused)).toEqual([
    'small (10.0.0.0/28): no block is free, and none of this node has a free address',
    'closed (10.2.0.0/28): it is disabled',
    "elsewhere (10.3.0.0/28): nodeSelector zone == 'b' does not select node n1",
    'leaving (10.4.0.0/28): it is being deleted',
    'manual (10.5.0.0/28): assignmentMode is Manual and nobody asked for it by name',
    "tenants (10.7.0.0/28): namespaceSelector tenant == 'x' does not select the pod's namespace",
    'tunnels (10.6.0.0/28): allowedUses does not hold Workload',
  ]);
});

test('a pool that the IPPool controller refuses is closed', () => {
  const { value } = parseResource('IPPool', {
    metadata: { name: 'p' }, spec: { cidr: '10.0.0.0/24' },
    status: { conditions: [{ type: 'Allocatable', status: 'False', reason: 'CIDROverlap', message: 'x', lastTransitionTime: '2026-01-01T00:00:00Z' }] },
  });
  expect(poolOf(value!)?.closed).toBe('it is not allocatable: CIDROverlap');
});

test('pools asked for are used in the order asked, selectors and manual assignment notwithstanding', () => {
  const pools = [SMALL, pool('manual', { cidr: '10.5.0.0/28', assignmentMode: 'Manual', nodeSelector: "zone == 'b'" })];
  expect(step({ pools, taken: blocks(), request: { pools: ['10.5.0.0/28', 'small'] } })).toEqual({ type: 'claim', cidr: prefix('10.5.0.0/30') });
});

test('pools asked for that cannot be used are named', () => {
  const pools = [pool('closed', { disabled: true }), pool('six', { cidr: 'fd00::/120', blockSize: 122 })];
  expect(why(step({ pools, request: { pools: ['10.9.0.0/16', 'closed', 'six'] } }))).toEqual([
    '10.9.0.0/16: there is no such pool', 'closed (10.0.0.0/28): it is disabled', 'six (fd00::/120): it has no IPv4 addresses',
  ]);
});

test('a node holds at most 20 blocks, or as many as configured', () => {
  const own = Array.from({ length: 20 }, (_, i) => ({ cidr: prefix(`10.0.${i}.0/24`), room: 0 }));
  const wide = pool('wide', { cidr: '10.0.0.0/16', blockSize: 24 });
  expect(why(step({ pools: [wide], own, taken: blocks() }))).toEqual(["wide (10.0.0.0/16): this node's 20 blocks are full, and it may hold no more (limit 20)"]);
  expect(step({ pools: [wide], own, taken: blocks(), settings: { ...DEFAULT_SETTINGS, maxBlocksPerHost: 21 } }).type).toBe('claim');
});

test('where nodes may not claim, none is claimed', () => {
  expect(why(step({ settings: { ...DEFAULT_SETTINGS, autoAllocateBlocks: false } }))).toEqual([
    'small (10.0.0.0/28): this node has no free address in it, and autoAllocateBlocks is false',
  ]);
});

test('a block that is reserved whole is not claimed', () => {
  expect(freeBlockOf(SMALL, blocks(), [prefix('10.0.0.0/29')], 0)).toBe(prefix('10.0.0.8/30'));
});

test('in a pool of 2^74 blocks one is found at once', () => {
  const huge = pool('huge', { cidr: 'fd00::/48', blockSize: 122 });
  expect(freeBlockOf(huge, blocks('fd00::40/122'), [], 1)).toBe(prefix('fd00::80/122'));
});

test('reservations are by address', () => {
  const reserved = reservationOf([prefix('10.0.0.0/31'), prefix('fd00::5/128')])!;
  expect(['10.0.0.1', '10.0.0.2', 'fd00::5', 'fd00::6'].map((a) => reserved(ip(a)))).toEqual([true, false, true, false]);
  expect(reservationOf([])).toBeUndefined();
});

test('a refusal reads as one line', () => {
  const request = { family: 'ipv6', node: 'n1', nodeLabels: {}, namespaceLabels: {}, pools: [] } as const;
  expect(explainRefusal(request, [])).toBe('no IPv6 address: there is no IPv6 pool');
  expect(explainRefusal(request, [{ pool: 'a', why: 'x' }, { pool: 'b', why: 'y' }])).toBe('no IPv6 address: pool a: x; pool b: y');
});
