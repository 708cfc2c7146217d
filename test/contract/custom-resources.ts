/** CustomResourceDefinitions: validation, defaults, pruning, status, versions, and the project's own definitions. */
import { expect, test } from '@jest/globals';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { eventually } from '../support/eventually.ts';
import { JSON_PATCH, MERGE, type Body } from './api.ts';
import { causesOf, created, defineWidgets, DEFINITIONS, object, unique, untilServed, type Suite } from './builders.ts';

const SPEC = object({
  count: { type: 'integer', minimum: 1, maximum: 10 }, ratio: { type: 'number', exclusiveMinimum: true, minimum: 0 },
  word: { type: 'string', minLength: 2, maxLength: 4, pattern: '^[a-z]+$' }, any: { type: 'string', pattern: '^(?i)(on|off)$' }, mode: { type: 'string', enum: ['Always', 'Never'] }, at: { type: 'string', format: 'date-time' },
  on: { type: 'boolean' }, list: { type: 'array', minItems: 1, maxItems: 3, items: { type: 'string' } },
  set: { type: 'array', items: { type: 'string' }, 'x-kubernetes-list-type': 'set' },
  peers: { type: 'array', items: object({ name: { type: 'string' }, port: { type: 'integer' } }, { required: ['name'] }), 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['name'] },
  map: { type: 'object', additionalProperties: { type: 'integer', minimum: 0 } }, port: { 'x-kubernetes-int-or-string': true, anyOf: [{ type: 'integer' }, { type: 'string' }] },
  deep: object({ inner: object({ must: { type: 'string' } }, { required: ['must'] }) }), either: object({ a: { type: 'string' }, b: { type: 'string' } }, { oneOf: [{ required: ['a'] }, { required: ['b'] }] }),
});

/** What is wrong with a spec, and how it is told. */
const WRONG: readonly (readonly [spec: Record<string, unknown>, ...causes: string[]])[] = [
  [{ count: 0 }, 'spec.count: Invalid value: 0: spec.count in body should be greater than or equal to 1'],
  [{ count: 11 }, 'spec.count: Invalid value: 11: spec.count in body should be less than or equal to 10'],
  [{ count: 'x' }, 'spec.count: Invalid value: "string": spec.count in body must be of type integer: "string"'],
  [{ count: 1.5 }, 'spec.count: Invalid value: "number": spec.count in body must be of type integer: "number"'],
  [{ ratio: 0 }, 'spec.ratio: Invalid value: 0: spec.ratio in body should be greater than 0'],
  [{ word: 'a' }, 'spec.word: Invalid value: "a": spec.word in body should be at least 2 chars long'],
  [{ word: 'abcde' }, 'spec.word: Too long: may not be more than 4 bytes'],
  [{ word: 'A1' }, "spec.word: Invalid value: \"A1\": spec.word in body should match '^[a-z]+$'"],
  [{ any: 'maybe' }, "spec.any: Invalid value: \"maybe\": spec.any in body should match '^(?i)(on|off)$'"],
  [{ mode: 'Sometimes' }, 'spec.mode: Unsupported value: "Sometimes": supported values: "Always", "Never"'],
  [{ at: 'noon' }, 'spec.at: Invalid value: "noon": spec.at in body must be of type date-time: "noon"'],
  [{ on: 'true' }, 'spec.on: Invalid value: "string": spec.on in body must be of type boolean: "string"'],
  [{ list: [] }, 'spec.list: Invalid value: 0: spec.list in body should have at least 1 items'],
  [{ list: ['a', 'b', 'c', 'd'] }, 'spec.list: Too many: 4: must have at most 3 items'],
  [{ list: [1] }, 'spec.list[0]: Invalid value: "integer": spec.list[0] in body must be of type string: "integer"'],
  [{ set: ['a', 'a'] }, 'spec.set[1]: Duplicate value: "a"'],
  [{ peers: [{ name: 'a' }, { name: 'a' }] }, 'spec.peers[1]: Duplicate value: {"name":"a"}'],
  [{ peers: [{ port: 1 }] }, 'spec.peers[0].name: Required value'],
  [{ map: { a: -1 } }, 'spec.map.a: Invalid value: -1: spec.map.a in body should be greater than or equal to 0'],
  [{ deep: { inner: {} } }, 'spec.deep.inner.must: Required value'],
  [{ either: { a: 'x', b: 'y' } }, '<nil>: Invalid value: "": "spec.either" must validate one and only one schema (oneOf). Found 2 valid alternatives'],
  [{ count: 0, mode: 'x' }, 'spec.count: Invalid value: 0: spec.count in body should be greater than or equal to 1', 'spec.mode: Unsupported value: "x": supported values: "Always", "Never"'],
];

