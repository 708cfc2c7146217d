/** The version of this build: what `tortiectl version`, the CNI result and status answers say. */
export const VERSION = 'v0.1.0';
