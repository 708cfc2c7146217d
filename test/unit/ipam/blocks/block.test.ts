import { expect, test } from '@jest/globals';
import { ip, prefix } from '../../../../lib/ip/text.ts';
import { stringifyJson } from '../../../../lib/json.ts';
import {
  assign, collectCooled, flawOf, freeOrdinals, holds, isEmpty, newBlock, nextWrite, releaseHandle, type BlockSpec,
} from '../../../../ipam/blocks/block.ts';

const CLAIMED = Date.UTC(2026, 7, 1, 10, 0, 0);
const fresh = (): BlockSpec => newBlock(prefix('10.0.0.0/30'), 'host:node1', CLAIMED);
const holder = (id: string): { handle: string; secondary: Record<string, string> } => ({ handle: `k8s-pod-network.${id}`, secondary: { pod: id } });
const NOW = { nowMs: CLAIMED, seconds: 0 };

/** Assigns to each in turn. */
function given(block: BlockSpec, ...ids: string[]): BlockSpec {
  return ids.reduce((b, id) => assign(b, holder(id), undefined)!.block, block);
}

test('a fresh block is the object that Calico creates, letter for letter', () => {
  expect(stringifyJson(fresh())).toBe('{"affinity":"host:node1","affinityClaimTime":"2026-08-01T10:00:00Z","allocations":[null,null,null,null],'
    + '"attributes":[],"cidr":"10.0.0.0/30","deleted":false,"sequenceNumber":1785578400000000000,"sequenceNumberForAllocation":{},'
    + '"strictAffinity":false,"unallocated":[0,1,2,3]}');
});

test('the first address of a pod is the object that Calico writes, letter for letter', () => {
  const secondary = { namespace: 'ns', node: 'node1', pod: 'p', timestamp: '2026-08-01 10:00:00.1 +0000 UTC' };
  const { block, ordinal } = assign(fresh(), { handle: 'k8s-pod-network.c', secondary }, undefined)!;
  expect(ordinal).toBe(0);
  expect(stringifyJson(nextWrite(block))).toBe('{"affinity":"host:node1","affinityClaimTime":"2026-08-01T10:00:00Z","allocations":[0,null,null,null],'
    + '"attributes":[{"handle_id":"k8s-pod-network.c","secondary":{"namespace":"ns","node":"node1","pod":"p","timestamp":"2026-08-01 10:00:00.1 +0000 UTC"}}],'
    + '"cidr":"10.0.0.0/30","deleted":false,"sequenceNumber":1785578400000000001,"sequenceNumberForAllocation":{"0":1785578400000000000},'
    + '"strictAffinity":false,"unallocated":[1,2,3]}');
});

test('addresses are given from the head of the queue and come back at its tail', () => {
  const released = releaseHandle(given(fresh(), 'a', 'b'), 'k8s-pod-network.a', NOW);
  expect(released.ordinals).toEqual([0]);
  expect(released.block).toMatchObject({
    unallocated: [2, 3, 0], allocations: [null, 0, null, null], attributes: [{ handle_id: 'k8s-pod-network.b' }], sequenceNumberForAllocation: { 1: 1785578400000000000n },
  });
  expect(given(released.block, 'c').allocations).toEqual([null, 0, 1, null]);
});

test('equal attributes are shared, and go with the last address that refers to them', () => {
  const block = given(fresh(), 'a', 'a', 'b');
  expect(block).toMatchObject({ allocations: [0, 0, 1, null], attributes: [{ handle_id: 'k8s-pod-network.a' }, { handle_id: 'k8s-pod-network.b' }] });
  const { block: after, ordinals } = releaseHandle(block, 'k8s-pod-network.a', NOW);
  expect([ordinals, after.allocations, after.unallocated]).toEqual([[0, 1], [null, null, 0, null], [3, 0, 1]]);
});

