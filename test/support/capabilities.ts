/** What a test may need of the machine, and how to see that it is there. */
import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';

export interface Capability {
  readonly name: string;
  /** Why it is not there; undefined: it is. */
  missing(): string | undefined;
}

export const root: Capability = {
  name: 'root',
  missing: () => (process.getuid?.() === 0 ? undefined : `user id is ${process.getuid?.() ?? 'unknown'}`),
};

const SYSTEM_PATHS = ['/usr/sbin', '/sbin', '/usr/lib/frr', '/usr/lib/cni'];

/** A program on the path or where Debian puts daemons. */
export const program = (name: string): Capability => ({
  name,
  missing: () => (pathOf(name) === undefined ? 'program not installed' : undefined),
});

/** Absolute path of a program, or undefined. */
export function pathOf(name: string): string | undefined {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), ...SYSTEM_PATHS];
  return folders.map((f) => join(f, name)).find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** Network namespaces can be made here. */
export const namespaces: Capability = {
  name: 'network namespaces',
  missing: () => {
    const { status, stderr } = spawnSync('unshare', ['--net', 'true'], { encoding: 'utf8' });
    return status === 0 ? undefined : stderr.trim() || 'unshare --net failed';
  },
};

export const file = (path: string, what: string): Capability => ({
  name: what,
  missing: () => (existsSync(path) ? undefined : `${path} does not exist`),
});

/** Where set-up keeps what it downloads and builds outside the checkout. */
export const cacheDirectory = (): string => join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'tortie');

export const kubectlPath = (): string => join(cacheDirectory(), 'kubectl/bin/kubectl');
export const kubectl: Capability = file(kubectlPath(), 'kubectl');
