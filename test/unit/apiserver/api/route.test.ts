import { expect, test } from '@jest/globals';
import { routeOf } from '../../../../apiserver/api/route.ts';

const resource = { kind: 'resource', group: '', version: 'v1', namespace: undefined, name: undefined, subresource: undefined, rest: '' };

test.each<[string, object]>([
  ['/healthz', { kind: 'health' }], ['/version', { kind: 'version' }], ['/api', { kind: 'api' }], ['/apis/', { kind: 'apis' }], ['/apis/apps', { kind: 'group', group: 'apps' }], ['/apis/apps/v1', { kind: 'groupVersion', group: 'apps', version: 'v1' }], ['/api/v1', { kind: 'groupVersion', group: '', version: 'v1' }],
  ['/openapi/v2', { kind: 'openapi2' }], ['/openapi/v3/apis/apps/v1', { kind: 'openapi3Group', group: 'apps', version: 'v1' }],
  ['/api/v1/nodes', { ...resource, plural: 'nodes' }], ['/api/v1/nodes/n/status', { ...resource, plural: 'nodes', name: 'n', subresource: 'status' }],
  ['/api/v1/namespaces', { ...resource, plural: 'namespaces' }], ['/api/v1/namespaces/a', { ...resource, plural: 'namespaces', name: 'a' }], ['/api/v1/namespaces/a/status', { ...resource, plural: 'namespaces', name: 'a', subresource: 'status' }],
  ['/api/v1/namespaces/a/pods/p', { ...resource, namespace: 'a', plural: 'pods', name: 'p' }], ['/api/v1/namespaces/a/pods/p%3A80', { ...resource, namespace: 'a', plural: 'pods', name: 'p:80' }],
  ['/api/v1/namespaces/a/pods/http:p:80/proxy/x/y/', { ...resource, namespace: 'a', plural: 'pods', name: 'http:p:80', subresource: 'proxy', rest: '/x/y/' }],
  ['/apis/g.example/v1/namespaces/a/things', { ...resource, group: 'g.example', namespace: 'a', plural: 'things' }],
  ['/', { kind: 'unknown' }], ['', { kind: 'unknown' }], ['/api/v1/nodes/%zz', { kind: 'unknown' }], ['/api/v1/nodes/%00', { kind: 'unknown' }], ['/api/v1/nodes/a/b/c', { kind: 'unknown' }], ['/metrics', { kind: 'unknown' }],
])('%s', (path, expected) => { expect(routeOf(path)).toEqual(expected); });
