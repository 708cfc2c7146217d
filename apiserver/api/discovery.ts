/** Discovery: which groups, versions and resources there are, in the old form and the aggregated one. */
import { apiVersionOf, type ResourceType } from '../kinds/resource-type.ts';
import type { Registry } from '../kinds/registry.ts';

const VERBS = ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch'] as const;
const STATUS_VERBS = ['get', 'patch', 'update'] as const;
/** Namespaces go one by one. */
const verbsOf = (type: ResourceType): readonly string[] => (type.group === '' && type.plural === 'namespaces' ? VERBS.filter((v) => v !== 'deletecollection') : VERBS);
const isPods = (type: ResourceType): boolean => type.group === '' && type.plural === 'pods';
const PROXY_VERBS = ['create', 'delete', 'get', 'patch', 'update'] as const;

interface Subresource { readonly name: string; readonly kind: string; readonly verbs: readonly string[] }
const subresourcesOf = (type: ResourceType): Subresource[] => [
  ...(isPods(type) ? [{ name: 'binding', kind: 'Binding', verbs: ['create'] }, { name: 'proxy', kind: 'PodProxyOptions', verbs: PROXY_VERBS }] : []),
  ...(type.status ? [{ name: 'status', kind: type.kind, verbs: STATUS_VERBS }] : []),
];

export const apiVersions = (): unknown => ({ kind: 'APIVersions', versions: ['v1'], serverAddressByClientCIDRs: [] });

export const groupList = (registry: Registry): unknown => ({ kind: 'APIGroupList', apiVersion: 'v1', groups: registry.groups().filter((g) => g !== '').map((g) => groupOf(registry, g)) });

/** undefined when there is no such group. */
export function apiGroup(registry: Registry, group: string): unknown {
  return group === '' || registry.versions(group).length === 0 ? undefined : { kind: 'APIGroup', apiVersion: 'v1', ...groupOf(registry, group) };
}

function groupOf(registry: Registry, group: string): { name: string; versions: unknown[]; preferredVersion: unknown } {
  const versions = registry.versions(group).map((version) => ({ groupVersion: `${group}/${version}`, version }));
  return { name: group, versions, preferredVersion: versions[0] };
}

/** undefined when the version is not served. */
export function resourceList(registry: Registry, group: string, version: string): unknown {
  const types = registry.inVersion(group, version);
  if (types.length === 0) return undefined;
  const sorted = types.toSorted((a, b) => (a.plural < b.plural ? -1 : 1));
  return {
    kind: 'APIResourceList', apiVersion: 'v1', groupVersion: apiVersionOf({ group, version }),
    resources: sorted.flatMap((type) => [
      {
        name: type.plural, singularName: type.singular, namespaced: type.namespaced, kind: type.kind, verbs: verbsOf(type),
        ...(type.shortNames.length === 0 ? {} : { shortNames: type.shortNames }), ...(type.categories.length === 0 ? {} : { categories: type.categories }),
      },
      ...subresourcesOf(type).map((s) => ({ name: `${type.plural}/${s.name}`, singularName: '', namespaced: type.namespaced, kind: s.kind, verbs: s.verbs })),
    ]),
  };
}

/** Aggregated discovery (`apidiscovery.k8s.io/v2`) of the core group or of all others. */
export function aggregated(registry: Registry, core: boolean): unknown {
  return {
    kind: 'APIGroupDiscoveryList', apiVersion: 'apidiscovery.k8s.io/v2', metadata: {},
    items: registry.groups().filter((group) => (group === '') === core).map((group) => ({
      metadata: group === '' ? {} : { name: group },
      versions: registry.versions(group).map((version) => ({
        version, freshness: 'Current',
        resources: registry.inVersion(group, version).toSorted((a, b) => (a.plural < b.plural ? -1 : 1)).map(aggregatedResource),
      })),
    })),
  };
}

function aggregatedResource(type: ResourceType): unknown {
  const kindOf = (kind: string): unknown => ({ group: type.custom ? type.group : '', version: type.custom ? type.version : '', kind });
  return {
    resource: type.plural, responseKind: kindOf(type.kind), scope: type.namespaced ? 'Namespaced' : 'Cluster', singularResource: type.singular, verbs: verbsOf(type),
    ...(type.shortNames.length === 0 ? {} : { shortNames: type.shortNames }), ...(type.categories.length === 0 ? {} : { categories: type.categories }),
    ...(subresourcesOf(type).length === 0 ? {} : { subresources: subresourcesOf(type).map((s) => ({ subresource: s.name, responseKind: kindOf(s.kind), verbs: s.verbs })) }),
  };
}
