/** ClusterInformation: which cluster this is, and whether its datastore may be used. */
import { bool, text } from '../schema/schema.ts';
import { object } from '../schema/structure.ts';
import { kind, type ResourceOf } from './kind.ts';

export const CLUSTER_INFORMATION = kind({
  kind: 'ClusterInformation', plural: 'clusterinformations', singular: 'clusterinformation',
  shortNames: ['clusterinfo', 'clusterinfos'], onlyName: 'default',
  spec: object({
    clusterGUID: text(),
    /** Comma-separated words; `kdd` last where Kubernetes is the datastore. */
    clusterType: text(),
    calicoVersion: text(),
    /** False: the datastore is locked, pods get no addresses. */
    datastoreReady: bool,
    variant: text(),
  }),
  columns: [
    { name: 'Version', type: 'string', jsonPath: '.spec.calicoVersion' },
    { name: 'Ready', type: 'boolean', jsonPath: '.spec.datastoreReady' },
    { name: 'Types', type: 'string', jsonPath: '.spec.clusterType' },
  ],
});
export type ClusterInformation = ResourceOf<typeof CLUSTER_INFORMATION>;
