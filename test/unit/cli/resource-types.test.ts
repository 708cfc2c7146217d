import { expect, test } from '@jest/globals';
import { RESOURCE_TYPES, resourceType, typeOfKind } from '../../../cli/resource-types.ts';
import { unknownFields } from '../../../cli/unknown-fields.ts';
import { IP_POOL } from '../../../config/kinds/ip-pool.ts';
import { parseResource, type KindName } from '../../../config/kinds/kinds.ts';
import { nodeFrom } from '../../../cli/nodes.ts';

const row = (kind: KindName, spec: object, wide = false): readonly string[] => {
  const type = typeOfKind(kind)!;
  const { value } = parseResource(kind, { metadata: { name: 'x' }, spec });
  return ((wide ? type.wide : undefined) ?? type.plain).row(value as never, { globalAsn: '64512' });
};

test('each name belongs to one kind, in any case', () => {
  const names = RESOURCE_TYPES.flatMap((t) => t.names);
  expect(new Set(names).size).toBe(names.length);
  expect(resourceType('IPPools').kind).toBe('IPPool');
  expect(() => resourceType('gizmo')).toThrow(/"gizmo" is not known: expected one of .*ippool/);
});

test('rows show what calicoctl shows', () => {
  expect(row('IPPool', { cidr: '10.244.0.0/16' }, true)).toEqual(['x', '10.244.0.0/16', 'false', 'Never', 'Never', 'false', 'false', 'all()', 'Automatic']);
  expect(row('BGPConfiguration', {})).toEqual(['x', 'Info', '-', '-']);
  expect(row('BGPConfiguration', { asNumber: 65001, nodeToNodeMeshEnabled: false })).toEqual(['x', 'Info', 'false', '65001']);
  expect(row('BGPPeer', { peerIP: '192.0.2.1', asNumber: 65000 })).toEqual(['x', '192.0.2.1', '(global)', '65000']);
  expect(row('BGPPeer', { peerIP: '192.0.2.1', asNumber: 65000, nodeSelector: 'rack == "a"' })[2]).toBe('rack == "a"');
});

test('a node without an AS number of its own shows the cluster\'s in brackets', () => {
  const columns = typeOfKind('Node')!.wide!;
  const annotations = { 'projectcalico.org/IPv4Address': '10.200.0.11/24' };
  const node = (more: object): never => nodeFrom({ apiVersion: 'v1', kind: 'Node', metadata: { name: 'n1', annotations: { ...annotations, ...more } } }).value as never;
  expect(columns.row(node({}), { globalAsn: '64512' })).toEqual(['n1', '(64512)', '10.200.0.11/24', '']);
  expect(columns.row(node({ 'projectcalico.org/ASNumber': '65001' }), { globalAsn: '64512' })[1]).toBe('65001');
});

test('a mistyped field is found wherever it stands', () => {
  expect(unknownFields(IP_POOL.spec.openapi.v3, { cidr: '10.0.0.0/8', blocksize: 26 }, 'spec')).toEqual(['spec.blocksize']);
  expect(unknownFields(IP_POOL.spec.openapi.v3, { cidr: '10.0.0.0/8', blockSize: 26 }, 'spec')).toEqual([]);
});
