/** The versions of the CNI specification we speak. */
import { CNI_CODE, CniError } from './errors.ts';

/** Ascending. The shim answers VERSION with the same list. */
export const CNI_VERSIONS = ['0.3.1', '0.4.0', '1.0.0', '1.1.0'] as const;
export type CniVersion = (typeof CNI_VERSIONS)[number];

/** @throws {CniError} 1 on a version that is not ours; 7 on what is no text. */
export function readVersion(value: unknown): CniVersion {
  if (value === undefined || value === '') {
    throw new CniError(CNI_CODE.incompatibleVersion, `cniVersion is missing: expected one of ${CNI_VERSIONS.join(', ')}`);
  }
  if (typeof value !== 'string') {
    throw new CniError(CNI_CODE.badConfiguration, `cniVersion: ${JSON.stringify(value)} is not a text: expected one of ${CNI_VERSIONS.join(', ')}`);
  }
  const known = CNI_VERSIONS.find((v) => v === value);
  if (known === undefined) {
    throw new CniError(CNI_CODE.incompatibleVersion, `cniVersion: ${JSON.stringify(value)} is not supported: expected one of ${CNI_VERSIONS.join(', ')}`);
  }
  return known;
}

export const atLeast = (version: CniVersion, wanted: CniVersion): boolean => CNI_VERSIONS.indexOf(version) >= CNI_VERSIONS.indexOf(wanted);
