/** The target's kernel routes, counted from outside. */
import { closeSync, openSync, readSync } from 'node:fs';
import { inNetns } from '../../sys/netns.ts';

/** Counts prefixes of the IPv4 FIB trie; a file opened once in the namespace, read again at offset 0. */
export class FibCounter implements Disposable {
  readonly #fd: number;
  readonly #buffer = Buffer.alloc(16_384);
  readonly base: number;

  constructor(namespace: string) {
    this.#fd = inNetns(`/run/netns/${namespace}`, () => openSync('/proc/thread-self/net/fib_triestat', 'r'));
    this.base = this.read();
  }

  /** Prefixes of the main table; the local one shares its trie as long as there are no rules, and is reported again. */
  read(): number {
    const length = readSync(this.#fd, this.#buffer, 0, this.#buffer.length, 0);
    return Number(/Main:[^]*?Prefixes:\s+(\d+)/.exec(this.#buffer.toString('latin1', 0, length))?.[1] ?? 0);
  }

  /** Resolves with performance.now() when `goal(count)` holds, or undefined after `timeoutMs`. */
  async wait(goal: (count: number) => boolean, timeoutMs: number): Promise<number | undefined> {
    const end = performance.now() + timeoutMs;
    while (performance.now() < end) {
      const before = performance.now();
      if (goal(this.read())) return performance.now();
      const took = performance.now() - before;
      await pause(Math.max(1, took * 4));
    }
    return undefined;
  }

  [Symbol.dispose](): void { closeSync(this.#fd); }
}

export const pause = (ms: number): Promise<void> => new Promise((resolve) => { setTimeout(resolve, ms); });

/** Waits for `condition`, looking every millisecond or so. False on timeout. */
export async function until(condition: () => boolean, timeoutMs: number): Promise<boolean> {
  const end = performance.now() + timeoutMs;
  while (!condition()) {
    if (performance.now() > end) return false;
    await pause(1);
  }
  return true;
}
