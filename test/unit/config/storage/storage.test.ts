import { expect, test } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { KIND_NAMES, type KindName } from '../../../../config/kinds/kinds.ts';
import { resourceIn, storageGroup } from '../../../../config/storage/groups.ts';
import { convertUid, METADATA_ANNOTATION } from '../../../../config/storage/metadata.ts';
import { storageFor, type StoredObject } from '../../../../config/storage/storage.ts';
import { parseJson, stringifyJson } from '../../../../lib/json.ts';
import { file } from '../../../support/capabilities.ts';
import { skipUnless } from '../../../support/skip.ts';

const v1 = storageFor('v1');
const v3 = storageFor('v3');

test.each([
  [[], 'v1'], [['apps'], 'v1'], [['projectcalico.org'], 'v3'], [['crd.projectcalico.org'], 'v1'], [['crd.projectcalico.org', 'projectcalico.org'], 'v1'],
] as const)('groups %j are stored in %s', (served, group) => { expect(storageGroup(served)).toBe(group); });

test('only the settings of IPAM have two names', () => {
  expect(resourceIn('v1', 'IPAMConfiguration')).toEqual({ group: 'crd.projectcalico.org', version: 'v1', plural: 'ipamconfigs', namespaced: false });
  expect(resourceIn('v3', 'IPAMConfiguration')).toEqual({ group: 'projectcalico.org', version: 'v3', plural: 'ipamconfigurations', namespaced: false });
  for (const kind of KIND_NAMES.filter((k) => k !== 'IPAMConfiguration')) expect(resourceIn('v1', kind).plural).toBe(resourceIn('v3', kind).plural);
});

test('an affinity in v1: deletion is text, metadata lies in an annotation', () => {
  const labels = { 'projectcalico.org/affinity-type': 'host', 'projectcalico.org/ip-version': '4' };
  const stored = {
    apiVersion: 'crd.projectcalico.org/v1', kind: 'BlockAffinity',
    metadata: {
      name: 'n1-10-244-40-128-26', resourceVersion: '3543', uid: '2742869d-ab1d-4b0e-9cc7-a9dd5974cdcc', creationTimestamp: '2026-01-01T00:00:00Z', labels,
      annotations: { [METADATA_ANNOTATION]: stringifyJson({ labels }) },
    },
    spec: { cidr: '10.244.40.128/26', deleted: 'false', node: 'n1', state: 'confirmed', type: 'host' },
  };
  const { value, problems } = v1.fromStored('BlockAffinity', stored);
  expect(problems).toEqual([]);
  expect(value).toEqual({
    apiVersion: 'projectcalico.org/v3', kind: 'BlockAffinity',
    metadata: { name: 'n1-10-244-40-128-26', resourceVersion: '3543', uid: '2742869d-ab1d-4b0e-9cc7-a9dd5974cdcc', creationTimestamp: '2026-01-01T00:00:00Z', labels },
    spec: { cidr: '10.244.40.128/26', deleted: false, node: 'n1', state: 'confirmed', type: 'host' },
  });
  expect(v1.toStored('BlockAffinity', value!)).toEqual(stored);
  expect(v1.toStored('BlockAffinity', { ...value!, spec: { ...value!.spec, deleted: true } })['spec']).toMatchObject({ deleted: 'true' });
  expect(v3.toStored('BlockAffinity', value!)).toMatchObject({ apiVersion: 'projectcalico.org/v3', spec: { deleted: false } });
  expect(v3.toStored('BlockAffinity', value!).metadata.annotations).toBeUndefined();
});

test('a block keeps its 64-bit numbers, its nulls, its order and what we do not know', () => {
  const text = '{"apiVersion":"crd.projectcalico.org/v1","kind":"IPAMBlock","metadata":{"name":"10-0-0-0-30","annotations":{"projectcalico.org/metadata":"{}"}},'
    + '"spec":{"affinity":"host:node1","affinityClaimTime":"2026-08-01T10:00:00Z","allocations":[0,null,null,1],"attributes":[{"handle_id":"h","secondary":{"node":"node1"},'
    + '"novel":[1]},{"releasedAt":"2026-08-01T10:00:00Z"}],"cidr":"10.0.0.0/30","deleted":false,"sequenceNumber":1785578400000000001,'
    + '"sequenceNumberForAllocation":{"0":1785578400000000000,"3":7},"strictAffinity":false,"unallocated":[2,1],"fromTheFuture":9007199254740993}}';
  const { value, problems } = v1.fromStored('IPAMBlock', parseJson(text));
  expect(problems).toEqual([]);
  expect(value?.spec.sequenceNumber).toBe(1785578400000000001n);
  expect(value?.spec.sequenceNumberForAllocation).toEqual({ 0: 1785578400000000000n, 3: 7n });
  const again = parseJson(stringifyJson(v1.toStored('IPAMBlock', value!)));
  expect(again).toEqual(parseJson(text));
  expect(stringifyJson(again)).toContain('"fromTheFuture":9007199254740993');
});

