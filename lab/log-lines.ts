/** The end of a log file. */
import { existsSync, readFileSync } from 'node:fs';

/** The last `count` lines; empty when there is no such file. */
export function lastLines(path: string, count: number): string {
  if (!existsSync(path)) return '';
  return readFileSync(path, 'utf8').trimEnd().split('\n').slice(-count).join('\n');
}
