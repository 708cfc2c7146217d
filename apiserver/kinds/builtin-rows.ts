/** Which built-in kinds are served: one row a kind. Everything about them that is not here or in `strategies` comes from their schema. */

export interface BuiltinRow {
  readonly group: string;
  readonly version: string;
  readonly plural: string;
  readonly kind: string;
  readonly scope: 'Namespaced' | 'Cluster';
  readonly shortNames?: readonly string[];
  readonly categories?: readonly string[];
  /** Has a status subresource. */
  readonly status?: true;
  /** Counts changes of its desired state in `metadata.generation`. */
  readonly generation?: true;
  /** An update without resourceVersion is refused. */
  readonly conditionalUpdate?: true;
  /** DELETE answers with the deleted object instead of a Status. */
  readonly returnsDeleted?: true;
  /** Shown to clients as a warning. */
  readonly deprecation?: string;
  /** Name of the definition in the schema data. */
  readonly definition: string;
}

type Options = Partial<Omit<BuiltinRow, 'group' | 'version' | 'plural' | 'kind' | 'scope' | 'definition'>>;

function rows(group: string, version: string, definitions: string, scope: BuiltinRow['scope'], kinds: Readonly<Record<string, readonly [kind: string, options?: Options]>>): BuiltinRow[] {
  return Object.entries(kinds).map(([plural, [kind, options]]) => ({ group, version, plural, kind, scope, definition: `${definitions}.${kind}`, ...options }));
}

const ALL = { categories: ['all'] } as const;

export const BUILTIN_ROWS: readonly BuiltinRow[] = [
  ...rows('', 'v1', 'io.k8s.api.core.v1', 'Cluster', {
    namespaces: ['Namespace', { shortNames: ['ns'], status: true }],
    nodes: ['Node', { shortNames: ['no'], status: true }],
    persistentvolumes: ['PersistentVolume', { shortNames: ['pv'], status: true, returnsDeleted: true }],
  }),
  ...rows('', 'v1', 'io.k8s.api.core.v1', 'Namespaced', {
    configmaps: ['ConfigMap', { shortNames: ['cm'] }],
    endpoints: ['Endpoints', { shortNames: ['ep'], deprecation: 'v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice' }],
    events: ['Event', { shortNames: ['ev'] }],
    limitranges: ['LimitRange', { shortNames: ['limits'] }],
    persistentvolumeclaims: ['PersistentVolumeClaim', { shortNames: ['pvc'], status: true, returnsDeleted: true }],
    pods: ['Pod', { ...ALL, shortNames: ['po'], status: true, generation: true, returnsDeleted: true }],
    podtemplates: ['PodTemplate', { generation: true, returnsDeleted: true }],
    replicationcontrollers: ['ReplicationController', { ...ALL, shortNames: ['rc'], status: true, generation: true }],
    resourcequotas: ['ResourceQuota', { shortNames: ['quota'], status: true, returnsDeleted: true }],
    secrets: ['Secret'],
    serviceaccounts: ['ServiceAccount', { shortNames: ['sa'], returnsDeleted: true }],
    services: ['Service', { ...ALL, shortNames: ['svc'], status: true, returnsDeleted: true }],
  }),
  ...rows('apps', 'v1', 'io.k8s.api.apps.v1', 'Namespaced', {
    controllerrevisions: ['ControllerRevision'],
    daemonsets: ['DaemonSet', { ...ALL, shortNames: ['ds'], status: true, generation: true }],
    deployments: ['Deployment', { ...ALL, shortNames: ['deploy'], status: true, generation: true }],
    replicasets: ['ReplicaSet', { ...ALL, shortNames: ['rs'], status: true, generation: true }],
    statefulsets: ['StatefulSet', { ...ALL, shortNames: ['sts'], status: true, generation: true }],
  }),
  ...rows('networking.k8s.io', 'v1', 'io.k8s.api.networking.v1', 'Namespaced', {
    ingresses: ['Ingress', { shortNames: ['ing'], status: true, generation: true }],
    networkpolicies: ['NetworkPolicy', { shortNames: ['netpol'], generation: true }],
  }),
  ...rows('networking.k8s.io', 'v1', 'io.k8s.api.networking.v1', 'Cluster', { ingressclasses: ['IngressClass', { generation: true }] }),
  ...rows('policy', 'v1', 'io.k8s.api.policy.v1', 'Namespaced', {
    poddisruptionbudgets: ['PodDisruptionBudget', { shortNames: ['pdb'], status: true, generation: true, conditionalUpdate: true }],
  }),
  ...rows('rbac.authorization.k8s.io', 'v1', 'io.k8s.api.rbac.v1', 'Namespaced', { rolebindings: ['RoleBinding'], roles: ['Role'] }),
  ...rows('rbac.authorization.k8s.io', 'v1', 'io.k8s.api.rbac.v1', 'Cluster', { clusterrolebindings: ['ClusterRoleBinding'], clusterroles: ['ClusterRole'] }),
  ...rows('scheduling.k8s.io', 'v1', 'io.k8s.api.scheduling.v1', 'Cluster', { priorityclasses: ['PriorityClass', { shortNames: ['pc'], generation: true }] }),
  ...rows('coordination.k8s.io', 'v1', 'io.k8s.api.coordination.v1', 'Namespaced', { leases: ['Lease', { conditionalUpdate: true }] }),
  ...rows('discovery.k8s.io', 'v1', 'io.k8s.api.discovery.v1', 'Namespaced', { endpointslices: ['EndpointSlice', { generation: true }] }),
  ...rows('apiextensions.k8s.io', 'v1', 'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1', 'Cluster', {
    customresourcedefinitions: ['CustomResourceDefinition', { shortNames: ['crd', 'crds'], categories: ['api-extensions'], status: true, generation: true, conditionalUpdate: true }],
  }),
];