test('a user edits labels in v1: the annotation wins on reading, both are written', () => {
  const kept = { labels: { a: 'new' }, annotations: { note: 'x' }, creationTimestamp: '2020-01-01T00:00:00Z', name: 'ignored', uid: 'ignored' };
  const stored = {
    metadata: { name: 'p', uid: 'u', creationTimestamp: '2026-01-01T00:00:00Z', labels: { a: 'old', b: 'kubectl' }, annotations: { c: 'd', [METADATA_ANNOTATION]: JSON.stringify(kept) } },
    spec: { cidr: '10.0.0.0/16' },
  };
  const { value } = v1.fromStored('IPPool', stored);
  expect(value?.metadata).toEqual({ name: 'p', uid: 'u', creationTimestamp: '2020-01-01T00:00:00Z', labels: { a: 'new', b: 'kubectl' }, annotations: { c: 'd', note: 'x' } });
  const { b: _b, ...labels } = value!.metadata.labels!;
  const written = v1.toStored('IPPool', { ...value!, metadata: { ...value!.metadata, labels } });
  expect(written.metadata.labels).toEqual({ a: 'new' });
  expect(v1.fromStored('IPPool', written).value?.metadata.labels).toEqual({ a: 'new' });
  expect(JSON.parse(written.metadata.annotations![METADATA_ANNOTATION]!))
    .toEqual({ labels: { a: 'new' }, annotations: { c: 'd', note: 'x' }, creationTimestamp: '2020-01-01T00:00:00Z' });
});

test('a metadata annotation that is no JSON is reported, and the object used', () => {
  const { value, problems } = v1.fromStored('IPPool', { metadata: { name: 'p', annotations: { [METADATA_ANNOTATION]: '{' } }, spec: { cidr: '10.0.0.0/16' } });
  expect(value?.spec.cidr).toBe('10.0.0.0/16');
  expect(problems).toEqual([{ path: 'IPPool/p.metadata.annotations["projectcalico.org/metadata"]', message: '"{" is not metadata: expected a JSON object; the object\'s own metadata is used' }]);
});

test("unknown fields survive at every depth, and a newer Calico's settings too", () => {
  const spec = { logSeverityScreen: 'Info', fromTheFuture: { x: [1] }, routeTableRange: { min: 1, max: 2, step: 3 }, healthTimeoutOverrides: [{ name: 'a', timeout: '1s', note: 'b' }] };
  const { value, problems } = v3.fromStored('FelixConfiguration', { apiVersion: 'projectcalico.org/v3', kind: 'FelixConfiguration', metadata: { name: 'default' }, spec, extra: 1 });
  expect(problems).toEqual([]);
  expect(v3.toStored('FelixConfiguration', value!)).toMatchObject({ spec, extra: 1 });
});

test('UIDs as Calico shows them', () => {
  expect(convertUid('00112233-4455-4677-8899-aabbccddeeff')).toBe('008844cc-22aa-46ee-8899-55dd33bb77ff');
  expect(convertUid(convertUid('e03edd11-3c86-4e03-a878-377739b8dca3'))).toBe('e03edd11-3c86-4e03-a878-377739b8dca3');
  expect(convertUid('x')).toBe('x');
});

const shared = process.env['TORTIE_SHARED'] ?? join(import.meta.dirname, '../../../../../shared');
const FILES: readonly (readonly [string, KindName])[] = [
  ['ippools', 'IPPool'], ['blockaffinities', 'BlockAffinity'], ['ipamblocks', 'IPAMBlock'], ['ipamhandles', 'IPAMHandle'],
  ['bgpconfigurations', 'BGPConfiguration'], ['felixconfigurations', 'FelixConfiguration'], ['clusterinformations', 'ClusterInformation'],
];
const real = skipUnless(file(join(shared, 'data/calico-objects/ippools.jsonl'), 'objects that Calico wrote'));

real.each(FILES)('%s as Calico wrote them are read without a problem and written back alike', (name, kind) => {
  for (const line of readFileSync(join(shared, 'data/calico-objects', `${name}.jsonl`), 'utf8').split('\n').filter((l) => l !== '')) {
    const stored = parseJson(line) as StoredObject;
    const { value, problems } = v1.fromStored(kind, stored);
    expect(problems).toEqual([]);
    const written = parseJson(stringifyJson(v1.toStored(kind, value!))) as StoredObject;
    expect({ ...(written['spec'] as object) }).toMatchObject(stored['spec'] as object);
    expect([written.apiVersion, written.kind, written.metadata.name]).toEqual([stored.apiVersion, stored.kind, stored.metadata.name]);
    expect(v1.fromStored(kind, written).value).toEqual(value);
  }
});