const RIGHT: readonly Record<string, unknown>[] = [
  { count: 5, ratio: 0.5, word: 'abc', any: 'OFF', mode: 'Never', at: '2020-01-01T00:00:00Z', on: false, list: ['a'], set: ['a', 'b'], peers: [{ name: 'a' }, { name: 'b', port: 1 }] },
  { port: 80 }, { port: 'http' }, { map: { a: 0 } }, { deep: {} }, { either: { a: 'x' } }, {},
];

/** Beyond what a double holds. */
const LONG = 1795478244535960815n;

export const customResources: Suite = (server) => {
  test('values outside the schema are refused field by field, those inside accepted', async () => {
    const { api } = server();
    const widgets = await defineWidgets(api, { schema: object({ spec: SPEC }) });
    for (const [spec, ...causes] of WRONG) {
      const { status, body } = await api.post(widgets.collection, widgets.object('w', { spec }));
      expect([spec, status, body.reason, body.details.kind, causesOf(body)]).toEqual([spec, 422, 'Invalid', 'Widget', causes.sort()]);
      if (causes.length === 1) expect(body.message).toBe(`Widget.${widgets.group} "w" is invalid: ${causes[0]!}`);
    }
    for (const [i, spec] of RIGHT.entries()) expect((await created(api, widgets.collection, widgets.object(`right-${i}`, { spec }))).spec).toEqual(spec);
  });

  test('what the schema does not know is pruned, unless it says to keep it', async () => {
    const { api } = server();
    const schema = object({ spec: object({
      known: { type: 'string' }, kept: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true, properties: { typed: object({ a: { type: 'string' } }) } },
      embedded: { type: 'object', 'x-kubernetes-embedded-resource': true, 'x-kubernetes-preserve-unknown-fields': true }, empty: { type: 'object' },
    }) });
    const widgets = await defineWidgets(api, { schema });
    const spec = { known: 'a', unknown: 'b', kept: { anything: [1, { x: null }], typed: { a: 'b', c: 'd' } }, embedded: { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'x', odd: 1 }, spec: { a: 1 } }, empty: { x: 1 } };
    const body = await created(api, widgets.collection, widgets.object('w', { spec, surprise: 1 }));
    expect(body.spec).toEqual({ known: 'a', kept: { anything: [1, { x: null }], typed: { a: 'b' } }, embedded: { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'x' }, spec: { a: 1 } }, empty: {} });
    expect(body).not.toHaveProperty('surprise');
    const strict = await api.post(`${widgets.collection}?fieldValidation=Strict`, widgets.object('x', { spec, surprise: 1 }));
    expect([strict.status, strict.body.message]).toEqual([400, expect.stringContaining('unknown field "spec.kept.typed.c", unknown field "spec.unknown", unknown field "surprise"')]);
  });

  test('defaults are filled in, also inside, and nulls where null is not allowed are dropped', async () => {
    const { api } = server();
    const schema = object({ spec: object({
      mode: { type: 'string', default: 'Never' }, inner: object({ size: { type: 'integer', default: 26 }, name: { type: 'string' } }, { default: {} }), maybe: { type: 'string', nullable: true, default: 'x' },
      list: { type: 'array', items: object({ port: { type: 'integer', default: 179 } }) }, plain: { type: 'string' },
    }, { default: {} }) });
    const widgets = await defineWidgets(api, { schema });
    expect((await created(api, widgets.collection, widgets.object('a'))).spec).toEqual({ mode: 'Never', inner: { size: 26 }, maybe: 'x' });
    const given = { mode: null, inner: { name: 'n' }, maybe: null, list: [{}, { port: 1 }], plain: null };
    expect((await created(api, widgets.collection, widgets.object('b', { spec: given }))).spec).toEqual({ mode: 'Never', inner: { size: 26, name: 'n' }, maybe: null, list: [{ port: 179 }, { port: 1 }] });
  });

  test('64-bit integers come back digit for digit, by every way of writing', async () => {
    const { api } = server();
    const schema = object({ spec: object({ sequenceNumber: { type: 'integer', format: 'int64' }, text: { type: 'string' }, free: { 'x-kubernetes-preserve-unknown-fields': true } }) });
    const widgets = await defineWidgets(api, { schema });
    const spec = { sequenceNumber: LONG, free: { max: 9223372036854775807n, min: -9223372036854775808n, list: [LONG] } };
    const path = `${widgets.collection}/w`;
    const first = await created(api, widgets.collection, widgets.object('w', { spec }));
    expect(first.spec).toEqual(spec);
    const second = (await api.put(path, { ...first, spec: { ...spec, sequenceNumber: LONG + 1n } })).body;
    expect(second.spec.sequenceNumber).toBe(LONG + 1n);
    expect((await api.patch(path, MERGE, { spec: { text: 'a' } })).body.spec.sequenceNumber).toBe(LONG + 1n);
    expect((await api.patch(path, JSON_PATCH, [{ op: 'test', path: '/spec/sequenceNumber', value: LONG + 1n }, { op: 'replace', path: '/spec/sequenceNumber', value: LONG + 2n }])).body.spec.sequenceNumber).toBe(LONG + 2n);
    using watch = await api.watch(`${widgets.collection}?watch=1&resourceVersion=${second.metadata.resourceVersion}`);
    expect((await watch.next())!.object.spec.sequenceNumber).toBe(LONG + 1n);
    expect((await api.get(widgets.collection)).text).toContain(`"sequenceNumber":${LONG + 2n}`);
  });

  test('the status is apart where the definition says so', async () => {
    const { api } = server();
    const widgets = await defineWidgets(api, { schema: object({ spec: object({ n: { type: 'integer' } }), status: object({ word: { type: 'string' } }) }), version: { subresources: { status: {} } } });
    const path = `${widgets.collection}/w`;
    const first = await created(api, widgets.collection, widgets.object('w', { spec: { n: 1 }, status: { word: 'mine' } }));
    expect([first.status, first.metadata.generation]).toEqual([undefined, 1]);
    const status = (await api.patch(`${path}/status`, MERGE, { status: { word: 'told' }, spec: { n: 9 }, metadata: { labels: { a: 'b' } } })).body;
    expect([status.status, status.spec, status.metadata.labels, status.metadata.generation]).toEqual([{ word: 'told' }, { n: 1 }, undefined, 1]);
    const spec = (await api.patch(path, MERGE, { status: { word: 'changed' }, spec: { n: 2 }, metadata: { labels: { a: 'b' } } })).body;
    expect([spec.status, spec.spec, spec.metadata.labels, spec.metadata.generation]).toEqual([{ word: 'told' }, { n: 2 }, { a: 'b' }, 2]);
    expect((await api.put(`${path}/status`, { ...first, status: { word: 'late' } })).status).toBe(409);
    const plain = await defineWidgets(api);
    expect((await api.get(`${plain.collection}/w/status`)).status).toBe(404);
  });

  test('two versions of one kind share their objects; the stored version decides what is kept', async () => {
    const { api } = server();
    const group = `${unique('g')}.example`;
    const version = (name: string, storage: boolean, properties: Record<string, unknown>): unknown => ({ name, served: true, storage, deprecated: !storage, schema: { openAPIV3Schema: object(properties) } });
    await created(api, DEFINITIONS, {
      apiVersion: 'apiextensions.k8s.io/v1', kind: 'CustomResourceDefinition', metadata: { name: `things.${group}` },
      spec: { group, scope: 'Namespaced', names: { plural: 'things', kind: 'Thing' }, versions: [version('v1', false, { a: { type: 'string' }, old: { type: 'string' } }), version('v2', true, { a: { type: 'string' }, fresh: { type: 'string', default: 'f' } })] },
    });
    const path = (v: string): string => `/apis/${group}/${v}/namespaces/default/things`;
    await untilServed(api, path('v1'));
    await untilServed(api, path('v2'));
    const made = await api.post(path('v1'), { apiVersion: `${group}/v1`, kind: 'Thing', metadata: { name: 't' }, a: 'x', old: 'y' });
    expect(made.body).toMatchObject({ apiVersion: `${group}/v1`, a: 'x' });
    expect(made.headers.warning).toContain(`${group}/v1 Thing is deprecated; use ${group}/v2 Thing`);
    expect((await api.get(`${path('v2')}/t`)).body).toMatchObject({ apiVersion: `${group}/v2`, a: 'x', fresh: 'f' });
    await api.patch(`${path('v2')}/t`, MERGE, { a: 'z' });
    const old = (await api.get(`${path('v1')}/t`)).body;
    expect([old.a, old.old, old.fresh]).toEqual(['z', undefined, undefined]);
    expect((await api.get(`/apis/${group}`)).body.preferredVersion.version).toBe('v2');
  });

  test('rules are checked where the schema states them, those about changes on updates only', async () => {
    const { api } = server();
    const rule = (text: string, message?: string, rest: Record<string, unknown> = {}): Record<string, unknown> => ({ 'x-kubernetes-validations': [{ rule: text, ...(message === undefined ? {} : { message }), ...rest }] });
    const widgets = await defineWidgets(api, { schema: object({ spec: object({
      min: { type: 'integer' }, max: { type: 'integer' }, cidr: { type: 'string', maxLength: 64, ...rule('isCIDR(self) && cidr(self) == cidr(self).masked()', 'not a prefix') }, fixed: { type: 'string', maxLength: 20, ...rule('self == oldSelf', 'cannot change') },
      inner: object({ on: { type: 'boolean' } }, rule('has(self.on) && self.on', undefined, { reason: 'FieldValueForbidden', fieldPath: '.on' })),
    }, rule('!has(self.min) || !has(self.max) || self.min <= self.max', 'min is above max')) }) });
    const cases = [
      [{ min: 2, max: 1 }, 'spec: Invalid value: "object": min is above max'], [{ cidr: '10.0.0.1/8' }, 'spec.cidr: Invalid value: "string": not a prefix'],
      [{ inner: { on: false } }, 'spec.inner.on: Forbidden: failed rule: has(self.on) && self.on'],
    ] as const;
    for (const [spec, cause] of cases) expect([spec, causesOf((await api.post(widgets.collection, widgets.object('w', { spec }))).body)]).toEqual([spec, [cause]]);
    expect(causesOf((await api.post(widgets.collection, widgets.object('w', { spec: { min: 'x', cidr: 'y' } }))).body)).toEqual([
      '<nil>: Invalid value: null: some validation rules were not checked because the object was invalid; correct the existing errors to complete validation', 'spec.min: Invalid value: "string": spec.min in body must be of type integer: "string"',
    ]);
    await created(api, widgets.collection, widgets.object('w', { spec: { min: 1, max: 1, cidr: '10.0.0.0/8', fixed: 'a', inner: { on: true } } }));
    expect(causesOf((await api.patch(`${widgets.collection}/w`, MERGE, { spec: { fixed: 'b' } })).body)).toEqual(['spec.fixed: Invalid value: "string": cannot change']);
    expect((await api.patch(`${widgets.collection}/w`, MERGE, { spec: { max: 5 } })).status).toBe(200);
  });

  test('a changed schema holds for what is written from then on, and its defaults show in what was there', async () => {
    const { api } = server();
    const widgets = await defineWidgets(api, { schema: object({ spec: object({ n: { type: 'integer' } }) }) });
    await created(api, widgets.collection, widgets.object('old', { spec: { n: 50 } }));
    const path = '/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties';
    expect((await api.patch(widgets.definition, JSON_PATCH, [{ op: 'add', path: `${path}/n/maximum`, value: 10 }, { op: 'add', path: `${path}/mode`, value: { type: 'string', default: 'd' } }])).status).toBe(200);
    await eventually(10_000, async () => { expect((await api.get(`${widgets.collection}/old`)).body.spec).toEqual({ n: 50, mode: 'd' }); });
    expect((await api.post(widgets.collection, widgets.object('new', { spec: { n: 50 } }))).status).toBe(422);
    const kept = await api.patch(`${widgets.collection}/old`, MERGE, { metadata: { labels: { a: 'b' } } });
    expect([kept.status, kept.body.spec.n]).toEqual([200, 50]); // what was bad before and is not touched may stay
    expect((await api.patch(`${widgets.collection}/old`, MERGE, { spec: { n: 51 } })).status).toBe(422);
  });

  test('a definition says what became of it, and deleting it deletes its objects', async () => {
    const { api } = server();
    const widgets = await defineWidgets(api);
    const { status } = (await api.get(widgets.definition)).body;
    expect(status.conditions.map((c: Body) => [c.type, c.status, c.reason]).sort()).toEqual([['Established', 'True', 'InitialNamesAccepted'], ['NamesAccepted', 'True', 'NoConflicts']]);
    expect(status).toMatchObject({ acceptedNames: { plural: 'widgets', singular: 'widget', kind: 'Widget', listKind: 'WidgetList' }, storedVersions: ['v1'] });
    await created(api, widgets.collection, widgets.object('w', {}));
    expect((await api.delete(widgets.definition)).body).toMatchObject({ kind: 'CustomResourceDefinition', metadata: { deletionTimestamp: expect.any(String), finalizers: ['customresourcecleanup.apiextensions.k8s.io'] } });
    await eventually(15_000, async () => { expect([(await api.get(widgets.definition)).status, (await api.get(widgets.collection)).status]).toEqual([404, 404]); });
    expect((await api.post(DEFINITIONS, { apiVersion: 'apiextensions.k8s.io/v1', kind: 'CustomResourceDefinition', metadata: { name: `widgets.${widgets.group}` }, spec: { group: widgets.group, scope: 'Cluster', names: { plural: 'widgets', kind: 'Widget' }, versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: object({}) } }] } })).status).toBe(201);
    await untilServed(api, widgets.collection);
    expect((await api.get(widgets.collection)).body.items).toEqual([]);
  });

  test('names that another kind of the group has are not accepted', async () => {
    const { api } = server();
    const widgets = await defineWidgets(api);
    const name = `gadgets.${widgets.group}`;
    await created(api, DEFINITIONS, { apiVersion: 'apiextensions.k8s.io/v1', kind: 'CustomResourceDefinition', metadata: { name }, spec: { group: widgets.group, scope: 'Cluster', names: { plural: 'gadgets', kind: 'Widget' }, versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: object({}) } }] } });
    await eventually(10_000, async () => {
      const { status } = (await api.get(`${DEFINITIONS}/${name}`)).body;
      expect(status.conditions.map((c: Body) => [c.type, c.status, c.reason]).sort()).toEqual([['Established', 'False', 'NotAccepted'], ['NamesAccepted', 'False', 'ListKindConflict']]);
    });
    expect((await api.get(`/apis/${widgets.group}/v1/gadgets`)).status).toBe(404);
  });

  test('definitions that make no sense are refused', async () => {
    const { api } = server();
    const group = `${unique('g')}.example`;
    const define = (names: Record<string, unknown>, schema: unknown, name = `bads.${group}`): Promise<{ status: number; body: Body }> => api.post(DEFINITIONS, {
      apiVersion: 'apiextensions.k8s.io/v1', kind: 'CustomResourceDefinition', metadata: { name }, spec: { group, scope: 'Cluster', names: { plural: 'bads', kind: 'Bad', ...names }, versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: schema } }] },
    });
    const where = 'spec.validation.openAPIV3Schema';
    const cases = [
      [await define({}, object({}), `other.${group}`), 'metadata.name: Invalid value: '],
      [await define({ kind: 'bad kind' }, object({})), 'spec.names.kind: Invalid value: "bad kind"'],
      [await define({}, { properties: { a: { type: 'string' } } }), `${where}.type: Required value: must not be empty at the root`],
      [await define({}, object({ a: {} })), `${where}.properties[a].type: Required value: must not be empty for specified object fields`],
      [await define({}, object({ a: { type: 'text' } })), `${where}.properties[a].type: Unsupported value: "text"`],
      [await define({}, object({ a: { type: 'array', items: { type: 'string' }, 'x-kubernetes-list-type': 'map' } })), `${where}.properties[a].x-kubernetes-list-map-keys: Required value`],
    ] as const;
    for (const [reply, message] of cases) expect([reply.status, reply.body.message]).toEqual([422, expect.stringContaining(message)]);
  });

  test('the project\'s own definitions are accepted, and their objects keep every field', async () => {
    const { api } = server();
    for (const edition of ['v1', 'v3']) {
      const folder = join(import.meta.dirname, '../../deploy/crds', edition);
      for (const file of readdirSync(folder)) {
        const definition = parse(readFileSync(join(folder, file), 'utf8'));
        const reply = await api.post(DEFINITIONS, definition);
        expect([file, reply.status === 409 ? 201 : reply.status, reply.body.message ?? '']).toEqual([file, 201, reply.status === 409 ? reply.body.message : '']);
      }
    }
    await untilServed(api, '/apis/crd.projectcalico.org/v1/ippools');
    await untilServed(api, '/apis/crd.projectcalico.org/v1/ipamblocks');
    const pool = { apiVersion: 'crd.projectcalico.org/v1', kind: 'IPPool', metadata: { name: unique('pool') }, spec: { cidr: '10.44.0.0/16', blockSize: 26, ipipMode: 'Never', vxlanMode: 'Never', natOutgoing: false, nodeSelector: 'all()', allowedUses: ['Workload', 'Tunnel'] } };
    expect((await created(api, '/apis/crd.projectcalico.org/v1/ippools', pool)).spec).toMatchObject(pool.spec);
    const block = {
      apiVersion: 'crd.projectcalico.org/v1', kind: 'IPAMBlock', metadata: { name: unique('10-44-0-0-26') },
      spec: { cidr: '10.44.0.0/26', affinity: 'host:n1', allocations: [0, null, null], attributes: [{ handle_id: 'h', secondary: { node: 'n1' } }], deleted: false, sequenceNumber: LONG, sequenceNumberForAllocation: { 0: LONG }, strictAffinity: false, unallocated: [1, 2] },
    };
    expect((await created(api, '/apis/crd.projectcalico.org/v1/ipamblocks', block)).spec).toEqual(block.spec);
  });
};
