/** Exponential back-off with jitter, as a pure function of the attempt. */

export interface BackoffOptions {
  readonly firstMs: number;
  readonly maxMs: number;
  readonly factor?: number;
}

/**
 * Milliseconds to wait before attempt `attempt` (0 is the first retry).
 * `random` is in 0..1; the result lies in half to the whole of the step, so that many clients spread out.
 */
export function backoffMs(attempt: number, random: number, options: BackoffOptions): number {
  const step = Math.min(options.maxMs, options.firstMs * (options.factor ?? 2) ** Math.min(attempt, 60));
  return Math.round(step * (0.5 + random / 2));
}
