/** The one door to time. Tests pass a clock they advance by hand. */

export interface TimerHandle { readonly [Symbol.dispose]: () => void }

export interface Clock {
  /** Monotonic milliseconds; for durations. */
  now(): number;
  /** Wall clock, milliseconds since 1970; for timestamps shown to people. */
  wallTime(): number;
  /** Calls back once after `ms`; the handle cancels. The timer never keeps the process alive by itself in tests. */
  after(ms: number, callback: () => void): TimerHandle;
}