test('a reserved address is passed over and keeps its place', () => {
  const { block, ordinal } = assign(fresh(), holder('a'), (a) => a === ip('10.0.0.0'))!;
  expect([ordinal, block.unallocated]).toEqual([1, [0, 2, 3]]);
  expect(freeOrdinals(block, (a) => a === ip('10.0.0.0'))).toEqual([2, 3]);
});

test('a full block gives nothing', () => {
  expect(assign(given(fresh(), 'a', 'b', 'c', 'd'), holder('e'), undefined)).toBeUndefined();
});

test('releasing what nobody holds is the same block', () => {
  const block = given(fresh(), 'a');
  expect(releaseHandle(block, 'k8s-pod-network.z', NOW).block).toBe(block);
});

test('what is behind a carriage return in a handle does not count', () => {
  const block = given(fresh(), 'a');
  const old: BlockSpec = { ...block, attributes: [{ handle_id: 'k8s-pod-network.a\reth0' }] };
  expect([holds(old, 'k8s-pod-network.a'), isEmpty(releaseHandle(old, 'k8s-pod-network.a', NOW).block)]).toEqual([true, true]);
});

test('with a cooldown a released address is nobody\'s until its time is over', () => {
  const cooldown = { nowMs: CLAIMED, seconds: 60 };
  const cooling = releaseHandle(given(fresh(), 'a', 'b'), 'k8s-pod-network.a', cooldown).block;
  expect(cooling).toMatchObject({ allocations: [1, 0, null, null], unallocated: [2, 3], attributes: [{ handle_id: 'k8s-pod-network.b' }, { releasedAt: '2026-08-01T10:00:00Z' }] });
  expect(flawOf(cooling)).toBeUndefined();
  expect(collectCooled(cooling, { ...cooldown, nowMs: CLAIMED + 60_000 })).toBe(cooling);
  expect(collectCooled(cooling, { ...cooldown, nowMs: CLAIMED + 60_001 })).toMatchObject({ allocations: [null, 0, null, null], unallocated: [2, 3, 0] });
});

test('fields we do not know survive', () => {
  const strange = { ...fresh(), futureField: { a: 1 } } as BlockSpec;
  expect(releaseHandle(given(strange, 'a'), 'k8s-pod-network.a', NOW).block).toMatchObject({ futureField: { a: 1 } });
});

test.each([
  [{ allocations: [null, null, null] }, '3 allocations in a block of 4 addresses'],
  [{ unallocated: [0, 1, 2, 2] }, 'an ordinal is twice in unallocated'],
  [{ unallocated: [0, 1, 2, 9] }, 'ordinal 9 in unallocated is outside the block'],
  [{ unallocated: [0, 1, 2] }, 'ordinal 3 is neither allocated nor free'],
  [{ allocations: [0, null, null, null] }, 'ordinal 0 is both allocated and free'],
  [{ allocations: [0, null, null, null], unallocated: [1, 2, 3] }, 'ordinal 0 refers to attribute 0 of 0'],
])('a block with %j is broken: %s', (changes, flaw) => { expect(flawOf({ ...fresh(), ...changes })).toBe(flaw); });

test('any order of giving and releasing keeps the rules of a block', () => {
  let seed = 7;
  const random = (n: number): number => (seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648) % n;
  let block = newBlock(prefix('fd00::/124'), 'host:n', CLAIMED);
  const held = new Set<string>();
  for (let i = 0; i < 500; i++) {
    const id = String(random(24));
    const next = held.has(id) ? releaseHandle(block, `k8s-pod-network.${id}`, NOW).block : assign(block, holder(id), undefined)?.block;
    if (next === undefined) continue;
    if (held.has(id)) held.delete(id); else held.add(id);
    block = nextWrite(next);
    expect(flawOf(block)).toBeUndefined();
    expect(block.allocations.filter((a) => a !== null)).toHaveLength(held.size);
    expect(block.attributes).toHaveLength(held.size);
    expect(Object.keys(block.sequenceNumberForAllocation)).toHaveLength(held.size);
  }
});
