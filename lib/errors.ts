/** The three ways something can be wrong that is not a bug: bad input, the outside failing, a broken invariant. */

import { stringifyJson } from './json.ts';

/** One thing wrong with what a user wrote. The good part still applies. */
export interface Problem {
  /** Where: `BGPPeer/tor-1.spec.asNumber`. */
  readonly path: string;
  /** What was found and what was expected: `0 is not an AS number: expected 1..4294967295`. */
  readonly message: string;
}

export const showProblem = (p: Problem): string => `${p.path}: ${p.message}`;

/** Something outside this process failed. `code` is stable (`ROUTE_REPLACE`); `details` says with what it was tried. */
export class OperationError extends Error {
  readonly code: string;
  readonly details: Readonly<Record<string, unknown>>;
  constructor(code: string, details: Readonly<Record<string, unknown>> = {}, cause?: unknown) {
    const said = Object.entries(details).map(([k, v]) => `${k}=${typeof v === 'string' ? v : stringifyJson(v)}`).join(' ');
    super(`${code}${said === '' ? '' : ` (${said})`}${cause === undefined ? '' : `: ${messageOf(cause)}`}`, { cause });
    this.name = 'OperationError';
    this.code = code;
    this.details = details;
  }
}

export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** Why the outside failed: the words of `details.reason` where there are any, else the whole message. */
export const reasonOf = (error: unknown): string =>
  (error instanceof OperationError && typeof error.details['reason'] === 'string' ? error.details['reason'] : messageOf(error));

/** A broken invariant ends the process: it restarts from kernel and API state, which is the tested path anyway. */
export function assertNever(value: never): never {
  throw new Error(`unexpected value: ${JSON.stringify(value)}`);
}
