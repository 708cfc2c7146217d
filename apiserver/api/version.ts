/** What `/version` says: the Kubernetes release whose behaviour is followed. */

export const serverVersion = {
  major: '1', minor: '34', gitVersion: 'v1.34.4+tortie', gitCommit: '', gitTreeState: '', buildDate: '1970-01-01T00:00:00Z',
  goVersion: '', compiler: 'node', platform: 'linux/amd64',
} as const;
