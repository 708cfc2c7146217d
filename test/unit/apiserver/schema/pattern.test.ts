import { expect, test } from '@jest/globals';
import { compilePattern } from '../../../../apiserver/schema/pattern.ts';

test.each([
  ['^(?i)(Drop|Accept)?$', ['drop', 'ACCEPT', ''], ['dropp', 'x']],
  ['(?i)^abc$', ['ABC', 'abc'], ['abcd']],
  ['a(?i)b|c', ['aB', 'C'], ['AB', 'd']],
  ['(?i:a)b', ['Ab'], ['aB']],
  ['^[[:alpha:]_]+$', ['a_b'], ['1']],
  ['^(?P<year>\\d{4})\\z', ['2020'], ['2020x', '20']],
  ['\\A[\\]a]$', [']', 'a'], ['b']],
  ['^[^:]+(:[0-9]+)?$', ['10.0.0.1', 'a:1'], [':1']],
])('%s means in JavaScript what it means in Go', (source, good, bad) => {
  const pattern = compilePattern(source);
  for (const text of good) expect([text, pattern.matches(text)]).toEqual([text, true]);
  for (const text of bad) expect([text, pattern.matches(text)]).toEqual([text, false]);
});

test('a pattern that is none is refused', () => { expect(() => compilePattern('(')).toThrow(SyntaxError); });
