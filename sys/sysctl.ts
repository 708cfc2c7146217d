/** Kernel settings under /proc/sys, read and written synchronously, so that `inNetns` can surround a call. */
import { readFileSync, writeFileSync } from 'node:fs';
import { OperationError } from '../lib/errors.ts';

/** A name with slashes (`net/ipv4/conf/cali01/rp_filter`), since interface names may hold dots. */
function pathOf(name: string): string {
  const parts = name.split('/');
  if (parts.length < 2 || parts.some((p) => !/^[\w.:@-]+$/.test(p) || p === '.' || p === '..')) {
    throw new OperationError('SYSCTL_NAME', { name }, new Error('expected names of letters, digits and _.:@- between slashes'));
  }
  return `/proc/sys/${name}`;
}

/** Its text without the line end. Throws OperationError SYSCTL_READ, or SYSCTL_NAME. */
export function readSysctl(name: string): string {
  const path = pathOf(name);
  try {
    return readFileSync(path, 'utf8').trim();
  } catch (error) {
    throw new OperationError('SYSCTL_READ', { name }, error);
  }
}

/** Throws OperationError SYSCTL_WRITE, or SYSCTL_NAME. */
export function writeSysctl(name: string, value: string | number): void {
  const path = pathOf(name);
  try {
    writeFileSync(path, String(value));
  } catch (error) {
    throw new OperationError('SYSCTL_WRITE', { name, value }, error);
  }
}

/** Writes only when the value differs; true when it did. Works where /proc/sys is read-only and already right. */
export function ensureSysctl(name: string, value: string | number): boolean {
  if (readSysctl(name) === String(value)) return false;
  writeSysctl(name, value);
  return true;
}
