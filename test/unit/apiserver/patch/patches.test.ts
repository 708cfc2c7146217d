import { expect, test } from '@jest/globals';
import { jsonPatch } from '../../../../apiserver/patch/json-patch.ts';
import { mergePatch } from '../../../../apiserver/patch/merge-patch.ts';
import { strategicPatch } from '../../../../apiserver/patch/strategic-patch.ts';
import { definition } from '../../../../apiserver/schema/definitions.ts';

const POD = definition('io.k8s.api.core.v1.Pod');
const patchPod = (spec: object, change: object): unknown => (strategicPatch({ spec }, { spec: change }, POD) as { spec: unknown }).spec;

test.each<[string, unknown, unknown, unknown]>([
  ['set and remove', { a: 1, b: 2 }, { b: null, c: 3 }, { a: 1, c: 3 }],
  ['inside', { a: { b: 1, c: 2 } }, { a: { b: null } }, { a: { c: 2 } }],
  ['a list replaces', { a: [1, 2] }, { a: [3] }, { a: [3] }],
  ['an object replaces a scalar, without its nulls', { a: 1 }, { a: { b: null, c: 1 } }, { a: { c: 1 } }],
])('merge patch: %s', (_name, target, patch, expected) => { expect(mergePatch(target, patch)).toEqual(expected); });

test.each<[string, unknown, unknown[], unknown]>([
  ['add to a list', { a: [1, 3] }, [{ op: 'add', path: '/a/1', value: 2 }, { op: 'add', path: '/a/-', value: 4 }], { a: [1, 2, 3, 4] }],
  ['escapes', { 'a/b': { '~': 1 } }, [{ op: 'replace', path: '/a~1b/~0', value: 2 }], { 'a/b': { '~': 2 } }],
  ['move within', { a: { b: 1 } }, [{ op: 'move', from: '/a/b', path: '/c' }], { a: {}, c: 1 }],
  ['the whole', { a: 1 }, [{ op: 'replace', path: '', value: { b: 2 } }], { b: 2 }],
  ['test of what is not there against null', { a: 1 }, [{ op: 'test', path: '/b', value: null }], { a: 1 }],
])('JSON patch: %s', (_name, target, patch, expected) => { expect(jsonPatch(target, patch)).toEqual(expected); });

test.each<[string, unknown[]]>([
  ['remove what is not there', [{ op: 'remove', path: '/x' }]], ['an index beyond the end', [{ op: 'add', path: '/a/5', value: 1 }]], ['a negative index', [{ op: 'remove', path: '/a/-1' }]],
  ['a parent that is not there', [{ op: 'add', path: '/x/y', value: 1 }]], ['a test that fails', [{ op: 'test', path: '/a/0', value: 2 }]], ['an operation that is none', [{ op: 'swap', path: '/a' }]], ['no value', [{ op: 'add', path: '/b' }]],
])('JSON patch refuses to %s', (_name, patch) => { expect(() => jsonPatch({ a: [1] }, patch)).toThrow('the server rejected our request'); });

test('strategic: containers merge by name, and a new one comes first', () => {
  const merged = patchPod({ containers: [{ name: 'a', image: '1' }, { name: 'b', image: '2' }] }, { containers: [{ name: 'c', image: '3' }, { name: 'a', image: '9' }] });
  expect(merged).toEqual({ containers: [{ name: 'c', image: '3' }, { name: 'a', image: '9' }, { name: 'b', image: '2' }] });
});

test('strategic: the order that is set holds, others keep their place before what they stood before', () => {
  const containers = [{ name: 'mine1' }, { name: 'other' }, { name: 'mine2' }];
  expect(patchPod({ containers }, { '$setElementOrder/containers': [{ name: 'mine1' }, { name: 'mine2' }] })).toEqual({ containers });
  expect(patchPod({ containers }, { '$setElementOrder/containers': [{ name: 'mine2' }, { name: 'mine1' }], containers: [{ name: 'mine2', image: 'x' }] }))
    .toEqual({ containers: [{ name: 'other' }, { name: 'mine2', image: 'x' }, { name: 'mine1' }] });
});

test('strategic: delete, replace, retainKeys, atomic lists', () => {
  expect(patchPod({ containers: [{ name: 'a' }, { name: 'b' }] }, { containers: [{ name: 'a', $patch: 'delete' }] })).toEqual({ containers: [{ name: 'b' }] });
  expect(patchPod({ containers: [{ name: 'a' }] }, { containers: [{ $patch: 'replace' }, { name: 'n' }] })).toEqual({ containers: [{ name: 'n' }] });
  expect(patchPod({ nodeSelector: { a: '1' } }, { nodeSelector: { $patch: 'replace', b: '2' } })).toEqual({ nodeSelector: { b: '2' } });
  expect(patchPod({ volumes: [{ name: 'v', emptyDir: {} }] }, { volumes: [{ $retainKeys: ['name', 'configMap'], name: 'v', configMap: { name: 'c' } }] })).toEqual({ volumes: [{ name: 'v', configMap: { name: 'c' } }] });
  expect(patchPod({ containers: [{ name: 'a', args: ['1', '2'] }] }, { containers: [{ name: 'a', args: ['3'] }] })).toEqual({ containers: [{ name: 'a', args: ['3'] }] });
});

test('strategic: an element without its key is refused', () => {
  expect(() => patchPod({ containers: [] }, { containers: [{ image: 'x' }] })).toThrow('does not contain declared merge key: name');
});
