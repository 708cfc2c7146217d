import { describe, expect, test } from '@jest/globals';
import { compileExpression, UnsupportedError } from '../../../../apiserver/cel/evaluate.ts';
import { CelSyntaxError } from '../../../../apiserver/cel/tokens.ts';
import { celValueOf, CelError, type CelValue } from '../../../../apiserver/cel/values.ts';

const self = celValueOf({ n: 5, big: 9223372036854775807n, d: 1.5, s: 'pool', list: ['a', 'b'], map: { k: 1 }, on: true, cidr: '10.44.0.0/16', nothing: null, 'a-b': 1 }, undefined);
const evaluate = (source: string, value: CelValue = self): CelValue => compileExpression(source)({ name: 'self', value, outer: undefined });

test.each([
  ['1 + 2 * 3 == 7'], ['(1 + 2) * 3 == 9'], ['7 / 2 == 3 && 7 % 2 == 1'], ['-self.n < 0'], ['self.n == 5.0'], ['self.d > 1'], ['self.big > 9223372036854775806'],
  ['has(self.s) && !has(self.absent)'], ['!has(self.absent) || self.absent == 1'], ['self.s == "pool" || self.absent'], ['self.absent || self.on'], ['!(self.absent && false)'],
  ['size(self.s) == 4 && self.list.size() == 2 && size(self.map) == 1'], ["'a' in self.list && 'k' in self.map && !('z' in self.list)"], ["self.list[1] == 'b' && self.map['k'] == 1"],
  ["self.list.exists(x, x == 'b')"], ["self.list.all(x, x.size() == 1)"], ["self.list.exists_one(x, x == 'a')"], ["self.list.filter(x, x != 'a') == ['b']"], ["self.list.map(x, x + 'x') == ['ax', 'bx']"], ["self.list.exists(x, x == 'b' || x.nothing)"],
  ["self.s.startsWith('po') && self.s.endsWith('ol') && self.s.contains('oo') && self.s.matches('^p.*l$')"], ["self.s.replace('o', '0') == 'p00l' && self.s.upperAscii() == 'POOL'"], ["'a,b'.split(',') == self.list && self.list.join('-') == 'a-b'"],
  ['self.n > 3 ? self.on : false'], ['self.nothing == null'], ['self.a__dash__b == 1'], ['type(self.n) == type(1)'], ["string(self.n) == '5' && int('7') == 7"], ['[1, 2] + [3] == [1, 2, 3]'], ["{'a': 1} == {'a': 1.0}"], ["r'\\d' == '\\\\d' && '''x''' == 'x' && \"\\u0041\" == 'A'"],
  ['isCIDR(self.cidr) && cidr(self.cidr) == cidr(self.cidr).masked()'], ["cidr('10.44.0.1/16') != cidr('10.44.0.1/16').masked()"], ["cidr(self.cidr).ip().family() == 4 && cidr(self.cidr).prefixLength() == 16"],
  ["cidr('fe80::/10').containsIP('fe80::1') && !cidr(self.cidr).containsIP('10.45.0.1') && cidr(self.cidr).containsCIDR('10.44.1.0/24')"], ["isIP('::1') && !isIP('1.2.3') && ip('127.0.0.1').isLoopback()"],
])('%s', (source) => { expect(evaluate(source)).toBe(true); });

describe('what cannot be evaluated', () => {
  test.each([['self.absent == 1', 'no such key: absent'], ['1 / 0 == 1', 'division by zero'], ["self.n < 'a'", 'no such overload'], ['self.list[2]', 'index out of bounds: 2'], ['self.s + 1', 'no such overload'], ['self.big + 1 > 0', 'integer overflow'], ['other', "undeclared reference to 'other'"], ["cidr('x')", 'network address parse error']])('%s: %s', (source, message) => {
    expect(() => evaluate(source)).toThrow(CelError);
    expect(() => evaluate(source)).toThrow(message);
  });
  test.each([['1 +'], ['self.'], ['(1'], ['a ? b'], ['"open'], ['#'], [`${'('.repeat(100)}1${')'.repeat(100)}`]])('no expression: %s', (source) => { expect(() => compileExpression(source)).toThrow(CelSyntaxError); });
  test('a function that is not known is told apart from a mistake', () => { expect(() => compileExpression('quantity(self.s).isGreaterThan(1)')).toThrow(UnsupportedError); });
});
