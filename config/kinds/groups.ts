/** The two API groups that Calico's resources are stored in. */

/** Group and version as they stand in `apiVersion`. */
export const GROUP_VERSIONS = {
  v1: { group: 'crd.projectcalico.org', version: 'v1' },
  v3: { group: 'projectcalico.org', version: 'v3' },
} as const;
