import { expect, test } from '@jest/globals';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { crdOf } from '../../../../config/kinds/crd.ts';
import { descriptionOf, KIND_NAMES } from '../../../../config/kinds/kinds.ts';
import { GROUPS, type Group } from '../../../../config/schema/schema.ts';
import { crdFiles } from '../../../../scripts/crd-files.ts';
import { file } from '../../../support/capabilities.ts';
import { skipUnless } from '../../../support/skip.ts';

const root = join(import.meta.dirname, '../../../..');

test('deploy/crds is what the kinds say now (node scripts/generate-crds.ts)', () => {
  const files = crdFiles();
  const there = GROUPS.flatMap((g) => readdirSync(join(root, 'deploy/crds', g)).map((name) => `${g}/${name}`));
  expect(there.sort()).toEqual([...files.keys()].sort());
  for (const [path, text] of files) expect(readFileSync(join(root, 'deploy/crds', path), 'utf8')).toBe(text);
});

test('a schema is structural: every value has a type or is an integer or text, and no default hides in a list', () => {
  for (const group of GROUPS) {
    for (const name of KIND_NAMES) {
      const schema = at(crdOf(descriptionOf(name), group), 'spec.versions.0.schema.openAPIV3Schema');
      for (const [path, node] of schemas(schema as Node, name)) {
        expect([path, node['type'] !== undefined || node['x-kubernetes-int-or-string'] === true]).toEqual([path, true]);
      }
    }
  }
});

/**
 * How our CRDs differ from Calico's, each with its reason. Lines are `PLURAL.PATH theirs → ours`,
 * paths below `spec.versions[0]`; what is not named here is equal.
 * Texts of validations are ours; that each is there, in the same place, is compared.
 */
const DIFFERENCES: readonly (readonly [RegExp, string])[] = [
  [/\.x-kubernetes-validations /, 'the rules are our own words; the test below compares their number'],
  [/\.reversePeering\.(allOf|enum) /, 'Calico says the same twice'],
  [/\.subresources /, 'Calico writes an empty object where there is none'],
  [/(asNumber|localASNumber|asPathPrefix\.items|prefix\.items)\.(format|minimum|maximum) /,
    'int32 makes the API server refuse every AS number above 2147483647, and none refuses 0'],
  [/\.pattern .*\(ms\|s\|/, 'fractions of a duration (1.5s) are accepted, and no nested repetition takes exponential time'],
  [/\.iptablesBackend\.pattern /, 'Calico says the same as enum'],
  [/felixconfigurations.*\.spec\.x-kubernetes-preserve-unknown-fields /, 'settings of newer releases survive'],
  [/(blockaffinities|ipamblocks)\..*\.properties\.(cidr\.format|state\.enum|affinity\.pattern) /, 'v1 says nothing; we write nothing else'],
  [/ipamblocks.*\.x-kubernetes-list-type /, 'v1 says nothing, which means atomic'],
  [/ipamconfig.*\.(ipCooldownSeconds|maxBlocksPerHost)\.(format|maximum) /, 'one range in both groups: what Calico accepts'],
];

const shared = process.env['TORTIE_SHARED'] ?? join(root, '../shared');
const oracle = (group: Group): string => join(shared, 'data/calico-crds', group === 'v1' ? 'crd.projectcalico.org-v1.json' : 'projectcalico.org-v3.json');
const compare = skipUnless(file(oracle('v1'), "Calico's CRDs"), file(oracle('v3'), "Calico's CRDs"));

compare.each(GROUPS.flatMap((g) => KIND_NAMES.map((k) => [k, g] as const)))('%s in %s has every field of Calico, and no other', (name, group) => {
  const ours = JSON.parse(JSON.stringify(crdOf(descriptionOf(name), group))) as Node;
  const theirs = (JSON.parse(readFileSync(oracle(group), 'utf8')) as { items: Node[] }).items
    .find((c) => at(c, 'metadata.name') === at(ours, 'metadata.name'))!;
  expect(at(ours, 'spec.names')).toEqual(at(theirs, 'spec.names'));
  const found = differences(at(theirs, 'spec.versions.0'), at(ours, 'spec.versions.0'), String(at(ours, 'spec.names.plural')));
  expect(found.filter((d) => !DIFFERENCES.some(([allowed]) => allowed.test(d)))).toEqual([]);
  expect(ruleCount(ours)).toBe(ruleCount(theirs) + (RULES_MORE[name] ?? 0));
});

/** Rules of ours beyond (or short of) Calico's, with the reason. */
const RULES_MORE: Readonly<Record<string, number>> = {
  IPPool: -1, // link-local ranges of both families in one rule
  FelixConfiguration: -3, // addresses are checked by the reader; CEL for them needs a server of 1.31
};

type Node = { readonly [key: string]: unknown };

function at(node: unknown, path: string): unknown {
  return path.split('.').reduce<unknown>((n, key) => (n as Node)[key], node);
}

/** Every difference as `path theirs → ours`. Order within objects and sets does not count. */
function differences(theirs: unknown, ours: unknown, path: string): string[] {
  if (isNode(theirs) && isNode(ours)) {
    return [...new Set([...Object.keys(theirs), ...Object.keys(ours)])].sort().flatMap((key) => differences(theirs[key], ours[key], `${path}.${key}`));
  }
  if (Array.isArray(theirs) && Array.isArray(ours) && path.endsWith('.additionalPrinterColumns')) {
    return differences({ ...theirs }, { ...ours }, path);
  }
  return sorted(theirs) === sorted(ours) ? [] : [`${path} ${sorted(theirs).slice(0, 80)} → ${sorted(ours).slice(0, 80)}`];
}

const sorted = (value: unknown): string => (Array.isArray(value) ? [...value.map((v) => JSON.stringify(v))].sort().join() : JSON.stringify(value) ?? 'absent');
const isNode = (value: unknown): value is Node => typeof value === 'object' && value !== null && !Array.isArray(value);

function ruleCount(value: unknown): number {
  if (Array.isArray(value)) return value.reduce<number>((n, v) => n + ruleCount(v), 0);
  if (!isNode(value)) return 0;
  return Object.entries(value).reduce((n, [key, v]) => n + (key === 'x-kubernetes-validations' ? (v as unknown[]).length : ruleCount(v)), 0);
}

function* schemas(node: Node, path: string): Generator<[string, Node]> {
  yield [path, node];
  for (const [name, child] of Object.entries((node['properties'] ?? {}) as Record<string, Node>)) yield* schemas(child, `${path}.${name}`);
  for (const key of ['items', 'additionalProperties'] as const) {
    if (isNode(node[key])) yield* schemas(node[key], `${path}.${key}`);
  }
}
