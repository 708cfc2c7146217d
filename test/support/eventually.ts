/** Waits for something to become true, without a fixed sleep. */

/**
 * Runs `attempt` until it does not throw, at first often, then every 50 ms, for at most `ms`, and returns its result.
 * At the end the last failure is thrown with the time that was given.
 */
export async function eventually<T>(ms: number, attempt: () => T | Promise<T>): Promise<T> {
  const end = performance.now() + ms;
  for (let pause = 2; ; pause = Math.min(50, pause * 2)) {
    try {
      return await attempt();
    } catch (error) {
      if (performance.now() >= end) throw new Error(`not within ${ms} ms: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
    }
    await new Promise((resolve) => { setTimeout(resolve, pause); });
  }
}
