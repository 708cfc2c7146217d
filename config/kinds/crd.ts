/** The CustomResourceDefinition of a kind, in either group. */
import { defined, type Group, type OpenApi } from '../schema/schema.ts';
import { GROUP_VERSIONS } from './groups.ts';
import { namesIn, type Kind } from './kind.ts';

/** `kubectl apply` of this makes the API server serve the kind. */
export function crdOf(kind: Kind, group: Group): OpenApi {
  const names = namesIn(kind, group);
  const { group: apiGroup, version } = GROUP_VERSIONS[group];
  const native = group === 'v3';
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${names.plural}.${apiGroup}` },
    spec: {
      group: apiGroup,
      names: defined({
        kind: names.kind, listKind: `${names.kind}List`, plural: names.plural, singular: names.singular,
        shortNames: native ? kind.shortNames : undefined,
      }),
      scope: 'Cluster',
      versions: [defined({
        name: version, served: true, storage: true,
        additionalPrinterColumns: native ? kind.columns : undefined,
        subresources: kind.statusSubresource === true ? { status: {} } : undefined,
        schema: { openAPIV3Schema: schemaOf(kind, group) },
      })],
    },
  };
}

function schemaOf(kind: Kind, group: Group): OpenApi {
  const rules = (kind.rules ?? []).filter((r) => r.cel !== undefined)
    .map((r) => defined({ rule: r.cel, message: r.message, reason: r.reason }));
  return defined({
    type: 'object',
    properties: defined({
      apiVersion: { type: 'string' }, kind: { type: 'string' }, metadata: { type: 'object' },
      spec: kind.spec.openapi[group], status: kind.status?.openapi[group],
    }),
    // Old objects of the v1 group may lack a spec.
    required: group === 'v3' ? ['metadata', 'spec'] : undefined,
    'x-kubernetes-validations': rules.length > 0 ? rules : undefined,
  });
}
