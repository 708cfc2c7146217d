/** What the rig asks the kernel: routes by link, route events, a link's state. */
import { spawn, execFileSync, type ChildProcess } from 'node:child_process';

/** IPv4 routes of the main table through a link, however many next hops they have. */
export function countVia(namespace: string, link: string): number {
  const out = execFileSync('ip', ['-n', namespace, '-4', 'route', 'show', 'dev', link], { maxBuffer: 1 << 28 });
  let lines = 0;
  for (let at = out.indexOf(10); at >= 0; at = out.indexOf(10, at + 1)) lines++;
  return lines;
}

export function setLink(namespace: string, link: string, up: boolean): void {
  execFileSync('ip', ['-n', namespace, 'link', 'set', link, up ? 'up' : 'down']);
}

/** Counts deletions that `ip monitor route` reports. */
export class RouteEvents implements Disposable {
  deleted = 0;
  readonly #monitor: ChildProcess;

  constructor(namespace: string) {
    this.#monitor = spawn('ip', ['-n', namespace, '-4', 'monitor', 'route'], { stdio: ['ignore', 'pipe', 'ignore'] });
    let rest = '';
    this.#monitor.stdout?.on('data', (chunk: Buffer) => {
      const lines = (rest + chunk.toString('latin1')).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) if (line.startsWith('Deleted')) this.deleted++;
    });
  }

  [Symbol.dispose](): void { this.#monitor.kill('SIGKILL'); }
}
