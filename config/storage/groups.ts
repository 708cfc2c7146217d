/** Which of the two API groups a cluster keeps Calico's resources in, and what things are called there. */
import type { Group } from '../schema/schema.ts';
import { descriptionOf, type KindName } from '../kinds/kinds.ts';
import { GROUP_VERSIONS } from '../kinds/groups.ts';
import { namesIn } from '../kinds/kind.ts';

export type { Group } from '../schema/schema.ts';
export { GROUP_VERSIONS } from '../kinds/groups.ts';

/**
 * The group to store in, from the names of the API groups that are served: v3 only where `projectcalico.org` is served
 * and `crd.projectcalico.org` is not. Both together are Calico's API server in front of v1 resources, which are the storage.
 */
export function storageGroup(servedGroups: Iterable<string>): Group {
  const served = new Set(servedGroups);
  return served.has(GROUP_VERSIONS.v3.group) && !served.has(GROUP_VERSIONS.v1.group) ? 'v3' : 'v1';
}

/** How the API server calls a kind's collection; has the shape of `sys/kube`'s Resource. */
export interface ResourceRef {
  readonly group: string;
  readonly version: string;
  readonly plural: string;
  readonly namespaced: boolean;
}

export const resourceIn = (group: Group, kind: KindName): ResourceRef =>
  ({ ...GROUP_VERSIONS[group], plural: namesIn(descriptionOf(kind), group).plural, namespaced: false });

export const apiVersionIn = (group: Group): string => `${GROUP_VERSIONS[group].group}/${GROUP_VERSIONS[group].version}`;
