import { expect, test } from '@jest/globals';
import { createHash } from 'node:crypto';
import { canonical, matches, type Labels } from '../../../../lib/selector/ast.ts';
import { parseSelector } from '../../../../lib/selector/parse.ts';

const db = { role: 'db', zone: 'eu-1', 'example.com/tier': 'gold' };

/** Selector, labels, whether they match. */
const TRUTH: readonly (readonly [string, Labels, boolean])[] = [
  ['', {}, true],
  [' \t', {}, true],
  ['all()', {}, true],
  ['all( )', {}, true],
  ['global()', db, true],
  ['role == "db"', db, true],
  ["role == 'db'", db, true],
  ["role=='web'", db, false],
  ["role == 'db'", {}, false],
  ["role != 'web'", db, true],
  ["role != 'db'", {}, true],
  ['has(role)', db, true],
  ['has( role )', db, true],
  ['has(role)', {}, false],
  ['!has(role)', {}, true],
  ['!!has(role)', {}, false],
  ['! ! ! has(role)', {}, true],
  ["role in {'db', 'web'}", db, true],
  ["role in {'db',}", db, true],
  ["role in {}", db, false],
  ["role in {'db'}", {}, false],
  ["role not in {'db'}", db, false],
  ["role not in {'db'}", {}, true],
  ["role notin {'web'}", db, true],
  ["role not  in {}", db, true],
  ["zone contains 'u-'", db, true],
  ["zone contains 'us'", {}, false],
  ["zone starts with 'eu'", db, true],
  ["zone startswith 'us'", db, false],
  ["zone ends with '-1'", db, true],
  ["zone endswith '-2'", db, false],
  ["example.com/tier == 'gold'", db, true],
  ["role == 'db' && zone == 'eu-1'", db, true],
  ["role == 'db' && zone == 'us'", db, false],
  ["role == 'web' || zone == 'eu-1' && has(role)", db, true],
  ["(role == 'web' || zone == 'eu-1') && has(absent)", db, false],
  ["!(role == 'db')", db, false],
  // Words of the grammar as labels.
  ["in == 'x'", { in: 'x' }, true],
  ["all == 'x'", { all: 'x' }, true],
  ["not in {'x'}", {}, false],
  ["contains contains 'x'", { contains: 'axb' }, true],
  ["has == 'x'", { has: 'x' }, true],
  // A label that an object has by birth.
  ['has(constructor)', {}, false],
  ["__proto__ == 'x'", {}, false],
];

test.each(TRUTH)('%s on %j is %s', (text, labels, expected) => {
  const parsed = parseSelector(text);
  if (!parsed.ok) throw new Error(parsed.message);
  expect(matches(parsed.selector, labels)).toBe(expected);
});

test.each([
  ['', 'all()'],
  ["a=='b'", 'a == "b"'],
  [`a == 'say "x"'`, `a == 'say "x"'`],
  ["a in {'c','b','c'}", 'a in {"b", "c"}'],
  ["a notin { 'b' }", 'a not in {"b"}'],
  ["has(a)&&has(b)||!has(c)", '((has(a) && has(b)) || !has(c))'],
  ['!!!has(a)', '!has(a)'],
  ["((a startswith 'b'))", 'a starts with "b"'],
  ['global( )', 'global()'],
])('%s is canonically %s', (text, expected) => {
  const parsed = parseSelector(text);
  if (!parsed.ok) throw new Error(parsed.message);
  expect(canonical(parsed.selector)).toBe(expected);
  const again = parseSelector(expected);
  expect(again.ok && canonical(again.selector)).toBe(expected);
});

test("the canonical text gives Calico's identifier", () => {
  const id = (text: string): string => `s:${createHash('sha224').update(`s:${text}`).digest('base64url')}`;
  expect(id('all()')).toBe('s:5y5I3VdRZfDU01O--xXAPx2yxCQQqMf0M6IWug');
});

test.each([
  ['role', 4, 'the end'],
  ["role = 'db'", 5, '"= \'db\'" at 5: expected =='],
  ['role == db', 8, 'quotation marks'],
  ["role == 'db", 8, 'not closed'],
  ["role == 'db' and", 13, 'expected "&&"'],
  ['(has(a)', 7, 'expected ")"'],
  ['has(a', 5, 'expected ")"'],
  ['has ()', 4, 'expected =='],
  ["a in 'b'", 5, 'a set'],
  ["a in {'b' 'c'}", 10, '"," or "}"'],
  ['&& has(a)', 0, 'a label'],
  ["a ==\n'b'", 4, 'quotation marks'],
  ["roleé == 'x'", 4, 'expected =='],
  ["ain{'b'}", 3, 'expected =='],
  ["a inb {'b'}", 2, 'expected =='],
  [`${'x'.repeat(513)} == 'y'`, 0, '512 characters'],
])('%s fails at %d', (text, at, words) => {
  const parsed = parseSelector(text);
  expect(parsed).toMatchObject({ ok: false, at });
  expect((parsed as { message: string }).message).toContain(words);
});

test('nothing overflows or throws, whatever the text', () => {
  expect(parseSelector('('.repeat(100_000)).ok).toBe(false);
  expect(parseSelector(`${'!'.repeat(100_000)}has(a)`).ok).toBe(true);
  let seed = 1;
  const random = (): number => { seed = (seed * 16807) % 2147483647; return seed / 2147483647; };
  const alphabet = 'ab()!&|={}\'", \tinhas.all()';
  for (let i = 0; i < 5000; i++) {
    const text = Array.from({ length: Math.floor(random() * 30) }, () => alphabet[Math.floor(random() * alphabet.length)]).join('');
    const parsed = parseSelector(text);
    if (parsed.ok) {
      const again = parseSelector(canonical(parsed.selector));
      expect(again.ok && canonical(again.selector)).toBe(canonical(parsed.selector));
    }
  }
});
