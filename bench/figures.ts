/** What benchmarks report: one figure beside a peer's, a line of the JSON file; and the middle of several runs. */
export interface FigureLine {
  readonly test: string;
  readonly what: string;
  readonly n: number;
  readonly ours: number;
  readonly peer: number | null;
  readonly peerName: string;
  readonly unit: string;
  /** Ours over the peer's; for rates the peer's over ours: smaller is better. */
  readonly ratio: number | null;
  readonly must?: number;
}

/** The upper one of the two in the middle, where their number is even. */
export const median = (numbers: readonly number[]): number => [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)]!;
