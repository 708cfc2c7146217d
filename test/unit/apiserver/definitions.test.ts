import { expect, test } from '@jest/globals';
import { BUILTIN_ROWS } from '../../../apiserver/kinds/builtin-rows.ts';
import { builtinTypes } from '../../../apiserver/kinds/builtin.ts';
import { DEFINITIONS, definition } from '../../../apiserver/schema/definitions.ts';

test('every built-in kind has a schema with metadata, and no definition has prose', () => {
  for (const row of BUILTIN_ROWS) expect(definition(row.definition).properties.has('metadata')).toBe(true);
  expect(JSON.stringify(DEFINITIONS)).not.toMatch(/"description":"/);
});

test('no two built-in kinds are served at one place', () => {
  const places = builtinTypes().map((t) => `${t.group}/${t.version}/${t.plural}`);
  expect(new Set(places).size).toBe(places.length);
});
