import { expect, test } from '@jest/globals';
import { parseJson, stringifyJson } from '../../../lib/json.ts';

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
