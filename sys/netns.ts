/** Runs a piece of code in another network namespace, on this thread, without another process. */
import { closeSync, openSync } from 'node:fs';
import { OperationError } from '../lib/errors.ts';
import { CLONE_NEWNET, errnoName, setns } from './native.ts';

/**
 * Runs `body` with the calling thread in the network namespace of a file descriptor or path, and returns its result.
 * Sockets opened inside stay in that namespace for ever; 4 µs there and back.
 *
 * `body` must be strictly synchronous: no promise (refused), no callbacks for later, no child process and no worker
 * inside, because what starts there would inherit the namespace, and what the thread pool does would not.
 *
 * @throws {OperationError} NETNS_OPEN or NETNS_ENTER when it cannot get in. When it cannot get back out, the process
 * aborts: everything after would happen in the wrong network.
 */
export function inNetns<T>(target: number | string, body: () => T): T {
  const home = openNetns('/proc/thread-self/ns/net');
  try {
    const fd = typeof target === 'number' ? target : openNetns(target);
    try {
      const entered = setns(fd, CLONE_NEWNET);
      if (entered < 0) throw new OperationError('NETNS_ENTER', { target, errno: errnoName(-entered) });
    } finally {
      if (fd !== target) closeSync(fd);
    }
    try {
      const result = body();
      if (result instanceof Promise) throw new OperationError('NETNS_ASYNC', { target }, new Error('the body returned a promise: it must be synchronous'));
      return result;
    } finally {
      if (setns(home, CLONE_NEWNET) < 0) process.abort();
    }
  } finally {
    closeSync(home);
  }
}

/** A file descriptor of a network namespace file; the caller closes it. Throws OperationError NETNS_OPEN. */
export function openNetns(path: string): number {
  try {
    return openSync(path, 'r');
  } catch (error) {
    throw new OperationError('NETNS_OPEN', { path }, error);
  }
}
