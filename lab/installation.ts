/** Where the programs that a lab runs are: this checkout's bundles, the C programs, kubectl. */
import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { OperationError } from '../lib/errors.ts';

/** The checkout: this file is in lab/ of it, or bundled in dist/. */
export const CHECKOUT = dirname(dirname(fileURLToPath(import.meta.url)));

/** The lab's own program, from lab/native. */
export const PROGRAM = join(CHECKOUT, 'build/lab-program');
/** The CNI executable, from cni/shim.c. */
export const SHIM = join(CHECKOUT, 'build/tortie-cni');
export const BUNDLE = join(CHECKOUT, 'dist/tortie.js');
export const CLI_BUNDLE = join(CHECKOUT, 'dist/tortiectl.js');
export const CRD_DIRECTORY = join(CHECKOUT, 'deploy/crds');
/** Debian's containernetworking-plugins. */
export const PLUGIN_DIRECTORY = '/usr/lib/cni';

/** `tortie …` as a command line; `source` runs the checkout's TypeScript instead of the bundle. */
export const tortie = (source: boolean): string[] => (source
  ? [process.execPath, '--disable-warning=ExperimentalWarning', join(CHECKOUT, 'main.ts')]
  : [process.execPath, '--disable-warning=ExperimentalWarning', BUNDLE]);

export const tortiectl = (): string[] => [process.execPath, '--disable-warning=ExperimentalWarning',
  existsSync(CLI_BUNDLE) && process.env['TORTIE_LAB_SOURCE'] !== '1' ? CLI_BUNDLE : join(CHECKOUT, 'cli/main.ts')];

export function kubectlPath(): string {
  const cache = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'tortie');
  const own = join(cache, 'kubectl/bin/kubectl');
  return existsSync(own) ? own : 'kubectl';
}

/** Throws OperationError LAB_INSTALLATION, naming what is missing and what makes it. */
export function checkInstallation(source: boolean): void {
  if (process.getuid?.() !== 0) throw new OperationError('LAB_INSTALLATION', { missing: 'root: namespaces are made' });
  const needed = [PROGRAM, SHIM, ...(source ? [] : [BUNDLE])];
  const missing = needed.filter((path) => !existsSync(path));
  if (missing.length > 0) throw new OperationError('LAB_INSTALLATION', { missing: missing.join(', '), do: 'npm run build' });
}
