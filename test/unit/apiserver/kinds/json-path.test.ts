import { expect, test } from '@jest/globals';
import { jsonPathCell } from '../../../../apiserver/kinds/json-path.ts';

const object = {
  apiVersion: 'v1', kind: 'X', metadata: { name: 'x', annotations: { 'a.b/c': 'dotted' }, creationTimestamp: '2020-01-01T00:00:00Z' },
  spec: { n: 5, on: false, list: [{ k: 'a', v: 1 }, { k: 'b', v: 2 }], map: { p: 1 } },
};
const NOW = Date.parse('2020-01-01T00:01:00Z');

test.each<[string, 'string' | 'integer' | 'boolean' | 'date', unknown]>([
  ['.spec.n', 'integer', 5], ['.spec.n', 'string', '5'], ['.spec.on', 'boolean', false], ['.spec.on', 'integer', null], ['.spec.none', 'string', null], ['.spec.list[1].k', 'string', 'b'], ['.spec.list[-1].v', 'integer', 2],
  ['.spec.list[*].k', 'string', 'a,b'], ['.spec.list[?(@.k=="b")].v', 'integer', 2], ['.spec.list[?(@.k!="b")].v', 'integer', 1], ['.spec.map', 'string', '{"p":1}'],
  ["{.metadata.annotations['a.b/c']}", 'string', 'dotted'], ['.metadata.annotations.a\\.b/c', 'string', 'dotted'], ['.metadata.creationTimestamp', 'date', '60s'], ['.spec[', 'string', null],
])('%s as %s', (path, type, expected) => { expect(jsonPathCell(path, type)(object, NOW)).toEqual(expected); });
