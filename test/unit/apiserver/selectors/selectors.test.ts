import { expect, test } from '@jest/globals';
import { parseFieldSelector } from '../../../../apiserver/selectors/field-selector.ts';
import { parseLabelSelector } from '../../../../apiserver/selectors/label-selector.ts';

test.each<[string, Record<string, string>, boolean]>([
  ['a=b', { a: 'b' }, true], ['a==b', { a: 'c' }, false], ['a!=b', {}, true], ['a', { a: '' }, true], ['!a', { a: '' }, false], ['a=', { a: '' }, true],
  [' a in ( b , c ) , d ', { a: 'c', d: '1' }, true], ['a notin (b)', {}, true], ['a in ()', { a: '' }, true], ['n>3', { n: '10' }, true], ['n<3', { n: 'x' }, false], ['in=in', { in: 'in' }, true],
  ['x.example/a=b', { 'x.example/a': 'b' }, true], ['toString', {}, false],
])('%s on %j: %s', (selector, labels, expected) => { expect(parseLabelSelector(selector)!(labels)).toBe(expected); });

test('nothing selects everything', () => { expect([parseLabelSelector(' '), parseFieldSelector('', ['metadata.name'])]).toEqual([undefined, undefined]); });

test.each([['a in (b'], ['a b'], ['=b'], ['a=b,'], ['a===b'], ['a~b'], ['-a'], ['a=-b'], ['a>x'], ['a/b/c=d']])('%s is refused', (selector) => { expect(() => parseLabelSelector(selector)).toThrow(); });

test('field selectors compare text, unescape it, and know when only one name can match', () => {
  const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p' }, spec: { nodeName: 'a,b=c', hostNetwork: true } };
  const parsed = parseFieldSelector('spec.nodeName=a\\,b\\=c,metadata.name=p,spec.hostNetwork=true', ['spec.nodeName', 'metadata.name', 'spec.hostNetwork'])!;
  expect([parsed.test(pod), parsed.name]).toEqual([true, 'p']);
  expect(parseFieldSelector('spec.nodeName!=x', ['spec.nodeName'])!.test({ apiVersion: 'v1', kind: 'Pod', metadata: {} })).toBe(true);
  expect(() => parseFieldSelector('spec.other=1', ['spec.nodeName'])).toThrow('is not a known field selector');
});
