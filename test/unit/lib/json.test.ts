import { expect, test } from '@jest/globals';
import { parseJson, showJson, stringifyJson } from '../../../lib/json.ts';

test('a 64-bit integer survives reading and writing digit for digit', () => {
  const text = '{"sequenceNumber":1795478244535960815,"small":7,"text":"1795478244535960815","list":[9007199254740993]}';
  expect(stringifyJson(parseJson(text))).toBe(text);
});

test('an integer that a double holds exactly stays a number', () => {
  expect(parseJson('{"a":9007199254740991,"b":0.1234567890123456789}')).toEqual({ a: 9007199254740991, b: 0.1234567890123456789 });
});

test('text that is not JSON is refused', () => {
  expect(() => parseJson('{"a":12345678901234567890')).toThrow(SyntaxError);
});

test('digits inside of strings, and beside them, are what they were', () => {
  const text = String.raw`{"a\"":"x,12345678901234567,","\\":[12345678901234567,-98765432109876543210],"12345678901234567":"[12345678901234567]","f":1.12345678901234567e3,"\u0000":12345678901234567}`;
  const withoutEscape = text.replace(String.raw`,"\u0000":12345678901234567`, '');
  const expected = {
    'a"': 'x,12345678901234567,', '\\': [12345678901234567n, -98765432109876543210n], '12345678901234567': '[12345678901234567]', f: 1123.4567890123457,
  };
  expect(parseJson(withoutEscape)).toEqual(expected);
  expect(parseJson(text)).toEqual({ ...expected, '\0': 12345678901234567n });
  expect(parseJson(' 12345678901234567 ')).toBe(12345678901234567n);
});

test.each(['{12345678901234567:1}', '[0012345678901234567]', '["a"12345678901234567]', '{"a":-+12345678901234567}'])('a long integer where none may be is refused: %s', (text) => {
  expect(() => parseJson(text)).toThrow(SyntaxError);
});

test('what people are shown of a value is short, and never fails', () => {
  let deep: unknown = 1;
  for (let i = 0; i < 100_000; i++) deep = [deep];
  expect([showJson({ a: 2n ** 70n }), showJson(undefined), showJson(deep)]).toEqual(['{"a":1180591620717411303424}', 'undefined', '(nested too deeply)']);
  expect(showJson('x'.repeat(5_000))).toHaveLength(201);
});
